"""What follows from the attack that showed most: insights, exposed slices and records, what to change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from leakgauge.membership.evidence import Evidence
from leakgauge.membership.exposure import Scores, exposed_records, exposed_to_all
from leakgauge.membership.insights import difficulty, ease
from leakgauge.membership.measure import FOLDS, slices
from leakgauge.membership.pool import Pool
from leakgauge.membership.recommendations import CHANGES_OF_ANY, NETWORK_CHANGES, recommend
from leakgauge.parameters import MembershipParameters
from leakgauge.randomness import generator_for
from leakgauge.report import risk
from leakgauge.report.model import (
    ExposedRecord,
    Insight,
    MembershipMeasured,
    Recommendation,
    Severity,
    Slice,
)
from leakgauge.targets.protocol import FloatArray


@dataclass(frozen=True, slots=True)
class Conclusions:
    """What follows from the attack that showed most; empty where no attack ran."""

    insights: tuple[Insight, ...] = ()
    slices: tuple[Slice, ...] = ()
    records: tuple[ExposedRecord, ...] = ()
    recommendations: tuple[Recommendation, ...] = ()


def conclude(evidence: Evidence, severity: Severity, parameters: MembershipParameters) -> Conclusions:
    """The conclusions from all evidence, under a verdict of `severity`."""
    worst = risk.headline(evidence.outcomes)
    if worst is None:
        return Conclusions()
    run = evidence.scored[worst.name]
    parts = slices(
        run.scores,
        run.decisions,
        evidence.pool,
        class_names=evidence.described.classes,
        cross_fitted=run.attack.cross_fitted,
        threshold_chosen=run.attack.threshold is None,
    )
    strong = _as_strong_as(worst, evidence)
    return Conclusions(
        insights=_insights(evidence, worst, parameters.seed),
        slices=parts,
        records=exposed_records(
            strong,
            evidence.pool,
            at_most=parameters.most_exposed,
            without_rounds=_without_rounds(strong, evidence),
        ),
        recommendations=_recommendations(evidence, worst, severity, parts, parameters.seed),
    )


def _insights(evidence: Evidence, worst: MembershipMeasured, seed: int) -> tuple[Insight, ...]:
    on_answers = {name: run.scores for name, run in evidence.scored.items() if risk.counts(run.outcome)}
    found = [ease(worst), _difficulty(evidence, seed), exposed_to_all(on_answers, evidence.pool)]
    return tuple(insight for insight in found if insight is not None)


def _difficulty(evidence: Evidence, seed: int) -> Insight | None:
    if evidence.proportions is None:
        return None
    simple = {
        name: (run.attack.title, run.decisions)
        for name, run in evidence.scored.items()
        if run.attack.trains_nothing
    }
    rng = generator_for(seed, "insights")
    return difficulty(evidence.proportions, simple, evidence.pool.member, rng=rng)


def _without_rounds(names: Iterable[str], evidence: Evidence) -> list[list[Scores]]:
    """Scores without each round of reference models, for either attacker, whose models are others."""
    found: list[list[Scores]] = []
    for attacker in risk.ATTACKERS:
        rounds = {
            name: evidence.scored[name].without_rounds
            for name in names
            if evidence.scored[name].attack.attacker == attacker and evidence.scored[name].without_rounds
        }
        if rounds:
            found.append(
                [dict(zip(rounds, scores, strict=True)) for scores in zip(*rounds.values(), strict=True)]
            )
    return found


def _as_strong_as(worst: MembershipMeasured, evidence: Evidence) -> dict[str, FloatArray]:
    """Scores of the attack that showed most, and of those that alone would lead to the same severity."""
    severity = risk.severity_of(worst.metrics)
    return {
        name: run.scores
        for name, run in evidence.scored.items()
        if name == worst.name
        or (severity and risk.counts(run.outcome) and risk.severity_of(run.outcome.metrics) is severity)
    }


def _changes(pool: Pool) -> str | None:
    """What there is to try on a model of such records."""
    if pool.answers_only:
        return CHANGES_OF_ANY
    return NETWORK_CHANGES if pool.holds_images else None


def _recommendations(
    evidence: Evidence, worst: MembershipMeasured, severity: Severity, parts: tuple[Slice, ...], seed: int
) -> tuple[Recommendation, ...]:
    scored = evidence.scored
    without_references = evidence.missing_references["candidates"]
    differ = risk.no_more_than_the_tables(worst, evidence.shift.area if evidence.shift else None)
    return recommend(
        severity=severity,
        worst=worst,
        worst_decisions=scored[worst.name].decisions,
        worst_folds=FOLDS if scored[worst.name].attack.cross_fitted else None,
        label_decisions=scored["gap"].decisions if "gap" in scored else None,
        member=evidence.pool.member,
        target=evidence.described,
        slices=parts,
        tried=evidence.tried,
        changes=_changes(evidence.pool),
        records_would_settle=evidence.misfit is None
        and not risk.all_ruled_out(evidence.outcomes)
        and not differ,
        tables_differ=evidence.shift.notice().message if evidence.shift and differ else None,
        compared=without_references is None,
        rng=generator_for(seed, "recommendations"),
    )
