"""What an image is, once it has been read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from leakgauge.report.model import Notice

Images: TypeAlias = NDArray[np.float32]
"""One image (height, width, channels) or several (n, height, width, channels), in [0, 1]."""


@dataclass(frozen=True, slots=True)
class NamedImage:
    """(height, width, channels) `values` in [0, 1] of the file `name`, and what was done to get them."""

    name: str
    values: Images
    notices: tuple[Notice, ...] = ()
