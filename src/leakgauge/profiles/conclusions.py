"""Questions answered in words, and advice, each from a figure that was measured in this audit."""

from __future__ import annotations

from collections.abc import Sequence

from leakgauge.estimates import Estimate
from leakgauge.profiles.verdict import Headline, Outcome
from leakgauge.report.model import (
    ClassProfile,
    Insight,
    ProfilesMeasured,
    Recommendation,
    Severity,
)

_MOST = 4
"""Classes that are told of in words at the top of a report; the tables have all of them."""


def insights(profiles: Sequence[ClassProfile], found: Headline | None) -> tuple[Insight, ...]:
    """What an attacker learns of each class; the verdict's first.

    Parameters
    ----------
    found
        what carries the verdict; None where nothing was measured.
    """
    first = None if found is None else found.target_class
    ordered = sorted(profiles, key=lambda profile: profile.target_class != first)
    answered: list[Insight] = []
    for profile in ordered[:_MOST]:
        figures: dict[str, Estimate] = {}
        if found is not None and profile.target_class == first:
            figures = {"leakage": found.figures.leakage_corrected, "gain": found.figures.gain_corrected}
        answered.append(
            Insight(
                name=f"class_{len(answered)}",
                question=f"What does an attacker learn about class “{profile.target_class}”?",
                sentence=profile.sentence,
                figures=figures,
            )
        )
    return tuple(answered)


def recommendations(
    outcomes: Sequence[Outcome], found: Headline | None, severity: Severity
) -> tuple[Recommendation, ...]:
    """Advice that a figure of this audit speaks for; none where nothing leaks or nothing was measured."""
    if found is None or severity not in (Severity.MODERATE, Severity.HIGH, Severity.CRITICAL):
        return ()
    by_labels = [
        one.figures.leakage_corrected
        for outcome in outcomes
        if isinstance(outcome, ProfilesMeasured) and outcome.threat_model == "labels"
        for one in outcome.classes
        if one.figures is not None and one.target_class == found.target_class
    ]
    reached = found.figures.leakage_corrected
    if found.attack.threat_model == "labels" or not by_labels:
        return ()
    most = max(by_labels, key=lambda leakage: leakage.high)
    if most.high >= reached.low:
        return ()
    return (
        Recommendation(
            title="Answer with labels alone where callers need no more",
            text="Probabilities tell callers how typical of the class each record is. The output defence "
            "label_only measures what is left.",
            because=f"attacks that see labels reach {100 * most.value:.0f} % of the way to the real profile, "
            f"where probabilities lead {100 * reached.value:.0f} % of it.",
        ),
    )
