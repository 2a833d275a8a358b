"""What to change, each with the measured figure that speaks for it; nothing measured, nothing said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leakgauge.defences.retraining import MITIGATIONS
from leakgauge.estimates import Estimate, difference, paired_difference
from leakgauge.report.model import (
    MembershipMeasured,
    MembershipTarget,
    Recommendation,
    Severity,
    Slice,
    SlicedBy,
    ThreatModel,
    Tradeoffs,
)
from leakgauge.targets.protocol import BoolArray

VALUES: dict[ThreatModel, str] = {"probabilities": "probabilities", "scores": "decision scores"}
"""What an answer may hold beside a label, by who sees it."""
WORTH_SAYING = 0.02
OVERFITTED_FROM = 0.05
NETWORK_CHANGES = "early stopping, weight decay, dropout or, with a guarantee, training with DP-SGD"
CHANGES_OF_ANY = "a smaller model, stronger regularisation or fewer steps of training"
"""Of a model of which nothing is known but its answers."""


_TITLES_OF_SLICES: dict[SlicedBy, str] = {
    "class": "Look at the class that leaks most",
    "band": "Look at the numbers that leak most",
    "group": "Look at the group that leaks most",
}
_OF_A_PART = (
    "Collect more records of {by} “{{name}}”, merge it with a neighbour, or leave it out of what the model "
    "offers."
)
_ADVICE_ON_SLICES: dict[SlicedBy, str] = {
    "class": _OF_A_PART.format(by="class"),
    "band": "Collect more records in the {name} of the labels, or predict another scale of them, such as the "
    "logarithm, on which they lie closer together.",
    "group": _OF_A_PART.format(by="group"),
}


def recommend(
    *,
    severity: Severity,
    worst: MembershipMeasured,
    worst_decisions: BoolArray,
    worst_folds: int | None = None,
    label_decisions: BoolArray | None,
    member: BoolArray,
    target: MembershipTarget,
    slices: Sequence[Slice],
    tried: Tradeoffs | None,
    changes: str | None = None,
    records_would_settle: bool = True,
    tables_differ: str | None = None,
    compared: bool = True,
    rng: np.random.Generator,
) -> tuple[Recommendation, ...]:
    """Recommendations in the order of what they are likely to change.

    Parameters
    ----------
    worst_decisions
        (n,) decisions of the attack that showed most.
    worst_folds
        into how many the records were cut for it; None where it was not cross-fitted.
    label_decisions
        (n,) decisions of the gap attack, None when it did not run.
    tried
        what changes were measured to do, None where that was not asked for.
    records_would_settle
        whether an inconclusive verdict is one for want of records.
    tables_differ
        how members and non-members differ, where that is as much as the attacks see.
    compared
        whether the model was compared with reference models, as a low verdict needs.
    changes
        what there is to try on a model of its kind; None for the mitigations of `MITIGATIONS`.
    """
    found: list[Recommendation] = []
    if severity is Severity.INCONCLUSIVE and tables_differ is not None:
        found.append(_one_source(tables_differ))
    if severity is Severity.INCONCLUSIVE and records_would_settle:
        found.append(_more_records(worst, target, compared=compared))
    knee = _knee(tried)
    if knee is not None:
        found.append(knee)
    # where changes were measured, a guess at what they would do has no place
    if not (tried is not None and tried.changes) and severity not in (Severity.LOW, Severity.INCONCLUSIVE):
        found.extend(_fit_less_closely(target, changes or mitigations()))
    if label_decisions is not None and worst.threat_model in VALUES:
        more = paired_difference(worst_decisions, label_decisions, member, rng=rng, folds=worst_folds)
        found.extend(_answer_with_less(VALUES[worst.threat_model], more))
    found.extend(_exposed_slices(worst, slices))
    return tuple(found)


def _knee(tried: Tradeoffs | None) -> Recommendation | None:
    """The change at the knee, if one was shown to pay."""
    if tried is None or tried.knee is None:
        return None
    change = next(change for change in tried.changes if change.name == tried.knee)
    if change.kind == "output":
        return Recommendation(
            "Round the answers",
            "This changes no label and needs no training, but it hides the leak rather than closing it: "
            "whoever may ask often, or sees the model file, is not stopped by it.",
            tried.sentence,
        )
    return Recommendation(
        f"Train again with {change.name}",
        f"{change.title}: of the changes tried on your own data this is the one that saves most for what "
        "it costs. The figures are of quick attacks; audit the new model before you rely on it.",
        tried.sentence,
    )


def _fit_less_closely(target: MembershipTarget, changes: str) -> list[Recommendation]:
    overfit = difference(target.train_accuracy, target.test_accuracy)
    if overfit.low <= OVERFITTED_FROM:
        return []
    within = "" if target.errors is None else f" (predictions within ±{target.errors.tolerance:g})"
    return [
        Recommendation(
            "Fit the training data less closely",
            f"Try {changes}, and audit again: the leak should fall with the gap below.",
            f"The training accuracy{within} is {100 * target.train_accuracy.value:.1f} %, the accuracy on "
            f"non-members {100 * target.test_accuracy.value:.1f} %: a gap of "
            f"{100 * overfit.value:.1f} points ({100 * overfit.low:.1f} to {100 * overfit.high:.1f}).",
        )
    ]


def _answer_with_less(values: str, more: Estimate) -> list[Recommendation]:
    """Advice where answers that hold `values` give the attacker `more` balanced accuracy than labels do."""
    if more.low <= WORTH_SAYING:
        return []
    return [
        Recommendation(
            f"Answer with less than full {values}",
            "Where callers need only the label, return only the label; where they need a "
            "confidence, round it. Audit the rounded answers too: rounding hides less than it seems.",
            f"{values.capitalize()} give the attacker {100 * more.value:.1f} points more balanced "
            f"accuracy than labels do ({100 * more.low:.1f} to {100 * more.high:.1f}).",
        )
    ]


def mitigations() -> str:
    """The titles of all mitigations that trade-offs try."""
    *titles, last = [row.title[0].lower() + row.title[1:] for row in MITIGATIONS if row.trials]
    return f"{', '.join(titles)} or {last}"


def _one_source(tables_differ: str) -> Recommendation:
    return Recommendation(
        "Send members and non-members of one source",
        "Choose the non-members by lot from the same records, before training, and leave nothing in that was "
        "added to one of the two.",
        tables_differ,
    )


def _more_records(worst: MembershipMeasured, target: MembershipTarget, *, compared: bool) -> Recommendation:
    area = worst.metrics.auc_corrected
    width = (area.high - area.low) / 2
    smaller = min(target.members, target.non_members)
    # the half-width of an interval falls with the square root of the number of records
    needed = int(np.ceil(smaller * (width / 0.04) ** 2 / 100) * 100)
    return Recommendation(
        "Send more records",
        f"About {max(needed, smaller):,} members and as many non-members would narrow the interval "
        + (
            "enough for a verdict."
            if compared
            else "enough to show a leak; without reference models none is ruled out."
        ),
        f"With {target.members:,} members and {target.non_members:,} non-members the area under the ROC "
        f"curve is only known to lie between {area.low:.2f} and {area.high:.2f}.",
    )


def _exposed_slices(worst: MembershipMeasured, slices: Sequence[Slice]) -> list[Recommendation]:
    found = []
    for by in _TITLES_OF_SLICES:
        exposed = [
            part
            for part in slices
            if part.by == by and part.auc is not None and part.auc.low > worst.metrics.auc.high
        ]
        if exposed:
            most = max(exposed, key=lambda part: part.auc.low if part.auc else 0.0)
            if most.auc is not None:
                found.append(
                    Recommendation(
                        _TITLES_OF_SLICES[by],
                        _ADVICE_ON_SLICES[by].format(name=most.name),
                        f"Within it the attack reaches an AUC of {most.auc.value:.2f} ({most.auc.low:.2f} to "
                        f"{most.auc.high:.2f}), over all records {worst.metrics.auc.value:.2f}.",
                    )
                )
    return found
