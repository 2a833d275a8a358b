"""The learned attack as the Adversarial Robustness Toolbox has it, for a peer's figure beside ours.

Source: Shokri et al. 2017, as `art.attacks.inference.membership_inference.
MembershipInferenceBlackBox` (Nicolae et al. 2018) implements it: a random forest on the
answer and the one-hot label, with the toolbox's own settings, which grow its trees to
purity. Needs the optional extra `reference`.

The toolbox is handed the answers, so it asks the target nothing; records are known and
held out as for our own attack models, since scored on what it was trained on it reads a
leak where there is none. Its forest has no seed of its own and is given one.
"""

from __future__ import annotations

import numpy as np

from leakgauge.membership.held_out import GREATEST_PERCENTAGE, fold_by_fold, held_out_scores
from leakgauge.membership.pool import Pool
from leakgauge.progress import Progress
from leakgauge.targets.protocol import BoolArray, FloatArray, Target

LIBRARY = "art"


def score(target: Target, pool: Pool, *, rng: np.random.Generator, progress: Progress) -> FloatArray:
    """(n,) probability of membership, scored out of fold.

    Raises
    ------
    Unsuited
        for fewer records than there is something to learn from.
    """
    answers = target.probabilities(pool.x)
    return held_out_scores(
        fold_by_fold(fit_and_score),
        np.column_stack([answers, np.eye(answers.shape[1])[pool.y]]),
        pool.member,
        percentage=GREATEST_PERCENTAGE,
        rng=rng,
        progress=progress,
    )


def fit_and_score(known: FloatArray, member: BoolArray, unknown: FloatArray, *, seed: int) -> FloatArray:
    """(m,) probability of membership; see `FoldModel`. Columns are the answer, then the one-hot label."""
    from art.attacks.inference.membership_inference import MembershipInferenceBlackBox
    from art.estimators.classification import BlackBoxClassifier

    n_classes = known.shape[1] // 2
    target = BlackBoxClassifier(_asks_nothing, input_shape=(n_classes,), nb_classes=n_classes)
    attack = MembershipInferenceBlackBox(target, attack_model_type="rf")
    attack.attack_model.set_params(random_state=seed)
    inside, outside = known[member], known[~member]
    attack.fit(
        pred=inside[:, :n_classes],
        y=inside[:, n_classes:],
        test_pred=outside[:, :n_classes],
        test_y=outside[:, n_classes:],
    )
    inferred = attack.infer(None, unknown[:, n_classes:], pred=unknown[:, :n_classes], probabilities=True)
    probability: FloatArray = np.asarray(inferred, dtype=np.float64)[:, -1]
    return probability


def _asks_nothing(x: FloatArray) -> FloatArray:
    """What the toolbox takes for the target; it is handed the answers and never calls this."""
    raise AssertionError(f"the toolbox asked the target about {len(x)} records")
