"""From a bundle's files to a target and a pool that fit each other.

Every way in which model and tables may fail to fit has its own error, which
names file, line and column, never a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leakgauge.bundle import MembershipBundle
from leakgauge.defences.output import DefendedTarget, Setting, defended_notice, not_undone, settings_of
from leakgauge.errors import BadBundle, BadParameters, UnsupportedModel
from leakgauge.membership.bad_cells import blame_a_cell
from leakgauge.membership.columns import (
    NAMED_AT_MOST,
    Columns,
    check_same_columns,
    columns_of,
    named_label,
    typed_features,
)
from leakgauge.membership.labels import positions_of
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.membership.tables import Table, read_pair
from leakgauge.parameters import MembershipParameters
from leakgauge.randomness import generator_for
from leakgauge.report.model import Notice
from leakgauge.targets.input_columns import InputColumns
from leakgauge.targets.opening import open_table_model
from leakgauge.targets.protocol import IntArray, ModelTarget, TableTarget
from leakgauge.targets.sklearn.answer_forms import DecisionScores

LEAST_RECORDS = 20
"""Members, and as many subjects, below which no figure means anything."""
MOST_GROUPS = 100


@dataclass(frozen=True, slots=True)
class Inputs:
    """The target, asked about the pool already, and what a reader must know of both.

    Attributes
    ----------
    features:
        columns of a table, or pixels and channels of a picture.
    versions_of:
        packages, besides those of every audit, that the answers were computed with.
    """

    target: SharedAnswers
    pool: Pool
    model_type: str
    features: int
    notices: tuple[Notice, ...]
    defences: tuple[Setting, ...] = ()
    versions_of: tuple[str, ...] = ()


def read_inputs(bundle: MembershipBundle, parameters: MembershipParameters) -> Inputs:
    """Open the model, read the tables, fit one to the other, and ask the model about every record.

    Raises
    ------
    LeakgaugeError
        for whatever does not fit, with file, line and column.
    """
    asked_for = settings_of(parameters.defences)
    defences = not_undone(asked_for)
    target = open_table_model(bundle.model.path)
    notices = [*defended_notice(asked_for), *(Notice("model_file", text) for text in target.remarks)]
    tables = read_pair(
        bundle.members.path,
        bundle.subjects.path,
        names=(bundle.members.name, bundle.subjects.name),
        limits=bundle.limits,
        header=parameters.header,
        expected=(*(target.feature_names or ()), *named_label(parameters)),
    )
    for table in tables:
        _check_size(table)
        notices += [Notice("table", f"{table.name}: {text}") for text in table.warnings]

    columns = columns_of(tables, parameters, target, notices)
    check_same_columns(*tables, columns)
    known = target.input_columns(len(columns.features))
    features = typed_features(tables, columns, target, known, notices)
    sides = (
        _Side.of(tables[0], features[0], columns, target.classes),
        _Side.of(tables[1], features[1], columns, target.classes),
    )
    pool = _pool(sides, target, known, parameters, notices)
    target = target.reading_scores(pool.x, pool.y)
    notices += _scores_notice(target, defences)
    return Inputs(
        target=_ask(DefendedTarget(target, defences) if defences else target, pool, sides),
        pool=pool,
        model_type=target.type_name,
        features=len(columns.features),
        notices=tuple(notices),
        defences=defences,
        versions_of=target.packages,
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """One table taken apart: features (n, d), labels as positions (n,), groups (n,) or None."""

    table: Table
    features: pd.DataFrame
    y: IntArray
    group: NDArray[np.str_] | None

    @classmethod
    def of(cls, table: Table, features: pd.DataFrame, columns: Columns, classes: NDArray[Any]) -> _Side:
        group = None
        if columns.group is not None:
            group = table.frame[columns.group].fillna("(missing)").astype(str).to_numpy(dtype=np.str_)
        return cls(table, features, positions_of(table, columns.label, classes), group)


def _check_size(table: Table) -> None:
    if len(table.frame) < LEAST_RECORDS:
        raise BadBundle(
            "too_few_records",
            f"{table.name} has {len(table.frame)} records; it takes {LEAST_RECORDS} to say anything.",
            hint="Send as many members and subjects as you can; from some hundreds of each the figures "
            "become useful.",
        )


def _pool(
    sides: tuple[_Side, _Side],
    target: TableTarget,
    known: InputColumns,
    parameters: MembershipParameters,
    notices: list[Notice],
) -> Pool:
    """Both tables together, without the records that stand in both, cut to size.

    Records stand in the order of a digest of what they hold, so that a table whose rows are
    shuffled gives the same report.
    """
    members, subjects = sides
    digests = _digests(members, subjects)
    in_both = (np.isin(digests[0], digests[1]), np.isin(digests[1], digests[0]))
    kept: list[IntArray] = []
    for side, digest, shared in zip(sides, digests, in_both, strict=True):
        order = np.argsort(digest, kind="stable") if side.group is None else np.lexsort((side.group, digest))
        left = order[~shared[order]]
        if len(left) < LEAST_RECORDS:
            raise BadBundle(
                "members_among_subjects",
                f"{int(shared.sum()):,} of the {len(shared):,} records of {side.table.name} stand in the "
                "other table too, with the same label.",
                hint="Subjects must be records that the model was not trained on.",
            )
        most = parameters.max_records // 2
        if len(left) > most:
            rng = generator_for(parameters.seed, f"sample of {side.table.name}")
            notices.append(
                Notice(
                    "sampled",
                    f"{side.table.name}: {most:,} of {len(left):,} records were drawn at random; raise "
                    "max_records to use more.",
                )
            )
            left = left[np.sort(rng.choice(len(left), most, replace=False))]
        kept.append(left)
    if in_both[0].any():
        rows = ", ".join(str(row + 1) for row in np.flatnonzero(in_both[0])[:NAMED_AT_MOST])
        more = ", …" if in_both[0].sum() > NAMED_AT_MOST else ""
        notices.append(
            Notice(
                "records_in_both_tables",
                f"{int(in_both[0].sum()):,} records of {members.table.name} and {int(in_both[1].sum()):,} of "
                f"{subjects.table.name} stand in both tables and were left out of both (rows {rows}{more} of "
                f"{members.table.name}).",
            )
        )
    features = pd.concat(
        [side.features.iloc[rows] for side, rows in zip(sides, kept, strict=True)], ignore_index=True
    )
    group = None
    if members.group is not None and subjects.group is not None:
        group = np.concatenate([members.group[kept[0]], subjects.group[kept[1]]])
        _check_groups(group)
    return Pool(
        x=target.as_input(features),
        y=np.concatenate([side.y[rows] for side, rows in zip(sides, kept, strict=True)]),
        member=np.repeat([True, False], [len(kept[0]), len(kept[1])]),
        row=np.concatenate(kept) + 1,
        group=group,
        is_read=np.array([column.is_read for column in known.columns], dtype=np.bool_),
    )


def _digests(members: _Side, subjects: _Side) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """(n,) for each table: a number that records of the same features and label share."""
    both = pd.concat([members.features, subjects.features], ignore_index=True)
    for position in range(both.shape[1]):
        if not pd.api.types.is_numeric_dtype(both.dtypes.iloc[position]):
            both.isetitem(position, both.iloc[:, position].astype(object).astype(str).to_numpy(dtype=object))
    digest = pd.util.hash_pandas_object(both, index=False).to_numpy()
    # odd multiplier: mixes the label in without folding two labels onto one digest
    keys = digest + np.concatenate([members.y, subjects.y]).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    first, second = np.split(keys, [len(members.y)])
    return first, second


def _check_groups(group: NDArray[np.str_]) -> None:
    count = len(np.unique(group))
    if count > MOST_GROUPS:
        raise BadParameters.about(
            "group_column",
            f"{count:,} different values",
            problem="too_many_groups",
            message=f"The column that group_column names has {count:,} different values.",
            hint=f"Choose a column with at most {MOST_GROUPS}, such as an age band or a region.",
        )


def _ask(target: ModelTarget, pool: Pool, sides: tuple[_Side, _Side]) -> SharedAnswers:
    """The target with its answers about the whole pool, or an error that says why it cannot answer."""
    answers = SharedAnswers(target, pool)
    try:
        answers.labels(pool.x)
        if target.has_probabilities:
            answers.probabilities(pool.x)
    except UnsupportedModel as refusal:
        if refusal.problem == "prediction_failed":
            blame_a_cell(refusal, [(side.table, side.features) for side in sides])
        raise
    answers.queries = 0
    return answers


def _scores_notice(target: TableTarget, defences: Sequence[Setting]) -> list[Notice]:
    if not isinstance(target.form, DecisionScores):
        return []
    message = (
        f"A {target.type_name} gives decision scores, not probabilities: how far a record lies from a "
        "boundary, not how likely a class is. Attacks read them as "
        f"softmax(score / {target.form.scale:.3g}), the scale at which they fit these records' labels best."
    )
    if defences:
        message += " The output defences change that softmax, as a service would answer with it."
    return [Notice("decision_scores", message)]
