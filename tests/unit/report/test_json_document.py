"""report.json: what goes in comes out, noise does not, and nothing but a report is read."""

from __future__ import annotations

import dataclasses
import json
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profile_reports import profiles_report
from report_examples import inversion_audited, membership_report

from leakgauge.errors import BadBundle
from leakgauge.estimates import Estimate
from leakgauge.report.json_document import from_json, to_json
from leakgauge.report.model import Insight, Notice, Report

REPORTS: list[Report] = [membership_report(n=60), inversion_audited(classes=2).report, profiles_report()]
NO_FIGURES = (b"NaN", b"-Infinity", b"1e999")
finite = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12)


@pytest.mark.parametrize("report", REPORTS, ids=["membership", "inversion", "profiles"])
def test_reading_and_writing_again_gives_the_same_bytes(report: Report) -> None:
    data = to_json(report)
    again = from_json(data)
    assert type(again) is type(report)
    assert to_json(again) == data
    assert data.endswith(b"}\n")


@pytest.mark.parametrize("report", REPORTS, ids=["membership", "inversion", "profiles"])
def test_fields_stand_in_the_order_of_their_declaration(report: Report) -> None:
    assert list(json.loads(to_json(report))) == [part.name for part in dataclasses.fields(report)]


def test_points_of_a_curve_stand_on_one_line() -> None:
    lines = [line.strip().rstrip(",") for line in to_json(REPORTS[0]).decode().splitlines()]
    curve = json.loads(to_json(REPORTS[0]))["attacks"][0]["roc"]
    assert len(curve) > 10
    assert all(json.dumps(point) in lines for point in curve)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.lists(finite, min_size=3, max_size=3).map(sorted), st.text(max_size=40), st.integers(0, 10**9))
def test_any_figure_and_text_survives(values: list[float], text: str, n: int) -> None:
    low, value, high = values
    figures = {text: Estimate(value, low, high, n)}
    report = dataclasses.replace(REPORTS[0], insights=(Insight(text, text, text, figures),))
    found = from_json(to_json(report)).insights[0]
    assert (found.question, found.sentence) == (text, text)
    assert found.figures[text].n == n
    assert found.figures[text].value == pytest.approx(value, abs=1e-6)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.floats(-1e3, 1e3).filter(lambda value: abs(value * 1e6 % 1 - 0.5) > 1e-3))
def test_noise_in_the_last_place_changes_no_byte(value: float) -> None:
    def with_figure(figure: float) -> bytes:
        insight = Insight("i", "q", "s", {"f": Estimate(figure, figure, figure, 1)})
        return to_json(dataclasses.replace(REPORTS[0], insights=(insight,)))

    assert with_figure(value) == with_figure(math.nextafter(value, math.inf))


def test_equal_figures_are_equal_bytes() -> None:
    def with_figure(figure: float) -> bytes:
        insight = Insight("i", "q", "s", {"f": Estimate(figure, figure, figure, 1)})
        return to_json(dataclasses.replace(REPORTS[0], insights=(insight,)))

    assert with_figure(3) == with_figure(3.0) == with_figure(3.0000000001)
    assert type(from_json(with_figure(3)).insights[0].figures["f"].value) is float


def test_minus_zero_is_zero() -> None:
    insight = Insight("i", "q", "s", {"f": Estimate(-0.0, -1e-9, 0.0, 1)})
    written = to_json(dataclasses.replace(REPORTS[0], insights=(insight,)))
    assert not re.search(rb"-0(\.0+)?[^.0-9]", written)


def test_parameters_keep_the_users_own_digits() -> None:
    found = json.loads(to_json(REPORTS[1]))["parameters"]
    assert found["learning_rate"] == 1e-7


def test_lists_inside_texts_keep_their_line_breaks() -> None:
    text = "[\n  1,\n  2\n]"
    report = dataclasses.replace(REPORTS[0], warnings=(Notice("n", text),))
    assert from_json(to_json(report)).warnings[0].message == text


def test_lone_surrogates_cannot_break_the_file() -> None:
    report = dataclasses.replace(REPORTS[0], warnings=(Notice("n", "a\udc80b"),))
    assert from_json(to_json(report)).warnings[0].message == "a?b"


@pytest.mark.parametrize("figure", [math.nan, math.inf, -math.inf])
def test_figures_that_are_not_finite_are_refused(figure: float) -> None:
    report = dataclasses.replace(REPORTS[0], parameters={"x": figure})
    with pytest.raises(ValueError, match="JSON compliant"):
        to_json(report)


def test_values_that_json_does_not_know_are_refused() -> None:
    with pytest.raises(TypeError, match="bytes"):
        to_json(dataclasses.replace(REPORTS[0], parameters={"x": b"1"}))  # type: ignore[dict-item]  # the point


def changed(**fields: object) -> bytes:
    return json.dumps({**json.loads(to_json(REPORTS[0])), **fields}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b"null",
        b"[]",
        b"{}",
        b'{"schema_version": 1}',
        b'{"schema_version": "1"}',
        b'{"schema_version": "1.0"}',
        b'{"schema_version": "1.0", "kind": "membership"}',
        changed(kind="other"),
        changed(verdict=None),
        changed(seed="0"),
        changed(seed=0.5),
        changed(attacks=[{"status": "measured"}]),
        changed(warnings="none"),
        to_json(REPORTS[0]).replace(b'"low": 0.', b'"low": 7.', 1),
        *(
            to_json(REPORTS[0]).replace(b'"roc": [\n', b'"roc": [[0, %b],' % figure, 1)
            for figure in NO_FIGURES
        ),
    ],
    ids=range(20),
)
def test_anything_but_a_report_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(BadBundle) as caught:
        from_json(data)
    assert caught.value.code == "bad_bundle.not_a_report"
    assert caught.value.hint


def test_the_message_repeats_no_key_of_the_document() -> None:
    secret = "name <of> a person"
    document = json.loads(to_json(REPORTS[0]))
    document["insights"][0]["figures"] = {secret: {"value": "x"}}
    with pytest.raises(BadBundle) as caught:
        from_json(json.dumps(document).encode())
    assert "person" not in caught.value.message
    assert "insights.0" in caught.value.message


def test_another_major_version_has_its_own_error() -> None:
    with pytest.raises(BadBundle) as caught:
        from_json(changed(schema_version="2.0"))
    assert caught.value.code == "bad_bundle.report_version"
    assert "2.0" in caught.value.message


def test_a_newer_minor_version_is_read_without_its_new_fields() -> None:
    assert from_json(changed(schema_version="1.99", novelty={"a": 1})).seed == REPORTS[0].seed
