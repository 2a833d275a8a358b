"""An image brought to the size and the channels of a model's input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from leakgauge.errors import BadBundle
from leakgauge.images.colormaps import NAMES, colormap
from leakgauge.images.image import Images, NamedImage
from leakgauge.report.model import Notice

COLORMAP_TOLERANCE = 12
"""Largest squared distance of 8-bit RGB at which a pixel lies on a colour map (JPEG would pass it)."""
_LEAST_LEVELS = 8
_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, as Pillow converts


def fit(image: NamedImage, shape: tuple[int, int, int], *, resize: bool) -> NamedImage:
    """The image with the size and the channels of the model's input.

    Raises
    ------
    BadBundle
        `image_size` or `image_channels`, naming both the image and the model's input.
    """
    values = image.values
    notices = list(image.notices)
    if values.shape[2] != shape[2]:
        values, notice = _with_channels(image, shape[2])
        notices.append(notice)
    if values.shape[:2] != shape[:2]:
        found, wanted = _size(values.shape), _size(shape)
        if not resize:
            raise BadBundle(
                "image_size",
                f"{image.name} is {found} pixels, the model takes {wanted}.",
                hint='Resize the image, or set "resize": true in parameters.json.',
            )
        values = _resized(values, shape[:2])
        notices.append(Notice("image_resized", f"{image.name} was resized from {found} to {wanted} pixels."))
    return replace(image, values=values, notices=tuple(notices))


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} × {shape[0]}"


def _with_channels(image: NamedImage, channels: int) -> tuple[Images, Notice]:
    values, name = image.values, image.name
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


def _to_grey(name: str, values: Images) -> tuple[Images, Notice]:
    if bool((values == values[..., :1]).all()):
        return values[..., :1], Notice("image_rgb_grey", f"{name} stores grey as RGB; one channel was used.")
    found = undo_colormap(values)
    if found is not None:
        grey, map_name = found
        return grey, Notice(
            "image_colormap",
            f"{name} is a grey image saved through the colour map {map_name}; the map was undone.",
        )
    return (values @ _LUMINANCE)[..., None], Notice(
        "image_to_grey", f"{name} is in colour and the model takes grey; its brightness was used."
    )


def undo_colormap(values: Images) -> tuple[Images, str] | None:
    """The (height, width, 1) grey image behind a colour-mapped one, and the map; None when there is none.

    Every pixel has to lie on the map, and the image has to use several of its
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


def _resized(values: Images, size: tuple[int, int]) -> Images:
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
