"""Labels of a table -> what the target takes them for: positions in its classes, or numbers.

The target alone decides which: a classifier's labels are its classes, a regressor's are numbers, whatever
the table looks like. Both kinds are read by an object of one shape, `Labels`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leakgauge.errors import BadBundle
from leakgauge.tables import Table
from leakgauge.tables.inference import number_in
from leakgauge.targets.protocol import IntArray, LabelArray, TableTarget
from leakgauge.text import Sink, printable

TRUTH = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
NAMED_AT_MOST = 5
"""Columns that a message names."""
_SHOWN_CLASSES = 10
_LONGEST_NAME = 100
_NUMBERED = (
    " If its file keeps no names of classes, as those of networks do, these are the numbers of its outputs: "
    "write each label as the number, from 0, of the output that stands for it."
)


class Labels(Protocol):
    """What the labels of a target are, for reading them and for finding their column.

    Attributes
    ----------
    chance
        what `agreement` comes to by guessing.
    """

    @property
    def chance(self) -> float:
        """What `agreement` comes to by guessing."""

    @property
    def words(self) -> str:
        """What the label column holds, for a message."""

    def read(self, table: Table, column: Any) -> LabelArray:
        """(n,) the labels in `column`, as in `Pool`.

        Raises
        ------
        BadBundle
            for labels that are none of the target's, with file and line.
        """

    def share_known(self, table: Table, column: Any) -> float:
        """Share of cells that can be labels; 0 for a constant, or a column that is not there."""

    def agreement(self, target: TableTarget, x: Any, table: Table, column: Any) -> float:
        """How well the target's answers about the rows `x` agree with the column: 1 at best.

        Raises
        ------
        UnsupportedModel
            when it cannot answer.
        """


@dataclass(frozen=True, slots=True)
class ClassLabels:
    """Labels that are classes of the target.

    Attributes
    ----------
    classes
        (n_classes,) the target's.
    """

    classes: NDArray[Any]

    @property
    def chance(self) -> float:
        """What guessing gets right."""
        return 1.0 / len(self.classes)

    @property
    def words(self) -> str:
        """The classes, as many as a message has room for."""
        return f"the model's classes ({shown_classes(self.classes)}) alone"

    def read(self, table: Table, column: Any) -> IntArray:
        """(n,) positions in the classes; errors as `positions_of`."""
        return positions_of(table, column, self.classes)

    def share_known(self, table: Table, column: Any) -> float:
        """Share of cells that hold one of the classes."""
        if column not in table.frame.columns:
            return 0.0
        places = places_among(table.frame[column], self.classes)
        known = places[places >= 0]
        return len(known) / len(places) if len(np.unique(known)) > 1 else 0.0

    def agreement(self, target: TableTarget, x: Any, table: Table, column: Any) -> float:
        """Mean over the classes of the share of records that the target labels so."""
        y = places_among(table.frame[column], self.classes)
        right = target.labels(x) == y
        shares = [right[y == place].mean() for place in np.unique(y[y >= 0])]
        return float(np.mean(shares)) if shares else 0.0


def positions_of(table: Table, column: Any, classes: NDArray[Any]) -> IntArray:
    """(n,) positions in `classes` of the labels in `column`.

    Classes may be text, numbers or truth values, and the table need not agree: a cell is first
    looked for as it is written, then as the number or truth value that it spells. So `01`, `NA`
    and `1E2` are found where a class is called that, and `1`, `1.0` and `1.00` where a class is 1.

    Raises
    ------
    BadBundle
        `missing_labels`, `unknown_labels`, `one_label`: with file and line.
    """
    labels = table.frame[column]
    positions = places_among(labels, classes)
    absent = labels.isna().to_numpy()
    if absent.any():
        raise BadBundle(
            "missing_labels",
            f"{table.name} has {int(absent.sum()):,} records without a label, the first in "
            f"{table.place(int(np.argmax(absent)))}.",
            hint=f"Fill in or remove them; the label column is {named(column)}.",
        )
    unknown = positions < 0
    if unknown.any():
        first = not table.has_header and bool(unknown[0]) and int(unknown.sum()) == 1
        raise BadBundle(
            "unknown_labels",
            f"{table.name} has {int(unknown.sum()):,} of {len(labels):,} records with a label that the model "
            f"never saw, the first in {table.place(int(np.argmax(unknown)))}.",
            hint=(
                'If the first line names the columns, set "header": true in parameters.json. '
                if first
                else ""
            )
            + f"The label column is {named(column)} and the model's classes are {shown_classes(classes)}; "
            "set label_column in parameters.json if another column holds the label."
            + (_NUMBERED if _are_numbers_from_zero(classes) else ""),
        )
    if len(np.unique(positions)) < 2:
        raise BadBundle(
            "one_label",
            f"Every record of {table.name} carries the same label.",
            hint=f"The label column is {named(column)}; send records of at least two classes.",
        )
    return positions


def places_among(labels: pd.Series[Any], classes: NDArray[Any]) -> IntArray:
    """(n,) position of each label in `classes`; −1 for an unknown or missing one."""
    places = labels.map(known_labels(labels, classes), na_action="ignore")
    return np.asarray(places.fillna(-1).to_numpy(dtype=np.int64))


def known_labels(labels: pd.Series[Any], classes: NDArray[Any]) -> dict[Any, int]:
    """For each different label, its position in `classes`; −1 for one that the model never saw."""
    values = classes.tolist()
    texts = {value: place for place, value in enumerate(values) if isinstance(value, str)}
    truths = {value: place for place, value in enumerate(values) if isinstance(value, bool)}
    numbers = {
        float(value): place
        for place, value in enumerate(values)
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    # text that spells a number stands for it where no other text does
    spelt = _alone((number_in(text), place) for text, place in texts.items())
    return {
        label: _position(label, texts=texts, truths=truths, numbers=numbers, spelt=spelt)
        for label in labels.dropna().unique()
    }


def _are_numbers_from_zero(classes: NDArray[Any]) -> bool:
    return classes.dtype.kind in "iu" and bool(np.array_equal(classes, np.arange(len(classes))))


def named(column: object) -> str:
    """A column for a message: its quoted name, or its position from 0 where the file has no header."""
    shown = printable(str(column), Sink.MESSAGE, longest=_LONGEST_NAME)
    return f"at position {column} (from 0)" if isinstance(column, int) else f"“{shown}”"


def named_list(columns: Sequence[object]) -> str:
    """Columns for a message, as many as it has room for."""
    shown = ", ".join(named(name) for name in columns[:NAMED_AT_MOST])
    return shown if len(columns) <= NAMED_AT_MOST else f"{shown} and {len(columns) - NAMED_AT_MOST} more"


def shown_classes(classes: NDArray[Any]) -> str:
    """Classes for a message, as many as it has room for."""
    shown = ", ".join(str(value) for value in classes[:_SHOWN_CLASSES])
    return f"{shown}, …" if len(classes) > _SHOWN_CLASSES else shown


def _alone(pairs: Iterable[tuple[float | None, int]]) -> dict[float, int]:
    """The pairs whose number occurs once."""
    counted: dict[float, list[int]] = {}
    for number, place in pairs:
        if number is not None:
            counted.setdefault(number, []).append(place)
    return {number: places[0] for number, places in counted.items() if len(places) == 1}


def _position(
    label: Any,
    *,
    texts: Mapping[str, int],
    truths: Mapping[bool, int],
    numbers: Mapping[float, int],
    spelt: Mapping[float, int],
) -> int:
    text = str(label)
    for spelling in (text, text.strip()):
        if spelling in texts:
            return texts[spelling]
    truth = TRUTH.get(text.strip().lower())
    if truth is not None and truth in truths:
        return truths[truth]
    number = number_in(text)
    if number is None and truth is not None and numbers.keys() == {0.0, 1.0}:
        return numbers[float(truth)]  # as scikit-learn takes nullable truth values
    if number is None:
        return -1
    return numbers.get(number, spelt.get(number, -1))
