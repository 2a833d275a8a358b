"""Training defences: each changes the plan it says it changes, and DP-SGD's promise holds step by step."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import dp_accounting
import dp_accounting.pld
import keras
import numpy as np
import pytest
import tensorflow as tf
from dp_accounting.rdp import RdpAccountant

from leakgauge.defences.training import TRAINING_DEFENCES, dp_sgd, dropout, training_defences
from leakgauge.defences.training.classifier import LEAST_PROBABILITY, _poisson, smoothed_loss, train
from leakgauge.defences.training.plan import Privacy, TrainingPlan, with_logits, with_probabilities
from leakgauge.defences.training.privacy_budget import privacy_spent
from leakgauge.errors import AuditFailed, BadParameters, UnsupportedModel
from leakgauge.jobs.demo.network import digit_network

layers = keras.layers


def small(*, head="softmax"):
    ends = {
        "softmax": [layers.Dense(3, activation="softmax")],
        "layer": [layers.Dense(3), layers.Softmax()],
        "activation": [layers.Dense(3), layers.Activation("softmax")],
        "logits": [layers.Dense(3)],
    }
    return keras.Sequential([keras.Input((4,)), layers.Dense(5, activation="relu"), *ends[head]])


def blobs(n, *, rng=None):
    rng = np.random.default_rng(0) if rng is None else rng
    y = rng.integers(3, size=n)
    return (np.eye(3, 4)[y] * 2 + rng.normal(size=(n, 4))).astype(np.float32), y.astype(np.int64)


def test_listing_the_defences_waits_for_no_framework():
    program = (
        "import sys; from leakgauge.defences.training import TRAINING_DEFENCES as rows; "
        "assert all(row.cost and row.citation and row.title for row in rows); "
        "print(sorted({'tensorflow', 'keras', 'dp_accounting'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


@pytest.mark.parametrize("defence", TRAINING_DEFENCES, ids=lambda row: row.name)
def test_every_row_changes_the_plan_and_leaves_the_old_one_alone(defence):
    plan = TrainingPlan.of(digit_network((4, 4, 1), classes=3))
    config = plan.model.get_config()
    hardened = defence.harden(plan)
    assert hardened != plan
    assert plan.model.get_config() == config
    # the head stays what it was: logits for three classes
    assert hardened.model.output_shape == (None, 3)


def test_rows_come_in_the_order_of_the_table_and_unknown_names_are_refused():
    assert [row.name for row in training_defences(["weight_decay", "dropout"])] == ["dropout", "weight_decay"]
    with pytest.raises(BadParameters, match="dropuot") as refused:
        training_defences(["dropuot"])
    assert refused.value.problem == "unknown_defence"


def test_the_two_smoothings_do_not_go_together():
    first, second = training_defences(["label_smoothing", "negative_label_smoothing"])
    for one, other in ((first, second), (second, first)):
        with pytest.raises(BadParameters) as refused:
            other.harden(one.harden(TrainingPlan.of(small())))
        assert refused.value.problem == "two_smoothings"


@pytest.mark.parametrize("head", ["softmax", "layer", "activation", "logits"])
def test_logits_are_what_stands_before_the_softmax_whatever_it_is_made_of(head):
    model = small(head=head)
    bare = with_logits(model)
    assert bare.get_weights()[0].shape == model.get_weights()[0].shape
    bare.set_weights(model.get_weights())
    x, _ = blobs(20)
    expected = np.asarray(model(x))
    if head == "logits":
        expected = np.asarray(tf.nn.softmax(expected))
    else:
        assert not np.allclose(np.asarray(bare(x)).sum(axis=1), 1.0)
    np.testing.assert_allclose(np.asarray(with_probabilities(bare)(x)), expected, atol=1e-6)


def test_what_is_no_classifier_is_refused():
    entry = keras.Input((4,))
    several = keras.Model(entry, [layers.Dense(2)(entry), layers.Dense(2)(entry)])
    one_score = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    image = keras.Sequential([keras.Input((4, 4, 1)), layers.Conv2D(1, 3)])
    for model in (several, one_score, image, keras.Sequential([layers.Dense(3)])):
        with pytest.raises(UnsupportedModel) as refused:
            TrainingPlan.of(model)
        assert refused.value.problem == "not_a_classifier"


def test_dropout_stands_ahead_of_every_dense_layer_also_in_a_graph_with_branches():
    entry = keras.Input((4,))
    first = layers.Dense(5, activation="relu")(entry)
    both = layers.Concatenate()([first, entry])
    model = dropout.harden(TrainingPlan.of(keras.Model(entry, layers.Dense(3)(both))), rate=0.25).model
    found = [layer for layer in model.layers if isinstance(layer, layers.Dropout)]
    assert [layer.rate for layer in found] == [0.25, 0.25]
    x = np.ones((200, 4), dtype=np.float32)
    assert np.asarray(model(x, training=True)).std(axis=0).max() > 0.01
    assert np.asarray(model(x, training=False)).std(axis=0).max() < 1e-5


@pytest.mark.parametrize("smoothing", [0.0, 0.2, -0.05])
def test_the_loss_is_the_papers(smoothing):
    rng = np.random.default_rng(1)
    logits, y = rng.normal(size=(8, 5)).astype(np.float32), rng.integers(5, size=8)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    target = np.eye(5)[y] * (1 - smoothing) + smoothing / 5
    expected = -(target * np.log(p)).sum(axis=1)
    found = smoothed_loss(tf.constant(y), tf.constant(logits), smoothing=smoothing)
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-5)


def test_negative_smoothing_does_not_fall_without_end():
    floor = [float(smoothed_loss([0], [[size, 0.0, 0.0]], smoothing=-0.1)[0]) for size in (30.0, 3_000.0)]
    assert floor[0] == pytest.approx(floor[1])
    assert floor[0] == pytest.approx(0.1 * 2 / 3 * np.log(LEAST_PROBABILITY), rel=1e-4)


def test_gradients_are_clipped_one_by_one_and_fillers_count_for_nothing():
    keras.utils.set_random_seed(0)
    model, (x, y) = with_logits(small()), blobs(6)
    x[2] *= 1e4  # one record tries to take over

    def loss(labels, logits):
        return -tf.gather(logits, labels, axis=1, batch_dims=1)

    def sum_of(rows, counted, clip):
        gradients, value = dp_sgd.private_gradients(
            *(model, loss, tf.constant(x[rows]), tf.constant(y[rows]), tf.constant(counted, tf.float32)),
            privacy=Privacy(1e-9, clip),
            lot=1,
            seed=tf.constant([0, 0]),
        )
        return np.concatenate([np.ravel(part) for part in gradients]), float(value)

    singly = []
    for row in range(6):
        with tf.GradientTape() as tape:
            value = loss(y[row : row + 1], model(x[row : row + 1]))[0]
        flat = np.concatenate([np.ravel(part) for part in tape.gradient(value, model.trainable_variables)])
        singly.append(flat * min(1.0, 0.5 / np.linalg.norm(flat)))
    found, _ = sum_of(np.arange(6), np.ones(6), 0.5)
    np.testing.assert_allclose(found, np.sum(singly, axis=0), atol=1e-4)
    without, _ = sum_of(np.arange(6), np.array([1, 1, 0, 1, 1, 1]), 0.5)
    assert np.linalg.norm(found - without) <= 0.5 + 1e-5
    np.testing.assert_allclose(sum_of([2], [0.0], 0.5)[0], 0.0, atol=1e-7)


def test_the_noise_has_the_size_that_was_asked_for_and_no_step_repeats_it():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5_000, use_bias=False)])

    def noise(seed):
        gradients, _ = dp_sgd.private_gradients(
            *(model, lambda _labels, logits: tf.reduce_sum(logits, axis=1)),
            *(tf.zeros((1, 4)), tf.zeros(1, tf.int64), tf.zeros(1)),
            privacy=Privacy(2.0, 3.0),
            lot=10,
            seed=tf.constant(seed),
        )
        return np.ravel(gradients[0])

    # 20,000 draws: the standard deviation is known to .5 %
    assert noise([0, 1]).std() == pytest.approx(2.0 * 3.0 / 10, rel=0.03)
    assert abs(np.corrcoef(noise([0, 1]), noise([0, 2]))[0, 1]) < 0.03
    assert not np.array_equal(noise([0, 1]), noise([1, 1]))


def test_the_noise_of_one_weight_is_never_that_of_another_in_a_later_step():
    entry = keras.Input((4,))
    model = keras.Model(entry, layers.Dense(50)(layers.Dense(50)(layers.Dense(50)(entry))))
    streams = []
    for step in range(4):
        gradients, _ = dp_sgd.private_gradients(
            *(model, lambda _labels, logits: tf.reduce_sum(logits, axis=1)),
            *(tf.zeros((1, 4)), tf.zeros(1, tf.int64), tf.zeros(1)),
            privacy=Privacy(1.0, 1.0),
            lot=1,
            seed=tf.constant([7, step]),
        )
        streams += [tuple(np.ravel(part)[:50].tolist()) for part in gradients]
    assert len(set(streams)) == 4 * 6


def test_lots_are_drawn_as_the_accountant_believes():
    lots = [rows for _ in range(50) for rows in _poisson(np.random.default_rng(_), records=200, lot=20)]
    assert len(lots) == 50 * 10
    sizes = np.array([len(rows) for rows in lots])
    assert sizes.mean() == pytest.approx(20, rel=0.05)
    # shuffled batches would have no spread at all; Poisson sampling has that of a binomial
    assert sizes.std() == pytest.approx(np.sqrt(200 * 0.1 * 0.9), rel=0.15)
    drawn = np.bincount(np.concatenate(lots), minlength=200)
    assert drawn.min() > 0


def test_epsilon_is_the_accountants_own_and_tighter_than_by_renyi_divergences():
    x, y = blobs(150)
    plan = replace(dp_sgd.harden(TrainingPlan.of(small(), epochs=2, batch_size=40), noise_multiplier=1.1))
    trained = train(plan, x, y, seed=0)
    assert trained.steps == 2 * 4
    event = dp_accounting.SelfComposedDpEvent(
        dp_accounting.PoissonSampledDpEvent(40 / 150, dp_accounting.GaussianDpEvent(1.1)), 8
    )
    own = dp_accounting.pld.PLDAccountant()
    own.compose(event)
    looser = RdpAccountant([2, 3, 4, 6, 8, 12, 16, 32])
    looser.compose(event)
    assert trained.privacy.epsilon == pytest.approx(own.get_epsilon(1 / 150**2), rel=0.01)
    assert trained.privacy.epsilon < looser.get_epsilon(1 / 150**2)


def test_more_noise_costs_less_privacy_and_more_steps_cost_more():
    def epsilon(noise, steps):
        return privacy_spent(Privacy(noise, 1.0), records=1_000, lot=50, steps=steps).epsilon

    assert epsilon(4.0, 50) < epsilon(2.0, 50) < epsilon(2.0, 200)


@pytest.mark.parametrize(("noise", "clip"), [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), (float("nan"), 1.0)])
def test_privacy_without_noise_or_clip_is_refused(noise, clip):
    with pytest.raises(BadParameters):
        dp_sgd.harden(TrainingPlan.of(small()), noise_multiplier=noise, clip_norm=clip)


@pytest.mark.parametrize(
    "private", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["plain", "dp_sgd"]
)
def test_training_learns_repeats_and_tells_every_epoch(private):
    x, y = blobs(300)
    plan = TrainingPlan.of(small(), epochs=6, batch_size=30, learning_rate=0.02)
    if private:
        plan = replace(plan, privacy=Privacy(0.5, 1.0))
    told = []
    first = train(plan, x, y, seed=3, listener=lambda done, loss: told.append((done, loss)))
    again = train(plan, x, y, seed=3)
    answers = np.asarray(first.model(x))
    np.testing.assert_allclose(answers.sum(axis=1), 1.0, atol=1e-5)
    assert (answers.argmax(axis=1) == y).mean() > 0.75
    assert [done for done, _ in told] == [1, 2, 3, 4, 5, 6]
    assert told[-1][1] < told[0][1]
    np.testing.assert_array_equal(answers, np.asarray(again.model(x)))


def test_the_decay_pulls_weights_and_spares_biases():
    x, y = blobs(60)
    plan = TrainingPlan.of(small(), epochs=30, learning_rate=0.02)
    weights = [
        train(replace(plan, weight_decay=decay), x, y, seed=seed).model.get_weights()[0]
        for decay, seed in ((0.0, 0), (0.1, 0), (0.0, 1))
    ]
    norms = [np.linalg.norm(found) for found in weights]
    assert not np.allclose(weights[0], weights[2])  # another seed, another model
    assert norms[1] < 0.6 * norms[0]


def test_an_empty_lot_is_a_step_of_noise_alone():
    x, y = blobs(2)
    # one record in 1,000 enters a lot: nearly every lot is empty
    plan = replace(TrainingPlan.of(small(), epochs=1, batch_size=1), privacy=Privacy(1.0, 1.0))
    assert train(plan, x[:1], y[:1], seed=0).steps == 1
    assert digit_network((28, 28, 1)).output_shape == (None, 10)


def test_without_the_accountant_all_but_dp_sgd_can_be_trained(monkeypatch):
    monkeypatch.setitem(sys.modules, "dp_accounting", None)
    plan = TrainingPlan.of(small(), epochs=1, batch_size=40)
    with pytest.raises(AuditFailed) as raised:
        dp_sgd.harden(plan)
    assert "pip install 'leakgauge[demo]'" in raised.value.hint
    images, labels = blobs(40)
    assert train(dropout.harden(plan), images, labels, seed=0).privacy is None
