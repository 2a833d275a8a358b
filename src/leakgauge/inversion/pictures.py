"""Reading pictures that come from outside: PNG, JPEG and NPY, told by their bytes.

A picture is (height, width, channels) numbers between 0 and 1. Whatever had to
be done to get there (a palette resolved, a constant alpha dropped, a colour map
undone) is said in a notice, since it decides what the likeness compares.
"""

from __future__ import annotations

import io
import math
import struct
import warnings
import zlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from leakgauge.bundle import BundledFile
from leakgauge.errors import BadBundle, LimitExceeded
from leakgauge.inversion.colormaps import NAMES, colormap
from leakgauge.inversion.protocol import Pictures
from leakgauge.report.model import Notice

MAX_BYTES = 64 * 1024**2
MAX_PIXELS = 16_000_000
MAX_NUMBERS = 4 * MAX_PIXELS
COLORMAP_TOLERANCE = 12
"""Largest squared distance of 8-bit RGB at which a pixel lies on a colour map (JPEG would pass it)."""
_LEAST_LEVELS = 8
_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, as Pillow converts
_SAVE_AGAIN = "Open the image in an editor and save it as an 8-bit PNG."


@dataclass(frozen=True, slots=True)
class Picture:
    """(height, width, channels) `values` in [0, 1] of the file `name`, and what was done to get them."""

    name: str
    values: Pictures
    notices: tuple[Notice, ...] = ()


def read_picture(file: BundledFile, *, input_range: tuple[float, float] | None) -> Picture:
    """The picture in a file.

    Parameters
    ----------
    input_range: what the sender says is the range of a pixel; decides how an array of floats is read.

    Raises
    ------
    BadBundle, LimitExceeded
        each with its own problem word, for what is no picture, is damaged or too large.
    """
    size = file.path.stat().st_size
    if size > MAX_BYTES:
        raise LimitExceeded(
            "image_file_too_large", f"{file.name} is larger than 64 MB.", hint="Send a smaller image."
        )
    content = file.path.read_bytes()
    if not content:
        raise BadBundle("image_empty", f"{file.name} is empty.", hint="Upload the image again.")
    if content.startswith(b"\x93NUMPY"):
        return _read_array(file.name, content, input_range)
    if content.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")):
        return _read_image(file.name, content)
    raise BadBundle(
        "image_format", f"{file.name} is neither a PNG nor a JPEG nor an NPY file.", hint=_SAVE_AGAIN
    )


def fit(picture: Picture, shape: tuple[int, int, int], *, resize: bool) -> Picture:
    """The picture with the size and the channels of the model's input.

    Raises
    ------
    BadBundle
        `image_size` or `image_channels`, naming both the picture and the model's input.
    """
    values = picture.values
    notices = list(picture.notices)
    if values.shape[2] != shape[2]:
        values, notice = _with_channels(picture, shape[2])
        notices.append(notice)
    if values.shape[:2] != shape[:2]:
        found, wanted = _size(values.shape), _size(shape)
        if not resize:
            raise BadBundle(
                "image_size",
                f"{picture.name} is {found} pixels, the model takes {wanted}.",
                hint='Resize the image, or set "resize": true in parameters.json.',
            )
        values = _resized(values, shape[:2])
        notices.append(
            Notice("image_resized", f"{picture.name} was resized from {found} to {wanted} pixels.")
        )
    return replace(picture, values=values, notices=tuple(notices))


def to_png(values: Pictures) -> bytes:
    """A PNG file of a (height, width, channels) picture in [0, 1], the same bytes for the same picture."""
    pixels = np.round(np.clip(values, 0.0, 1.0) * 255.0).astype(np.uint8)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    stream = io.BytesIO()
    image.save(stream, format="PNG", optimize=False, compress_level=9)
    return stream.getvalue()


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} × {shape[0]}"


# ------------------------------------------------------------------- PNG, JPEG


def _read_image(name: str, content: bytes) -> Picture:
    broken = BadBundle(
        "image_damaged", f"{name} is damaged or cut short.", hint="Upload the image again, whole."
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is checked below
            image = Image.open(io.BytesIO(content), formats=("PNG", "JPEG"))
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(name) from error
    except (OSError, SyntaxError, ValueError, struct.error, zlib.error, OverflowError) as error:
        raise broken from error
    with image:
        if image.width * image.height > MAX_PIXELS:
            raise _too_many_pixels(name)
        if getattr(image, "n_frames", 1) > 1:
            raise BadBundle("image_animated", f"{name} is animated.", hint="Send a single picture.")
        try:
            image.load()
            turned = ImageOps.exif_transpose(image)
        except (OSError, SyntaxError, ValueError, struct.error, zlib.error, OverflowError, EOFError) as error:
            raise broken from error
    picture = _from_image(name, turned)
    if turned.size != image.size or image.getexif().get(0x0112, 1) != 1:
        notice = Notice("image_turned", f"{name} was turned as its EXIF data ask.")
        return replace(picture, notices=(notice, *picture.notices))
    return picture


def _from_image(name: str, image: Image.Image) -> Picture:
    mode = image.mode
    if mode in ("P", "PA") or (mode in ("L", "RGB", "1") and "transparency" in image.info):
        image = image.convert("RGBA")
        picture = _without_alpha(name, _bytes(image))
        if "P" not in mode:
            return picture
        return replace(
            picture, notices=(Notice("image_palette", f"{name} stores a palette; it was resolved."),)
        )
    match mode:
        case "1":
            return Picture(name, np.asarray(image, dtype=np.float32)[..., None])
        case "L" | "RGB":
            return Picture(name, _bytes(image))
        case "LA":
            return _without_alpha(name, _bytes(image.convert("RGBA")))
        case "RGBA":
            return _without_alpha(name, _bytes(image))
        case "I;16" | "I;16B" | "I;16L" | "I":
            deep = np.asarray(image).astype(np.float32)
            return Picture(
                name,
                np.clip(deep[..., None] / np.float32(65535.0), 0.0, 1.0),
                (Notice("image_16_bit", f"{name} stores 16 bits a pixel; all of them were used."),),
            )
    raise BadBundle(
        "image_colour_mode", f"{name} stores its colours as {mode}, not as grey or RGB.", hint=_SAVE_AGAIN
    )


def _bytes(image: Image.Image) -> Pictures:
    values = np.asarray(image, dtype=np.float32) / np.float32(255.0)
    return values[..., None] if values.ndim == 2 else values


def _without_alpha(name: str, values: Pictures) -> Picture:
    """An RGBA picture; its alpha is dropped where it is the same everywhere, and kept where it is not."""
    alpha = values[..., 3]
    opaque = bool((alpha == alpha.flat[0]).all())
    if not opaque:
        return Picture(name, values)
    dropped = values[..., :3]
    if bool((dropped == dropped[..., :1]).all()):
        dropped = dropped[..., :1]
    notice = Notice(
        "image_alpha", f"{name} has an alpha channel that is the same everywhere; it was dropped."
    )
    return Picture(name, dropped, (notice,))


def _too_many_pixels(name: str) -> LimitExceeded:
    return LimitExceeded(
        "image_too_many_pixels",
        f"{name} has more than {MAX_PIXELS // 10**6} million pixels.",
        hint="Send the image at the size of the model's input.",
    )


# ------------------------------------------------------------------------- NPY


def _read_array(name: str, content: bytes, input_range: tuple[float, float] | None) -> Picture:
    stream = io.BytesIO(content)
    broken = BadBundle(
        "array_damaged", f"{name} is damaged or cut short.", hint="Save it again with numpy.save."
    )
    try:
        version = np.lib.format.read_magic(stream)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, _, kind = read(stream)
    except Exception as error:
        raise broken from error
    if kind.hasobject or kind.kind not in "buif":
        raise BadBundle(
            "array_not_numbers",
            f"{name} holds Python objects or text, not numbers; it was not opened.",
            hint="Save an array of numbers with numpy.save(..., allow_pickle=False).",
        )
    if any(length < 0 for length in shape):
        raise broken
    if math.prod(shape) > MAX_NUMBERS:
        raise LimitExceeded(
            "array_too_large", f"{name} declares more numbers than a picture has.", hint="Send one picture."
        )
    if len(content) - stream.tell() != math.prod(shape) * kind.itemsize:
        raise broken
    array = np.load(io.BytesIO(content), allow_pickle=False)
    return Picture(name, _unit(name, _as_picture(name, array), input_range))


def _as_picture(name: str, array: NDArray[np.generic]) -> NDArray[np.generic]:
    """(height, width, channels) of an array that may lack the channels or carry a batch axis of one."""
    if array.ndim == 4 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim == 3 and array.shape[2] not in (1, 3, 4) and array.shape[0] in (1, 3, 4):
        array = array.transpose(1, 2, 0)
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise BadBundle(
            "array_shape",
            f"{name} has shape {array.shape}, which is no picture.",
            hint="Send (height, width) or (height, width, channels) with 1, 3 or 4 channels.",
        )
    return array


def _unit(name: str, array: NDArray[np.generic], input_range: tuple[float, float] | None) -> Pictures:
    """The array brought to [0, 1]: whole numbers by their type, floats by the range that was asked for."""
    if array.dtype.kind == "b":
        return array.astype(np.float32)
    if array.dtype in (np.uint8, np.uint16):
        return np.asarray(
            array.astype(np.float32) / (255.0 if array.dtype == np.uint8 else 65535.0), np.float32
        )
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        raise BadBundle(
            "array_not_finite",
            f"{name} holds values that are not finite.",
            hint="Send a picture without NaN.",
        )
    lowest, highest = float(values.min()), float(values.max())
    low, high = input_range or ((0.0, 1.0) if highest <= 1.0 else (0.0, 255.0))
    if lowest < low or highest > high:
        raise BadBundle(
            "array_range",
            f"{name} holds values outside the range of a pixel, {low:g} to {high:g}.",
            hint="Set input_range in parameters.json to the range that the model was trained on.",
        )
    return ((values - low) / (high - low)).astype(np.float32)


# -------------------------------------------------------------- channels, size


def _with_channels(picture: Picture, channels: int) -> tuple[Pictures, Notice]:
    values, name = picture.values, picture.name
    found = values.shape[2]
    if channels == 1 and found == 3:
        return _to_grey(name, values)
    if channels == 3 and found == 1:
        return np.repeat(values, 3, axis=2), Notice("image_grey", f"{name} is grey; the model takes colour.")
    if channels == 4 and found in (1, 3):
        colours = np.repeat(values, 3, axis=2) if found == 1 else values
        opaque = np.ones((*values.shape[:2], 1), dtype=np.float32)
        return np.concatenate([colours, opaque], axis=2), Notice(
            "image_opaque", f"{name} has no alpha channel; the model takes one, so it was made opaque."
        )
    raise BadBundle(
        "image_channels",
        f"{name} has {found} channels with an alpha that varies, the model takes {channels}.",
        hint="Flatten the image onto a background and save it again.",
    )


def _to_grey(name: str, values: Pictures) -> tuple[Pictures, Notice]:
    if bool((values == values[..., :1]).all()):
        return values[..., :1], Notice("image_rgb_grey", f"{name} stores grey as RGB; one channel was used.")
    found = undo_colormap(values)
    if found is not None:
        grey, map_name = found
        return grey, Notice(
            "image_colormap",
            f"{name} is a grey picture saved through the colour map {map_name}; the map was undone.",
        )
    return (values @ _LUMINANCE)[..., None], Notice(
        "image_to_grey", f"{name} is in colour and the model takes grey; its brightness was used."
    )


def undo_colormap(values: Pictures) -> tuple[Pictures, str] | None:
    """The (height, width, 1) grey picture behind a colour-mapped one, and the map; None when there is none.

    Every pixel has to lie on the map, and the picture has to use several of its
    levels: two or three colours lie on some map by accident.
    """
    pixels = np.round(values * 255.0).astype(np.int32).reshape(-1, 3)
    colours, place = np.unique(pixels, axis=0, return_inverse=True)
    if not _LEAST_LEVELS <= len(colours) <= 4096:
        return None
    best: tuple[int, str, NDArray[np.intp]] | None = None
    for name in NAMES:
        distance = np.square(colours[:, None, :] - colormap(name)[None].astype(np.int32)).sum(axis=2)
        worst = int(distance.min(axis=1).max())
        if worst <= COLORMAP_TOLERANCE and (best is None or worst < best[0]):
            best = (worst, name, distance.argmin(axis=1))
    if best is None:
        return None
    _, name, level = best
    grey = (level[place.reshape(-1)] / 255.0).astype(np.float32).reshape(*values.shape[:2], 1)
    return grey, name


def _resized(values: Pictures, size: tuple[int, int]) -> Pictures:
    height, width = size
    planes = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(values[..., channel])).resize(
                (width, height), Image.Resampling.BILINEAR
            )
        )
        for channel in range(values.shape[2])
    ]
    return np.asarray(np.clip(np.stack(planes, axis=2), 0.0, 1.0), dtype=np.float32)
