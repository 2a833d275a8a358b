"""What a reader without time sees: how bad it is, whom it concerns, what to do, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

from leakgauge.report import formatting, risk, thresholds
from leakgauge.report.model import (
    InversionReport,
    MembershipReport,
    NotApplicable,
    Recommendation,
    Report,
    Severity,
    TriedChange,
)
from leakgauge.text import Sink, printable

SHOWN: Final = (Severity.MODERATE, Severity.HIGH, Severity.CRITICAL)
"""Severities that say that a leak was shown."""
_MOST_ACTIONS: Final = 3
_UNMEASURED: Final = "not measured; audit again after the change"
_DETAILS: Final = {"model": "Model", "author": "Author", "date": "Date", "purpose": "Purpose"}
_LONGEST_DETAIL: Final = 500


@dataclass(frozen=True, slots=True)
class Step:
    """One severity, the figures from which on it is reached, and whether this report is there."""

    severity: Severity
    limits: str
    here: bool


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do, with what it saves and costs, measured or said to be unmeasured."""

    title: str
    text: str
    because: str
    saves: str
    costs: str


@dataclass(frozen=True, slots=True)
class FirstPage:
    """Everything that the first page shows beside the verdict.

    Attributes
    ----------
    title, details
        what the sender says of the report; None and nothing where he said nothing.
    further
        recommendations for which the first page has no room.
    """

    title: str | None
    details: tuple[tuple[str, str], ...]
    scale: tuple[Step, ...]
    people: tuple[str, ...]
    actions: tuple[Action, ...]
    further: tuple[Recommendation, ...]
    sureness: tuple[str, ...]

    @classmethod
    def of(cls, report: Report) -> Self:
        """The first page of `report`."""
        said = report.parameters.get("report")
        details = said if isinstance(said, dict) else {}
        title = details.get("title")
        return cls(
            title=printable(title, Sink.PAGE, longest=_LONGEST_DETAIL) if isinstance(title, str) else None,
            details=tuple(
                (word, printable(text, Sink.PAGE, longest=_LONGEST_DETAIL))
                for name, word in _DETAILS.items()
                if isinstance(text := details.get(name), str)
            ),
            scale=tuple(
                Step(severity, limits, here=severity is report.verdict.severity)
                for severity, limits in _limits(report)
            ),
            people=tuple(_people(report)),
            actions=tuple(_actions(report))[:_MOST_ACTIONS],
            further=report.recommendations[_MOST_ACTIONS:],
            sureness=tuple(_sureness(report)),
        )


def _limits(report: Report) -> Iterator[tuple[Severity, str]]:
    """Every severity with its figures, the least first."""
    if isinstance(report, MembershipReport):
        auc, rate = thresholds.MEMBERSHIP_RULED_OUT
        yield Severity.LOW, f"AUC at most {auc:.2f} and TPR at 1 % FPR at most {_percent(rate)}"
        for severity, auc, rate in reversed(thresholds.MEMBERSHIP):
            yield severity, f"AUC from {auc:.2f}, or TPR at 1 % FPR from {_percent(rate)}"
        return
    yield Severity.LOW, f"leakage at most {_percent(thresholds.LEAKAGE_RULED_OUT)}"
    if isinstance(report, InversionReport):
        for severity, leakage in reversed(thresholds.INVERSION):
            yield severity, f"leakage from {_percent(leakage)}"
    else:
        for severity, leakage, gain in reversed(thresholds.PROFILES):
            yield severity, f"leakage from {_percent(leakage)} and gain from {gain:.2f}"


def _people(report: Report) -> Iterator[str]:
    """What the verdict means for the people in the data, in plain words."""
    severity = report.verdict.severity
    if severity is Severity.INCONCLUSIVE:
        yield (
            "Whether anybody who may query the model can learn something about the people in the training "
            "data was not settled. Until it is, decide as if a leak were possible."
        )
    elif isinstance(report, MembershipReport):
        yield from _membership_people(report)
    elif isinstance(report, InversionReport):
        yield from _inversion_people(severity)
    elif severity in SHOWN:
        yield (
            "Whoever may query the model learns what the people of one class have in common. That concerns "
            "everybody of the class, in the training data or not; it singles out nobody."
        )
    else:
        yield "The attacks that ran learned little of what the people of one class have in common."
    if isinstance(report, MembershipReport):
        if report.attributes is not None and report.attributes.verdict.severity in SHOWN:
            yield f"Single properties: {report.attributes.verdict.sentence}"
        if report.contents is not None and report.contents.fields:
            yield f"If the model file leaks: {report.contents.sentence}"
        on_file = risk.headline_on_file(report.attacks)
        # where the tables differ by themselves, nothing that tells them apart is the file's doing
        alike = all(notice.code != "tables_differ" for notice in report.warnings)
        if alike and on_file is not None and risk.severity_of(on_file.metrics) is not None:
            yield f"If the model file leaks: {risk.what_it_showed(on_file)}"


def _membership_people(report: MembershipReport) -> Iterator[str]:
    if report.verdict.severity not in SHOWN:
        yield (
            "The attacks that ran can hardly tell whether a person’s record was in the training data. That "
            "is no "
            "promise about other attacks."
        )
        return
    yield (
        "Whoever has a person’s record and may query the model can tell, better than by guessing, whether "
        "that "
        "record was in the training data. Where being in it says something about a person, such as an "
        "illness "
        "or a debt, that is disclosed."
    )
    strongest = next((found for found in report.attackers if found.attacker == "candidates"), None)
    rate = strongest.tpr_at_1_percent_fpr if strongest else None
    found = formatting.rate(rate) if rate else None
    if found is not None:
        yield (
            f"Of 1,000 people in the data such an attacker finds about {1000 * found.value:,.0f} (between "
            f"{1000 * found.low:,.0f} and {1000 * found.high:,.0f}), while naming 10 of 1,000 others by "
            "mistake."
        )


def _inversion_people(severity: Severity) -> Iterator[str]:
    if severity in SHOWN:
        yield (
            "Whoever may query the model can obtain an image of what a class looks like. Where a class is "
            "one "
            "person, that is an image of that person, who need not be in the hands of the attacker otherwise."
        )
    else:
        yield (
            "The reconstructions of the attacks that ran show little of the images of a class. That is no "
            "promise "
            "about other attacks."
        )


def _actions(report: Report) -> Iterator[Action]:
    """The recommendations, then what else was shown to save something, then what would measure more."""
    changes = _changes(report)
    knee = report.tradeoffs.knee if isinstance(report, MembershipReport) and report.tradeoffs else None
    for advice in report.recommendations:
        change = changes.get(knee or "") if _is_the_knee(advice, report) else None
        yield Action(
            advice.title,
            advice.text,
            "" if change else advice.because,
            _saves(change) if change else _UNMEASURED,
            _costs(change) if change else _UNMEASURED,
        )
    others = [change for name, change in changes.items() if name != knee and _was_shown_to_save(change)]
    for change in sorted(
        others, key=lambda one: one.leakage_difference.value if one.leakage_difference else 0
    ):
        yield Action(
            f"Or: {change.title[:1].lower()}{change.title[1:]}",
            f"Tried on your own data as {change.name}.",
            "",
            _saves(change),
            _costs(change),
        )
    if report.verdict.severity in SHOWN:
        yield Action(
            "Measure an output defence before you choose one",
            "leakgauge compare BUNDLE --defence rounding=2 audits the model as it is and behind a defence, "
            "and tells what the defence saves and costs.",
            "",
            "not measured in this audit",
            "not measured in this audit; the model need not be trained again",
        )


def _is_the_knee(advice: Recommendation, report: Report) -> bool:
    tradeoffs = report.tradeoffs if isinstance(report, MembershipReport) else None
    return tradeoffs is not None and tradeoffs.knee is not None and advice.because == tradeoffs.sentence


def _changes(report: Report) -> dict[str, TriedChange]:
    tradeoffs = report.tradeoffs if isinstance(report, MembershipReport) else None
    return {change.name: change for change in tradeoffs.changes} if tradeoffs else {}


def _saving(change: TriedChange) -> float:
    return change.leakage_difference.value if change.leakage_difference else 0.0


def _was_shown_to_save(change: TriedChange) -> bool:
    return change.leakage_difference is not None and change.leakage_difference.high < 0


def _saves(change: TriedChange) -> str:
    difference = change.leakage_difference
    if difference is None:
        return _UNMEASURED
    return f"AUC of the quick attacks {formatting.number(difference)}"


def _costs(change: TriedChange) -> str:
    difference = change.accuracy_difference
    if difference is None:
        return _UNMEASURED
    points = formatting.percent(difference).replace(" %", " points")
    if difference.low <= 0 <= difference.high:
        return f"no change of the test accuracy that could be shown: {points}"
    return f"test accuracy {points}"


def _sureness(report: Report) -> Iterator[str]:
    """What the verdict rests on, and how far that reaches."""
    yield from report.verdict.reasons
    measured = sum(attack.status == "measured" for attack in report.attacks)
    unsuited = sum(isinstance(attack, NotApplicable) for attack in report.attacks)
    failed = len(report.attacks) - measured - unsuited
    counted = f"{measured} of {len(report.attacks)} attacks gave a figure"
    others = [f"{unsuited} did not apply"] * bool(unsuited) + [f"{failed} failed"] * bool(failed)
    yield f"{', '.join([counted, *others])}. A stronger attack may exist: figures are lower bounds."
    if report.warnings:
        yield f"{len(report.warnings)} warning{'s' * (len(report.warnings) > 1)} below may limit the figures."


def _percent(share: float) -> str:
    return f"{100 * share:g} %"
