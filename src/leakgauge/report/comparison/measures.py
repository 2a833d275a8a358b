"""What attacks are compared by, and which of them together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from leakgauge.estimates import Estimate, RateAtLimit, confidence_for, proportion
from leakgauge.report.comparison.model import Side
from leakgauge.report.model import (
    Failed,
    InversionMeasured,
    InversionReport,
    MembershipMeasured,
    NotApplicable,
    ProfilesMeasured,
    Report,
    ThreatModel,
)
from leakgauge.report.risk import LOW_FALSE_POSITIVES

Attempt: TypeAlias = MembershipMeasured | InversionMeasured | ProfilesMeasured | NotApplicable | Failed
Reader: TypeAlias = "Callable[[Report, Attempt], Estimate | RateAtLimit | None]"
ByClass: TypeAlias = "Callable[[Report, Side], Mapping[int, float]]"


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure that attacks are compared by.

    Attributes
    ----------
    chance
        what a guess gets.
    same_records
        whether its intervals are over records, which all runs share.
    by_class
        where each class has a figure of its own, these for one side's attack; empty where it has none.
    """

    name: str
    chance: float
    same_records: bool
    read: Reader
    by_class: ByClass | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Which attacks the worst is taken of; `threat_model` is theirs, None where there are several.

    `with_prior` is False for attacks without one alone; None for all.
    """

    name: str
    title: str
    threat_models: tuple[ThreatModel, ...]
    threat_model: ThreatModel | None = None
    with_prior: bool | None = None

    def takes(self, attack: Attempt) -> bool:
        """Whether the attack is one of them."""
        return attack.threat_model in self.threat_models and self.with_prior in (None, has_prior(attack))


def has_prior(attack: Attempt) -> bool:
    """Whether the attack searched among images like the attacker's own."""
    return isinstance(attack, InversionMeasured) and attack.with_prior


VALUES: tuple[ThreatModel, ...] = ("probabilities", "scores", "predictions")
"""More than labels; a model gives one of them."""
ANSWERS: tuple[ThreatModel, ...] = ("labels", *VALUES)
SCOPES = (
    Scope("answers", "Worst of all attacks on answers", ANSWERS),
    Scope("labels", "Worst that sees labels", ("labels",), "labels"),
    Scope("probabilities", "Worst that reads probabilities, scores or predictions", VALUES, "probabilities"),
    Scope("model_file", "Worst that reads the model file", ("model_file",), "model_file"),
)


def images_measures_of(reports: Sequence[Report]) -> tuple[Measure, ...]:
    """Measures over all classes, where every report holds them: more than one image can tell."""
    found: list[Measure] = []
    known = [report for report in reports if isinstance(report, InversionReport)]
    if known and len(known) == len(reports):
        if all(report.prototypes for report in known):
            chance = max(each.chance for report in known for each in report.prototypes)
            found.append(Measure("prototypes", chance, True, _prototypes))
        if all(any(each.resolves for each in report.recognition) for report in known):
            chance = max(each.chance for report in known for each in report.recognition)
            found.append(Measure("recognition", chance, False, _recognition, _recognised))
    return tuple(found)


def _prototypes(report: Report, attack: Attempt) -> Estimate | None:
    """Accuracy of the attack's reconstructions as prototypes, its interval corrected for the attacks."""
    if not isinstance(report, InversionReport):
        return None
    for each in report.prototypes:
        if each.attack == attack.name and each.accuracy.n > 0:
            right, n = round(each.accuracy.value * each.accuracy.n), each.accuracy.n
            return proportion(right, n, confidence=confidence_for(len(report.prototypes)))
    return None


def _recognition(report: Report, attack: Attempt) -> Estimate | None:
    if not isinstance(report, InversionReport):
        return None
    return next((each.share for each in report.recognition if each.attack == attack.name), None)


def _recognised(report: Report, side: Side) -> Mapping[int, float]:
    """By class, 1 where the evaluator recognises the attack's reconstruction; empty unless all are known."""
    if not isinstance(report, InversionReport) or side.estimate is None:
        return {}
    found = {
        each.target_class: float(each.judgement.recognised)
        for each in report.reconstructions
        if each.attack == side.attack and each.judgement is not None
    }
    return found if len(found) == side.estimate.n else {}


def measures_of(kind: Literal["membership", "inversion", "profiles"]) -> tuple[Measure, ...]:
    """What attacks are compared by; the first decides."""
    if kind == "profiles":
        return (Measure("leakage", 0.0, True, _profiles_leakage),)
    if kind == "inversion":
        return (
            Measure(
                "leakage",
                0.0,
                False,
                lambda _, attack: attack.metrics.leakage if isinstance(attack, InversionMeasured) else None,
            ),
        )
    return (
        Measure(
            "auc",
            0.5,
            True,
            lambda _, attack: (
                attack.metrics.auc_corrected if isinstance(attack, MembershipMeasured) else None
            ),
        ),
        Measure(
            "tpr_at_1_percent_fpr",
            0.01,
            True,
            lambda _, attack: (
                attack.metrics.tpr_at_fpr_corrected.get(LOW_FALSE_POSITIVES)
                if isinstance(attack, MembershipMeasured)
                else None
            ),
        ),
    )


def _profiles_leakage(_: Report, attack: Attempt) -> Estimate | None:
    if not isinstance(attack, ProfilesMeasured) or attack.metrics is None:
        return None
    return attack.metrics.leakage_corrected
