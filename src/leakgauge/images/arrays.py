"""Arrays of pixels from NPY files: nothing is unpickled, and nothing is read that the header belies."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from leakgauge.errors import BadBundle, LimitExceeded
from leakgauge.images.image import Images, NamedImage

MAGIC = b"\x93NUMPY"
MAX_NUMBERS = 64_000_000
"""Numbers that one image may have."""
CHANNELS = (1, 3, 4)
_MOST_AXES = 64
"""As many as NumPy gives an array."""
BYTES = (0.0, 255.0)
_WHOLE = {"uint8": 255.0, "uint16": 65535.0}
"""Greatest value of a pixel that is stored as a whole number."""

PixelRange = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Header:
    """What an NPY file says it holds, once its size has borne that out.

    Attributes
    ----------
    shape, dtype
        of the array, which holds numbers.
    fortran
        whether its first axis is the one that changes fastest.
    offset
        where in the file its first number stands.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    offset: int


def read_header(stream: IO[bytes], name: str, *, size: int, most: int | None = None) -> Header:
    """The header of the NPY file `name` of `size` bytes.

    Parameters
    ----------
    most
        numbers that it may declare, if what it is for has a limit of its own.

    Raises
    ------
    BadBundle
        `array_not_numbers` for Python objects and text, `array_damaged` for what is no NPY file or
        has another size than it declares.
    LimitExceeded
        `array_too_large`.
    """
    try:
        version = np.lib.format.read_magic(stream)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, fortran, dtype = read(stream)
    except Exception as error:  # whatever numpy makes of a crafted header
        raise damaged(name) from error
    if dtype.hasobject or dtype.kind not in "buif":
        raise BadBundle(
            "array_not_numbers",
            f"{name} holds Python objects or text, not numbers; it was not opened.",
            hint="Save an array of numbers with numpy.save(..., allow_pickle=False).",
        )
    # a truth value is an int to Python, and no length to NumPy
    if len(shape) > _MOST_AXES or any(type(length) is not int or length < 0 for length in shape):
        raise damaged(name)
    numbers = math.prod(shape)
    if most is not None and numbers > most:
        raise LimitExceeded(
            "array_too_large", f"{name} declares more numbers than an image has.", hint="Send one image."
        )
    # of an array without a number every axis may be as long as it likes, and none needs to be
    if size - stream.tell() != numbers * dtype.itemsize or any(length > size for length in shape):
        raise damaged(name)
    return Header(shape, dtype, fortran, stream.tell())


def map_array(path: Path, name: str) -> NDArray[Any]:
    """The array of numbers in an NPY file, on disk: only what is taken of it is read.

    Raises
    ------
    BadBundle
        as `read_header`; `array_empty` for an array without a number.
    """
    with path.open("rb") as stream:
        header = read_header(stream, name, size=path.stat().st_size)
    if 0 in header.shape:
        raise BadBundle("array_empty", f"{name} holds no number.", hint="Save it again with numpy.save.")
    return np.memmap(
        path,
        dtype=header.dtype,
        mode="r",
        offset=header.offset,
        shape=header.shape,
        order="F" if header.fortran else "C",
    )


def read_array(name: str, content: bytes, input_range: PixelRange | None) -> NamedImage:
    """The one image in an NPY file.

    Raises
    ------
    BadBundle, LimitExceeded
        each with its own problem word.
    """
    read_header(io.BytesIO(content), name, size=len(content), most=MAX_NUMBERS)
    array = _as_image(name, np.load(io.BytesIO(content), allow_pickle=False))
    return NamedImage(name, to_unit(array, pixel_range(name, [array], input_range)))


def pixel_range(
    name: str, parts: Iterable[NDArray[np.generic]], input_range: PixelRange | None
) -> PixelRange:
    """The smallest and the greatest value of a pixel of an array that comes in `parts`.

    Whole numbers have it by their type. Floats have the range that was asked for; where none was,
    it is that of bytes once a value exceeds 1.

    Raises
    ------
    BadBundle
        `array_not_finite`, `array_range`.
    """
    lowest, highest = math.inf, -math.inf
    for part in parts:
        if part.dtype.kind == "b":
            return (0.0, 1.0)
        if part.dtype.name in _WHOLE:
            return (0.0, _WHOLE[part.dtype.name])
        least, most = float(part.min()), float(part.max())
        if not (math.isfinite(least) and math.isfinite(most)):
            raise BadBundle(
                "array_not_finite",
                f"{name} holds values that are not finite.",
                hint="Send an image without NaN.",
            )
        lowest, highest = min(lowest, least), max(highest, most)
    low, high = input_range or ((0.0, 1.0) if highest <= 1.0 else BYTES)
    if lowest < low or highest > high:
        raise BadBundle(
            "array_range",
            f"{name} holds values outside the range of a pixel, {low:g} to {high:g}.",
            hint="Set input_range in parameters.json to the range that the model was trained on.",
        )
    return (low, high)


def to_unit(array: NDArray[np.generic], found: PixelRange) -> Images:
    """The array with its range of a pixel brought to [0, 1]."""
    if array.dtype.kind == "b":
        return array.astype(np.float32)
    if array.dtype.name in _WHOLE:
        return np.asarray(array.astype(np.float32) / found[1], dtype=np.float32)
    low, high = found
    return ((array.astype(np.float64) - low) / (high - low)).astype(np.float32)


def channels_last(array: NDArray[Any]) -> NDArray[Any] | None:
    """(..., height, width, channels) of images whose channels stand first or last; None for neither."""
    if array.shape[-1] in CHANNELS:
        return array
    return np.moveaxis(array, -3, -1) if array.shape[-3] in CHANNELS else None


def damaged(name: str) -> BadBundle:
    """The error for an NPY file that is not whole."""
    return BadBundle(
        "array_damaged", f"{name} is damaged or cut short.", hint="Save it again with numpy.save."
    )


def _as_image(name: str, array: NDArray[np.generic]) -> NDArray[np.generic]:
    """(height, width, channels) of an array that may lack the channels or carry a batch axis of one."""
    if array.ndim == 4 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 2:
        array = array[..., None]
    image = channels_last(array) if array.ndim == 3 else None
    if image is None or 0 in image.shape:
        raise BadBundle(
            "array_shape",
            f"{name} has shape {array.shape}, which is no image.",
            hint="Send (height, width) or (height, width, channels) with 1, 3 or 4 channels.",
        )
    return image
