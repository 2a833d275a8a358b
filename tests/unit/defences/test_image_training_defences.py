"""Defences that change images or add to the loss: what they show the model is what they say."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from leakgauge.defences.training import (
    anti_adversarial,
    decoys,
    dp_sgd,
    negative_label_smoothing,
    random_erasing,
)
from leakgauge.defences.training.anti_adversarial import nearest_change
from leakgauge.defences.training.classifier import train
from leakgauge.defences.training.decoys import decoys_beside
from leakgauge.defences.training.guard import smooth_waves
from leakgauge.defences.training.plan import TrainingPlan
from leakgauge.defences.training.random_erasing import with_erased_rectangles
from leakgauge.errors import BadParameters, UnsupportedModel

layers = keras.layers


def linear(shape=(8, 7, 2), classes=3):
    return keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(classes)])


def images_of(n, shape=(8, 7, 2), *, low=0.0, high=1.0):
    rng = np.random.default_rng(0)
    return rng.uniform(low, high, (n, *shape)).astype(np.float32)


@pytest.mark.parametrize("shape", [(8, 7, 2), (1, 1, 1), (28, 2, 1)])
def test_erasing_takes_one_rectangle_of_every_image_and_nothing_else(shape):
    images = images_of(200, shape)
    found = np.asarray(with_erased_rectangles(images, [1, 2], greatest_share=0.4))
    erased = (found != images).any(axis=-1)
    if shape == (1, 1, 1):
        return
    rows, columns = erased.any(axis=2), erased.any(axis=1)
    np.testing.assert_array_equal(erased, rows[:, :, None] & columns[:, None, :])
    for bands in (rows, columns):
        assert (np.abs(np.diff(bands.astype(int), axis=1)).sum(axis=1) <= 2).all()
    for image, now, where in zip(images, found, erased, strict=True):
        np.testing.assert_allclose(
            now[where], np.broadcast_to(image.mean(axis=(0, 1)), now[where].shape), rtol=1e-5
        )
    if shape == (8, 7, 2):
        assert 0.1 < erased.mean() < 0.4
        # every place is reached, and no two steps erase alike
        assert erased.any(axis=0).all()
        again = np.asarray(with_erased_rectangles(images, [1, 3], greatest_share=0.4))
        assert not np.array_equal(found, again)


def test_the_nearest_change_stays_in_reach_and_range_and_brings_the_class_nearer():
    model = linear()
    images = images_of(20, low=-1.0, high=3.0)
    classes = tf.constant(np.arange(20) % 3)
    change = np.asarray(nearest_change(model, tf.constant(images), classes, reach=0.1))
    assert np.abs(change).max() <= 0.1 * (images.max() - images.min()) + 1e-5
    assert (images + change).min() >= images.min() - 1e-6
    assert (images + change).max() <= images.max() + 1e-6

    def loss(shown):
        return np.asarray(tf.nn.sparse_softmax_cross_entropy_with_logits(classes, model(shown)))

    assert (loss(images + change) < loss(images)).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_decoys_are_in_range_and_none_is_an_image_of_the_batch(channels):
    shape = (8, 6, channels)
    images = images_of(300, shape, low=10.0, high=20.0)
    waves = tf.constant(smooth_waves(shape), tf.float32)
    found = np.asarray(decoys_beside(tf.constant(images), waves, tf.constant([3, 4])))
    assert found.shape == images.shape
    assert found.min() >= images.min()
    assert found.max() <= images.max()
    distances = np.abs(found[:, None] - images[None]).max(axis=(2, 3, 4))
    assert (distances.min(axis=1) > 1e-3).mean() > 0.95


def test_waves_are_orthonormal_by_channel():
    waves = smooth_waves((9, 7, 3))
    np.testing.assert_allclose(waves.T @ waves, np.eye(waves.shape[1]), atol=1e-9)
    coloured = waves.reshape(9 * 7, 3, -1)
    assert ((np.abs(coloured).max(axis=0) > 0).sum(axis=0) == 1).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "defence", [anti_adversarial, decoys, random_erasing], ids=lambda each: each.__name__
)
def test_training_with_it_repeats_and_differs_from_training_without(defence):
    images, labels = images_of(40), np.arange(40) % 3
    plan = TrainingPlan.of(linear(), epochs=2, batch_size=16)
    hardened = defence.harden(plan)
    plain, first, again = (
        np.asarray(train(each, images, labels, seed=1).model(images)) for each in (plan, hardened, hardened)
    )
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, plain)


def test_dp_sgd_goes_with_erasing_and_with_nothing_that_mixes_records():
    plan = TrainingPlan.of(linear(), epochs=1, batch_size=10)
    for defence in (anti_adversarial, decoys):
        for one, other in ((defence, dp_sgd), (dp_sgd, defence)):
            with pytest.raises(BadParameters) as refused:
                other.harden(one.harden(plan))
            assert refused.value.problem == "privacy_undone"
    both = random_erasing.harden(dp_sgd.harden(plan))
    assert both.privacy is not None
    assert both.batch_changes


@pytest.mark.parametrize(
    ("harden", "problem"),
    [
        (lambda plan: random_erasing.harden(plan, greatest_share=0.95), "erased_share"),
        (lambda plan: random_erasing.harden(plan, greatest_share=float("nan")), "erased_share"),
        (lambda plan: anti_adversarial.harden(plan, weight=0.0), "anti_adversarial"),
        (lambda plan: anti_adversarial.harden(plan, reach=1.5), "anti_adversarial"),
        (lambda plan: decoys.harden(plan, weight=float("nan")), "decoys"),
    ],
)
def test_strengths_out_of_range_are_refused(harden, problem):
    with pytest.raises(BadParameters) as refused:
        harden(TrainingPlan.of(linear()))
    assert refused.value.problem == problem


def test_decoys_and_erasing_are_of_images_of_one_size():
    table = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    for defence in (decoys, random_erasing):
        with pytest.raises(UnsupportedModel) as refused:
            defence.harden(TrainingPlan.of(table))
        assert refused.value.problem == "not_of_images"


def test_negative_smoothing_follows_its_schedule_and_ordinary_smoothing_has_none():
    plan = negative_label_smoothing.harden(TrainingPlan.of(linear(), epochs=100))
    followed = [plan.smoothing_in(epoch) for epoch in (0, 50, 60, 75, 99)]
    np.testing.assert_allclose(followed, [0.0, 0.0, -0.02, -0.05, -0.05], atol=1e-12)
    constant = replace(TrainingPlan.of(linear(), epochs=3), smoothing=0.1)
    assert [constant.smoothing_in(epoch) for epoch in range(3)] == [0.1] * 3
