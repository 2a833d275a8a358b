"""What a change does against each attacker, from one that only asks to one that holds the model file.

A defence may stop one attacker and not another: a model that answers at random away from data gives an
attacker that searches there nothing, and one that has similar images everything. A change that reduces
the leak for an attacker that only asks, and leaves more than half of it to one that has similar images or
more queries, *only hides* it. The model file is shown and does not decide: whoever is given it is a matter
of who is trusted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from leakgauge.report.comparison.effects import HALF, effect_of, effect_on_file, left
from leakgauge.report.comparison.figures import attack_change, names_of, worst_change
from leakgauge.report.comparison.measures import ANSWERS, Measure, Scope, has_prior
from leakgauge.report.comparison.model import AttackerEffect, Change, Effect
from leakgauge.report.model import Report

MORE_QUERIES = 10
"""So many times the iterations of the other audits make a pair of audits one with more queries."""

_ASKS = Scope("asks", "Worst of an attacker that only asks", ANSWERS, with_prior=False)
_ASKS_LABELS = Scope("labels", "Worst that sees labels", ("labels",), "labels", with_prior=False)
_KNOWS = Scope("similar_images", "Worst of an attacker that has similar images", ANSWERS)
_KNOWS_LABELS = Scope("labels", "Worst that sees labels", ("labels",), "labels")
_PATIENT = Scope("more_queries", "Worst of an attacker with ten times the queries", ANSWERS, with_prior=False)
_FILE = Scope("model_file", "Worst of an attacker that has the model file", ("model_file",), "model_file")

Pairs = Sequence[tuple[Report, Report]]


def by_patience(pairs: Pairs) -> tuple[Pairs, Pairs]:
    """Pairs of audits as usual, and those with at least ten times the iterations of the shortest."""
    lengths = [_iterations(before) for before, _ in pairs]
    least = min(lengths)
    patient = [least > 0 and length >= MORE_QUERIES * least for length in lengths]
    return (
        [pair for pair, more in zip(pairs, patient, strict=True) if not more],
        [pair for pair, more in zip(pairs, patient, strict=True) if more],
    )


def attacker_effects(measures: Sequence[Measure], usual: Pairs, patient: Pairs) -> tuple[AttackerEffect, ...]:
    """The effect against every attacker that was measured; the one that only asks comes first."""
    found = [_asking(_ASKS, _ASKS_LABELS, measures, usual)]
    attempts = [attack for pair in usual for report in pair for attack in report.attacks]
    if any(has_prior(attack) for attack in attempts):
        found.append(_shown_to_hide(found[0], _asking(_KNOWS, _KNOWS_LABELS, measures, usual)))
    if patient:
        found.append(_shown_to_hide(found[0], _asking(_PATIENT, _ASKS_LABELS, measures, patient)))
    if any(_FILE.takes(attack) for attack in attempts):
        worst = worst_change(measures[0], _FILE, *_sides(usual))
        found.append(AttackerEffect(*effect_on_file(worst, *_sides(usual)), worst))
    return tuple(found)


def _shown_to_hide(first: AttackerEffect, other: AttackerEffect) -> AttackerEffect:
    """The effect against `other`, where the first finds less: that the change only hides, if it does."""
    share = left(other.worst)
    settled = other.effect in (Effect.REDUCES, Effect.NO_EFFECT, Effect.HIDES_THE_SLOPE)
    if first.effect is not Effect.REDUCES or not settled or share <= HALF:
        return other
    who = other.worst.title.removeprefix("Worst of ")
    return replace(
        other,
        effect=Effect.HIDES,
        reason=f"To an attacker that only asks {100 * left(first.worst):.0f} % of the leak is left, but "
        f"{who} still finds {100 * share:.0f} % of what it found before.",
    )


def _asking(scope: Scope, labels: Scope, measures: Sequence[Measure], pairs: Pairs) -> AttackerEffect:
    befores, afters = _sides(pairs)
    worst: list[Change] = []
    for measure in measures:
        worst += [worst_change(measure, each, befores, afters) for each in (scope, labels)]
    attempts = [attack for pair in pairs for report in pair for attack in report.attacks]
    # an attack that did not run does not say that it would have had a prior: its other side does
    left_out = {attack.name for attack in attempts if has_prior(attack) and not scope.takes(attack)}
    taken = {attack.name for attack in attempts if scope.takes(attack)} - left_out
    attacks = [
        attack_change(measure, name, befores, afters)
        for measure in measures
        for name in names_of([*befores, *afters])
        if name in taken
    ]
    return AttackerEffect(*effect_of(worst, attacks, befores, afters), worst[0])


def _sides(pairs: Pairs) -> tuple[list[Report], list[Report]]:
    return [before for before, _ in pairs], [after for _, after in pairs]


def _iterations(report: Report) -> int:
    """The longest run that was asked for; 0 where audits have no iterations."""
    asked = report.parameters.get("iterations")
    each = asked if isinstance(asked, list | tuple) else [asked]
    return max((number for number in each if isinstance(number, int)), default=0)
