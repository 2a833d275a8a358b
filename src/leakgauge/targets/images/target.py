"""An image classifier as a black box: images between 0 and 1 go in, probabilities come out."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from leakgauge.targets.images.facts import (
    IMAGENET,
    ImageModelFacts,
    InputRange,
    Network,
    Rows,
    scaling,
)
from leakgauge.targets.images.refusals import not_finite
from leakgauge.targets.protocol import FloatArray, Gives, IntArray
from leakgauge.targets.score_rows import normalised, spread_over_hidden

_MOST_AT_ONCE = 16_000_000
"""Numbers that are put into the model's range and order at a time: large sets are asked about in parts."""


class Engine(Protocol):
    """Answers images in the model's own layout and range."""

    name: str

    def outputs(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, n_outputs) raw outputs for (n, ...) images."""


class ImageTarget:
    """The `Target` behind audits of image classifiers.

    Takes (n, height, width, channels) images with values in [0, 1] and counts
    every image that reaches the model, the probes of its own opening included.
    `network` is the Keras model behind it for those who own the file, if it is one.
    Several threads may ask at the same time.
    """

    has_probabilities = True
    gives: Gives = "probabilities"
    form = None
    estimator = None
    recipe = None

    def __init__(
        self, engine: Engine, facts: ImageModelFacts, layout: AxisOrder, *, queries: int = 0
    ) -> None:
        self._engine = engine
        self._layout = layout
        self.facts = facts
        self.classes: NDArray[Any] = np.arange(facts.classes)
        self.queries = queries
        self.network: Network | None = None
        self._counting = threading.Lock()

    @property
    def type_name(self) -> str:
        """The model's class, such as "Sequential"."""
        return self.facts.kind

    @property
    def packages(self) -> tuple[str, ...]:
        """What reads the images and answers for the model."""
        return self.facts.packages

    def probabilities(self, x: Any) -> FloatArray:
        """(n, n_classes) probabilities for (n, height, width, channels) images in [0, 1].

        Raises
        ------
        UnsupportedModel
            `outputs_not_finite`.
        """
        return self.probabilities_within(x, self.facts.scale)

    def probabilities_within(self, x: Any, input_range: InputRange) -> FloatArray:
        """The same, were the pixels of the model's input to lie in `input_range`."""
        images = np.asarray(x, dtype=np.float32)
        with self._counting:
            self.queries += len(images)
        step = max(_MOST_AT_ONCE // math.prod(self.facts.shape), 1)
        if len(images) <= step:
            return self._answer(images, input_range)
        parts = [self._answer(images[at : at + step], input_range) for at in range(0, len(images), step)]
        return np.concatenate(parts)

    def _answer(self, images: NDArray[np.float32], input_range: InputRange) -> FloatArray:
        low, span = scaling(input_range)
        outputs = self._engine.outputs(self._layout.arrange(low + span * images))
        # a damaged model may answer a probe and not the next question: no figure may come of that
        if not np.isfinite(outputs).all():
            raise not_finite()
        return _probabilities(outputs, self.facts.output, self.facts.rows)

    def take_range(self, found: InputRange) -> None:
        """From now on, take images to the range that was found."""
        is_imagenet = found == IMAGENET
        self.facts = replace(
            self.facts,
            input_range=(0.0, 1.0) if found == IMAGENET else found,
            standardised=is_imagenet,
            range_source="found",
        )
        if self.network is not None:
            self.network.facts = self.facts

    def labels(self, x: Any) -> IntArray:
        """(n,) positions of the likeliest classes."""
        return np.asarray(self.probabilities(x).argmax(axis=1), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class AxisOrder:
    """How the model wants its images: axis order, and whether there is a channel axis at all."""

    channel_axis: Literal["last", "first", "none"]

    def arrange(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """The model's own arrangement of (n, height, width, channels) images."""
        if self.channel_axis == "first":
            return images.transpose(0, 3, 1, 2)
        if self.channel_axis == "none":
            return images[..., 0]
        return images

    def restore(self, arranged: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, height, width, channels) images of the model's own arrangement."""
        if self.channel_axis == "first":
            return arranged.transpose(0, 2, 3, 1)
        if self.channel_axis == "none":
            return arranged[..., None]
        return arranged


def _probabilities(
    outputs: NDArray[np.float32], output: Literal["probabilities", "logits"], rows: Rows
) -> FloatArray:
    scores = outputs.astype(np.float64)
    if output == "probabilities":
        scores = np.clip(scores, 0.0, 1.0)  # 32 bits may lie just beyond either end
    if scores.shape[1] == 1:  # one sigmoid unit: the second class's probability
        return np.concatenate([1.0 - scores, scores], axis=1)
    if output == "logits":
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    elif rows == "truncated":
        return spread_over_hidden(scores)
    elif rows == "complete":
        return scores
    return normalised(scores)
