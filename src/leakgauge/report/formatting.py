"""Figures as people read them: no more digits than the interval supports."""

from __future__ import annotations

import math

from leakgauge.estimates import Estimate, RateAtLimit
from leakgauge.report.model import Attacker, GateOutcome, Severity, ThreatModel
from leakgauge.text import Sink, printable

CHANCE = 0.5
"""What guessing gets, for accuracy and area alike."""

SEVERITY_WORDS = {
    Severity.LOW: "low",
    Severity.MODERATE: "moderate",
    Severity.HIGH: "high",
    Severity.CRITICAL: "critical",
    Severity.INCONCLUSIVE: "inconclusive",
}
SEVERITY_STEPS = {
    Severity.LOW: 1,
    Severity.MODERATE: 2,
    Severity.HIGH: 3,
    Severity.CRITICAL: 4,
    Severity.INCONCLUSIVE: 0,
}
"""How many of four steps the gauge beside the verdict fills."""

GATE_WORDS = {
    GateOutcome.PASSED: "The policy is kept",
    GateOutcome.FAILED: "The policy is broken",
    GateOutcome.INCONCLUSIVE: "The policy cannot be decided",
}

THREAT_MODEL_TITLES: dict[ThreatModel, str] = {
    "labels": "The attacker sees labels only",
    "probabilities": "The attacker sees probabilities",
    "scores": "The attacker sees decision scores",
    "predictions": "The attacker sees predictions",
    "model_file": "The attacker holds the model file",
}

THREAT_MODEL_NAMES: dict[ThreatModel, str] = {
    "labels": "labels",
    "probabilities": "probabilities",
    "scores": "scores",
    "predictions": "predictions",
    "model_file": "model file",
}

ATTACKERS: dict[Attacker, tuple[str, str]] = {
    "candidates": (
        "Knows the candidates",
        "holds a list of records, the members among them, and learns from it",
    ),
    "population": ("Has other data of the source", "none of the records in question"),
}
"""What each attacker is called, and what he holds beside the model's answers."""

_FIGURES = {
    "attack_accuracy": "Balanced accuracy",
    "auc": "AUC",
    "tpr_at_1_percent_fpr": "TPR at 1 % FPR (members found)",
    "gain_of_more_data": "Gain from more data",
    "gain_of_attack_model": "Gain from an attack model",
    "members_exposed_to_all": "Members singled out by all",
    "non_members_exposed_to_all": "Non-members singled out by all",
    "attack_accuracy_with_enough_records": "Balanced accuracy, with enough known records",
}

_SHARES = ("attack_accuracy", "leakage", "tpr_at_1_percent_fpr", "attack_accuracy_with_enough_records")
_DIFFERENCES = ("gain_of_more_data", "gain_of_attack_model")
_LONGEST_NAME = 60


def severity(found: Severity, borderline: Severity | None) -> str:
    """`high`, or `high (borderline: critical)`."""
    words = SEVERITY_WORDS[found]
    return words if borderline is None else f"{words} (borderline: {SEVERITY_WORDS[borderline]})"


def name(text: str) -> str:
    """A name that came from outside, short enough for a table cell or an axis."""
    return printable(text, Sink.PAGE, longest=_LONGEST_NAME)


def figure_label(key: str) -> str:
    """The key of an insight's figure as a label; an unknown one is spelled out."""
    spelled = name(key).replace("_", " ")
    return _FIGURES.get(key, spelled[:1].upper() + spelled[1:])


def insight_figure(key: str, estimate: Estimate) -> tuple[str, str]:
    """An insight's figure and its interval, in the unit in which its sentence says it."""
    if key in _SHARES:
        return percent_value(estimate), percent_interval(estimate)
    if key in _DIFFERENCES:
        return percent_value(estimate).replace("%", "points"), percent_interval(estimate)
    return number_value(estimate), number_interval(estimate)


def percent(estimate: Estimate) -> str:
    """`67 % (64–70)`."""
    return f"{_share(estimate.value, estimate)} % ({percent_interval(estimate)})"


def percent_value(estimate: Estimate) -> str:
    """`67 %`."""
    return f"{_share(estimate.value, estimate)} %"


def percent_interval(estimate: Estimate) -> str:
    """`64–70`, in per cent."""
    return _between(_share(estimate.low, estimate), _share(estimate.high, estimate))


def number(estimate: Estimate) -> str:
    """`0.735 (0.712–0.757)`."""
    return f"{number_value(estimate)} ({number_interval(estimate)})"


def number_value(estimate: Estimate) -> str:
    """`0.735`."""
    return _figure(estimate.value, estimate)


def number_interval(estimate: Estimate) -> str:
    """`0.712–0.757`."""
    return _between(_figure(estimate.low, estimate), _figure(estimate.high, estimate))


def rate(found: RateAtLimit) -> Estimate | None:
    """The rate as an estimate, None where it is withheld."""
    if found.value is None or found.low is None or found.high is None:
        return None
    return Estimate(found.value, found.low, found.high, found.n)


def limit_value(key: str) -> float | None:
    """A key of `tpr_at_fpr` as the share it stands for, None where it stands for none."""
    try:
        share = float(key)
    except ValueError:
        return None
    return share if 0 < share <= 1 else None


def limit(key: str) -> str:
    """A key of `tpr_at_fpr` as per cent: `0.01` is `1 %`."""
    share = limit_value(key)
    return name(key) if share is None else f"{100 * share:.4g} %"


def quantity(estimate: Estimate) -> str:
    """`12.3 (11.9–12.8)` of figures in any unit, three digits of each."""
    return f"{_digits(estimate.value)} ({_between(_digits(estimate.low), _digits(estimate.high))})"


def quantity_value(value: float) -> str:
    """`12.3`, three digits of a figure in any unit."""
    return _digits(value)


def plain(value: float, decimals: int = 2) -> str:
    """A figure that has no interval of its own; minus zero is zero."""
    return _signed(f"{round(value, decimals) + 0.0:,.{decimals}f}")


def _share(share: float, estimate: Estimate) -> str:
    # where the whole interval is a few per cent, whole ones would all read "0" or "1"
    least = 1 if max(-estimate.low, estimate.high) <= 0.05 else 0
    return plain(100 * share, max(least, _supported(100 * (estimate.high - estimate.low), most=2)))


def _figure(value: float, estimate: Estimate) -> str:
    spread = estimate.high - estimate.low
    # areas and similarities lie between 0 and 1, where a single decimal says too little
    least = 2 if abs(estimate.value) <= 1 else 0
    return plain(value, max(least, _supported(spread, most=3)))


def _supported(spread: float, *, most: int) -> int:
    """Decimals whose last place is of the size of half the interval's width."""
    if spread <= 0:
        return most
    # the sum of two large ends may be infinite
    return round(min(max(math.log10(2) - math.log10(spread), 0), most))


def _digits(value: float) -> str:
    """Three significant digits; very large and very small numbers as powers of ten."""
    if value != 0.0 and not 1e-3 <= abs(value) < 1e7:
        return _signed(f"{value:.2e}")
    decimals = 2 if value == 0.0 else 2 - math.floor(math.log10(abs(value)))
    return _signed(f"{round(value, decimals):,.{max(decimals, 0)}f}")


def _between(low: str, high: str) -> str:
    # a dash between signed numbers would read as another sign
    return f"{low} to {high}" if "−" in low + high else f"{low}–{high}"


def _signed(text: str) -> str:
    return text.replace("-", "−")
