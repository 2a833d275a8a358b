"""The search space that needs no images: low spatial frequencies.

A search over the lowest frequencies of a discrete cosine transform can only reconstruct
something smooth, and has few enough dimensions for finite differences (Guo, Frank
& Weinberger 2019).

How the cut-off goes with the size was measured, as accuracy of the reconstructions as
prototypes, on networks that no reported figure comes from. Frequencies are
counted per image side, so that one cut-off means the same details at every
size: for handwritten digits at 28 × 28 a cut-off of 10 beat 8 by .004 to .014 on
each of three networks, and 6 lost .05. At 8 × 8 pixels it leaves nearly
everything in, and 6, three quarters of the side, is better (.83 against .76).
For coloured shapes at 32 × 32, giving the two colour-difference planes half the
cut-off of brightness costs accuracy (.76, against .83 with one cut-off for all).
"""

from __future__ import annotations

import numpy as np
from scipy.fft import idctn

from leakgauge.images.image import Images
from leakgauge.inversion.search_space import SearchSpace
from leakgauge.targets.protocol import FloatArray

CUTOFF = 10.0
LARGEST_SHARE = 0.75
"""Cut-off as a share of the side, for images too small for `CUTOFF` to leave anything out."""
COARSE, COARSE_CONTRAST = 4.0, 0.5


def low_frequencies(start: Images, *, cutoff: float = CUTOFF) -> SearchSpace:
    """Images that differ from `start` by cosine waves below a cut-off.

    Parameters
    ----------
    start
        (height, width, channels) image in [0, 1].
    cutoff
        √(u² + v²) of every wave used is below this, u and v in half periods per image side.
    """
    height, width, channels = start.shape
    waves = _waves((height, width), cutoff)
    # one row for each wave in each plane, spread over the channels that the plane is mixed of
    rows = [(waves[..., None] * plane).reshape(len(waves), -1) for plane in _planes(channels)]
    axes = np.concatenate(rows).astype(np.float32)
    return SearchSpace(start, axes, np.ones(len(axes)))


def coarse_images(background: Images, n: int, *, rng: np.random.Generator) -> Images:
    """(n, *background.shape) random images of a few broad strokes on `background`."""
    space = low_frequencies(background, cutoff=COARSE)
    return space.images(space.scattered(n, contrast=COARSE_CONTRAST, rng=rng))


def _planes(channels: int) -> FloatArray:
    """(planes, channels) orthonormal rows: of colours the brightness and two differences, then alpha."""
    planes = np.eye(channels)
    if channels >= 3:
        planes[0, :3] = np.array([1.0, 1.0, 1.0]) / np.sqrt(3.0)
        planes[1, :3] = np.array([1.0, 0.0, -1.0]) / np.sqrt(2.0)
        planes[2, :3] = np.array([1.0, -2.0, 1.0]) / np.sqrt(6.0)
    return planes


def _waves(size: tuple[int, int], cutoff: float) -> FloatArray:
    """(n, height, width) orthonormal waves below `cutoff`, the constant one first."""
    height, width = size
    vertical, horizontal = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    within = np.hypot(vertical, horizontal) < min(cutoff, LARGEST_SHARE * min(size))
    kept = np.flatnonzero(within.ravel())
    spectra = np.zeros((len(kept), height * width))
    spectra[np.arange(len(kept)), kept] = 1.0
    waves: FloatArray = idctn(spectra.reshape(-1, height, width), axes=(1, 2), norm="ortho")
    return waves
