"""What is known of an image classifier once it has been opened; imports no framework."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leakgauge.targets.protocol import FloatArray, ModelTarget

Images: TypeAlias = NDArray[np.float32]
Rows = Literal["complete", "independent", "truncated"]
RangeSource = Literal["asked", "rescaling layer", "input type", "found", "assumed"]
ChannelOrder = Literal["last", "first"]
IMAGENET: Final = "imagenet"
"""The name of the usual per-channel scaling: the mean of ImageNet is taken off, and the rest divided by its
standard deviation."""
InputRange: TypeAlias = tuple[float, float] | Literal["imagenet"]
USUAL_RANGES: Final[tuple[InputRange, ...]] = ((0.0, 1.0), (0.0, 255.0), (-1.0, 1.0), IMAGENET)
"""Ranges of a pixel that models are usually trained on."""
_MEAN: Final[NDArray[np.float32]] = np.array([0.485, 0.456, 0.406], dtype=np.float32)
_DEVIATION: Final[NDArray[np.float32]] = np.array([0.229, 0.224, 0.225], dtype=np.float32)


def range_words(found: InputRange) -> str:
    """A range of a pixel for a sentence, after "pixels"."""
    return "scaled as for ImageNet" if found == IMAGENET else f"from {found[0]:g} to {found[1]:g}"


def range_setting(found: InputRange) -> str:
    """A range of a pixel as the parameter `input_range` takes it, in JSON."""
    return f'"{IMAGENET}"' if found == IMAGENET else f"[{found[0]:g}, {found[1]:g}]"


def usual_ranges(channels: int) -> tuple[InputRange, ...]:
    """Those of `USUAL_RANGES` that images of so many channels can have."""
    return tuple(found for found in USUAL_RANGES if found != IMAGENET or channels == 3)


def scaling(found: InputRange) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What the unit range becomes: `low` and `span`, by channel or one for all; `low + span * image`."""
    if found == IMAGENET:
        return -_MEAN / _DEVIATION, np.float32(1.0) / _DEVIATION
    low, high = found
    return np.asarray(low, dtype=np.float32), np.asarray(high - low, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class ImageModelFacts:
    """What was found out about an image classifier.

    Attributes
    ----------
    kind
        the model's class, such as "Sequential".
    format
        the name of its row in the table of formats.
    shape
        (height, width, channels) of an image.
    input_range
        smallest and largest value that the model expects in a pixel.
    range_source
        where the range comes from: "asked", "rescaling layer" (or other arithmetic at the model's entrance),
        "input type" (of bytes), "found" by the model's answers about the images, or "assumed".
    output
        what the model's head gives.
    engine
        what answers the queries.
    classes
        number of classes.
    packages
        those that read the images and answer the queries, whose versions a report names.
    rows
        "complete" where a row sums to 1 (as far as it is not rounded); "independent" where the head
        gives each class a score of its own, and rows are normalised; "truncated" where it gives only
        the likeliest classes, and what they leave goes evenly to the others.
    standardised
        whether each channel is then scaled as for ImageNet.
    """

    kind: str
    format: str
    shape: tuple[int, int, int]
    input_range: tuple[float, float]
    range_source: RangeSource
    output: Literal["probabilities", "logits"]
    engine: str
    classes: int
    rows: Rows
    packages: tuple[str, ...]
    standardised: bool = False

    @property
    def scale(self) -> InputRange:
        """The range of a pixel with its name where there is one."""
        return IMAGENET if self.standardised else self.input_range


class Network(Protocol):
    """The network behind an image classifier, for what owns the model file: gradients and features.

    All images are (n, height, width, channels) in [0, 1]. Attacks that only ask never get one.

    Attributes
    ----------
    model
        the framework's own object.
    facts
        what was found out about the classifier.
    """

    model: Any
    facts: ImageModelFacts

    def probability_gradient(self, images: Images, target_class: int) -> tuple[FloatArray, Images]:
        """(n,) probabilities of the class, and their gradients with respect to every pixel."""

    def log_probabilities(self, images: Images) -> NDArray[np.float32]:
        """(n, n_classes) log probabilities."""

    def log_probability_gradient(self, images: Images, weights: NDArray[np.float32]) -> Images:
        """Gradients of each image's sum of log probabilities, weighted by (n, n_classes) `weights`."""

    def features(self, images: Images) -> FloatArray | None:
        """(n, n_features) input of the last layer with weights; None where the graph does not show it."""

    def inputs(self, images: Images) -> NDArray[np.float32]:
        """The images as the model takes them."""

    def images(self, inputs: NDArray[np.float32]) -> Images:
        """The images that `inputs` makes these inputs of."""


class ImageModel(ModelTarget, Protocol):
    """An image classifier seen from outside: takes (n, height, width, channels) images in [0, 1].

    Attributes
    ----------
    facts
        what was found out about it.
    network
        the network itself, where the file gives gradients; None where it only answers.
    """

    facts: ImageModelFacts
    network: Network | None

    def probabilities_within(self, x: object, input_range: InputRange) -> FloatArray:
        """(n, n_classes) probabilities, were the pixels of the model's input to lie in `input_range`."""

    def take_range(self, found: InputRange) -> None:
        """From now on, take images to the range that was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSettings:
    """What the sender says about a model's input; None where nothing is said.

    Attributes
    ----------
    image_size
        (height, width) taken where the model leaves its input size free.
    input_range
        smallest and largest value of a pixel, or `IMAGENET`.
    channel_order
        place of the channel axis.
    """

    image_size: tuple[int, int]
    input_range: InputRange | None = None
    channel_order: ChannelOrder | None = None
