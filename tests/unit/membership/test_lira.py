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

from leakgauge.attacks.row import Unsuited
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


def answers_with(leak, *, models, n=2000, spread=1.0, seed=0, sure=0.0):
    """A target's and its references' confidences, where `leak` (n,) is what training on a record adds."""
    rng = np.random.default_rng(seed)
    centre, member = sure + rng.normal(size=n), np.arange(n) < n // 2
    trained_on = np.argsort(rng.random((models // 2, 2, n)), axis=1).reshape(models, n) == 0
    confidence = centre + leak * trained_on + spread * rng.normal(size=(models, n))
    asked = centre + leak * member + spread * rng.normal(size=n)
    return asked, confidence, trained_on, member


def ratios(asked, confidence, trained_on):
    return lira.log_likelihood_ratios(
        expit(asked), ReferenceAnswers(expit(confidence), trained_on), votes=False
    )


def plain(asked, confidence, trained_on):
    """The paper's ratio, with each record's own means and one variance for all."""
    densities = [
        norm.logpdf(
            asked, confidence.mean(axis=0, where=on), np.sqrt(confidence.var(axis=0, where=on).mean())
        )
        for on in (trained_on, ~trained_on)
    ]
    return densities[0] - densities[1]


@pytest.mark.parametrize("seed", range(3))
def test_where_little_leaks_a_few_models_find_nearly_what_the_truth_would(seed) -> None:
    leak = np.full(2000, 0.3)
    *answers, member = answers_with(leak, models=16, seed=seed)
    centre = answers[1].mean(axis=0)
    found, best, papers = (
        area(scores, member) for scores in (ratios(*answers), answers[0] - centre, plain(*answers))
    )
    assert papers < best - 0.01  # or there would be nothing to mend
    assert found > best - 0.005


@pytest.mark.parametrize("seed", range(3))
def test_where_some_leak_much_and_others_nothing_the_records_are_kept_apart(seed) -> None:
    leak = np.where(np.random.default_rng(seed).random(2000) < 0.2, 6.0, 0.0)
    *answers, member = answers_with(leak, models=16, seed=seed)
    assert area(ratios(*answers), member) > area(plain(*answers), member) - 0.005


@pytest.mark.parametrize("seed", range(3))
def test_variances_that_differ_widely_are_each_records_own_and_equal_ones_are_one(seed) -> None:
    rng = np.random.default_rng(seed)
    chosen = np.ones((8, 3000), bool)
    equal = lira.predicted(rng.normal(size=(8, 3000)), chosen)
    widely = lira.predicted(rng.normal(size=(8, 3000)) * np.exp(rng.normal(size=3000)), chosen)
    assert equal.variance.std() < 0.1 * equal.variance.mean()
    assert widely.freedom.max() < 7 + 8 < equal.freedom.min()


def test_a_model_that_answers_all_its_own_records_alike_gives_them_away_by_that() -> None:
    asked, confidence, trained_on, member = answers_with(np.zeros(2000), models=16)
    confidence, asked = 5.0 - 0.3 * np.abs(confidence), 5.0 - 0.3 * np.abs(asked)
    confidence[trained_on], asked[member] = 5.0, 5.0
    assert area(ratios(asked, confidence, trained_on), member) > 0.995


@pytest.mark.parametrize("sure", [12.0, 25.0])
def test_answers_closer_to_one_than_any_clip_are_told_apart(sure) -> None:
    *answers, member = answers_with(np.full(2000, 3.0), models=16, sure=sure)
    far, near = ratios(*answers), ratios(answers[0] - sure, answers[1] - sure, answers[2])
    assert area(far, member) > area(near, member) - 0.01


def test_a_records_own_level_and_a_common_scale_change_nothing() -> None:
    asked, confidence, trained_on, _ = answers_with(np.ones(500), models=8, n=500)
    level = np.random.default_rng(1).uniform(-5, 5, size=500)
    expected = ratios(asked, confidence, trained_on)
    assert np.allclose(ratios(asked + level, confidence + level, trained_on), expected, atol=1e-5)
    assert np.allclose(ratios(2 * asked, 2 * confidence, trained_on), expected, atol=1e-5)


@pytest.mark.parametrize("models", [4, 6, 8, 14])
def test_who_was_trained_on_what_decides_the_sign_and_the_order_of_records_nothing(models) -> None:
    asked, confidence, trained_on, _ = answers_with(np.ones(500), models=models, n=500)
    expected = ratios(asked, confidence, trained_on)
    assert np.isfinite(expected).all()
    assert np.allclose(ratios(asked, confidence, ~trained_on), -expected)
    order = np.random.default_rng(1).permutation(500)
    assert np.allclose(ratios(asked[order], confidence[:, order], trained_on[:, order]), expected[order])


@pytest.mark.parametrize("number", [np.float32, np.float64])
@pytest.mark.parametrize("votes", [False, True])
@pytest.mark.parametrize("inside", [1.0, 0.0, 1.0 - 1e-12, 0.5])
def test_references_that_are_all_sure_of_their_own_records_leave_finite_scores(number, votes, inside) -> None:
    rng = np.random.default_rng(0)
    trained_on = np.arange(8)[:, None] % 2 == np.zeros(60, int)
    p_y = np.where(trained_on, inside, rng.random((8, 60))).astype(number)
    asked = rng.choice([0.0, 1e-12, 0.5, 1.0 - 1e-9, 1.0], size=60)
    assert np.isfinite(
        lira.log_likelihood_ratios(asked, ReferenceAnswers(p_y, trained_on), votes=votes)
    ).all()
    alike = np.full((8, 60), inside, number)
    assert np.isfinite(
        lira.log_likelihood_ratios(asked, ReferenceAnswers(alike, trained_on), votes=votes)
    ).all()


def test_one_zero_among_coarse_answers_is_no_evidence_of_its_own() -> None:
    asked, confidence, trained_on, _ = answers_with(np.ones(2000), models=16, sure=-5.0)
    coarse = np.clip(np.round(expit(confidence), 3), 1e-3, 1 - 1e-3)
    p_y = np.clip(np.round(expit(asked), 3), 1e-3, 1 - 1e-3)
    expected = lira.log_likelihood_ratios(p_y, ReferenceAnswers(coarse, trained_on), votes=False)
    coarse[:, ::100] = np.where(coarse[:, ::100] == 1e-3, 0.0, coarse[:, ::100])
    p_y[p_y == 1e-3] = 0.0
    assert (coarse == 0.0).any()
    assert (p_y == 0.0).any()
    scores = lira.log_likelihood_ratios(p_y, ReferenceAnswers(coarse, trained_on), votes=False)
    assert np.allclose(scores, expected)


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
    members, non_members = records(150, seed=0), records(150, seed=1)
    target, pool = referenced(model.fit(*members), members, non_members, models=8)
    scores = run(target, pool)
    assert np.isfinite(scores).all()
    assert area(scores, pool.member) > 0.52


def test_a_lone_tree_has_no_likelihood_ratio() -> None:
    members, non_members = records(100, seed=0), records(100, seed=1)
    target, pool = referenced(DecisionTreeClassifier().fit(*members), members, non_members, models=4)
    with pytest.raises(Unsuited, match="0 or 1 only"):
        run(target, pool)


def test_two_models_have_no_variance() -> None:
    members, non_members = records(100, seed=0), records(100, seed=1)
    target, pool = referenced(LogisticRegression().fit(*members), members, non_members, models=2)
    with pytest.raises(Unsuited, match="have fewer, of 2"):
        run(target, pool)


def test_a_constant_model_gets_finite_scores() -> None:
    members, non_members = records(100, seed=0), records(100, seed=1)
    model = LogisticRegression(C=1e-12).fit(*members)
    target, pool = referenced(model, members, non_members, models=4)
    assert np.isfinite(run(target, pool)).all()
