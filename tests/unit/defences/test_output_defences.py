"""What every output defence must do, and what each one does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from doubles import NoModel
from hypothesis import given, settings
from hypothesis import strategies as st
from template_target import TemplateTarget, templates

from leakgauge.defences.output import (
    OUTPUT_DEFENCES,
    DefendedTarget,
    Setting,
    settings_of,
)
from leakgauge.errors import BadParameters, UnsupportedModel
from leakgauge.targets.protocol import Target

SPEAKING = [defence for defence in OUTPUT_DEFENCES if defence.gives == "probabilities"]


class Fixed(NoModel):
    """A target that gives the answers it was made with, by the number in the first column of x."""

    def __init__(self, answers):
        self.answers = np.asarray(answers, dtype=np.float64)
        self.classes = np.arange(self.answers.shape[1])
        self.queries = 0

    def probabilities(self, x):
        self.queries += len(x)
        return self.answers[np.asarray(x)[:, 0].astype(np.int64)]

    def labels(self, x):
        return self.probabilities(x).argmax(axis=1)


def rows(n):
    return np.arange(n, dtype=np.float64)[:, None]


def behind(spelling, answers):
    return DefendedTarget(Fixed(answers), settings_of([spelling]))


def softmax(logits):
    likelihood = np.exp(logits - logits.max(axis=1, keepdims=True))
    return likelihood / likelihood.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("defence", SPEAKING, ids=lambda defence: defence.name)
@settings(max_examples=30, derandomize=True, deadline=None)
@given(
    logits=st.lists(
        st.lists(st.sampled_from([-800.0, -30.0, -1.0, 0.0, 0.5, 3.0, 40.0]), min_size=4, max_size=4),
        min_size=1,
        max_size=6,
    ),
    at=st.floats(0, 1),
)
def test_answers_stay_probabilities_and_labels_stay_labels(defence, logits, at):
    allowed = defence.strength
    strength = allowed.least + at * (min(allowed.greatest, 60) - allowed.least)
    strength = float(round(strength)) if allowed.whole else strength
    answers = softmax(np.array(logits))
    target = DefendedTarget(Fixed(answers), [Setting(defence, strength)])
    x = rows(len(answers))
    given_out = target.probabilities(x)
    assert isinstance(target, Target)
    assert given_out.shape == answers.shape
    assert np.isfinite(given_out).all()
    assert (given_out >= 0).all()
    np.testing.assert_allclose(given_out.sum(axis=1), 1.0, rtol=1e-12)
    labels = target.labels(x)
    if defence.keeps_labels:
        np.testing.assert_array_equal(labels, answers.argmax(axis=1))
    # the label that is given is never one that the answers speak against
    assert (given_out[np.arange(len(x)), labels] >= given_out.max(axis=1) - 1e-12).all()
    assert target.queries == 2 * len(x)


@pytest.mark.parametrize("defence", OUTPUT_DEFENCES, ids=lambda defence: defence.name)
def test_every_row_of_the_table_tells_its_cost_and_its_source(defence):
    assert defence.cost.endswith(".")
    assert defence.citation
    assert defence.change.__doc__
    assert defence.title
    if defence.strength is not None:
        assert defence.strength.least <= defence.strength.default <= defence.strength.greatest


def test_rounding_keeps_so_many_decimals():
    answers = [[0.126, 0.434, 0.44], [0.004, 0.004, 0.992], [0.34, 0.33, 0.33]]
    rounded = behind("rounding=2", answers).probabilities(rows(3))
    np.testing.assert_allclose(rounded[0], [0.13, 0.43, 0.44])
    np.testing.assert_allclose(rounded[1], [0, 0, 1])
    even = behind("rounding=0", answers).probabilities(rows(3))[2]
    np.testing.assert_allclose(even, 1 / 3)


def test_top_k_keeps_the_largest_and_shares_out_the_rest():
    answers = [[0.5, 0.3, 0.15, 0.05], [0.25, 0.25, 0.25, 0.25]]
    kept = behind("top_k=1", answers).probabilities(rows(2))
    np.testing.assert_allclose(kept, [[0.5, 0.5 / 3, 0.5 / 3, 0.5 / 3], [0.25] * 4])
    assert behind("top_k=2", answers).probabilities(rows(2))[0, 1] == 0.3
    np.testing.assert_array_equal(behind("top_k=9", answers).probabilities(rows(2)), answers)


def test_a_temperature_can_be_undone():
    answers = softmax(np.random.default_rng(0).normal(size=(20, 5)))
    softened = behind("temperature=4", answers).probabilities(rows(20))
    assert (softened.max(axis=1) < answers.max(axis=1)).all()
    again = softened**4
    np.testing.assert_allclose(again / again.sum(axis=1, keepdims=True), answers)


def test_clipped_logits_bound_what_is_sure_and_leave_the_rest():
    answers = softmax(np.array([[20.0, 0.0, -5.0], [0.3, 0.1, 0.0]]))
    clipped = behind("logit_clipping=2", answers).probabilities(rows(2))
    np.testing.assert_allclose(clipped[0, 0], 1 / (1 + 2 * np.exp(-2)))
    assert clipped[0, 1] == clipped[0, 2]
    np.testing.assert_allclose(clipped[1], answers[1])


def test_label_only_gives_labels_and_refuses_probabilities():
    target = behind("label_only", [[0.2, 0.8]])
    assert not target.has_probabilities
    assert target.labels(rows(1)).tolist() == [1]
    with pytest.raises(UnsupportedModel) as refused:
        target.probabilities(rows(1))
    assert refused.value.problem == "labels_only"
    assert target.queries == 1


def test_noise_is_a_function_of_the_question_alone():
    answers = softmax(np.random.default_rng(1).normal(size=(50, 3)))
    target = behind("noise=1", answers)
    whole = target.probabilities(rows(50))
    np.testing.assert_array_equal(target.probabilities(rows(50)[17:18]), whole[17:18])
    np.testing.assert_array_equal(target.probabilities(rows(50).astype(np.float32)), whole)
    as_frame = pd.DataFrame({"a": np.arange(50), "b": ["x"] * 50})
    mixed = target.probabilities(as_frame)
    np.testing.assert_array_equal(target.probabilities(as_frame.astype({"a": float})), mixed)
    assert not np.allclose(mixed, whole)
    np.testing.assert_array_equal(target.labels(rows(50)), whole.argmax(axis=1))


def test_noise_has_the_spread_it_is_asked_for_and_no_bias():
    answers = np.full((4_000, 2), 0.5)
    noisy = behind("noise=0.7", answers).probabilities(rows(4_000))
    odds = np.log(noisy[:, 0] / noisy[:, 1])
    assert abs(odds.mean()) < 0.06
    assert abs(odds.std() - 0.7 * np.sqrt(2)) < 0.04
    assert 0.4 < behind("noise=0.7", answers).labels(rows(4_000)).mean() < 0.6


def test_averaging_over_changed_copies_undoes_noise():
    """What the docstring warns of: the model's answer hardly moves, the noise is drawn anew."""
    target = DefendedTarget(TemplateTarget(), settings_of(["noise=2"]))
    picture = templates()[:1] * 0.6
    copies = np.repeat(picture, 600, axis=0) + np.random.default_rng(0).uniform(0, 1e-6, (600, 12, 12, 1))
    true_odds = np.log(TemplateTarget().probabilities(picture)[0])

    def error(answers):
        odds = np.log(answers)
        found = (odds - odds.mean(axis=1, keepdims=True)).mean(axis=0)
        return abs(found - (true_odds - true_odds.mean())).max()

    assert error(target.probabilities(copies)) < 0.3
    asked_again = target.probabilities(np.repeat(picture, 600, axis=0))
    assert error(asked_again) == pytest.approx(error(asked_again[:1]))


def test_defences_apply_in_their_order():
    answers = [[0.62, 0.38]]
    ones = DefendedTarget(Fixed(answers), settings_of(["rounding=1", "temperature=2"]))
    others = DefendedTarget(Fixed(answers), settings_of(["temperature=2", "rounding=1"]))
    softened = np.sqrt([0.6, 0.4])
    np.testing.assert_allclose(ones.probabilities(rows(1))[0], softened / softened.sum())
    np.testing.assert_allclose(others.probabilities(rows(1))[0], [0.6, 0.4])


@pytest.mark.parametrize(
    ("spelling", "problem", "told"),
    [
        ("ruonding=2", "unknown_defence", "Did you mean rounding?"),
        ("", "unknown_defence", "Choose from"),
        ("rounding=2.5", "defence_strength", "a whole number"),
        ("rounding=two", "defence_strength", "rounding=2"),
        ("rounding=", "defence_strength", "rounding=2"),
        ("rounding=-1", "defence_strength", "0 to 9"),
        ("temperature=nan", "defence_strength", "1 to 1000"),
        ("noise=inf", "defence_strength", "0 to 20"),
        ("label_only=1", "defence_strength", "label_only alone"),
    ],
)
def test_what_cannot_be_set_is_refused_by_name(spelling, problem, told):
    with pytest.raises(BadParameters) as refused:
        settings_of([spelling])
    assert refused.value.problem == problem
    assert told in f"{refused.value.message} {refused.value.hint}"


def test_spellings_have_defaults_and_read_back():
    spelled = settings_of(["rounding", "top-k=1", " label_only "])
    assert [str(setting) for setting in spelled] == ["rounding=2", "top_k=1", "label_only"]
    assert spelled[0].title == "Rounded answers (2 decimals)"
    assert settings_of([str(setting) for setting in spelled]) == spelled
