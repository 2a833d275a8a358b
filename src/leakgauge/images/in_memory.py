"""Images in the caller's memory, as the files that audits read: one way in, and the same figures."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leakgauge.bundle import BundledFile
from leakgauge.errors import BadBundle
from leakgauge.images.arrays import pixel_range
from leakgauge.targets.images.facts import ChannelOrder, InputSettings, RangeSource


def array_of(images: Any, name: str, *, axes: tuple[int, ...]) -> NDArray[Any]:
    """The numbers of one or several images.

    Parameters
    ----------
    axes
        how many of them there may be.

    Raises
    ------
    BadBundle
        `array_not_numbers`, `array_shape`, `array_empty`.
    """
    try:
        array = np.asarray(images)
    except Exception as error:  # tensors on another device, rows of several lengths
        raise BadBundle(
            "array_not_numbers",
            f"{name} is no array of numbers.",
            hint=f"Pass a NumPy array: {name}.numpy().",
        ) from error
    if array.dtype.kind not in "buif":
        raise BadBundle(
            "array_not_numbers", f"{name} is no array of numbers.", hint="Pass a NumPy array of pixels."
        )
    if array.ndim not in axes:
        raise BadBundle(
            "array_shape",
            f"{name} has shape {array.shape}, which is not what is asked for.",
            hint="Pass one image as (height, width) or with channels, several with their number before that.",
        )
    if not array.size:
        raise BadBundle("array_empty", f"{name} holds no number.", hint="Pass at least one image.")
    return array


def saved(array: NDArray[Any], name: str, folder: Path) -> BundledFile:
    """The array in a file of `folder`, called `name` in messages and reports."""
    path = folder / f"{len(list(folder.iterdir())):06d}.npy"
    np.save(path, array, allow_pickle=False)
    return BundledFile(name, path, hashlib.sha256(path.read_bytes()).hexdigest())


def settings_of_model(
    images: NDArray[Any],
    name: str,
    *,
    input_range: tuple[float, float] | None,
    channel_order: ChannelOrder | None,
) -> tuple[InputSettings, RangeSource]:
    """What the images say about the model that takes them as they are.

    A function takes what its caller holds: bytes in the range of bytes.

    Raises
    ------
    BadBundle
        `array_not_finite`, `array_range`.
    """
    found = pixel_range(name, [images], input_range)
    source: RangeSource = "asked" if input_range is not None or images.dtype.kind in "bu" else "assumed"
    settings = InputSettings(image_size=(0, 0), input_range=found, channel_order=channel_order)
    return settings, source
