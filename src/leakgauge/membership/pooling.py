"""From tables taken apart to the pool that attacks score and what reference models are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leakgauge.errors import BadBundle, BadParameters
from leakgauge.membership.pool import Pool
from leakgauge.membership.training_sets import TrainingData
from leakgauge.parameters import MembershipParameters
from leakgauge.randomness import generator_for
from leakgauge.report.model import Notice
from leakgauge.tables import Table
from leakgauge.tables.columns import Columns
from leakgauge.tables.labels import NAMED_AT_MOST, Labels
from leakgauge.targets.input_columns import InputColumns
from leakgauge.targets.protocol import BoolArray, IntArray, LabelArray, TableTarget

LEAST_RECORDS = 20
"""Members, and as many non-members, below which no figure means anything."""
MOST_GROUPS = 100
_WIDEST = {"i": np.int64, "u": np.int64, "f": np.float64}


@dataclass(frozen=True, slots=True)
class Side:
    """One table taken apart: features (n, d), labels (n,) as in `Pool`, groups (n,) or None."""

    table: Table
    features: pd.DataFrame
    y: LabelArray
    group: NDArray[np.str_] | None

    @classmethod
    def of(cls, table: Table, features: pd.DataFrame, columns: Columns, labels: Labels) -> Side:
        """A table with the features made of it, its labels and groups taken from it."""
        group = None
        if columns.group is not None:
            group = groups_in(table.frame[columns.group])
        return cls(table, features, labels.read(table, columns.label), group)


def pooled(
    sides: Sequence[Side],
    target: TableTarget,
    known: InputColumns,
    parameters: MembershipParameters,
    notices: list[Notice],
) -> tuple[Pool, TrainingData]:
    """Members and non-members together, without those that stand in both tables, cut to size.

    Records stand in the order of a digest of what they hold, so that a table whose rows are
    shuffled gives the same report. What is cut off, and a table of other records, stays for
    reference models to be trained on.

    Parameters
    ----------
    sides
        members, non-members and, where there is one, the table of other records.
    """
    digests = _digests(sides)
    in_both = (np.isin(digests[0], digests[1]), np.isin(digests[1], digests[0]))
    every = [
        _in_order(side, digest, shared, notices)
        for side, digest, shared in zip(sides[:2], digests[:2], in_both, strict=True)
    ]
    kept = [sampled(side, rows, parameters, notices) for side, rows in zip(sides[:2], every, strict=True)]
    _tell_of_both(sides, in_both, notices)
    beyond = [
        np.setdiff1d(rows, of_pool, assume_unique=True) for rows, of_pool in zip(every, kept, strict=True)
    ]
    others = _others(sides, digests, notices)

    parts = [(0, kept[0]), (1, kept[1]), (0, beyond[0]), (1, beyond[1])]
    parts += [] if others is None else [(2, others)]
    features = pd.concat([sides[side].features.iloc[rows] for side, rows in parts], ignore_index=True)
    x, y = target.as_input(features), np.concatenate([sides[side].y[rows] for side, rows in parts])
    part_of = np.repeat(np.arange(len(parts)), [len(rows) for _, rows in parts])
    scored = len(kept[0]) + len(kept[1])
    members, non_members = np.flatnonzero(np.isin(part_of, (0, 2))), np.flatnonzero(np.isin(part_of, (1, 3)))

    group = None
    if sides[0].group is not None and sides[1].group is not None:
        group = np.concatenate([sides[0].group[kept[0]], sides[1].group[kept[1]]])
        check_groups(group)
    pool = Pool(
        x=x if scored == len(y) else x[:scored],
        y=y[:scored],
        member=part_of[:scored] == 0,
        row=np.concatenate(kept) + 1,
        group=group,
        is_read=np.array([column.is_read for column in known.columns], dtype=np.bool_),
    )
    population = None if others is None else np.flatnonzero(part_of == 4)
    return pool, TrainingData(x, y, members, non_members, population, scored)


def _in_order(side: Side, digest: NDArray[np.uint64], shared: BoolArray, notices: list[Notice]) -> IntArray:
    """Places of a table's records in the order of their digests, each once, without those of the other table.

    Copies of a record are one piece of evidence: their answers are the same, and a reference model
    that was trained on one of them knows them all.
    """
    order = np.argsort(digest, kind="stable") if side.group is None else np.lexsort((side.group, digest))
    left = order[~shared[order]]
    if len(left) < LEAST_RECORDS:
        raise BadBundle(
            "members_among_non_members",
            f"{int(shared.sum()):,} of the {len(shared):,} records of {side.table.name} stand in the "
            "other table too, with the same label.",
            hint="Non-members must be records that the model was not trained on.",
        )
    distinct: IntArray = left[np.append(True, digest[left][1:] != digest[left][:-1])]
    if len(distinct) < LEAST_RECORDS:
        raise BadBundle(
            "too_few_records",
            f"{side.table.name} has {len(distinct)} different records beside those of the other table; it "
            f"takes {LEAST_RECORDS} to say anything.",
            hint="Send as many members and non-members as you can; from some hundreds of each the figures "
            "become useful.",
        )
    if len(distinct) < len(left):
        notices.append(
            Notice(
                "repeated_records",
                f"{side.table.name}: {len(left) - len(distinct):,} of {len(left):,} records repeat another "
                "and were left out. Copies of a record are one piece of evidence.",
            )
        )
    return distinct


def sampled(side: Side, rows: IntArray, parameters: MembershipParameters, notices: list[Notice]) -> IntArray:
    """Those of the records at `rows` of a table that attacks score."""
    most = parameters.max_records // 2
    if len(rows) <= most:
        return rows
    rng = generator_for(parameters.seed, f"sample of {side.table.name}")
    notices.append(
        Notice(
            "sampled",
            f"{side.table.name}: attacks score {most:,} of {len(rows):,} records, drawn at random; raise "
            f"{parameters.more_records} to use more.",
        )
    )
    return rows[np.sort(rng.choice(len(rows), most, replace=False))]


def _others(
    sides: Sequence[Side], digests: Sequence[NDArray[np.uint64]], notices: list[Notice]
) -> IntArray | None:
    """Places of the records of a third table that stand in neither of the first two; None without one."""
    if len(sides) < 3:
        return None
    side, digest = sides[2], digests[2]
    order = np.argsort(digest, kind="stable")
    new = order[~np.isin(digest, np.concatenate(digests[:2]))[order]]
    dropped = len(order) - len(new)
    if len(new) < LEAST_RECORDS:
        raise BadBundle(
            "population_in_question",
            f"{dropped:,} of the {len(order):,} records of {side.table.name} stand in the other tables too.",
            hint="It should hold other records of the same source: neither members nor non-members. The "
            "bundle may also come without it.",
        )
    if dropped:
        notices.append(
            Notice(
                "population_in_question",
                f"{dropped:,} records of {side.table.name} stand in the tables of members or non-members too "
                "and were left out of it.",
            )
        )
    return new


def _tell_of_both(sides: Sequence[Side], in_both: Sequence[BoolArray], notices: list[Notice]) -> None:
    members, non_members = sides[:2]
    if not in_both[0].any():
        return
    rows = ", ".join(str(row + 1) for row in np.flatnonzero(in_both[0])[:NAMED_AT_MOST])
    more = ", …" if in_both[0].sum() > NAMED_AT_MOST else ""
    notices.append(
        Notice(
            "records_in_both_tables",
            f"{int(in_both[0].sum()):,} records of {members.table.name} and {int(in_both[1].sum()):,} of "
            f"{non_members.table.name} stand in both tables and were left out of both (rows {rows}{more} of "
            f"{members.table.name}).",
        )
    )


def _digests(sides: Sequence[Side]) -> list[NDArray[np.uint64]]:
    """(n,) for each table: a number that records of the same features and label share."""
    every = pd.concat([side.features for side in sides], ignore_index=True)
    for position, dtype in enumerate(every.dtypes):
        cells = every.iloc[:, position]
        if not pd.api.types.is_numeric_dtype(dtype):
            every.isetitem(position, cells.astype(object).astype(str).to_numpy(dtype=object))
        elif isinstance(dtype, np.dtype) and dtype.kind in _WIDEST:
            # the same numbers have one digest, in however few bytes a caller keeps them
            every.isetitem(position, cells.to_numpy(dtype=_WIDEST[dtype.kind]))
    digest = pd.util.hash_pandas_object(every, index=False).to_numpy()
    # odd multiplier: mixes the label in without folding two labels onto one digest
    every_label = np.concatenate([side.y for side in sides])
    if every_label.dtype.kind == "f":
        labels = (every_label + 0.0).view(np.uint64)  # minus zero is zero
    else:
        labels = every_label.astype(np.uint64)
    keys = digest + labels * np.uint64(0x9E3779B97F4A7C15)
    return np.split(keys, np.cumsum([len(side.y) for side in sides[:-1]]))


def groups_in(cells: pd.Series[Any]) -> NDArray[np.str_]:
    """(n,) names of the groups in a column; of records without one there is a group too."""
    return cells.astype(object).fillna("(missing)").astype(str).to_numpy(dtype=np.str_)


def check_groups(group: NDArray[np.str_]) -> None:
    """Refuse groups that nobody could read a figure of.

    Raises
    ------
    BadParameters
        `too_many_groups`.
    """
    count = len(np.unique(group))
    if count > MOST_GROUPS:
        raise BadParameters.about(
            "group_column",
            f"{count:,} different values",
            problem="too_many_groups",
            message=f"The column that group_column names has {count:,} different values.",
            hint=f"Choose a column with at most {MOST_GROUPS}, such as an age band or a region.",
        )
