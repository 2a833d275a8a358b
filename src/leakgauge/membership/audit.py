"""The membership audit: a bundle in, a report out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from leakgauge.attack_table import chosen_attacks, distributions_of
from leakgauge.bundle import ImageMembershipBundle, MembershipBundle
from leakgauge.defences.output import Setting
from leakgauge.estimates import proportion
from leakgauge.exhaustion import Time, ran_out, release
from leakgauge.membership.attacks import ATTACKS
from leakgauge.membership.exposure import exposed_records
from leakgauge.membership.image_inputs import read_image_inputs
from leakgauge.membership.inputs import Inputs, read_inputs
from leakgauge.membership.insights import difficulty, ease
from leakgauge.membership.measure import slices
from leakgauge.membership.own_members import own_misfit
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.membership.proportions import LEARNERS, Proportions, absent_attack_models, leak_by_proportion
from leakgauge.membership.protocol import Attack
from leakgauge.membership.recommendations import recommend
from leakgauge.membership.reference_models import Plan, ReferenceModels
from leakgauge.membership.running import STEPS_BESIDES, Scored, run_all
from leakgauge.membership.shift import Shift, distribution_shift
from leakgauge.membership.tradeoffs import tradeoffs
from leakgauge.membership.training_sets import TrainingData
from leakgauge.parameters import (
    MembershipParameters,
    membership_parameters,
    picture_membership_parameters,
)
from leakgauge.progress import Progress, Share
from leakgauge.randomness import generator_for
from leakgauge.report import risk
from leakgauge.report.gate import held_to
from leakgauge.report.model import (
    Audited,
    ExposedRecord,
    Insight,
    MembershipMeasured,
    MembershipReport,
    MembershipTarget,
    Notice,
    Recommendation,
    Severity,
    Slice,
    Tradeoffs,
)
from leakgauge.report.versions import versions_of
from leakgauge.targets.images.facts import OpenImageModel
from leakgauge.targets.protocol import FloatArray, Target

VERSIONS_OF = ("numpy", "scipy", "scikit-learn")
PLAIN = frozenset({"gap", "loss", "entropy", "modified_entropy"})
"""Attacks that train nothing, against which the effort of the others is weighed."""
TRAINED_IN = 0.9
"""Share of an attack's time in which it may train reference models: with fewer of them it still runs."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What follows from the attack that showed most; empty where no attack ran."""

    insights: tuple[Insight, ...] = ()
    slices: tuple[Slice, ...] = ()
    records: tuple[ExposedRecord, ...] = ()
    recommendations: tuple[Recommendation, ...] = ()


def audit_bundle(
    bundle: MembershipBundle,
    overrides: Mapping[str, JsonValue],
    progress: Progress,
    *,
    time: Time | None = None,
) -> Audited:
    """Audit a membership bundle.

    Parameters
    ----------
    bundle
        the checked files.
    overrides
        parameters that win over the bundle's own `parameters.json`.
    time
        the audit's, which its steps share; None for no limit.

    Raises
    ------
    LeakgaugeError
        for a bundle, parameters or a model that cannot be audited.
    """
    progress.report("reading the bundle", 0.0)
    file = bundle.parameters.path if bundle.parameters else None
    parameters = membership_parameters(file, overrides)
    chosen = chosen_attacks(parameters.attacks, ATTACKS, reference_libraries=parameters.reference_libraries)
    inputs = read_inputs(bundle, parameters)
    report = audit(
        inputs,
        parameters=parameters,
        attacks=chosen,
        inputs_sha256=bundle.sha256,
        progress=progress,
        time=time,
    )
    return held_to(Audited(report), parameters.policy)


def audit_pictures(
    bundle: ImageMembershipBundle,
    overrides: Mapping[str, JsonValue],
    progress: Progress,
    *,
    open_model: OpenImageModel,
    time: Time | None = None,
) -> Audited:
    """Audit a membership bundle of an image classifier with image sets; as `audit_bundle`.

    Parameters
    ----------
    open_model
        opens the model file; handed in, since no framework of image models is known here.
    """
    progress.report("reading the bundle", 0.0)
    file = bundle.parameters.path if bundle.parameters else None
    parameters = picture_membership_parameters(file, overrides)
    chosen = chosen_attacks(parameters.attacks, ATTACKS, reference_libraries=parameters.reference_libraries)
    inputs = read_image_inputs(bundle, parameters, open_model=open_model)
    report = audit(
        inputs,
        parameters=parameters,
        attacks=chosen,
        inputs_sha256=bundle.sha256,
        progress=progress,
        time=time,
    )
    return held_to(Audited(report), parameters.policy)


def audit(
    inputs: Inputs,
    *,
    parameters: MembershipParameters,
    attacks: Sequence[Attack],
    inputs_sha256: Mapping[str, str],
    progress: Progress,
    time: Time | None = None,
) -> MembershipReport:
    """Run every attack on the pool, measure them all in the same way, and draw the conclusions.

    Raises
    ------
    AuditFailed
        when not one attack could be run to its end.
    MemoryError, AuditTimeout
        when that was for want of memory or time alone.
    """
    pool, seed = inputs.pool, parameters.seed
    time = Time() if time is None else time
    data = inputs.training_data or TrainingData.of(pool)
    references = ReferenceModels(
        Plan(
            inputs.target.estimator,
            inputs.target.classes,
            models=parameters.reference_models,
            seconds=parameters.time_budget,
            seed=seed,
            defences=inputs.defences,
            form=inputs.target.form,
        ),
        data,
        most_seconds=lambda: TRAINED_IN * time.share(STEPS_BESIDES).seconds,
    )
    target = SharedAnswers(inputs.target, pool, references=references)

    progress.report("asking the model", 0.03)
    described = _describe(inputs, target)
    progress.report("comparing members and subjects", 0.06)
    shift = distribution_shift(pool, rng=generator_for(seed, "shift"))

    runs = run_all(attacks, target, pool, seed=seed, progress=Share(progress, 0.1, 0.4), time=time)
    outcomes = tuple(run.outcome if isinstance(run, Scored) else run for run in runs)
    scored = {run.attack.name: run for run in runs if isinstance(run, Scored)}
    proportions = Proportions((), (), {})
    known = {
        learner.attack: scored[learner.attack].scores for learner in LEARNERS if learner.attack in scored
    }
    if known:
        proportions = _proportions(
            target,
            pool,
            percentages=parameters.proportions,
            known_scores=known,
            seed=seed,
            progress=time.share(STEPS_BESIDES).limiting(Share(progress, 0.4, 0.75)),
        )
    tried = None
    if parameters.tradeoffs and any(attack.referenced for attack in attacks):
        tried = _tradeoffs(
            target,
            pool,
            data,
            seconds=_least(references.seconds_left, TRAINED_IN * time.share(1).seconds),
            seed=seed,
            progress=time.share(1).limiting(Share(progress, 0.75, 0.97)),
            defences=inputs.defences,
        )

    progress.report("writing the report", 0.97)
    misfit = own_misfit(target, pool, described, references.accuracy)
    # who sees labels alone has nothing to compare with what reference models say
    missing = dict.fromkeys(risk.ATTACKERS)
    if target.has_probabilities:
        missing = {attacker: references.missing_for(attacker) for attacker in risk.ATTACKERS}
    without_references = missing["candidates"]
    area = shift.area if shift else None
    verdict = risk.verdict(outcomes, shift=area, without_references=without_references, misfit=misfit)
    attackers = tuple(
        risk.finding(attacker, outcomes, shift=area, without_references=missing[attacker], misfit=misfit)
        for attacker in risk.ATTACKERS
    )
    worst = risk.headline(outcomes)
    findings = Findings()
    if worst is not None:
        findings = _findings(
            *(worst, verdict.severity, scored, proportions, tried, pool, described, parameters),
            records_would_settle=without_references is None or not risk.all_ruled_out(outcomes),
        )
    notices = [*inputs.notices, *_shift_notice(shift), *_misfit_notice(misfit), *references.notices]
    if known:
        notices += _missing_shares_notice(parameters.proportions, proportions)
        notices += absent_attack_models(attacks)
    return MembershipReport(
        verdict=verdict,
        parameters=parameters.model_dump(mode="json"),
        inputs=dict(inputs_sha256),
        versions=versions_of(
            (*VERSIONS_OF, *inputs.versions_of),
            if_installed=distributions_of(attacks),
        ),
        seed=seed,
        target=described,
        warnings=tuple(notices),
        insights=findings.insights,
        attacks=outcomes,
        table=proportions.best,
        leak_by_proportion=proportions.all,
        slices=findings.slices,
        records=findings.records,
        recommendations=findings.recommendations,
        tradeoffs=tried,
        attackers=attackers,
    )


def _describe(inputs: Inputs, target: Target) -> MembershipTarget:
    pool = inputs.pool
    right = target.labels(pool.x) == pool.y
    members, non_members = int(pool.member.sum()), int((~pool.member).sum())
    return MembershipTarget(
        type=inputs.model_type,
        classes=tuple(str(name) for name in target.classes),
        features=inputs.features,
        members=members,
        non_members=non_members,
        train_accuracy=proportion(int(right[pool.member].sum()), members),
        test_accuracy=proportion(int(right[~pool.member].sum()), non_members),
    )


def _proportions(
    target: SharedAnswers,
    pool: Pool,
    *,
    percentages: Sequence[int],
    known_scores: Mapping[str, FloatArray],
    seed: int,
    progress: Progress,
) -> Proportions:
    """The leak by what an attacker knows; nothing of it, for a reason, where memory ran out before."""
    try:
        return leak_by_proportion(
            target.probabilities(pool.x),
            pool,
            percentages=percentages,
            known_scores=known_scores,
            seed=seed,
            progress=progress,
        )
    except Exception as error:
        reason = ran_out(error)
        if reason is None:
            raise
        release(error)
        return Proportions((), (), {}, reason)


def _least(planned: float | None, available: float) -> float | None:
    """The smaller number of seconds; None where neither is limited."""
    least = available if planned is None else min(planned, available)
    return None if math.isinf(least) else least


def _tradeoffs(
    target: SharedAnswers,
    pool: Pool,
    data: TrainingData,
    *,
    seconds: float | None,
    seed: int,
    progress: Progress,
    defences: tuple[Setting, ...],
) -> Tradeoffs:
    """What changes cost and save; without them, for a reason, where memory or time ran out."""
    try:
        progress.report("trying changes", 0.0)
        return tradeoffs(target, pool, data, seconds=seconds, seed=seed, progress=progress, defences=defences)
    except Exception as error:
        reason = ran_out(error)
        if reason is None:
            raise
        release(error)
        return Tradeoffs((), 0, None, "", (), withheld=reason)


def _findings(
    worst: MembershipMeasured,
    severity: Severity,
    scored: Mapping[str, Scored],
    proportions: Proportions,
    tried: Tradeoffs | None,
    pool: Pool,
    described: MembershipTarget,
    parameters: MembershipParameters,
    *,
    records_would_settle: bool,
) -> Findings:
    seed = parameters.seed
    run = scored[worst.name]
    parts = slices(
        run.scores,
        run.decisions,
        pool,
        class_names=described.classes,
        cross_fitted=run.attack.cross_fitted,
        threshold_chosen=run.attack.threshold is None,
    )
    simple = {name: (other.attack.title, other.decisions) for name, other in scored.items() if name in PLAIN}
    as_severe = risk.severity_of(worst.metrics)
    strongest = {
        name: other.scores
        for name, other in scored.items()
        if name == worst.name
        or (as_severe and risk.counts(other.outcome) and risk.severity_of(other.outcome.metrics) is as_severe)
    }
    hard = difficulty(proportions, simple, pool.member, rng=generator_for(seed, "insights"))
    return Findings(
        insights=(ease(worst),) if hard is None else (ease(worst), hard),
        slices=parts,
        records=exposed_records(strongest, pool, at_most=parameters.most_exposed),
        recommendations=recommend(
            severity=severity,
            worst=worst,
            worst_decisions=run.decisions,
            label_decisions=scored["gap"].decisions if "gap" in scored else None,
            member=pool.member,
            target=described,
            slices=parts,
            tried=tried,
            pictures=pool.holds_pictures,
            records_would_settle=records_would_settle,
            rng=generator_for(seed, "recommendations"),
        ),
    )


def _lower_first(text: str) -> str:
    return text[0].lower() + text[1:]


def _shift_notice(shift: Shift | None) -> list[Notice]:
    if shift is None:
        return []
    columns = ", ".join(f"{name} (AUC {area:.2f})" for name, area in shift.by_column)
    which = f"What tells them apart: {columns}. " if columns else "No column alone tells them apart. "
    return [
        Notice(
            "tables_differ",
            "A classifier that never asks the model tells members and non-members apart (AUC "
            f"{shift.area.value:.2f}, {shift.area.low:.2f} to {shift.area.high:.2f}). {which}Both should "
            "come from one source, split at random; as they are, every attack looks better than it is.",
        )
    ]


def _misfit_notice(misfit: str | None) -> list[Notice]:
    return [] if misfit is None else [Notice("does_not_fit_members", misfit)]


def _missing_shares_notice(percentages: Sequence[int], proportions: Proportions) -> list[Notice]:
    missing = [share for share in percentages if share not in proportions.decisions]
    if proportions.cut_short is not None:
        return [
            Notice(
                "shares_cut_short",
                "The table lacks attack models that could not be trained at every share of the data. "
                f"Why the training ended: {_lower_first(proportions.cut_short)}",
            )
        ]
    if not missing:
        return []
    return [
        Notice(
            "shares_left_out",
            f"At {', '.join(f'{share} %' for share in missing)} of the data too few records are known to "
            "train an attack model; the table leaves these rows out.",
        )
    ]
