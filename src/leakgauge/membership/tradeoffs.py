"""What a change would cost in accuracy and save in leakage, measured on the user's own data.

The model is trained again on the members, once as it is and once with each
standard change. Each of these models is attacked like the target, but quickly:
by its correct labels, by its loss, and by RMIA and LiRA with up to four
reference models that were trained with the same change. The strongest of these
attacks counts, with an interval corrected for their number. Accuracy is read on
the non-members, which no model saw that answers for them; a regressor's is the share
of them that it predicts within the tolerance of the report.

The knee is the change that lies furthest beyond the straight line between "as
accurate as the best of them" and "as discreet as the best of them", both scaled
to the range that was measured (Satopää, Albrecht, Irwin & Raghavan 2011,
"Finding a Kneedle in a Haystack"). Deviation: a range of less than five points is
not stretched, since it is mostly noise. A change is only named where it was shown
to lower the leak, at a confidence that is corrected for the number of changes.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Final, Self

import numpy as np

from leakgauge.attacks.row import Unsuited
from leakgauge.defences.output import Setting
from leakgauge.defences.retraining.variants import AS_IT_IS, Variant, variants_of
from leakgauge.estimates import (
    Estimate,
    area_difference,
    area_estimate,
    area_under_roc,
    confidence_for,
    proportion,
    share_difference,
)
from leakgauge.exhaustion import NOT_AUDITED, ran_out, release
from leakgauge.membership.attacks import lira, rmia
from leakgauge.membership.collected_answers import Collected
from leakgauge.membership.pool import Pool, ReferenceAnswers, SharedAnswers
from leakgauge.membership.reference_models import DRAWS
from leakgauge.membership.refitting import Answers, Refitting, blank_clone
from leakgauge.membership.trainers import HERE, Fit, Trainers, fits_of
from leakgauge.membership.training_sets import Design, TrainingData, of_candidates
from leakgauge.progress import Progress
from leakgauge.randomness import generator_for
from leakgauge.report.model import Tradeoffs, TriedChange
from leakgauge.targets.protocol import BoolArray, FloatArray

MOST_REFERENCES = 4
NO_TIME_LEFT: Final = "no time was left"
"""How it ends what is said of a change that there was no time for."""
LEAST_RANGE = 0.05
"""Accuracy and AUC count in units of the measured range, or of this where it is less."""
WORTH_LOWERING = 0.55
"""An AUC whose lower end is below this is no leak that a change could be shown to lower by much."""


@dataclass(frozen=True, slots=True)
class _Tried:
    """A change with the answers of the model it makes, and of that model's clones."""

    variant: Variant
    answers: Answers
    references: ReferenceAnswers


@dataclass(frozen=True, slots=True)
class _Attacked:
    """A change with the scores of the strongest quick attack on it."""

    variant: Variant
    right: BoolArray
    attack: str
    scores: FloatArray
    attacks: int


def tradeoffs(
    target: SharedAnswers,
    pool: Pool,
    data: TrainingData,
    *,
    seconds: float,
    seed: int,
    progress: Progress,
    defences: Sequence[Setting] = (),
    seconds_a_model: float = 0.0,
    trainers: Trainers = HERE,
    clock: Callable[[], float] = time.monotonic,
) -> Tradeoffs:
    """Try every standard change that the target has a setting for.

    Parameters
    ----------
    target
        its reference models are used again for the model as it is, as many as changes get.
    data
        what the reference models were trained on.
    seconds
        after how many no further change is begun; infinite for never.
    seed
        the audit's, of which the halves of the reference models come.
    defences
        what the target's answers pass through, and so those of the changed models.
    seconds_a_model
        what one model is expected to take; 0 where that is not known.
    trainers
        who trains the changed models.
    clock
        seconds from any start, never falling.
    """
    left_out: list[str] = []
    try:
        trainer = _Trainer.of(target, data, defences, trainers, seed=seed, progress=progress)
        tried = _try_all(trainer, seconds, seconds_a_model, clock, left_out, progress)
    except Unsuited as reason:
        return Tradeoffs((), 0, None, "", (), withheld=str(reason))
    attacked = [_attack(one, pool) for one in tried]
    measured = tuple(_measure(one, attacked[0], len(attacked) - 1, pool) for one in attacked)
    knee = _knee(measured)
    return Tradeoffs(
        changes=measured,
        reference_models=len(tried[0].references.p_y),
        knee=None if knee is None else knee.name,
        sentence=_sentence(measured, knee),
        left_out=tuple(left_out),
    )


@dataclass(frozen=True, slots=True)
class _Trainer:
    """Trains a variant of the target, and that variant's reference models.

    Attributes
    ----------
    references
        the target's own, as many as variants get.
    """

    blank: Any
    target: SharedAnswers
    data: TrainingData
    defences: Sequence[Setting]
    design: Design
    references: ReferenceAnswers
    trainers: Trainers
    seed_of_target: int
    seed_of_references: int

    @classmethod
    def of(
        cls,
        target: SharedAnswers,
        data: TrainingData,
        defences: Sequence[Setting],
        trainers: Trainers,
        *,
        seed: int,
        progress: Progress,
    ) -> Self:
        """The trainer of an audit's target.

        Raises
        ------
        Unsuited
            where it gives labels alone, cannot be trained again or has no reference models.
        """
        if target.gives == "labels":
            raise Unsuited("The model gives labels alone; the quick attacks read probabilities.")
        blank = blank_clone(target.recipe)
        every = target.reference_answers(progress)
        # the halves are drawn as those of the audit's own reference models: round by round the same
        rounds = min(every.rounds, MOST_REFERENCES // 2)
        design = of_candidates(data, rounds=rounds, rng=generator_for(seed, DRAWS["candidates"]))
        references = every.first(len(design.rounds))
        seeds = (int(drawn) for drawn in generator_for(seed, "changes").integers(2**31, size=2))
        return cls(blank, target, data, defences, design, references, trainers, *seeds)

    @property
    def at_a_time(self) -> int:
        """How many models each trainer has of a change."""
        return -(-(1 + sum(map(len, self.design.rounds))) // self.trainers.at_once)

    def as_it_is(self) -> _Tried:
        model = changed(self.blank, AS_IT_IS, self.target, self.data, self.defences)
        (answers,) = self.trainers.answers(model, [self._on_members("")], batch=1)
        return _Tried(AS_IT_IS, answers, self.references)

    def tried(self, variant: Variant) -> _Tried:
        model = changed(self.blank, variant, self.target, self.data, self.defences)
        rng = np.random.default_rng(self.seed_of_references)
        fits = [self._on_members(variant.name), *fits_of(self.design, rng, change=variant.name)]
        references = Collected.of(self.design)
        answers, *of_references = self.trainers.answers(model, fits, batch=len(fits))
        for training_set, one in zip(chain.from_iterable(self.design.rounds), of_references, strict=True):
            references.add(training_set, one)
        return _Tried(variant, answers, references.of_rounds(len(self.design.rounds)))

    def _on_members(self, change: str) -> Fit:
        everyone = np.arange(self.data.scored)
        return Fit(self.data.members, everyone, self.seed_of_target, "the members", change)


def changed(
    blank: Any, variant: Variant, target: SharedAnswers, data: TrainingData, defences: Sequence[Setting]
) -> Refitting:
    """What trains the untrained model `blank` with a change."""
    return Refitting.of(
        variant.apply(blank),
        target.classes,
        data,
        form=target.form,
        defences=defences,
        error_scale=target.error_scale,
    )


def _try_all(
    trainer: _Trainer,
    seconds: float,
    seconds_a_model: float,
    clock: Callable[[], float],
    left_out: list[str],
    progress: Progress,
) -> list[_Tried]:
    if seconds <= seconds_a_model:
        raise Unsuited(f"{NOT_AUDITED}: none was left to train the model again.")
    variants = variants_of(trainer.blank, gives=trainer.target.gives)
    if not variants:
        raise Unsuited("The model has no setting that a mitigation would make stricter.")
    started, longest = clock(), trainer.at_a_time * seconds_a_model
    # warnings are silenced here, in one thread, for all: the filters belong to the whole process
    with warnings.catch_warnings(action="ignore"):
        tried = [trainer.as_it_is()]
        for place, variant in enumerate(variants):
            progress.report(f"trying: {variant.title.lower()}", (place + 1) / (len(variants) + 1))
            if not variant.settings:
                tried.append(_rounded(tried[0], variant))
                continue
            before = clock()
            if before + longest > started + seconds:
                left_out.append(f"{variant.title}: {NO_TIME_LEFT}")
                continue
            try:
                tried.append(trainer.tried(variant))
            except (Unsuited, MemoryError) as error:
                left_out.append(f"{variant.title}: {ran_out(error) or error}")
                release(error)
                continue
            longest = max(longest, clock() - before)
    return tried


def _rounded(as_it_is: _Tried, variant: Variant) -> _Tried:
    """The same models with their answers rounded, which no label depends on."""
    decimals = variant.decimals or 0
    return _Tried(
        variant,
        replace(as_it_is.answers, p_y=np.round(as_it_is.answers.p_y, decimals), votes=True),
        replace(as_it_is.references, p_y=np.round(as_it_is.references.p_y, decimals)),
    )


def _attack(tried: _Tried, pool: Pool) -> _Attacked:
    """The strongest of the quick attacks."""
    p_y = tried.answers.p_y.astype(np.float64)
    scores = {
        "gap": tried.answers.right.astype(np.float64),
        "loss": p_y,
        "rmia": rmia.places(p_y, tried.references, pool.strata),
    }
    if len(tried.references.p_y) >= lira.LEAST_MODELS:
        scores["lira"] = (
            lira.log_likelihood_ratios_of_errors(p_y, tried.references)
            if pool.holds_numbers
            else lira.log_likelihood_ratios(p_y, tried.references, votes=tried.answers.votes)
        )
    areas = {name: area_under_roc(of_attack, pool.member) for name, of_attack in scores.items()}
    strongest = max(areas, key=areas.__getitem__)
    return _Attacked(tried.variant, tried.answers.right, strongest, scores[strongest], len(scores))


def _measure(one: _Attacked, as_it_is: _Attacked, changes: int, pool: Pool) -> TriedChange:
    right = one.right[~pool.member]
    first = one is as_it_is
    confidence = confidence_for(changes)
    return TriedChange(
        name=one.variant.name,
        title=one.variant.title,
        kind="as_it_is" if first else "training" if one.variant.settings else "output",
        accuracy=proportion(int(right.sum()), len(right)),
        attack=one.attack,
        leakage=area_estimate(one.scores, pool.member, confidence=confidence_for(one.attacks)),
        accuracy_difference=(
            None if first else share_difference(right, as_it_is.right[~pool.member], confidence=confidence)
        ),
        leakage_difference=(
            None
            if first
            else area_difference(one.scores, as_it_is.scores, pool.member, confidence=confidence)
        ),
    )


def _knee(measured: Sequence[TriedChange]) -> TriedChange | None:
    as_it_is, *others = measured
    if as_it_is.leakage.low < WORTH_LOWERING:
        return None
    accuracies = [change.accuracy.value for change in measured]
    areas = [change.leakage.value for change in measured]
    unit_of_accuracy = max(max(accuracies) - min(accuracies), LEAST_RANGE)
    unit_of_leakage = max(max(areas) - min(areas), LEAST_RANGE)

    def beyond(change: TriedChange) -> float:
        return change.accuracy.value / unit_of_accuracy - change.leakage.value / unit_of_leakage

    shown = [
        change
        for change in others
        if change.leakage_difference is not None and change.leakage_difference.high < 0
    ]
    best = max(shown, key=beyond, default=None)
    return best if best is not None and beyond(best) > beyond(as_it_is) else None


def _sentence(measured: Sequence[TriedChange], knee: TriedChange | None) -> str:
    as_it_is = measured[0]
    tried = f"{len(measured) - 1} {'change' if len(measured) == 2 else 'changes'}"
    if knee is None:
        if as_it_is.leakage.low < WORTH_LOWERING:
            return (
                f"As it is, the quick attacks see little (AUC {_area(as_it_is.leakage)}), "
                "so that no change has much to save."
            )
        return f"Of {tried} tried, none was shown to save a larger share of the leak than it costs."
    return (
        f"Of {tried} tried, “{_lower_first(knee.title)}” is the knee: it takes the AUC of the quick "
        f"attacks from {as_it_is.leakage.value:.2f} to {_area(knee.leakage)} and {_cost(knee)}."
    )


def _cost(knee: TriedChange) -> str:
    lost = knee.accuracy_difference
    if lost is None or lost.value == lost.low == lost.high == 0 or knee.kind == "output":
        return "changes no label"
    if lost.high < 0:
        return (
            f"costs {-100 * lost.value:.1f} points of accuracy ({-100 * lost.high:.1f} to "
            f"{-100 * lost.low:.1f})"
        )
    span = f"{100 * lost.low:+.1f} to {100 * lost.high:+.1f}"
    if lost.low > 0:
        return f"gains {100 * lost.value:.1f} points of accuracy ({span})"
    return f"makes no difference to accuracy that could be shown ({100 * lost.value:+.1f} points, {span})"


def _area(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


def _lower_first(text: str) -> str:
    return text[0].lower() + text[1:]
