"""The membership audit: a bundle, or what a caller holds in memory, in; a report out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from pydantic import JsonValue

from leakgauge.attacks.table import chosen_attacks, distributions_of
from leakgauge.bundle import AnswersBundle, ImageMembershipBundle, MembershipBundle
from leakgauge.estimates import mean_error, proportion, root_mean_square
from leakgauge.exhaustion import Time, unless_it_runs_out
from leakgauge.membership.answers import GivenAnswers, read_answers, take_answers
from leakgauge.membership.attacks import ATTACKS
from leakgauge.membership.conclusions import conclude
from leakgauge.membership.contents import contents_of_members
from leakgauge.membership.evidence import Evidence
from leakgauge.membership.given_references import GivenReferences
from leakgauge.membership.image_inputs import read_image_inputs
from leakgauge.membership.in_memory import InMemory, read_in_memory
from leakgauge.membership.inputs import Inputs, read_inputs
from leakgauge.membership.live import read_live
from leakgauge.membership.own_members import own_misfit
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.membership.proportions import (
    LEARNERS,
    Proportions,
    absent_attack_models,
    leak_by_proportion,
    missing_shares,
)
from leakgauge.membership.protocol import Attack
from leakgauge.membership.reference_models import Plan, ReferenceModels
from leakgauge.membership.running import STEPS_BESIDES, Scored, run_all
from leakgauge.membership.shift import distribution_shift
from leakgauge.membership.tradeoffs import tradeoffs
from leakgauge.membership.training_sets import TrainingData
from leakgauge.model_contents.reconstruction import SECONDS
from leakgauge.parameters import (
    MembershipParameters,
    answers_in_memory_parameters,
    answers_parameters,
    image_membership_parameters,
    in_memory_parameters,
    live_parameters,
    membership_parameters,
)
from leakgauge.progress import Progress, Share
from leakgauge.randomness import generator_for
from leakgauge.report import risk
from leakgauge.report.gate import held_to
from leakgauge.report.model import (
    Attacker,
    Audited,
    MembershipReport,
    MembershipTarget,
    Notice,
    PredictionErrors,
    Tradeoffs,
)
from leakgauge.report.versions import versions_of
from leakgauge.targets.endpoints.asking import Service
from leakgauge.targets.protocol import FloatArray

VERSIONS_OF = ("numpy", "scipy", "scikit-learn")
TRAINED_IN = 0.9
"""Share of an attack's time in which it may train reference models: with fewer of them it still runs."""

_NOT_TRIED = {
    True: "there are answers and no model that could be trained again with a change.",
    False: "the reference models were trained elsewhere, so there is nothing here to compare a change with.",
}
"""Why no change was measured where reference models came as answers, by whether that is all that came."""

_NOT_COMPARED = (
    "Whether members and non-members differ in what has nothing to do with the model was not checked; where "
    "they do, every attack looks better than it is."
)


def audit_bundle(
    bundle: MembershipBundle | AnswersBundle | ImageMembershipBundle,
    overrides: Mapping[str, JsonValue],
    progress: Progress,
    *,
    time: Time | None = None,
) -> Audited:
    """Audit a membership bundle: of a model of tables or of images, or of answers alone.

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
    file = bundle.parameters.path if bundle.parameters else None
    match bundle:
        case MembershipBundle():
            of_tables = membership_parameters(file, overrides)
            read: Callable[[], Inputs] = partial(read_inputs, bundle, of_tables)
            return conduct(read, of_tables, bundle.sha256, progress, time)
        case AnswersBundle():
            of_answers = answers_parameters(file, overrides)
            read = partial(read_answers, bundle, of_answers)
            return conduct(read, of_answers, bundle.sha256, progress, time)
        case ImageMembershipBundle():
            of_images = image_membership_parameters(file, overrides)
            read = partial(read_image_inputs, bundle, of_images)
            return conduct(read, of_images, bundle.sha256, progress, time)


def audit_live(
    bundle: MembershipBundle,
    overrides: Mapping[str, JsonValue],
    progress: Progress,
    *,
    service: Service,
    time: Time | None = None,
) -> Audited:
    """Audit a live service with the tables of a bundle; parameters and errors as `audit_bundle`."""
    parameters = live_parameters(bundle.parameters.path if bundle.parameters else None, overrides)
    read = partial(read_live, bundle, parameters, service)
    return conduct(read, parameters, bundle.sha256, progress, time)


def audit_in_memory(source: InMemory, overrides: Mapping[str, JsonValue], progress: Progress) -> Audited:
    """Audit a model with records, all of them in the caller's memory; errors as `audit_bundle`."""
    parameters = in_memory_parameters(overrides)
    return conduct(partial(read_in_memory, source, parameters), parameters, source.sha256, progress)


def audit_answers(source: GivenAnswers, overrides: Mapping[str, JsonValue], progress: Progress) -> Audited:
    """Audit answers in the caller's memory; errors as `audit_bundle`."""
    parameters = answers_in_memory_parameters(overrides)
    return conduct(partial(take_answers, source, parameters), parameters, source.sha256, progress)


def conduct(
    read: Callable[[], Inputs],
    parameters: MembershipParameters,
    sha256: Mapping[str, str],
    progress: Progress,
    time: Time | None = None,
) -> Audited:
    """Audit whatever `read` reads, and hold the report to the policy in the parameters; errors as there."""
    progress.report("reading the records", 0.0)
    chosen = chosen_attacks(parameters.attacks, ATTACKS, reference_libraries=parameters.reference_libraries)
    report = audit(
        read(),
        parameters=parameters,
        attacks=chosen,
        inputs_sha256=sha256,
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
    evidence = _evidence(inputs, parameters, attacks, progress, Time() if time is None else time)
    outcomes, missing = evidence.outcomes, evidence.missing_references
    area = evidence.shift.area if evidence.shift else None
    verdict = risk.verdict(
        outcomes, shift=area, without_references=missing["candidates"], misfit=evidence.misfit
    )
    attackers = tuple(
        risk.finding(
            attacker, outcomes, shift=area, without_references=missing[attacker], misfit=evidence.misfit
        )
        for attacker in risk.ATTACKERS
    )
    conclusions = conclude(evidence, verdict.severity, parameters)
    proportions = evidence.proportions or Proportions((), (), {})
    return MembershipReport(
        verdict=verdict,
        parameters=parameters.model_dump(mode="json"),
        inputs=dict(inputs_sha256),
        versions=versions_of((*VERSIONS_OF, *inputs.target.packages), if_installed=distributions_of(attacks)),
        seed=parameters.seed,
        target=evidence.described,
        warnings=(*inputs.notices, *_notices(evidence, parameters, attacks)),
        insights=conclusions.insights,
        attacks=outcomes,
        table=proportions.best,
        leak_by_proportion=proportions.all,
        slices=conclusions.slices,
        records=conclusions.records,
        recommendations=conclusions.recommendations,
        tradeoffs=evidence.tried,
        attackers=attackers,
        contents=evidence.contents,
    )


def _evidence(
    inputs: Inputs,
    parameters: MembershipParameters,
    attacks: Sequence[Attack],
    progress: Progress,
    time: Time,
) -> Evidence:
    """Everything that is measured, step by step; only what no attack can do without ends the audit."""
    pool, seed = inputs.pool, parameters.seed
    data = inputs.training_data or TrainingData.of(pool)
    references = _reference_models(inputs, data, parameters, time)
    target = SharedAnswers(inputs.target, pool, references=references)

    progress.report("querying the model", 0.03)
    described = _describe(inputs, target)
    progress.report("comparing members and non-members", 0.06)
    notices: list[Notice] = []

    def not_compared(reason: str) -> None:
        notices.append(Notice("tables_not_compared", f"{_NOT_COMPARED} {reason}"))

    shift = unless_it_runs_out(
        lambda: distribution_shift(pool, rng=generator_for(seed, "shift")), instead=not_compared
    )
    runs = run_all(attacks, target, pool, seed=seed, progress=Share(progress, 0.1, 0.4), time=time)
    limited = time.share(STEPS_BESIDES).limiting(Share(progress, 0.4, 0.75))
    proportions = _proportions(target, inputs, parameters, runs, limited)
    tried = None
    if parameters.tradeoffs and any(attack.referenced for attack in attacks):
        seconds = _least(references.seconds_left, TRAINED_IN * time.share(1).seconds)
        limited = time.share(1).limiting(Share(progress, 0.75, 0.97))
        tried = _tradeoffs(target, inputs, data, seconds, seed, limited)

    last = time.share(1)
    rebuilds = any(attack.threat_model == "model_file" for attack in attacks)
    contents = contents_of_members(
        inputs,
        last.limiting(Share(progress, 0.97, 0.99)),
        notices,
        seconds_to_rebuild=(_least(parameters.time_budget, last.seconds) or SECONDS) if rebuilds else 0.0,
        seed=seed,
    )

    progress.report("writing the report", 0.99)
    # who sees labels alone has nothing to compare with what reference models say
    missing: dict[Attacker, str | None] = dict.fromkeys(risk.ATTACKERS)
    if target.gives != "labels":
        missing = {attacker: references.missing_for(attacker) for attacker in risk.ATTACKERS}
    return Evidence(
        pool=pool,
        described=described,
        shift=shift,
        runs=tuple(runs),
        proportions=proportions,
        tried=tried,
        misfit=own_misfit(target, pool, described, references.accuracy),
        missing_references=missing,
        notices=(*notices, *references.notices),
        contents=contents,
    )


def _reference_models(
    inputs: Inputs, data: TrainingData, parameters: MembershipParameters, time: Time
) -> ReferenceModels | GivenReferences:
    if inputs.references is not None:
        return inputs.references
    plan = Plan(
        inputs.target.recipe,
        inputs.target.classes,
        models=parameters.reference_models,
        seconds=parameters.time_budget,
        seed=parameters.seed,
        defences=inputs.defences,
        form=inputs.target.form,
        error_scale=inputs.target.error_scale,
    )
    return ReferenceModels(plan, data, most_seconds=lambda: TRAINED_IN * time.share(STEPS_BESIDES).seconds)


def _describe(inputs: Inputs, target: SharedAnswers) -> MembershipTarget:
    pool = inputs.pool
    right = target.right(pool)
    members, non_members = int(pool.member.sum()), int((~pool.member).sum())
    return MembershipTarget(
        type=inputs.target.type_name,
        classes=tuple(str(name) for name in target.classes),
        features=inputs.features,
        members=members,
        non_members=non_members,
        train_accuracy=proportion(int(right[pool.member].sum()), members),
        test_accuracy=proportion(int(right[~pool.member].sum()), non_members),
        errors=_errors(target, pool),
    )


def _errors(target: SharedAnswers, pool: Pool) -> PredictionErrors | None:
    """How far a regressor's predictions lie from the truth; None for a classifier."""
    if target.error_scale is None:
        return None
    errors = np.abs(pool.y - target.predictions(pool.x))
    inside, outside = errors[pool.member], errors[~pool.member]
    return PredictionErrors(
        tolerance=float(f"{target.error_scale.tolerance:.6g}"),
        train_rmse=root_mean_square(inside),
        test_rmse=root_mean_square(outside),
        train_mae=mean_error(inside),
        test_mae=mean_error(outside),
    )


def _proportions(
    target: SharedAnswers,
    inputs: Inputs,
    parameters: MembershipParameters,
    runs: Sequence[object],
    progress: Progress,
) -> Proportions | None:
    """The leak by what an attacker knows; None where no attack model was trained."""
    scores = {run.attack.name: run.scores for run in runs if isinstance(run, Scored)}
    known: dict[str, FloatArray] = {
        learner.attack: scores[learner.attack] for learner in LEARNERS if learner.attack in scores
    }
    if not known:
        return None
    return unless_it_runs_out(
        lambda: leak_by_proportion(
            target,
            inputs.pool,
            percentages=parameters.proportions,
            known_scores=known,
            seed=parameters.seed,
            progress=progress,
        ),
        instead=lambda reason: Proportions((), (), {}, reason),
    )


def _tradeoffs(
    target: SharedAnswers,
    inputs: Inputs,
    data: TrainingData,
    seconds: float | None,
    seed: int,
    progress: Progress,
) -> Tradeoffs:
    """What mitigations cost and save."""
    if inputs.references is not None:
        return Tradeoffs((), 0, None, "", (), withheld=_NOT_TRIED[inputs.pool.answers_only])

    def attempt() -> Tradeoffs:
        progress.report("trying mitigations", 0.0)
        return tradeoffs(
            target,
            inputs.pool,
            data,
            seconds=seconds,
            seed=seed,
            progress=progress,
            defences=inputs.defences,
        )

    return unless_it_runs_out(attempt, instead=lambda reason: Tradeoffs((), 0, None, "", (), withheld=reason))


def _least(planned: float | None, available: float) -> float | None:
    """The smaller number of seconds; None where neither is limited."""
    least = available if planned is None else min(planned, available)
    return None if math.isinf(least) else least


def _notices(evidence: Evidence, parameters: MembershipParameters, attacks: Sequence[Attack]) -> list[Notice]:
    """What a reader must know to trust the figures, beside what the inputs say."""
    notices = [] if evidence.shift is None else [evidence.shift.notice()]
    if evidence.misfit is not None:
        notices.append(Notice("does_not_fit_members", evidence.misfit))
    notices += evidence.notices
    if evidence.proportions is not None:
        notices += missing_shares(parameters.proportions, evidence.proportions)
        notices += absent_attack_models(attacks)
    return notices
