"""From a model and records in the caller's memory to a target and a pool that fit each other.

Nothing is parsed and nothing is guessed: a DataFrame or an array has its types, and labels come apart
from the features. From there on everything is as with files (`inputs`), in the same order of
records, so that both give the same figures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leakgauge.defences.output import settings_of
from leakgauge.errors import BadBundle, BadParameters, UnsupportedModel
from leakgauge.membership.columns import NAMED_AT_MOST
from leakgauge.membership.inputs import Inputs, check_size, fitted_inputs
from leakgauge.membership.labels import SHOWN_CLASSES, known_labels, named
from leakgauge.membership.pooling import Side
from leakgauge.membership.tables import Table
from leakgauge.parameters import InMemoryParameters
from leakgauge.report.model import Notice
from leakgauge.targets.function_recipe import Fit
from leakgauge.targets.functions import Takes
from leakgauge.targets.in_memory import open_in_memory
from leakgauge.targets.protocol import IntArray, TableTarget

_SIDES: Final = (("X_train", "y_train"), ("X_test", "y_test"), ("population[0]", "population[1]"))
_WAYS_IN: Final = {
    "torch": (
        "a PyTorch tensor",
        "Pass {name}.numpy(); a model that takes tensors is handed over as lambda X: "
        "model(torch.as_tensor(X, dtype=torch.float32)).softmax(dim=1).",
    ),
    "tensorflow": ("a TensorFlow tensor", "Pass {name}.numpy()."),
    "scipy": (
        "a sparse matrix",
        "Pass {name}.toarray(), of fewer records if need be: a model that was fitted on sparse rows takes "
        "dense ones too.",
    ),
    "polars": ("a Polars frame", "Pass {name}.to_pandas(), or {name}.to_numpy() as the model was fitted."),
    "pyarrow": ("a table of Arrow", "Pass {name}.to_pandas()."),
}
"""What is no DataFrame or array, by the package of its class: what it is, and what to do."""


@dataclass(frozen=True, slots=True)
class Records:
    """Records in memory.

    Attributes
    ----------
    name, y_name
        of features and labels, as the caller writes them.
    frame
        (n, d) features with a RangeIndex.
    y
        (n,) labels as they came.
    takes
        the form in which the caller holds the features.
    """

    name: str
    y_name: str
    frame: pd.DataFrame
    y: pd.Series[Any]
    takes: Takes

    @classmethod
    def of(cls, x: Any, y: Any, name: str, y_name: str) -> Records:
        """Features and labels as a caller holds them.

        Raises
        ------
        BadBundle
            `not_a_table`, `duplicate_columns`, `lengths_differ`, `labels_shape`.
        """
        frame, takes = _framed(x, name)
        labels = _labels(y, y_name)
        if len(frame) != len(labels):
            raise BadBundle(
                "lengths_differ",
                f"{name} has {len(frame):,} records and {y_name} {len(labels):,} labels.",
                hint="Pass one label for each record, in the same order; the index is not looked at.",
            )
        return cls(name, y_name, frame, labels, takes)

    @property
    def sha256(self) -> dict[str, str]:
        """Digests of features and labels."""
        hashable = self.frame.apply(lambda column: column if column.dtype.kind in "biuf" else column.map(str))
        return {
            self.name: _sha256(pd.util.hash_pandas_object(hashable, index=False)),
            self.y_name: _sha256(pd.util.hash_pandas_object(self.y.map(str), index=False)),
        }


@dataclass(frozen=True, slots=True)
class InMemory:
    """A model and its records in the caller's memory.

    Attributes
    ----------
    model
        a fitted classifier, or a function of rows.
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
        _in_form(members.frame, members.takes),
        takes=members.takes,
        labels=members.y.dropna().tolist(),
        classes=source.classes,
        fit=source.fit,
    )
    notices: list[Notice] = []
    names = _features_of(target, members, parameters.group_column, notices)
    sides = [_side(side, names, target, parameters.group_column) for side in source.sides]
    if target.recipe is None and target.has_probabilities:
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
            listed = ", ".join(named(name) for name in extra[:NAMED_AT_MOST])
            notices.append(Notice("unused_columns", f"Not used by the model and left out: {listed}."))
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
        groups = records.frame[group].astype(object).fillna("(missing)").astype(str).to_numpy(dtype=np.str_)
    return Side(table, features, _positions(records, target.classes), groups)


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
    found = known_labels(y, classes)
    positions: IntArray = y.map(found).fillna(-1).to_numpy(dtype=np.int64)
    unknown = positions < 0
    if unknown.any():
        shown = ", ".join(str(value) for value in classes[:SHOWN_CLASSES])
        more = ", …" if len(classes) > SHOWN_CLASSES else ""
        raise BadBundle(
            "unknown_labels",
            f"{records.y_name} has {int(unknown.sum()):,} of {len(y):,} labels that are none of the model's "
            f"classes, the first at position {int(np.argmax(unknown))}.",
            hint=f"The model's classes are {shown}{more}. Code the labels as in training; for a function, "
            "name all of them in the order of its columns: classes=[...].",
        )
    if len(np.unique(positions)) < 2:
        raise BadBundle(
            "one_label",
            f"Every label of {records.y_name} is the same.",
            hint="Pass records of at least two classes.",
        )
    return positions


def _framed(x: Any, name: str) -> tuple[pd.DataFrame, Takes]:
    """The features as a frame with a RangeIndex, and in which form they came."""
    for library, (what, hint) in _WAYS_IN.items():
        if not isinstance(x, pd.DataFrame) and _made_by(x, library):
            raise BadBundle("not_a_table", f"{name} is {what}.", hint=hint.format(name=name))
    if isinstance(x, pd.DataFrame):
        twice = x.columns[x.columns.duplicated()]
        if len(twice):
            raise BadBundle(
                "duplicate_columns",
                f"{name} has {len(twice)} column names twice, {named(twice[0])} among them.",
                hint="Give each column a name of its own.",
            )
        return x.reset_index(drop=True), "frame"
    try:
        array = x.to_numpy() if isinstance(x, pd.Series) else np.asarray(x)
    except ValueError as error:  # rows of different lengths
        raise _no_table(name, f"a {type(x).__name__} that is no array") from error
    if (
        array.ndim == 1
        and array.dtype.kind in "OUT"
        and all(isinstance(cell, str) for cell in array.tolist())
    ):
        return pd.DataFrame({"text": array.astype(object)}), "texts"
    if array.ndim == 1 and array.dtype.kind in "biuf":
        raise BadBundle(
            "not_a_table",
            f"{name} has one axis of numbers, not rows of columns.",
            hint=f"Pass {name}.reshape(-1, 1) if it is one column.",
        )
    if array.ndim > 2:
        raise BadBundle(
            "not_a_table",
            f"{name} has shape {array.shape}, which is no table.",
            hint="Images are audited by leakgauge.audit_images; other arrays are flattened to one row a "
            "record, and made whole again in the function that is handed over.",
        )
    if array.ndim != 2 or array.dtype.kind not in "biufOU" or array.shape[1] == 0:
        raise _no_table(name, f"a {type(x).__name__}")
    return pd.DataFrame(array), "array"


def _no_table(name: str, what: str) -> BadBundle:
    return BadBundle(
        "not_a_table",
        f"{name} is {what}, not a table.",
        hint="Pass a DataFrame, an array of one row a record, or a list of texts if the model takes these.",
    )


def _labels(y: Any, name: str) -> pd.Series[Any]:
    """(n,) the labels, in whatever form they came."""
    if _made_by(y, "torch"):
        raise BadBundle("labels_shape", f"{name} is a PyTorch tensor.", hint=f"Pass {name}.numpy().")
    if isinstance(y, pd.DataFrame):
        y = y.iloc[:, 0] if y.shape[1] == 1 else y.to_numpy()
    if isinstance(y, pd.Series):
        return y.astype(object).reset_index(drop=True)
    if isinstance(y, pd.Categorical | pd.Index | pd.api.extensions.ExtensionArray):
        return pd.Series(y).astype(object)
    array = np.asarray(y)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise BadBundle(
            "labels_shape",
            f"{name} has shape {array.shape}, not one label for each record.",
            hint=f"If it marks one class a row, pass {name}.argmax(axis=1).",
        )
    return pd.Series(array.tolist(), dtype=object)


def _made_by(thing: Any, library: str) -> bool:
    return any(kind.__module__.partition(".")[0] == library for kind in type(thing).__mro__)


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
            listed = ", ".join(named(name) for name in missing[:NAMED_AT_MOST])
            raise BadBundle(
                "columns_differ",
                f"{members.name} has {len(members.frame.columns)} columns, {other.name} has "
                f"{len(other.frame.columns)}{f'; it lacks {listed}' if missing else ''}.",
                hint="Pass the same columns of all records.",
            )
    frames = [side.frame[list(members.frame.columns)] for side in sides]
    for name in members.frame.columns:
        _share_categories(frames, name)
    return [
        Records(side.name, side.y_name, frame, side.y, side.takes)
        for side, frame in zip(sides, frames, strict=True)
    ]


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


def _in_form(frame: pd.DataFrame, takes: Takes) -> Any:
    """The rows as the caller holds them."""
    if takes == "frame":
        return frame
    return frame.to_numpy(copy=True) if takes == "array" else frame.iloc[:, 0].to_numpy(dtype=object)


def _sha256(numbers: pd.Series[Any]) -> str:
    return hashlib.sha256(numbers.to_numpy().tobytes()).hexdigest()
