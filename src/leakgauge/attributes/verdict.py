"""From figures to a verdict on attribute inference: what a model leaks of its own records.

Two figures say so: the share of members whose value is named rightly beyond what holds of anybody, and the
same as a mean over values, which shows what is leaked of those with rare values. The rule looks at interval
ends, corrected for the number of columns, of attacks on the answers and of these two:

    critical      either is at least .20                      (lower ends)
    high          at least .05                                (lower ends)
    moderate      at least .01                                (lower ends)
    low           none of these; of every attack the share is
                  at most .05, and the mean at most .10       (upper ends)
    inconclusive  none of these: the intervals are too wide, an attack failed, or members and non-members
                  differ without the model, by which imputation alone may differ

As in membership audits, attacks on the model file do not enter, nor do those that see what was answered about
the record as it is: they tell the value of anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from leakgauge.estimates import Estimate
from leakgauge.report.model import (
    AttributeColumn,
    AttributeInference,
    AttributeMeasured,
    AttributeSide,
    Failed,
    NotApplicable,
    Severity,
    Verdict,
)

SHOWN: tuple[tuple[Severity, float], ...] = (
    (Severity.CRITICAL, 0.20),
    (Severity.HIGH, 0.05),
    (Severity.MODERATE, 0.01),
)
RULED_OUT = 0.05
RULED_OUT_BALANCED = 0.10
FIGURES = 2
"""That the rule reads of every attack."""

Outcome = AttributeMeasured | NotApplicable | Failed
_ORDER = (Severity.CRITICAL, Severity.HIGH, Severity.MODERATE, Severity.INCONCLUSIVE, Severity.LOW)
"""The first that any column has is that of the whole: what is not known in one column is not low."""


def counts(outcome: Outcome) -> bool:
    """Whether an attack enters the verdict: it sees what the model says of candidate values, and no more."""
    given = isinstance(outcome, AttributeMeasured) and outcome.sees_given
    return outcome.threat_model != "model_file" and not given


def strongest(outcomes: Iterable[Outcome], *, on_file: bool = False) -> AttributeMeasured | None:
    """The attack with the greatest leakage that was shown: on the answers, or on the model file."""
    measured = [
        outcome
        for outcome in outcomes
        if isinstance(outcome, AttributeMeasured)
        and (outcome.threat_model == "model_file" if on_file else counts(outcome))
    ]
    return max(measured, key=least, default=None)


def least(attack: AttributeMeasured) -> float:
    """What an attack has shown to be leaked at least, by the figure that shows it best."""
    share, balanced = attack.metrics.leakage_corrected, attack.metrics.leakage_balanced_corrected
    return max(share.low, balanced.low) if balanced is not None else share.low


def _rules_out(attack: AttributeMeasured) -> bool:
    share, balanced = attack.metrics.leakage_corrected, attack.metrics.leakage_balanced_corrected
    return share.high <= RULED_OUT and (balanced is None or balanced.high <= RULED_OUT_BALANCED)


def column_verdict(name: str, outcomes: Sequence[Outcome], *, shift: Estimate | None) -> Verdict:
    """The verdict on one column.

    Parameters
    ----------
    shift
        area under the ROC curve of a classifier that tells members from non-members without the target; None
        where they differ in nothing.
    """
    best = strongest(outcomes)
    if best is None:
        reasons = tuple(
            f"{outcome.title}: {outcome.reason}"
            for outcome in outcomes
            if not isinstance(outcome, AttributeMeasured)
        )
        return Verdict(Severity.INCONCLUSIVE, f"No attack on “{name}” could be run.", reasons)
    leaked = best.metrics.leakage_corrected
    reasons = (_figures(best),)
    shown = next((severity for severity, limit in SHOWN if least(best) >= limit), None)
    if shown is not None and shift is None:
        return Verdict(shown, _shown(name, best), reasons)
    if shift is not None:
        differ = (
            "Members and non-members differ in distribution: without the model a classifier tells them apart "
            f"with an AUC of {shift.value:.3f}. What the model says of members may fit them better for that."
        )
        return Verdict(
            Severity.INCONCLUSIVE,
            f"Whether the model leaks “{name}” cannot be told from how much the two tables differ.",
            (*reasons, differ),
        )
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed) and counts(outcome)]
    measured = [attack for attack in outcomes if isinstance(attack, AttributeMeasured) and counts(attack)]
    widest = max(attack.metrics.leakage_corrected.high for attack in measured)
    if not failed and all(map(_rules_out, measured)):
        return Verdict(
            Severity.LOW,
            f"The model tells next to nothing about “{name}” of the people in its training data that it "
            f"would not tell about others: {_points(widest)} at most, of 100 people.",
            reasons,
        )
    reasons += tuple(f"{outcome.title} failed: {outcome.reason}" for outcome in failed)
    return Verdict(
        Severity.INCONCLUSIVE,
        f"Whether the model leaks “{name}” cannot be decided: anything from {_points(max(leaked.low, 0.0))} "
        f"to {_points(widest)} of 100 people in its training data is compatible with these records.",
        reasons,
    )


def verdict(
    columns: Sequence[AttributeColumn], *, chosen: bool, shift: Estimate | None
) -> AttributeInference:
    """The verdict on all columns; parameters as of `column_verdict`."""
    measured = [column for column in columns if column.withheld is None]
    if not measured:
        return AttributeInference(
            Verdict(
                Severity.INCONCLUSIVE,
                "Attribute inference was not measured on any column.",
                tuple(column.verdict.sentence for column in columns),
            ),
            columns=tuple(columns),
            chosen=chosen,
        )

    def rank(column: AttributeColumn) -> tuple[int, float]:
        best = _best(column)
        return _ORDER.index(column.verdict.severity), -(least(best) if best else -1.0)

    worst = min(columns, key=rank)
    others = [column.verdict.sentence for column in columns if column is not worst]
    return AttributeInference(
        Verdict(worst.verdict.severity, worst.verdict.sentence, (*worst.verdict.reasons, *others)),
        adds_sentence=_adds(measured),
        file_sentence=_file(measured, shift),
        columns=tuple(columns),
        chosen=chosen,
    )


def _best(column: AttributeColumn, *, on_file: bool = False) -> AttributeMeasured | None:
    return strongest(column.attacks, on_file=on_file)


def _adds(columns: Sequence[AttributeColumn]) -> str:
    """What the model adds to a guess about anybody, in one sentence."""
    found = [
        (column, attack)
        for column in columns
        for attack in column.attacks
        if isinstance(attack, AttributeMeasured) and counts(attack)
    ]
    if not found:
        return ""
    column, attack = max(found, key=lambda pair: pair[1].metrics.adds_corrected.low)
    adds = attack.metrics.adds_corrected
    if adds.low > 0.0:
        side = attack.metrics.non_members
        return (
            f"About anybody, in its training data or not, the model adds to a guess: “{column.name}” of 100 "
            f"other people is named rightly for {_points(side.attack.value)} with it and for "
            f"{_points(side.imputation.value)} without it. That is what it has learned of how columns go "
            "together, and no leak of its own records."
        )
    most = max(attack.metrics.adds_corrected.high for _, attack in found)
    return (
        "About people who are not in its training data the model was not shown to add anything to a guess "
        f"from the other columns: {_points(max(most, 0.0))} of 100 people at most."
    )


def _file(columns: Sequence[AttributeColumn], shift: Estimate | None) -> str:
    """What who holds the model file can do, in one sentence; empty where nothing was shown."""
    found = [(column, attack) for column in columns if (attack := _best(column, on_file=True)) is not None]
    if not found:
        return ""
    column, attack = max(found, key=lambda pair: least(pair[1]))
    if least(attack) <= 0.0 or shift is not None:
        return (
            "What the model file holds was not shown to tell more of its own records than of other people's."
        )
    side = attack.metrics.members
    return (
        f"Who holds the model file names “{column.name}” rightly for {_points(side.attack.value)} of 100 "
        f"people in the training data; without it for {_points(side.imputation.value)}."
    )


def _shown(name: str, attack: AttributeMeasured) -> str:
    members, others = attack.metrics.members, attack.metrics.non_members
    if attack.metrics.leakage_corrected.low < SHOWN[-1][1]:
        return _shown_of_rare(name, members, others)
    return (
        f"The model leaks “{name}” of people in its training data: asked, it lets an attacker name it "
        f"rightly for {_points(members.attack.value)} of 100 of them, against "
        f"{_points(members.imputation.value)} by a guess from their other columns. For 100 other people that "
        f"is {_points(others.attack.value)} against {_points(others.imputation.value)}."
    )


def _shown_of_rare(name: str, members: AttributeSide, others: AttributeSide) -> str:
    """What is leaked of those with rare values, which hardly shows in the share of all."""
    found = (members.balanced, members.imputation_balanced, others.balanced, others.imputation_balanced)
    shares = [_points(share.value) for share in found if share is not None]
    return (
        f"The model leaks rare values of “{name}”: of 100 people in its training data, as many with each "
        f"value, an attacker who asks it names the right one for {shares[0]}, against {shares[1]} by a guess "
        f"from their other columns. For 100 other people that is {shares[2]} against {shares[3]}."
    )


def _figures(attack: AttributeMeasured) -> str:
    leaked, adds = attack.metrics.leakage_corrected, attack.metrics.adds_corrected
    return (
        f"{attack.title}: {_signed(leaked)} of members beyond non-members, and {_signed(adds)} of "
        "non-members beyond a guess; intervals corrected for the number of columns and attacks."
    )


def _signed(found: Estimate) -> str:
    return f"{100 * found.value:+.1f} % (between {100 * found.low:+.1f} % and {100 * found.high:+.1f} %)"


def _points(share: float) -> str:
    """A share of 100 people; decimals where whole people would hide it."""
    number = 100.0 * share
    return f"{number:.0f}" if number >= 10.0 or number == round(number) else f"{number:.1f}"
