"""The noise-robustness attack, for models that answer with a label and nothing else.

Source: Choquette-Choo, Tramèr, Carlini & Papernot 2021, "Label-Only Membership
Inference Attacks", section 4.3: the share of a record's noisy copies that still
get the true label measures its distance from the decision boundary, and records
that were trained on lie elsewhere than others.

Deviations
----------
The paper picks one strength of noise with shadow models and takes the larger
distance for the member's. Here copies are made at four strengths, fixed for all
models, and a logistic regression learns what each says, trained on other
records than it scores. That matters: where a model has memorised a record that
its neighbourhood contradicts, as deep trees do, a right label that little noise
overturns betrays a member, and the paper's order is upside down.

Where changed copies tell nothing, as with trees that are kept shallow, what is
learned from them is noise and would fall behind the bare label. So the bare label
is the score unless what was learned predicts membership better, out of fold and
by more than the standard error of its gain in log-likelihood. Each half of the
records decides that for the other, so that no record chooses its own score.

Binary features are swapped for another record's value instead of flipped, so
that one-hot and text columns stay valid.

Images get Gaussian noise on every pixel, and are moved by a pixel in each of the
four directions (the translations of section 4.2, at d = 1, where the paper finds
them best); what the moved copies are labelled is learned from like the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from leakgauge.attacks.row import Unsuited
from leakgauge.membership.held_out import GREATEST_PERCENTAGE, fold_by_fold, held_out_scores, random_halves
from leakgauge.membership.image_perturbations import MOVES, ImagePerturbations
from leakgauge.membership.perturbations import Perturbations
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.progress import Progress, Share
from leakgauge.targets.protocol import BoolArray, FloatArray

STRENGTHS = (0.05, 0.1, 0.2, 0.4)
"""Noise in units of a column's spread, and the probability of a swap."""
MOST_ROUNDS = 12
MOST_QUERIES = 100_000
"""Rows sent at most, but for the first round, which every pool gets."""
FEWEST_ROUNDS = 3
"""Rounds without which a service whose rows are limited is not asked: fewer tell too little."""


def fewest_rows(records: int) -> int:
    """How many rows it asks of a service whose rows are limited, at least."""
    return records * len(STRENGTHS) * FEWEST_ROUNDS


def fit_and_score(known: FloatArray, member: BoolArray, unknown: FloatArray, *, seed: int) -> FloatArray:  # noqa: ARG001 -- the protocol's signature
    """(m,) probability of membership; see `FoldModel`."""
    probability: FloatArray = LogisticRegression().fit(known, member).predict_proba(unknown)[:, 1]
    return probability


def score(target: SharedAnswers, pool: Pool, *, rng: np.random.Generator, progress: Progress) -> FloatArray:
    """(n,) probability of membership, learned from the labels of records and of their changed copies.

    The labels alone, 0 or 1, where the copies were of no help.

    Raises
    ------
    Unsuited
        for fewer members or non-members than there is something to learn from, and where nothing can be
        asked.
    """
    if pool.answers_only:
        raise Unsuited("It asks the model about changed copies of the records, and there are answers alone.")
    if pool.rows_left is not None and pool.rows_left < fewest_rows(len(pool)):
        raise Unsuited(
            "It asks the service about changed copies of the records, at least "
            f"{fewest_rows(len(pool)):,} rows, and only {pool.rows_left:,} of those that it may be asked "
            "about are left. Raise limits.rows in the settings of the service to run it."
        )
    right: FloatArray = (target.labels(pool.x) == pool.y).astype(np.float64)
    robustness = _robustness(target, pool, rng=rng, progress=Share(progress, 0.0, 0.9))
    # one sequence of folds for both, so that they are compared on equal terms
    seed = int(rng.integers(2**63))

    def learned_from(features: FloatArray, share: Progress) -> FloatArray:
        return held_out_scores(
            fold_by_fold(fit_and_score),
            _standardised(features),
            pool.member,
            percentage=GREATEST_PERCENTAGE,
            rng=np.random.default_rng(seed),
            progress=share,
        )

    plain = learned_from(right[:, None], Share(progress, 0.9, 0.95))
    learned = learned_from(np.column_stack([right, robustness]), Share(progress, 0.95, 1.0))
    helped = _helped(_log_likelihood(learned, pool.member) - _log_likelihood(plain, pool.member), pool, rng)
    if not helped.any():
        return right
    combined: FloatArray = np.where(helped, learned, plain)
    return combined


def _log_likelihood(probability: FloatArray, member: BoolArray) -> FloatArray:
    """(n,) log-likelihood of each record's membership."""
    likelihood: FloatArray = np.log(np.clip(np.where(member, probability, 1.0 - probability), 1e-12, None))
    return likelihood


def _helped(gain: FloatArray, pool: Pool, rng: np.random.Generator) -> BoolArray:
    """(n,) whether the mean gain of the other half is above its standard error."""
    first = random_halves(pool.member, rng=rng)
    helped = np.zeros(len(pool), dtype=np.bool_)
    for half in (first, ~first):
        others = gain[~half]
        helped[half] = others.mean() > others.std() / np.sqrt(len(others))
    return helped


def _robustness(
    target: SharedAnswers, pool: Pool, *, rng: np.random.Generator, progress: Progress
) -> FloatArray:
    """(n, strengths) share of a record's changed copies that still get its true label.

    For images there is one column more: the share of the copies that were moved by a pixel.
    """
    most = MOST_QUERIES if pool.rows_left is None else min(pool.rows_left, MOST_QUERIES)
    rounds = min(max(most // (len(pool) * len(STRENGTHS)), 1), MOST_ROUNDS)
    changed, moved = _changed_copies(pool, rng)
    right = np.zeros((len(pool), len(STRENGTHS)))
    for done in range(rounds):
        for place, strength in enumerate(STRENGTHS):
            right[:, place] += target.labels(changed(strength)) == pool.y
        progress.report("asking about changed copies", (done + 1) / rounds)
    if not moved:
        return right / rounds
    stayed = np.mean([target.labels(copies()) == pool.y for copies in moved], axis=0)
    return np.column_stack([right / rounds, stayed])


def _changed_copies(
    pool: Pool, rng: np.random.Generator
) -> tuple[Callable[[float], Any], tuple[Callable[[], Any], ...]]:
    """What makes copies of all records at a strength, and what moves them if they are images."""
    if pool.holds_images:
        images = ImagePerturbations.of(pool.x)
        return partial(images.copy, rng=rng), tuple(partial(images.moved, move) for move in MOVES)
    columns = Perturbations.of(pool.x)
    return lambda strength: columns.copy(noise=strength, swap=strength, rng=rng), ()


def _standardised(features: FloatArray) -> FloatArray:
    """The features in units of their spread over the pool, which tells nothing of membership."""
    spread = features.std(axis=0)
    spread[spread == 0] = 1.0
    scaled: FloatArray = (features - features.mean(axis=0)) / spread
    return scaled
