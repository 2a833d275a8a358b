"""What the reports of every kind of audit hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

from pydantic import JsonValue

from leakgauge.estimates import Estimate

SCHEMA_VERSION = "1.7"

ThreatModel = Literal["labels", "probabilities", "scores", "predictions", "model_file"]
"""What an attacker sees; predictions are the numbers that a regressor gives."""
Attacker = Literal["candidates", "population"]
"""What an attacker holds beside that: a list of candidates, the members among them, from which he learns;
or nothing but other data of the same source."""


EXACT: Final[Mapping[str, bool]] = {"exact": True}
"""Metadata of a field whose figures are written as they are, not to a number of decimals."""


class Severity(StrEnum):
    """How bad it is; the rule stands in `report/risk.py`."""

    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"
    CRITICAL = "critical"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer in one sentence, with the figures that led to it.

    `borderline` is the severity that another seed, and so other reference models or
    folds, may well give; None where it would be the same.
    """

    severity: Severity
    sentence: str
    reasons: tuple[str, ...]
    borderline: Severity | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about the input that a reader must know to trust the figures."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What to change, and the measured figure that speaks for it."""

    title: str
    text: str
    because: str


@dataclass(frozen=True, slots=True)
class Insight:
    """A question answered in words from computed figures."""

    name: str
    question: str
    sentence: str
    figures: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class AttackOutcome:
    """What became of an attack; every kind of outcome begins with what the attack is."""

    name: str
    title: str
    threat_model: ThreatModel
    citation: str


@dataclass(frozen=True, slots=True)
class NotApplicable(AttackOutcome):
    """An attack that cannot be run on this target, and why; never to be read as "no risk"."""

    reason: str
    status: Literal["not_applicable"] = "not_applicable"
    attacker: Attacker | None = None


@dataclass(frozen=True, slots=True)
class Failed(AttackOutcome):
    """An attack that should have run and did not; the audit went on without it."""

    reason: str
    status: Literal["failed"] = "failed"
    attacker: Attacker | None = None


@dataclass(frozen=True, slots=True)
class ServiceUse:
    """What a live service was asked in this audit, and what that cost.

    `title` is its protocol. `rows` were sent, those included that were sent again after a failure, in
    `requests`, of which `retries` were sent again. `rows_from_cache` were answered in an earlier audit, less
    than a day before, and `most_rows` could have been asked. `seconds` were spent with the service, pauses
    included. `cost` is None where no price is known.
    """

    title: str
    address: str
    rows: int
    rows_from_cache: int
    requests: int
    retries: int
    most_rows: int
    seconds: float
    cost: float | None = field(default=None, metadata=EXACT)
    currency: str | None = None


class GateOutcome(StrEnum):
    """What became of a report that was held to a policy, or of one rule of it."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule of a policy, held against the report.

    `low` and `high` are the ends of the interval that decided, `attack` names
    the attack it belongs to; None where there is no such figure. `limit` is
    None for rules that are not about a figure.
    """

    rule: str
    title: str
    outcome: GateOutcome
    reason: str
    attack: str | None = None
    limit: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class GateResult:
    """A report held to a policy: failed if a rule is broken, else inconclusive if one is undecided."""

    outcome: GateOutcome
    sentence: str
    rules: tuple[RuleResult, ...]


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What every report begins with: the answer, and what it was made of."""

    verdict: Verdict
    parameters: Mapping[str, JsonValue]
    inputs: Mapping[str, str]
    versions: Mapping[str, str]
    seed: int
