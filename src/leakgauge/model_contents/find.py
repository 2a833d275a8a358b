"""The walk over an opened model that finds what it holds of a table, word for word."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from leakgauge.model_contents.finding import Finding
from leakgauge.model_contents.held import Held, held_by
from leakgauge.model_contents.labels import gives_labels, gives_targets
from leakgauge.model_contents.reach import Reached, reached
from leakgauge.model_contents.rows import Found, Rows
from leakgauge.model_contents.sentences import in_one_sentence
from leakgauge.model_contents.values import Column, Counted, columns_of, counted, counted_tokens
from leakgauge.progress import Progress, Silent
from leakgauge.report.model import HeldField, Holds, ModelContents
from leakgauge.targets.protocol import LabelArray
from leakgauge.targets.sklearn.kept_data import KeptData, kept_data_of

_VIEWS = 4
"""Tables of which what was computed is kept: most parts get the rows of one that came before."""


@dataclass(frozen=True, slots=True)
class TrainingTable:
    """Records that a model is compared with.

    Attributes
    ----------
    x
        n rows in the form that the model takes.
    y
        (n,) positions of classes, or numbers; None where they are not known.
    """

    x: Any
    y: LabelArray | None = None

    def __len__(self) -> int:
        """Number of records."""
        return int(self.x.shape[0] if hasattr(self.x, "shape") else len(self.x))


def contents_of(
    model: Any, table: TrainingTable | None, progress: Progress | None = None, *, include_values: bool = False
) -> ModelContents:
    """What a fitted model holds of a table; without one, what it is known to hold of its own.

    Parameters
    ----------
    model
        a fitted estimator, opened and checked, or the caller's own.
    include_values
        whether a few of the values go into the report; by default it has none.
    """
    listener = Silent() if progress is None else progress
    findings: dict[tuple[str, str, str, Holds], Finding] = {}
    views: deque[_View] = deque(maxlen=_VIEWS)
    parts = sum(1 for _ in reached(model, None))
    for place, found in enumerate(reached(model, None if table is None else table.x)):
        listener.report("comparing the file with the table", min(place / parts, 1.0))
        view = next((known for known in views if known.x is found.x), None)
        if view is None:
            view = _View(found.x, computed=not found.as_given)
            views.append(view)
        for finding in _findings(found, view, table):
            earlier = findings.get(finding.key)
            findings[finding.key] = finding if earlier is None else earlier.with_copy(finding)
    fields = sorted(
        (finding.field(include_values=include_values) for finding in findings.values()),
        key=_weight,
        reverse=True,
    )
    records = None
    if table is not None:
        whole = np.zeros(len(table), dtype=np.bool_)
        for finding in findings.values():
            if finding.holds == "records" and finding.part.all_columns and finding.there is not None:
                whole |= finding.there
        records = int(whole.sum())
    bare = ModelContents("", None if table is None else len(table), records, tuple(fields))
    return replace(bare, sentence=in_one_sentence(bare))


def _weight(field: HeldField) -> tuple[bool, int, int]:
    return (field.holds == "records", field.size if field.found is None else field.found, field.size)


@dataclass(frozen=True)
class _View:
    """The rows that reach a part, and all others that get the same ones."""

    x: Any
    computed: bool

    @cached_property
    def columns(self) -> list[Column]:
        """Their columns; none where there are no rows."""
        return [] if self.x is None else columns_of(self.x)

    @cached_property
    def rows(self) -> Rows | None:
        """The rows as numbers; None where they hold something else."""
        if sparse.issparse(self.x):
            return Rows(sparse.csr_array(self.x), self.computed)
        if not self.columns or not all(column.is_numeric for column in self.columns):
            return None
        return Rows(np.column_stack([column.cells for column in self.columns]), self.computed)


def _findings(found: Reached, view: _View, table: TrainingTable | None) -> Iterator[Finding]:
    """The attributes of a part that hold something."""
    known = {row.attribute: row for row in kept_data_of(found.part)}
    look = _Look(found, view, known, table)
    for held in held_by(found.part):
        finding = look.compared(held) if found.x is not None else look.listed(held)
        if finding is not None:
            yield finding


class _Look:
    """A look at one part of the model, beside the rows that reach it."""

    def __init__(
        self, found: Reached, view: _View, known: Mapping[str, KeptData], table: TrainingTable | None
    ) -> None:
        self._found, self._known, self._table = found, known, table
        self._view = view
        self._indices = [
            value
            for value in vars(found.part).values()
            if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "iu" and len(value)
        ]

    def listed(self, held: Held) -> Finding | None:
        """What is known of the attribute without a look at a table."""
        row = self._known.get(held.attribute)
        return None if row is None else self._finding(held, row.holds)

    def compared(self, held: Held) -> Finding | None:
        """What the attribute has of the table; known records are told where none is of it, too."""
        row = self._known.get(held.attribute)
        rows = self._rows_in(held)
        if rows is not None and (rows.whole.any() or (row is not None and row.holds == "records")):
            return self._finding(
                held, "records", there=rows.whole, common=rows.common, in_order=rows.in_order
            )
        if row is not None and row.holds == "records":
            return self._finding(held, "records", there=np.zeros(len(self._table or ()), dtype=np.bool_))
        return self._labels(held, row) or self._values(held, row)

    def _rows_in(self, held: Held) -> Found | None:
        if self._view.rows is None:
            return None
        best: Found | None = None
        for numbers in held.numbers:
            for candidate in _as_tables(numbers, self._view.rows.values.shape[1]):
                found = self._view.rows.found_in(candidate, self._indices)
                if found is not None:
                    best = found if best is None else _together(best, found)
        return best

    def _labels(self, held: Held, row: KeptData | None) -> Finding | None:
        y = None if self._table is None else self._table.y
        if y is None or len(held.numbers) != 1 or sparse.issparse(held.numbers[0]):
            return None
        numbers = y.dtype.kind == "f"
        if not (gives_targets if numbers else gives_labels)(held.numbers[0], y):
            return None
        holds: Holds = row.holds if row is not None else ("targets" if numbers else "labels")
        return self._finding(held, holds, there=np.ones(len(y), dtype=np.bool_), in_order=True)

    def _values(self, held: Held, row: KeptData | None) -> Finding | None:
        if row is not None and row.holds == "labels":
            return self._finding(held, "labels")  # of a part of the table, or of another one
        if row is not None and row.holds == "targets":
            count = self._targets(held)
        elif row is not None and row.holds == "tokens" and hasattr(self._found.part, "build_analyzer"):
            cells = np.asarray(self._found.x, dtype=object).ravel().tolist()
            documents = [cell for cell in cells if isinstance(cell, str)]
            count = counted_tokens(documents, self._found.part.build_analyzer(), held)
        else:
            count = counted(self._view.columns, held, known=row is not None)
        if not count.there.any():
            return None
        return self._finding(
            held,
            "values" if row is None else row.holds,
            there=count.there,
            alone=count.alone,
            values=count.values,
        )

    def _targets(self, held: Held) -> Counted:
        y = None if self._table is None else self._table.y
        return counted([] if y is None else [Column(y.astype(np.float64))], held, known=True)

    def _finding(self, held: Held, holds: Holds, **found: Any) -> Finding:
        return Finding(
            self._found, held.attribute, holds, _size(held, holds), self._known.get(held.attribute), **found
        )


def _size(held: Held, holds: Holds) -> int:
    """How many records, values or words there are."""
    if holds in ("records", "labels"):
        return held.shape()[0]
    if holds == "tokens":
        return len(held.texts)
    return int(sum(table.shape[0] if sparse.issparse(table) else table.size for table in held.numbers)) + len(
        held.texts
    )


def _as_tables(numbers: Any, width: int) -> Iterator[Any]:
    """An array as tables of so many columns: itself, turned, a single row, or part of its columns."""
    if sparse.issparse(numbers):
        if numbers.shape[1] == width:
            yield numbers
        return
    if numbers.ndim == 1 and len(numbers) == width:
        yield numbers[None, :]
    elif numbers.ndim >= 2 and numbers.size:
        table = numbers.reshape(-1, numbers.shape[-1])
        # some keep other columns before or after those of the rows, such as answers of other models
        for first in {0, table.shape[1] - width} if table.shape[1] >= width else ():
            yield table[:, first : first + width]
        if numbers.ndim == 2 and numbers.shape[0] == width != numbers.shape[1]:
            yield numbers.T


def _together(one: Found, other: Found) -> Found:
    whole = one.whole | other.whole
    return Found(whole, (one.common | other.common) & ~whole, one.in_order or other.in_order)
