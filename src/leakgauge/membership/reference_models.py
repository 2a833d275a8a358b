"""Reference models: clones of the target, trained on halves of the pool.

What a clone that was trained on a record says of it, and what one that was not
says, is what RMIA and LiRA compare the target's own answer with (Carlini et al.
2022, section IV; Zarifzadeh, Liu & Shokri 2024, section 3). The clones come in
pairs on complementary halves, so that every record is in the training data of
exactly half of them. The halves are balanced over labels, so that a rare class
does not go missing from one for want of luck.

Deviation from the papers: the population that the clones are drawn from is the
pool itself, since an auditor has no other records of the same kind. Nothing
that is learned from a record's membership enters.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leakgauge.attack_table import Unsuited
from leakgauge.defences.output import Setting
from leakgauge.exhaustion import OutOfTime, ran_out, unlimited
from leakgauge.membership.frozen_parts import frozen_in
from leakgauge.membership.pool import Pool, ReferenceAnswers
from leakgauge.membership.refitting import Refitting, blank_clone
from leakgauge.progress import Progress
from leakgauge.randomness import generator_for
from leakgauge.report.model import Notice
from leakgauge.targets.answer_forms import AnswerForm
from leakgauge.targets.model_graph import type_name
from leakgauge.targets.protocol import FloatArray, IntArray
from leakgauge.threads import one_processor_each, processors


@dataclass(frozen=True, slots=True)
class Plan:
    """What to train.

    Attributes
    ----------
    estimator:
        the fitted target, None where there is none to clone.
    classes:
        (n_classes,) its labels.
    models:
        how many clones; even, since they come in pairs; 0 for none.
    seconds:
        after how many seconds no further pair is begun, None for never.
    seed:
        seed of the halves and of the clones, whichever attack asks first.
    defences:
        what the target's answers pass through; the attacker puts the clones behind as much of it
        as can be repeated, so that both are seen alike.
    form:
        what the target is asked for, and so the clones; None for probabilities.
    """

    estimator: Any
    classes: NDArray[Any]
    models: int
    seconds: float | None
    seed: int
    defences: tuple[Setting, ...] = ()
    form: AnswerForm | None = None


class ReferenceModels:
    """The reference models of one audit: trained when an attack first asks, and remembered.

    Parameters
    ----------
    clock:
        seconds from any start, never falling; only a plan with a limit looks at it.
    most_seconds:
        what the audit has time for when the training begins, whatever the plan allows.
    """

    def __init__(
        self,
        plan: Plan,
        pool: Pool,
        *,
        clock: Callable[[], float] = time.monotonic,
        most_seconds: Callable[[], float] = unlimited,
    ) -> None:
        self._plan = plan
        self._pool = pool
        self._clock = clock
        self._most_seconds = most_seconds
        self._answers: ReferenceAnswers | None = None
        self._refusal: Unsuited | MemoryError | OutOfTime | None = None
        self._accuracy = 0.0
        self._spent = 0.0
        self._hurried: float | None = None

    @property
    def seconds_left(self) -> float | None:
        """What training has left of the plan's seconds; None where they have no limit."""
        return None if self._plan.seconds is None else max(self._plan.seconds - self._spent, 0.0)

    @property
    def missing(self) -> str | None:
        """Why the model was compared with none; None where it was."""
        if self._answers is not None:
            return None
        if self._refusal is None:
            return "No attack that uses them was asked for."
        return ran_out(self._refusal) or str(self._refusal)

    @property
    def accuracy(self) -> float | None:
        """Mean accuracy of the models on the records that each was trained on; None without any."""
        return None if self._answers is None else self._accuracy

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What a reader must know: parts that were not trained again, models that found no time."""
        if self._answers is None:
            return ()
        notices = []
        frozen = [type_name(part.estimator) for part in frozen_in(self._plan.estimator)]
        if frozen:
            notices.append(
                Notice(
                    "frozen_part",
                    f"A part of the model is frozen: {', '.join(frozen)}. It learned from features and "
                    "from no label, so the reference models use it as it is and train all the rest.",
                )
            )
        if len(self._answers.p_y) < self._plan.models:
            seconds = self._plan.seconds if self._hurried is None else self._hurried
            remedy = "Raise time_budget" if self._hurried is None else "Give the audit more time"
            notices.append(
                Notice(
                    "fewer_reference_models",
                    f"Within {seconds:g} seconds {len(self._answers.p_y)} of {self._plan.models} "
                    "reference models were trained; the attacks that use them would see more with all of "
                    f"them. {remedy} to allow for that.",
                )
            )
        return tuple(notices)

    def __call__(self, progress: Progress) -> ReferenceAnswers:
        """The clones' answers about the pool.

        Raises
        ------
        Unsuited
            when none were asked for, the target cannot be cloned, or a clone not be trained.
        MemoryError, OutOfTime
            when these ran out, now or the first time: a second try would end alike.
        """
        if self._refusal is not None:
            raise self._refusal
        if self._answers is None:
            try:
                self._answers, self._accuracy, self._spent = _train(
                    self._hurriedly(), self._pool, self._clock, progress
                )
            except (Unsuited, OutOfTime) as refusal:
                self._refusal = refusal
                raise
            except MemoryError:
                self._refusal = MemoryError()
                raise
        return self._answers

    def _hurriedly(self) -> Plan:
        """The plan with as many seconds as the audit has; whole ones, so that like reports stay alike."""
        most = self._most_seconds()
        if most >= (math.inf if self._plan.seconds is None else self._plan.seconds):
            return self._plan
        self._hurried = float(max(math.floor(most), 0))
        return replace(self._plan, seconds=self._hurried)


def _train(
    plan: Plan, pool: Pool, clock: Callable[[], float], progress: Progress
) -> tuple[ReferenceAnswers, float, float]:
    """The answers, mean accuracy on own training records, and the seconds taken where these are counted."""
    if plan.models == 0:
        raise Unsuited("The parameter reference_models is 0, so there are none to compare the model with.")
    refitting = Refitting.of(
        blank_clone(plan.estimator),
        plan.classes,
        pool,
        form=plan.form,
        defences=plan.defences,
        like=plan.estimator,
    )
    rng = generator_for(plan.seed, "reference models")
    halves = paired_halves(pool.y, pairs=plan.models // 2, rng=rng)
    seeds = rng.integers(2**31, size=plan.models)

    def answers_of(model: int) -> tuple[FloatArray, float]:
        half = halves[model]
        answers = refitting.answers(half, seed=int(seeds[model]), what="half of the pool")
        return answers.p_y, float(answers.right[half].mean())

    p_y: list[FloatArray] = []
    accuracies: list[float] = []
    at_once = processors() + processors() % 2
    started, elapsed = clock() if plan.seconds is not None else 0.0, 0.0
    # warnings are silenced here, in one thread, for all: the filters belong to the whole process
    with warnings.catch_warnings(), one_processor_each(plan.models) as threads:
        warnings.simplefilter("ignore")
        while len(p_y) < plan.models:
            batch = range(len(p_y), min(len(p_y) + at_once, plan.models))
            for answer, accuracy in threads.map(answers_of, batch):
                p_y.append(answer)
                accuracies.append(accuracy)
                progress.report("training reference models", len(p_y) / plan.models)
            if plan.seconds is not None:
                elapsed = clock() - started
                if elapsed + elapsed * at_once / len(p_y) > plan.seconds:
                    break
    trained_on = np.zeros((len(p_y), len(pool)), dtype=np.bool_)
    for model in range(len(p_y)):
        trained_on[model, halves[model]] = True
    return ReferenceAnswers(np.stack(p_y), trained_on), float(np.mean(accuracies)), elapsed


def paired_halves(y: IntArray, *, pairs: int, rng: np.random.Generator) -> list[IntArray]:
    """Rows of each model: 2k and 2k + 1 share the pool out between them, and each label too."""
    halves = []
    for _ in range(pairs):
        shuffled = rng.permutation(len(y))
        by_label = shuffled[np.argsort(y[shuffled], kind="stable")]
        halves += [np.sort(by_label[0::2]), np.sort(by_label[1::2])]
    return halves
