"""From a bundle's files to a target and a pool that fit each other.

Every way in which model and tables may fail to fit has its own error, which
names file, line and column, never a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

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
from leakgauge.membership.given_references import Audited, GivenReferences, places_of, read_reference_models
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.membership.pooling import LEAST_RECORDS, Side, pooled
from leakgauge.membership.training_sets import TrainingData
from leakgauge.model_contents.find import TrainingTable
from leakgauge.parameters import MembershipParameters
from leakgauge.report.model import Notice
from leakgauge.tables import Table, read_rows, read_tables
from leakgauge.tables.bad_cells import blame_a_cell
from leakgauge.tables.columns import (
    check_same_columns,
    columns_of,
    named_label,
    typed_features,
)
from leakgauge.tables.numeric_labels import labels_of, settled_by_labels
from leakgauge.targets.input_columns import InputColumn, InputColumns
from leakgauge.targets.opening import open_table_model
from leakgauge.targets.protocol import ModelTarget, TableTarget
from leakgauge.targets.sklearn.answer_forms import DecisionScores


@dataclass(frozen=True, slots=True)
class Inputs:
    """The target, asked about the pool already, and what a reader must know of both.

    Attributes
    ----------
    features
        columns of a table, or pixels and channels of an image; 0 where answers alone are known.
    training_data
        what reference models may be trained on; None for the pool alone.
    references
        reference models that were trained elsewhere; None where they are to be trained here.
    members
        the table of members as it came, all of it and in its order; None where answers alone are known.
    names, columns
        of a table: the name of each column of the pool's rows, and what the target knows of it.
    """

    target: SharedAnswers
    pool: Pool
    features: int
    notices: tuple[Notice, ...]
    defences: tuple[Setting, ...] = ()
    training_data: TrainingData | None = None
    references: GivenReferences | None = None
    members: TrainingTable | None = None
    names: tuple[Any, ...] = ()
    columns: tuple[InputColumn, ...] = ()


def read_inputs(bundle: MembershipBundle, parameters: MembershipParameters) -> Inputs:
    """Open the model, read the tables, fit one to the other, and ask the model about every record.

    Raises
    ------
    LeakgaugeError
        for whatever does not fit, with file, line and column.
    """
    asked_for = settings_of(parameters.defences)
    if bundle.model is None:
        raise ValueError("the bundle has no model")
    target = open_table_model(bundle.model.path)
    notices = [Notice("model_file", text) for text in target.remarks]
    tables = tables_of(bundle, parameters, target.feature_names or (), notices)
    target = settled_by_labels(target, tables, parameters.label_column, notices)
    sides, known = sides_of(tables, parameters, target, notices)
    inputs = fitted_inputs(target, sides, known, parameters, notices, asked_for=asked_for)
    return with_references(inputs, bundle, sides)


def tables_of(
    bundle: MembershipBundle,
    parameters: MembershipParameters,
    feature_names: Sequence[str],
    notices: list[Notice],
) -> tuple[Table, ...]:
    """The tables of members, of non-members and, where there is one, of other records.

    Parameters
    ----------
    feature_names
        columns that are looked for in the first row, to tell whether it names them.
    notices
        what a reader must know is added here.

    Raises
    ------
    LeakgaugeError
        for tables that cannot be read, or are too small.
    """
    tables = _tables(bundle, parameters, feature_names)
    for table in tables:
        check_size(table.name, len(table.frame))
        notices += [Notice("table", f"{table.name}: {text}") for text in table.warnings]
    return tables


def sides_of(
    tables: Sequence[Table], parameters: MembershipParameters, target: TableTarget, notices: list[Notice]
) -> tuple[list[Side], InputColumns]:
    """The tables taken apart as the target takes them, and what it knows of its columns.

    Raises
    ------
    LeakgaugeError
        for whatever does not fit, with file, line and column.
    """
    columns = columns_of(tables, parameters, target, notices)
    check_same_columns(tables[:2], columns)
    check_same_columns(tables, replace(columns, group=None))
    known = target.input_columns(len(columns.features))
    features = typed_features(tables, columns, target, known, notices)
    sides = [
        Side.of(table, of_table, columns, labels_of(target))
        for table, of_table in zip(tables, features, strict=True)
    ]
    return sides, known


def with_references(inputs: Inputs, bundle: MembershipBundle, sides: Sequence[Side]) -> Inputs:
    """The inputs with the reference models whose answers the bundle brings, if it brings any.

    Raises
    ------
    BadBundle
        for answers that do not fit.
    """
    if not bundle.reference_answers:
        return inputs
    models = read_reference_models(
        bundle.reference_answers,
        limits=bundle.limits,
        target=Audited(
            inputs.target.classes,
            np.concatenate([side.y for side in sides[:2]]),
            inputs.defences,
            inputs.target.error_scale,
        ),
    )
    places = places_of(inputs.pool.row, inputs.pool.member, len(sides[0].y))
    return replace(inputs, references=GivenReferences([model.at(places) for model in models]))


def _tables(
    bundle: MembershipBundle, parameters: MembershipParameters, feature_names: Sequence[str]
) -> tuple[Table, ...]:
    """Tables of members, of non-members and, where the bundle has one, of other records."""
    if bundle.labels:
        sides = zip((bundle.members, bundle.non_members), bundle.labels, strict=True)
        return tuple(read_rows(rows, labels, bundle.limits) for rows, labels in sides)
    files = [file for file in (bundle.members, bundle.non_members, bundle.population) if file is not None]
    return read_tables(
        [file.path for file in files],
        names=[file.name for file in files],
        limits=bundle.limits,
        header=parameters.header,
        expected=(*feature_names, *named_label(parameters)),
    )


def fitted_inputs(
    target: TableTarget,
    sides: Sequence[Side],
    known: InputColumns,
    parameters: MembershipParameters,
    notices: Sequence[Notice],
    *,
    asked_for: Sequence[Setting] = (),
) -> Inputs:
    """Make a pool of the sides, put the target behind its defences, and ask it about every record.

    Parameters
    ----------
    sides
        members, non-members and, where there is one, the table of other records.
    known
        what the target knows of its columns.
    notices
        what is known by now that a reader must know.
    asked_for
        output defences, in the order of application.

    Raises
    ------
    LeakgaugeError
        for records that no figure can come of, or a model that cannot answer about them.
    """
    if target.gives == "predictions":
        check_suits_numbers(asked_for)
    defences = not_undone(asked_for)
    notices = [*defended_notice(asked_for), *notices]
    pool, data = pooled(sides, target, known, parameters, notices)
    target, readings = _reading(target, pool, sides, known)
    notices += [*readings, *_scores_notice(target, defences)]
    return Inputs(
        target=_ask(DefendedTarget(target, defences) if defences else target, pool, sides, known),
        pool=pool,
        features=len(known.columns),
        notices=tuple(notices),
        defences=defences,
        training_data=data,
        members=TrainingTable(target.as_input(sides[0].features), sides[0].y),
        names=tuple(pool.x.columns if isinstance(pool.x, pd.DataFrame) else sides[0].features.columns),
        columns=known.columns,
    )


def check_size(name: str, records: int) -> None:
    """Refuse a table of which no figure would mean anything.

    Raises
    ------
    BadBundle
        `too_few_records`.
    """
    if records < LEAST_RECORDS:
        raise BadBundle(
            "too_few_records",
            f"{name} has {records} records; it takes {LEAST_RECORDS} to say anything.",
            hint="Send as many members and non-members as you can; from some hundreds of each the "
            "figures become useful.",
        )


def _reading(
    target: TableTarget, pool: Pool, sides: Sequence[Side], known: InputColumns
) -> tuple[TableTarget, list[Notice]]:
    """The target with its scores read for what they are, and what a reader must know of that."""
    with _blaming_a_cell(sides, known):
        reading = target.reading_scores(pool.x, pool.y)
    new = [text for text in reading.remarks if text not in target.remarks]
    return reading, [Notice("model_file", text) for text in new]


def _ask(target: ModelTarget, pool: Pool, sides: Sequence[Side], known: InputColumns) -> SharedAnswers:
    """The target with its answers about the whole pool, or an error that says why it cannot answer."""
    answers = SharedAnswers(target, pool)
    with _blaming_a_cell(sides, known):
        answers.remember()
    return answers


@contextmanager
def _blaming_a_cell(sides: Sequence[Side], known: InputColumns) -> Iterator[None]:
    """The first cell that the model cannot take is named, where it is asked here and cannot answer."""
    try:
        yield
    except UnsupportedModel as refusal:
        if refusal.problem == "prediction_failed":
            blame_a_cell(refusal, [(side.table, side.features) for side in sides], known)
        raise


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
