"""Reading one image from a file: PNG, JPEG and NPY, told by their bytes.

An image is (height, width, channels) numbers between 0 and 1. Whatever had to
be done to get there (a palette resolved, a constant alpha dropped, a colour map
undone) is said in a notice, since it decides what the similarity compares.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from dataclasses import replace

import numpy as np
from PIL import Image, ImageOps

from leakgauge.bundle import BundledFile
from leakgauge.errors import BadBundle, LimitExceeded
from leakgauge.images.arrays import MAGIC, read_array
from leakgauge.images.image import Images, NamedImage
from leakgauge.report.model import Notice

MAX_BYTES = 64 * 1024**2
MAX_PIXELS = 16_000_000
_SAVE_AGAIN = "Open the image in an editor and save it as an 8-bit PNG."


def read_image(file: BundledFile, *, input_range: tuple[float, float] | None) -> NamedImage:
    """The image in a file.

    Parameters
    ----------
    input_range
        what the sender says is the range of a pixel; decides how an array of floats is read.

    Raises
    ------
    BadBundle, LimitExceeded
        each with its own problem word, for what is no image, is damaged or too large.
    """
    size = file.path.stat().st_size
    if size > MAX_BYTES:
        raise LimitExceeded(
            "image_file_too_large", f"{file.name} is larger than 64 MB.", hint="Send a smaller image."
        )
    content = file.path.read_bytes()
    if not content:
        raise BadBundle("image_empty", f"{file.name} is empty.", hint="Upload the image again.")
    if content.startswith(MAGIC):
        return read_array(file.name, content, input_range)
    if content.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")):
        return _decoded(file.name, content)
    raise BadBundle(
        "image_format", f"{file.name} is neither a PNG nor a JPEG nor an NPY file.", hint=_SAVE_AGAIN
    )


def to_png(values: Images) -> bytes:
    """A PNG file of a (height, width, channels) image in [0, 1], the same bytes for the same image."""
    pixels = np.round(np.clip(values, 0.0, 1.0) * 255.0).astype(np.uint8)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    stream = io.BytesIO()
    image.save(stream, format="PNG", optimize=False, compress_level=9)
    return stream.getvalue()


def _decoded(name: str, content: bytes) -> NamedImage:
    broken = BadBundle(
        "image_damaged", f"{name} is damaged or cut short.", hint="Upload the image again, whole."
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is checked below
            opened = Image.open(io.BytesIO(content), formats=("PNG", "JPEG"))
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(name) from error
    except (OSError, SyntaxError, ValueError, struct.error, zlib.error, OverflowError) as error:
        raise broken from error
    with opened:
        if opened.width * opened.height > MAX_PIXELS:
            raise _too_many_pixels(name)
        if getattr(opened, "n_frames", 1) > 1:
            raise BadBundle("image_animated", f"{name} is animated.", hint="Send a single image.")
        try:
            opened.load()
            turned = ImageOps.exif_transpose(opened)
        except (OSError, SyntaxError, ValueError, struct.error, zlib.error, OverflowError, EOFError) as error:
            raise broken from error
    read = _converted(name, turned)
    if turned.size != opened.size or opened.getexif().get(0x0112, 1) != 1:
        notice = Notice("image_turned", f"{name} was turned as its EXIF data ask.")
        return replace(read, notices=(notice, *read.notices))
    return read


def _converted(name: str, opened: Image.Image) -> NamedImage:
    mode = opened.mode
    if mode in ("P", "PA") or (mode in ("L", "RGB", "1") and "transparency" in opened.info):
        opened = opened.convert("RGBA")
        read = _without_alpha(name, _bytes(opened))
        if "P" not in mode:
            return read
        return replace(read, notices=(Notice("image_palette", f"{name} stores a palette; it was resolved."),))
    match mode:
        case "1":
            return NamedImage(name, np.asarray(opened, dtype=np.float32)[..., None])
        case "L" | "RGB":
            return NamedImage(name, _bytes(opened))
        case "LA":
            return _without_alpha(name, _bytes(opened.convert("RGBA")))
        case "RGBA":
            return _without_alpha(name, _bytes(opened))
        case "I;16" | "I;16B" | "I;16L" | "I":
            deep = np.asarray(opened).astype(np.float32)
            return NamedImage(
                name,
                np.clip(deep[..., None] / np.float32(65535.0), 0.0, 1.0),
                (Notice("image_16_bit", f"{name} stores 16 bits a pixel; all of them were used."),),
            )
    raise BadBundle(
        "image_colour_mode", f"{name} stores its colours as {mode}, not as grey or RGB.", hint=_SAVE_AGAIN
    )


def _bytes(opened: Image.Image) -> Images:
    values = np.asarray(opened, dtype=np.float32) / np.float32(255.0)
    return values[..., None] if values.ndim == 2 else values


def _without_alpha(name: str, values: Images) -> NamedImage:
    """An RGBA image; its alpha is dropped where it is the same everywhere, and kept where it is not."""
    alpha = values[..., 3]
    opaque = bool((alpha == alpha.flat[0]).all())
    if not opaque:
        return NamedImage(name, values)
    dropped = values[..., :3]
    if bool((dropped == dropped[..., :1]).all()):
        dropped = dropped[..., :1]
    notice = Notice(
        "image_alpha", f"{name} has an alpha channel that is the same everywhere; it was dropped."
    )
    return NamedImage(name, dropped, (notice,))


def _too_many_pixels(name: str) -> LimitExceeded:
    return LimitExceeded(
        "image_too_many_pixels",
        f"{name} has more than {MAX_PIXELS // 10**6} million pixels.",
        hint="Send the image at the size of the model's input.",
    )
