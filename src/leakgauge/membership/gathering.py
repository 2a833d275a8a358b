"""The measurements of a membership audit, one after the other, within its time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from leakgauge.estimates import mean_error, proportion, root_mean_square
from leakgauge.exhaustion import Time, readable, unless_it_runs_out
from leakgauge.membership.attribute_inference import attribute_inference
from leakgauge.membership.contents import contents_of_members
from leakgauge.membership.duration import seconds_a_model, seconds_of_audit
from leakgauge.membership.evidence import Evidence
from leakgauge.membership.given_references import GivenReferences
from leakgauge.membership.inputs import Inputs
from leakgauge.membership.own_members import own_misfit
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.membership.proportions import LEARNERS, Proportions, leak_by_proportion
from leakgauge.membership.protocol import Attack
from leakgauge.membership.reference_models import Plan, ReferenceModels
from leakgauge.membership.running import STEPS_BESIDES, Scored, run_all
from leakgauge.membership.shift import Shift, distribution_shift
from leakgauge.membership.tradeoffs import tradeoffs
from leakgauge.membership.trainers import HERE, Trainers
from leakgauge.membership.training_sets import TrainingData
from leakgauge.model_contents.reconstruction import SECONDS_IN_AUDITS
from leakgauge.parameters import MembershipParameters
from leakgauge.progress import Calling, Progress, Share
from leakgauge.randomness import generator_for
from leakgauge.report import risk
from leakgauge.report.model import (
    Attacker,
    MembershipTarget,
    ModelContents,
    Notice,
    PredictionErrors,
    Tradeoffs,
)
from leakgauge.targets.protocol import FloatArray

TRAINED_IN = 0.9
"""Share of an attack's time in which it may train reference models: with fewer of them it still runs."""
REBUILT_IN = 0.1
"""Share of a `time_budget` that is spent at most on rebuilding the training table."""

_NOT_TRIED = {
    True: "there are answers and no model that could be trained again with a change.",
    False: "the reference models were trained elsewhere, so there is nothing here to compare a change with.",
}
"""Why no change was measured where reference models came as answers, by whether that is all that came."""

_NOT_COMPARED = (
    "Whether members and non-members differ in what has nothing to do with the model was not checked; where "
    "they do, every attack looks better than it is."
)


def gather(
    inputs: Inputs,
    parameters: MembershipParameters,
    attacks: Sequence[Attack],
    progress: Progress,
    time: Time,
    trainers: Trainers = HERE,
) -> Evidence:
    """Measure everything, step by step; only what no attack can do without ends the audit.

    Parameters
    ----------
    time, trainers
        the audit's, which the steps share; who trains reference models.
    """
    pool, seed, data = inputs.pool, parameters.seed, training_data_of(inputs)
    progress.report("querying the model", 0.03)
    a_model = seconds_a_model(inputs, data, parameters, attacks, clock=time.clock)
    references = _reference_models(inputs, data, parameters, a_model, time, trainers)
    target = SharedAnswers(inputs.target, pool, references=references)
    described = _describe(inputs, target)
    whole = seconds_of_audit(target, pool, parameters, attacks, a_model=a_model, clock=time.clock)
    notices: list[Notice] = []
    shift = _compared(pool, seed, notices, _telling(whole, time, Share(progress, 0.1, 0.13)), time)
    runs = run_all(attacks, target, pool, seed=seed, progress=Share(progress, 0.13, 0.4), time=time)
    limited = time.share(STEPS_BESIDES).limiting(Share(progress, 0.4, 0.75))
    proportions = _proportions(target, inputs, parameters, runs, limited)
    tried = None
    if parameters.tradeoffs and any(attack.referenced for attack in attacks):
        tried = _tradeoffs(target, inputs, data, a_model, seed, Share(progress, 0.75, 0.9), time, trainers)
    attributes = attribute_inference(
        inputs,
        target,
        parameters,
        shift=None if shift is None else shift.area,
        progress=Share(progress, 0.9, 0.97),
        time=time,
    )
    contents = _contents(inputs, parameters, attacks, notices, Share(progress, 0.97, 0.99), time)
    progress.report("writing the report", 0.99)
    return Evidence(
        pool=pool,
        described=described,
        shift=shift,
        runs=tuple(runs),
        proportions=proportions,
        tried=tried,
        misfit=own_misfit(target, pool, described, references.accuracy),
        missing_references=_missing(references, target),
        notices=(*notices, *references.notices),
        contents=contents,
        attributes=attributes,
        seconds=whole,
        remedy=time.remedy,
    )


def _telling(seconds: float, time: Time, progress: Progress) -> Progress:
    """A progress of a first step that says all the while what the whole audit takes."""
    left = time.share(1).seconds
    takes = f"auditing takes about {readable(seconds)}"
    if left < seconds:
        takes = f"auditing would take about {readable(seconds)} and has {readable(max(left, 0.0))}"
    return Calling(lambda stage, fraction: progress.report(f"{takes}: {stage}", fraction))


def _compared(pool: Pool, seed: int, notices: list[Notice], progress: Progress, time: Time) -> Shift | None:
    """What tells the tables apart without the model; None for nothing, or where that could not be seen."""
    limited = time.share(STEPS_BESIDES).limiting(progress)
    return unless_it_runs_out(
        lambda: distribution_shift(pool, rng=generator_for(seed, "shift"), progress=limited),
        instead=lambda reason: notices.append(Notice("tables_not_compared", f"{_NOT_COMPARED} {reason}")),
    )


def training_data_of(inputs: Inputs) -> TrainingData:
    """What reference models are trained on."""
    return inputs.training_data or TrainingData.of(inputs.pool)


def plan_of(inputs: Inputs, parameters: MembershipParameters) -> Plan:
    """Which reference models an audit trains, where it trains any."""
    return Plan(
        inputs.target.recipe,
        inputs.target.classes,
        models=parameters.reference_models,
        seed=parameters.seed,
        defences=inputs.defences,
        form=inputs.target.form,
        error_scale=inputs.target.error_scale,
    )


def _reference_models(
    inputs: Inputs,
    data: TrainingData,
    parameters: MembershipParameters,
    a_model: float,
    time: Time,
    trainers: Trainers,
) -> ReferenceModels | GivenReferences:
    if inputs.references is not None:
        return inputs.references
    return ReferenceModels(
        plan_of(inputs, parameters),
        data,
        clock=time.clock,
        most_seconds=lambda: TRAINED_IN * time.share(STEPS_BESIDES).seconds,
        remedy=time.remedy,
        seconds_a_model=a_model,
        trainers=trainers,
    )


def _missing(
    references: ReferenceModels | GivenReferences, target: SharedAnswers
) -> dict[Attacker, str | None]:
    """By attacker why there are no reference models."""
    if target.gives == "labels":  # who sees labels alone has nothing to compare with what they say
        return dict.fromkeys(risk.ATTACKERS)
    return {attacker: references.missing_for(attacker) for attacker in risk.ATTACKERS}


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
    a_model: float,
    seed: int,
    progress: Progress,
    time: Time,
    trainers: Trainers,
) -> Tradeoffs:
    """What mitigations cost and save."""
    last = time.share(1)
    limited = last.limiting(progress)
    if inputs.references is not None:
        return Tradeoffs((), 0, None, "", (), withheld=_NOT_TRIED[inputs.pool.answers_only])

    def attempt() -> Tradeoffs:
        limited.report("trying mitigations", 0.0)
        return tradeoffs(
            target,
            inputs.pool,
            data,
            seconds=TRAINED_IN * last.seconds,
            seconds_a_model=a_model,
            seed=seed,
            progress=limited,
            defences=inputs.defences,
            trainers=trainers,
            clock=time.clock,
        )

    return unless_it_runs_out(attempt, instead=lambda reason: Tradeoffs((), 0, None, "", (), withheld=reason))


def _contents(
    inputs: Inputs,
    parameters: MembershipParameters,
    attacks: Sequence[Attack],
    notices: list[Notice],
    progress: Progress,
    time: Time,
) -> ModelContents | None:
    """What the file holds of the members; rebuilt from its trees only where attacks read the file, too."""
    last = time.share(1)
    budget = math.inf if parameters.time_budget is None else parameters.time_budget
    rebuilds = any(attack.threat_model == "model_file" for attack in attacks)
    return contents_of_members(
        inputs,
        last.limiting(progress),
        notices,
        seconds_to_rebuild=min(SECONDS_IN_AUDITS, REBUILT_IN * budget) if rebuilds else 0.0,
        seed=parameters.seed,
    )
