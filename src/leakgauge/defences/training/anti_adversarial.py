"""Anti-adversarial training (AT-AT): small changes towards another class are learnt as that class.

Torp, Smith & Breuer 2026, "Reducing Information Dependency Does Not Cause Training Data Privacy" (ICLR),
as summarised publicly: the loss L(x, y) + λ L(x + δ, t), where t is a random other class and δ, no
pixel larger than ε, is the change that brings x closest to t. It is adversarial training with the sign
turned round: the model does not learn what a class looks like however it is disturbed, but gives in to
the least disturbance. A search then ends at such disturbances, which look like nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import tensorflow as tf

from leakgauge.defences.training.plan import TrainingPlan
from leakgauge.errors import BadParameters

WEIGHT = 1.0
REACH = 0.2
STEPS = 5
STRIDE = 2.5
"""Sum of the strides of a search for δ, in units of ε: it can cross from one side to the other."""
_PURPOSE = 0x61746174
"""Keeps its random numbers apart from those of other steps with the same seed."""


def harden(plan: TrainingPlan, *, weight: float = WEIGHT, reach: float = REACH) -> TrainingPlan:
    """The plan with λ = `weight`, and ε = `reach` of the range of a batch's pixels.

    Raises
    ------
    BadParameters
        `anti_adversarial` for a weight that is not above 0 or a reach that is not from 0 to 1;
        `privacy_undone` for a plan with DP-SGD.
    """
    if not (weight > 0 and 0 < reach <= 1):
        raise BadParameters(
            "anti_adversarial",
            "Anti-adversarial training takes a weight above 0 and a reach above 0 and up to 1.",
            hint=f"Start with {WEIGHT:g} and {REACH:g}.",
        )

    def towards_another_class(model: Any, images: Any, labels: Any, seed: Any) -> Any:
        classes = model.outputs[0].shape[1]
        own = tf.random.experimental.stateless_fold_in(seed, _PURPOSE)
        shift = tf.random.stateless_uniform(tf.shape(labels), own, 1, classes, dtype=labels.dtype)
        others = (labels + shift) % classes
        changed = tf.stop_gradient(images + nearest_change(model, images, others, reach=reach))
        return weight * tf.reduce_mean(_loss(others, model(changed, training=True)))

    return replace(plan, penalties=(*plan.penalties, towards_another_class))


def nearest_change(model: Any, images: Any, classes: Any, *, reach: float) -> Any:
    """(n, ...) the change of each image, within reach and range, that most likens it to its class.

    Projected descent by signs on the cross-entropy (Madry et al. 2018), towards the class instead of away
    from it.
    """
    darkest, brightest = tf.reduce_min(images), tf.reduce_max(images)
    most = reach * (brightest - darkest)
    change = tf.zeros_like(images)
    for _ in range(STEPS):
        with tf.GradientTape() as tape:
            tape.watch(change)
            loss = tf.reduce_sum(_loss(classes, model(images + change, training=False)))
        change -= STRIDE / STEPS * most * tf.sign(tape.gradient(loss, change))
        change = tf.clip_by_value(change, -most, most)
        change = tf.clip_by_value(images + change, darkest, brightest) - images
    return change


def _loss(labels: Any, logits: Any) -> Any:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
