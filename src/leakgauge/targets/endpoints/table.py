"""A service that answers about rows of a table, as a classifier or a regressor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leakgauge.errors import BadParameters, UnsupportedModel
from leakgauge.row_pipe import MOST_REPEATS, Answer, Cell, Column, Kind
from leakgauge.targets.endpoints.asking import Service
from leakgauge.targets.endpoints.forms import AnswerReading, read_form, share_changed
from leakgauge.targets.frames import check_width, columns_by_name
from leakgauge.targets.input_columns import InputColumn, InputColumns
from leakgauge.targets.protocol import FloatArray, Gives, IntArray

PROBED: Final = 20
"""Rows that are asked about first, to find out what the answers are."""
REPEATED: Final = 10
"""Those of them that are asked about a second time, to find out whether answers change."""
_ENOUGH_REPEATS: Final = 5
"""Answers to a row that are averaged at most where they change."""


class EndpointTarget:
    """A live service, of which nothing is known but what it answers.

    Parameters
    ----------
    service
        the pipe to it.
    classes
        (n_classes,) the labels, in the order of its probabilities; none of a regressor.

    Attributes
    ----------
    estimator, recipe, form, packages, remarks
        as in `ModelTarget` and `TableTarget`: there is no model, and so none to train again.
    """

    remarks: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    estimator = None
    recipe = None
    form = None

    def __init__(self, service: Service, classes: NDArray[Any]) -> None:
        self._service = service
        self._reading = AnswerReading(
            "predictions" if service.facts.answers == "predictions" else "labels", classes
        )
        self._repeats = 1
        self._changed = 0.0
        self.classes = classes
        self.has_probabilities = False
        self.queries = 0
        self.feature_names = service.facts.columns
        self.n_features = None if service.facts.columns else service.facts.n_features

    @property
    def type_name(self) -> str:
        """The protocol, since that is all that is known."""
        return f"Service ({self._service.facts.title})"

    @property
    def gives(self) -> Gives:
        """What its answers are; known once it is open, and of a regressor before."""
        return self._reading.gives

    def open(self, frame: pd.DataFrame) -> list[str]:
        """Find out what the answers are, by the first rows of a table.

        Returns
        -------
        list of str
            sentences for the report.

        Raises
        ------
        LeakgaugeError
            where the service does not answer, or with what is no answer.
        """
        self._service.name_columns([_column(name, frame.iloc[:, at]) for at, name in enumerate(frame)])
        rows = cells_of(frame.head(PROBED))
        if self._service.left < PROBED + REPEATED:
            raise BadParameters.about(
                "limits.rows",
                "too small",
                problem="service_rows",
                message=f"The service may be asked about {self._service.left} rows; it takes "
                f"{PROBED + REPEATED} to find out what it answers.",
                hint="Raise limits.rows in the settings, or limits.cost where that is what holds it back.",
            )
        first = self._service.ask(rows)
        self._reading = read_form(self._service.facts.answers, first, self.classes)
        self.has_probabilities = self._reading.gives == "probabilities"
        again = self._service.ask(rows[:REPEATED], repeat=1)
        self._changed = share_changed(first[:REPEATED], again)
        return [self._reading.description()]

    def settle(self, records: int) -> list[str]:
        """Decide how often each of so many records is asked about; sentences for the report."""
        if not self._changed:
            return []
        self._repeats = min(max(self._service.left // max(records, 1), 1), _ENOUGH_REPEATS, MOST_REPEATS)
        found = f"{self._changed:.0%} of the rows that were asked about twice got another answer."
        if self._repeats == 1:
            return [
                f"Answers change between calls: {found} There are too few rows to ask about every record "
                "more than once, so figures are those of an attacker who asks once. Who asks several times "
                "and averages may find more."
            ]
        return [
            f"Answers change between calls: {found} Every record was asked about {self._repeats} times, and "
            "the answers were averaged, as an attacker can."
        ]

    @property
    def rows_left(self) -> int:
        """How many more rows can be asked about, each as often as it takes."""
        return self._service.left // self._repeats

    def input_columns(self, n_columns: int) -> InputColumns:
        """Nothing is known of the columns."""
        return InputColumns(tuple(InputColumn() for _ in range(n_columns)))

    def as_input(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows with the columns that the service takes; see `TableTarget`."""
        if self.feature_names is not None:
            return columns_by_name(frame, self.feature_names)
        check_width(frame, self.n_features)
        return frame

    def reading_scores(self, x: Any, y: IntArray) -> EndpointTarget:  # noqa: ARG002 -- the protocol's signature
        """The target itself: a service has no decision scores beside its answers."""
        return self

    def probabilities(self, x: Any) -> FloatArray:
        """(n, n_classes) class probabilities for `n` rows, averaged where answers change.

        Raises
        ------
        UnsupportedModel
            `labels_only`.
        LeakgaugeError
            where the service does not answer, or with what is no answer.
        """
        if not self.has_probabilities:
            raise UnsupportedModel(
                "labels_only",
                "The service gives labels, not probabilities.",
                hint="Use attacks that see labels only, or name an output with its probabilities.",
            )
        if not len(x):
            return np.empty((0, len(self.classes)))
        return _mean([self._reading.probabilities(answers) for answers in self._ask(x)])

    def labels(self, x: Any) -> IntArray:
        """(n,) positions in `classes` of the likeliest, the predicted or the most frequent labels."""
        if self.has_probabilities:
            return np.asarray(self.probabilities(x).argmax(axis=1), dtype=np.int64)
        votes = np.zeros((len(x), len(self.classes)), dtype=np.int64)
        for answers in self._ask(x):
            votes[np.arange(len(x)), self._reading.labels(answers)] += 1
        return np.asarray(votes.argmax(axis=1), dtype=np.int64)

    def predictions(self, x: Any) -> FloatArray:
        """(n,) predicted numbers, averaged where answers change."""
        return _mean([self._reading.predictions(answers) for answers in self._ask(x)])

    def _ask(self, x: pd.DataFrame) -> list[list[Answer]]:
        """The answers to all rows, as often as each is asked about."""
        rows = cells_of(x)
        self.queries += self._repeats * len(rows)
        return [self._service.ask(rows, repeat=repeat) for repeat in range(self._repeats)]


def _mean(parts: Sequence[FloatArray]) -> FloatArray:
    mean: FloatArray = np.mean(parts, axis=0)
    return mean


def cells_of(frame: pd.DataFrame) -> list[list[Cell]]:
    """The rows of a table as JSON has them; what is missing is null.

    Raises
    ------
    UnsupportedModel
        `infinite_cells`, which JSON does not have.
    """
    columns = [_cells(frame.iloc[:, place]) for place in range(frame.shape[1])]
    return [list(row) for row in zip(*columns, strict=True)]


def _cells(column: pd.Series[Any]) -> list[Cell]:
    missing = column.isna().to_numpy()
    return [None if absent else _cell(value) for value, absent in zip(column.tolist(), missing, strict=True)]


def _cell(value: Any) -> Cell:
    if not isinstance(value, float):
        return value if isinstance(value, bool | int | str) else str(value)
    if not math.isfinite(value):
        raise UnsupportedModel(
            "infinite_cells",
            "The tables hold infinite numbers, which cannot be sent to the service.",
            hint="Replace them as the users of the service do.",
        )
    return value + 0.0  # -0.0, which noise makes, is the same row and must not be asked about again


def _column(name: object, column: pd.Series[Any]) -> Column:
    kinds: dict[str, Kind] = {"b": "boolean", "i": "integer", "u": "integer", "f": "number"}
    kind = getattr(column.dtype, "kind", "O")
    return Column(str(name), kinds.get(kind, "text"))
