"""From evidence for candidate values to a posterior: the imputation weighed against what the model says.

A conditional logit (McFadden 1974): the chance of value v is

    softmax_v(a · log q_v + Σ_f b_f · s_vf)

with q the imputation and s the evidence. Its few weights are learned from other records of the same side:
who attacks members knows the value of some members, who attacks non-members that of some non-members.
Either side is attacked as well as it can be, so that what members lose beyond non-members is no weight that
suits members alone.
"""

from __future__ import annotations

import numpy as np

from leakgauge.attributes.imputation import FOLDS
from leakgauge.targets.protocol import BoolArray, FloatArray, IntArray

PULL = 1.0
"""By how much weights are drawn to those of the imputation alone, in records."""
STEPS = 25
"""Of Newton's method, which ends sooner where nothing moves."""
_STILL = 1e-6


def combined(
    imputed: FloatArray,
    evidence: FloatArray,
    truth: IntArray,
    member: BoolArray,
    fold: IntArray,
    *,
    rng: np.random.Generator,
) -> FloatArray:
    """(n, k) posterior of each candidate value.

    Parameters
    ----------
    imputed
        (n, k) probabilities without the model.
    evidence
        (n, k, f), higher = more likely; f may be 0, which scales the imputation alone.
    """
    inputs = np.concatenate([np.log(imputed)[:, :, None], _scaled(evidence)], axis=2)
    posterior = np.empty(imputed.shape)
    # equally many records to learn from on either side, so that neither has the better weights for that
    most = min(int((side & (fold != number)).sum()) for side in (member, ~member) for number in range(FOLDS))
    for side in (member, ~member):
        for number in range(FOLDS):
            learned = np.flatnonzero(side & (fold != number))
            if len(learned) > most:
                learned = np.sort(rng.choice(learned, most, replace=False))
            weights = _weights(inputs[learned], truth[learned])
            asked = side & (fold == number)
            posterior[asked] = _softmax(inputs[asked] @ weights)
    return posterior


def _scaled(evidence: FloatArray) -> FloatArray:
    """The evidence relative to its mean over the values of a record, of length 1 on average."""
    centred = evidence - evidence.mean(axis=1, keepdims=True)
    size = np.sqrt((centred**2).mean(axis=(0, 1)))
    scaled: FloatArray = centred / np.where(size > 0.0, size, 1.0)
    return scaled


def _weights(inputs: FloatArray, truth: IntArray) -> FloatArray:
    """(f + 1,) the weights at which the true values are likeliest."""
    weights = np.zeros(inputs.shape[2])
    weights[0] = 1.0
    start = weights.copy()
    of_truth = inputs[np.arange(len(truth)), truth]
    for _ in range(STEPS):
        chance = _softmax(inputs @ weights)
        mean = np.einsum("nk,nkf->nf", chance, inputs)
        gradient = (of_truth - mean).sum(axis=0) - PULL * (weights - start)
        spread = np.einsum("nk,nkf,nkg->fg", chance, inputs, inputs) - mean.T @ mean
        step = np.linalg.solve(spread + PULL * np.eye(len(weights)), gradient)
        weights = weights + np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < _STILL:
            break
    return weights


def _softmax(scores: FloatArray) -> FloatArray:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    found: FloatArray = raised / raised.sum(axis=1, keepdims=True)
    return found
