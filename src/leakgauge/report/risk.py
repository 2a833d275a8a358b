"""From figures to a verdict: the one rule by which a membership audit is called bad or not.

The rule looks at interval ends, never at point values, and at intervals that
are corrected for the number of attacks tried, two at least:

    critical      AUC at least .90, or TPR at 1 % FPR at least .50     (lower ends)
    high          AUC at least .70, or TPR at 1 % FPR at least .10     (lower ends)
    moderate      AUC at least .55, or TPR at 1 % FPR at least .03     (lower ends)
    low           every attack's AUC at most .60 and TPR at 1 % FPR
                  at most .06, as far as it can be measured            (upper ends)
    inconclusive  none of these: the intervals are too wide, an attack
                  failed, members and non-members differ as much as it sees, or
                  there were no reference models

The rule reads the very intervals that the report shows, no more cautious ones. That of the
rate at 1 % false positives carries the sampling of the members and that of the threshold. Corrected
for even two attacks it leaves 1.25 % beyond either end, or 2.5 % beyond one of them where scores
are shared by so many records that the rate jumps (see `estimates`). So a true rate at the border
of a severity is called beyond it in no more than 2.5 % of audits (`benchmarks/calibration.py`
counts them). A bound that is exact for the members and for the
threshold, each on its own, would be half as wide again and hide leaks that were shown.

So "moderate" and worse mean that a leak was shown, "low" that a larger one was
ruled out for the attacks that ran, and everything else is "inconclusive": a
small sample can never earn a "low". Neither can a model that does not fit its own
members, since tables in another form than it knows hide every leak, nor one that gives
probabilities, scores or predictions and was not compared with reference models, whatever the
reason: the comparison finds members that no other attack on the answers tells apart.

The verdict is about what the model's answers leak (labels, probabilities, scores, predictions).
Attacks that read the model file itself do not enter: who has the file is
another question than how much the model memorised.

It is over an attacker who knows the candidates; what one with nothing but other data of the source
can do is found by the same rule from his attacks alone.

A verdict is borderline where moving all ends of intervals, outward or inward, by twice the
error that the sampling of reference models and of folds leaves in them gives another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from leakgauge.estimates import Estimate, RateAtLimit
from leakgauge.report import thresholds
from leakgauge.report.model import (
    Attacker,
    AttackerFinding,
    Failed,
    MembershipMeasured,
    MembershipMetrics,
    NotApplicable,
    Severity,
    ThreatModel,
    Verdict,
)

LOW_FALSE_POSITIVES = "0.01"
SHOWN = thresholds.MEMBERSHIP
RULED_OUT_AUC, RULED_OUT_TPR = thresholds.MEMBERSHIP_RULED_OUT

SEES: dict[ThreatModel, str] = {
    "labels": "only the predicted labels",
    "probabilities": "only the model's probabilities",
    "scores": "only the model's decision scores",
    "predictions": "only the numbers that the model predicts",
    "model_file": "the model file",
}

ATTACKERS: dict[Attacker, str] = {
    "candidates": "who knows the candidates",
    "population": "who has other data of the source",
}
DRAW_ERRORS = 2.0
"""By how many standard errors of the sampling the ends of an interval may move with another seed."""

Outcome = MembershipMeasured | NotApplicable | Failed


def severity_of(metrics: MembershipMetrics) -> Severity | None:
    """The leak that one attack has shown, or None when it has shown none worth a name."""
    rate = metrics.tpr_at_fpr_corrected[LOW_FALSE_POSITIVES].low
    for severity, area, tpr in SHOWN:
        if metrics.auc_corrected.low >= area or (rate is not None and rate >= tpr):
            return severity
    return None


def rules_out(metrics: MembershipMetrics) -> bool:
    """Whether this attack's own leak is bounded from above."""
    rate = metrics.tpr_at_fpr_corrected[LOW_FALSE_POSITIVES].high
    return metrics.auc_corrected.high <= RULED_OUT_AUC and (rate is None or rate <= RULED_OUT_TPR)


def all_ruled_out(outcomes: Sequence[Outcome]) -> bool:
    """Whether every attack on the model's answers that ran bounds its own leak from above."""
    return all(
        rules_out(outcome.metrics)
        for outcome in outcomes
        if isinstance(outcome, MembershipMeasured) and counts(outcome)
    )


def counts(outcome: Outcome) -> bool:
    """Whether an attack enters the verdict: it sees the model's answers and no more."""
    return outcome.threat_model != "model_file"


def headline(outcomes: Sequence[Outcome]) -> MembershipMeasured | None:
    """The attack on the model's answers that showed most: by severity, then by the lower end of its area."""
    measured = [
        outcome for outcome in outcomes if isinstance(outcome, MembershipMeasured) and counts(outcome)
    ]
    ranks = {severity: -place for place, (severity, _, _) in enumerate(SHOWN)}

    def strength(attack: MembershipMeasured) -> tuple[int, float]:
        shown = severity_of(attack.metrics)
        return (ranks[shown] if shown else -len(SHOWN), attack.metrics.auc_corrected.low)

    return max(measured, key=strength, default=None)


def headline_on_file(outcomes: Sequence[Outcome]) -> MembershipMeasured | None:
    """The attack on the model file that showed most, by the lower end of its area; None where none ran."""
    measured = [
        outcome for outcome in outcomes if isinstance(outcome, MembershipMeasured) and not counts(outcome)
    ]
    return max(measured, key=lambda attack: attack.metrics.auc_corrected.low, default=None)


def finding(
    attacker: Attacker,
    outcomes: Sequence[Outcome],
    *,
    shift: Estimate | None,
    without_references: str | None = None,
    misfit: str | None = None,
) -> AttackerFinding:
    """What an attacker was shown to do, by the attacks that he can run; parameters as of `verdict`.

    Parameters
    ----------
    without_references
        why the model was not compared with this attacker's reference models.
    """
    own = [outcome for outcome in outcomes if attacker in ("candidates", outcome.attacker)]
    found = verdict(own, shift=shift, without_references=without_references, misfit=misfit)
    worst = headline(own)
    return AttackerFinding(
        attacker,
        found.severity,
        found.sentence,
        worst.name if worst else None,
        worst.metrics.auc_corrected if worst else None,
        worst.metrics.tpr_at_fpr_corrected[LOW_FALSE_POSITIVES] if worst else None,
        found.borderline,
    )


def verdict(
    outcomes: Sequence[Outcome],
    *,
    shift: Estimate | None,
    without_references: str | None = None,
    misfit: str | None = None,
) -> Verdict:
    """The verdict over all attacks on the model's answers.

    Parameters
    ----------
    outcomes
        what became of every attack of the table; those on the model file are passed over.
    shift
        area under the ROC curve of a classifier that tells members and non-members
        apart without the target, when it can; None when it cannot.
    without_references
        why the model was not compared with reference models; None where it was, or gives labels alone.
    misfit
        what speaks against the members being the model's training data as it knows them; None for nothing.
    """
    found = _verdict(outcomes, shift, without_references, misfit)
    others = [
        _verdict([_moved(outcome, by) for outcome in outcomes], shift, without_references, misfit).severity
        for by in (DRAW_ERRORS, -DRAW_ERRORS)
    ]
    other = next((severity for severity in others if severity is not found.severity), None)
    if other is None:
        return found
    reason = (
        f"The figures lie at a border: another seed, with other reference models and folds, may give "
        f"“{other.value}” where this one gives “{found.severity.value}”."
    )
    return replace(found, reasons=(*found.reasons, reason), borderline=other)


def _moved(outcome: Outcome, errors: float) -> Outcome:
    """The outcome with its corrected intervals moved by so many standard errors of the sampling."""
    if not isinstance(outcome, MembershipMeasured) or outcome.metrics.draw_error is None:
        return outcome
    metrics, error = outcome.metrics, outcome.metrics.draw_error
    area, rate = metrics.auc_corrected, metrics.tpr_at_fpr_corrected[LOW_FALSE_POSITIVES]
    by = errors * error.auc
    moved = replace(metrics, auc_corrected=Estimate(area.value + by, area.low + by, area.high + by, area.n))
    if rate.value is not None and rate.low is not None and rate.high is not None:
        by = errors * error.tpr_at_fpr[LOW_FALSE_POSITIVES]
        ends = RateAtLimit(rate.value + by, rate.low + by, rate.high + by, rate.n, rate.false_positives)
        moved = replace(
            moved, tpr_at_fpr_corrected={**metrics.tpr_at_fpr_corrected, LOW_FALSE_POSITIVES: ends}
        )
    return replace(outcome, metrics=moved)


def _verdict(
    outcomes: Sequence[Outcome], shift: Estimate | None, without_references: str | None, misfit: str | None
) -> Verdict:
    outcomes = [outcome for outcome in outcomes if counts(outcome)]
    worst = headline(outcomes)
    if worst is None:
        return Verdict(
            Severity.INCONCLUSIVE,
            "No attack on the model's answers gave a figure, so nothing is known about what they leak.",
            tuple(
                f"{outcome.title}: {outcome.reason}"
                for outcome in outcomes
                if not isinstance(outcome, MembershipMeasured)
            ),
        )
    metrics = worst.metrics
    shown = severity_of(metrics)
    reasons = [_figures(worst)]
    if shift is not None:
        reasons.append(
            "Members and non-members differ in distribution: without querying the model, a classifier tells "
            f"them apart with an AUC of {_number(shift.value)}. Every attack looks better than it is."
        )
        if no_more_than_the_tables(worst, shift):
            return Verdict(
                Severity.INCONCLUSIVE,
                "Members and non-members differ as much as the best attack sees, so a leak cannot be "
                "told from this difference.",
                tuple(reasons),
            )
    if misfit is not None:
        reasons.append(misfit)
    if shown:
        return Verdict(shown, what_it_showed(worst), tuple(reasons))
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    if not failed and all_ruled_out(outcomes):
        return _ruled_out(worst, reasons, without_references, misfit)
    reasons += [f"{outcome.title} failed: {outcome.reason}" for outcome in failed]
    accuracy = metrics.accuracy_corrected
    return Verdict(
        Severity.INCONCLUSIVE,
        f"This audit cannot decide: the best attack is right about {_of_hundred(metrics.accuracy.value)} of "
        f"100 records, and anything from {_of_hundred(accuracy.low)} to {_of_hundred(accuracy.high)} is "
        "compatible with the data.",
        tuple(reasons),
    )


def no_more_than_the_tables(worst: MembershipMeasured, shift: Estimate | None) -> bool:
    """Whether an attack tells members apart no better than the tables do by themselves."""
    return shift is not None and worst.metrics.auc_corrected.low <= shift.high


def what_it_showed(attack: MembershipMeasured) -> str:
    """What an attack has shown, by the figure that shows it best."""
    metrics = attack.metrics
    if metrics.accuracy_corrected.low > 0.52:
        about = _of_hundred(metrics.accuracy.value)
        return f"{_who(attack)} is right about {about} of 100 records; guessing gives 50."
    # a leak for a few records, hardly visible on average
    rate = metrics.tpr_at_fpr[LOW_FALSE_POSITIVES]
    return (
        f"{_who(attack)} finds {_of_hundred(rate.value or 0.0)} % of members at 1 % false positives "
        "(TPR at 1 % FPR); guessing finds 1 %."
    )


def _ruled_out(
    worst: MembershipMeasured, reasons: Sequence[str], without_references: str | None, misfit: str | None
) -> Verdict:
    """The verdict where all attacks rule a larger leak out: low, unless one may have been missed."""
    if misfit is not None:
        return Verdict(
            Severity.INCONCLUSIVE,
            "The model does not answer on its training records as a model trained on them does, so its "
            "leakage was not measured.",
            tuple(reasons),
        )
    if without_references is not None:
        reason = (
            "The model was not compared with reference models, which find members that no other "
            f"attack tells apart. {without_references}"
        )
        return Verdict(
            Severity.INCONCLUSIVE,
            "The attacks that ran found no more than a small leak, but the strongest attacks did not "
            "run, so a larger leak is not ruled out.",
            (*reasons, reason),
        )
    return Verdict(
        Severity.LOW,
        f"No attack that ran found more than a small leak: {_lower_first(_who(worst))} is right about "
        f"{_of_hundred(worst.metrics.accuracy.value)} of 100 records; guessing gives 50.",
        tuple(reasons),
    )


def _who(attack: MembershipMeasured) -> str:
    return f"An attacker who sees {SEES[attack.threat_model]}"


def _figures(attack: MembershipMeasured) -> str:
    metrics = attack.metrics
    area = metrics.auc_corrected
    text = (
        f"{attack.title}: AUC {_number(area.value)}, between {_number(area.low)} and {_number(area.high)} "
        "with the interval corrected for the number of attacks"
    )
    rate = metrics.tpr_at_fpr_corrected[LOW_FALSE_POSITIVES]
    if rate.value is None or rate.low is None or rate.high is None:
        return f"{text}; the TPR at 1 % FPR is withheld: {rate.withheld}."
    return (
        f"{text}; it finds {100 * rate.value:.1f} % of members at 1 % false positives (TPR at 1 % FPR, "
        f"between {100 * rate.low:.1f} % and {100 * rate.high:.1f} %)."
    )


def _of_hundred(share: float) -> str:
    return f"{100 * share:.0f}"


def _number(value: float) -> str:
    return f"{value:.3f}"


def _lower_first(text: str) -> str:
    return text[0].lower() + text[1:]
