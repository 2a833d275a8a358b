"""Independent classifiers that say what a reconstruction shows. They never answered an attack.

A target may be sure of an image that nobody else would recognise; a reconstruction is
evaluated by a second network, as the field does (Zhang et al. 2020, "The Secret
Revealer"): one that the bundle brings, else one that is trained here on labelled
reference images.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from leakgauge.estimates import Estimate, proportion
from leakgauge.images.image import Images
from leakgauge.randomness import generator_for
from leakgauge.targets.images.facts import ImageModel
from leakgauge.targets.protocol import FloatArray, IntArray

LEAST_EACH = 10
"""Labelled images of every class from which an evaluator is trained."""
LEAST_ACCURACY = 0.7
"""An evaluator that is wrong more often than that, at the lower end of its interval, may tell that it
recognises reconstructions, and nothing from not recognising them."""
HELD_OUT = 4
"""Every fourth image of a class is kept for the evaluator's accuracy."""
FEW = 400
"""Images up to which each fourth is kept in turn, so that a few images make a figure as well."""
LARGEST_SIDE = 32
HIDDEN, STEPS, WEIGHT_DECAY = 64, 150, 1e-2


class EvaluatorModel(Protocol):
    """Evaluates (n, height, width, channels) images in [0, 1]."""

    def probabilities(self, images: Images) -> FloatArray:
        """(n, n_classes) probabilities."""

    def features(self, images: Images) -> FloatArray | None:
        """(n, n_features) input of the last layer; None where it cannot be had."""


class SuppliedEvaluator:
    """The classifier that the bundle brings."""

    def __init__(self, target: ImageModel) -> None:
        self._target = target

    def probabilities(self, images: Images) -> FloatArray:
        """As the model's own."""
        return self._target.probabilities(images)

    def features(self, images: Images) -> FloatArray | None:
        """None for models that are no Keras files, or whose last layer lies within another model."""
        network = self._target.network
        return network.features(images) if network is not None else None


class TrainedEvaluator:
    """A network with one hidden layer, trained on labelled images no larger than 32 pixels a side.

    Cross-entropy with weight decay, minimised by L-BFGS over all images at once: a few hundred
    images take seconds, and nothing but the first weights is random.

    Parameters
    ----------
    images, labels
        (n, height, width, channels) and (n,); at least one image of every class.
    n_classes
        of the target.
    seed
        the same seed gives the same network.
    """

    def __init__(self, images: Images, labels: IntArray, *, n_classes: int, seed: int) -> None:
        flat = _small(images)
        self._middle, self._scale = flat.mean(axis=0), max(float(flat.std()), 1e-6)
        inputs = self._inputs(images)
        shapes = ((inputs.shape[1], HIDDEN), (HIDDEN,), (HIDDEN, n_classes), (n_classes,))
        rng = generator_for(seed, "judge")
        first = np.concatenate(
            [(rng.standard_normal(shape) / np.sqrt(shape[0]) * (len(shape) > 1)).ravel() for shape in shapes]
        )
        wanted = np.eye(n_classes)[labels]
        found = minimize(
            lambda flat_weights: _loss(_split(flat_weights, shapes), inputs, wanted),
            first,
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": STEPS},
        )
        self._weights = _split(found.x, shapes)

    def probabilities(self, images: Images) -> FloatArray:
        """(n, n_classes) probabilities."""
        return _forward(self._weights, self._inputs(images))[1]

    def features(self, images: Images) -> FloatArray | None:
        """(n, 64) activations of the hidden layer."""
        return _forward(self._weights, self._inputs(images))[0]

    def _inputs(self, images: Images) -> FloatArray:
        return np.asarray((_small(images) - self._middle) / self._scale, dtype=np.float64)


def train_evaluator(
    labelled: Mapping[int, Sequence[Images]], *, n_classes: int, seed: int
) -> tuple[TrainedEvaluator, Estimate]:
    """An evaluator trained on three quarters of each class, and its accuracy on the last quarter.

    Of few images each quarter is held out in turn, and the evaluator is trained on all of them.

    Raises
    ------
    ValueError
        saying what is lacking, for fewer than ten images of a class or a single class.
    """
    if len(labelled) < 2:
        raise ValueError("it takes reference images of at least two classes")
    if min(len(found) for found in labelled.values()) < LEAST_EACH:
        raise ValueError(f"it takes at least {LEAST_EACH} reference images of each class")
    images = np.concatenate([np.stack(found) for found in labelled.values()])
    labels = np.repeat(list(labelled), [len(found) for found in labelled.values()]).astype(np.int64)
    place = np.concatenate([np.arange(len(found)) for found in labelled.values()])

    def trained(used: NDArray[np.bool_]) -> TrainedEvaluator:
        return TrainedEvaluator(images[used], labels[used], n_classes=n_classes, seed=seed)

    if len(images) > FEW:
        learnt = place % HELD_OUT != 0
        classifier = trained(learnt)
        return classifier, accuracy_of(classifier, images[~learnt], labels[~learnt])
    right = 0
    for turn in range(HELD_OUT):
        kept = place % HELD_OUT == turn
        right += int((trained(~kept).probabilities(images[kept]).argmax(axis=1) == labels[kept]).sum())
    return trained(np.ones(len(images), dtype=bool)), proportion(right, len(images))


def accuracy_of(classifier: EvaluatorModel, images: Images, labels: NDArray[np.int64]) -> Estimate:
    """How often the evaluator names the right class."""
    right = int((classifier.probabilities(images).argmax(axis=1) == labels).sum())
    return proportion(right, len(labels))


def _split(flat: FloatArray, shapes: Sequence[tuple[int, ...]]) -> list[FloatArray]:
    ends = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
    return [part.reshape(shape) for part, shape in zip(np.split(flat, ends), shapes, strict=True)]


def _forward(weights: Sequence[FloatArray], inputs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Hidden activations and probabilities."""
    into, shift, out, bias = weights
    hidden = np.tanh(inputs @ into + shift)
    scores = hidden @ out + bias
    likelihood = np.exp(scores - scores.max(axis=1, keepdims=True))
    return hidden, likelihood / likelihood.sum(axis=1, keepdims=True)


def _loss(weights: Sequence[FloatArray], inputs: FloatArray, wanted: FloatArray) -> tuple[float, FloatArray]:
    """Mean cross-entropy with weight decay, and its gradient in the order of the weights."""
    into, _, out, _ = weights
    hidden, found = _forward(weights, inputs)
    loss = -np.log(np.maximum((found * wanted).sum(axis=1), 1e-300)).mean()
    decay = WEIGHT_DECAY / 2 * (np.square(into).sum() + np.square(out).sum())
    slope = (found - wanted) / len(inputs)
    back = (slope @ out.T) * (1 - np.square(hidden))
    gradient = (
        inputs.T @ back + WEIGHT_DECAY * into,
        back.sum(axis=0),
        hidden.T @ slope + WEIGHT_DECAY * out,
        slope.sum(axis=0),
    )
    return float(loss + decay), np.concatenate([part.ravel() for part in gradient])


def _small(images: Images) -> FloatArray:
    """(n, features) images with whole blocks of pixels averaged, so that no side is longer than 32."""
    _, height, width, channels = images.shape
    block = -(-max(height, width) // LARGEST_SIDE)
    tall, wide = min(block, height), min(block, width)
    cut = images[:, : height // tall * tall, : width // wide * wide].astype(np.float64)
    blocks = cut.reshape(len(cut), height // tall, tall, width // wide, wide, channels)
    return np.asarray(blocks.mean(axis=(2, 4)).reshape(len(cut), -1), dtype=np.float64)
