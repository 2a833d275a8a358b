"""Reference models: clones of the target, trained on records that an attacker holds.

What a clone that was trained on a record says of it, and what one that was not says, is what RMIA
and LiRA compare the target's own answer with. `training_sets` says what each clone is trained on;
here they are trained, as many as time allows, and what they answered is kept.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leakgauge.attacks.row import Unsuited
from leakgauge.defences.output import Setting
from leakgauge.exhaustion import MORE_TIME, NOT_AUDITED, OutOfTime, ran_out, readable, unlimited
from leakgauge.membership.collected_answers import Collected
from leakgauge.membership.frozen_parts import frozen_in
from leakgauge.membership.pool import ReferenceAnswers
from leakgauge.membership.refitting import Refitting, blank_clone
from leakgauge.membership.residuals import ErrorScale
from leakgauge.membership.trainers import HERE, Trainers, fits_of
from leakgauge.membership.training_sets import (
    Design,
    TrainingData,
    of_candidates,
    of_population,
)
from leakgauge.progress import Progress
from leakgauge.randomness import generator_for
from leakgauge.report.model import Attacker, Notice
from leakgauge.targets.protocol import AnswerForm
from leakgauge.targets.sklearn.model_graph import type_name

_NOTICED_BELOW = 0.95
"""Training sets smaller than this share of the target's are spoken of."""
_TABLE_AXES = 2
NO_RECIPE = (
    "The model cannot be trained again here: it answers, and holds no recipe for that. Bring the answers of "
    "reference models of your own in reference_answers/, or audit from Python with fit=; of a scikit-learn "
    "model that was exported, send the pickle."
)
"""Why a classifier of tables without a recipe has no reference models, and what brings some."""
DRAWS: dict[Attacker, str] = {
    "candidates": "reference models",
    "population": "reference models of other data",
}
"""What the random draws of each attacker's training sets are called."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to train.

    Attributes
    ----------
    recipe
        what is cloned: the fitted target or another estimator that trains it; None for none.
    classes
        (n_classes,) its labels; none of a regressor.
    models
        how many clones give an answer about each record, one of two of them trained on it; even; 0 for
        none. Of an attacker with other data half as many do, none of them trained on it.
    seed
        seed of the draws and of the clones, whichever attack asks first.
    defences
        what the target's answers pass through; the attacker puts the clones behind as much of it
        as can be repeated, so that both are seen alike.
    form
        what the target is asked for, and so the clones; None for probabilities.
    error_scale
        what a regressor's errors are measured in; None for a classifier.
    """

    recipe: Any
    classes: NDArray[Any]
    models: int
    seed: int
    defences: tuple[Setting, ...] = ()
    form: AnswerForm | None = None
    error_scale: ErrorScale | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    """One attacker's reference models: what they answered, and what a reader must know of them.

    Attributes
    ----------
    accuracy
        mean over the models of their accuracy on records that they were trained on, of regressors the
        share within the tolerance; None where no model is asked about such.
    """

    answers: ReferenceAnswers
    design: Design
    accuracy: float | None


class ReferenceModels:
    """The reference models of one audit: trained when an attack first asks, and remembered.

    Parameters
    ----------
    clock
        seconds from any start, never falling; looked at only where there is a limit.
    most_seconds
        what an attacker's models may take when their training begins.
    remedy
        what to do where that does not suffice.
    seconds_a_model
        what one model is expected to take; 0 where that is not known.
    trainers
        who trains them.
    """

    def __init__(
        self,
        plan: Plan,
        data: TrainingData,
        *,
        clock: Callable[[], float] = time.monotonic,
        most_seconds: Callable[[], float] = unlimited,
        remedy: str = MORE_TIME,
        seconds_a_model: float = 0.0,
        trainers: Trainers = HERE,
    ) -> None:
        self._plan = plan
        self._data = data
        self._clock = clock
        self._most_seconds = most_seconds
        self._remedy = remedy
        self._seconds_a_model = seconds_a_model
        self._trainers = trainers
        self._trained: dict[Attacker, Trained] = {}
        self._refusals: dict[Attacker, Unsuited | MemoryError | OutOfTime] = {}

    def missing_for(self, attacker: Attacker) -> str | None:
        """Why the model was not compared with an attacker's clones; None where it was."""
        if attacker in self._trained:
            return None
        refusal = self._refusals.get(attacker)
        if refusal is None:
            return "No attack that uses them was asked for."
        return ran_out(refusal) or str(refusal)

    @property
    def accuracy(self) -> float | None:
        """Mean accuracy of the models on records that each was trained on; None without any."""
        trained = self._trained.get("candidates")
        return None if trained is None else trained.accuracy

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What a reader must know: frozen parts, models that found no time, small training sets."""
        if not self._trained:
            return ()
        notices = []
        frozen = [type_name(part.estimator) for part in frozen_in(self._plan.recipe)]
        if frozen:
            notices.append(
                Notice(
                    "frozen_part",
                    f"A part of the model is frozen: {', '.join(frozen)}. It learned from features and "
                    "from no label, so the reference models use it as it is and train all the rest.",
                )
            )
        notices += [
            Notice("fewer_reference_models", one.answers.cut_short)
            for one in self._trained.values()
            if one.answers.cut_short is not None
        ]
        notices += self._full_size()
        notices += [
            Notice("small_reference_models", _SMALLER[attacker].format(size=size, wanted=wanted))
            for attacker, one in self._trained.items()
            for size, wanted in [(f"{one.design.size:,}", f"{one.design.wanted:,}")]
            if one.design.size < _NOTICED_BELOW * one.design.wanted
        ]
        return tuple(notices)

    def _full_size(self) -> list[Notice]:
        """What reference models were trained on where attacks score a sample alone."""
        given = len(self._data.members) + len(self._data.non_members)
        if given == self._data.scored:
            return []
        sizes = " and ".join(
            f"{DRAWS[attacker]} on {one.design.size:,}" for attacker, one in self._trained.items()
        )
        return [
            Notice(
                "references_beyond_sample",
                f"Attacks score a sample of {self._data.scored:,} of {given:,} records; models were trained "
                f"on all of them: {sizes} records each, where the target was trained on "
                f"{len(self._data.members):,}. The sample widens intervals and moves figures neither way.",
            )
        ]

    def __call__(self, progress: Progress, *, attacker: Attacker = "candidates") -> ReferenceAnswers:
        """What the clones of an attacker answer about the pool.

        Raises
        ------
        Unsuited
            when none were asked for, the target cannot be cloned, or a clone not be trained.
        MemoryError, OutOfTime
            when these ran out, now or the first time: a second try would end alike.
        """
        if attacker in self._refusals:
            raise self._refusals[attacker]
        if attacker not in self._trained:
            try:
                self._trained[attacker] = self._train(attacker, progress)
            except (Unsuited, OutOfTime) as refusal:
                self._refusals[attacker] = refusal
                raise
            except MemoryError:
                self._refusals[attacker] = MemoryError()
                raise
        return self._trained[attacker].answers

    def _train(self, attacker: Attacker, progress: Progress) -> Trained:
        plan = self._plan
        if plan.models == 0:
            raise Unsuited(
                "The parameter reference_models is 0, so there are none to compare the model with."
            )
        if plan.recipe is None and np.ndim(self._data.x) <= _TABLE_AXES:
            raise Unsuited(NO_RECIPE)
        refitting = refitting_of(plan, self._data)
        rng = generator_for(plan.seed, DRAWS[attacker])
        draw = of_candidates if attacker == "candidates" else of_population
        design = draw(self._data, rounds=plan.models // 2, rng=rng)
        seconds = self._limit(design)
        trained = train(
            refitting,
            design,
            rng=rng,
            seconds=seconds,
            clock=self._clock,
            progress=progress,
            trainers=self._trainers,
        )
        rounds = trained.answers.rounds
        if seconds is None or rounds == len(design.rounds):
            return trained
        of_rounds, every = (sum(map(len, part)) for part in (design.rounds[:rounds], design.rounds))
        cut_short = (
            f"Within {seconds:g} seconds {of_rounds} of {every} {DRAWS[attacker]} were trained, each on as "
            "many records as with all of them; the attacks that use them would see more with all of them. "
            f"{self._remedy}"
        )
        return replace(trained, answers=replace(trained.answers, cut_short=cut_short))

    def _limit(self, design: Design) -> float | None:
        """Seconds after which no further round is begun; whole ones, so that like reports stay alike.

        Raises
        ------
        OutOfTime
            where not even one round is expected to end before.
        """
        most = self._most_seconds()
        if math.isinf(most):
            return None
        models = len(design.rounds[0])
        expected = self._seconds_a_model * math.ceil(models / self._trainers.at_once)
        if expected > most:
            raise OutOfTime(
                f"{NOT_AUDITED}: {models} reference models take about {readable(expected)}, and there were "
                f"{readable(max(most, 0.0))} for them. {self._remedy}"
            )
        return float(max(math.floor(most), 0))


_SMALLER: dict[Attacker, str] = {
    "candidates": (
        "There are fewer non-members than members, so each reference model was trained on {size} records, "
        "most of them members; the target was trained on {wanted}. Such models contain more of the target's "
        "training data, and the attacks that use them look stronger: by .01 to .05 of AUC where it was "
        "measured. Send as many non-members as members."
    ),
    "population": (
        "For the attacker who has other data, each reference model was trained on {size} records; the target "
        "was trained on {wanted}. With as many, this attacker's AUC would be up to .03 higher where it was "
        "measured. Add a population (population.csv, in Python population=) with twice as many records as "
        "there are members."
    ),
}
"""What smaller training sets do to the figures, measured in benchmarks/attackers.py."""


def refitting_of(plan: Plan, data: TrainingData) -> Refitting:
    """What trains the reference models of a plan.

    Raises
    ------
    Unsuited
        when the target cannot be cloned.
    """
    return Refitting.of(
        blank_clone(plan.recipe),
        plan.classes,
        data,
        form=plan.form,
        defences=plan.defences,
        like=plan.recipe,
        error_scale=plan.error_scale,
    )


def train(
    refitting: Refitting,
    design: Design,
    *,
    rng: np.random.Generator,
    progress: Progress,
    seconds: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    trainers: Trainers = HERE,
) -> Trained:
    """Train the models of a design and ask them about the pool, round by round.

    Parameters
    ----------
    rng
        seeds the models.
    seconds
        after how many no further round is begun, None for never.
    trainers
        who trains them.

    Raises
    ------
    Unsuited
        when a model cannot be trained.
    OutOfTime
        what `progress` raises before a round is done; after that the rounds that are done are kept.
    """
    rounds = design.rounds
    sets, fits = list(chain.from_iterable(rounds)), fits_of(design, rng)
    collected = Collected.of(design)
    at_once = -(-trainers.at_once // len(rounds[0]))
    batch = at_once * len(rounds[0])
    started, done = clock() if seconds is not None else 0.0, 0
    # warnings are silenced here, in one thread, for all: the filters belong to the whole process
    with (
        warnings.catch_warnings(action="ignore"),
        closing(trainers.answers(refitting, fits, batch=batch)) as answered,
    ):
        for number, (training_set, answers) in enumerate(zip(sets, answered, strict=True), start=1):
            collected.add(training_set, answers)
            ends_batch = number % batch == 0 or number == len(sets)
            if ends_batch:
                done = min(done + at_once, len(rounds))
            try:
                progress.report("training reference models", number / len(sets))
            except OutOfTime:
                if done == 0:
                    raise
                break
            if ends_batch and seconds is not None:
                elapsed = clock() - started
                if elapsed + elapsed * at_once / done > seconds:
                    break
    return Trained(collected.of_rounds(done), design, collected.accuracy_of(done))
