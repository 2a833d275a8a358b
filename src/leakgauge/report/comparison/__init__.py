"""Before and after: the one rule by which a change is said to lower a leak or not.

The leak of a side is that of its worst attack: the largest value, between the
largest lower and the largest upper end over all attacks that see answers. The
intervals are those that are corrected for the number of attacks, so this one
holds at 95 % too. Both sides' leaks are taken above what a guess gets.

    increases             the worst rises                  (upper end of the reduction < 0)
    only hides the slope  attacks that read probabilities fall, but the worst over all
                          attacks does not; or it falls, but attacks on labels do not,
                          and more than half of the leak is left to them
    reduces               the worst falls                  (lower end of the reduction > 0)
    no effect found       neither, and a reduction by half is ruled out
    inconclusive          neither and it is not; or there was no leak to be lowered; or
                          an attack that was measured before was not measured after

An attack that could not be run after the change is never read as one that
found nothing: nothing is called reduced then, unless the model gives labels
alone and attacks on labels were measured. Nor is it where no attack on labels
was measured: then hiding cannot be distinguished from reducing.

Several runs (one pair of audits per seed) are taken together: the worst is over
attacks and runs, the reduction the mean over runs with Student's interval. The
runs of a membership audit share their records, so the interval over records is
added to it in quadrature, which is cautious; those of an inversion audit share
nothing that its intervals over seeds know of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from leakgauge.estimates import Estimate
from leakgauge.report.comparison.attributes import attribute_changes
from leakgauge.report.comparison.comparable import check_comparable, defences_of
from leakgauge.report.comparison.evasion import evasion_change
from leakgauge.report.comparison.figures import (
    ANSWERS,
    SCOPES,
    VALUES,
    accuracy_cost,
    attack_change,
    measures_of,
    names_of,
    worst_change,
)
from leakgauge.report.comparison.model import Change, Comparison, Effect
from leakgauge.report.comparison.sentences import MEASURE_TITLES, reasons_for, sentence_for
from leakgauge.report.json_document import to_json
from leakgauge.report.model import Report

HALF = 0.5
"""Share of the leak: a change that may take more cannot be called without effect."""


def compare(
    before: Report | Sequence[Report],
    after: Report | Sequence[Report],
    *,
    accuracies: tuple[Estimate, Estimate] | None = None,
) -> Comparison:
    """Compare audits before a change with audits after it.

    Parameters
    ----------
    before, after
        reports of the same kind about the same data; several, one per seed and paired in order,
        where the change was audited more than once.
    accuracies
        of the model before and after, on data it was not trained on, where the reports do not
        hold them, as those of inversion audits do not.

    Raises
    ------
    BadBundle
        `not_comparable` for reports of different kinds, or about different data, or not in pairs.
    """
    befores = list(before) if isinstance(before, Sequence) else [before]
    afters = list(after) if isinstance(after, Sequence) else [after]
    warnings = check_comparable(befores, afters)
    every = [*befores, *afters]
    present = [
        scope
        for scope in SCOPES
        if scope.threat_models == ANSWERS
        or any(scope.takes(attack) for report in every for attack in report.attacks)
    ]
    measures = measures_of(befores[0].kind)
    worst = [worst_change(measure, scope, befores, afters) for measure in measures for scope in present]
    attacks = [
        attack_change(measure, name, befores, afters) for measure in measures for name in names_of(every)
    ]
    accuracy = accuracy_cost(befores, afters, accuracies)
    effect, why = _effect(worst, attacks, befores, afters)
    return Comparison(
        effect=effect,
        sentence=sentence_for(effect, worst[0], accuracy, runs=len(befores)),
        reasons=(why, *reasons_for(worst, accuracy)),
        kind=befores[0].kind,
        defences=defences_of(afters),
        runs=len(befores),
        accuracy=accuracy,
        worst=tuple(worst),
        attacks=tuple(attacks),
        warnings=tuple(warnings),
        before=tuple(hashlib.sha256(to_json(report)).hexdigest() for report in befores),
        after=tuple(hashlib.sha256(to_json(report)).hexdigest() for report in afters),
        versions=afters[0].versions,
        evasion=evasion_change(befores, afters),
        attributes=attribute_changes(befores, afters),
    )


def _effect(
    worst: Sequence[Change],
    attacks: Sequence[Change],
    befores: Sequence[Report],
    afters: Sequence[Report],
) -> tuple[Effect, str]:
    """The effect, by the measure that decides, and the reason for it in a sentence."""
    deciding = worst[0].measure
    of = {change.scope: change for change in worst if change.measure == deciding}
    everything, labels = of["answers"], of.get("labels")
    probing = [change for change in attacks if change.measure == deciding and change.threat_model in VALUES]
    before, after, reduction = everything.before.estimate, everything.after.estimate, everything.reduction
    if before is None or after is None or reduction is None:
        return Effect.INCONCLUSIVE, "No attack gave a figure on both sides."
    if before.low <= everything.chance:
        return Effect.INCONCLUSIVE, "No leak was shown before the change, so there is none to be lowered."
    if reduction.high < 0:
        return Effect.INCREASES, "The worst attack finds more after the change than before it."
    left = (after.value - everything.chance) / (before.value - everything.chance)
    falls = reduction.low > 0
    if not falls and any(_falls(change) for change in probing):
        return (
            Effect.HIDES_THE_SLOPE,
            "Attacks that read probabilities find less, but the worst attack finds as much as before.",
        )
    if not falls:
        if reduction.high < HALF * (before.value - everything.chance):
            return Effect.NO_EFFECT, "No reduction was found, and one by half is ruled out."
        return (
            Effect.INCONCLUSIVE,
            "No reduction was found, nor is one by half ruled out: the intervals are too wide.",
        )
    lost = _lost(befores, afters)
    if lost:
        return (
            Effect.INCONCLUSIVE,
            f"The worst fell, but {', '.join(lost)} could not be measured after the change, and what was not "
            "measured may be as strong as before.",
        )
    if labels is None or labels.after.estimate is None:
        return (
            Effect.INCONCLUSIVE,
            "The worst fell, but no attack that sees labels alone was measured after the change, so a "
            "leak that is only hidden from attacks on probabilities cannot be told from one that is gone.",
        )
    to_labels = (labels.after.estimate.value - everything.chance) / (before.value - everything.chance)
    if not _falls(labels) and to_labels > HALF:
        return (
            Effect.HIDES_THE_SLOPE,
            f"The worst fell, but attacks on labels alone find {100 * to_labels:.0f} % of what the worst "
            "found before, and no less than they did then.",
        )
    risen = [change for change in worst if change.scope == "answers" and _rises(change)]
    if risen:
        return (
            Effect.INCONCLUSIVE,
            f"The worst {MEASURE_TITLES[deciding]} fell, but {MEASURE_TITLES[risen[0].measure]} rose.",
        )
    return Effect.REDUCES, f"The worst attack finds less: {100 * max(left, 0.0):.0f} % of the leak is left."


def _rises(change: Change) -> bool:
    return change.reduction is not None and change.reduction.high < 0


def _falls(change: Change) -> bool:
    return change.reduction is not None and change.reduction.low > 0


def _lost(befores: Sequence[Report], afters: Sequence[Report]) -> list[str]:
    """Titles of attacks on answers that were measured before and not after, but for want of probabilities."""
    measured_before = {
        attack.name: attack.title
        for report in befores
        for attack in report.attacks
        if attack.status == "measured" and attack.threat_model in ANSWERS
    }
    lost: list[str] = []
    for report in afters:
        found = {attack.name: attack for attack in report.attacks}
        reading = [attack for attack in report.attacks if attack.threat_model in VALUES]
        labels_alone = bool(reading) and all(attack.status == "not_applicable" for attack in reading)
        for name, title in measured_before.items():
            attack = found.get(name)
            if attack is not None and attack.status == "measured":
                continue
            excused = labels_alone and attack is not None and attack.threat_model in VALUES
            if not excused and title not in lost:
                lost.append(title)
    return lost
