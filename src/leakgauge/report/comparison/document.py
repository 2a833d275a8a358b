"""`comparison.json`: the comparison in the form of `report.json`."""

from __future__ import annotations

from pydantic import TypeAdapter

from leakgauge.report.comparison.model import Comparison
from leakgauge.report.json_document import plain, written

COMPARISON: TypeAdapter[Comparison] = TypeAdapter(Comparison)
"""Reads and describes comparisons."""


def comparison_to_json(comparison: Comparison) -> bytes:
    """The comparison in the form of `to_json`; errors as there."""
    return written(plain(comparison, exact=False))


def comparison_from_json(data: bytes) -> Comparison:
    """The comparison that `comparison_to_json` wrote; pydantic's `ValidationError` for anything else."""
    return COMPARISON.validate_json(data, strict=True)
