"""ROC curves on logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from leakgauge.estimates import Estimate, RateAtLimit
from leakgauge.report import formatting
from leakgauge.report.html import svg
from leakgauge.report.html.charts.axes import Frame, whisker
from leakgauge.text import Sink, printable

_MOST_DECADES = 5


@dataclass(frozen=True, slots=True)
class RocCurve:
    """A step ROC; `style` picks colour, dash and marker shape, `rates` the marks with intervals."""

    label: str
    points: Sequence[svg.Point]
    rates: Mapping[str, RateAtLimit]
    style: int

    @property
    def colour(self) -> str:
        """The class name of its style."""
        return f"series-{self.style % 3}"

    def stated_rates(self) -> Iterator[tuple[str, float, Estimate]]:
        """The rates that are not withheld: key, false-positive rate and true-positive rate."""
        for key, found in self.rates.items():
            rate, at = formatting.rate(found), formatting.limit_value(key)
            if rate is not None and at is not None:
                yield key, at, rate


def roc_chart(curves: Sequence[RocCurve], non_members: int, *, identifier: str) -> Markup:
    """Step ROCs on log-log axes with the interval of the true-positive rate at each limit.

    The axes reach down to the share that one non-member makes up. Rates of
    zero cannot stand on a logarithmic axis and stand on its edge.
    """
    decades = min(max(math.ceil(math.log10(max(non_members, 1))), 2), _MOST_DECADES)
    top = 34.0 + 20 * len(curves)
    frame = Frame(width=480, height=top + 324, left=44, top=top, right=464, bottom=top + 284)
    across = svg.LogScale(decades, frame.left, frame.right)
    up = svg.LogScale(decades, frame.bottom, frame.top)
    parts = [frame.plane()]
    for value in across.ticks():
        label = f"{100 * value:.4g}"
        parts += [frame.vertical(across(value)), frame.horizontal(up(value))]
        parts += [frame.tick_below(label, across(value)), frame.tick_beside(label, up(value))]
    parts.append(svg.line(frame.left, frame.bottom, frame.right, frame.top, class_="chance"))
    parts.append(svg.text("true-positive rate (members found), %", 0, frame.top - 12, class_="label"))
    for place, curve in enumerate(curves):
        parts += [_curve(curve, across, up), _legend(curve, frame, row=12.0 + 20 * place)]
    parts.append(frame.title_below("false-positive rate (non-members called members), %", frame.height - 6))
    return svg.chart(
        frame.width,
        frame.height,
        *parts,
        identifier=identifier,
        title="ROC curves on logarithmic axes",
        description=". ".join(map(_in_words, curves)) + ". The dashed diagonal is guessing.",
    )


def _curve(curve: RocCurve, across: svg.LogScale, up: svg.LogScale) -> str:
    floor = 10.0**-across.decades
    # rates below the axis start the curve on its edge, at the most that they reach
    edge = max([y for x, y in curve.points if x <= floor], default=0.0)
    points = [(floor, edge), *sorted(point for point in curve.points if point[0] > floor), (1.0, 1.0)]
    return svg.steps([(across(x), up(y)) for x, y in points], class_=f"curve {curve.colour}") + "".join(
        whisker(across(at), up(rate.low), across(at), up(rate.high))
        + svg.marker(curve.style, across(at), up(rate.value), class_=f"mark {curve.colour}")
        for _, at, rate in curve.stated_rates()
    )


def _legend(curve: RocCurve, frame: Frame, *, row: float) -> str:
    return (
        svg.line(frame.left, row, frame.left + 28, row, class_=f"line {curve.colour}")
        + svg.marker(curve.style, frame.left + 14, row, class_=f"key {curve.colour}")
        + svg.text(printable(curve.label, Sink.PAGE, longest=60), frame.left + 36, row + 4, class_="label")
    )


def _in_words(curve: RocCurve) -> str:
    rates = [
        f"{formatting.percent(rate)} of members found at {formatting.limit(key)} false positives"
        for key, _, rate in curve.stated_rates()
    ]
    return f"{curve.label}: " + ("; ".join(rates) or "no rate at few false positives can be stated")
