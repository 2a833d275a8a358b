"""DP-SGD: no single record changes the weights by more than the noise hides.

Abadi et al. 2016, "Deep Learning with Differential Privacy", algorithm 1: every example's
gradient is clipped to norm C, the clipped gradients of a randomly sampled lot are summed, and
Gaussian noise of standard deviation σC is added to the sum. The step of the optimizer that
follows sees only that sum; Adam in place of plain descent is post-processing, and costs no
privacy.

It protects *records*: what a lot of records have in common, such as what a class looks like,
is still learned, and can still be reconstructed.

The ε of a run is `privacy_spent`. Two limits of the promise: the noise comes from the seeded
generator of the run, so whoever knows the seed can take it out again (keep it, as one keeps a
key, or choose it at random); and it is added in floating point (Mironov 2012).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import tensorflow as tf

from leakgauge import extras
from leakgauge.defences.training.plan import Privacy, TrainingPlan
from leakgauge.errors import BadParameters

NOISE_MULTIPLIER = 2.0
CLIP_NORM = 1.0
LARGER_STEPS = 3.0
"""Factor on the learning rate: clipped and noisy gradients ask for longer strides in as many steps."""


def harden(
    plan: TrainingPlan, *, noise_multiplier: float = NOISE_MULTIPLIER, clip_norm: float = CLIP_NORM
) -> TrainingPlan:
    """The plan with clipped gradients, noise, and a learning rate three times as high.

    Raises
    ------
    BadParameters
        `privacy` for a noise multiplier or a norm that is not above 0.
    AuditFailed
        `missing_extra` where what the run will have spent could not be told in the end.
    """
    extras.check("demo", [extras.ACCOUNTANT])
    if not (noise_multiplier > 0 and clip_norm > 0):
        raise BadParameters(
            "privacy",
            "DP-SGD takes a noise multiplier and a clipping norm above 0.",
            hint="Start with 2 and 1; more noise, more privacy.",
        )
    return replace(
        plan,
        learning_rate=LARGER_STEPS * plan.learning_rate,
        privacy=Privacy(noise_multiplier, clip_norm),
    )


def private_gradients(
    model: Any, loss: Any, images: Any, labels: Any, counted: Any, *, privacy: Privacy, lot: int, seed: Any
) -> tuple[list[Any], Any]:
    """One step's gradients of the mean loss over a lot, and the mean loss of the examples in it.

    Parameters
    ----------
    loss
        from (n,) labels and (n, n_classes) logits to (n,) losses.
    images, labels
        the n examples sampled for this step; how many there are is itself random.
    counted
        (n,) 1 for an example, 0 for a filler.
    lot
        expected size of a lot, by which the noisy sum is divided; the actual one is private.
    seed
        two integers that no other step uses.
    """
    weights = model.trainable_variables

    def one(example: tuple[Any, Any, Any]) -> tuple[list[Any], Any]:
        image, label, counts = example
        with tf.GradientTape() as tape:
            value = loss(label[None], model(image[None], training=True))[0]
        gradients = tape.gradient(value, weights)
        norm = tf.linalg.global_norm(gradients)
        scale = counts * tf.minimum(1.0, privacy.clip_norm / tf.maximum(norm, 1e-12))
        return [gradient * scale for gradient in gradients], counts * value

    clipped, values = tf.vectorized_map(one, (images, labels, counted))
    spread = privacy.noise_multiplier * privacy.clip_norm
    noisy = []
    for position, (gradients, weight) in enumerate(zip(clipped, weights, strict=True)):
        # folded in, not added: the sum of step and position would repeat one step's noise in the next
        own = tf.random.experimental.stateless_fold_in(seed, position)
        noise = tf.random.stateless_normal(weight.shape, own, stddev=spread)
        noisy.append((tf.reduce_sum(gradients, axis=0) + noise) / lot)
    return noisy, tf.reduce_sum(values) / tf.maximum(tf.reduce_sum(counted), 1.0)
