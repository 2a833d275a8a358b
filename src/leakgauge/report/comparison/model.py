"""A comparison: what an audit found before a change and after it, typed and versioned as reports are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from leakgauge.estimates import Estimate
from leakgauge.report.model import Notice, ThreatModel

COMPARISON_VERSION = "1.2"
"""`major.minor`, by the rule of `report/model/`."""

Status = Literal["measured", "withheld", "not_applicable", "failed", "absent"]


class Effect(StrEnum):
    """What a change did to the leak; the rule stands in `report/comparison`."""

    REDUCES = "reduces"
    NO_EFFECT = "no effect found"
    HIDES_THE_SLOPE = "only hides the slope"
    HIDES = "only hides"
    INCREASES = "increases"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Side:
    """What became of a figure on one side; `attack` names the one it comes from."""

    status: Status
    attack: str | None
    estimate: Estimate | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One figure before and after; `reduction` is before less after, None where a side has no figure.

    `measure` is `auc`, `tpr_at_1_percent_fpr`, `leakage` or `attribute_leakage`; of images also
    `prototypes` (accuracy of the reconstructions as prototypes of labelled images) and `recognition` (the
    share that an evaluator recognises). `chance` is what a guess gets. `scope` is one attack's name, or the
    threat model whose worst attack is told, `answers` for the worst over all that see answers.
    """

    measure: str
    scope: str
    title: str
    threat_model: ThreatModel | None
    chance: float
    before: Side
    after: Side
    reduction: Estimate | None


@dataclass(frozen=True, slots=True)
class AttackerEffect:
    """What the change does against one attacker; `worst` is its deciding figure, whose scope names it.

    The scopes are `asks` (queries alone), `similar_images` (images like the training images besides),
    `more_queries` (ten times as many) and `model_file`.
    """

    effect: Effect
    reason: str
    worst: Change


@dataclass(frozen=True, slots=True)
class AccuracyCost:
    """Test accuracy; `cost` is before less after."""

    before: Estimate
    after: Estimate
    cost: Estimate


@dataclass(frozen=True, slots=True)
class EvasionRow:
    """Images still classified correctly when no pixel may change by more than `radius`.

    `gain` is after less before. None for a side that has no such figure.
    """

    radius: float
    before: Estimate | None
    after: Estimate | None
    gain: Estimate | None


@dataclass(frozen=True, slots=True)
class EvasionChange:
    """A reference library's evasion curve before and after; it is no leak and decides nothing.

    The sides say what became of it and hold no estimate; the figures are in `rows`.
    """

    title: str
    threat_model: ThreatModel
    citation: str
    before: Side
    after: Side
    rows: tuple[EvasionRow, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Did the change lower the leak, and what did it cost?

    `worst` holds the worst over attacks and runs, for all attacks on answers
    and for each threat model; `attacks` every attack on its own. `runs` counts
    the pairs of audits. `evasion` is None where no reference library was asked
    for. `attributes` holds the leakage of each sensitive column, which decides nothing; none in comparisons
    of version 1.1 and before. `attackers` holds the effect against each attacker, where several were
    measured. `before` and `after` are SHA-256 sums of the reports.
    """

    effect: Effect
    sentence: str
    reasons: tuple[str, ...]
    kind: Literal["membership", "inversion", "profiles"]
    defences: tuple[str, ...]
    runs: int
    accuracy: AccuracyCost | None
    worst: tuple[Change, ...]
    attacks: tuple[Change, ...]
    warnings: tuple[Notice, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    versions: Mapping[str, str]
    evasion: EvasionChange | None = None
    attributes: tuple[Change, ...] = ()
    attackers: tuple[AttackerEffect, ...] = ()
    comparison_version: str = COMPARISON_VERSION
