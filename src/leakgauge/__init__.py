"""Leakgauge: how much of its training data does a model give away?

import leakgauge
report = leakgauge.audit("my-model.zip")
print(report.verdict.severity, report.verdict.sentence)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from leakgauge.version import __version__ as __version__

if TYPE_CHECKING:
    from leakgauge.api import audit, compare, compare_defence, gate
    from leakgauge.errors import (
        AuditFailed,
        AuditTimeout,
        BadBundle,
        BadParameters,
        Busy,
        InputError,
        LeakgaugeError,
        LimitExceeded,
        UnsafeModel,
        UnsupportedModel,
    )
    from leakgauge.estimates import Estimate
    from leakgauge.report.comparison_model import Comparison, Effect
    from leakgauge.report.model import (
        GateOutcome,
        GateResult,
        InversionReport,
        MembershipReport,
        Report,
        Severity,
    )

__all__ = [
    "AuditFailed",
    "AuditTimeout",
    "BadBundle",
    "BadParameters",
    "Busy",
    "Comparison",
    "Effect",
    "Estimate",
    "GateOutcome",
    "GateResult",
    "InputError",
    "InversionReport",
    "LeakgaugeError",
    "LimitExceeded",
    "MembershipReport",
    "Report",
    "Severity",
    "UnsafeModel",
    "UnsupportedModel",
    "audit",
    "compare",
    "compare_defence",
    "gate",
]

# Imported at first use: the web process needs its own few modules within a second, not SciPy.
_HOMES = {
    "audit": "leakgauge.api",
    "Comparison": "leakgauge.report.comparison_model",
    "Effect": "leakgauge.report.comparison_model",
    "compare": "leakgauge.api",
    "compare_defence": "leakgauge.api",
    "gate": "leakgauge.api",
    "Estimate": "leakgauge.estimates",
    "GateOutcome": "leakgauge.report.model",
    "GateResult": "leakgauge.report.model",
    "InversionReport": "leakgauge.report.model",
    "MembershipReport": "leakgauge.report.model",
    "Report": "leakgauge.report.model",
    "Severity": "leakgauge.report.model",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'leakgauge' has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "leakgauge.errors")), name)
