"""Which columns of the attacker's and of the reference records are features, and which is the label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from leakgauge.errors import BadBundle
from leakgauge.parameters import ProfilesParameters
from leakgauge.report.model import Notice
from leakgauge.tables import Table
from leakgauge.tables.columns import as_spelt, column_named, refuse_missing
from leakgauge.tables.label_column import DEFAULT_LABEL, Candidates, is_index
from leakgauge.tables.labels import ClassLabels, named_list
from leakgauge.targets.protocol import TableTarget


@dataclass(frozen=True, slots=True)
class Apart:
    """Tables taken apart.

    Attributes
    ----------
    features
        tables of features alone, in the order of the model's input and by the same names.
    label
        the column of the last of the tables that holds the label; None without reference records.
    """

    features: tuple[Table, ...]
    label: object | None


def taken_apart(
    auxiliary: Table,
    reference: Table | None,
    parameters: ProfilesParameters,
    target: TableTarget,
    notices: list[Notice],
) -> Apart:
    """Decide which column is what.

    Raises
    ------
    BadBundle
        `missing_columns`, `columns_do_not_fit`, `no_label_column`.
    BadParameters
        `unknown_column`.
    """
    label = None if reference is None else column_named(reference, parameters.label_column, "label_column")
    wanted = target.feature_names
    if auxiliary.has_header and wanted is not None:
        features = _by_name(wanted, label, auxiliary, notices)
    else:
        features = _by_place(target.n_features, label, auxiliary, notices)
    names = list(features) if wanted is None else list(wanted)
    tables = [_features(auxiliary, features, names)]
    if reference is not None:
        if label is None:
            label = _label(reference, features, target, notices)
        if reference.has_header and auxiliary.has_header:
            missing = [name for name in features if name not in reference.frame.columns]
            if missing:
                refuse_missing(missing, list(reference.frame.columns), reference.name)
            of_reference: Sequence[Any] = features
        else:
            of_reference = [name for name in reference.frame.columns if name != label]
            _check_number(len(of_reference), len(features), reference.name)
        tables.append(_features(reference, of_reference, names))
    return Apart(tuple(tables), label)


def _by_name(
    wanted: Sequence[Any], label: object | None, auxiliary: Table, notices: list[Notice]
) -> list[Any]:
    columns = list(auxiliary.frame.columns)
    features = as_spelt(wanted, columns, (label,), notices)
    missing = [name for name in features if name not in columns]
    if missing:
        refuse_missing(missing, columns, auxiliary.name)
    extra = [name for name in columns if name not in features]
    if extra:
        notices.append(
            Notice(
                "unused_columns",
                f"{auxiliary.name}: not used by the model and left out: {named_list(extra)}.",
            )
        )
    return features


def _by_place(
    expected: int | None, label: object | None, auxiliary: Table, notices: list[Notice]
) -> list[Any]:
    """The columns in their order, without one too many that is a label or counts the rows."""
    columns = list(auxiliary.frame.columns)
    if expected is None or len(columns) == expected:
        return columns
    spare = [name for name in columns if name == label or str(name).strip().lower() == DEFAULT_LABEL]
    if not spare and is_index(auxiliary.frame[columns[0]], columns[0]):
        spare = columns[:1]
    if len(columns) == expected + 1 and spare:
        columns.remove(spare[0])
        notices.append(Notice("unused_columns", f"{auxiliary.name}: left out: {named_list(spare[:1])}."))
    _check_number(len(columns), expected, auxiliary.name)
    return columns


def _check_number(found: int, expected: int, name: str) -> None:
    if found != expected:
        raise BadBundle(
            "columns_do_not_fit",
            f"The model takes {expected} features, and {name} has {found} columns for them.",
            hint="Send the very columns that the model was trained on, in the same order; reference records "
            "have the label besides, in the column that label_column names.",
        )


def _label(reference: Table, features: Sequence[Any], target: TableTarget, notices: list[Notice]) -> Any:
    """The label's column, where no parameter names it."""
    columns = list(reference.frame.columns)
    possible = [name for name in columns if not reference.has_header or name not in features]
    if not reference.has_header:
        return columns[-1]
    possible = [name for name in possible if not is_index(reference.frame[name], name)]
    if not possible:
        raise BadBundle(
            "no_label_column",
            f"Every column of {reference.name} is a feature of the model, so none is left for the label.",
            hint="Add the column with the true labels, and name it “label”.",
        )
    return Candidates([reference], possible, ClassLabels(target.classes)).chosen(notices)


def _features(table: Table, columns: Sequence[Any], names: Sequence[Any]) -> Table:
    frame = table.frame[list(columns)].copy()
    frame.columns = pd.Index(names)
    return replace(table, frame=frame)
