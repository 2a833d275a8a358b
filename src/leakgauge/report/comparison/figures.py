"""The figures of a comparison: each attack, and the worst of several, before and after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import stdtrit

from leakgauge.estimates import CONFIDENCE, Estimate, RateAtLimit, difference
from leakgauge.report.comparison.model import AccuracyCost, Change, Side
from leakgauge.report.model import (
    Failed,
    InversionMeasured,
    MembershipMeasured,
    MembershipReport,
    NotApplicable,
    ProfilesMeasured,
    Report,
    ThreatModel,
)
from leakgauge.report.risk import LOW_FALSE_POSITIVES

_Attack = MembershipMeasured | InversionMeasured | ProfilesMeasured | NotApplicable | Failed
Reader = Callable[[_Attack], "Estimate | RateAtLimit | None"]


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure that attacks are compared by.

    Attributes
    ----------
    chance
        what a guess gets.
    same_records
        whether its intervals are over records, which all runs share.
    """

    name: str
    chance: float
    same_records: bool
    read: Reader


@dataclass(frozen=True, slots=True)
class Scope:
    """Which attacks the worst is taken of; `threat_model` is theirs, None where there are several."""

    name: str
    title: str
    threat_models: tuple[ThreatModel, ...]
    threat_model: ThreatModel | None = None

    def takes(self, attack: _Attack) -> bool:
        """Whether the attack is one of them."""
        return attack.threat_model in self.threat_models


VALUES: tuple[ThreatModel, ...] = ("probabilities", "scores", "predictions")
"""More than labels; a model gives one of them."""
ANSWERS: tuple[ThreatModel, ...] = ("labels", *VALUES)
SCOPES = (
    Scope("answers", "Worst of all attacks on answers", ANSWERS),
    Scope("labels", "Worst that sees labels", ("labels",), "labels"),
    Scope("probabilities", "Worst that reads probabilities, scores or predictions", VALUES, "probabilities"),
    Scope("model_file", "Worst that reads the model file", ("model_file",), "model_file"),
)


def measures_of(kind: Literal["membership", "inversion", "profiles"]) -> tuple[Measure, ...]:
    """What attacks are compared by; the first decides."""
    if kind == "profiles":
        return (Measure("leakage", 0.0, True, _profiles_leakage),)
    if kind == "inversion":
        return (
            Measure(
                "leakage",
                0.0,
                False,
                lambda attack: attack.metrics.leakage if isinstance(attack, InversionMeasured) else None,
            ),
        )
    return (
        Measure(
            "auc",
            0.5,
            True,
            lambda attack: attack.metrics.auc_corrected if isinstance(attack, MembershipMeasured) else None,
        ),
        Measure(
            "tpr_at_1_percent_fpr",
            0.01,
            True,
            lambda attack: (
                attack.metrics.tpr_at_fpr_corrected.get(LOW_FALSE_POSITIVES)
                if isinstance(attack, MembershipMeasured)
                else None
            ),
        ),
    )


def _profiles_leakage(attack: _Attack) -> Estimate | None:
    if not isinstance(attack, ProfilesMeasured) or attack.metrics is None:
        return None
    return attack.metrics.leakage_corrected


def names_of(reports: Sequence[Report]) -> list[str]:
    """Names of all attacks, in the order of the reports."""
    return list(dict.fromkeys(attack.name for report in reports for attack in report.attacks))


def _side(attack: _Attack | None, measure: Measure) -> Side:
    """One attack's figure."""
    if attack is None:
        return Side("absent", None, None, "The audit did not run this attack.")
    if isinstance(attack, NotApplicable | Failed):
        return Side(attack.status, attack.name, None, attack.reason)
    found = measure.read(attack)
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
    return worst_side([_side(attack, measure) for attack in report.attacks if scope.takes(attack)])


def worst_change(
    measure: Measure, scope: Scope, befores: Sequence[Report], afters: Sequence[Report]
) -> Change:
    """The worst of the attacks of `scope`, over all runs."""
    sides = [[worst_of(run, measure, scope) for run in runs] for runs in (befores, afters)]
    return _change(measure, scope.name, scope.title, scope.threat_model, *sides)


def attack_change(measure: Measure, name: str, befores: Sequence[Report], afters: Sequence[Report]) -> Change:
    """One attack, the worst over all runs."""

    def side(run: Report) -> Side:
        return _side(next((attack for attack in run.attacks if attack.name == name), None), measure)

    known = next(attack for run in (*befores, *afters) for attack in run.attacks if attack.name == name)
    return _change(
        measure, name, known.title, known.threat_model, [*map(side, befores)], [*map(side, afters)]
    )


def _change(
    measure: Measure,
    scope: str,
    title: str,
    threat_model: ThreatModel | None,
    befores: Sequence[Side],
    afters: Sequence[Side],
) -> Change:
    return change_between(
        measure.name,
        measure.chance,
        scope,
        title,
        threat_model,
        befores,
        afters,
        same_records=measure.same_records,
    )


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
    values = np.array([each.value for each in found])
    middle = float(values.mean())
    error = float(values.std(ddof=1)) / len(values) ** 0.5
    over_runs = float(stdtrit(len(values) - 1, 0.5 + CONFIDENCE / 2)) * error
    below, above = 0.0, 0.0
    if same_records:
        below = float(np.mean([each.value - each.low for each in found]))
        above = float(np.mean([each.high - each.value for each in found]))
    return Estimate(
        middle,
        middle - float(np.hypot(over_runs, below)),
        middle + float(np.hypot(over_runs, above)),
        sum(each.n for each in found),
    )


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
