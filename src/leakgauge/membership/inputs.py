"""From a bundle's files to a target and a pool that fit each other.

Every way in which model and tables may fail to fit has its own error, which
names file, line and column, never a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from leakgauge.bundle import MembershipBundle
from leakgauge.defences.output import (
    DefendedTarget,
    Setting,
    check_suits_numbers,
    defended_notice,
    not_undone,
    settings_of,
)
from leakgauge.errors import BadBundle, UnsupportedModel
from leakgauge.membership.bad_cells import blame_a_cell
from leakgauge.membership.columns import (
    check_same_columns,
    columns_of,
    named_label,
    typed_features,
)
from leakgauge.membership.numeric_labels import labels_of
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.membership.pooling import LEAST_RECORDS, Side, pooled
from leakgauge.membership.tables import Table, read_tables
from leakgauge.membership.training_sets import TrainingData
from leakgauge.parameters import MembershipParameters
from leakgauge.report.model import Notice
from leakgauge.targets.opening import open_table_model
from leakgauge.targets.protocol import ModelTarget, TableTarget
from leakgauge.targets.sklearn.answer_forms import DecisionScores


@dataclass(frozen=True, slots=True)
class Inputs:
    """The target, asked about the pool already, and what a reader must know of both.

    Attributes
    ----------
    features
        columns of a table, or pixels and channels of an image.
    training_data
        what reference models may be trained on; None for the pool alone.
    """

    target: SharedAnswers
    pool: Pool
    features: int
    notices: tuple[Notice, ...]
    defences: tuple[Setting, ...] = ()
    training_data: TrainingData | None = None


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
    if target.gives == "predictions":
        check_suits_numbers(asked_for)
    notices = [*defended_notice(asked_for), *(Notice("model_file", text) for text in target.remarks)]
    files = [file for file in (bundle.members, bundle.non_members, bundle.population) if file is not None]
    tables = read_tables(
        [file.path for file in files],
        names=[file.name for file in files],
        limits=bundle.limits,
        header=parameters.header,
        expected=(*(target.feature_names or ()), *named_label(parameters)),
    )
    for table in tables:
        _check_size(table)
        notices += [Notice("table", f"{table.name}: {text}") for text in table.warnings]

    columns = columns_of(tables, parameters, target, notices)
    check_same_columns(tables[:2], columns)
    check_same_columns(tables, replace(columns, group=None))
    known = target.input_columns(len(columns.features))
    features = typed_features(tables, columns, target, known, notices)
    sides = [
        Side.of(table, of_table, columns, labels_of(target))
        for table, of_table in zip(tables, features, strict=True)
    ]
    pool, data = pooled(sides, target, known, parameters, notices)
    target = target.reading_scores(pool.x, pool.y)
    notices += _scores_notice(target, defences)
    return Inputs(
        target=_ask(DefendedTarget(target, defences) if defences else target, pool, sides),
        pool=pool,
        features=len(columns.features),
        notices=tuple(notices),
        defences=defences,
        training_data=data,
    )


def _check_size(table: Table) -> None:
    if len(table.frame) < LEAST_RECORDS:
        raise BadBundle(
            "too_few_records",
            f"{table.name} has {len(table.frame)} records; it takes {LEAST_RECORDS} to say anything.",
            hint="Send as many members and non-members as you can; from some hundreds of each the "
            "figures become useful.",
        )


def _ask(target: ModelTarget, pool: Pool, sides: Sequence[Side]) -> SharedAnswers:
    """The target with its answers about the whole pool, or an error that says why it cannot answer."""
    answers = SharedAnswers(target, pool)
    try:
        if target.gives == "predictions":
            answers.predictions(pool.x)
        else:
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
