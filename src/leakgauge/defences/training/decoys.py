"""Decoys: the model learns random answers to images that are no data.

With every batch go images of the kinds that searches ask about: averages of training images, images
with too little or too much contrast, and random smooth ones. Their labels come from a random smooth
map of the image. A search that starts away from data climbs that map first.

As the guard, but in the weights: who holds the file cannot take it off. Cf. Gong et al. 2023,
"Protecting Commercial Web APIs from Model Inversion Attacks using GAN-generated Fake Samples", who
train on labelled fakes as well; theirs come from a generator, these need none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import tensorflow as tf

from leakgauge.defences.training.guard import SLOPE, smooth_waves
from leakgauge.defences.training.plan import TrainingPlan, image_shape
from leakgauge.errors import BadParameters

WEIGHT = 1.0
AVERAGED = 8
_PURPOSE = 0x6465636F
"""Keeps its random numbers apart from those of other steps with the same seed."""


def harden(plan: TrainingPlan, *, weight: float = WEIGHT) -> TrainingPlan:
    """The plan with a decoy for every image of a batch, whose loss counts `weight` times.

    Raises
    ------
    UnsupportedModel
        `not_of_images` for a model whose input is not (height, width, channels).
    BadParameters
        `decoys` for a weight that is not above 0; `privacy_undone` for a plan with DP-SGD: averages are of
        several records.
    """
    shape = image_shape(plan.model)
    if not weight > 0:
        raise BadParameters("decoys", "Decoys take a weight above 0.", hint=f"Start with {WEIGHT:g}.")
    waves = tf.constant(smooth_waves(shape), tf.float32)

    def random_answers(model: Any, images: Any, _labels: Any, seed: Any) -> Any:
        shown = decoys_beside(images, waves, tf.random.experimental.stateless_fold_in(seed, _PURPOSE))
        # the map is that of the run: no step in its seed
        of_run = tf.stack([seed[0], _PURPOSE])
        weights = tf.random.stateless_normal(
            (waves.shape[1], model.outputs[0].shape[1]), of_run, stddev=SLOPE
        )
        flat = tf.reshape(shown, (-1, waves.shape[0]))
        answers = tf.nn.softmax((flat - tf.reduce_mean(images)) / _spread(images) @ waves @ weights)
        return weight * tf.reduce_mean(
            tf.nn.softmax_cross_entropy_with_logits(answers, model(shown, training=True))
        )

    return replace(plan, penalties=(*plan.penalties, random_answers))


def decoys_beside(images: Any, waves: Any, seed: Any) -> Any:
    """(n, height, width, channels) one decoy for each image of a batch, of a random kind, in its range.

    Parameters
    ----------
    waves
        (d, waves) see `smooth_waves`.
    seed
        two integers.
    """
    n = tf.shape(images)[0]
    seeds = tf.random.experimental.stateless_split(seed, 5)
    orders = tf.argsort(tf.random.stateless_uniform((AVERAGED, n), seeds[0]), axis=1)
    averages = tf.reduce_mean(tf.gather(images, orders), axis=0)
    mean = tf.reduce_mean(images, axis=0, keepdims=True)
    contrast = tf.random.stateless_uniform((n, 1, 1, 1), seeds[1])
    contrasts = mean + tf.where(contrast < 0.5, contrast, 1.0 + 4.0 * (contrast - 0.25)) * (images - mean)
    coefficients = tf.random.stateless_normal((n, waves.shape[1]), seeds[2])
    strokes = tf.reshape(coefficients @ tf.transpose(waves), tf.shape(images))
    background = tf.reduce_mean(images) + _spread(images) * tf.random.stateless_normal((n, 1, 1, 1), seeds[3])
    kinds = tf.stack([averages, contrasts, background + _spread(images) * strokes])
    kind = tf.random.stateless_uniform((n,), seeds[4], maxval=3, dtype=tf.int32)
    shown = tf.gather(tf.transpose(kinds, (1, 0, 2, 3, 4)), kind, batch_dims=1)
    return tf.clip_by_value(shown, tf.reduce_min(images), tf.reduce_max(images))


def _spread(images: Any) -> Any:
    return tf.math.reduce_std(images) + 1e-6
