"""What the membership page shows, put in order and into words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Self

from markupsafe import Markup

from leakgauge.estimates import Estimate, RateAtLimit
from leakgauge.report import formatting
from leakgauge.report.contents_words import how_much, remedies, where
from leakgauge.report.html.attributes import AttributeSection
from leakgauge.report.html.charts.membership import proportion_chart, rebuilt_chart, slice_chart
from leakgauge.report.html.charts.roc import RocCurve, roc_chart
from leakgauge.report.html.charts.tradeoff import tradeoff_chart
from leakgauge.report.model import (
    AttackerFinding,
    ExposedRecord,
    Failed,
    HeldField,
    MembershipMeasured,
    MembershipReport,
    NotApplicable,
    Slice,
    ThreatModel,
)
from leakgauge.text import Sink, printable

_ROC_STYLES: dict[ThreatModel, int] = {
    "labels": 0,
    "probabilities": 1,
    "scores": 1,
    "predictions": 1,
    "model_file": 2,
}
"""A model gives probabilities, scores or predictions, never two of them."""
_MOST_CHARTED_SLICES = 20
_EXAMPLES = 3  # of records that tie
_MOST_RECORDS = 20
_MOST_FIELDS = 20
_LONGEST_PLACE = 200
_FOOTNOTE_SIGNS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class RateCell:
    """A true-positive rate, or the sign of the footnote that says why it is withheld."""

    shown: str
    interval: str
    footnote: str


@dataclass(frozen=True, slots=True)
class AttackRow:
    """One measured attack in the table; `rates` stand in the order of the page's `limits`."""

    attack: MembershipMeasured
    rates: tuple[RateCell, ...]


@dataclass(frozen=True, slots=True)
class AttackGroup:
    """The attacks of one threat model: measured ones by strength, then those without a figure."""

    threat_model: ThreatModel
    title: str
    measured: tuple[AttackRow, ...]
    without_figure: tuple[NotApplicable | Failed, ...]


@dataclass(frozen=True, slots=True)
class LeakedFile:
    """The section about attackers who hold the model file.

    `reads` has, for each attack that gave a figure, its title and what it reads in the file;
    `can_be_stripped` is False where stripping the file would help against none of them.
    """

    group: AttackGroup
    reads: tuple[tuple[str, str], ...]
    can_be_stripped: bool


@dataclass(frozen=True, slots=True)
class SliceFigure:
    """Classes or groups, the most exposed first; only the first `shown` of them are in the chart.

    Where there are groups, which somebody asked for, the classes have their table alone.
    """

    title: str
    column: str
    slices: tuple[Slice, ...]
    shown: int
    chart: Markup | None


@dataclass(frozen=True, slots=True)
class StandingOut:
    """A row of the table of records: one record, or several that tie and that the table cannot all show.

    `rows` are those that are named; `tied` is how many have this rate in all. `draw_error` is the largest of
    theirs, None where none is known.
    """

    rows: tuple[int, ...]
    tied: int
    attacks: tuple[str, ...]
    rate: Estimate
    draw_error: float | None

    @property
    def is_group(self) -> bool:
        """Whether the row stands for more records than it names."""
        return self.tied > len(self.rows)


@dataclass(frozen=True, slots=True)
class AttackerRow:
    """An attacker with his strongest attack and its rate at 1 % false positives."""

    title: str
    holds: str
    finding: AttackerFinding
    attack: str
    rate: RateCell


@dataclass(frozen=True, slots=True)
class MembershipPage:
    """Everything that `membership.html.j2` needs beside the report itself."""

    limits: tuple[str, ...]
    attackers: tuple[AttackerRow, ...]
    groups: tuple[AttackGroup, ...]
    leaked_file: LeakedFile | None
    footnotes: tuple[tuple[str, str], ...]
    roc_chart: Markup | None
    proportion_chart: Markup | None
    slice_figures: tuple[SliceFigure, ...]
    tradeoff_chart: Markup | None
    records: tuple[StandingOut, ...]
    ties: bool
    further_records: int
    titles: Mapping[str, str]
    parameters: tuple[tuple[str, str], ...]
    held: tuple[tuple[str, str], ...]
    remedies: tuple[str, ...]
    rebuilt_chart: Markup | None
    attributes: AttributeSection | None

    @classmethod
    def of(cls, report: MembershipReport) -> Self:
        """The page of `report`."""
        measured = sorted(
            (attack for attack in report.attacks if isinstance(attack, MembershipMeasured)),
            key=lambda attack: attack.metrics.auc_corrected.low,
            reverse=True,
        )
        limits = tuple(dict.fromkeys(key for attack in measured for key in attack.metrics.tpr_at_fpr))
        signs = _footnote_signs(measured)
        groups = _groups(report, measured, limits, signs)
        standing_out, shown = _standing_out(report.records)
        return cls(
            limits=limits,
            attackers=tuple(_attacker_row(finding, report) for finding in report.attackers),
            groups=tuple(group for group in groups if group.threat_model != "model_file"),
            leaked_file=next(map(_leaked_file, (g for g in groups if g.threat_model == "model_file")), None),
            footnotes=tuple((sign, reason) for reason, sign in signs.items()),
            roc_chart=_roc_chart(measured, report),
            proportion_chart=(
                proportion_chart(report.leak_by_proportion, identifier="proportions")
                if report.leak_by_proportion
                else None
            ),
            slice_figures=tuple(_slice_figures(report.slices)),
            tradeoff_chart=(
                tradeoff_chart(
                    report.tradeoffs.changes, knee=report.tradeoffs.knee, identifier="tradeoffs-chart"
                )
                if report.tradeoffs and report.tradeoffs.changes
                else None
            ),
            records=standing_out,
            ties=any(first.rate == last.rate for first, last in pairwise(standing_out))
            or any(record.is_group for record in standing_out),
            further_records=len(report.records) - shown,
            titles={attack.name: attack.title for attack in report.attacks},
            parameters=tuple(
                (key, json.dumps(value, ensure_ascii=False)) for key, value in report.parameters.items()
            ),
            held=tuple(
                (printable(where(field), Sink.PAGE, longest=_LONGEST_PLACE), how_much(field))
                for field in _held(report)
            ),
            remedies=remedies(report.contents) if report.contents else (),
            rebuilt_chart=_rebuilt_chart(report),
            attributes=AttributeSection.of(report.attributes) if report.attributes else None,
        )


def _held(report: MembershipReport) -> tuple[HeldField, ...]:
    return report.contents.fields[:_MOST_FIELDS] if report.contents else ()


def _rebuilt_chart(report: MembershipReport) -> Markup | None:
    rebuilt = report.contents.rebuilt if report.contents else None
    compared = rebuilt.compared if rebuilt else None
    return None if compared is None else rebuilt_chart(compared, identifier="rebuilt")


def _attacker_row(finding: AttackerFinding, report: MembershipReport) -> AttackerRow:
    title, holds = formatting.ATTACKERS[finding.attacker]
    attack = next((one.title for one in report.attacks if one.name == finding.attack), "none gave a figure")
    rate = RateCell("–", "", "")
    if finding.tpr_at_1_percent_fpr is not None:
        found = formatting.rate(finding.tpr_at_1_percent_fpr)
        rate = RateCell("withheld", "", "")
        if found is not None:
            rate = RateCell(formatting.percent_value(found), formatting.percent_interval(found), "")
    return AttackerRow(title, holds, finding, attack, rate)


def _standing_out(records: Sequence[ExposedRecord]) -> tuple[tuple[StandingOut, ...], int]:
    """The rows of the table, and how many records it names.

    Records that tie are named one by one where all of them find room, else by a few examples: the first
    of several hundred equals is not more exposed than the last.
    """
    rows: list[StandingOut] = []
    shown = 0
    for rate, equals in groupby(records, key=lambda record: record.false_positive_rate):
        alike = list(equals)
        tied = max(alike[0].tied or 0, len(alike))
        if len(rows) + tied <= _MOST_RECORDS and tied == len(alike):
            rows += [StandingOut((one.row,), 1, (one.attack,), rate, one.draw_error) for one in alike]
            shown += tied
        elif len(rows) < _MOST_RECORDS:
            named = alike[:_EXAMPLES]
            attacks = tuple(dict.fromkeys(one.attack for one in alike))
            errors = [one.draw_error for one in alike if one.draw_error is not None]
            error = max(errors, default=None)
            rows.append(StandingOut(tuple(one.row for one in named), tied, attacks, rate, error))
            shown += len(named)
        else:
            break
    return tuple(rows), shown


def _footnote_signs(measured: list[MembershipMeasured]) -> dict[str, str]:
    """A sign for each different reason to withhold a rate: most attacks share theirs."""
    reasons = dict.fromkeys(
        _reason(found)
        for attack in measured
        for found in attack.metrics.tpr_at_fpr_corrected.values()
        if formatting.rate(found) is None
    )
    return {reason: _FOOTNOTE_SIGNS[place % 26] * (1 + place // 26) for place, reason in enumerate(reasons)}


def _reason(found: RateAtLimit) -> str:
    return found.withheld or "no reason was given"


def _groups(
    report: MembershipReport,
    measured: list[MembershipMeasured],
    limits: tuple[str, ...],
    signs: Mapping[str, str],
) -> list[AttackGroup]:
    groups = []
    for threat_model, title in formatting.THREAT_MODEL_TITLES.items():
        rows = tuple(
            AttackRow(
                attack,
                tuple(_rate_cell(attack.metrics.tpr_at_fpr_corrected.get(key), signs) for key in limits),
            )
            for attack in measured
            if attack.threat_model == threat_model
        )
        without_figure = tuple(
            attack
            for attack in report.attacks
            if not isinstance(attack, MembershipMeasured) and attack.threat_model == threat_model
        )
        if rows or without_figure:
            groups.append(AttackGroup(threat_model, title, rows, without_figure))
    return groups


def _leaked_file(group: AttackGroup) -> LeakedFile:
    measured = [row.attack for row in group.measured]
    return LeakedFile(
        group,
        reads=tuple((attack.title, attack.reads) for attack in measured if attack.reads is not None),
        can_be_stripped=bool(measured),
    )


def _rate_cell(found: RateAtLimit | None, signs: Mapping[str, str]) -> RateCell:
    if found is None:
        return RateCell("–", "", "")
    rate = formatting.rate(found)
    if rate is None:
        return RateCell("withheld", "", signs[_reason(found)])
    return RateCell(formatting.percent_value(rate), formatting.percent_interval(rate), "")


def _roc_chart(measured: list[MembershipMeasured], report: MembershipReport) -> Markup | None:
    """The curve of the strongest attack of each threat model."""
    curves = []
    for threat_model, style in _ROC_STYLES.items():
        strongest = next((attack for attack in measured if attack.threat_model == threat_model), None)
        if strongest is not None:
            label = f"{formatting.THREAT_MODEL_NAMES[threat_model]}: {strongest.title}"
            curves.append(RocCurve(label, strongest.roc, strongest.metrics.tpr_at_fpr_corrected, style))
    if not curves:
        return None
    return roc_chart(curves, report.target.non_members, identifier="roc")


def _slice_figures(slices: tuple[Slice, ...]) -> list[SliceFigure]:
    figures = []
    for by, title, column in (
        ("class", "Exposure of each class", "Class"),
        ("band", "Exposure of each fifth of the labels", "Labels"),
        ("group", "Exposure of each group", "Group"),
    ):
        ordered = sorted(
            (part for part in slices if part.by == by),
            key=lambda part: part.auc.low if part.auc else -1.0,
            reverse=True,
        )
        if not ordered:
            continue
        charted = [part for part in ordered if part.auc is not None][:_MOST_CHARTED_SLICES]
        if by != "group" and any(part.by == "group" for part in slices):
            charted = []
        chart = slice_chart(charted, identifier=f"slices-{by}", title=title) if charted else None
        figures.append(SliceFigure(title, column, tuple(ordered), len(charted), chart))
    return figures
