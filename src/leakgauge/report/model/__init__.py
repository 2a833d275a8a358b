"""The report: what an audit found, typed and versioned.

`report.json` is this tree and nothing else; every other file of the report
folder is a view of it. It holds no clock, no path and no duration, so that the
same bundle, parameters and versions give the same bytes; but for what a live service was
asked, which depends on the service.

Versioning: `SCHEMA_VERSION` is `major.minor`. Adding a field with a default, or a
threat model, raises the minor; removing, renaming or changing the meaning of one
raises the major. The JSON Schema under `docs/` is generated from these classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from leakgauge.report.model.attributes import (
    AttributeColumn,
    AttributeInference,
    AttributeMeasured,
    AttributeMetrics,
    AttributePart,
    AttributeSide,
    ConfidentPart,
)
from leakgauge.report.model.common import (
    EXACT,
    SCHEMA_VERSION,
    Attacker,
    Failed,
    GateOutcome,
    GateResult,
    Insight,
    NotApplicable,
    Notice,
    Recommendation,
    RuleResult,
    ServiceUse,
    Severity,
    ThreatModel,
    Verdict,
)
from leakgauge.report.model.file_contents import HeldField, Holds, ModelContents
from leakgauge.report.model.inversion import (
    Evaluator,
    EvasionMeasured,
    EvasionPoint,
    InversionMeasured,
    InversionMetrics,
    InversionReport,
    InversionTarget,
    Judgement,
    LossPoint,
    Mask,
    Masking,
    PriorKnowledge,
    Prototypes,
    Recognition,
    Reconstruction,
    Similarity,
    SimilarityRow,
    Snapshot,
)
from leakgauge.report.model.membership import (
    AttackerFinding,
    DrawError,
    ExposedRecord,
    MembershipMeasured,
    MembershipMetrics,
    MembershipReport,
    MembershipTarget,
    PredictionErrors,
    ProportionRow,
    Slice,
    SlicedBy,
    Tradeoffs,
    TriedChange,
)
from leakgauge.report.model.profiles import (
    AuxiliaryKnowledge,
    ClassFigures,
    ClassProfile,
    ProfileColumn,
    ProfileFigures,
    ProfileMetrics,
    ProfileRow,
    ProfilesMeasured,
    ProfilesReport,
    ProfilesTarget,
    ProfileValue,
)
from leakgauge.report.model.reconstruction import RebuiltColumn, RebuiltCompared, RebuiltTable

__all__ = [
    "EXACT",
    "SCHEMA_VERSION",
    "Attacker",
    "AttackerFinding",
    "AttributeColumn",
    "AttributeInference",
    "AttributeMeasured",
    "AttributeMetrics",
    "AttributePart",
    "AttributeSide",
    "Audited",
    "AuxiliaryKnowledge",
    "ClassFigures",
    "ClassProfile",
    "ConfidentPart",
    "DrawError",
    "Evaluator",
    "EvasionMeasured",
    "EvasionPoint",
    "ExposedRecord",
    "Failed",
    "GateOutcome",
    "GateResult",
    "HeldField",
    "Holds",
    "Insight",
    "InversionMeasured",
    "InversionMetrics",
    "InversionReport",
    "InversionTarget",
    "Judgement",
    "LossPoint",
    "Mask",
    "Masking",
    "MembershipMeasured",
    "MembershipMetrics",
    "MembershipReport",
    "MembershipTarget",
    "ModelContents",
    "NotApplicable",
    "Notice",
    "PredictionErrors",
    "PriorKnowledge",
    "ProfileColumn",
    "ProfileFigures",
    "ProfileMetrics",
    "ProfileRow",
    "ProfileValue",
    "ProfilesMeasured",
    "ProfilesReport",
    "ProfilesTarget",
    "ProportionRow",
    "Prototypes",
    "RebuiltColumn",
    "RebuiltCompared",
    "RebuiltTable",
    "Recognition",
    "Recommendation",
    "Reconstruction",
    "Report",
    "RuleResult",
    "ServiceUse",
    "Severity",
    "Similarity",
    "SimilarityRow",
    "Slice",
    "SlicedBy",
    "Snapshot",
    "ThreatModel",
    "Tradeoffs",
    "TriedChange",
    "Verdict",
]

Report: TypeAlias = MembershipReport | InversionReport | ProfilesReport


@dataclass(frozen=True, slots=True)
class Audited:
    """A report and the further files (images) that belong into its folder, by plain name."""

    report: Report
    files: Mapping[str, bytes] = field(default_factory=dict)
