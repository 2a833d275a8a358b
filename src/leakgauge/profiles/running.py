"""Running every attack on every class, and measuring what it found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from leakgauge.attacks.row import Unsuited
from leakgauge.attacks.running import run_one
from leakgauge.exhaustion import Time
from leakgauge.profiles.inputs import Inputs
from leakgauge.profiles.measure import LEAST_RECORDS, Coded, Evidence, Resampled, distances, figures
from leakgauge.profiles.protocol import Attack, WeightedRecords
from leakgauge.progress import Progress, Share
from leakgauge.randomness import generator_for
from leakgauge.report.model import Failed, NotApplicable, ProfileFigures
from leakgauge.targets.protocol import FloatArray


@dataclass(frozen=True, slots=True)
class Found:
    """What one attack found of one class.

    Attributes
    ----------
    profile
        (width,) as `layout` codes it.
    records
        by how many records, in effect, it tells the class: Kish's number of equal ones.
    distances
        (replicates, columns) from the real profile; None, as `figures`, where `withheld` says why.
    """

    profile: FloatArray
    records: float
    distances: FloatArray | None
    figures: ProfileFigures | None
    withheld: str | None


@dataclass(frozen=True, slots=True)
class Run:
    """One attack: what it found of each class that it could say anything of; others by the reason."""

    attack: Attack
    found: Mapping[int, Found]
    unsuited: Mapping[int, str]
    queries: int


Outcome: TypeAlias = Run | NotApplicable | Failed


def run_attacks(
    attacks: Sequence[Attack],
    inputs: Inputs,
    evidence: Mapping[int, Evidence],
    *,
    budget: int,
    seed: int,
    progress: Progress,
    time: Time | None = None,
) -> tuple[Outcome, ...]:
    """Profile the classes of `inputs` with every attack.

    Parameters
    ----------
    evidence
        what profiles are measured with, by class, where there are reference records of it.
    budget
        records that a search may ask about for each class.
    time
        the audit's, which the attacks share; None for no limit.
    """
    outcomes = []
    shared = time or Time()
    for place, attack in enumerate(attacks):
        share = shared.share(len(attacks) - place)
        limited = share.limiting(Share(progress, place / len(attacks), (place + 1) / len(attacks)))

        def attempt(attack: Attack = attack, limited: Progress = limited) -> Run:
            comparisons = len(attacks) * len(inputs.classes)
            return _run(
                attack, inputs, evidence, budget=budget, seed=seed, progress=limited, comparisons=comparisons
            )

        outcomes.append(run_one(attack, inputs.knowledge.target, attempt))
    return tuple(outcomes)


def evidence_of(inputs: Inputs, *, seed: int) -> dict[int, Evidence]:
    """What profiles are measured with, by class; the same for every attack, so that they can be compared."""
    auxiliary = Resampled.of(inputs.layout, inputs.auxiliary, generator_for(seed, "auxiliary records"))
    return {
        number: Evidence.of(auxiliary, real, generator_for(seed, f"halves of class {number}"))
        for number, real in inputs.reference.items()
    }


def _run(
    attack: Attack,
    inputs: Inputs,
    evidence: Mapping[int, Evidence],
    *,
    budget: int,
    seed: int,
    progress: Progress,
    comparisons: int,
) -> Run:
    found: dict[int, Found] = {}
    unsuited: dict[int, str] = {}
    asked = 0
    for place, number in enumerate(inputs.classes):
        part = Share(progress, place / len(inputs.classes), (place + 1) / len(inputs.classes))
        part.report(f"profiling class {number}", 0.0)
        rng = generator_for(seed, f"{attack.name} on class {number}")
        try:
            records = attack.profile(inputs.knowledge, number, budget=budget, rng=rng, progress=part)
        except Unsuited as reason:
            unsuited[number] = str(reason)
            continue
        asked += 0 if records.frame is None else len(records.frame)
        found[number] = _measured(records, number, inputs, evidence, rng=rng, comparisons=comparisons)
    if not found:
        raise Unsuited(next(iter(unsuited.values())))
    # every attack asks about the auxiliary records, once for all classes
    return Run(attack, found, unsuited, len(inputs.knowledge.frame) + asked)


def _measured(
    found: WeightedRecords,
    number: int,
    inputs: Inputs,
    evidence: Mapping[int, Evidence],
    *,
    rng: np.random.Generator,
    comparisons: int,
) -> Found:
    weights = found.weights
    records = None if found.frame is None else inputs.layout.coded(found.frame)
    coded = Coded(records, weights, found.of_everybody)
    profile = coded.profiles(inputs.layout, inputs.auxiliary, np.ones(len(weights)), everybody(inputs))
    effective = float(weights.sum() ** 2 / (weights**2).sum())
    if number not in evidence:
        return Found(profile, effective, None, None, _withheld(number, inputs))
    measured = distances(evidence[number], coded, rng)
    return Found(
        profile, effective, measured, figures(evidence[number], measured, comparisons=comparisons), None
    )


def _withheld(number: int, inputs: Inputs) -> str:
    if not inputs.has_reference:
        return "There are no reference records to measure it with."
    return (
        f"There are {inputs.reference_counts[number]} reference records of the class; it takes "
        f"{LEAST_RECORDS} to say anything."
    )


def everybody(inputs: Inputs) -> FloatArray:
    """(width,) the profile of the auxiliary records, which takes no query."""
    return inputs.layout.profiles(inputs.auxiliary, np.ones(len(inputs.auxiliary)))
