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
from leakgauge.exhaustion import OutOfTime, ran_out, unlimited
from leakgauge.membership.frozen_parts import frozen_in
from leakgauge.membership.pool import ReferenceAnswers
from leakgauge.membership.refitting import Answers, Refitting, blank_clone
from leakgauge.membership.residuals import ErrorScale
from leakgauge.membership.trainers import HERE, Fit, Trainers
from leakgauge.membership.training_sets import (
    Design,
    TrainingData,
    TrainingSet,
    is_trained_on,
    of_candidates,
    of_population,
)
from leakgauge.progress import Progress
from leakgauge.randomness import generator_for
from leakgauge.report.model import Attacker, Notice
from leakgauge.targets.protocol import AnswerForm, BoolArray, FloatArray
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
    seconds
        after how many seconds no further round is begun, None for never.
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
    seconds: float | None
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
    seconds
        what training took, where that is counted.
    """

    answers: ReferenceAnswers
    design: Design
    accuracy: float | None
    seconds: float


class ReferenceModels:
    """The reference models of one audit: trained when an attack first asks, and remembered.

    Parameters
    ----------
    clock
        seconds from any start, never falling; only a plan with a limit looks at it.
    most_seconds
        what the audit has time for when the training begins, whatever the plan allows.
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
        trainers: Trainers = HERE,
    ) -> None:
        self._plan = plan
        self._data = data
        self._clock = clock
        self._most_seconds = most_seconds
        self._trainers = trainers
        self._trained: dict[Attacker, Trained] = {}
        self._refusals: dict[Attacker, Unsuited | MemoryError | OutOfTime] = {}
        self._hurried: float | None = None

    @property
    def seconds_left(self) -> float | None:
        """What training has left of the plan's seconds; None where they have no limit."""
        if self._plan.seconds is None:
            return None
        return max(self._plan.seconds - sum(one.seconds for one in self._trained.values()), 0.0)

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
        notices += self._fewer()
        notices += [
            Notice("small_reference_models", _SMALLER[attacker].format(size=size, wanted=wanted))
            for attacker, one in self._trained.items()
            for size, wanted in [(f"{one.design.size:,}", f"{one.design.wanted:,}")]
            if one.design.size < _NOTICED_BELOW * one.design.wanted
        ]
        return tuple(notices)

    def _fewer(self) -> list[Notice]:
        cut = [
            (DRAWS[attacker], one.design, one.answers.rounds)
            for attacker, one in self._trained.items()
            if one.answers.rounds < len(one.design.rounds)
        ]
        if not cut:
            return []
        seconds = self._plan.seconds if self._hurried is None else self._hurried
        remedy = "Raise time_budget" if self._hurried is None else "Give the audit more time"
        trained = " and ".join(
            f"{sum(map(len, design.rounds[:rounds]))} of {sum(map(len, design.rounds))} {what}"
            for what, design, rounds in cut
        )
        return [
            Notice(
                "fewer_reference_models",
                f"Within {seconds:g} seconds {trained} were trained; the attacks that use them would see "
                f"more with all of them. {remedy} to allow for that.",
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
        plan = self._hurriedly()
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
        return train(
            refitting,
            design,
            rng=rng,
            seconds=plan.seconds,
            clock=self._clock,
            progress=progress,
            trainers=self._trainers,
        )

    def _hurriedly(self) -> Plan:
        """The plan with as many seconds as the audit has; whole ones, so that like reports stay alike."""
        planned = self.seconds_left
        most = self._most_seconds()
        if most >= (math.inf if planned is None else planned):
            return replace(self._plan, seconds=planned)
        self._hurried = float(max(math.floor(most), 0))
        return replace(self._plan, seconds=self._hurried)


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
    """
    rounds = design.rounds
    sets = list(chain.from_iterable(rounds))
    seeds = rng.integers(2**31, size=len(sets)).tolist()
    fits = [Fit(one.rows, one.queried, seed, design.what) for one, seed in zip(sets, seeds, strict=True)]
    collected = _Collected.of(design)
    at_once = -(-trainers.at_once // len(rounds[0]))
    batch = at_once * len(rounds[0])
    started, elapsed, done = clock() if seconds is not None else 0.0, 0.0, 0
    # warnings are silenced here, in one thread, for all: the filters belong to the whole process
    with (
        warnings.catch_warnings(action="ignore"),
        closing(trainers.answers(refitting, fits, batch=batch)) as answered,
    ):
        for number, (training_set, answers) in enumerate(zip(sets, answered, strict=True), start=1):
            collected.add(training_set, answers)
            progress.report("training reference models", number / len(sets))
            if number % batch and number < len(sets):
                continue
            done = min(done + at_once, len(rounds))
            if seconds is not None:
                elapsed = clock() - started
                if elapsed + elapsed * at_once / done > seconds:
                    break
    return Trained(collected.of_rounds(done), design, collected.accuracy, elapsed)


@dataclass(frozen=True, slots=True)
class _Collected:
    """The answers of models as they come in; of rounds that are not trained there are none."""

    design: Design
    p_y: FloatArray
    trained_on: BoolArray
    accuracies: list[float]

    @classmethod
    def of(cls, design: Design) -> _Collected:
        shape = (design.places * len(design.rounds), design.scored)
        return cls(design, np.zeros(shape), np.zeros(shape, dtype=np.bool_), [])

    def add(self, training_set: TrainingSet, answers: Answers) -> None:
        own = is_trained_on(training_set)
        self.p_y[training_set.place, training_set.queried] = answers.p_y
        self.trained_on[training_set.place, training_set.queried] = own
        if own.any():
            self.accuracies.append(float(answers.right[own].mean()))

    def of_rounds(self, rounds: int) -> ReferenceAnswers:
        kept = self.design.places * rounds
        return ReferenceAnswers(self.p_y[:kept], self.trained_on[:kept], self.design.places)

    @property
    def accuracy(self) -> float | None:
        return float(np.mean(self.accuracies)) if self.accuracies else None
