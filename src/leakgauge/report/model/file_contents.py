"""What the model file itself holds of the training table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from leakgauge.report.model.reconstruction import RebuiltTable

Holds = Literal["records", "targets", "labels", "values", "tokens"]
"""Whole rows; what they were fitted to, numbers or classes; single values; words."""


@dataclass(frozen=True, slots=True)
class HeldField:
    """One attribute of one part of the model that holds training data.

    `path` says where in the model the part lies (empty for the model itself), `estimator` what it is.
    Parts that differ in a number of their path alone, such as the trees of a forest and the copies of a
    calibrated model, are one field: `copies` says how many. `size` is how many records, values or words
    the largest has.

    Compared with a table, `found` of its `of` records (targets and labels: records; values and tokens:
    different ones) stand there; both are None where there was no table, or its rows could not be followed to
    the part. `common` more records have equals there that may be chance. `single` of the found values or
    tokens belong to one record alone, and may point to a person. `in_order` says that the attribute follows
    the table's own order, `as_given` that it holds the table's own values and not what steps before made of
    them, `all_columns` that all columns reach the part.

    `answers_need_it` is False where `leakgauge sanitize` takes it out, and `remedy` says what to do.
    `examples` are a few of the values, where that was asked for.
    """

    path: str
    estimator: str
    attribute: str
    copies: int
    holds: Holds
    size: int
    found: int | None
    of: int | None
    common: int
    single: int
    in_order: bool
    as_given: bool
    all_columns: bool
    answers_need_it: bool
    remedy: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelContents:
    """What the model file holds word for word.

    `sentence` says it in one. Of the `compared` records of the table, None without one, `records` stand whole
    in the file: in the table's own values, or in those that the steps of the model make of them. `fields`
    name where, those that hold most first. `rebuilt` says whether the table can be rebuilt from trees; None
    where there are none, or nobody tried.
    """

    sentence: str
    compared: int | None
    records: int | None
    fields: tuple[HeldField, ...]
    rebuilt: RebuiltTable | None = None
