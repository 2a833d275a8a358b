"""Charts: well-formed whatever goes in, and points land where they must."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_examples import inversion_audited, membership_report, proportion_rows, share

from leakgauge.estimates import Estimate, RateAtLimit
from leakgauge.report.html import svg
from leakgauge.report.html.charts.axes import LETTER
from leakgauge.report.html.charts.inversion import (
    confidence_chart,
    effort_chart,
    loss_chart,
    similarity_chart,
)
from leakgauge.report.html.charts.lines import Axis, Series, line_chart
from leakgauge.report.html.charts.membership import proportion_chart, slice_chart
from leakgauge.report.html.charts.roc import RocCurve, roc_chart
from leakgauge.report.html.charts.tradeoff import tradeoff_chart
from leakgauge.report.model import InversionReport, LossPoint, Reconstruction, Similarity, Slice, TriedChange

HOSTILE = '<script>alert("1")</script>\'&\0\u202e' + "x" * 5_000


ACROSS, UP = svg.LogScale(3, 44, 464), svg.LogScale(3, 338, 54)  # of a chart with one curve, 1,000 records


def parsed(drawn: str) -> ET.Element:
    tree = ET.fromstring(drawn)
    assert "nan" not in drawn
    assert "inf" not in re.sub(r"<(title|desc)[^<]*", "", drawn)
    assert "http" not in drawn
    assert "style=" not in drawn
    names = {f"{tree.get('aria-labelledby')}".split()[0], f"{tree.get('aria-labelledby')}".split()[1]}
    assert {element.get("id") for element in tree.iter() if element.tag in ("title", "desc")} == names
    assert tree.get("role") == "img"
    return tree


def of_class(tree: ET.Element, name: str) -> list[ET.Element]:
    return [element for element in tree.iter() if name in (element.get("class") or "").split()]


def roc(points: Sequence[svg.Point], non_members: int = 1000, **rates: RateAtLimit) -> ET.Element:
    return parsed(roc_chart([RocCurve("A", points, rates, 0)], non_members, identifier="r"))


def test_scales_put_values_where_they_belong() -> None:
    linear, log = svg.LinearScale(0, 10, 100, 200), svg.LogScale(3, 0, 300)
    assert [linear(value) for value in (-5, 0, 2.5, 10, 99)] == [100, 100, 125, 200, 200]
    assert [round(log(value), 9) for value in (0, -1, 0.001, 0.01, 0.1, 1, 7)] == [
        0,
        0,
        0,
        100,
        200,
        300,
        300,
    ]
    assert svg.LinearScale(4, 4, 100, 200)(4) == 150


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 9))
def test_ticks_are_few_and_inside(low: float, span: float, most: int) -> None:
    scale = svg.LinearScale(low, low + span, 0, 1)
    ticks = scale.ticks(most)
    assert 1 <= len(ticks) <= most
    assert ticks == sorted(set(ticks))
    slack = 1e-6 * max(abs(low), span)
    assert all(low - slack <= tick <= low + span + slack for tick in ticks)


def test_ticks_are_round() -> None:
    assert svg.LinearScale(0, 100, 0, 1).ticks(6) == [0, 20, 40, 60, 80, 100]
    assert svg.LogScale(2, 0, 1).ticks() == pytest.approx([0.01, 0.1, 1])


def test_the_chance_line_of_the_roc_is_the_diagonal() -> None:
    tree = roc([(0.1, 0.5)])
    chance, plane = of_class(tree, "chance")[0], of_class(tree, "plane")[0]
    left, top = float(plane.get("x", "")), float(plane.get("y", ""))
    right, bottom = left + float(plane.get("width", "")), top + float(plane.get("height", ""))
    assert [float(chance.get(key, "")) for key in ("x1", "y1", "x2", "y2")] == [left, bottom, right, top]


def test_the_roc_is_a_staircase_through_its_points() -> None:
    path = of_class(roc([(0.01, 0.1), (0.1, 1.0)], non_members=1000), "curve")[0].get("d", "")
    scale_x, scale_y = ACROSS, UP
    x1, x2, y1 = (svg.coordinate(value) for value in (scale_x(0.01), scale_x(0.1), scale_y(0.1)))
    # across at the old height, then up: the rate between two points is that of the stricter one
    assert path == f"M44,338H{x1}V{y1}H{x2}V54H464"


def test_rates_that_a_logarithm_cannot_show_stand_on_the_edge() -> None:
    path = of_class(roc([(0.0, 0.0), (0.0, 0.1), (0.5, 0.1)]), "curve")[0].get("d", "")
    assert path.startswith(f"M44,{svg.coordinate(UP(0.1))}H")


@pytest.mark.parametrize(
    "points", [[], [(0.0, 0.0)], [(1.0, 1.0)], [(0.5, 0.5)] * 9, [(1.0, 1.0), (0.0, 0.0)]]
)
@pytest.mark.parametrize("non_members", [0, 1, 3, 10**9])
def test_degenerate_rocs_are_drawn(points: list[svg.Point], non_members: int) -> None:
    assert of_class(roc(points, non_members), "curve")


def test_the_interval_marker_stands_at_its_limit() -> None:
    tree = roc(
        [(0.01, 0.2)],
        **{
            "0.01": RateAtLimit(0.2, 0.1, 0.4, 99, 3),
            "0.001": RateAtLimit(None, None, None, 99, 0, "few"),
            "odd": RateAtLimit(0.2, 0.1, 0.4, 99, 3),
        },
    )
    (mark,) = of_class(tree, "mark")
    whisker = of_class(tree, "interval")[0]
    assert float(mark.get("cx", "")) == pytest.approx(ACROSS(0.01), abs=0.06)
    assert float(mark.get("cy", "")) == pytest.approx(UP(0.2), abs=0.06)
    assert float(whisker.get("y1", "")) == pytest.approx(UP(0.1), abs=0.06)
    assert float(whisker.get("y2", "")) == pytest.approx(UP(0.4), abs=0.06)


def test_each_curve_has_its_own_style_and_a_line_in_the_legend() -> None:
    rates = {"0.01": RateAtLimit(0.2, 0.1, 0.4, 99, 3)}
    curves = [RocCurve(HOSTILE, [(0.01, 0.2)], rates, style) for style in range(3)]
    tree = parsed(roc_chart(curves, 1000, identifier="r"))
    assert [curve.get("class") for curve in of_class(tree, "curve")] == [
        f"curve series-{k}" for k in range(3)
    ]
    assert [mark.tag for mark in of_class(tree, "mark")] == ["circle", "rect", "polygon"]
    assert len(of_class(tree, "key")) == 3
    assert parsed(roc_chart([], 1000, identifier="r")) is not None


def test_proportions_have_a_line_a_band_and_a_shape_each() -> None:
    tree = parsed(proportion_chart(proportion_rows(200), identifier="p"))
    assert len(of_class(tree, "band")) == 3
    assert len([line for line in of_class(tree, "line") if line.tag == "polyline"]) == 3
    shapes = {
        style: {mark.tag for mark in of_class(tree, "mark") if f"series-{style}" in mark.get("class", "")}
        for style in range(3)
    }
    assert shapes == {0: {"circle"}, 1: {"rect"}, 2: {"polygon"}}
    assert of_class(tree, "chance")


def test_a_single_proportion_is_a_mark_without_a_line() -> None:
    tree = parsed(proportion_chart(proportion_rows(200)[:1], identifier="p"))
    assert len([mark for mark in of_class(tree, "mark") if mark.get("cx")]) == 2  # the legend's and its own
    assert not [line for line in of_class(tree, "line") if line.tag == "polyline"]


def test_bands_of_perfect_and_useless_attacks_stay_inside() -> None:
    for value in (0.0, 0.5, 1.0):
        rows = [dataclasses.replace(row, attack_accuracy=share(value, 5)) for row in proportion_rows(50)]
        tree = parsed(proportion_chart(rows, identifier="p"))
        for band in of_class(tree, "band"):
            heights = [float(pair.split(",")[1]) for pair in band.get("points", "").split()]
            assert min(heights) >= 30
            assert max(heights) <= 236


def test_slices_without_figures_are_left_out_and_names_are_escaped() -> None:
    slices = [
        Slice("class", HOSTILE, 9, 9, share(0.7, 9), share(0.6, 9)),
        Slice("class", "b", 1, 1, None, None, "few"),
    ]
    tree = parsed(slice_chart(slices, identifier="s", title=HOSTILE))
    assert len(of_class(tree, "dot")) == 1
    assert not [element for element in tree.iter() if element.tag == "script"]
    assert "<script>" in "".join(tree.itertext())


def test_equal_and_extreme_slices_are_drawn() -> None:
    for auc in (Estimate(0.5, 0.5, 0.5, 1), Estimate(0.0, 0.0, 1.0, 2), Estimate(1.0, 1.0, 1.0, 2)):
        parsed(slice_chart([Slice("group", "", 1, 1, auc, auc)] * 3, identifier="s", title="t"))
    parsed(slice_chart([], identifier="s", title="t"))


def tradeoff(changes: Sequence[TriedChange], knee: str | None) -> ET.Element:
    return parsed(tradeoff_chart(changes, knee=knee, identifier="t"))


def test_each_change_is_a_numbered_point_and_the_knee_is_ringed() -> None:
    found = membership_report().tradeoffs
    assert found is not None
    tree = tradeoff(found.changes, found.knee)
    marks, rings = of_class(tree, "mark"), of_class(tree, "ring")
    assert len(marks) == 2 * len(found.changes)  # in the plot and in the legend
    assert [mark.tag for mark in marks[::2]] == ["circle", "rect", "rect", "polygon"]
    assert len(rings) == 2
    assert float(rings[0].get("cx", "")) == float(marks[2].get("x", "")) + 4
    heights = {
        change.name: float(marks[2 * place].get("y") or marks[2 * place].get("cy") or 0)
        for place, change in enumerate(found.changes[:3])
    }
    assert heights["min_samples_leaf=5"] > heights["n_estimators=25"] > heights["as it is"]  # downwards
    words = "".join(tree.itertext())
    assert "The knee is: Leaves of at least 5 records" in words
    assert all(change.title in words for change in found.changes)
    assert not of_class(tradeoff(found.changes, None), "ring")


def test_changes_without_extent_and_with_hostile_names_are_drawn() -> None:
    for value in (0.0, 0.5, 1.0):
        point = Estimate(value, value, value, 1)
        change = TriedChange(HOSTILE, HOSTILE, "training", point, "rmia", point, point, point)
        tree = tradeoff([change] * 9, HOSTILE)
        for mark in of_class(tree, "mark"):
            assert -5 <= float(mark.get("x", "")) <= 560
    assert not [element for element in tree.iter() if element.tag == "script"]


def test_likeness_spans_from_chance_to_ceiling() -> None:
    report = inversion_audited(classes=3).report
    assert isinstance(report, InversionReport)
    tree = parsed(similarity_chart(report.reconstructions, {}, identifier="l"))
    span = of_class(tree, "span")[0]
    plane = [float(line.get("x1", "")) for line in of_class(tree, "grid")]
    across = svg.LinearScale(0, 1, min(plane), max(plane))
    assert float(span.get("x1", "")) == pytest.approx(across(0.33), abs=0.06)
    assert float(span.get("x2", "")) == pytest.approx(across(1.0), abs=0.06)


def test_likeness_may_be_negative() -> None:
    opposite = Reconstruction(
        "a",
        0,
        "x.png",
        1,
        1,
        Similarity(-1.0, -1.0, 1.0, 0.0),
        -0.5,
        "c",
        1.0,
        share(0, 3),
        share(0, 3),
        share(1, 3),
        0.0,
        None,
    )
    tree = parsed(similarity_chart([opposite], {}, identifier="l"))
    assert float(of_class(tree, "dot")[-1].get("cx", "")) == 20 + LETTER * len("class 0, a")


@pytest.mark.parametrize("draw", [loss_chart, confidence_chart])
@pytest.mark.parametrize(
    "points",
    [
        [],
        [LossPoint("a", 0, 0, 0, 1.0, 0.5, None)],
        [LossPoint("a", 0, at, at, 3.0, 1.0, 0.5) for at in range(4)],
        [LossPoint("a", label, at, at, -1e9 * label, 0.0, -1.0) for label in range(12) for at in (0, 5)],
    ],
    ids=["none", "one", "flat", "many classes"],
)
def test_degenerate_runs_are_drawn(draw: object, points: list[LossPoint]) -> None:
    assert callable(draw)
    parsed(draw(points, identifier="x", attack=HOSTILE))


def test_likeness_against_queries_is_a_line_per_attack_and_only_where_there_is_a_likeness() -> None:
    points = [
        LossPoint(name, label, at, 2 * at, 1.0, 0.5, 0.1 * at if label == 0 else None)
        for name in ("a", HOSTILE)
        for label in (0, 1)
        for at in range(1, 6)
    ]
    tree = parsed(effort_chart(points, {"a": "First"}, identifier="e"))
    lines = [element for element in of_class(tree, "line") if element.tag.endswith("polyline")]
    assert len(lines) == 2
    parsed(effort_chart([], {}, identifier="e"))


def test_lines_of_few_classes_are_labelled_and_of_many_are_thin() -> None:
    def run(classes: int) -> ET.Element:
        points = [
            LossPoint("a", label, at, at, at * label, 0.5, None) for label in range(classes) for at in (0, 9)
        ]
        return parsed(loss_chart(points, identifier="x", attack="a"))

    assert "class 2" in "".join(label.text or "" for label in of_class(run(3), "label"))
    assert len(of_class(run(4), "thin")) == 4


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.text(max_size=60))
def test_no_text_breaks_out(text: str) -> None:
    tree = parsed(
        svg.chart(10, 10, svg.text(text, 0, 0, class_="label"), identifier="i", title=text, description=text)
    )
    assert [element.tag for element in tree.iter()] == ["svg", "title", "desc", "text"]


def test_attributes_are_escaped() -> None:
    tree = ET.fromstring(svg.element("g", class_='"><script>'))
    assert tree.get("class") == '"><script>'


def test_coordinates_are_short() -> None:
    assert [svg.coordinate(value) for value in (-0.04, 0.0, 1.0, 1.25, math.pi, 1234.56)] == [
        "0",
        "0",
        "1",
        "1.2",
        "3.1",
        "1234.6",
    ]


def test_real_reports_draw_well_formed_pictures() -> None:
    report = membership_report(n=100)
    parsed(proportion_chart(report.leak_by_proportion, identifier="p"))
    parsed(slice_chart(report.slices, identifier="s", title="t"))


@pytest.mark.parametrize("labels", [1, 3, 6])
def test_a_legend_names_every_line_whole_and_within_the_chart(labels: int) -> None:
    names = [f"{place} {'reconstruction with a long name'}" for place in range(labels)]
    series = [Series(name, ((0.0, 0.1), (1.0, 0.9)), style) for style, name in enumerate(names)]
    axis = Axis(0.0, 1.0, str)
    tree = parsed(line_chart(series, axis, axis, x_label="x", identifier="l", title="t", description="d"))
    width = float(tree.get("viewBox", "").split()[2])
    written = {text.text: text for text in tree.iter() if text.tag.endswith("text")}
    places = set()
    for name in names:
        x, y = float(written[name].get("x", "")), float(written[name].get("y", ""))
        assert x + 6.5 * len(name) <= width
        places.add((x, y))
    assert len(places) == labels, "none lies upon another"
    plane = next(item for item in tree.iter() if item.get("class") == "plane")
    assert max(y for _, y in places) < float(plane.get("y", ""))


def test_long_labels_of_rows_stay_whole() -> None:
    name = "a class with a rather long name, 40 long"
    part = Slice("class", name, 30, 30, share(0.7, 30), share(0.7, 30))
    tree = parsed(slice_chart([part], identifier="s", title="t"))
    (label,) = of_class(tree, "label")[:1]
    assert label.text == name
    assert float(label.get("x", "")) >= 6.5 * len(name)
