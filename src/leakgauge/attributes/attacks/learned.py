"""Attack model: which pattern of answers over all candidate values goes with the true one.

An attack model learns from records whose value is known, as in the attack of the Adversarial Robustness
Toolbox (Nicolae et al. 2018), but from the answers about *all* candidate values and the imputation, not from
the answer about the record as it is. Members are decided by a model of other members, non-members by one of
other non-members.
"""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from leakgauge.attributes.imputation import FOLDS
from leakgauge.attributes.protocol import Question
from leakgauge.progress import Progress
from leakgauge.targets.protocol import FloatArray

MOST_PAIRS = 20_000
"""Records × values that one attack model learns from."""


def weigh(question: Question, *, rng: np.random.Generator, progress: Progress) -> FloatArray:
    """(n, k) log-odds that the value is the record's own."""
    n, values = question.labels.shape
    pairs = _features(question)
    is_true = question.column.truth[:, None] == np.arange(values)
    found = np.zeros((n, values))
    sides = (question.records.member, ~question.records.member)
    # equally many records to learn from on either side
    most = min(
        MOST_PAIRS // values,
        *(int((side & (question.fold != k)).sum()) for side in sides for k in range(FOLDS)),
    )
    for side in sides:
        for number in range(FOLDS):
            progress.report("learning from answers", number / FOLDS)
            learned = np.flatnonzero(side & (question.fold != number))
            learned = rng.choice(learned, most, replace=False)
            asked = side & (question.fold == number)
            model = HistGradientBoostingClassifier(
                max_iter=30,
                learning_rate=0.15,
                max_leaf_nodes=8,
                min_samples_leaf=max(5, min(20, most // 10)),
                early_stopping=False,
                random_state=int(rng.integers(2**31)),
            )
            model.fit(pairs[learned].reshape(-1, pairs.shape[2]), is_true[learned].ravel())
            found[asked] = model.decision_function(pairs[asked].reshape(-1, pairs.shape[2])).reshape(
                -1, values
            )
    return found


def _features(question: Question) -> FloatArray:
    """(n, k, 7) of each record and value: imputation, answers, and how both compare with the other values."""
    p_y, confidence, imputed = question.p_y, question.confidence, question.imputed

    def ahead(numbers: FloatArray) -> FloatArray:
        """By how much each value is ahead of the best of the others."""
        ordered = np.sort(numbers, axis=1)
        best, second = ordered[:, -1:], ordered[:, -2:-1]
        return numbers - np.where(numbers == best, second, best)

    return np.stack(
        [imputed, ahead(imputed), p_y, ahead(p_y), confidence, ahead(confidence), question.right], axis=2
    )
