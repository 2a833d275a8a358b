"""From what was found to the tree of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from leakgauge.estimates import Estimate
from leakgauge.profiles.inputs import Inputs
from leakgauge.profiles.layout import ProfiledColumn
from leakgauge.profiles.measure import Evidence, column_figures
from leakgauge.profiles.running import Found, Outcome, Run, everybody
from leakgauge.profiles.verdict import NOTHING_TO_LEARN, strength
from leakgauge.report.formatting import quantity_value
from leakgauge.report.model import (
    ClassFigures,
    ClassProfile,
    Failed,
    NotApplicable,
    ProfileColumn,
    ProfileMetrics,
    ProfileRow,
    ProfilesMeasured,
    ProfilesTarget,
    ProfileValue,
)
from leakgauge.targets.protocol import FloatArray
from leakgauge.text import Sink, printable

_MOST_NAMED = 3
"""Columns that a sentence names."""
_LONGEST = 60


def class_name(inputs: Inputs, number: int) -> str:
    """The label of a class, printable."""
    return printable(str(inputs.model.classes[number]), Sink.PAGE, longest=_LONGEST)


def target_of(inputs: Inputs) -> ProfilesTarget:
    """The model, for the report."""
    classes = tuple(class_name(inputs, number) for number in range(len(inputs.model.classes)))
    return ProfilesTarget(inputs.model.type_name, classes, inputs.knowledge.frame.shape[1])


def attacks_of(
    outcomes: Sequence[Outcome], inputs: Inputs
) -> tuple[ProfilesMeasured | NotApplicable | Failed, ...]:
    """What became of every attack, for the report."""
    return tuple(_attack(outcome, inputs) if isinstance(outcome, Run) else outcome for outcome in outcomes)


def _attack(run: Run, inputs: Inputs) -> ProfilesMeasured:
    measured = [found.figures for found in run.found.values() if found.figures is not None]
    worst = max(measured, key=strength, default=None)
    metrics = None
    if worst is not None:
        metrics = ProfileMetrics(
            leakage=worst.leakage,
            gain=worst.gain,
            error=worst.error,
            chance=worst.chance,
            ceiling=worst.ceiling,
            leakage_corrected=worst.leakage_corrected,
            gain_corrected=worst.gain_corrected,
        )
    classes = []
    for number in inputs.classes:
        name = class_name(inputs, number)
        if number in run.found:
            found = run.found[number]
            classes.append(ClassFigures(name, found.records, found.figures, found.withheld))
        else:
            classes.append(ClassFigures(name, 0.0, None, run.unsuited[number]))
    row = run.attack
    return ProfilesMeasured(
        row.name, row.title, row.threat_model, row.citation, run.queries, metrics, tuple(classes)
    )


def profiles_of(
    outcomes: Sequence[Outcome], inputs: Inputs, evidence: Mapping[int, Evidence]
) -> tuple[ClassProfile, ...]:
    """For each class the profile by the attack that showed most of it; else by the first that tells of it."""
    profiles = []
    for number in inputs.classes:
        runs = [run for run in outcomes if isinstance(run, Run) and number in run.found]
        if runs:
            run = max(runs, key=lambda run: _order(run.found[number]))
            profiles.append(_profile(run, number, inputs, evidence))
    return tuple(profiles)


def _order(found: Found) -> tuple[float, ...]:
    # equal ones stay in the order of the table of attacks, whose first is the plainest
    return (-np.inf,) if found.figures is None else strength(found.figures)


def rows_of(profiles: Sequence[ClassProfile]) -> tuple[ProfileRow, ...]:
    """The rows of `output.csv`."""
    return tuple(
        ProfileRow(
            profile.target_class,
            column.name,
            *(
                None if found is None else found.value
                for found in (column.error, column.chance, column.ceiling)
            ),
        )
        for profile in profiles
        for column in profile.columns
    )


def _profile(run: Run, number: int, inputs: Inputs, evidence: Mapping[int, Evidence]) -> ClassProfile:
    found, real = run.found[number], inputs.reference.get(number)
    seen = _Seen(
        found.profile,
        everybody(inputs),
        None if real is None else inputs.layout.profiles(real, np.ones(len(real))),
    )
    apart = inputs.layout.distances(seen.attacker, seen.everybody)
    columns = []
    for place, column in enumerate(inputs.layout.columns):
        errors: tuple[Estimate | None, Estimate | None, Estimate | None] = (None, None, None)
        if found.distances is not None:
            errors = column_figures(evidence[number], found.distances, place)
        columns.append(seen.column(column, float(apart[place]), errors))
    columns.sort(key=lambda column: -column.apart)
    name = class_name(inputs, number)
    return ClassProfile(
        name, run.attack.name, inputs.reference_counts[number], sentence(columns), tuple(columns)
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """(width,) profiles: the attacker's, that of everybody, and the real one where it is known."""

    attacker: FloatArray
    everybody: FloatArray
    real: FloatArray | None

    def column(
        self,
        column: ProfiledColumn,
        apart: float,
        errors: tuple[Estimate | None, Estimate | None, Estimate | None],
    ) -> ProfileColumn:
        """One column of all three."""
        return ProfileColumn(
            name=column.name,
            kind="number" if column.is_number else "category",
            unit=column.unit,
            apart=apart,
            everybody=_mean(column, self.everybody),
            attacker=_mean(column, self.attacker),
            real=_mean(column, self.real),
            values=tuple(
                ProfileValue(
                    value,
                    float(self.everybody[column.start + place]),
                    float(self.attacker[column.start + place]),
                    None if self.real is None else float(self.real[column.start + place]),
                )
                for place, value in enumerate(column.values)
            ),
            error=errors[0],
            chance=errors[1],
            ceiling=errors[2],
        )


def _mean(column: ProfiledColumn, profile: FloatArray | None) -> float | None:
    """The mean of a column of numbers; None of any other, and where no record has a number."""
    if not column.is_number or profile is None or not np.isfinite(profile[column.start]):
        return None
    return float(column.middle + column.unit * profile[column.start])


def sentence(columns: Sequence[ProfileColumn]) -> str:
    """What sets the class apart, in words; columns that do so most come first."""
    apart = [column for column in columns[:_MOST_NAMED] if column.apart >= NOTHING_TO_LEARN]
    phrases = [words for column in apart if (words := in_words(column))]
    if not phrases:
        return "By the attacker's profile the class is like everybody."
    return f"Compared with everybody: {'; '.join(phrases)}."


def in_words(column: ProfileColumn) -> str:
    """How a column of the attacker's profile differs from everybody; empty where it says nothing."""
    if column.kind == "number":
        if column.everybody is None or column.attacker is None:
            return ""
        more = "higher" if column.attacker > column.everybody else "lower"
        means = f"{quantity_value(column.attacker)} against {quantity_value(column.everybody)}"
        return f"{column.name} {more} ({means})"
    value = max(column.values, key=lambda value: value.attacker - value.everybody)
    return (
        f"{column.name} more often “{value.value}” ({100 * value.attacker:.0f} % against "
        f"{100 * value.everybody:.0f} %)"
    )
