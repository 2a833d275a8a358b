"""From a model and records in the caller's memory to a target and a pool that fit each other.

Nothing is parsed and nothing is guessed: a DataFrame or an array has its types, and labels come apart
from the features. From there on everything is as with files (`inputs`), in the same order of
records, so that both give the same figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leakgauge.defences.output import settings_of
from leakgauge.errors import BadBundle, BadParameters, UnsupportedModel
from leakgauge.membership.inputs import Inputs, check_size, fitted_inputs
from leakgauge.membership.pooling import Side, groups_in
from leakgauge.parameters import InMemoryParameters
from leakgauge.report.model import Notice
from leakgauge.tables import Table
from leakgauge.tables.labels import named_list, places_among, shown_classes
from leakgauge.tables.records_in_memory import Records
from leakgauge.targets.function_recipe import Fit
from leakgauge.targets.functions import Takes
from leakgauge.targets.in_memory import open_in_memory
from leakgauge.targets.protocol import LARGEST_NUMBER, FloatArray, IntArray, TableTarget

_SIDES: Final = (("X_train", "y_train"), ("X_test", "y_test"), ("population[0]", "population[1]"))


@dataclass(frozen=True, slots=True)
class InMemory:
    """A model and its records in the caller's memory.

    Attributes
    ----------
    model
        a fitted classifier or regressor, or a function of rows.
    sides
        members, non-members and, where there are some, other records.
    fit
        how the model is trained again; None for a clone of an estimator.
    classes
        the labels in the order of a function's columns; None for sorted ones.
    """

    model: Any
    sides: tuple[Records, ...]
    fit: Fit | None = None
    classes: Sequence[Any] | None = None

    @classmethod
    def of(
        cls,
        model: Any,
        *pairs: tuple[Any, Any],
        fit: Fit | None = None,
        classes: Sequence[Any] | None = None,
    ) -> InMemory:
        """Of (features, labels) of members, non-members and perhaps other records; errors as `Records.of`.

        Raises
        ------
        BadBundle
            further `columns_differ`.
        BadParameters
            `fit` for one that is no function.
        """
        if fit is not None and not callable(fit):
            raise BadParameters.about(
                "fit",
                "not a function",
                problem="fit",
                message="fit is not a function.",
                hint="Give a function of rows and labels that trains a model and returns it.",
            )
        sides = [Records.of(x, y, *names) for (x, y), names in zip(pairs, _SIDES, strict=False)]
        return cls(model, tuple(_alike(sides)), fit, classes)

    @property
    def sha256(self) -> dict[str, str]:
        """Digests of the records; of the model there is none."""
        return {name: digest for side in self.sides for name, digest in side.sha256.items()}


def read_in_memory(source: InMemory, parameters: InMemoryParameters) -> Inputs:
    """Fit records to a model in memory, and ask it about every record.

    Raises
    ------
    LeakgaugeError
        for whatever does not fit.
    """
    asked_for = settings_of(parameters.defences)
    members = source.sides[0]
    for side in source.sides:
        check_size(side.name, len(side.frame))
    target = open_in_memory(
        source.model,
        members.frame,
        takes=members.takes,
        labels=members.y.dropna().tolist(),
        classes=source.classes,
        fit=source.fit,
    )
    notices: list[Notice] = []
    names = _features_of(target, members, parameters.group_column, notices)
    sides = [_side(side, names, target, parameters.group_column) for side in source.sides]
    if target.recipe is None and target.gives != "labels":
        notices.append(_NO_RECIPE)
    known = target.input_columns(len(names))
    return fitted_inputs(target, sides, known, parameters, notices, asked_for=asked_for)


_NO_RECIPE: Final = Notice(
    "no_recipe",
    "How the model was trained is not known, so it was compared with no reference models, the strongest "
    "attacks. Give `fit`, a function of rows and labels that trains such a model.",
)


def _features_of(
    target: TableTarget, members: Records, group: str | None, notices: list[Notice]
) -> tuple[Any, ...]:
    """The columns that the model takes, in its order, as they are called in the records."""
    columns = list(members.frame.columns)
    if group is not None and group not in columns:
        raise BadParameters.about(
            "group_column",
            f"no column called “{group}”",
            problem="unknown_column",
            message=f"{members.name} has no column called “{group}”, which group_column asks for.",
            hint="Pass a DataFrame that has it.",
        )
    wanted = target.feature_names
    if wanted is not None and members.takes == "frame" and set(wanted) <= set(columns):
        extra = [name for name in columns if name not in (*wanted, group)]
        if extra:
            notices.append(
                Notice("unused_columns", f"Not used by the model and left out: {named_list(extra)}.")
            )
        return tuple(wanted)
    if group is not None and target.n_features == len(columns) - 1:
        columns.remove(group)
    if wanted is not None and members.takes == "array" and len(wanted) != len(columns):
        raise UnsupportedModel(
            "columns_do_not_fit",
            f"The model was fitted on {len(wanted)} columns, and {members.name} has {len(columns)}.",
            hint="Pass the columns that the model was fitted on, in the same order.",
            details={"model_columns": len(wanted), "table_columns": len(columns)},
        )
    return tuple(columns)


def _side(records: Records, names: tuple[Any, ...], target: TableTarget, group: str | None) -> Side:
    features = records.frame[list(names)]
    if target.feature_names is not None and records.takes == "array":
        features = features.set_axis(list(target.feature_names), axis=1)
    table = Table(records.name, records.frame, has_header=True, warnings=(), lines=None)
    groups = None
    if group is not None:
        groups = groups_in(records.frame[group])
    y = _numbers(records) if target.gives == "predictions" else _positions(records, target.classes)
    return Side(table, features, y, groups)


def _numbers(records: Records) -> FloatArray:
    """(n,) the numbers that a regressor's labels are."""
    y = pd.to_numeric(records.y, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~(np.abs(y) <= LARGEST_NUMBER)
    if bad.any():
        raise BadBundle(
            "labels_not_numbers",
            f"{records.y_name} has {int(bad.sum()):,} of {len(y):,} labels that are no finite numbers up to "
            f"{LARGEST_NUMBER:g}, the first at position {int(np.argmax(bad))}; the model predicts numbers.",
            hint="Pass the numbers that the model was fitted on, or leave these records out.",
        )
    if y.min() == y.max():
        raise BadBundle(
            "one_label",
            f"Every label of {records.y_name} is the same.",
            hint="Pass records with different numbers.",
        )
    return y


def _positions(records: Records, classes: NDArray[Any]) -> IntArray:
    """(n,) positions in `classes` of the labels."""
    y = records.y
    absent = y.isna().to_numpy()
    if absent.any():
        raise BadBundle(
            "missing_labels",
            f"{records.y_name} has {int(absent.sum()):,} records without a label, the first at position "
            f"{int(np.argmax(absent))}.",
            hint="Fill them in, or leave these records out.",
        )
    positions = places_among(y, classes)
    unknown = positions < 0
    if unknown.any():
        raise BadBundle(
            "unknown_labels",
            f"{records.y_name} has {int(unknown.sum()):,} of {len(y):,} labels that are none of the model's "
            f"classes, the first at position {int(np.argmax(unknown))}.",
            hint=f"The model's classes are {shown_classes(classes)}. Code the labels as in training; "
            "for a function, name all of them in the order of its columns: classes=[...].",
        )
    if len(np.unique(positions)) < 2:
        raise BadBundle(
            "one_label",
            f"Every label of {records.y_name} is the same.",
            hint="Pass records of at least two classes.",
        )
    return positions


def _alike(sides: Sequence[Records]) -> list[Records]:
    """The records with the same columns in the same order, and the same categories in each."""
    members = sides[0]
    for other in sides[1:]:
        if other.takes != members.takes:
            raise BadBundle(
                "columns_differ",
                f"{members.name} and {other.name} are not of one kind: {_IN_WORDS[members.takes]} and "
                f"{_IN_WORDS[other.takes]}.",
                hint="Pass both in the form that the model takes.",
            )
        missing = [name for name in members.frame.columns if name not in other.frame.columns]
        if missing or len(other.frame.columns) != len(members.frame.columns):
            raise BadBundle(
                "columns_differ",
                f"{members.name} has {len(members.frame.columns)} columns, {other.name} has "
                f"{len(other.frame.columns)}{f'; it lacks {named_list(missing)}' if missing else ''}.",
                hint="Pass the same columns of all records.",
            )
    frames = [side.frame[list(members.frame.columns)] for side in sides]
    for name in members.frame.columns:
        _share_categories(frames, name)
    return [replace(side, frame=frame) for side, frame in zip(sides, frames, strict=True)]


_IN_WORDS: Final[Mapping[Takes, str]] = {"frame": "a DataFrame", "array": "an array", "texts": "texts"}


def _share_categories(frames: list[pd.DataFrame], name: Any) -> None:
    """Give a categorical column those categories of the first frame, then those of the others."""
    kinds = [frame[name].dtype for frame in frames]
    if not all(isinstance(kind, pd.CategoricalDtype) for kind in kinds) or len(set(kinds)) == 1:
        return
    categories = list(dict.fromkeys(value for kind in kinds for value in kind.categories))
    ordered = bool(kinds[0].ordered)
    for place, frame in enumerate(frames):
        frames[place] = frame.assign(**{name: frame[name].cat.set_categories(categories, ordered=ordered)})
