"""The robust membership inference attack: does the target give the record more than its clones would?

Source: Zarifzadeh, Liu & Shokri 2024, "Low-Cost High-Power Membership Inference
Attacks", equations 2 and 4 and section 3.2. The pairwise test asks of how many
other records z the ratio

    LR(x, z) = [p_y(x) / p(x)] / [p_y(z) / p(z)],   p(x) = (p̄_in(x) + p̄_out(x)) / 2

exceeds γ; p_y is the target's probability of the true label, p̄_in and p̄_out
are its means over the reference models that were and were not trained on x
(the online attack).

Deviations
----------
With one population and one γ for all records, that share is a monotone function
of p_y(x) / p(x), so the ratio itself is the score and no pair is ever built.
The denominator is raised by 1e-3, below which a mean of a few coarse answers
means nothing.

Records that no clone tells apart get the same ratio; with a lone tree, whose
answers are 0 or 1, that is most of them. Such ties are broken by the mean p̄_out
of the record's class: what p̄_out would tend to if it were shrunken towards its
class, as empirical Bayes has it (Efron & Morris 1973). The lower it is, the
harder the class, and the more a right answer says. Nothing but ties is touched.

For a regressor p_y is the density of the true number around the prediction (`membership.residuals`),
so the score is a ratio of densities, and fifths of the numbers stand for classes.
"""

from __future__ import annotations

import numpy as np

from leakgauge.membership.pool import Pool, ReferenceAnswers, SharedAnswers
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray, IntArray

LEAST_PROBABILITY = 1e-3


def score(
    target: SharedAnswers,
    pool: Pool,
    *,
    rng: np.random.Generator,  # noqa: ARG001 -- the protocol's signature
    progress: Progress,
) -> FloatArray:
    """(n,) places of the records by ratio, equal ones by the hardness of their class; 0 for the smallest."""
    return places(target.likelihood(pool), target.reference_answers(progress), pool.strata)


def places(p_y: FloatArray, references: ReferenceAnswers, strata: IntArray) -> FloatArray:
    """(n,) the score from the target's own probabilities of the true labels; see `score`.

    Parameters
    ----------
    strata
        (n,) the class of each record, or the band of its number.
    """
    mean_in, mean_out = references.mean_in(), references.mean_out()
    ratio = p_y / ((mean_in + mean_out) / 2 + LEAST_PROBABILITY)
    return _places(ratio, -_mean_by_class(mean_out, strata))


def _mean_by_class(values: FloatArray, y: IntArray) -> FloatArray:
    """(n,) mean of `values` over the records that share the record's label."""
    means: FloatArray = (np.bincount(y, weights=values) / np.maximum(np.bincount(y), 1))[y]
    return means


def _places(first: FloatArray, second: FloatArray) -> FloatArray:
    """(n,) places in the ascending order by `first`, then by `second`; equal pairs share one place."""
    order = np.lexsort((second, first))
    steps = (np.diff(first[order]) > 0) | (np.diff(second[order]) > 0)
    places = np.empty(len(first))
    places[order] = np.concatenate([[0], np.cumsum(steps)])
    return places
