"""Leakgauge: how much of its training data does a model give away?

import leakgauge
report = leakgauge.audit("my-model.zip")
print(report.verdict.severity, report.verdict.sentence)
"""

from leakgauge.api import audit
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
from leakgauge.report.model import InversionReport, MembershipReport, Report, Severity

__all__ = [
    "AuditFailed",
    "AuditTimeout",
    "BadBundle",
    "BadParameters",
    "Busy",
    "Estimate",
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
]
