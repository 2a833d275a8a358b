"""Training a Keras classifier by a plan: the loop that every training defence runs in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from leakgauge.defences.training.dp_sgd import private_gradients
from leakgauge.defences.training.plan import TrainingPlan, with_probabilities
from leakgauge.defences.training.privacy_budget import PrivacySpent, privacy_spent
from leakgauge.randomness import generator_for

LEAST_PROBABILITY = 1e-7
"""Under negative smoothing no class is paid for falling below this: the loss would fall without end."""

Listener: TypeAlias = Callable[[int, float], None]
"""Told after each epoch: how many are done, and the mean loss of the last."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained classifier that gives probabilities; `privacy` where it was trained with DP-SGD."""

    model: Any
    steps: int
    privacy: PrivacySpent | None


def train(
    plan: TrainingPlan,
    images: NDArray[np.float32],
    labels: NDArray[np.int64],
    *,
    seed: int,
    listener: Listener = lambda _done, _loss: None,
) -> Trained:
    """Train a fresh copy of the plan's model.

    The same plan, data and seed give the same weights on one machine with one TensorFlow.

    Parameters
    ----------
    images
        (n, ...) inputs of the model.
    labels
        (n,) positions of their classes.
    """
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    model = keras.models.clone_model(plan.model)
    optimizer = keras.optimizers.Adam(plan.learning_rate)
    optimizer.build(model.trainable_variables)
    step = _compiled_step(plan, model, optimizer)
    rng = generator_for(seed, "order of training")
    lots = _shuffled if plan.privacy is None else _poisson
    steps = 0
    for epoch in range(plan.epochs):
        smoothing = np.float32(plan.smoothing_in(epoch))
        losses = []
        for rows in lots(rng, records=len(images), lot=plan.batch_size):
            # an empty lot still takes its noisy step: one example goes in that does not count
            shown = rows if len(rows) else np.zeros(1, dtype=np.int64)
            counted = np.full(len(shown), float(len(rows) > 0), dtype=np.float32)
            losses.append(step(images[shown], labels[shown], counted, smoothing, [seed, steps]))
            steps += 1
        listener(epoch + 1, float(np.mean(losses)))
    spent = (
        privacy_spent(plan.privacy, records=len(images), lot=plan.batch_size, steps=steps)
        if plan.privacy is not None
        else None
    )
    served = with_probabilities(model)
    for wrapped in plan.wrappers:
        served = wrapped(served, images, seed)
    return Trained(served, steps, spent)


def smoothed_loss(labels: Any, logits: Any, *, smoothing: Any) -> Any:
    """(n,) cross-entropies of (n,) labels smoothed by α against (n, K) logits.

    −(1 − α) log p_y − (α / K) Σ log p_j. For α < 0 no log p_j of the sum is less than that of
    `LEAST_PROBABILITY`; log p_y always is what it is, or a record that the model is sure to be
    wrong about would teach it nothing.
    """
    logarithms = tf.nn.log_softmax(logits)
    true = tf.gather(logarithms, labels, axis=1, batch_dims=1)
    spread = tf.where(smoothing < 0, tf.maximum(logarithms, np.log(LEAST_PROBABILITY)), logarithms)
    return -(1.0 - smoothing) * true - smoothing * tf.reduce_mean(spread, axis=1)


def _compiled_step(plan: TrainingPlan, model: Any, optimizer: Any) -> Callable[..., float]:
    """The function of one step: images, labels, which of them count, α, and a seed; gives the mean loss."""
    privacy = plan.privacy

    def step(images: Any, labels: Any, counted: Any, smoothing: Any, seed: Any) -> Any:
        def loss(labels: Any, logits: Any) -> Any:
            return smoothed_loss(labels, logits, smoothing=smoothing)

        for change in plan.batch_changes:
            images = change(images, seed)
        if privacy is not None:
            gradients, value = private_gradients(
                model, loss, images, labels, counted, privacy=privacy, lot=plan.batch_size, seed=seed
            )
        else:
            with tf.GradientTape() as tape:
                value = tf.reduce_mean(loss(labels, model(images, training=True)))
                for penalty in plan.penalties:
                    value += penalty(model, images, labels, seed)
            gradients = tape.gradient(value, model.trainable_variables)
        decayed = [
            # the penalty's gradient holds nothing of the data, so it needs neither clip nor noise
            gradient + 2.0 * plan.weight_decay * weight if len(weight.shape) > 1 else gradient
            for gradient, weight in zip(gradients, model.trainable_variables, strict=True)
        ]
        optimizer.apply(decayed)
        return value

    compiled = tf.function(
        step,
        autograph=False,
        input_signature=[
            tf.TensorSpec((None, *model.inputs[0].shape[1:]), tf.float32),
            tf.TensorSpec((None,), tf.int64),
            tf.TensorSpec((None,), tf.float32),
            tf.TensorSpec((), tf.float32),
            tf.TensorSpec((2,), tf.int32),
        ],
    )
    return lambda *given: float(compiled(*given))


def _shuffled(rng: np.random.Generator, *, records: int, lot: int) -> Iterator[NDArray[np.int64]]:
    """One epoch: every record once, in lots."""
    order = rng.permutation(records)
    for start in range(0, records, lot):
        yield order[start : start + lot]


def _poisson(rng: np.random.Generator, *, records: int, lot: int) -> Iterator[NDArray[np.int64]]:
    """As many lots as an epoch has, each record in each with probability lot / records.

    This is the sampling that the accountant's figure is for; shuffled batches would need another.
    """
    for _ in range(-(-records // lot)):
        yield np.flatnonzero(rng.random(records) < lot / records)
