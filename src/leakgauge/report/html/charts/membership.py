"""The charts of a membership report beside its ROC curves."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from leakgauge.report import formatting
from leakgauge.report.html import svg
from leakgauge.report.html.charts.axes import Frame, percent_tick, whisker
from leakgauge.report.html.charts.lines import Axis, Series, line_chart
from leakgauge.report.model import ProportionRow, RebuiltCompared, Slice
from leakgauge.text import Sink, printable


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
    return line_chart(
        series,
        Axis(0, 100, lambda value: f"{value:.0f} %"),
        Axis(
            min([formatting.CHANCE - 0.05, *lows]),
            min(1.0, max([formatting.CHANCE + 0.15, *highs])),
            percent_tick,
        ),
        x_label="share of the attack data that the attacker knows",
        reference=(formatting.CHANCE, "guessing"),
        identifier=identifier,
        title="Attack accuracy by share of the attack data",
        description="One line per attack model with its 95 % interval as a band: "
        + "; ".join(f"{line.label} {line.range_in_words()}" for line in series)
        + ". The dashed line at 50 % is guessing.",
    )


def slice_chart(slices: Sequence[Slice], *, identifier: str, title: str) -> Markup:
    """AUC per class or group as a dot with its interval, one row each, in the order given."""
    rows = [(part, part.auc) for part in slices if part.auc is not None]
    labels = [printable(part.name, Sink.PAGE, longest=40) for part, _ in rows]
    frame = Frame.of_rows(labels, top=8)
    lowest = min([formatting.CHANCE - 0.1, *(auc.low for _, auc in rows)])
    across = svg.LinearScale(lowest, 1.0, frame.left, frame.right)
    parts = ["".join(frame.columns(across, lambda value: f"{value:.2g}"))]
    parts.append(frame.vertical(across(formatting.CHANCE), class_="chance"))
    for place, (label, (_, auc)) in enumerate(zip(labels, rows, strict=True)):
        y = frame.row(place)
        parts.append(frame.row_label(label, y))
        parts.append(whisker(across(auc.low), y, across(auc.high), y))
        parts.append(svg.marker(0, across(auc.value), y, class_="dot"))
    parts.append(frame.title_below("AUC (0.5 is guessing)", frame.bottom + 33))
    return svg.chart(
        frame.width,
        frame.height,
        *parts,
        identifier=identifier,
        title=title,
        description=f"A dot with its 95 % interval for each of {len(rows)} rows; "
        "the table below holds the figures.",
    )


def rebuilt_chart(compared: RebuiltCompared, *, identifier: str) -> Markup:
    """Three bars: the share of values that are right by the rebuilt table, by imputation, and by guessing."""
    bars = (
        ("rebuilt", compared.values),
        ("imputation", compared.imputation),
        ("commonest guess", compared.guess),
    )
    frame = Frame.of_rows([label for label, _ in bars], top=8)
    across = svg.LinearScale(0.0, 1.0, frame.left, frame.right)
    parts = ["".join(frame.columns(across, percent_tick))]
    for place, (label, share) in enumerate(bars):
        y = frame.row(place)
        parts.append(frame.row_label(label, y))
        width = across(share) - frame.left
        parts.append(svg.element("rect", x=frame.left, y=y - 6, width=width, height=12, class_="dot"))
    parts.append(frame.title_below("values that are right", frame.bottom + 33))
    return svg.chart(
        frame.width,
        frame.height,
        *parts,
        identifier=identifier,
        title="Values of the training table that are right",
        description="; ".join(f"{label} {share:.1%}" for label, share in bars) + ".",
    )
