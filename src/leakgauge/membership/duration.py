"""How long an audit will take, known before most of it is done, from a few small fits.

A clone of the model and each attack model are fitted on a few records, and on four times as many where the
first fit says that full ones take long. What the two took is carried on to the size that the audit needs: as
a power of the records where it grew faster than they, else as a constant and so much a record.

A listener is told the estimate, and an audit with too little time leaves out what cannot end in it. No figure
depends on it.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Collection, Sequence
from typing import Final

import numpy as np

from leakgauge.attacks.row import Unsuited
from leakgauge.defences.retraining.variants import variants_of
from leakgauge.errors import BadParameters
from leakgauge.membership.attribute_inference import MODELS_A_ROUND
from leakgauge.membership.held_out import GREATEST_PERCENTAGE, Split, attack_features, folds_for
from leakgauge.membership.inputs import Inputs
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.membership.proportions import LEARNERS, Learner
from leakgauge.membership.protocol import Attack
from leakgauge.membership.refitting import Refitting, blank_clone, taken
from leakgauge.membership.tradeoffs import MOST_REFERENCES
from leakgauge.membership.training_sets import MOST_OTHERS, TrainingData
from leakgauge.parameters import MembershipParameters
from leakgauge.progress import Silent
from leakgauge.randomness import generator_for
from leakgauge.targets.function_recipe import FunctionRecipe
from leakgauge.threads import processors

FIRST_PART: Final = 16
"""Of the records a first fit gets one in so many, `FEWEST` at least and `MOST` at most."""
FEWEST: Final = 40
MOST: Final = 2_500
SECOND_PART: Final = 4
"""How many times as many a second fit gets."""
SOON: Final = 0.25
"""Seconds of a fit below which it does not matter what it takes."""
BESIDES: Final = 1.3
"""What all else takes, asking, measuring and what reads the file, beside fits: about a third of them."""

Clock = Callable[[], float]


def seconds_a_model(
    inputs: Inputs,
    data: TrainingData,
    parameters: MembershipParameters,
    attacks: Sequence[Attack],
    *,
    clock: Clock,
) -> float:
    """Seconds that one reference model will take; 0 where there are none, or that cannot be found out."""
    target = inputs.target
    asked_for = parameters.reference_models > 0 and any(attack.referenced for attack in attacks)
    if not asked_for or inputs.references is not None or target.recipe is None:
        return 0.0
    rng = generator_for(parameters.seed, "duration")
    few = rng.permutation(len(data.y))[: SECOND_PART * MOST]
    part = TrainingData(taken(data.x, few), data.y[few], few[:0], few[:0], None, len(few))
    try:
        refitting = Refitting.of(
            blank_clone(target.recipe),
            target.classes,
            part,
            form=target.form,
            defences=inputs.defences,
            error_scale=target.error_scale,
        )

        def fit(records: int) -> None:
            rows = np.arange(min(records, len(few)))
            refitting.answers(rows, rows, seed=0, what="a few records")

        # a function draws as it likes, so what follows must not depend on how often it was called
        always = isinstance(target.recipe, FunctionRecipe)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return carried_on(fit, len(data.members), clock=clock, always=always)
    except (Unsuited, BadParameters, MemoryError):
        return 0.0  # whoever trains it says so


def seconds_of_audit(
    target: SharedAnswers,
    pool: Pool,
    parameters: MembershipParameters,
    attacks: Sequence[Attack],
    *,
    a_model: float,
    clock: Clock,
) -> float:
    """Seconds that a whole audit will take, as far as fits tell.

    Parameters
    ----------
    a_model
        what one reference model takes.
    """
    seconds = _models(target, pool, parameters, attacks) * a_model
    by_name = {attack.name: attack for attack in attacks}
    learners = [learner for learner in LEARNERS if learner.attack in by_name]
    if learners and target.has_probabilities:
        imported = {name for name, attack in by_name.items() if attack.library is not None}
        seconds += _seconds_of_attack_models(learners, imported, target, pool, parameters, clock)
    return BESIDES * seconds / processors()


def _models(
    target: SharedAnswers, pool: Pool, parameters: MembershipParameters, attacks: Sequence[Attack]
) -> float:
    """How many models are trained on as many records as the target was."""
    models, attackers = parameters.reference_models, {each.attacker for each in attacks if each.referenced}
    members = int(pool.member.sum())
    groups = max(math.ceil((len(pool) - members) / (MOST_OTHERS * members)), 1)
    # models of other data are as many, on half as many records
    fits = models * groups * ("candidates" in attackers) + models / 2 * ("population" in attackers)
    if attackers and parameters.tradeoffs:
        try:
            variants = variants_of(blank_clone(target.recipe), gives=target.gives)
        except Unsuited:
            variants = ()
        retrained = sum(bool(variant.settings) for variant in variants)
        fits += retrained * (1 + min(models, MOST_REFERENCES)) + 1
    if parameters.sensitive_columns != () and pool.is_read is not None:
        fits += max(models // MODELS_A_ROUND, 1)
    return fits


def _seconds_of_attack_models(
    learners: Sequence[Learner],
    imported: Collection[str],
    target: SharedAnswers,
    pool: Pool,
    parameters: MembershipParameters,
    clock: Clock,
) -> float:
    """Seconds of the attack models of all shares, all folds of each.

    Parameters
    ----------
    imported
        attacks that import a library first, so that a small fit would tell nothing.
    """
    features = attack_features(target, pool)
    sides = np.flatnonzero(pool.member), np.flatnonzero(~pool.member)
    most = min(map(len, sides)) * GREATEST_PERCENTAGE // 100

    def of_fold(learner: Learner) -> float:
        def fit(records: int) -> None:
            members, others = (side[: max(records // 2, 1)] for side in sides)
            split = Split(np.concatenate([members, others]), members, others, seed=0)
            list(learner.attack_model(features, pool.member, [split], progress=Silent()))

        return carried_on(fit, 2 * most, clock=clock)

    known = [of_fold(learner) for learner in learners if learner.attack not in imported]
    seconds = sum(known) + max(known, default=0.0) * (len(learners) - len(known))
    shares = sum(folds_for(share) * share for share in parameters.proportions if share < GREATEST_PERCENTAGE)
    return seconds * (folds_for(GREATEST_PERCENTAGE) + shares / GREATEST_PERCENTAGE)


def carried_on(fit: Callable[[int], object], records: int, *, clock: Clock, always: bool = False) -> float:
    """Seconds of a fit on so many records, by what fits on fewer take.

    Parameters
    ----------
    fit
        fits on so many.
    always
        whether the second fit is made even where the first says that it does not matter.
    """
    first = min(max(records // FIRST_PART, FEWEST), MOST, records)
    second = min(SECOND_PART * first, records)
    of_first = _timed(fit, first, clock)
    if second == first or (of_first * records / first < SOON and not always):
        return of_first
    of_second = max(_timed(fit, second, clock), of_first)
    power = math.log(max(of_second, 1e-9) / max(of_first, 1e-9)) / math.log(second / first)
    if power > 1.0:
        grown: float = of_second * (records / second) ** power
        return grown
    return of_second + (of_second - of_first) / (second - first) * (records - second)


def _timed(fit: Callable[[int], object], records: int, clock: Clock) -> float:
    begun = clock()
    fit(records)
    return clock() - begun
