"""Leakgauge: how much of its training data does a model leak?

import leakgauge
report = leakgauge.audit("my-model.zip")                              # anybody's, in a sandbox
report = leakgauge.audit(model, X_train, y_train, X_test, y_test)     # one's own, in memory
report.show()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from leakgauge.version import __version__ as __version__

if TYPE_CHECKING:
    from leakgauge.api import audit, audit_endpoint, compare, compare_defence, contents, gate
    from leakgauge.errors import (
        AuditFailed,
        AuditTimeout,
        BadBundle,
        BadParameters,
        Busy,
        InputError,
        LeakgaugeError,
        LimitExceeded,
        ServiceFailed,
        UnsafeModel,
        UnsupportedModel,
    )
    from leakgauge.estimates import Estimate
    from leakgauge.experiment_tracking import log_to_mlflow
    from leakgauge.own_process import audit_answers, audit_images, audit_profiles
    from leakgauge.report.comparison.model import Comparison, Effect
    from leakgauge.report.model import (
        GateOutcome,
        GateResult,
        InversionReport,
        MembershipReport,
        ModelContents,
        ProfilesReport,
        Report,
        Severity,
    )
    from leakgauge.results import InversionResult, MembershipResult, ProfilesResult

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
    "InversionResult",
    "LeakgaugeError",
    "LimitExceeded",
    "MembershipReport",
    "MembershipResult",
    "ModelContents",
    "ProfilesReport",
    "ProfilesResult",
    "Report",
    "ServiceFailed",
    "Severity",
    "UnsafeModel",
    "UnsupportedModel",
    "audit",
    "audit_answers",
    "audit_endpoint",
    "audit_images",
    "audit_profiles",
    "compare",
    "compare_defence",
    "contents",
    "gate",
    "log_to_mlflow",
]

# Imported at first use, and no more of them than is needed: the web process wants its own few modules
# within a second, not SciPy. Those that bring least come first.
_HOMES = (
    "errors",
    "estimates",
    "report.model",
    "report.comparison.model",
    "experiment_tracking",
    "results",
    "own_process",
    "api",
)


def __getattr__(name: str) -> object:
    if name in __all__:
        for home in _HOMES:
            module = import_module(f"leakgauge.{home}")
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module 'leakgauge' has no attribute {name!r}")
