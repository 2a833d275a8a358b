"""Figures as people read them."""

from __future__ import annotations

import pytest

from leakgauge.estimates import Estimate, RateAtLimit
from leakgauge.report import formatting
from leakgauge.report.model import Severity


@pytest.mark.parametrize(
    ("estimate", "shown"),
    [
        (Estimate(0.6712, 0.641, 0.7003, 900), "67 % (64–70)"),
        (Estimate(0.6712, 0.6692, 0.6731, 200_000), "67.1 % (66.9–67.3)"),
        (Estimate(0.67123, 0.67118, 0.67128, 10**9), "67.12 % (67.12–67.13)"),
        (Estimate(1.0, 0.6, 1.0, 5), "100 % (60–100)"),
        (Estimate(0.0, 0.0, 0.004, 900), "0.0 % (0.0–0.4)"),
        (Estimate(-0.01, -0.04, 0.02, 900), "−1.0 % (−4.0 to 2.0)"),
        (Estimate(-0.001, -0.07, 0.02, 900), "0 % (−7 to 2)"),
        (Estimate(0.5, 0.5, 0.5, 1), "50.00 % (50.00–50.00)"),
    ],
)
def test_per_cent_has_the_digits_that_the_interval_supports(estimate: Estimate, shown: str) -> None:
    assert formatting.percent(estimate) == shown


@pytest.mark.parametrize(
    ("estimate", "shown"),
    [
        (Estimate(0.8351, 0.8155, 0.8522, 900), "0.84 (0.82–0.85)"),
        (Estimate(0.8351, 0.8341, 0.8362, 900_000), "0.835 (0.834–0.836)"),
        (Estimate(69.2, 58.0, 90.0, 3), "69 (58–90)"),
        (Estimate(1234.0, 800.0, 1400.0, 3), "1,234 (800–1,400)"),
        (Estimate(-0.3, -0.9, 0.1, 3), "−0.30 (−0.90 to 0.10)"),
        (Estimate(0.0, -5e-324, 0.0, 3), "0.000 (0.000–0.000)"),
        (Estimate(2.0, -1.7e308, 1.7e308, 3), f"2 (−{1.7e308:,.0f} to {1.7e308:,.0f})"),
    ],
)
def test_numbers_have_the_digits_that_the_interval_supports(estimate: Estimate, shown: str) -> None:
    assert formatting.number(estimate) == shown


def test_a_withheld_rate_is_no_estimate() -> None:
    assert formatting.rate(RateAtLimit(None, None, None, 9, 0, "too few")) is None
    assert formatting.rate(RateAtLimit(0.5, 0.4, 0.6, 9, 3)) == Estimate(0.5, 0.4, 0.6, 9)


@pytest.mark.parametrize(
    ("key", "shown", "value"),
    [
        ("0.01", "1 %", 0.01),
        ("0.001", "0.1 %", 0.001),
        ("1e-5", "0.001 %", 1e-5),
        ("high", "high", None),
        ("nan", "nan", None),
        ("0", "0", None),
        ("7", "7", None),
    ],
)
def test_limits_are_told_in_per_cent(key: str, shown: str, value: float | None) -> None:
    assert formatting.limit(key) == shown
    assert formatting.limit_value(key) == value


def test_a_name_is_cut_and_cleaned() -> None:
    assert formatting.name("a\0b") == "a�b"
    assert formatting.name("x" * 100) == "x" * 59 + "…"


def test_every_severity_has_a_word_and_a_place_on_the_gauge() -> None:
    assert set(formatting.SEVERITY_WORDS) == set(formatting.SEVERITY_STEPS) == set(Severity)
    assert not {"safe", "secure"} & set(formatting.SEVERITY_WORDS.values())


def test_unknown_figures_are_spelled_out() -> None:
    assert formatting.figure_label("auc") == "AUC"
    assert formatting.figure_label("some_new_figure") == "Some new figure"
    assert formatting.figure_label("") == ""
