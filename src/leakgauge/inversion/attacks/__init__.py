"""The table of inversion attacks: one file and one row each.

To add an attack, write a file beside these with a `reconstruct` function (see
`protocol.Reconstruct`) and add its row.
"""

from __future__ import annotations

from leakgauge.inversion.attacks import nes, reverse_correlation, spsa
from leakgauge.inversion.protocol import Attack

ATTACKS: tuple[Attack, ...] = (
    Attack(
        "spsa",
        "Simultaneous perturbation",
        "probabilities",
        "Spall 1992, Multivariate Stochastic Approximation Using a Simultaneous Perturbation "
        "Gradient Approximation",
        spsa.reconstruct,
    ),
    Attack(
        "reverse_correlation",
        "Reverse correlation (preview)",
        "probabilities",
        "Ahumada & Lovell 1971, Stimulus Features in Signal Detection",
        reverse_correlation.reconstruct,
        takes_prior=False,
    ),
    Attack(
        "nes",
        "Natural evolution strategies",
        "probabilities",
        "Wierstra et al. 2014, Natural Evolution Strategies",
        nes.reconstruct,
        by_default=False,
    ),
)
