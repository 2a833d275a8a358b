"""What the report says of a training table that was rebuilt from the model file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class RebuiltColumn:
    """One column of the rebuilt table, compared with the true one.

    Shares of its values, from 0 to 1, that are right to within .01 standard deviations: as `rebuilt`; by
    the `guess` of the commonest value, or of the median of numbers; and by `imputation` from the *true*
    other columns of the row.
    """

    name: str
    rebuilt: float
    guess: float
    imputation: float


@dataclass(frozen=True, slots=True)
class RebuiltCompared:
    """The rebuilt table beside the true one.

    `exact_rows` is the share of the `records` of the true table that the rebuilt one holds with every
    value and the label right, each counted once; `in_order` the share that stands at its own place, None
    where the file tells no order or the tables differ in length. `values`, `guess` and `imputation` are
    the means of the columns' shares.
    """

    records: int
    exact_rows: float
    in_order: float | None
    values: float
    guess: float
    imputation: float
    columns: tuple[RebuiltColumn, ...]


@dataclass(frozen=True, slots=True)
class RebuiltTable:
    """Whether the training table can be rebuilt from the file alone.

    `matched` is the share of leaf counts in the file that the rebuilt table reproduces, `narrowed` the
    share of its values for which the file leaves no more than .01 standard deviations. Both are known
    without the true table. Below .99 matched the table is `not_rebuilt` with this method, which says
    nothing of other methods. No row and no value is in it.
    """

    status: Literal["rebuilt", "not_rebuilt", "not_applicable"]
    sentence: str
    method: Literal["numbers_in_leaves", "message_passing"] | None = None
    rows: int | None = None
    matched: float | None = None
    narrowed: float | None = None
    compared: RebuiltCompared | None = None
