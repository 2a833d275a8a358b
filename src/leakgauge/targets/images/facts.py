"""What is known of an image classifier once it has been opened; imports no framework."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from leakgauge.targets.images.refusals import ModelFormat
from leakgauge.targets.protocol import FloatArray, Target

Rows = Literal["complete", "independent", "truncated"]
RangeSource = Literal["asked", "rescaling layer", "assumed"]
ChannelOrder = Literal["last", "first"]
USUAL_RANGES = ((0.0, 1.0), (0.0, 255.0), (-1.0, 1.0))
"""Ranges of a pixel that models are usually trained on."""


@dataclass(frozen=True, slots=True)
class ImageModelFacts:
    """What was found out about an image classifier.

    Attributes
    ----------
    kind: the model's class, such as "Sequential".
    format: "keras", "hdf5" or "onnx".
    shape: (height, width, channels) of a picture.
    input_range: smallest and largest value that the model expects in a pixel.
    range_source: where the range comes from: "asked", "rescaling layer" or "assumed".
    output: what the model's head gives.
    engine: what answers the queries.
    classes: number of classes.
    rows: "complete" where a row sums to 1 (as far as it is not rounded); "independent" where the head
        gives each class a score of its own, and rows are normalised; "truncated" where it gives only
        the likeliest classes, and what they leave goes evenly to the others.
    """

    kind: str
    format: ModelFormat
    shape: tuple[int, int, int]
    input_range: tuple[float, float]
    range_source: RangeSource
    output: Literal["probabilities", "logits"]
    engine: str
    classes: int
    rows: Rows


class ImageModel(Target, Protocol):
    """An image classifier seen from outside: takes (n, height, width, channels) pictures in [0, 1].

    Attributes
    ----------
    facts: what was found out about it.
    """

    facts: ImageModelFacts

    def probabilities_within(self, x: object, input_range: tuple[float, float]) -> FloatArray:
        """(n, n_classes) probabilities, were the pixels of the model's input to lie in `input_range`."""


class OpenImageModel(Protocol):
    """Opens the image classifier in a file; see `image_model.open_image_model`."""

    def __call__(
        self,
        path: Path,
        *,
        picture_size: tuple[int, int],
        input_range: tuple[float, float] | None = None,
        channel_order: ChannelOrder | None = None,
    ) -> ImageModel:
        """The classifier in the file `path`, ready for queries."""
