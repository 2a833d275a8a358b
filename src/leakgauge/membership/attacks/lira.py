"""The likelihood-ratio attack: is the target's confidence that of models trained on the record or not?

Source: Carlini, Chien, Nasr, Song, Terzis & Tramèr 2022, "Membership Inference
Attacks From First Principles", section V, algorithm 1 (online): with
φ = log(p_y / (1 − p_y)), the score is

    log p(φ(x) | in) − log p(φ(x) | out)

where both densities are normal, with means and variances over the reference
models that were and were not trained on the record.

Deviations
----------
The paper trains hundreds of models, and takes one variance for all records
below 64. With the eight or so on either side that an audit can pay, means and
variances are uncertain, and both are estimated by empirical Bayes:

- Each record's variance is shrunken towards the mean of all (Smyth 2004,
  equation 4.1). The weight of that mean is estimated from how much more the
  variances differ than those of normal samples would, by moments, since Smyth's
  logarithms do not bear variances of zero. What a shrunken variance predicts is
  Student's t in place of the normal (Smyth 2004, section 4; the BaVarIA-t of
  Brännvall 2026, "Exponential-Family Membership Inference").
- Where a model leaks little, the distance between the two means is mostly noise,
  and its sign is wrong for many records. It is shrunken towards the mean distance,
  in units of the record's own spread, as far as its reliability says (Kelley 1927;
  Efron & Morris 1973): the part of it that two independent halves of the models
  agree upon. Either mean moves in proportion to its variance.

Probabilities are clipped at 1e-2 where the model answers with exact zeros: it then
counts votes, a forest of a hundred trees in steps of that very size, and the odds
of what no tree voted for are an accident. Other models are clipped no more than
their rare zeros and ones need, which have no odds: they count as the least that any
other answer is away from 0 or 1. Much of what boosting leaks lies beyond 1 − 1e-5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from scipy.stats import t as student

from leakgauge.attacks.row import Unsuited
from leakgauge.membership.pool import Pool, ReferenceAnswers, SharedAnswers, true_label_probability
from leakgauge.membership.refitting import counts_votes
from leakgauge.progress import Progress
from leakgauge.report.model import Attacker
from leakgauge.targets.protocol import BoolArray, FloatArray, IntArray

CLIPPED_VOTES = 1e-2
LEAST_MODELS = 4
"""Two trained on a record and two not: the fewest that have a variance."""
LEAST_VARIANCE = 1e-6
LEAST_DIFFERENCE = 1e-3
"""Of variances, as their squared coefficient of variation, below which they count as equal."""
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
    confidence, of_references, references = confidences(target, pool, progress, attacker="candidates")
    return _ratios(confidence, of_references, references.trained_on)


def confidences(
    target: SharedAnswers, pool: Pool, progress: Progress, *, attacker: Attacker, least: float = 0.0
) -> tuple[FloatArray, FloatArray, ReferenceAnswers]:
    """(n,) the target's confidence in each true label, (M, n) the reference models', and their answers.

    Parameters
    ----------
    least
        at which probabilities of models that do not count votes are clipped at least.

    Raises
    ------
    Unsuited
        as `score`.
    """
    probabilities = target.probabilities(pool.x)
    references = target.reference_answers(progress, attacker=attacker)
    references.check(least=LEAST_MODELS // 2, trained=False)
    if attacker == "candidates":
        references.check(least=LEAST_MODELS // 2, trained=True)
    if np.isin(references.p_y, (0.0, 1.0)).mean() > MOST_HARD_ANSWERS:
        raise Unsuited("The model answers with probabilities of 0 or 1 only, which have no likelihood ratio.")
    votes = counts_votes(float((probabilities == 0.0).mean()))
    p_y = true_label_probability(probabilities, pool.y)
    return *_confidences(p_y, references.p_y, votes=votes, least=least), references


def log_likelihood_ratios(p_y: FloatArray, references: ReferenceAnswers, *, votes: bool) -> FloatArray:
    """(n,) the score from the target's own probabilities of the true labels; see `score`.

    Parameters
    ----------
    references
        at least two models on either side of each record, in pairs as they are trained.
    votes
        whether the model counts votes, in steps that are the clip.
    """
    confidence, of_references = _confidences(p_y, references.p_y, votes=votes)
    return _ratios(confidence, of_references, references.trained_on)


def _confidences(
    p_y: FloatArray, of_references: FloatArray, *, votes: bool, least: float = 0.0
) -> tuple[FloatArray, FloatArray]:
    """(n,) log-odds of the true label, and (M, n) the reference models'."""
    # rounded as the references' answers are, or the last digits would be evidence
    of_target = p_y.astype(of_references.dtype)
    clip = CLIPPED_VOTES if votes else max(least, min(_least(of_target), _least(of_references)))
    return _confidence(of_target, clip), _confidence(of_references, clip)


def _ratios(confidence: FloatArray, of_references: FloatArray, trained_on: BoolArray) -> FloatArray:
    inside = predicted(of_references, trained_on)
    outside = predicted(of_references, ~trained_on)
    correction = _correction(of_references, trained_on, inside.variance + outside.variance)
    share_of_inside = inside.variance / (inside.variance + outside.variance)
    inside = replace(inside, mean=inside.mean + correction * share_of_inside)
    outside = replace(outside, mean=outside.mean - correction * (1.0 - share_of_inside))
    return inside.log_density(confidence) - outside.log_density(confidence)


def _least(p_y: NDArray[np.floating[Any]]) -> float:
    """The smallest distance from 0 or 1 of answers that are neither, as far as numbers tell 1 apart."""
    distance = np.minimum(p_y, 1.0 - p_y)
    least = float(distance.min(where=distance > 0.0, initial=0.5))
    return max(least, float(np.finfo(np.float64).eps))


def _confidence(p_y: NDArray[np.floating[Any]], least: float) -> FloatArray:
    """Log-odds of the true label, from probabilities clipped at `least`."""
    odds: FloatArray = logit(np.clip(p_y.astype(np.float64), least, 1.0 - least))
    return odds


@dataclass(frozen=True, slots=True)
class Predicted:
    """What one more model is expected to say of each record: Student's t.

    Attributes
    ----------
    mean
        (n,) mean of the models.
    variance
        (n,) their variance, shrunken.
    models
        (n,) how many there are.
    freedom
        (n,) degrees of freedom: the models' own and the weight of the mean variance.
    """

    mean: FloatArray
    variance: FloatArray
    models: IntArray
    freedom: FloatArray

    @property
    def scale(self) -> FloatArray:
        """(n,) how far one more model may lie from the mean."""
        scale: FloatArray = np.sqrt(self.variance * (1.0 + 1.0 / self.models))
        return scale

    def log_density(self, confidence: FloatArray) -> FloatArray:
        """(n,) of the target's confidence in each record."""
        density: FloatArray = student.logpdf(confidence, self.freedom, self.mean, self.scale)
        return density


def predicted(of_references: FloatArray, chosen: BoolArray) -> Predicted:
    """What a model like the chosen ones would say.

    Parameters
    ----------
    of_references
        (M, n) the reference models' confidence.
    chosen
        (M, n) which of them count for each record, two at least.
    """
    models = chosen.sum(axis=0)
    freedom = models - 1
    variance = of_references.var(axis=0, where=chosen, ddof=1)
    common = float(variance.mean())
    weight = _weight_of_common(variance, freedom)
    shrunken = np.maximum((freedom * variance + weight * common) / (freedom + weight), LEAST_VARIANCE)
    return Predicted(of_references.mean(axis=0, where=chosen), shrunken, models, freedom + weight)


def _weight_of_common(variance: FloatArray, freedom: IntArray) -> float:
    """Smyth's d₀: of how many degrees of freedom the mean variance is worth.

    Sample variances have (1 + 2 / freedom) times the mean square of the true ones; true ones that
    follow his inverse χ² distribution have a squared coefficient of variation of 2 / (d₀ − 4).
    """
    squared_mean = max(float(variance.mean()) ** 2, LEAST_VARIANCE**2)
    of_samples = float((variance**2).mean()) / squared_mean
    of_truth = of_samples / (1.0 + 2.0 * float((1.0 / freedom).mean())) - 1.0
    return 4.0 + 2.0 / max(of_truth, LEAST_DIFFERENCE)


def _correction(of_references: FloatArray, trained_on: BoolArray, variances: FloatArray) -> FloatArray:
    """(n,) how much farther than observed the two means should lie apart.

    Parameters
    ----------
    variances
        (n,) the sum of both sides'.
    """
    unit = np.sqrt(variances / 2.0)
    distance = _distance(of_references, trained_on, ~trained_on) / unit
    # models come in pairs, one trained on the record and one not, which no half may part:
    # their errors depend on each other
    place = np.where(trained_on, trained_on.cumsum(axis=0), (~trained_on).cumsum(axis=0))
    pairs = np.minimum(trained_on.sum(axis=0), (~trained_on).sum(axis=0))
    first = place <= pairs // 2
    one, other = (
        _distance(of_references, trained_on & half, ~trained_on & half) / unit for half in (first, ~first)
    )
    agreed = float(np.mean((one - one.mean()) * (other - other.mean())))
    differences = float(distance.var())
    reliability = min(max(agreed / differences, 0.0), 1.0) if differences > 0.0 else 1.0
    correction: FloatArray = unit * (1.0 - reliability) * (distance.mean() - distance)
    return correction


def _distance(of_references: FloatArray, inside: BoolArray, outside: BoolArray) -> FloatArray:
    """(n,) mean over some models that were trained on the record, less that over some that were not."""
    mean = of_references.mean(axis=0, where=inside)
    distance: FloatArray = mean - of_references.mean(axis=0, where=outside)
    return distance
