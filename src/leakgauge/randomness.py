"""Random numbers that depend on the seed and on what they are for, never on the order of work."""

from __future__ import annotations

from zlib import crc32

import numpy as np


def generator_for(seed: int, purpose: str) -> np.random.Generator:
    """A generator of its own for each purpose, so that adding an attack changes no other."""
    return np.random.default_rng([seed, crc32(purpose.encode())])
