"""From a bundle to what an audit of class profiles works on: model, attacker's records, real ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leakgauge.bundle import ProfilesBundle
from leakgauge.defences.output import DefendedTarget, defended_notice, not_undone, settings_of
from leakgauge.errors import BadBundle, BadParameters, UnsupportedModel
from leakgauge.parameters import ProfilesParameters
from leakgauge.profiles.columns import taken_apart
from leakgauge.profiles.layout import Layout
from leakgauge.profiles.measure import LEAST_RECORDS
from leakgauge.profiles.protocol import Knowledge
from leakgauge.profiles.ranges import sampled_within
from leakgauge.randomness import generator_for
from leakgauge.report.model import AuxiliaryKnowledge, Notice
from leakgauge.tables import Table, read_tables
from leakgauge.tables.bad_cells import blame_a_cell
from leakgauge.tables.column_types import typed
from leakgauge.tables.label_column import DEFAULT_LABEL
from leakgauge.tables.labels import named, named_list, places_among, shown_classes
from leakgauge.targets.input_columns import InputColumns
from leakgauge.targets.opening import open_table_model
from leakgauge.targets.protocol import FloatArray, IntArray, TableTarget

MOST_CLASSES = 10
"""Classes that are profiled when nobody names one."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What an audit works on.

    Attributes
    ----------
    model
        the model itself, of which the report speaks; attacks ask through `knowledge`.
    classes
        positions in the model's classes of those that are profiled.
    reference
        by class, (n, width) coded real records of it, where there are enough.
    reference_counts
        by class, how many reference records there are of it.
    """

    model: TableTarget
    knowledge: Knowledge
    classes: tuple[int, ...]
    layout: Layout
    auxiliary: FloatArray
    reference: Mapping[int, FloatArray]
    reference_counts: Mapping[int, int]
    has_reference: bool
    known: AuxiliaryKnowledge
    notices: tuple[Notice, ...]


def read_inputs(bundle: ProfilesBundle, parameters: ProfilesParameters) -> Inputs:
    """Open the model, read the tables and fit one to the other.

    Raises
    ------
    LeakgaugeError
        for whatever does not fit, with file, line and column.
    """
    asked_for = settings_of(parameters.defences)
    model = open_table_model(bundle.model.path)
    check_has_classes(model)
    notices = [*defended_notice(asked_for), *(Notice("model_file", text) for text in model.remarks)]
    auxiliary, reference = _tables(bundle, parameters, model, notices)
    apart = taken_apart(auxiliary, reference, parameters, model, notices)
    known = model.input_columns(len(apart.features[0].frame.columns))
    names = list(apart.features[0].frame.columns)
    frames = list(typed(apart.features, names, known, notices, trained_on=False))
    labels = None
    if reference is not None:
        labels = positions(reference, apart.label, model)
    source = Source(apart.features[0], holds_ranges=bundle.holds_ranges)
    return fitted_inputs(model, source, frames, labels, known, parameters, notices)


def check_has_classes(model: TableTarget) -> None:
    """Refuse a model that predicts numbers.

    Raises
    ------
    UnsupportedModel
        `no_classes`.
    """
    if model.gives == "predictions" or len(model.classes) < 2:
        raise UnsupportedModel(
            "no_classes",
            f"A {model.type_name} predicts numbers, and a class profile is what the records of one class "
            "have in common.",
            hint="Audit a classifier, or wrap the regressor so that it answers with bands of its prediction.",
        )


def _tables(
    bundle: ProfilesBundle, parameters: ProfilesParameters, model: TableTarget, notices: list[Notice]
) -> tuple[Table, Table | None]:
    files = [file for file in (bundle.auxiliary, bundle.reference) if file is not None]
    label = parameters.label_column or DEFAULT_LABEL
    tables = read_tables(
        [file.path for file in files],
        names=[file.name for file in files],
        limits=bundle.limits,
        header=parameters.header,
        expected=(*(model.feature_names or ()), *([] if label.isdecimal() else [label])),
    )
    for table in tables:
        notices += [Notice("table", f"{table.name}: {text}") for text in table.warnings]
    return tables[0], tables[1] if len(tables) > 1 else None


def check_size(name: str, records: int) -> None:
    """Refuse a table of records of which no figure would mean anything.

    Raises
    ------
    BadBundle
        `too_few_records`.
    """
    if records < LEAST_RECORDS:
        raise BadBundle(
            "too_few_records",
            f"{name} has {records} records; it takes {LEAST_RECORDS} to say anything.",
            hint="Send as many records as an attacker can have; one who knows no more than what values are "
            "possible is audited with ranges.csv.",
        )


@dataclass(frozen=True, slots=True)
class Source:
    """Where the attacker's records come from: a table of them, or of the ranges that they are made within."""

    table: Table
    holds_ranges: bool


def fitted_inputs(
    model: TableTarget,
    source: Source,
    frames: Sequence[pd.DataFrame],
    labels: IntArray | None,
    known: InputColumns,
    parameters: ProfilesParameters,
    notices: list[Notice],
) -> Inputs:
    """The inputs, once the tables have the types that the model knows.

    Parameters
    ----------
    frames
        features of the attacker's table, and of the reference records if there are any.
    labels
        (n,) positions in the model's classes of the latter.

    Raises
    ------
    LeakgaugeError
        for records that no figure can come of, or a model that cannot answer about them.
    """
    whole, *others = frames
    frame = _attackers(source, whole, parameters, notices)
    if labels is not None:
        model = _reading_scores(model, others[0], labels, notices)
    defences = not_undone(settings_of(parameters.defences))
    asked = DefendedTarget(model, defences) if defences else model
    knowledge = Knowledge(frame, asked, model.as_input)
    with _blaming_a_cell(source, whole, known):
        knowledge.ask()
    layout = _layout([frame, *others], known, notices)
    classes = _classes(parameters, model, notices)
    counts = {number: 0 if labels is None else int((labels == number).sum()) for number in classes}
    reference = {}
    if labels is not None:
        reference = _of_classes(layout.coded(others[0]), labels, counts, model, parameters, notices)
    return Inputs(
        model=model,
        knowledge=knowledge,
        classes=classes,
        layout=layout,
        auxiliary=layout.coded(frame),
        reference=reference,
        reference_counts=counts,
        has_reference=labels is not None,
        known=AuxiliaryKnowledge("ranges" if source.holds_ranges else "records", len(frame)),
        notices=tuple(notices),
    )


def _attackers(
    source: Source, whole: pd.DataFrame, parameters: ProfilesParameters, notices: list[Notice]
) -> pd.DataFrame:
    """The records that the attacker asks about: his own, or made up within ranges."""
    name = source.table.name
    if not source.holds_ranges:
        check_size(name, len(whole))
        rows = _sampled(name, len(whole), parameters, notices)
        return whole.iloc[rows].reset_index(drop=True)
    made = sampled_within(whole, generator_for(parameters.seed, "records within ranges"))
    notices.append(
        Notice(
            "ranges",
            f"{name} holds what values are possible and no records: {len(made):,} were sampled evenly from "
            "that. Everybody stands in this report for these, not for a population.",
        )
    )
    return made


def _layout(frames: Sequence[pd.DataFrame], known: InputColumns, notices: list[Notice]) -> Layout:
    layout = Layout.of(frames, known)
    if not layout.columns:
        raise BadBundle(
            "nothing_to_profile",
            "No column of the tables differs from record to record, but for free text.",
            hint="Send records as the model was trained on them.",
        )
    if layout.left_out:
        notices.append(
            Notice(
                "columns_left_out",
                "Columns of free text, or the same in every record, have no profile: "
                f"{named_list(list(layout.left_out))}.",
            )
        )
    return layout


def positions(reference: Table, column: object, model: TableTarget) -> IntArray:
    """(n,) positions in the model's classes; unlike those of members, all may be of one class.

    Raises
    ------
    BadBundle
        `unknown_labels`, with file and line.
    """
    labels = places_among(reference.frame[column], model.classes)
    unknown = labels < 0
    if unknown.any():
        row = int(np.argmax(unknown))
        raise BadBundle(
            "unknown_labels",
            f"{reference.name} has {int(unknown.sum()):,} of {len(labels):,} records without a label that "
            f"the model knows, the first in {reference.place(row)}.",
            hint=f"The label column is {named(column)} and the model's classes are "
            f"{shown_classes(model.classes)}; set label_column in parameters.json if another column holds "
            "the label.",
        )
    return labels


def _classes(parameters: ProfilesParameters, model: TableTarget, notices: list[Notice]) -> tuple[int, ...]:
    asked = parameters.class_to_attack
    if asked == "all":
        return tuple(range(len(model.classes)))
    if asked is None:
        if len(model.classes) > MOST_CLASSES:
            notices.append(
                Notice(
                    "first_classes",
                    f"The model has {len(model.classes):,} classes; the first {MOST_CLASSES} were profiled. "
                    "Set class_to_attack to choose others.",
                )
            )
        return tuple(range(min(len(model.classes), MOST_CLASSES)))
    places = places_among(pd.Series(list(asked), dtype=object), model.classes)
    if (places < 0).any():
        message = f"the model has no such class; its classes are {shown_classes(model.classes)}"
        raise BadParameters.about(
            "class_to_attack",
            message,
            problem="unknown_class",
            message=f"class_to_attack: {message}.",
            hint="Write a class as the labels of the reference records have it.",
        )
    return tuple(sorted({int(place) for place in places}))


def _of_classes(
    coded: FloatArray,
    labels: IntArray,
    counts: Mapping[int, int],
    model: TableTarget,
    parameters: ProfilesParameters,
    notices: list[Notice],
) -> dict[int, FloatArray]:
    """The reference records of each class of which there are enough."""
    found: dict[int, FloatArray] = {}
    for number, count in counts.items():
        if count < LEAST_RECORDS:
            continue
        of_class = coded[labels == number]
        name = f"reference records of class {model.classes[number]}"
        found[number] = of_class[_sampled(name, count, parameters, notices)]
    return found


def _sampled(name: str, count: int, parameters: ProfilesParameters, notices: list[Notice]) -> IntArray:
    """Places of the records that are used of so many."""
    most = parameters.max_records
    if count <= most:
        return np.arange(count, dtype=np.int64)
    notices.append(
        Notice(
            "sampled",
            f"{name}: {most:,} of {count:,} records are used, drawn at random; raise max_records to use "
            "more.",
        )
    )
    rng = generator_for(parameters.seed, f"sample of {name}")
    return np.sort(rng.choice(count, most, replace=False)).astype(np.int64)


def _reading_scores(
    model: TableTarget, frame: pd.DataFrame, labels: IntArray, notices: list[Notice]
) -> TableTarget:
    """A model of decision scores read as probabilities, at the scale that fits the reference records."""
    if model.has_probabilities or len(np.unique(labels)) < 2:
        return model
    reading = model.reading_scores(model.as_input(frame), labels)
    if reading.has_probabilities:
        notices.append(
            Notice(
                "decision_scores",
                f"A {model.type_name} gives decision scores, not probabilities. Attacks read them as a "
                "softmax, at the scale at which they fit the reference records best.",
            )
        )
    return reading


@contextmanager
def _blaming_a_cell(source: Source, features: pd.DataFrame, known: InputColumns) -> Iterator[None]:
    """The first cell that the model cannot take is named, where records have rows in a file."""
    try:
        yield
    except UnsupportedModel as refusal:
        if refusal.problem == "prediction_failed" and not source.holds_ranges:
            blame_a_cell(refusal, [(source.table, features)], known)
        raise
