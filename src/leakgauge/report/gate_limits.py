"""Figures of attacks held to a limit: which end of which interval decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from leakgauge.estimates import Estimate, RateAtLimit
from leakgauge.report.model import (
    AttributeMeasured,
    Failed,
    GateOutcome,
    InversionMeasured,
    MembershipMeasured,
    NotApplicable,
    ProfilesMeasured,
    RuleResult,
)

AnyAttack = (
    MembershipMeasured | InversionMeasured | ProfilesMeasured | AttributeMeasured | NotApplicable | Failed
)
Measured = TypeVar("Measured", MembershipMeasured, InversionMeasured, ProfilesMeasured)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one attack says: the ends of an interval, or why there is none."""

    attack: AnyAttack
    low: float = 0.0
    high: float = 0.0
    missing: str | None = None


def readings_of(
    attacks: Sequence[AnyAttack],
    kind: type[Measured],
    figure: Callable[[Measured], Estimate | RateAtLimit | None],
) -> list[Reading]:
    """Readings of all attacks but those that are not applicable, which have none to give."""
    found = []
    for attack in attacks:
        if isinstance(attack, kind):
            found.append(reading_of(attack, figure(attack)))
        elif isinstance(attack, Failed):
            found.append(Reading(attack, missing=f"failed ({attack.reason})"))
    return found


def reading_of(attack: AnyAttack, figure: Estimate | RateAtLimit | None) -> Reading:
    """What an attack says of a figure, which is None where the report does not hold it."""
    if figure is None:
        return Reading(attack, missing="the report does not hold this figure")
    if figure.low is None or figure.high is None:
        withheld = getattr(figure, "withheld", None)
        return Reading(attack, missing=f"withheld: {withheld or 'no reason was given'}")
    return Reading(attack, figure.low, figure.high)


def held(
    rule: str, title: str, limit: float, readings: Sequence[Reading], *, broken_above: float | None = None
) -> RuleResult:
    """The rule that no reading lies above the limit; what is not known cannot keep it.

    Parameters
    ----------
    broken_above
        where a reading breaks the rule already, if that is below the limit.
    """
    broken_above = limit if broken_above is None else broken_above
    known = [reading for reading in readings if reading.missing is None]
    missing = [reading for reading in readings if reading.missing is not None]
    worst = max(known, key=lambda reading: (reading.low, reading.high), default=None)
    if worst is not None and worst.low > broken_above:
        reason = "is at least {low}, above {limit}"
        return _result(rule, title, GateOutcome.FAILED, broken_above, worst, reason)
    widest = max(known, key=lambda reading: reading.high, default=None)
    if widest is not None and widest.high > limit:
        reason = "may be {high}, above {limit}, or as little as {low}: the interval is too wide to tell"
        return _result(rule, title, GateOutcome.INCONCLUSIVE, limit, widest, reason)
    if missing:
        first = missing[0]
        reason = f"{first.attack.title}: {first.missing}. What is not known cannot pass."
        return RuleResult(
            rule, title, GateOutcome.INCONCLUSIVE, reason, attack=first.attack.name, limit=limit
        )
    if widest is None:
        reason = "No attack that was run gives this figure; that says nothing about the risk."
        return RuleResult(rule, title, GateOutcome.INCONCLUSIVE, reason, limit=limit)
    return _result(rule, title, GateOutcome.PASSED, limit, widest, "is at most {high}, within {limit}")


def _result(
    rule: str, title: str, outcome: GateOutcome, limit: float, reading: Reading, reason: str
) -> RuleResult:
    words = reason.format(
        low=_rounded(reading.low, limit), high=_rounded(reading.high, limit), limit=f"{limit:.3g}"
    )
    return RuleResult(
        rule,
        title,
        outcome,
        f"{reading.attack.title}: {words}.",
        attack=reading.attack.name,
        limit=limit,
        low=reading.low,
        high=reading.high,
    )


def _rounded(value: float, limit: float) -> str:
    """Three decimals, or as many as keep the figure on its side of the limit."""
    for decimals in (3, 4, 5, 6):
        shown = f"{value:.{decimals}f}"
        if (float(shown) > limit) == (value > limit):
            return shown
    return repr(value)
