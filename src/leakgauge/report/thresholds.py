"""The least figures of each severity, which every verdict and every page read from here.

A verdict reaches a severity where the lower ends of its intervals do.
"""

from __future__ import annotations

from typing import Final

from leakgauge.report.model import Severity

MEMBERSHIP: Final[tuple[tuple[Severity, float, float], ...]] = (
    (Severity.CRITICAL, 0.90, 0.50),
    (Severity.HIGH, 0.70, 0.10),
    (Severity.MODERATE, 0.55, 0.03),
)
"""AUC, or TPR at 1 % FPR."""

INVERSION: Final[tuple[tuple[Severity, float], ...]] = (
    (Severity.CRITICAL, 0.60),
    (Severity.HIGH, 0.30),
    (Severity.MODERATE, 0.10),
)
"""Leakage: the share of the way from what guessing reaches to a full leak."""

PROFILES: Final[tuple[tuple[Severity, float, float], ...]] = (
    (Severity.CRITICAL, 0.60, 0.50),
    (Severity.HIGH, 0.30, 0.20),
    (Severity.MODERATE, 0.10, 0.05),
)
"""Leakage, and the gain in standard deviations or shares of records."""

MEMBERSHIP_RULED_OUT: Final = (0.60, 0.06)
"""The most of AUC and of TPR at 1 % FPR, by upper ends, for "low"."""

LEAKAGE_RULED_OUT: Final = 0.15
"""Likewise of the leakage of an inversion and of a class profile."""
