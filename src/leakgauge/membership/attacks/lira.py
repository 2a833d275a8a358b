"""The likelihood-ratio attack: is the target's confidence that of models trained on the record or not?

Source: Carlini, Chien, Nasr, Song, Terzis & Tramèr 2022, "Membership Inference
Attacks From First Principles", section V, algorithm 1 (online): with
φ = log(p_y / (1 − p_y)), the score is

    log N(φ(x); μ_in, σ²_in) − log N(φ(x); μ_out, σ²_out)

with means and variances over the reference models that were and were not
trained on the record.

Deviations
----------
Probabilities are clipped, at 1e-2 where the model answers with exact zeros: it
then counts votes, a forest of a hundred trees in steps of that very size, and
the odds of what no tree voted for are an accident. Models without zeros are
clipped at 1e-5, where most of what boosting gives away lies.

The paper takes one variance for all records below 64 models and one for each
above. Here each record's variance is shrunken towards the one for all, with the
weight of eight models, which passes from the one to the other without a step
(Smyth 2004, equation 4.1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from scipy.stats import norm

from leakgauge.attack_table import Unsuited
from leakgauge.membership.pool import Pool, ReferenceAnswers, SharedAnswers, true_label_probability
from leakgauge.membership.refitting import counts_votes
from leakgauge.progress import Progress
from leakgauge.report.model import Attacker
from leakgauge.targets.protocol import BoolArray, FloatArray

CLIPPED_VOTES = 1e-2
CLIPPED_ODDS = 1e-5
LEAST_MODELS = 4
"""Two trained on a record and two not: the fewest that have a variance."""
MODELS_OF_PRIOR = 8.0
LEAST_VARIANCE = 1e-6
MOST_HARD_ANSWERS = 0.99


def score(
    target: SharedAnswers,
    pool: Pool,
    *,
    rng: np.random.Generator,  # noqa: ARG001 -- the protocol's signature
    progress: Progress,
) -> FloatArray:
    """(n,) log-likelihood ratios.

    Raises
    ------
    Unsuited
        for a model that answers with 0 or 1 only, whose confidence follows no normal distribution,
        and for fewer than four reference models.
    """
    confidence, of_references, references = confidences(target, pool, "candidates", progress)
    return _ratios(confidence, of_references, references.trained_on)


def confidences(
    target: SharedAnswers, pool: Pool, attacker: Attacker, progress: Progress
) -> tuple[FloatArray, FloatArray, ReferenceAnswers]:
    """(n,) the target's confidence in each true label, (M, n) the reference models', and their answers.

    Raises
    ------
    Unsuited
        as `score`.
    """
    probabilities = target.probabilities(pool.x)
    references = target.reference_answers(progress, attacker=attacker)
    least = LEAST_MODELS * references.per_round // 2
    if len(references.p_y) < least:
        raise Unsuited(
            f"It takes {least} reference models' answers about each record to know how confidence varies; "
            f"there are {len(references.p_y)}."
        )
    if np.isin(references.p_y, (0.0, 1.0)).mean() > MOST_HARD_ANSWERS:
        raise Unsuited("The model answers with probabilities of 0 or 1 only, which have no likelihood ratio.")
    votes = counts_votes(float((probabilities == 0.0).mean()))
    clip = CLIPPED_VOTES if votes else CLIPPED_ODDS
    p_y = true_label_probability(probabilities, pool.y)
    return _confidence(p_y, clip), _confidence(references.p_y, clip), references


def log_likelihood_ratios(p_y: FloatArray, references: ReferenceAnswers, *, votes: bool) -> FloatArray:
    """(n,) the score from the target's own probabilities of the true labels; see `score`.

    Parameters
    ----------
    votes: whether the model counts votes, in steps that are the clip.
    """
    least = CLIPPED_VOTES if votes else CLIPPED_ODDS
    confidence = _confidence(p_y, least)
    of_references = _confidence(references.p_y, least)
    return _ratios(confidence, of_references, references.trained_on)


def _ratios(confidence: FloatArray, of_references: FloatArray, trained_on: BoolArray) -> FloatArray:
    inside, outside = (
        norm.logpdf(confidence, *normal(of_references, on)) for on in (trained_on, ~trained_on)
    )
    ratios: FloatArray = inside - outside
    return ratios


def _confidence(p_y: FloatArray | NDArray[np.float32], least: float) -> FloatArray:
    """Log-odds of the true label, from probabilities clipped at `least`."""
    odds: FloatArray = logit(np.clip(p_y.astype(np.float64), least, 1.0 - least))
    return odds


def normal(of_references: FloatArray, chosen: BoolArray) -> tuple[FloatArray, FloatArray]:
    """(n,) mean and (n,) standard deviation of the chosen models' confidence in each record.

    Parameters
    ----------
    of_references: (M, n) the reference models' confidence.
    chosen: (M, n) which of them count for each record, the same number for all.
    """
    models = int(chosen[:, 0].sum())
    mean: FloatArray = of_references.mean(axis=0, where=chosen)
    variance = of_references.var(axis=0, where=chosen, ddof=1)
    freedom = models - 1
    shrunken = (freedom * variance + MODELS_OF_PRIOR * variance.mean()) / (freedom + MODELS_OF_PRIOR)
    return mean, np.sqrt(np.maximum(shrunken, LEAST_VARIANCE))
