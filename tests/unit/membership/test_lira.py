"""LiRA is the likelihood ratio it says it is, and steps back where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from doubles import NoModel
from pools import records, referenced
from scipy.special import expit
from scipy.stats import norm
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from leakgauge.attack_table import Unsuited
from leakgauge.membership.attacks import lira
from leakgauge.membership.pool import Pool, ReferenceAnswers, SharedAnswers
from leakgauge.progress import Silent


def area(scores, member) -> float:
    wins = scores[member][:, None] - scores[~member][None, :]
    return float((wins > 0).mean() + (wins == 0).mean() / 2)


def run(target, pool):
    return lira.score(target, pool, rng=np.random.default_rng(0), progress=Silent())


class Stub(NoModel):
    classes = np.array([0, 1])
    queries = 0

    def __init__(self, p_y) -> None:
        self.answers = np.column_stack([p_y, 1 - p_y])

    def probabilities(self, x):
        return self.answers


def test_normal_confidences_give_their_own_likelihood_ratio() -> None:
    rng = np.random.default_rng(0)
    n, models = 300, 200
    centre, spread = rng.normal(size=n), rng.uniform(0.2, 1.0, size=n)
    trained_on = np.argsort(rng.random((models, n)), axis=0) < models // 2
    confidence = centre + trained_on + spread * rng.normal(size=(models, n))
    asked = centre + spread * rng.normal(size=n)
    pool = Pool(np.zeros((n, 1)), np.zeros(n, int), np.arange(n) < n // 2, np.arange(n))
    answers = ReferenceAnswers(expit(confidence).astype(np.float32), trained_on)
    target = SharedAnswers(Stub(expit(asked)), pool, references=lambda progress, **attacker: answers)
    truth = norm.logpdf(asked, centre + 1, spread) - norm.logpdf(asked, centre, spread)
    assert np.corrcoef(run(target, pool), truth)[0, 1] > 0.95


def test_zeros_are_votes_and_clip_higher_than_odds() -> None:
    trained_on = np.repeat([[True], [True], [False], [False]], 4, axis=1)
    of_references = np.array([[0.9] * 4, [0.8] * 4, [0.5] * 4, [0.4] * 4], np.float32)
    pool = Pool(np.zeros((4, 1)), np.zeros(4, int), np.arange(4) < 2, np.arange(4))
    answers = ReferenceAnswers(of_references, trained_on)

    def scores(p_y):
        return run(
            SharedAnswers(Stub(np.array(p_y)), pool, references=lambda progress, **attacker: answers), pool
        )

    votes = scores([1.0, 0.995, 0.99, 0.5])
    assert votes[0] == votes[1] == votes[2]
    odds = scores([0.9999, 0.995, 0.99, 0.5])
    assert len(set(odds)) == 4
    assert np.isfinite(odds).all()


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(30, random_state=0),
        GradientBoostingClassifier(n_estimators=20, random_state=0),
        LogisticRegression(C=100.0),
    ],
)
def test_scores_are_finite_and_point_the_right_way(model) -> None:
    members, subjects = records(150, seed=0), records(150, seed=1)
    target, pool = referenced(model.fit(*members), members, subjects, models=8)
    scores = run(target, pool)
    assert np.isfinite(scores).all()
    assert area(scores, pool.member) > 0.52


def test_a_lone_tree_has_no_likelihood_ratio() -> None:
    members, subjects = records(100, seed=0), records(100, seed=1)
    target, pool = referenced(DecisionTreeClassifier().fit(*members), members, subjects, models=4)
    with pytest.raises(Unsuited, match="0 or 1 only"):
        run(target, pool)


def test_two_models_have_no_variance() -> None:
    members, subjects = records(100, seed=0), records(100, seed=1)
    target, pool = referenced(LogisticRegression().fit(*members), members, subjects, models=2)
    with pytest.raises(Unsuited, match="there are 2"):
        run(target, pool)


def test_a_constant_model_gets_finite_scores() -> None:
    members, subjects = records(100, seed=0), records(100, seed=1)
    model = LogisticRegression(C=1e-12).fit(*members)
    target, pool = referenced(model, members, subjects, models=4)
    assert np.isfinite(run(target, pool)).all()
