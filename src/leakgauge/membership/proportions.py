"""How the leak grows with what the attacker knows: the table of `output.csv`.

Every attack model is trained on 10 %, 20 %, ... of the pool and scores the rest
out of fold. A row of the table names the best of the models; which one that is
gets decided on one half of the records and its accuracy is read on the other
half, and the other way round, so that choosing the best does not flatter it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from leakgauge.attacks.row import Unsuited
from leakgauge.estimates import Estimate, balanced_accuracy, for_cross_fitting, proportion
from leakgauge.exhaustion import OutOfTime, ran_out, release
from leakgauge.extras import installed, not_installed
from leakgauge.membership.attacks import learned_gb, learned_nn, learned_rf
from leakgauge.membership.held_out import (
    GREATEST_PERCENTAGE,
    AttackModel,
    attack_features,
    folds_for,
    held_out_scores,
    random_halves,
)
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.membership.protocol import Attack
from leakgauge.progress import Progress, Share
from leakgauge.randomness import generator_for
from leakgauge.report.model import Notice, ProportionRow
from leakgauge.targets.protocol import BoolArray, FloatArray

ModelLabel = Literal["NN", "RF", "GB"]


@dataclass(frozen=True, slots=True)
class Learner:
    """An attack model of the table: the attack that it belongs to and its label there."""

    attack: str
    label: ModelLabel
    attack_model: AttackModel


LEARNERS: tuple[Learner, ...] = (
    Learner("learned_nn", "NN", learned_nn.attack_model),
    Learner("learned_rf", "RF", learned_rf.attack_model),
    Learner("learned_gb", "GB", learned_gb.attack_model),
)


@dataclass(frozen=True, slots=True)
class Proportions:
    """What was learned at each share.

    `best` has one row a percentage, `all` one a percentage and attack model;
    `decisions` holds the (n,) out-of-fold decisions behind each row of `best`;
    `cut_short` says what ran out where some could not be trained.
    """

    best: tuple[ProportionRow, ...]
    all: tuple[ProportionRow, ...]
    decisions: Mapping[int, BoolArray]
    cut_short: str | None = None


def leak_by_proportion(
    target: SharedAnswers,
    pool: Pool,
    *,
    percentages: Sequence[int],
    known_scores: Mapping[str, FloatArray],
    seed: int,
    progress: Progress,
) -> Proportions:
    """Train every attack model of the table on every share.

    Parameters
    ----------
    target
        asked about the pool.
    percentages
        shares of the pool known to the attacker, each 1 to 90.
    known_scores
        (n,) out-of-fold scores of the learned attacks at 90 %, by attack; only
        the attack models named here are trained, and these scores are used again.
    """
    learners = [learner for learner in LEARNERS if learner.attack in known_scores]
    features = attack_features(target, pool)
    first_half = random_halves(pool.member, rng=generator_for(seed, "halves"))
    best: list[ProportionRow] = []
    every: list[ProportionRow] = []
    best_decisions: dict[int, BoolArray] = {}
    steps = len(percentages) * len(learners)
    ended: Exception | None = None
    for place, percentage in enumerate(percentages):
        decisions: dict[str, BoolArray] = {}
        for number, learner in enumerate(learners):
            step = place * len(learners) + number
            if percentage == GREATEST_PERCENTAGE:
                scores = known_scores[learner.attack]
            elif isinstance(ended, OutOfTime):
                continue
            else:
                share = Share(progress, step / steps, (step + 1) / steps)
                try:
                    scores = _scores_at(percentage, learner, features, pool, seed=seed, progress=share)
                except Unsuited:
                    continue  # too few records at this share; the row is left out, larger ones follow
                except Exception as error:
                    if ran_out(error) is None:
                        raise
                    release(error)
                    ended = error
                    continue
            decisions[learner.attack] = scores >= 0.5
        if decisions:
            rows, winning, combined = _rows(percentage, learners, decisions, pool, first_half)
            every += rows
            best.append(winning)
            best_decisions[percentage] = combined
    return Proportions(tuple(best), tuple(every), best_decisions, ran_out(ended) if ended else None)


def absent_attack_models(attacks: Sequence[Attack]) -> list[Notice]:
    """What `attacks` would have added to the table, had their libraries been installed."""
    learners = {learner.attack for learner in LEARNERS}
    return [
        Notice(
            "attack_model_not_installed",
            f"The table lacks the rows of {attack.name}: {not_installed(attack.library)}",
        )
        for attack in attacks
        if attack.name in learners and attack.library is not None and not installed(attack.library)
    ]


def missing_shares(percentages: Sequence[int], proportions: Proportions) -> list[Notice]:
    """What the table lacks of the shares that were asked for, and why."""
    if proportions.cut_short is not None:
        reason = proportions.cut_short[0].lower() + proportions.cut_short[1:]
        return [
            Notice(
                "shares_cut_short",
                "The table lacks attack models that could not be trained at every share of the data. "
                f"Why the training ended: {reason}",
            )
        ]
    missing = [share for share in percentages if share not in proportions.decisions]
    if not missing:
        return []
    return [
        Notice(
            "shares_left_out",
            f"At {', '.join(f'{share} %' for share in missing)} of the data too few records are known to "
            "train an attack model; the table leaves these rows out.",
        )
    ]


def _scores_at(
    percentage: int, learner: Learner, features: FloatArray, pool: Pool, *, seed: int, progress: Progress
) -> FloatArray:
    """(n,) out-of-fold scores of an attack model that knows so much of the pool."""
    progress.report("training attack models", 0.0)
    rng = generator_for(seed, learner.attack)
    return held_out_scores(
        learner.attack_model, features, pool.member, percentage=percentage, rng=rng, progress=progress
    )


def _rows(
    percentage: int,
    learners: Sequence[Learner],
    decisions: Mapping[str, BoolArray],
    pool: Pool,
    first_half: BoolArray,
) -> tuple[list[ProportionRow], ProportionRow, BoolArray]:
    """The row of every attack model at one share; that of the best of them, and its (n,) decisions.

    The best one is chosen for each half of the records on the other half.
    """
    trained = [learner for learner in learners if learner.attack in decisions]
    rows = [_row(percentage, learner, decisions[learner.attack], pool) for learner in trained]
    chosen = _choose(decisions, pool.member, first_half)
    combined = np.where(first_half, decisions[chosen[True]], decisions[chosen[False]])
    named = max(rows, key=lambda row: row.attack_accuracy.value)
    winner = next(learner for learner in trained if learner.attack == named.attack)
    return rows, _row(percentage, winner, combined, pool), combined


def _row(percentage: int, learner: Learner, decisions: BoolArray, pool: Pool) -> ProportionRow:
    member = pool.member
    smaller_side = min(int(member.sum()), int((~member).sum()))
    right, folds = decisions == member, folds_for(percentage)

    def share_right(side: BoolArray) -> Estimate:
        return for_cross_fitting(proportion(int(right[side].sum()), int(side.sum())), folds)

    return ProportionRow(
        percentage=percentage,
        records=2 * round(smaller_side * percentage / 100),
        attack=learner.attack,
        attack_model=learner.label,
        member_accuracy=share_right(member),
        non_member_accuracy=share_right(~member),
        attack_accuracy=for_cross_fitting(balanced_accuracy(decisions, member), folds),
    )


def _choose(decisions: Mapping[str, BoolArray], member: BoolArray, first_half: BoolArray) -> dict[bool, str]:
    """For each half, the attack model that did best on the other half."""
    return {
        half: max(
            decisions,
            key=lambda attack: (
                balanced_accuracy(decisions[attack][first_half != half], member[first_half != half]).value
            ),
        )
        for half in (True, False)
    }
