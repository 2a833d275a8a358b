"""The charts of an inversion report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from markupsafe import Markup

from leakgauge.estimates import Estimate
from leakgauge.report import formatting
from leakgauge.report.html import svg
from leakgauge.report.html.charts.axes import Frame, padded, percent_tick
from leakgauge.report.html.charts.lines import Axis, Series, line_chart
from leakgauge.report.model import LossPoint, Reconstruction
from leakgauge.text import Sink, printable


def similarity_chart(
    found: Sequence[Reconstruction], titles: Mapping[str, str], *, identifier: str
) -> Markup:
    """Similarity of every reconstruction between what chance reaches and what would be a full leak."""
    labels = [
        printable(f"class {item.target_class}, {titles.get(item.attack, item.attack)}", Sink.PAGE, longest=50)
        for item in found
    ]
    frame = Frame.of_rows(labels, top=26)
    lowest = min([0.0, *(min(item.similarity.pearson, item.chance) for item in found)])
    across = svg.LinearScale(lowest, 1.0, frame.left, frame.right)
    parts = [
        *frame.columns(across, lambda value: formatting.plain(value, 1)),
        svg.line(frame.left, 12, frame.left, 20, class_="limit"),
        svg.text("chance and ceiling", frame.left + 8, 20, class_="tick"),
        svg.marker(0, frame.left + 140, 16, class_="dot"),
        svg.text("reconstruction", frame.left + 150, 20, class_="tick"),
    ]
    for place, (label, item) in enumerate(zip(labels, found, strict=True)):
        y = frame.row(place)
        parts.append(frame.row_label(label, y))
        parts.append(svg.line(across(item.chance), y, across(item.ceiling), y, class_="span"))
        parts += [
            svg.line(across(at), y - 6, across(at), y + 6, class_="limit")
            for at in (item.chance, item.ceiling)
        ]
        parts.append(svg.marker(0, across(item.similarity.pearson), y, class_="dot"))
    parts.append(frame.title_below("similarity to your image (Pearson)", frame.bottom + 33))
    return svg.chart(
        frame.width,
        frame.height,
        *parts,
        identifier=identifier,
        title="Similarity of each reconstruction against chance and ceiling",
        description="Each row spans from the similarity that needs no model to the one that would be "
        "a full leak; the dot is the reconstruction. The table below holds the figures.",
    )


def loss_chart(points: Sequence[LossPoint], *, identifier: str, attack: str) -> Markup:
    """The attack's loss along its run, a line per class."""
    return _run_chart(
        points,
        lambda point: point.loss,
        Axis(
            *padded([point.loss for point in points]),
            lambda value: formatting.plain(value, 0 if abs(value) >= 10 or value == round(value) else 1),
        ),
        identifier=identifier,
        title=f"Loss of {attack} along its run",
    )


def confidence_chart(points: Sequence[LossPoint], *, identifier: str, attack: str) -> Markup:
    """The target's confidence in the class along the attack's run, a line per class."""
    return _run_chart(
        points,
        lambda point: point.confidence,
        Axis(0.0, 1.0, percent_tick),
        identifier=identifier,
        title=f"Confidence of the model in the class during {attack}",
    )


def effort_chart(points: Sequence[LossPoint], titles: Mapping[str, str], *, identifier: str) -> Markup:
    """Similarity to the user's image against queries, a line per attack; points without it are left out."""
    attacks = list(dict.fromkeys(point.attack for point in points if point.likeness is not None))
    series = tuple(
        Series(
            label=printable(titles.get(attack, attack), Sink.PAGE, longest=50),
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
    reached = [similarity for line in series for _, similarity in line.points]
    ends = "; ".join(f"{line.label} ends at {line.points[-1][1]:.2f}" for line in series)
    return line_chart(
        series,
        Axis(
            0,
            max([1.0, *(queries for line in series for queries, _ in line.points)]),
            lambda value: f"{value:,.0f}",
        ),
        Axis(min([0.0, *reached]), 1.0, lambda value: formatting.plain(value, 1)),
        x_label="queries, over all seeds",
        identifier=identifier,
        title="Similarity to your image against queries",
        description=f"A line per attack: {ends}." if ends else "No point was recorded.",
    )


def evasion_chart(
    curves: Mapping[str, Sequence[tuple[float, Estimate]]], *, identifier: str
) -> Markup | None:
    """The share of images still classified correctly against the radius, a line with its band per label.

    The radii stand at equal distances, since each is twice the one before. None without a point.
    """
    radii = sorted({radius for points in curves.values() for radius, _ in points})
    if not radii:
        return None

    def radius_tick(place: float) -> str:
        known = place.is_integer() and 0 <= place < len(radii)
        return formatting.plain(255 * radii[int(place)], 0) if known else ""

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
    return line_chart(
        series,
        Axis(0, max(len(radii) - 1, 1), radius_tick),
        Axis(0.0, 1.0, percent_tick),
        x_label="largest change of a pixel, in 255ths of its range",
        identifier=identifier,
        title="Accuracy under attack, by the largest change of a pixel",
        description="A line with its 95 % interval as a band: "
        + "; ".join(f"{line.label} {line.range_in_words()}" for line in series)
        + ". The table below holds the figures.",
    )


def _run_chart(
    points: Sequence[LossPoint],
    figure: Callable[[LossPoint], float],
    up_axis: Axis,
    *,
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
        f"class {target_class} from {up_axis.tick(line.points[0][1])} to {up_axis.tick(line.points[-1][1])}"
        for target_class, line in zip(classes, series, strict=True)
    )
    return line_chart(
        series,
        Axis(0, max([1, *(point.iteration for point in points)]), lambda value: f"{value:,.0f}"),
        up_axis,
        x_label="iterations",
        identifier=identifier,
        title=title,
        description=f"A line per class: {ends}." if ends else "No point was recorded.",
    )
