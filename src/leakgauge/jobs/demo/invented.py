"""Invented images for the demo: digits of a free font, and faces of ten people who do not exist.

Both are made anew wherever they are needed, from a seed, so that nothing of anybody's is kept or passed on.
A few masters of each class are rendered large; every image is a master that was tilted, slanted, stretched,
shifted and bent a little, as no two written digits and no two photographs are alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter, map_coordinates, zoom

from leakgauge.jobs.demo.digits import Digits

CLASSES = 10
DIGIT_SIDE, FACE_SIDE = 28, 32
_MASTER = 112
_STROKES = (0, 2, 4, 6)
"""Pixels of a master by which a digit's strokes are thickened."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Images of each class: to train on, and held out."""

    trained: int = 250
    held_out: int = 150


COUNTS = Counts()


@dataclass(frozen=True, slots=True)
class _Variation:
    """How far images of a class differ: standard deviations, lengths in shares of the side."""

    turn: float
    slant: float
    stretch: float
    shift: float
    bend: float
    light: float


_OF_DIGITS = _Variation(turn=0.12, slant=0.16, stretch=0.08, shift=0.02, bend=0.025, light=0.05)
_OF_FACES = _Variation(turn=0.05, slant=0.02, stretch=0.04, shift=0.02, bend=0.008, light=0.08)


def invented_digits(*, seed: int = 0, counts: Counts = COUNTS) -> Digits:
    """Digits of 28 × 28 pixels: Aileron, a font in the public domain (CC0) that Pillow carries, distorted."""
    masters = [[_digit(digit, stroke) for stroke in _STROKES] for digit in range(CLASSES)]
    return _distorted("invented digits, 28 × 28", masters, _OF_DIGITS, DIGIT_SIDE, counts, seed=seed)


def invented_faces(*, seed: int = 0, counts: Counts = COUNTS) -> Digits:
    """Faces of 32 × 32 pixels in grey: ten people, each with looks that are theirs in every image."""
    masters = [
        [_face(person, smile=smile, gaze=gaze) for smile in (-2, 1, 4) for gaze in (-2, 2)]
        for person in _PEOPLE
    ]
    return _distorted("invented faces, 32 × 32", masters, _OF_FACES, FACE_SIDE, counts, seed=seed)


def _distorted(
    name: str,
    masters: Sequence[Sequence[NDArray[np.float32]]],
    how: _Variation,
    side: int,
    counts: Counts,
    *,
    seed: int,
) -> Digits:
    rng = np.random.default_rng(seed)
    each = counts.trained + counts.held_out
    labels = np.tile(np.arange(CLASSES, dtype=np.int64), each)
    blurred = [[gaussian_filter(master, _MASTER / side / 2.5) for master in of] for of in masters]
    images = np.stack(
        [
            _distort(blurred[label][rng.integers(len(blurred[label]))], how, side=side, rng=rng)
            for label in labels
        ]
    )
    trained = CLASSES * counts.trained
    return Digits(name, images[:trained], labels[:trained], images[trained:], labels[trained:])


def _distort(
    master: NDArray[np.float32], how: _Variation, *, side: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """One (side, side, 1) image in [0, 1] of a master."""
    turn, slant = rng.normal(0, how.turn), rng.normal(0, how.slant)
    cosine, sine = np.cos(turn), np.sin(turn)
    matrix = np.array([[cosine, -sine], [sine, cosine]]) @ np.array([[1.0, 0.0], [slant, 1.0]])
    matrix = matrix * np.exp(rng.normal(0, how.stretch, (2, 1)))
    places = (np.indices((side, side)).reshape(2, -1) + 0.5) / side - 0.5
    bend = np.stack([zoom(rng.normal(0, how.bend, (4, 4)), side / 4, order=3).ravel() for _ in range(2)])
    found = matrix @ places + rng.normal(0, how.shift, (2, 1)) + bend
    grey = map_coordinates(master, (found + 0.5) * _MASTER - 0.5, order=1, mode="nearest")
    lit = grey * np.exp(rng.normal(0, how.light))
    image: NDArray[np.float32] = np.clip(lit, 0.0, 1.0).reshape(side, side, 1).astype(np.float32)
    return image


def _digit(digit: int, stroke: int) -> NDArray[np.float32]:
    canvas = Image.new("L", (_MASTER, _MASTER))
    font = ImageFont.load_default(size=0.88 * _MASTER)
    middle = (_MASTER / 2, _MASTER / 2)
    ImageDraw.Draw(canvas).text(middle, str(digit), fill=255, font=font, anchor="mm", stroke_width=stroke)
    return _values(canvas)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    """The looks of an invented person; lengths in pixels of a master, greys from 0 (black) to 255."""

    width: int
    height: int
    skin: int
    hair: int
    style: str
    eyes: int
    brows: int
    mouth: int
    glasses: bool = False
    beard: bool = False


_PEOPLE = (
    _Person(width=30, height=40, skin=205, hair=60, style="short", eyes=13, brows=3, mouth=11),
    _Person(width=27, height=42, skin=225, hair=165, style="long", eyes=11, brows=2, mouth=9),
    _Person(width=34, height=38, skin=150, hair=35, style="bald", eyes=15, brows=4, mouth=13, beard=True),
    _Person(width=29, height=37, skin=185, hair=95, style="fringe", eyes=12, brows=2, mouth=8, glasses=True),
    _Person(width=26, height=44, skin=120, hair=40, style="bun", eyes=12, brows=3, mouth=11),
    _Person(width=32, height=41, skin=215, hair=200, style="short", eyes=14, brows=2, mouth=12, glasses=True),
    _Person(width=31, height=39, skin=165, hair=45, style="long", eyes=14, brows=4, mouth=10),
    _Person(width=28, height=41, skin=230, hair=110, style="short", eyes=11, brows=5, mouth=9, beard=True),
    _Person(width=35, height=36, skin=200, hair=70, style="curls", eyes=16, brows=2, mouth=12),
    _Person(width=27, height=39, skin=140, hair=120, style="bald", eyes=12, brows=3, mouth=10, glasses=True),
)


def _face(person: _Person, *, smile: int, gaze: int) -> NDArray[np.float32]:
    canvas = Image.new("L", (_MASTER, _MASTER), 20)
    pen = ImageDraw.Draw(canvas)
    x, y = _MASTER // 2, _MASTER // 2 + 5
    _hair_behind(pen, person, x, y)
    _ellipse(pen, x, y, person.width, person.height, person.skin)
    for side in (-1, 1):
        _ellipse(pen, x + side * (person.width + 1), y + 2, 4, 7, person.skin - 15)
        eye = x + side * person.eyes
        _ellipse(pen, eye, y - 5, 6, 4, 245)
        _ellipse(pen, eye + gaze, y - 5, 3, 4, 15)
        pen.line((eye - 7, y - 14, eye + 7, y - 14 - person.brows), fill=person.hair, width=person.brows)
        if person.glasses:
            pen.ellipse((eye - 10, y - 14, eye + 10, y + 5), outline=10, width=3)
            pen.line((x - 4, y - 5, x + 4, y - 5), fill=10, width=3)
    if person.beard:
        pen.chord((x - person.width, y - 20, x + person.width, y + person.height), 25, 155, fill=person.hair)
    pen.line((x, y - 2, x + 3, y + 10, x - 3, y + 11), fill=person.skin - 60, width=3)
    low, high = y + 20 - abs(smile), y + 22 + abs(smile)
    pen.arc(
        (x - person.mouth, low, x + person.mouth, high),
        *((10, 170) if smile > 0 else (190, 350)),
        fill=90 if person.skin < 180 else 60,
        width=4,
    )
    _hair_before(pen, person, x, y)
    return _values(canvas)


def _hair_behind(pen: ImageDraw.ImageDraw, person: _Person, x: int, y: int) -> None:
    if person.style == "long":
        _ellipse(pen, x, y - 2, person.width + 12, person.height + 3, person.hair)
        pen.rectangle((x - person.width - 12, y, x + person.width + 12, _MASTER), fill=person.hair)
    elif person.style == "bun":
        _ellipse(pen, x, y - person.height - 6, 14, 12, person.hair)
    elif person.style == "curls":
        for angle in np.linspace(0.9 * np.pi, 2.1 * np.pi, 9):
            across, down = np.cos(angle) * (person.width + 3), np.sin(angle) * person.height
            _ellipse(pen, x + round(across), y + round(down), 12, 12, person.hair)


def _hair_before(pen: ImageDraw.ImageDraw, person: _Person, x: int, y: int) -> None:
    if person.style == "bald":
        return
    box = (x - person.width - 2, y - person.height - 4, x + person.width + 2, y + person.height)
    edges = (195, 345) if person.style == "fringe" else (208, 332)
    pen.chord(box, *edges, fill=person.hair)


def _ellipse(pen: ImageDraw.ImageDraw, x: int, y: int, across: int, down: int, grey: int) -> None:
    pen.ellipse((x - across, y - down, x + across, y + down), fill=grey)


def _values(canvas: Image.Image) -> NDArray[np.float32]:
    return np.asarray(canvas, dtype=np.float32) / np.float32(255.0)
