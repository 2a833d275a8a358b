"""Names and contents that the tests of the marketplace tools share."""

from __future__ import annotations

BUCKET = "bundles-and-reports"
REPORT = b'{"kind": "membership", "verdict": {"severity": "high", "sentence": "It leaks."}}'
