"""The range of a pixel that a model's own entrance speaks of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from leakgauge.targets.images.facts import IMAGENET, InputSettings, RangeSource

BYTES: Final = (0.0, 255.0)
UNIT: Final = (0.0, 1.0)
_LARGEST_BYTE_FACTOR: Final = 0.05
_LARGEST_UNIT_OFFSET: Final = 2.0
"""How far, in pixel values, arithmetic moves a pixel of the unit range at most: means lie within it."""


@dataclass(frozen=True, slots=True)
class FoundRange:
    """Smallest and largest value of a pixel, and where they are from; see `ImageModelFacts`."""

    input_range: tuple[float, float]
    source: RangeSource
    standardised: bool = False


@dataclass(frozen=True, slots=True)
class Entrance:
    """Constant arithmetic that a model does to a pixel x first: `factor` x + `offset`, by channel or not."""

    factor: NDArray[np.float64]
    offset: NDArray[np.float64]

    @classmethod
    def of(cls, factor: Any, offset: Any) -> Entrance:
        """From numbers or arrays."""
        return cls(np.asarray(factor, dtype=np.float64), np.asarray(offset, dtype=np.float64))

    @property
    def speaks_of(self) -> tuple[float, float]:
        """The range that it brings to where networks are trained: of bytes, or of the unit.

        A factor well below 1 (1/255, 1/127.5) brings bytes down, and so does a mean of bytes that is
        taken off; anything else leaves the unit range as it is.
        """
        factor = float(np.abs(self.factor).max())
        if factor == 0 or not np.isfinite(self.factor).all() or not np.isfinite(self.offset).all():
            return UNIT
        moved = float(np.abs(self.offset).max()) / factor
        return BYTES if factor < _LARGEST_BYTE_FACTOR or moved > _LARGEST_UNIT_OFFSET else UNIT


def range_of(settings: InputSettings, *, dtype: np.dtype[Any], entrance: Entrance | None) -> FoundRange:
    """The range of a pixel: what the sender says, else what the model's entrance does.

    Parameters
    ----------
    dtype
        of the numbers that the model takes: whole ones are bytes.
    entrance
        its arithmetic, None where there is none.
    """
    if settings.input_range == IMAGENET:
        return FoundRange(UNIT, "asked", standardised=True)
    if settings.input_range is not None:
        return FoundRange(settings.input_range, "asked")
    if dtype.kind in "iu":
        return FoundRange(BYTES, "input type")
    if entrance is not None:
        return FoundRange(entrance.speaks_of, "rescaling layer")
    return FoundRange(UNIT, "assumed")
