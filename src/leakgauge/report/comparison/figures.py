"""The figures of a comparison: each attack, and the worst of several, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import stdtrit

from leakgauge.estimates import CONFIDENCE, Estimate, difference
from leakgauge.report.comparison.measures import Attempt, Measure, Scope
from leakgauge.report.comparison.model import AccuracyCost, Change, Side
from leakgauge.report.model import Failed, MembershipReport, NotApplicable, Report, ThreatModel


def names_of(reports: Sequence[Report]) -> list[str]:
    """Names of all attacks, in the order of the reports."""
    return list(dict.fromkeys(attack.name for report in reports for attack in report.attacks))


def _side(report: Report, attack: Attempt | None, measure: Measure) -> Side:
    """One attack's figure."""
    if attack is None:
        return Side("absent", None, None, "The audit did not run this attack.")
    if isinstance(attack, NotApplicable | Failed):
        return Side(attack.status, attack.name, None, attack.reason)
    found = measure.read(report, attack)
    if found is None:
        return Side("absent", attack.name, None, "The report does not hold this figure.")
    if isinstance(found, Estimate):
        return Side("measured", attack.name, found)
    if found.value is None or found.low is None or found.high is None:
        return Side("withheld", attack.name, None, found.withheld or "No reason was given.")
    return Side("measured", attack.name, Estimate(found.value, found.low, found.high, found.n))


def worst_side(sides: Sequence[Side]) -> Side:
    """The worst of several figures: its interval holds the largest of the true ones."""
    known = [side for side in sides if side.estimate is not None]
    if not known:
        first = next((side for side in sides if side.status != "absent"), None)
        return first or Side("absent", None, None, "No attack of this kind was run.")
    estimates = [side.estimate for side in known if side.estimate is not None]
    top = max(known, key=lambda side: side.estimate.value if side.estimate else 0.0)
    worst = Estimate(
        max(each.value for each in estimates),
        max(each.low for each in estimates),
        max(each.high for each in estimates),
        max(each.n for each in estimates),
    )
    return Side("measured", top.attack, worst)


def worst_of(report: Report, measure: Measure, scope: Scope) -> Side:
    """The worst of the attacks of `scope` in one report."""
    return worst_side([_side(report, attack, measure) for attack in report.attacks if scope.takes(attack)])


def worst_change(
    measure: Measure, scope: Scope, befores: Sequence[Report], afters: Sequence[Report]
) -> Change:
    """The worst of the attacks of `scope`, over all runs."""
    sides = [[(run, worst_of(run, measure, scope)) for run in runs] for runs in (befores, afters)]
    return _change(measure, scope.name, scope.title, scope.threat_model, *sides)


def attack_change(measure: Measure, name: str, befores: Sequence[Report], afters: Sequence[Report]) -> Change:
    """One attack, the worst over all runs."""

    def side(run: Report) -> tuple[Report, Side]:
        return run, _side(run, next((attack for attack in run.attacks if attack.name == name), None), measure)

    known = next(attack for run in (*befores, *afters) for attack in run.attacks if attack.name == name)
    return _change(
        measure, name, known.title, known.threat_model, [*map(side, befores)], [*map(side, afters)]
    )


def _change(
    measure: Measure,
    scope: str,
    title: str,
    threat_model: ThreatModel | None,
    befores: Sequence[tuple[Report, Side]],
    afters: Sequence[tuple[Report, Side]],
) -> Change:
    sides = [[side for _, side in runs] for runs in (befores, afters)]
    change = change_between(
        measure.name,
        measure.chance,
        scope,
        title,
        threat_model,
        *sides,
        same_records=measure.same_records,
    )
    paired = _paired_reduction(measure, befores, afters)
    return change if paired is None else replace(change, reduction=paired)


def _paired_reduction(
    measure: Measure, befores: Sequence[tuple[Report, Side]], afters: Sequence[tuple[Report, Side]]
) -> Estimate | None:
    """Before less after over pairs of a class and a run, with Student's interval; None where it has none."""
    if measure.by_class is None:
        return None
    differences: list[float] = []
    for one, other in zip(befores, afters, strict=True):
        ones, others = (measure.by_class(report, side) for report, side in (one, other))
        if not ones or ones.keys() != others.keys():
            return None
        differences += [ones[number] - others[number] for number in ones]
    # differences that are all the same have no spread to go by
    return _student(differences) if len(set(differences)) > 1 else None


def change_between(
    measure: str,
    chance: float,
    scope: str,
    title: str,
    threat_model: ThreatModel | None,
    befores: Sequence[Side],
    afters: Sequence[Side],
    *,
    same_records: bool,
) -> Change:
    """The change of one figure, the worst over all runs; parameters as of `Change` and `Measure`."""
    return Change(
        measure=measure,
        scope=scope,
        title=title,
        threat_model=threat_model,
        chance=chance,
        before=worst_side(befores),
        after=worst_side(afters),
        reduction=_reduction(befores, afters, same_records=same_records),
    )


def _reduction(befores: Sequence[Side], afters: Sequence[Side], *, same_records: bool) -> Estimate | None:
    """Before less after, with its interval; None where a side of any run has no figure."""
    found = [
        difference(one.estimate, other.estimate)
        for one, other in zip(befores, afters, strict=True)
        if one.estimate is not None and other.estimate is not None
    ]
    if len(found) < len(befores) or not found:
        return None
    if len(found) == 1:
        return found[0]
    over_runs = _student([each.value for each in found])
    below, above = 0.0, 0.0
    if same_records:
        below = float(np.mean([each.value - each.low for each in found]))
        above = float(np.mean([each.high - each.value for each in found]))
    reach = over_runs.high - over_runs.value
    return Estimate(
        over_runs.value,
        over_runs.value - float(np.hypot(reach, below)),
        over_runs.value + float(np.hypot(reach, above)),
        sum(each.n for each in found),
    )


def _student(values: Sequence[float]) -> Estimate:
    """The mean of at least two values with Student's interval."""
    middle = float(np.mean(values))
    error = float(np.std(values, ddof=1)) / len(values) ** 0.5
    reach = float(stdtrit(len(values) - 1, 0.5 + CONFIDENCE / 2)) * error
    return Estimate(middle, middle - reach, middle + reach, len(values))


def accuracy_cost(
    befores: Sequence[Report], afters: Sequence[Report], given: tuple[Estimate, Estimate] | None
) -> AccuracyCost | None:
    """What the change costs in accuracy: `given` before and after, else what the reports hold, if they do."""
    if given is not None:
        return AccuracyCost(*given, difference(*given))
    ones, others = (
        [run.target.test_accuracy for run in runs if isinstance(run, MembershipReport)]
        for runs in (befores, afters)
    )
    if not ones:
        return None
    before, after = mean_over_same_records(ones), mean_over_same_records(others)
    return AccuracyCost(before, after, difference(before, after))


def mean_over_same_records(accuracies: Sequence[Estimate]) -> Estimate:
    """The mean over runs on the same records, whose intervals do not shrink by repetition."""
    value, low, high = (
        float(np.mean([getattr(each, end) for each in accuracies])) for end in ("value", "low", "high")
    )
    return Estimate(value, min(low, value), max(high, value), accuracies[0].n)
