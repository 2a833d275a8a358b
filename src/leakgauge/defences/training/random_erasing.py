"""Random erasing: a random rectangle of every training image is replaced by the image's mean colour.

Zhong et al. 2020, "Random Erasing Data Augmentation", as a defence by Tran et al. 2024, "Defending
against Model Inversion Attacks via Random Erasing": no step sees a whole image, so a class is learnt
from parts. Every image is changed by itself, so DP-SGD's promise holds with it.

Departure: the fill is the mean of the image, not of all images.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import tensorflow as tf

from leakgauge.defences.training.plan import TrainingPlan, image_shape
from leakgauge.errors import BadParameters

LEAST_SHARE, GREATEST_SHARE = 0.1, 0.4
LEAST_ASPECT = 0.5
_PURPOSE = 0x65726173
"""Keeps its random numbers apart from those of other steps with the same seed."""


def harden(plan: TrainingPlan, *, greatest_share: float = GREATEST_SHARE) -> TrainingPlan:
    """The plan with up to `greatest_share` of every image's area erased, afresh in each step.

    Raises
    ------
    UnsupportedModel
        `not_of_images` for a model whose input is not (height, width, channels).
    BadParameters
        `erased_share` for a share that is not from .1 to .9.
    """
    image_shape(plan.model)
    if not LEAST_SHARE <= greatest_share <= 0.9:
        raise BadParameters(
            "erased_share",
            f"Random erasing takes the largest share of an image to erase, from {LEAST_SHARE:g} to 0.9.",
            hint=f"Start with {GREATEST_SHARE:g}.",
        )

    def erased(images: Any, seed: Any) -> Any:
        return with_erased_rectangles(images, seed, greatest_share=greatest_share)

    return replace(plan, batch_changes=(*plan.batch_changes, erased))


def with_erased_rectangles(images: Any, seed: Any, *, greatest_share: float) -> Any:
    """(n, height, width, channels) images, each with one rectangle in its own mean colour.

    Parameters
    ----------
    seed
        two integers.
    """
    sizes = tf.shape(images)
    own = tf.random.experimental.stateless_fold_in(seed, _PURPOSE)
    uniform = tf.random.stateless_uniform((sizes[0], 4), own)
    share = LEAST_SHARE + (greatest_share - LEAST_SHARE) * uniform[:, 0]
    aspect = tf.exp((2.0 * uniform[:, 1] - 1.0) * -tf.math.log(LEAST_ASPECT))
    rows = _within(sizes[1], tf.sqrt(share * aspect), uniform[:, 2])
    columns = _within(sizes[2], tf.sqrt(share / aspect), uniform[:, 3])
    erased = (rows[:, :, None] & columns[:, None, :])[..., None]
    return tf.where(erased, tf.reduce_mean(images, axis=(1, 2), keepdims=True), images)


def _within(size: Any, share: Any, place: Any) -> Any:
    """(n, size) which rows, or columns, of each image lie in a band of `share`, at `place` from 0 to 1."""
    whole = tf.cast(size, tf.float32)
    length = tf.minimum(tf.maximum(tf.round(share * whole), 1.0), whole)
    first = tf.floor(place * (whole - length + 1.0))
    numbers = tf.range(whole)[None]
    return (numbers >= first[:, None]) & (numbers < (first + length)[:, None])
