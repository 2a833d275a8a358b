"""Every way of masking answers is told from the answers, and none is seen where there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from template_target import TemplateTarget, templates

from leakgauge.defences.output import DefendedTarget, settings_of
from leakgauge.inversion.masking import Examined, examine, masking_of
from leakgauge.inversion.objective import log_odds
from leakgauge.report.model import Severity
from leakgauge.targets.score_rows import rounding_step, scores_kept, spread_over_hidden

Answers = NDArray[np.float64]
SEEDS = range(4)


class Behind(TemplateTarget):
    """Six classes, of which three have templates, behind a function of the answers."""

    def __init__(self, change: Callable[[Answers], Answers], *, sharpness: float = 120.0) -> None:
        super().__init__(sharpness=sharpness)
        self._change = change
        further = np.random.default_rng(3).standard_normal((3, self._weights.shape[1]))
        further *= np.linalg.norm(self._weights[0]) / np.linalg.norm(further, axis=1, keepdims=True)
        self._weights = np.concatenate([self._weights, further])
        self.classes = np.arange(6)

    def probabilities(self, x: Any) -> Answers:
        return self._change(super().probabilities(x))


def one_hot(answers: Answers) -> Answers:
    return np.eye(answers.shape[1])[answers.argmax(axis=1)]


def defended(*names: str) -> Callable[[Answers], Answers]:
    def change(answers: Answers) -> Answers:
        for setting in settings_of(names):
            answers = setting.defence.change(answers, strength=setting.strength, queries=answers)
        return answers

    return change


def seen(change: Callable[[Answers], Answers], seed: int, **more: float) -> Examined:
    return examine(Behind(change, **more), templates()[0], rng=np.random.default_rng(seed))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("sharpness", [60.0, 120.0, 1_000.0, 1e6])
def test_plain_answers_raise_no_alarm_however_sure_they_are(seed: int, sharpness: float) -> None:
    assert seen(lambda answers: answers, seed, sharpness=sharpness).found == ()


@pytest.mark.parametrize("unused", [2, 5])
def test_classes_that_nothing_was_trained_on_are_no_mask(unused: int) -> None:
    def change(answers: Answers) -> Answers:
        answers[:, :unused] = answers.min(axis=1, keepdims=True) / 2
        return answers / answers.sum(axis=1, keepdims=True)

    found = seen(change, 0)
    assert "truncated" not in found.found
    assert "clipped" not in found.found


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("decimals", [1, 2, 3])
@pytest.mark.parametrize("scaled", [False, True], ids=["as rounded", "scaled to sum to 1"])
def test_rounded_answers_give_their_step(seed: int, decimals: int, scaled: bool) -> None:
    change = defended(f"rounding={decimals}") if scaled else lambda answers: np.round(answers, decimals)
    found = seen(change, seed)
    assert found.found == ("rounded",)
    assert found.step == 10.0**-decimals
    assert found.floor == found.step / 2


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kept", [1, 2, 3])
def test_truncated_answers_give_the_number_of_classes(seed: int, kept: int) -> None:
    found = seen(defended(f"top_k={kept}"), seed)
    assert found.found == ("truncated",)
    assert found.classes_kept == kept


@pytest.mark.parametrize("seed", SEEDS)
def test_labels_alone_are_told_from_a_model_that_is_merely_sure(seed: int) -> None:
    found = seen(one_hot, seed)
    assert found.found == ("labels_only",)
    assert found.slope_hidden is not None
    assert found.slope_hidden.low > 0.5


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "change",
    [defended("logit_clipping=2"), lambda answers: np.clip(answers, 0.02, 0.9)],
    ids=["logits", "probabilities"],
)
def test_clipped_answers_are_seen(seed: int, change: Callable[[Answers], Answers]) -> None:
    assert seen(change, seed).found == ("clipped",)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_temperature_is_no_defence_and_is_divided_out(seed: int) -> None:
    plain, soft = seen(lambda answers: answers, seed), seen(defended("temperature=20"), seed)
    assert soft.found == ("flat",)
    assert plain.temperature / soft.temperature == pytest.approx(20, rel=1e-6)
    told = masking_of(soft, Severity.LOW)
    assert told.effect == "none"
    assert "no defence" in told.sentence


@pytest.mark.parametrize("divisor", [0.5, 4.0, 1e3, 1e6])
def test_what_a_softmax_was_divided_by_is_undone_exactly(divisor: float) -> None:
    logits = np.random.default_rng(0).standard_normal((50, 7)) * 5
    plain, soft = (np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) for z in (logits, logits / divisor))
    assert np.allclose(log_odds(soft, 2, temperature=1 / divisor), log_odds(plain, 2))


def test_a_target_without_probabilities_is_asked_nothing() -> None:
    target = DefendedTarget(TemplateTarget(), settings_of(["label_only"]))
    assert examine(target, templates()[0], rng=np.random.default_rng(0)).found == ("labels_only",)
    assert target.queries == 0


def test_every_query_is_counted() -> None:
    target = TemplateTarget()
    assert examine(target, templates()[0], rng=np.random.default_rng(0)).queries == target.queries > 0


@pytest.mark.parametrize(
    ("severity", "effect"),
    [
        (Severity.LOW, "no_leak_shown"),
        (Severity.MODERATE, "slope_only"),
        (Severity.CRITICAL, "slope_only"),
        (Severity.INCONCLUSIVE, "undecided"),
    ],
)
def test_what_masking_is_worth_follows_from_the_worst_attack(severity: Severity, effect: str) -> None:
    told = masking_of(seen(one_hot, 0), severity)
    assert told.effect == effect
    assert "labels alone" in told.sentence


# ------------------------------------------------------------------- rows of scores


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.integers(2, 12), st.sampled_from([0.1, 0.05, 0.01, 0.001]), st.integers(0, 10**6))
def test_a_step_is_found_at_least_as_coarse_and_never_for_unrounded_rows(
    classes: int, step: float, seed: int
) -> None:
    rows = np.random.default_rng(seed).dirichlet(np.full(classes, 0.5), size=80)
    found = rounding_step((np.round(rows / step) * step).astype(np.float32))
    assert found is not None
    assert found >= step
    assert rounding_step(rows) is None
    assert rounding_step(rows.astype(np.float32)) is None


def test_zeros_and_ones_alone_are_no_step() -> None:
    assert rounding_step(np.eye(4)) is None


def test_the_rest_is_shared_among_the_classes_left_out() -> None:
    scores = np.array([[0.7, 0.0, 0.0], [0.0, 0.4, 0.0]])
    assert scores_kept(scores) == 1
    assert np.allclose(spread_over_hidden(scores), [[0.7, 0.15, 0.15], [0.3, 0.4, 0.3]])
    assert scores_kept(np.array([[0.7, 0.3, 0.0], [0.0, 0.4, 0.0]])) is None
    assert scores_kept(np.array([[0.6, 0.3, 0.0], [0.0, 1.0, 0.0]])) == 2
    assert scores_kept(np.array([[0.7, 0.3], [0.6, 0.4]])) is None
