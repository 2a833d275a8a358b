"""The schedule of the penalty's weight: it falls where a target is hard to convince.

The penalty's weight suits most targets. Where one of them recognises nothing that
the penalty likes, a search that insists reconstructs nothing at all.
"""

from __future__ import annotations

import numpy as np

from leakgauge.targets.protocol import FloatArray

RECOGNISED = 4.0
"""Log odds, on the scale that `masking` brings them to, from which images count as recognised. At 2
the mean over steps and runs, an image that nobody asked about, often was not: of the reconstructions of
8 × 8 digits 8 in 10 were, and 10 in 10 at 4."""
PACE, LEAST = 1.01, 0.02
"""By how much a weight falls or recovers with each query, and where it ends."""


class PenaltySchedule:
    """The share of the penalty's weight that each of several searches keeps, at first all of it."""

    def __init__(self, searches: int) -> None:
        self.shares: FloatArray = np.ones(searches)

    def update(self, odds: FloatArray) -> None:
        """What came of the last questions: (searches, queries) log odds.

        A share falls while a search's images are not recognised, and recovers when they are.
        """
        pace = PACE ** odds.shape[1]
        factor = np.where(odds.mean(axis=1) > RECOGNISED, pace, 1 / pace)
        self.shares = np.clip(self.shares * factor, LEAST, 1.0)
