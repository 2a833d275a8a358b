"""RMIA follows its ratio, breaks ties by the hardness of a class and by nothing else, and finds members."""

from __future__ import annotations

import numpy as np
import pytest
from doubles import NoModel
from pools import records, referenced
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from leakgauge.estimates import step_roc, true_positive_rate_at
from leakgauge.membership.attacks import loss, rmia
from leakgauge.membership.pool import Pool, ReferenceAnswers, SharedAnswers
from leakgauge.progress import Silent


class Stub(NoModel):
    """A target of two classes that answers what it is told to."""

    classes = np.array([0, 1])
    queries = 0

    def __init__(self, p_y, y) -> None:
        self.answers = np.where(
            y[:, None] == np.arange(2), np.array(p_y)[:, None], 1 - np.array(p_y)[:, None]
        )

    def probabilities(self, x):
        return self.answers


def scores_of(p_y, y, of_references, trained_on):
    y = np.asarray(y)
    pool = Pool(np.zeros((len(y), 1)), y, np.arange(len(y)) % 2 == 0, np.arange(len(y)) + 1)
    answers = ReferenceAnswers(np.asarray(of_references, np.float32), np.asarray(trained_on))
    target = SharedAnswers(Stub(p_y, y), pool, references=lambda progress, **attacker: answers)
    return rmia.score(target, pool, rng=np.random.default_rng(0), progress=Silent())


def area(scores, member) -> float:
    wins = scores[member][:, None] - scores[~member][None, :]
    return float((wins > 0).mean() + (wins == 0).mean() / 2)


def test_the_order_is_that_of_the_ratio() -> None:
    rng = np.random.default_rng(0)
    p_y, of_references = rng.random(40), rng.random((6, 40))
    trained_on = np.argsort(rng.random((6, 40)), axis=0) < 3
    scores = scores_of(p_y, np.zeros(40, int), of_references, trained_on)
    mean = of_references.astype(np.float32).astype(float).mean(axis=0)  # as many in as out: one mean of all
    assert np.array_equal(np.argsort(scores), np.argsort(p_y / (mean + 1e-3)))


def test_ties_fall_to_the_harder_class_and_only_ties() -> None:
    trained_on = np.repeat([[True], [False]], 6, axis=1)
    of_references = [[1, 1, 1, 1, 1, 1], [0, 1, 1, 0, 0, 1]]
    #            class 0 is the easier one: p_out 2/3, class 1: p_out 1/3
    y = [0, 0, 0, 1, 1, 1]
    scores = scores_of([1, 1, 1, 1, 1, 1], y, of_references, trained_on)
    assert scores[3] == scores[4] > scores[0] > scores[5] > scores[1] == scores[2]
    assert scores.min() == 0.0


def test_records_that_nothing_tells_apart_stay_tied() -> None:
    trained_on = np.repeat([[True], [False]], 4, axis=1)
    assert (scores_of([0.5] * 4, [1] * 4, [[0.5] * 4, [0.5] * 4], trained_on) == 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_it_beats_the_loss_on_a_forest_and_on_a_lone_tree(seed: int) -> None:
    members, non_members = records(600, seed=seed), records(600, seed=50 + seed)
    for model in (RandomForestClassifier(30, random_state=seed), DecisionTreeClassifier(random_state=seed)):
        target, pool = referenced(model.fit(*members), members, non_members, models=16)
        rng = np.random.default_rng(0)
        found = rmia.score(target, pool, rng=rng, progress=Silent())
        simple = loss.score(target, pool, rng=rng, progress=Silent())
        assert area(found, pool.member) > area(simple, pool.member) + 0.02


def test_a_lone_tree_leaks_at_few_false_alarms_too() -> None:
    # twenty classes of differing hardness, as the tie-break needs
    rng = np.random.default_rng(0)
    y = rng.integers(20, size=3000)
    x = rng.normal(size=(3000, 5)) * (0.2 + y[:, None] / 10) + np.eye(20)[y] @ rng.normal(size=(20, 5)) * 2
    members, non_members = (x[:1500], y[:1500]), (x[1500:], y[1500:])
    model = DecisionTreeClassifier(random_state=0).fit(*members)
    target, pool = referenced(model, members, non_members, models=8)
    scores = rmia.score(target, pool, rng=np.random.default_rng(0), progress=Silent())
    rate = true_positive_rate_at(step_roc(scores, pool.member), 0.01)
    assert rate.value is not None
    assert rate.value > 0.02


def test_a_target_that_saw_neither_table_is_not_called_leaky() -> None:
    members, non_members = records(500, seed=1), records(500, seed=2)
    model = RandomForestClassifier(20, random_state=0).fit(*records(500, seed=3))
    target, pool = referenced(model, members, non_members, models=8)
    scores = rmia.score(target, pool, rng=np.random.default_rng(0), progress=Silent())
    assert abs(area(scores, pool.member) - 0.5) < 0.06


def test_it_sends_every_record_once() -> None:
    members, non_members = records(60, seed=1), records(60, seed=2)
    target, pool = referenced(DecisionTreeClassifier().fit(*members), members, non_members, models=2)
    rmia.score(target, pool, rng=np.random.default_rng(0), progress=Silent())
    assert target.queries == 120
