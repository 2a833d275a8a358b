"""What attacks must know about an image classifier is found out here, whatever format it comes in.

Axis order, channels, range, and whether the head gives probabilities or logits are
settings by test where a test can tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leakgauge.errors import LeakgaugeError, LimitExceeded, UnsupportedModel
from leakgauge.targets.images.facts import IMAGENET, ImageModelFacts, InputRange, InputSettings, scaling
from leakgauge.targets.images.ranges import FoundRange
from leakgauge.targets.images.refusals import not_finite, unsupported
from leakgauge.targets.images.target import AxisOrder, Engine, ImageTarget
from leakgauge.targets.score_rows import are_truncated, sums_to_one, within_unit

MAX_SIDE = 1024
MIN_SIDE = 4
MAX_CLASSES = 10_000
PROBE_IMAGES = 64
FAR_OUT = 1e3
"""Factor by which probes leave the range of a pixel: it drives logits past 1 and leaves sigmoids below."""
CHUNK = 256
"""Most images that an engine answers at a time."""
_IMAGE_CHANNELS = (1, 3, 4)


@dataclass(frozen=True, slots=True)
class Input:
    """The model's input: its layout, (height, width, channels), and the shape in the model's own order."""

    layout: AxisOrder
    shape: tuple[int, int, int]
    arranged: tuple[int, ...]

    def probes(self, input_range: InputRange) -> NDArray[np.float32]:
        """(64, *arranged) images from flat to noisy, always the same ones."""
        rng = np.random.default_rng(0)
        flat = rng.random((PROBE_IMAGES, 1, 1, self.shape[2]))
        noise = rng.random((PROBE_IMAGES, *self.shape))
        weight = np.linspace(0.0, 1.0, PROBE_IMAGES).reshape(-1, 1, 1, 1)
        low, span = scaling(input_range)
        images = low + span * ((1 - weight) * flat + weight * noise)
        return self.layout.arrange(images.astype(np.float32))


def probed(
    engine: Engine,
    found: Input,
    *,
    kind: str,
    format: str,  # noqa: A002 -- as in the facts
    range_found: FoundRange,
    packages: tuple[str, ...],
    asked: int = 0,
) -> ImageTarget:
    """Ask the probes, find out what the head gives, and hand over the target.

    Parameters
    ----------
    engine
        answers for the model.
    found
        its input, as `read_input` reads it.
    kind, format, packages
        facts that are known; see `ImageModelFacts`.
    range_found
        the range of a pixel.
    asked
        images that the model was asked about before.

    Raises
    ------
    UnsupportedModel
        for a model that does not run, or gives no finite row of class scores per image.
    LimitExceeded
        `too_many_classes`.
    """
    probes = _probes(found, range_found)
    outputs = _outputs(engine, probes)
    asked += len(probes)
    if outputs.shape[1] > MAX_CLASSES:
        raise _too_many_classes()
    within = within_unit(outputs)
    complete = sums_to_one(outputs)
    truncated = within and not complete and are_truncated(outputs)
    if within and not complete and not truncated:
        within = within_unit(_outputs(engine, probes * np.float32(FAR_OUT)))
        asked += len(probes)
    if outputs.shape[1] == 1 and not within:
        raise unsupported("regression_head", "The model gives one number that is no probability.")
    facts = ImageModelFacts(
        kind=kind,
        format=format,
        shape=found.shape,
        input_range=range_found.input_range,
        range_source=range_found.source,
        standardised=range_found.standardised,
        output="probabilities" if within else "logits",
        engine=engine.name,
        classes=max(outputs.shape[1], 2),
        rows="truncated" if truncated else "independent" if within and not complete else "complete",
        packages=packages,
    )
    return ImageTarget(engine, facts, found.layout, queries=asked)


def _probes(found: Input, range_found: FoundRange) -> NDArray[np.float32]:
    """The probes in the range of a pixel."""
    if range_found.standardised and found.shape[2] != 3:
        raise unsupported("channels", "The scaling of ImageNet is of three channels, the model takes others.")
    return found.probes(IMAGENET if range_found.standardised else range_found.input_range)


def _outputs(engine: Engine, probes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, n_outputs) finite outputs for the probes."""
    try:
        outputs = engine.outputs(probes)
    except LeakgaugeError:
        raise
    except Exception as error:
        # engines raise classes that share no base
        raise does_not_run() from error
    if outputs.ndim != 2 or len(outputs) != len(probes) or outputs.shape[1] == 0:
        raise unsupported("not_a_classifier", "The model does not give one row of class scores per image.")
    if not np.isfinite(outputs).all():
        raise not_finite()
    return outputs


def read_input(declared: tuple[int | None, ...], settings: InputSettings) -> Input:
    """What an input shape without its batch axis means.

    Raises
    ------
    UnsupportedModel
        `not_an_image_model` or `channels`.
    LimitExceeded
        `input_too_large`.
    """
    height: int | None
    width: int | None
    channels: int | None
    if len(declared) == 2:
        layout, (height, width), channels = AxisOrder("none"), declared, 1
    elif len(declared) != 3:
        raise unsupported(
            "not_an_image_model",
            f"The model's input has {len(declared)} axes besides the batch, not height, width and channels.",
        )
    elif declared[2] in _IMAGE_CHANNELS and settings.channel_order != "first":
        layout, (height, width, channels) = AxisOrder("last"), declared
    elif declared[0] in _IMAGE_CHANNELS and settings.channel_order != "last":
        layout, (channels, height, width) = AxisOrder("first"), declared
    else:
        raise unsupported("channels", "The model's images have neither 1 nor 3 nor 4 channels.")
    shape = (height or settings.image_size[0], width or settings.image_size[1], channels or 1)
    if max(shape) > MAX_SIDE:
        raise LimitExceeded(
            "input_too_large",
            f"The model's images are more than {MAX_SIDE} pixels wide or high.",
            hint="Audit a model with a smaller input.",
        )
    if min(shape[:2]) < MIN_SIDE:
        raise unsupported(
            "not_an_image_model", f"The model's images are less than {MIN_SIDE} pixels wide or high."
        )
    orders: dict[str, tuple[int, ...]] = {
        "last": shape,
        "first": (shape[2], *shape[:2]),
        "none": shape[:2],
    }
    return Input(layout, shape, orders[layout.channel_axis])


def check_ends(inputs: int, outputs: int) -> None:
    """Refuse a model of several inputs or outputs."""
    if inputs != 1:
        raise unsupported("several_inputs", f"The model takes {inputs} inputs.")
    if outputs != 1:
        raise unsupported("several_outputs", f"The model gives {outputs} outputs.")


def check_output(declared: tuple[int | None, ...]) -> None:
    """Refuse an output shape, without its batch axis, that is no row of class scores."""
    if len(declared) != 1 or declared[0] is None:
        raise unsupported("not_a_classifier", "The model does not give one row of class scores per image.")
    if declared[0] > MAX_CLASSES:
        raise _too_many_classes()


def _too_many_classes() -> LimitExceeded:
    return LimitExceeded(
        "too_many_classes",
        f"The model has more than {MAX_CLASSES:,} classes.",
        hint="Audit a model with fewer classes.",
    )


def does_not_run() -> UnsupportedModel:
    """The error for a model that fails on an image of its own input shape."""
    return unsupported("model_does_not_run", "The model fails on an image of its own input shape.")
