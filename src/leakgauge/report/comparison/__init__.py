"""Before and after: what a change does to a leak, by one rule (`effects`), for each of the `attackers`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from leakgauge.estimates import Estimate
from leakgauge.report.comparison.attackers import attacker_effects, by_patience
from leakgauge.report.comparison.attributes import attribute_changes
from leakgauge.report.comparison.comparable import check_comparable, defences_of
from leakgauge.report.comparison.effects import effect_of
from leakgauge.report.comparison.evasion import evasion_change
from leakgauge.report.comparison.figures import accuracy_cost, attack_change, names_of, worst_change
from leakgauge.report.comparison.measures import ANSWERS, SCOPES, Scope, images_measures_of, measures_of
from leakgauge.report.comparison.model import AttackerEffect, Comparison, Effect
from leakgauge.report.comparison.sentences import reasons_for, sentence_for
from leakgauge.report.json_document import to_json
from leakgauge.report.model import Report


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
        where the change was audited more than once. Pairs with ten times the iterations of the others are
        those of an attacker with more queries.
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
    before_sums, after_sums = (
        tuple(hashlib.sha256(to_json(report)).hexdigest() for report in side) for side in (befores, afters)
    )
    usual, patient = by_patience(list(zip(befores, afters, strict=True)))
    measures = (*images_measures_of([*befores, *afters]), *measures_of(befores[0].kind))
    attackers = attacker_effects(measures, usual, patient)
    befores, afters = [before for before, _ in usual], [after for _, after in usual]
    every = [*befores, *afters]
    worst = [
        worst_change(measure, scope, befores, afters) for measure in measures for scope in _scopes_of(every)
    ]
    attacks = [
        attack_change(measure, name, befores, afters) for measure in measures for name in names_of(every)
    ]
    accuracy = accuracy_cost(befores, afters, accuracies)
    hiding = next((each for each in attackers if each.effect is Effect.HIDES), None)
    found = effect_of(worst, attacks, befores, afters)
    effect, why = (hiding.effect, hiding.reason) if hiding else found
    return Comparison(
        effect=effect,
        sentence=sentence_for(effect, worst[0], accuracy, runs=len(befores)),
        reasons=(why, *reasons_for(worst, accuracy), *_not_measured(effect, befores[0], attackers)),
        kind=befores[0].kind,
        defences=defences_of(afters),
        runs=len(befores),
        accuracy=accuracy,
        worst=tuple(worst),
        attacks=tuple(attacks),
        warnings=tuple(warnings),
        before=before_sums,
        after=after_sums,
        versions=afters[0].versions,
        evasion=evasion_change(befores, afters),
        attributes=attribute_changes(befores, afters),
        attackers=attackers if len(attackers) > 1 else (),
    )


def _scopes_of(reports: Sequence[Report]) -> list[Scope]:
    """The attackers that the reports tell of; those who only ask always."""
    attacks = [attack for report in reports for attack in report.attacks]
    return [scope for scope in SCOPES if scope.threat_models == ANSWERS or any(map(scope.takes, attacks))]


def _not_measured(effect: Effect, report: Report, attackers: Sequence[AttackerEffect]) -> tuple[str, ...]:
    """That a reduction is one for some attackers alone."""
    known = {each.worst.scope for each in attackers}
    if effect is not Effect.REDUCES or report.kind != "inversion" or "similar_images" in known:
        return ()
    return (
        "No attacker with similar images was measured: add auxiliary images to tell whether the change only "
        "hides the leak from those that have none.",
    )
