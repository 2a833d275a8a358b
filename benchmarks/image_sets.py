"""The image sets of the inversion benchmark: two halves of each, and what an attacker may have instead.

A network under audit is trained on the first half; the second half judges what is
drawn. Auxiliary images come from elsewhere (another collection, or newly drawn),
without the class that is attacked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from sklearn.datasets import load_digits

from mnist import Half, halves

Images = NDArray[np.float32]
AUXILIARY = 900
"""Auxiliary images, before the attacked class is taken out; as many files as fit into a bundle."""
_COLOURS = ((0.9, 0.3, 0.2), (0.2, 0.5, 0.9))
_SHAPES = 5


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Ten classes of images between 0 and 1.

    Attributes
    ----------
    trained, held_out: the halves.
    others: images of the same kind from elsewhere, of all classes.
    """

    name: str
    trained: Half
    held_out: Half
    others: Half

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        height, width, channels = self.trained.images.shape[1:]
        return height, width, channels

    def auxiliary(self, attacked: int) -> Images:
        """Images from elsewhere without the attacked class."""
        return self.others.images[self.others.labels != attacked]


def mnist(folder: Path) -> ImageSet:
    """MNIST's test digits; auxiliary are scikit-learn's 8 × 8 digits, put where MNIST has its digits."""
    trained, held_out = halves(folder)
    small = _digits()
    placed = np.zeros((AUXILIARY, 28, 28, 1), dtype=np.float32)
    placed[:, 4:24, 4:24] = _resized(small.images[:AUXILIARY], 20)
    return ImageSet("MNIST 28 × 28", trained, held_out, Half(placed, small.labels[:AUXILIARY]))


def digits(folder: Path) -> ImageSet:
    """scikit-learn's 8 × 8 digits; auxiliary are MNIST's, cut to the digit and made as small."""
    small = _digits()
    order = np.random.default_rng(0).permutation(len(small.images))
    first, second = np.array_split(order, 2)
    _, large = halves(folder)
    cut = _resized(large.images[:AUXILIARY, 4:24, 4:24], 8)
    return ImageSet(
        "digits 8 × 8",
        Half(small.images[first], small.labels[first]),
        Half(small.images[second], small.labels[second]),
        Half(cut, large.labels[:AUXILIARY]),
    )


def shapes(side: int) -> ImageSet:
    """Five shapes in two colours, at random places and sizes on a dim background."""
    trained, held_out, others = (
        _drawn(n, side, seed=seed) for seed, n in enumerate((2_500, 2_500, AUXILIARY))
    )
    return ImageSet(f"shapes {side} × {side} × 3", trained, held_out, others)


SETS: dict[str, Callable[[Path], ImageSet]] = {
    "mnist": mnist,
    "digits": digits,
    "shapes32": lambda _: shapes(32),
    "shapes64": lambda _: shapes(64),
}


def _digits() -> Half:
    found = load_digits()
    return Half((found.images[..., None] / 16.0).astype(np.float32), found.target.astype(np.int64))


def _resized(images: Images, side: int) -> Images:
    return np.stack(
        [
            np.asarray(Image.fromarray(one[..., 0]).resize((side, side), Image.Resampling.BILINEAR))
            for one in images
        ]
    )[..., None]


def _drawn(n: int, side: int, *, seed: int) -> Half:
    rng = np.random.default_rng([seed, side])
    labels = rng.integers(0, 2 * _SHAPES, n)
    return Half(np.stack([_shape(int(label), side, rng) for label in labels]), labels)


def _shape(label: int, side: int, rng: np.random.Generator) -> Images:
    """An image four times as large, made smaller so that edges are smooth, with noise on top."""
    large = 4 * side
    canvas = Image.new("L", (large, large), 0)
    pen = ImageDraw.Draw(canvas)
    x, y = (0.5 + rng.uniform(-0.08, 0.08, 2)) * large
    reach = rng.uniform(0.26, 0.36) * large
    box = (x - reach, y - reach, x + reach, y + reach)
    match label % _SHAPES:
        case 0:
            pen.ellipse(box, fill=255)
        case 1:
            pen.rectangle(box, fill=255)
        case 2:
            pen.polygon([(x, y - reach), (x - reach, y + reach), (x + reach, y + reach)], fill=255)
        case 3:
            pen.ellipse(box, outline=255, width=int(0.4 * reach))
        case _:
            arm = 0.35 * reach
            pen.rectangle((x - arm, y - reach, x + arm, y + reach), fill=255)
            pen.rectangle((x - reach, y - arm, x + reach, y + arm), fill=255)
    mask = np.asarray(canvas.resize((side, side), Image.Resampling.BOX), dtype=np.float32)[..., None] / 255
    colour = np.clip(np.array(_COLOURS[label // _SHAPES]) + rng.uniform(-0.1, 0.1, 3), 0, 1)
    ground = rng.uniform(0.0, 0.25, 3)
    image = mask * colour + (1 - mask) * ground + rng.normal(0, 0.03, (side, side, 3))
    return np.clip(image, 0, 1).astype(np.float32)
