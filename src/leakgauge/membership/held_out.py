"""Attack models scored only on records they never saw.

A learned attack knows the membership of some records and infers it for others
(Shokri, Stronati, Song & Shmatikov 2017, section 5). Here the pool is cut into
folds; for each fold an attack model is trained on records of the others and
scores the fold, so that every record is scored exactly once, by a model that
never saw it. Scored on its own training rows an attack model can read 1.0
where it knows nothing.

Deviation from the paper: the attacker trains on known members and non-members
of the target itself instead of on shadow models. That is the stronger attacker
who already holds part of the data, and the one that the proportions describe.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import logit
from scipy.stats import rankdata

from leakgauge.attacks.row import Unsuited
from leakgauge.membership.pool import Pool, SharedAnswers, true_label_probability
from leakgauge.membership.protocol import Score
from leakgauge.progress import Progress
from leakgauge.targets.protocol import BoolArray, FloatArray, IntArray
from leakgauge.threads import one_processor_each

GREATEST_PERCENTAGE = 90
"""Nine folds of ten: what is left of the pool when one fold is held out."""
LEAST_KNOWN = 5
"""Known members, and as many non-members, below which there is nothing to learn from."""


@dataclass(frozen=True, slots=True)
class Split:
    """One fold: who is scored, and who is known to the attacker.

    `known_members` and `known_non_members` are as long as each other, so that
    an attack model sees balanced data however unequal the tables are.
    """

    test: IntArray
    known_members: IntArray
    known_non_members: IntArray
    seed: int

    @property
    def known(self) -> IntArray:
        """Positions of all known records."""
        return np.concatenate([self.known_members, self.known_non_members])


class AttackModel(Protocol):
    """Learns membership in each split from the records known there and infers it for the others."""

    def __call__(
        self, features: FloatArray, member: BoolArray, splits: Sequence[Split], *, progress: Progress
    ) -> Iterable[FloatArray]:
        """For each split, (m,) probability of membership of its m test records.

        Parameters
        ----------
        features
            (n, d) what is seen of every record of the pool.
        member
            (n,) of which only what a split knows may be read.
        """


class FoldModel(Protocol):
    """Learns membership from known records and infers it for unknown ones."""

    def __call__(self, known: FloatArray, member: BoolArray, unknown: FloatArray, *, seed: int) -> FloatArray:
        """(m,) probability of membership for (m, d) `unknown`, from (k, d) `known` and (k,) `member`."""


def fold_by_fold(fit_and_score: FoldModel) -> AttackModel:
    """An attack model that is trained anew for each split, for several at the same time."""

    def attack_model(
        features: FloatArray, member: BoolArray, splits: Sequence[Split], *, progress: Progress
    ) -> Iterator[FloatArray]:
        def score_fold(split: Split) -> FloatArray:
            return fit_and_score(
                features[split.known], member[split.known], features[split.test], seed=split.seed
            )

        with one_processor_each(len(splits)) as threads:
            for done, scores in enumerate(threads.map(score_fold, splits), start=1):
                progress.report("training attack models", done / len(splits))
                yield scores

    return attack_model


def folds_for(percentage: int) -> int:
    """Into how many folds the pool is cut when `percentage` of it is known: five where that is enough."""
    return 5 if percentage <= 80 else 10


def splits(member: BoolArray, *, percentage: int, rng: np.random.Generator) -> Iterator[Split]:
    """The splits of a pool, stratified by membership, with `percentage` of each side known.

    Where rounding leaves less than that outside a fold, all that is left is known.
    """
    folds = folds_for(percentage)
    shuffled = [rng.permutation(np.flatnonzero(side)) for side in (member, ~member)]
    smaller = min(len(side) for side in shuffled)
    known_per_side = min(smaller * percentage // 100, smaller - -(-smaller // folds))
    for held_out in range(folds):
        test, known = [], []
        for side in shuffled:
            fold = np.arange(len(side)) % folds
            test.append(side[fold == held_out])
            # rotated, so that a small share is made of other records in each fold
            known.append(np.roll(side[fold != held_out], -held_out * len(side) // folds)[:known_per_side])
        yield Split(np.concatenate(test), known[0], known[1], seed=int(rng.integers(2**31)))


def random_halves(member: BoolArray, *, rng: np.random.Generator) -> BoolArray:
    """(n,) True for a random half of the members and of the non-members."""
    first = np.zeros(len(member), dtype=np.bool_)
    for side in (member, ~member):
        where = rng.permutation(np.flatnonzero(side))
        first[where[: len(where) // 2]] = True
    return first


def attack_features(target: SharedAnswers, pool: Pool) -> FloatArray:
    """(n, d) what an attack model sees of every record."""
    if pool.holds_numbers:
        return features_of_numbers(target.predictions(pool.x), pool.y)
    return features_of_classes(target.probabilities(pool.x), np.asarray(pool.y, dtype=np.int64))


def features_of_numbers(predictions: FloatArray, y: FloatArray) -> FloatArray:
    """(n, 4) what an attack model sees of a regressor: ŷ, y, the residual y − ŷ and its size, each as a rank.

    Ranks, from above 0 to 1, since numbers and errors come in any unit and some of them may be huge.
    """
    residual = y - predictions
    columns = np.column_stack([predictions, y, residual, np.abs(residual)])
    ranks: FloatArray = rankdata(columns, axis=0) / len(y)
    return ranks


def features_of_classes(probabilities: FloatArray, y: IntArray) -> FloatArray:
    """(n, 2 · n_classes + 1) what an attack model sees: p, one-hot y, and the logit of p_y.

    The last column is a function of the others that networks and trees would
    have to learn first; it is clipped at 1e-3, below which a forest's answers
    are too coarse to mean anything.
    """
    p_y = np.clip(true_label_probability(probabilities, y), 1e-3, 1.0 - 1e-3)
    return np.column_stack([probabilities, np.eye(probabilities.shape[1])[y], logit(p_y)])


def held_out_scores(
    attack_model: AttackModel,
    features: FloatArray,
    member: BoolArray,
    *,
    percentage: int,
    rng: np.random.Generator,
    progress: Progress,
) -> FloatArray:
    """(n,) probability of membership for every record, by models that never saw it.

    Parameters
    ----------
    features
        (n, d) what the attack model sees of every record.
    percentage
        share of the pool known to the attacker, 1 to 90.

    Raises
    ------
    Unsuited
        when fewer than five members or non-members would be known.
    """
    every_split = list(splits(member, percentage=percentage, rng=rng))
    least = min(len(split.known_members) for split in every_split)
    if least < LEAST_KNOWN:
        raise Unsuited(
            f"{percentage} % of this pool leaves {least} known members to learn from; it takes {LEAST_KNOWN}"
        )

    scores = np.empty(len(member))
    for split, of_fold in zip(
        every_split, attack_model(features, member, every_split, progress=progress), strict=True
    ):
        scores[split.test] = of_fold
    return scores


def learned(attack_model: AttackModel) -> Score:
    """The membership attack that an attack model makes: trained on 90 %, scored out of fold."""

    def score(
        target: SharedAnswers, pool: Pool, *, rng: np.random.Generator, progress: Progress
    ) -> FloatArray:
        features = attack_features(target, pool)
        return held_out_scores(
            attack_model,
            features,
            pool.member,
            percentage=GREATEST_PERCENTAGE,
            rng=rng,
            progress=progress,
        )

    return score
