"""The report's pictures: typed figures in, SVG out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from leakgauge.estimates import Estimate, RateAtLimit
from leakgauge.report import wording
from leakgauge.report.html import svg
from leakgauge.report.model import LossPoint, ProportionRow, Reconstruction, Slice, TriedChange
from leakgauge.text import Sink, printable

_MOST_DECADES = 5
_ROW_HEIGHT = 24.0
_STYLE_OF_CHANGE = {"as_it_is": 0, "training": 1, "output": 2}


@dataclass(frozen=True, slots=True)
class Frame:
    """The plotting area inside a picture; the rest of it is room for ticks and labels."""

    width: float
    height: float
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Series:
    """A line through `points`; `band` holds (x, low, high); `style` picks colour, dash and marker shape."""

    label: str
    points: tuple[svg.Point, ...]
    style: int
    band: tuple[tuple[float, float, float], ...] = ()
    marked: bool = True


@dataclass(frozen=True, slots=True)
class RocCurve:
    """A step ROC to draw; `style` picks colour, dash and marker shape, `rates` the dots with intervals."""

    label: str
    points: Sequence[svg.Point]
    rates: Mapping[str, RateAtLimit]
    style: int


def roc_chart(curves: Sequence[RocCurve], non_members: int, *, identifier: str) -> Markup:
    """Step ROCs on log-log axes with the interval of the true-positive rate at each limit.

    The axes reach down to the share that one non-member makes up. Rates of
    zero cannot stand on a logarithmic axis and are drawn on its edge.
    """
    decades = min(max(math.ceil(math.log10(max(non_members, 1))), 2), _MOST_DECADES)
    top = 34.0 + 20 * len(curves)
    frame = Frame(width=480, height=top + 324, left=44, top=top, right=464, bottom=top + 284)
    across = svg.LogScale(decades, frame.left, frame.right)
    up = svg.LogScale(decades, frame.bottom, frame.top)
    parts = [_plane(frame)]
    for value in across.ticks():
        label = f"{100 * value:.4g}"
        parts.append(svg.line(across(value), frame.top, across(value), frame.bottom, class_="grid"))
        parts.append(svg.line(frame.left, up(value), frame.right, up(value), class_="grid"))
        parts.append(svg.text(label, across(value), frame.bottom + 16, class_="tick", anchor="middle"))
        parts.append(svg.text(label, frame.left - 6, up(value) + 4, class_="tick", anchor="end"))
    parts.append(svg.line(frame.left, frame.bottom, frame.right, frame.top, class_="chance"))
    parts.append(svg.text("members found, %", 0, frame.top - 12, class_="label"))
    floor = 10.0**-decades
    described = []
    for place, curve in enumerate(curves):
        style = f"series-{curve.style % 3}"
        # rates below the axis start the curve on its edge, at the most that they reach
        edge = max([y for x, y in curve.points if x <= floor], default=0.0)
        points = [(floor, edge), *sorted(point for point in curve.points if point[0] > floor), (1.0, 1.0)]
        parts.append(svg.steps([(across(x), up(y)) for x, y in points], class_=f"curve {style}"))
        shown = []
        for key, found in curve.rates.items():
            rate, at = wording.rate(found), wording.limit_value(key)
            if rate is None or at is None:
                continue
            shown.append(f"{wording.percent(rate)} of members at {wording.limit(key)} false alarms")
            parts.append(_whisker(across(at), up(rate.low), across(at), up(rate.high), class_="interval"))
            parts.append(svg.marker(curve.style, across(at), up(rate.value), class_=f"mark {style}"))
        described.append(
            f"{curve.label}: " + ("; ".join(shown) if shown else "no rate at low false alarms can be stated")
        )
        row = 12.0 + 20 * place
        parts.append(svg.line(frame.left, row, frame.left + 28, row, class_=f"line {style}"))
        parts.append(svg.marker(curve.style, frame.left + 14, row, class_=f"key {style}"))
        label = printable(curve.label, Sink.PAGE, longest=60)
        parts.append(svg.text(label, frame.left + 36, row + 4, class_="label"))
    middle = (frame.left + frame.right) / 2
    parts.append(svg.text("false alarms, %", middle, frame.height - 6, class_="label", anchor="middle"))
    return svg.drawing(
        frame.width,
        frame.height,
        *parts,
        identifier=identifier,
        title="ROC curves on logarithmic axes",
        description=". ".join(described) + ". The dashed diagonal is guessing.",
    )


def proportion_chart(rows: Sequence[ProportionRow], *, identifier: str) -> Markup:
    """Attack accuracy against the share of the attack data, a line with its band per attack model."""
    series = tuple(
        Series(
            label=model,
            points=tuple((row.percentage, row.attack_accuracy.value) for row in mine),
            band=tuple((row.percentage, row.attack_accuracy.low, row.attack_accuracy.high) for row in mine),
            style=style,
        )
        for style, model in enumerate(("NN", "RF", "GB"))
        if (
            mine := sorted((row for row in rows if row.attack_model == model), key=lambda row: row.percentage)
        )
    )
    lows = [low for line in series for _, low, _ in line.band]
    highs = [high for line in series for _, _, high in line.band]
    return _line_chart(
        series,
        x_range=(0, 100),
        y_range=(
            min([wording.CHANCE - 0.05, *lows]),
            min(1.0, max([wording.CHANCE + 0.15, *highs])),
        ),
        x_tick=lambda value: f"{value:.0f} %",
        y_tick=_percent_tick,
        x_label="share of the attack data that the attacker knows",
        reference=(wording.CHANCE, "guessing"),
        identifier=identifier,
        title="Attack accuracy by share of the attack data",
        description="One line per attack model with its 95 % interval as a band: "
        + "; ".join(f"{line.label} {_range_in_words(line)}" for line in series)
        + ". The dashed line at 50 % is guessing.",
    )


def slice_chart(slices: Sequence[Slice], *, identifier: str, title: str) -> Markup:
    """AUC per class or group as a dot with its interval, one row each, in the order given."""
    rows = [(part, part.auc) for part in slices if part.auc is not None]
    labels = [printable(part.name, Sink.PAGE, longest=20) for part, _ in rows]
    frame = Frame(
        width=480,
        height=44 + _ROW_HEIGHT * len(rows),
        left=20 + 7.0 * max([2, *map(len, labels)]),
        top=8,
        right=466,
        bottom=8 + _ROW_HEIGHT * len(rows),
    )
    across = svg.LinearScale(
        min([wording.CHANCE - 0.1, *(auc.low for _, auc in rows)]), 1.0, frame.left, frame.right
    )
    parts = [_vertical_grid(across, frame.top, frame.bottom, lambda value: f"{value:.2g}")]
    parts.append(
        svg.line(across(wording.CHANCE), frame.top, across(wording.CHANCE), frame.bottom, class_="chance")
    )
    for place, (label, (_, auc)) in enumerate(zip(labels, rows, strict=True)):
        y = frame.top + _ROW_HEIGHT * (place + 0.5)
        parts.append(svg.text(label, frame.left - 10, y + 4, class_="label", anchor="end"))
        parts.append(_whisker(across(auc.low), y, across(auc.high), y, class_="interval"))
        parts.append(svg.marker(0, across(auc.value), y, class_="dot"))
    middle = (frame.left + frame.right) / 2
    parts.append(
        svg.text("AUC (0.5 is guessing)", middle, frame.bottom + 33, class_="label", anchor="middle")
    )
    return svg.drawing(
        frame.width,
        frame.height,
        *parts,
        identifier=identifier,
        title=title,
        description=f"A dot with its 95 % interval for each of {len(rows)} rows; "
        "the table below holds the figures.",
    )


def tradeoff_chart(changes: Sequence[TriedChange], *, knee: str | None, identifier: str) -> Markup:
    """Leakage against accuracy, a numbered point with both intervals for each change; the knee is ringed.

    The names of the points stand beside the plot, so that no label can cover another.
    """
    frame = Frame(width=560, height=max(280, 90 + 22 * len(changes)), left=50, top=30, right=330, bottom=0)
    frame = replace(frame, bottom=frame.height - 44)
    accuracy = _padded([end for change in changes for end in (change.accuracy.low, change.accuracy.high)])
    leakage = _padded(
        [wording.CHANCE, *(end for change in changes for end in (change.leakage.low, change.leakage.high))]
    )
    across = svg.LinearScale(max(accuracy[0], 0.0), min(accuracy[1], 1.0), frame.left, frame.right)
    up = svg.LinearScale(max(leakage[0], 0.0), min(leakage[1], 1.0), frame.bottom, frame.top)
    parts = [_plane(frame), svg.text("AUC of the quick attacks", 0, 14, class_="label")]
    parts.append(_vertical_grid(across, frame.top, frame.bottom, _percent_tick))
    for value in up.ticks(6):
        parts.append(svg.line(frame.left, up(value), frame.right, up(value), class_="grid"))
        parts.append(svg.text(f"{value:.2g}", frame.left - 6, up(value) + 4, class_="tick", anchor="end"))
    chance = up(wording.CHANCE)
    parts.append(svg.line(frame.left, chance, frame.right, chance, class_="chance"))
    parts.append(svg.text("guessing", frame.left + 4, chance - 4, class_="tick"))
    parts.append(svg.text("better ↘", frame.right - 4, chance - 4, class_="tick", anchor="end"))
    for change in changes:  # all intervals lie under all points
        x, y = across(change.accuracy.value), up(change.leakage.value)
        parts.append(
            svg.line(across(change.accuracy.low), y, across(change.accuracy.high), y, class_="reach")
        )
        parts.append(svg.line(x, up(change.leakage.low), x, up(change.leakage.high), class_="reach"))
    taken = [(across(change.accuracy.value), up(change.leakage.value)) for change in changes]
    for number, change in enumerate(changes, start=1):
        x, y = across(change.accuracy.value), up(change.leakage.value)
        row = frame.top + 22 * number - 8
        style = _STYLE_OF_CHANGE[change.kind]
        for place_x, place_y in ((x, y), (frame.right + 22, row)):
            if change.name == knee:
                parts.append(svg.marker(0, place_x, place_y, class_="ring", size=9))
            parts.append(svg.marker(style, place_x, place_y, class_=f"mark series-{style}"))
        label = _free_place(x, y, taken)
        taken.append(label)
        parts.append(svg.text(str(number), label[0], label[1] + 4, class_="label", anchor="middle"))
        title = printable(change.title, Sink.PAGE, longest=30)
        parts.append(svg.text(f"{number}  {title}", frame.right + 36, row + 4, class_="label"))
    middle = (frame.left + frame.right) / 2
    parts.append(
        svg.text("non-members judged right", middle, frame.height - 8, class_="label", anchor="middle")
    )
    points = "; ".join(
        f"{number} {change.title}: {wording.percent(change.accuracy)} right, "
        f"AUC {wording.number(change.leakage)}"
        for number, change in enumerate(changes, start=1)
    )
    ringed = next((change.title for change in changes if change.name == knee), None)
    return svg.drawing(
        frame.width,
        frame.height,
        *parts,
        identifier=identifier,
        title="Leakage against accuracy for each change",
        description=f"{points}. " + (f"The knee is: {ringed}." if ringed else "No change is at a knee."),
    )


def _free_place(x: float, y: float, taken: Sequence[svg.Point]) -> svg.Point:
    """A place around (x, y) for a short label, as far as can be from what stands there already."""
    around = [
        (x + 13 * dx, y + 13 * dy)
        for dx, dy in ((0.8, -0.8), (-0.8, -0.8), (0.8, 0.8), (-0.8, 0.8), (1.6, 0), (-1.6, 0))
    ]

    def room(place: svg.Point) -> float:
        return min(12.0, *(math.dist(place, other) for other in taken))

    return max(around, key=room)


def likeness_chart(found: Sequence[Reconstruction], *, identifier: str) -> Markup:
    """Likeness of every reconstruction between what chance reaches and what would be a full leak."""
    frame = Frame(
        width=480,
        height=62 + _ROW_HEIGHT * len(found),
        left=150,
        top=26,
        right=466,
        bottom=26 + _ROW_HEIGHT * len(found),
    )
    lowest = min([0.0, *(min(item.similarity.pearson, item.chance) for item in found)])
    across = svg.LinearScale(lowest, 1.0, frame.left, frame.right)
    parts = [
        _vertical_grid(across, frame.top, frame.bottom, lambda value: wording.plain(value, 1)),
        svg.line(frame.left, 12, frame.left, 20, class_="limit"),
        svg.text("chance and ceiling", frame.left + 8, 20, class_="tick"),
        svg.marker(0, frame.left + 140, 16, class_="dot"),
        svg.text("reconstruction", frame.left + 150, 20, class_="tick"),
    ]
    for place, item in enumerate(found):
        y = frame.top + _ROW_HEIGHT * (place + 0.5)
        label = printable(f"class {item.target_class}, {item.attack}", Sink.PAGE, longest=22)
        parts.append(svg.text(label, frame.left - 10, y + 4, class_="label", anchor="end"))
        parts.append(svg.line(across(item.chance), y, across(item.ceiling), y, class_="span"))
        parts += [
            svg.line(across(at), y - 6, across(at), y + 6, class_="limit")
            for at in (item.chance, item.ceiling)
        ]
        parts.append(svg.marker(0, across(item.similarity.pearson), y, class_="dot"))
    middle = (frame.left + frame.right) / 2
    parts.append(
        svg.text(
            "likeness to your image (Pearson)", middle, frame.bottom + 33, class_="label", anchor="middle"
        )
    )
    return svg.drawing(
        frame.width,
        frame.height,
        *parts,
        identifier=identifier,
        title="Likeness of each reconstruction against chance and ceiling",
        description="Each row spans from the likeness that needs no model to the one that would be "
        "a full leak; the dot is the reconstruction. The table below holds the figures.",
    )


def loss_chart(points: Sequence[LossPoint], *, identifier: str, attack: str) -> Markup:
    """The attack's loss along its run, a line per class."""
    return _run_chart(
        points,
        lambda point: point.loss,
        y_range=_padded([point.loss for point in points]),
        y_tick=lambda value: wording.plain(value, 0 if abs(value) >= 10 or value == round(value) else 1),
        identifier=identifier,
        title=f"Loss of {attack} along its run",
    )


def confidence_chart(points: Sequence[LossPoint], *, identifier: str, attack: str) -> Markup:
    """The target's confidence in the class along the attack's run, a line per class."""
    return _run_chart(
        points,
        lambda point: point.confidence,
        y_range=(0.0, 1.0),
        y_tick=_percent_tick,
        identifier=identifier,
        title=f"Confidence of the model in the class while {attack} draws",
    )


def effort_chart(points: Sequence[LossPoint], titles: Mapping[str, str], *, identifier: str) -> Markup:
    """Likeness to the user's picture against queries, a line per attack; points without it are left out."""
    attacks = list(dict.fromkeys(point.attack for point in points if point.likeness is not None))
    series = tuple(
        Series(
            label=printable(titles.get(attack, attack), Sink.PAGE, longest=24),
            points=tuple(
                (point.queries, point.likeness)
                for point in points
                if point.attack == attack and point.likeness is not None
            ),
            style=style,
            marked=False,
        )
        for style, attack in enumerate(attacks)
    )
    shown = [likeness for line in series for _, likeness in line.points]
    ends = "; ".join(f"{line.label} ends at {line.points[-1][1]:.2f}" for line in series)
    return _line_chart(
        series,
        x_range=(0, max([1.0, *(queries for line in series for queries, _ in line.points)])),
        y_range=(min([0.0, *shown]), 1.0),
        x_tick=lambda value: f"{value:,.0f}",
        y_tick=lambda value: wording.plain(value, 1),
        x_label="queries, over all seeds",
        reference=None,
        identifier=identifier,
        title="Likeness to your image against queries",
        description=f"A line per attack: {ends}." if ends else "No point was recorded.",
    )


def evasion_chart(
    curves: Mapping[str, Sequence[tuple[float, Estimate]]], *, identifier: str
) -> Markup | None:
    """The share of pictures still taken for their class against the radius, a line with its band per label.

    The radii stand at equal distances, since each is twice the one before. None without a point.
    """
    radii = sorted({radius for points in curves.values() for radius, _ in points})
    if not radii:
        return None
    series = tuple(
        Series(
            label=label,
            points=tuple((radii.index(radius), right.value) for radius, right in points),
            band=tuple((radii.index(radius), right.low, right.high) for radius, right in points),
            style=style,
        )
        for style, (label, points) in enumerate(curves.items())
        if points
    )
    return _line_chart(
        series,
        x_range=(0, max(len(radii) - 1, 1)),
        y_range=(0.0, 1.0),
        x_tick=lambda place: (
            wording.plain(255 * radii[int(place)], 0)
            if place.is_integer() and 0 <= place < len(radii)
            else ""
        ),
        y_tick=_percent_tick,
        x_label="largest change of a pixel, in 255ths of its range",
        reference=None,
        identifier=identifier,
        title="Pictures still taken for their class, by the largest change of a pixel",
        description="A line with its 95 % interval as a band: "
        + "; ".join(f"{line.label} {_range_in_words(line)}" for line in series)
        + ". The table below holds the figures.",
    )


def _run_chart(
    points: Sequence[LossPoint],
    figure: Callable[[LossPoint], float],
    *,
    y_range: tuple[float, float],
    y_tick: Callable[[float], str],
    identifier: str,
    title: str,
) -> Markup:
    classes = sorted({point.target_class for point in points})
    few = len(classes) <= 3  # more lines than this cannot be told apart by label
    series = tuple(
        Series(
            label=f"class {target_class}" if few else "",
            points=tuple(
                (point.iteration, figure(point))
                for point in sorted(points, key=lambda point: point.iteration)
                if point.target_class == target_class
            ),
            style=style if few else 0,
            marked=False,
        )
        for style, target_class in enumerate(classes)
    )
    ends = "; ".join(
        f"class {target_class} from {y_tick(line.points[0][1])} to {y_tick(line.points[-1][1])}"
        for target_class, line in zip(classes, series, strict=True)
    )
    return _line_chart(
        series,
        x_range=(0, max([1, *(point.iteration for point in points)])),
        y_range=y_range,
        x_tick=lambda value: f"{value:,.0f}",
        y_tick=y_tick,
        x_label="iterations",
        reference=None,
        identifier=identifier,
        title=title,
        description=f"A line per class: {ends}." if ends else "No point was recorded.",
    )


def _line_chart(
    series: Sequence[Series],
    *,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    x_tick: Callable[[float], str],
    y_tick: Callable[[float], str],
    x_label: str,
    reference: tuple[float, str] | None,
    identifier: str,
    title: str,
    description: str,
) -> Markup:
    frame = Frame(width=480, height=280, left=50, top=30, right=454, bottom=236)
    across = svg.LinearScale(*x_range, frame.left, frame.right)
    up = svg.LinearScale(*y_range, frame.bottom, frame.top)
    parts = [
        _plane(frame),
        *(
            svg.text(x_tick(value), across(value), frame.bottom + 16, class_="tick", anchor="middle")
            for value in across.ticks(6)
        ),
    ]
    for value in up.ticks(6):
        parts.append(svg.line(frame.left, up(value), frame.right, up(value), class_="grid"))
        parts.append(svg.text(y_tick(value), frame.left - 6, up(value) + 4, class_="tick", anchor="end"))
    if reference is not None:
        value, label = reference
        parts.append(svg.line(frame.left, up(value), frame.right, up(value), class_="chance"))
        parts.append(svg.text(label, frame.right - 4, up(value) + 14, class_="tick", anchor="end"))
    for line in series:  # all bands lie under all lines
        corners = [(across(x), up(high)) for x, _, high in line.band]
        corners += [(across(x), up(low)) for x, low, _ in reversed(line.band)]
        parts.append(svg.polygon(corners, class_=f"band series-{line.style % 3}"))
    for line in series:
        style = f"series-{line.style % 3}"
        places = [(across(x), up(y)) for x, y in line.points]
        parts.append(svg.polyline(places, class_=f"line {style}" if line.label else f"line thin {style}"))
        if line.marked or len(places) == 1:
            parts += [svg.marker(line.style, x, y, class_=f"mark {style}") for x, y in places]
    parts.append(_legend(series, frame))
    middle = (frame.left + frame.right) / 2
    parts.append(svg.text(x_label, middle, frame.height - 6, class_="label", anchor="middle"))
    return svg.drawing(
        frame.width, frame.height, *parts, identifier=identifier, title=title, description=description
    )


def _legend(series: Sequence[Series], frame: Frame) -> str:
    parts = []
    x = frame.left
    for line in series:
        if not line.label:
            continue
        style = f"series-{line.style % 3}"
        parts.append(svg.line(x, 12, x + 28, 12, class_=f"line {style}"))
        if line.marked:
            parts.append(svg.marker(line.style, x + 14, 12, class_=f"mark {style}"))
        parts.append(svg.text(line.label, x + 34, 16, class_="label"))
        x += 56 + 7 * len(line.label)
    return "".join(parts)


def _plane(frame: Frame) -> str:
    width, height = frame.right - frame.left, frame.bottom - frame.top
    return svg.element("rect", x=frame.left, y=frame.top, width=width, height=height, class_="plane")


def _vertical_grid(across: svg.LinearScale, top: float, bottom: float, label: Callable[[float], str]) -> str:
    return "".join(
        svg.line(across(value), top, across(value), bottom, class_="grid")
        + svg.text(label(value), across(value), bottom + 15, class_="tick", anchor="middle")
        for value in across.ticks(7)
    )


def _whisker(x1: float, y1: float, x2: float, y2: float, *, class_: str) -> str:
    """An interval with a short bar across either end."""
    across = (0.0, 3.0) if y1 == y2 else (3.0, 0.0)
    return svg.line(x1, y1, x2, y2, class_=class_) + "".join(
        svg.line(x - across[0], y - across[1], x + across[0], y + across[1], class_=class_)
        for x, y in ((x1, y1), (x2, y2))
    )


def _padded(values: Sequence[float]) -> tuple[float, float]:
    """The range of `values` with some room; a range of one for equal ones."""
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    room = 0.05 * (high - low) or 0.5
    return low - room, high + room


def _percent_tick(value: float) -> str:
    return f"{100 * value:.4g} %"


def _range_in_words(series: Series) -> str:
    values = [y for _, y in series.points]
    return f"{100 * min(values):.0f} to {100 * max(values):.0f} %"
