"""Handwritten digits: scikit-learn's, or MNIST where it is found."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leakgauge.errors import BadBundle

ARCHIVE = "mnist.npz"
"""What `keras.datasets.mnist` leaves in its cache."""
MOST_TRAINED = 5_000
MOST_HELD_OUT = 2_000
"""Of MNIST: enough for 97 % accuracy, and trained within seconds."""

_PIXELS = "*-images-idx3-ubyte*"
_IDX_HEADERS = {"images": 16, "labels": 8}


@dataclass(frozen=True, slots=True)
class Digits:
    """(n, side, side, 1) digits in [0, 1] with their (n,) labels: to train on, and held out."""

    name: str
    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    held_out_images: NDArray[np.float32]
    held_out_labels: NDArray[np.int64]

    def held_out(self, begins: float, ends: float) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The held-out images and labels from one share of them to another."""
        part = slice(*(round(share * len(self.held_out_labels)) for share in (begins, ends)))
        return self.held_out_images[part], self.held_out_labels[part]

    def first_of(self, digit: int) -> NDArray[np.float32]:
        """The first training image of a class: no choice is made."""
        first: NDArray[np.float32] = self.images[self.labels == digit][0]
        return first


def bundled_digits(*, seed: int = 0) -> Digits:
    """scikit-learn's 1,797 digits of 8 × 8 pixels, a random half to train on."""
    from sklearn.datasets import load_digits  # only the demo and the benchmarks hold scikit-learn

    found = load_digits()
    images = (found.images[..., None] / 16.0).astype(np.float32)
    half = (len(images) + 1) // 2
    return _split(
        "scikit-learn's digits, 8 × 8", images, found.target, trained=half, held_out=half, seed=seed
    )


def mnist(folder: Path, *, seed: int = 0) -> Digits:
    """MNIST from a folder with `mnist.npz`, or with its image and label files, gzipped or not.

    Raises
    ------
    BadBundle
        `no_digits` when the folder holds neither; `digits_unreadable` for files that are not MNIST's.
    """
    archive = folder / ARCHIVE
    try:
        if archive.is_file():
            # opened here, since NumPy leaves a file open that turns out to be none of its own
            with archive.open("rb") as handle, np.load(handle, allow_pickle=False) as stored:
                grey = np.concatenate([stored["x_train"], stored["x_test"]])
                labels = np.concatenate([stored["y_train"], stored["y_test"]])
        else:
            pairs = [_pair(path) for path in sorted(folder.glob(_PIXELS))]
            if not pairs:
                raise BadBundle(
                    "no_digits",
                    f"The folder holds neither {ARCHIVE} nor MNIST's image and label files.",
                    hint="Name the folder that holds the files as they were downloaded.",
                )
            grey = np.concatenate([pixels for pixels, _ in pairs])
            labels = np.concatenate([classes for _, classes in pairs])
        images = (grey.reshape(-1, 28, 28, 1) / 255.0).astype(np.float32)
        if len(labels) != len(images) or set(np.unique(labels).tolist()) != set(range(10)):
            raise ValueError("labels do not fit")
    except (OSError, EOFError, KeyError, ValueError, zlib.error, zipfile.BadZipFile) as error:
        raise BadBundle(
            "digits_unreadable",
            "The files of the folder are not MNIST's digits.",
            hint="Download them again, or leave the folder out to use scikit-learn's digits.",
        ) from error
    return _split("MNIST, 28 × 28", images, labels, trained=MOST_TRAINED, held_out=MOST_HELD_OUT, seed=seed)


def _pair(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    labels = path.with_name(path.name.replace("images-idx3", "labels-idx1"))
    return (
        _content(path, _IDX_HEADERS["images"]).reshape(-1, 28, 28),
        _content(labels, _IDX_HEADERS["labels"]),
    )


def _content(path: Path, header: int) -> NDArray[np.uint8]:
    content = path.read_bytes()
    plain = gzip.decompress(content) if path.suffix == ".gz" else content
    return np.frombuffer(plain[header:], dtype=np.uint8)


def _split(
    name: str,
    images: NDArray[np.float32],
    labels: NDArray[np.generic],
    *,
    trained: int,
    held_out: int,
    seed: int,
) -> Digits:
    order = np.random.default_rng(seed).permutation(len(images))
    first, second = order[:trained], order[trained : trained + held_out]
    classes = labels.astype(np.int64)
    return Digits(
        name=name,
        images=images[first],
        labels=classes[first],
        held_out_images=images[second],
        held_out_labels=classes[second],
    )
