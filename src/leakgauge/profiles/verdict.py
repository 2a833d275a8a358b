"""From figures to a verdict: the one rule by which an audit of class profiles is called bad or not.

Leakage is the share of the way from what is known of everybody to the real profile of the class. A model
that is of any use tells something of that, so that leakage alone does not say how bad it is: of a class that
hardly differs from everybody there is little to tell. The gain says that: how much nearer the attacker came,
in standard deviations or, for categories, in shares of records, over the columns in the mean. Differences of
.2, .5 and .8 are small, medium and large ones (Cohen 1988). The rule looks at the ends of intervals,
corrected for the number of attacks and classes, never at values:

    critical      leakage at least .60, and gain at least .50      (lower ends)
    high          leakage at least .30, and gain at least .20      (lower ends)
    moderate      leakage at least .10, and gain at least .05      (lower ends)
    low           of every attack on every class leakage is at most .15, or no more than
                  .05 was there to be learned of the class         (upper ends)
    inconclusive  none of these; or without reference records, or enough of them, of every class;
                  or instead of "low" where the attacker has ranges alone, since one with records may do more

A model that learned nothing has some direction all the same, and in half of all cases it is the right one.
It does not lead as far as the least gain of "moderate" (`benchmarks/profiles.py` counts).

The verdict is about what the model's answers tell. It is carried by the attack and the class of which most
was shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from leakgauge.report import thresholds
from leakgauge.report.model import (
    AuxiliaryKnowledge,
    ClassFigures,
    Failed,
    NotApplicable,
    ProfileFigures,
    ProfilesMeasured,
    Severity,
    Verdict,
)

SHOWN: Final = thresholds.PROFILES
RULED_OUT: Final = thresholds.LEAKAGE_RULED_OUT
NOTHING_TO_LEARN: Final = 0.05
_A_GROUP = (
    "A class profile describes a group, not a person: it says nothing of any one record, unless the class is "
    "one person or a few."
)

Outcome = ProfilesMeasured | NotApplicable | Failed


@dataclass(frozen=True, slots=True)
class Headline:
    """The attack and the class that carry the verdict."""

    attack: ProfilesMeasured
    target_class: str
    figures: ProfileFigures


def severity_of(figures: ProfileFigures) -> Severity | None:
    """How bad it is what one attack showed of one class; None where it showed nothing."""
    leakage, gain = figures.leakage_corrected.low, figures.gain_corrected.low
    return next((severity for severity, share, least in SHOWN if leakage >= share and gain >= least), None)


def rules_out(figures: ProfileFigures) -> bool:
    """Whether more than a little is ruled out for one attack on one class."""
    return figures.leakage_corrected.high <= RULED_OUT or figures.to_learn_corrected.high <= NOTHING_TO_LEARN


def strength(figures: ProfileFigures) -> tuple[int, float, float]:
    """By which findings are ordered: severity, then the lower ends of gain and leakage."""
    ranks = {severity: -place for place, (severity, _, _) in enumerate(SHOWN)}
    shown = severity_of(figures)
    return (
        -len(SHOWN) if shown is None else ranks[shown],
        figures.gain_corrected.low,
        figures.leakage_corrected.low,
    )


def headline(outcomes: Sequence[Outcome]) -> Headline | None:
    """The attack and the class of which most was shown; None where nothing was measured."""
    found = [
        Headline(outcome, one.target_class, one.figures)
        for outcome in outcomes
        if isinstance(outcome, ProfilesMeasured)
        for one in outcome.classes
        if one.figures is not None
    ]
    return max(found, key=lambda one: strength(one.figures), default=None)


def verdict(
    outcomes: Sequence[Outcome], auxiliary: AuxiliaryKnowledge, *, reference_counts: Mapping[str, int]
) -> Verdict:
    """The verdict over all attacks and classes.

    Parameters
    ----------
    reference_counts
        reference records of each class that was asked for; none without a table of them.
    """
    found = headline(outcomes)
    if found is None:
        return _without_figures(outcomes, reference_counts)
    figures = found.figures
    shown = severity_of(figures)
    asked = _asked(found.attack, auxiliary)
    reasons = (_in_figures(found), _A_GROUP)
    if shown is not None:
        return Verdict(
            shown,
            f"{asked} an attacker learns what class “{found.target_class}” is like: the profile goes "
            f"{round(100 * figures.leakage.value)} % of the way from what is known of everybody to the real "
            "one.",
            reasons,
        )
    every = [one for outcome in outcomes if isinstance(outcome, ProfilesMeasured) for one in outcome.classes]
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    missing = [name for name in reference_counts if not _is_measured(name, every)]
    if failed or missing or not all(map(_rules_out, every)):
        more = "More reference records narrow the interval."
        if missing:
            more = f"Too few reference records were there of class “{missing[0]}” to measure its profile."
        if failed:
            more = f"{failed[0].title} failed: {failed[0].reason}"
        return Verdict(
            Severity.INCONCLUSIVE,
            f"{asked} what an attacker learns about class “{found.target_class}” cannot be told reliably "
            "from what is known of everybody, nor can more be ruled out.",
            (*reasons, more),
        )
    if auxiliary.source == "ranges":
        return Verdict(
            Severity.INCONCLUSIVE,
            f"{asked} an attacker comes no nearer to the real profile of a class; one who has records of the "
            "same kind may.",
            (*reasons, "Bring such records as auxiliary.csv in the place of ranges.csv."),
        )
    return Verdict(
        Severity.LOW,
        f"{asked} an attacker learns nothing to speak of about what sets a class apart from everybody.",
        reasons,
    )


def _rules_out(found: ClassFigures) -> bool:
    """Whether more than a little is ruled out; an attack that says nothing of a class rules nothing in."""
    return found.records == 0 if found.figures is None else rules_out(found.figures)


def _is_measured(name: str, every: Sequence[ClassFigures]) -> bool:
    return any(one.target_class == name and one.figures is not None for one in every)


def _without_figures(outcomes: Sequence[Outcome], reference_counts: Mapping[str, int]) -> Verdict:
    ran = [outcome for outcome in outcomes if isinstance(outcome, ProfilesMeasured)]
    if not ran:
        return Verdict(
            Severity.INCONCLUSIVE,
            "No attack could be run on this model, so nothing is known of what its answers tell of a class.",
            tuple(
                f"{outcome.title}: {outcome.reason}"
                for outcome in outcomes
                if not isinstance(outcome, ProfilesMeasured)
            ),
        )
    missing = (
        "reference.csv holds fewer than 20 records of every class that was asked for."
        if reference_counts
        else "Put real records of the classes, with their labels, into the bundle as reference.csv."
    )
    return Verdict(
        Severity.INCONCLUSIVE,
        "The attacks give a profile of each class, but how right it is cannot be said without enough real "
        "records to measure it with.",
        (missing, _A_GROUP),
    )


def _asked(attack: ProfilesMeasured, auxiliary: AuxiliaryKnowledge) -> str:
    known = (
        "records of the same kind" if auxiliary.source == "records" else "no more than the possible values"
    )
    return f"With {attack.queries:,} queries for {attack.threat_model} and {known},"


def _in_figures(found: Headline) -> str:
    figures = found.figures
    return (
        f"{found.attack.title}, class “{found.target_class}”: mean distance from the real profile "
        f"{figures.error.value:.2f}, against {figures.chance.value:.2f} for everybody and "
        f"{figures.ceiling.value:.2f} for other real records of the class; leakage "
        f"{figures.leakage.value:.2f}, interval {figures.leakage_corrected.low:.2f} to "
        f"{figures.leakage_corrected.high:.2f} over {figures.leakage.n:,} reference records, corrected for "
        "the number of attacks and classes."
    )
