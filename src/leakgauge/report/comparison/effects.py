"""The rule by which a change is said to lower a leak or not.

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
                          an attack that was measured before was not measured after;
                          or what an audit had (time, iterations, a model of these data)
                          says the same as the figures

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

from collections.abc import Collection, Sequence

from leakgauge.report.comparison.comparable import finds_less
from leakgauge.report.comparison.measures import ANSWERS, VALUES
from leakgauge.report.comparison.model import Change, Effect
from leakgauge.report.comparison.sentences import MEASURE_TITLES
from leakgauge.report.model import Report

HALF = 0.5
"""Share of the leak: a change that may take more cannot be called without effect."""


def effect_of(
    worst: Sequence[Change], attacks: Sequence[Change], befores: Sequence[Report], afters: Sequence[Report]
) -> tuple[Effect, str]:
    """The effect, by the measure that decides, and the reason for it in a sentence.

    Parameters
    ----------
    worst
        for each measure the worst of all attacks, then that of those on labels; the first measure decides.
    attacks
        those that the worst was taken of.
    """
    found = _by_the_rule(worst, attacks, befores, afters)
    new = lost_attacks(afters, befores, {change.scope for change in attacks})
    measured_twice = [each for each in attacks if each.measure == worst[0].measure and each.scope not in new]
    if found[0] is Effect.INCREASES and worst[0].after.attack in new and not any(map(_rises, measured_twice)):
        return (
            Effect.INCONCLUSIVE,
            f"The worst rose, but {new[worst[0].after.attack]} was not measured before the change.",
        )
    return _unless_audits_differ(found, befores, afters)


def _unless_audits_differ(
    found: tuple[Effect, str], befores: Sequence[Report], afters: Sequence[Report]
) -> tuple[Effect, str]:
    """An effect, unless the audits themselves have another effort or fit that says the same."""
    effect, _ = found
    pairs = list(zip(befores, afters, strict=True))
    if effect is Effect.REDUCES:
        less = [why for before, after in pairs if (why := finds_less(after, before))]
        if less:
            return Effect.INCONCLUSIVE, f"The worst fell, but the audit after the change {less[0]}."
    if effect is Effect.INCREASES:
        less = [why for before, after in pairs if (why := finds_less(before, after))]
        if less:
            return Effect.INCONCLUSIVE, f"The worst rose, but the audit before the change {less[0]}."
    return found


def _by_the_rule(
    worst: Sequence[Change], attacks: Sequence[Change], befores: Sequence[Report], afters: Sequence[Report]
) -> tuple[Effect, str]:
    deciding = worst[0].measure
    everything = worst[0]
    labels = next((each for each in worst if (each.measure, each.scope) == (deciding, "labels")), None)
    settled = _before_any_fall(everything)
    if settled is not None:
        return settled
    if not _falls(everything):
        if any(_falls(each) for each in attacks if each.measure == deciding and each.threat_model in VALUES):
            return (
                Effect.HIDES_THE_SLOPE,
                "Attacks that read probabilities find less, but the worst attack finds as much as before.",
            )
        return _without_a_fall(everything)
    lost = lost_attacks(befores, afters, {change.scope for change in attacks})
    if lost:
        return (
            Effect.INCONCLUSIVE,
            f"The worst fell, but {', '.join(lost.values())} could not be measured after the change, and "
            "what was not measured may be as strong as before.",
        )
    if labels is None or labels.after.estimate is None:
        return (
            Effect.INCONCLUSIVE,
            "The worst fell, but no attack that sees labels alone was measured after the change, so a "
            "leak that is only hidden from attacks on probabilities cannot be told from one that is gone.",
        )
    to_labels = left(labels, of=everything)
    if not _falls(labels) and to_labels > HALF:
        return (
            Effect.HIDES_THE_SLOPE,
            f"The worst fell, but attacks on labels alone find {_percent(to_labels)} of what the worst "
            "found before, and no less than they did then.",
        )
    risen = [change for change in worst if change.scope == everything.scope and _rises(change)]
    if risen:
        return (
            Effect.INCONCLUSIVE,
            f"The worst {MEASURE_TITLES[deciding]} fell, but {MEASURE_TITLES[risen[0].measure]} rose.",
        )
    return _reduced(everything)


def effect_on_file(worst: Change, befores: Sequence[Report], afters: Sequence[Report]) -> tuple[Effect, str]:
    """The same of the worst attack that reads the model file, from which no answer hides anything."""
    found = _before_any_fall(worst)
    if found is None:
        found = _reduced(worst) if _falls(worst) else _without_a_fall(worst)
    return _unless_audits_differ(found, befores, afters)


def left(change: Change, *, of: Change | None = None) -> float:
    """The share of the leak before the change (that of another figure, if given) that is left after it."""
    before, after = (change if of is None else of).before.estimate, change.after.estimate
    if before is None or after is None or before.value <= change.chance:
        return 0.0
    return max(0.0, (after.value - change.chance) / (before.value - change.chance))


def _before_any_fall(worst: Change) -> tuple[Effect, str] | None:
    """The effect where there is nothing that could have fallen, or it rose; else None."""
    before, after, reduction = worst.before.estimate, worst.after.estimate, worst.reduction
    if before is None or after is None or reduction is None:
        return Effect.INCONCLUSIVE, "No attack gave a figure on both sides."
    if before.low <= worst.chance:
        return Effect.INCONCLUSIVE, "No leak was shown before the change, so there is none to be lowered."
    if reduction.high < 0:
        return Effect.INCREASES, "The worst attack finds more after the change than before it."
    return None


def _without_a_fall(worst: Change) -> tuple[Effect, str]:
    before, reduction = worst.before.estimate, worst.reduction
    if before and reduction and reduction.high < HALF * (before.value - worst.chance):
        return Effect.NO_EFFECT, "No reduction was found, and one by half is ruled out."
    return (
        Effect.INCONCLUSIVE,
        "No reduction was found, nor is one by half ruled out: the intervals are too wide.",
    )


def _reduced(worst: Change) -> tuple[Effect, str]:
    return Effect.REDUCES, f"The worst attack finds less: {_percent(left(worst))} of the leak is left."


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _rises(change: Change) -> bool:
    return change.reduction is not None and change.reduction.high < 0


def _falls(change: Change) -> bool:
    return change.reduction is not None and change.reduction.low > 0


def lost_attacks(
    befores: Sequence[Report], afters: Sequence[Report], names: Collection[str] | None = None
) -> dict[str, str]:
    """Titles, by name, of attacks on answers measured before and not after, but for want of probabilities.

    Parameters
    ----------
    names
        of the attacks that count; None for all.
    """
    measured_before = {
        attack.name: attack.title
        for report in befores
        for attack in report.attacks
        if attack.status == "measured"
        and attack.threat_model in ANSWERS
        and (names is None or attack.name in names)
    }
    lost: dict[str, str] = {}
    for report in afters:
        found = {attack.name: attack for attack in report.attacks}
        reading = [attack for attack in report.attacks if attack.threat_model in VALUES]
        labels_alone = bool(reading) and all(attack.status == "not_applicable" for attack in reading)
        for name, title in measured_before.items():
            attack = found.get(name)
            if attack is not None and attack.status == "measured":
                continue
            if not (labels_alone and attack is not None and attack.threat_model in VALUES):
                lost[name] = title
    return lost
