"""A comparison in words: one line, and the figures behind it."""

from __future__ import annotations

from collections.abc import Sequence

from leakgauge.estimates import Estimate
from leakgauge.report.comparison.model import AccuracyCost, Change, Effect, Side

EFFECT_WORDS = {
    Effect.REDUCES: "The change reduces the leak",
    Effect.NO_EFFECT: "No effect was found",
    Effect.HIDES_THE_SLOPE: "The change only hides the slope",
    Effect.HIDES: "The change only hides the leak",
    Effect.INCREASES: "The change increases the leak",
    Effect.INCONCLUSIVE: "The effect is inconclusive",
}
MEASURE_TITLES = {
    "auc": "AUC",
    "tpr_at_1_percent_fpr": "members found at 1 % false positives",
    "leakage": "leakage",
    "prototypes": "accuracy of reconstructions as prototypes",
    "recognition": "share of reconstructions that are recognised",
    "attribute_leakage": "leakage of sensitive columns",
}


def sentence_for(effect: Effect, worst: Change, accuracy: AccuracyCost | None, *, runs: int) -> str:
    """The one line: effect, the worst before and after, and the cost."""
    over = f"over attacks and {runs} runs" if runs > 1 else "over attacks"
    sentence = (
        f"{EFFECT_WORDS[effect]}: worst {MEASURE_TITLES[worst.measure]} {over} "
        f"{_value(worst.before)} before, {_value(worst.after)} after"
    )
    if worst.reduction is not None:
        sentence += f" (reduction {_signed(worst.reduction.value)}, {_between(worst.reduction)})"
    return f"{sentence}; {_cost(accuracy)}."


def reasons_for(worst: Sequence[Change], accuracy: AccuracyCost | None) -> tuple[str, ...]:
    """A sentence for each threat model's worst figure that decides, and one for the cost."""
    sentences = [
        f"{change.title}, {MEASURE_TITLES[change.measure]}: {_figure(change.before)} before, "
        f"{_figure(change.after)} after."
        for change in worst
        if change.measure == worst[0].measure
    ]
    if accuracy is not None:
        sentences.append(
            f"Test accuracy: {100 * accuracy.before.value:.1f} % before, "
            f"{100 * accuracy.after.value:.1f} % after; cost {_signed(100 * accuracy.cost.value, 1)} points "
            f"({_signed(100 * accuracy.cost.low, 1)} to {_signed(100 * accuracy.cost.high, 1)})."
        )
    return tuple(sentences)


def _cost(accuracy: AccuracyCost | None) -> str:
    if accuracy is None:
        return "accuracy was not measured"
    return f"accuracy cost {_signed(100 * accuracy.cost.value, 1)} points"


def _value(side: Side) -> str:
    return side.status.replace("_", " ") if side.estimate is None else f"{side.estimate.value:.3f}"


def _figure(side: Side) -> str:
    if side.estimate is None:
        return f"{side.status.replace('_', ' ')} ({(side.reason or 'no reason was given').rstrip('.')})"
    return f"{side.estimate.value:.3f} ({side.estimate.low:.3f} to {side.estimate.high:.3f}; {side.attack})"


def _between(estimate: Estimate) -> str:
    return f"{_signed(estimate.low)} to {_signed(estimate.high)}"


def _signed(value: float, decimals: int = 3) -> str:
    return f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", "−")
