"""How the demo's independent evaluator is trained: it is to be unsure where there is nothing to see.

A network that has seen digits alone takes random strokes for one of them, and is often sure of it: of 400
random smooth images it called half by one digit with at least 80 %, most of them a 6. What the page
says of an attack rests on the evaluator, so in training it is shown noise, too, with every class equally
likely. Cf. Hendrycks et al. 2019, "Deep Anomaly Detection with Outlier Exposure".
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import tensorflow as tf

from leakgauge.defences.training.plan import TrainingPlan
from leakgauge.images.image import Images
from leakgauge.inversion.priors.low_frequencies import low_frequencies
from leakgauge.jobs.demo.network import evaluator_network
from leakgauge.randomness import generator_for

EPOCHS: Final = 15
WEIGHT: Final = 0.5
CUTOFFS: Final = (3.0, 5.0, 8.0, 11.0)
OF_EACH: Final = 500
_PURPOSE: Final = 0x6E6F6973
"""Keeps the choice of noise apart from other random steps with the same seed."""


def evaluator_plan(shape: tuple[int, int, int], *, seed: int) -> TrainingPlan:
    """The plan of an evaluator of (height, width, channels) images that is unsure of noise."""
    shown = tf.constant(noise(shape, seed=seed))

    def unsure(model: Any, images: Any, _labels: Any, step: Any) -> Any:
        chosen = tf.random.stateless_uniform(
            (tf.shape(images)[0],),
            tf.random.experimental.stateless_fold_in(step, _PURPOSE),
            maxval=len(shown),
            dtype=tf.int32,
        )
        logits = model(tf.gather(shown, chosen), training=True)
        evenly = tf.ones_like(logits) / tf.cast(tf.shape(logits)[1], logits.dtype)
        return WEIGHT * tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(evenly, logits))

    return replace(TrainingPlan.of(evaluator_network(shape), epochs=EPOCHS), penalties=(unsure,))


def noise(shape: tuple[int, int, int], *, seed: int) -> Images:
    """(n, height, width, channels) random smooth images in [0, 1], coarse and fine, faint and strong."""
    rng = generator_for(seed, "noise for the evaluator")
    grey = np.full(shape, 0.5, dtype=np.float32)
    found = []
    for cutoff in CUTOFFS:
        space = low_frequencies(grey, cutoff=cutoff)
        strokes = space.images(space.scattered(OF_EACH, contrast=1.0, rng=rng)) - grey
        contrast, light = (rng.uniform(*ends, (OF_EACH, 1, 1, 1)) for ends in ((0.2, 1.5), (-0.6, 0.3)))
        found.append(np.clip(grey + contrast * strokes + light, 0.0, 1.0))
    return np.concatenate(found).astype(np.float32)
