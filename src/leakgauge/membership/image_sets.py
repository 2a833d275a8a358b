"""A set of labelled images, read image by image so that a large one never lies in memory whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leakgauge.bundle import BundledFile, ImageArrays, ImageFolder, ImageSet
from leakgauge.errors import BadBundle
from leakgauge.images.arrays import PixelRange, channels_last, map_array, pixel_range, to_unit
from leakgauge.images.files import read_image
from leakgauge.images.fitting import fit
from leakgauge.images.image import Images, NamedImage
from leakgauge.report.model import Notice
from leakgauge.targets.protocol import IntArray

_DIGEST_BYTES = 16
_MOST_LABEL_COLUMNS = 10_000


@dataclass(frozen=True, slots=True)
class ImagesInFolders:
    """Images as they were sent, in a folder for each class.

    Attributes
    ----------
    name
        of the set, for messages.
    labels
        (n,) class numbers, not yet held against the model's.
    """

    name: str
    files: tuple[BundledFile, ...]
    labels: NDArray[Any]
    input_range: PixelRange | None

    def image(self, place: int) -> NamedImage:
        """The image at `place`, from 0; errors as `read_image`."""
        return read_image(self.files[place], input_range=self.input_range)

    def label_of(self, place: int) -> str:
        """Where the label of that image stands, in words."""
        return f"the folder of {self.files[place].name}"


@dataclass(frozen=True, slots=True)
class ImagesInArrays:
    """Images as they were sent, in an `array` (n, height, width, channels) on disk.

    `name` and `labels` as in `ImagesInFolders`; `found` is the range of a pixel.
    """

    name: str
    label_file: str
    array: NDArray[Any]
    labels: NDArray[Any]
    found: PixelRange

    def image(self, place: int) -> NamedImage:
        """The image at `place`, from 0."""
        return NamedImage(f"image {place + 1} of {self.name}", to_unit(self.array[place], self.found))

    def label_of(self, place: int) -> str:
        """Where the label of that image stands, in words."""
        return f"label {place + 1} of {self.label_file}"


LabelledImages: TypeAlias = ImagesInFolders | ImagesInArrays


def labelled_images(found: ImageSet, *, input_range: PixelRange | None) -> LabelledImages:
    """The images of a set, none of which is read yet.

    Parameters
    ----------
    input_range
        what the sender says is the range of a pixel; decides how arrays of floats are read.

    Raises
    ------
    BadBundle
        for arrays that hold no images, no labels, or not a label for each image.
    """
    if isinstance(found, ImageFolder):
        numbers = np.array([number for number, _ in found.images], dtype=np.int64)
        return ImagesInFolders(found.name, found.files, numbers, input_range)
    return _arrays(found, input_range)


def _arrays(found: ImageArrays, input_range: PixelRange | None) -> ImagesInArrays:
    name, label_file = found.images.name, found.labels.name
    stored = map_array(found.images.path, name)
    if stored.ndim == 3:
        stored = stored[..., None]
    array = channels_last(stored) if stored.ndim == 4 else None
    if array is None:
        raise BadBundle(
            "array_shape",
            f"{name} has shape {stored.shape}, which is no set of images.",
            hint="Save (n, height, width) or (n, height, width, channels) with 1, 3 or 4 channels.",
        )
    labels = _labels(map_array(found.labels.path, label_file), label_file)
    if len(labels) != len(array):
        raise BadBundle(
            "labels_do_not_match",
            f"{label_file} has {len(labels):,} labels for the {len(array):,} images of {name}.",
            hint="Save one label for each image, in the same order.",
        )
    return ImagesInArrays(name, label_file, array, labels, pixel_range(name, _parts(array), input_range))


def _parts(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """The array in parts of bounded size."""
    step = max(4_000_000 // max(array[0].size, 1), 1)
    return (array[at : at + step] for at in range(0, len(array), step))


def _labels(stored: NDArray[Any], name: str) -> NDArray[Any]:
    """(n,) whole numbers, from (n,), (n, 1) or one-hot (n, classes)."""
    if stored.ndim == 2 and stored.shape[1] == 1:
        stored = stored[:, 0]
    if stored.ndim == 2 and stored.shape[1] <= _MOST_LABEL_COLUMNS:
        marks = np.asarray(stored)
        if not np.isin(marks, (0, 1)).all() or not (marks.sum(axis=1) == 1).all():
            raise BadBundle(
                "labels_shape",
                f"{name} has a row of numbers for each image that does not mark one class.",
                hint="Save the class numbers, or one-hot rows of zeros and a single one.",
            )
        return np.asarray(marks.argmax(axis=1), dtype=np.int64)
    if stored.ndim != 1:
        raise BadBundle(
            "labels_shape",
            f"{name} has shape {stored.shape}, not one label for each image.",
            hint="Save an array of class numbers, numbered from 0 in the order of the model's outputs.",
        )
    return np.asarray(stored)


@dataclass(frozen=True, slots=True)
class FittedSet:
    """Labelled images, fitted to a model's input as they are taken.

    Attributes
    ----------
    images
        the set.
    y
        (n,) labels as positions in the target's classes.
    shape
        (height, width, channels) of the model's input.
    resize
        whether images of another size are resized instead of refused.
    """

    images: LabelledImages
    y: IntArray
    shape: tuple[int, int, int]
    resize: bool
    _done: dict[str, dict[str, str]] = field(default_factory=dict, init=False)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.y)

    def take(self, place: int) -> Images:
        """(height, width, channels) image at `place`; errors as `read_image` and `fit`."""
        fitted = fit(self.images.image(place), self.shape, resize=self.resize)
        for notice in fitted.notices:
            self._done.setdefault(notice.code, {}).setdefault(fitted.name, notice.message)
        return fitted.values

    def digests(self) -> list[bytes]:
        """A digest of each image, as it is fitted, with its label."""
        return [
            hashlib.blake2b(
                np.ascontiguousarray(self.take(place)).tobytes() + int(self.y[place]).to_bytes(8, "little"),
                digest_size=_DIGEST_BYTES,
            ).digest()
            for place in range(len(self))
        ]

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What was done to the images taken so far, one notice for all to which the same was done."""
        return tuple(
            Notice(code, next(iter(by_name.values())) + _further(len(by_name) - 1))
            for code, by_name in self._done.items()
        )


def _further(others: int) -> str:
    if not others:
        return ""
    return f" So it was with {others:,} more of the set." if others > 1 else " So it was with one more."


def positions(images: LabelledImages, n_classes: int) -> IntArray:
    """(n,) the labels of a set as positions in the classes of a model.

    Raises
    ------
    BadBundle
        `labels_not_whole`, `unknown_labels`, `one_label`, with the place of the first.
    """
    labels = images.labels
    if labels.dtype.kind == "f":
        crooked = ~np.isfinite(labels) | (labels != np.floor(labels))
        if crooked.any():
            raise BadBundle(
                "labels_not_whole",
                f"{int(crooked.sum()):,} of {len(labels):,} labels are not class numbers, the first is "
                f"{images.label_of(int(crooked.argmax()))}.",
                hint="Labels are class numbers from 0, in the order of the model's outputs.",
            )
    unknown = (labels < 0) | (labels >= n_classes)
    if unknown.any():
        raise BadBundle(
            "unknown_labels",
            f"{int(unknown.sum()):,} of {len(labels):,} labels name a class that the model does not have, "
            f"the first is {images.label_of(int(unknown.argmax()))}.",
            hint=f"The model has classes 0 to {n_classes - 1}, in the order of its outputs.",
        )
    y = labels.astype(np.int64)
    if len(np.unique(y)) < 2:
        raise BadBundle(
            "one_label",
            f"Every image of {images.name} carries the same label.",
            hint="Send images of at least two classes.",
        )
    return y
