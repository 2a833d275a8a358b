"""The report of an audit of class profiles, which is inversion on tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from leakgauge.estimates import Estimate
from leakgauge.report.model.common import (
    SCHEMA_VERSION,
    AttackOutcome,
    AuditReport,
    Failed,
    GateResult,
    Insight,
    NotApplicable,
    Notice,
    Recommendation,
    ServiceUse,
)


@dataclass(frozen=True, slots=True)
class ProfileFigures:
    """How near a profile comes to the real one, over all columns of one class.

    `error` is its mean distance from the real profile, `chance` that of the profile of everybody, `ceiling`
    that of other real records of the class: standard deviations for a column of numbers, total variation for
    any other. `gain` is chance less error, `to_learn` chance less ceiling, `leakage` the share of the way
    from chance to the ceiling, from 0 to 1. Those called `corrected`, which the verdict uses, have intervals
    corrected for the number of attacks and classes.
    """

    error: Estimate
    chance: Estimate
    ceiling: Estimate
    gain: Estimate
    to_learn: Estimate
    leakage: Estimate
    gain_corrected: Estimate
    to_learn_corrected: Estimate
    leakage_corrected: Estimate


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """What one attack found of one class; `figures` are None where `withheld` says why.

    `records` is by how many records, in effect, the attack tells the class; 0 where it can tell nothing.
    """

    target_class: str
    records: float
    figures: ProfileFigures | None
    withheld: str | None = None


@dataclass(frozen=True, slots=True)
class ProfileMetrics:
    """The figures of the class of which an attack showed most."""

    leakage: Estimate
    gain: Estimate
    error: Estimate
    chance: Estimate
    ceiling: Estimate
    leakage_corrected: Estimate
    gain_corrected: Estimate


@dataclass(frozen=True, slots=True)
class ProfilesMeasured(AttackOutcome):
    """An attack that ran; `metrics` is None where no reference records say how right it is."""

    queries: int
    metrics: ProfileMetrics | None
    classes: tuple[ClassFigures, ...]
    status: Literal["measured"] = "measured"


@dataclass(frozen=True, slots=True)
class ProfileValue:
    """The share of records with a value: of everybody, by the attack, and of the class's real records."""

    value: str
    everybody: float
    attacker: float
    real: float | None


@dataclass(frozen=True, slots=True)
class ProfileColumn:
    """One column of a class's profile.

    A column of numbers has its means in `everybody`, `attacker` and `real`, any other the shares of its
    `values`. `unit` is the standard deviation that errors are in, 1 for shares. `apart` is how far the
    attacker's profile lies from that of everybody. `real` and the errors are None without reference records.
    """

    name: str
    kind: Literal["number", "category"]
    unit: float
    apart: float
    everybody: float | None
    attacker: float | None
    real: float | None
    values: tuple[ProfileValue, ...]
    error: Estimate | None
    chance: Estimate | None
    ceiling: Estimate | None


@dataclass(frozen=True, slots=True)
class ClassProfile:
    """What the attack that showed most says of one class; columns that set it apart most come first."""

    target_class: str
    attack: str
    reference_records: int
    sentence: str
    columns: tuple[ProfileColumn, ...]


@dataclass(frozen=True, slots=True)
class ProfilesTarget:
    """The model under audit."""

    type: str
    classes: tuple[str, ...]
    features: int


@dataclass(frozen=True, slots=True)
class AuxiliaryKnowledge:
    """What the attacker has: `records` of his own, or so many made up within `ranges`."""

    source: Literal["records", "ranges"]
    records: int


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """A row of `output.csv`: how near the attack that showed most comes to a class, column by column."""

    target_class: str
    column: str
    error: float | None
    chance: float | None
    ceiling: float | None


@dataclass(frozen=True, slots=True)
class ProfilesReport(AuditReport):
    """What does the model tell about everybody of one class?

    `headline` names the attack that the verdict is about, `headline_class` the class; None where nothing
    could be measured.
    """

    target: ProfilesTarget
    auxiliary: AuxiliaryKnowledge
    warnings: tuple[Notice, ...]
    insights: tuple[Insight, ...]
    attacks: tuple[ProfilesMeasured | NotApplicable | Failed, ...]
    table: tuple[ProfileRow, ...]
    profiles: tuple[ClassProfile, ...]
    recommendations: tuple[Recommendation, ...]
    headline: str | None = None
    headline_class: str | None = None
    gate: GateResult | None = None
    service: ServiceUse | None = None
    schema_version: str = SCHEMA_VERSION
    kind: Literal["profiles"] = "profiles"
