"""Measured changes: honest about what they save and cost, about time, and about what cannot be tried."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from pools import records, referenced
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OutputCodeClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from leakgauge.defences.retraining.variants import ROUNDED, Variant
from leakgauge.estimates import Estimate
from leakgauge.exhaustion import NOT_AUDITED
from leakgauge.membership import tradeoffs
from leakgauge.membership.recommendations import _knee
from leakgauge.membership.training_sets import TrainingData
from leakgauge.progress import Silent
from leakgauge.report.model import Tradeoffs, TriedChange


class ScriptedClock:
    """Every look at it is ten seconds later."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 10.0
        return self.now


def tried(estimator, *, n=200, models=4, seconds=math.inf, seed=0, **more) -> Tradeoffs:
    members, non_members = records(n, seed=0), records(n, seed=1)
    target, pool = referenced(estimator.fit(*members), members, non_members, models=models, seed=seed)
    return tradeoffs.tradeoffs(
        target, pool, TrainingData.of(pool), seconds=seconds, seed=seed, progress=Silent(), **more
    )


@pytest.fixture(scope="module")
def of_a_forest() -> Tradeoffs:
    return tried(RandomForestClassifier(16, random_state=0))  # votes that one decimal rounds


def test_a_forest_that_memorises_is_shown_what_larger_leaves_save(of_a_forest: Tradeoffs) -> None:
    as_it_is, *others = of_a_forest.changes
    assert (as_it_is.kind, as_it_is.accuracy_difference, as_it_is.leakage_difference) == (
        "as_it_is",
        None,
        None,
    )
    assert as_it_is.leakage.low > 0.8
    leaves = {change.name: change for change in others}["min_samples_leaf=20"]
    assert leaves.leakage_difference is not None
    assert leaves.leakage_difference.high < -0.1
    assert leaves.leakage_difference.value == pytest.approx(leaves.leakage.value - as_it_is.leakage.value)
    assert leaves.accuracy_difference is not None
    assert leaves.accuracy_difference.value == pytest.approx(leaves.accuracy.value - as_it_is.accuracy.value)
    assert of_a_forest.reference_models == 4


def test_the_knee_is_one_that_was_shown_and_the_sentence_tells_its_figures(of_a_forest: Tradeoffs) -> None:
    knee = next(change for change in of_a_forest.changes if change.name == of_a_forest.knee)
    assert knee.leakage_difference is not None
    assert knee.leakage_difference.high < 0
    assert f"to {knee.leakage.value:.2f} (" in of_a_forest.sentence
    assert knee.title[1:] in of_a_forest.sentence
    assert "Of 6 changes tried" in of_a_forest.sentence


def test_rounding_trains_nothing_and_changes_no_label(of_a_forest: Tradeoffs) -> None:
    as_it_is, rounded = of_a_forest.changes[0], of_a_forest.changes[-1]
    assert rounded.kind == "output"
    assert rounded.accuracy == as_it_is.accuracy
    assert rounded.leakage.value < as_it_is.leakage.value


def test_the_same_seed_gives_the_same_figures() -> None:
    first, second = (tried(DecisionTreeClassifier(random_state=0), n=100) for _ in range(2))
    assert first == second
    assert first.changes != tried(DecisionTreeClassifier(random_state=0), n=100, seed=1).changes


def test_a_model_that_memorises_nothing_is_not_told_to_change() -> None:
    found = tried(DecisionTreeClassifier(max_depth=1, random_state=0))
    assert found.knee is None
    assert "see little" in found.sentence
    assert _knee(found) is None


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (OutputCodeClassifier(LinearSVC(), random_state=0), "labels alone"),
        (FrozenEstimator(LogisticRegression().fit(*records(200, seed=0))), "frozen"),
    ],
)
def test_what_cannot_be_tried_says_why(estimator, reason: str) -> None:
    found = tried(estimator)
    assert reason in (found.withheld or "")
    assert (found.changes, found.knee) == ((), None)


def test_without_reference_models_nothing_is_tried() -> None:
    assert "reference_models is 0" in (tried(LogisticRegression(), models=0).withheld or "")


def test_two_reference_models_are_enough() -> None:
    found = tried(DecisionTreeClassifier(random_state=0), models=2)
    assert found.reference_models == 2
    assert all(change.attack != "lira" for change in found.changes)


def test_what_there_was_no_time_for_is_named() -> None:
    # looks at the clock: the start, then before and after each change
    found = tried(RandomForestClassifier(5, random_state=0), seconds=25.0, clock=ScriptedClock())
    assert [change.name for change in found.changes] == ["as it is", "min_samples_leaf=5", "1 decimal"]
    assert len(found.left_out) == 3
    assert all("no time was left" in reason for reason in found.left_out)


def test_without_time_nothing_is_tried() -> None:
    found = tried(DecisionTreeClassifier(random_state=0), seconds=0.0)
    assert (found.withheld or "").startswith(NOT_AUDITED)


@pytest.mark.parametrize(
    ("low", "value", "high", "words"),
    [
        (-0.03, -0.02, -0.01, "costs 2.0 points of accuracy (1.0 to 3.0)"),
        (0.01, 0.02, 0.03, "gains 2.0 points of accuracy (+1.0 to +3.0)"),
        (-0.01, 0.02, 0.03, "no difference to accuracy that could be shown (+2.0 points, -1.0 to +3.0)"),
    ],
)
def test_what_a_change_costs_is_told_the_right_way_round(low, value, high, words: str) -> None:
    change = replace(at("a", 0.9, 0.6), accuracy_difference=Estimate(value, low, high, 100))
    assert words in tradeoffs._sentence([at("as it is", 0.9, 0.9), change], change)
    assert "Of 1 change tried" in tradeoffs._sentence([at("as it is", 0.9, 0.9), change], change)


def test_a_change_that_cannot_be_trained_is_named_and_the_rest_is_tried(monkeypatch) -> None:
    broken = Variant("max_depth=-1", "Trees of no depth", {"max_depth": -1})
    monkeypatch.setattr(tradeoffs, "variants_of", lambda _, **more: (broken, ROUNDED))
    found = tried(DecisionTreeClassifier(random_state=0))
    assert [change.kind for change in found.changes] == ["as_it_is", "output"]
    assert "Trees of no depth" in found.left_out[0]
    assert "cannot be trained again" in found.left_out[0]


def at(name: str, accuracy: float, leakage: float, *, shown: bool = True) -> TriedChange:
    difference = Estimate(-0.1, -0.2, -0.05 if shown else 0.1, 100)
    first = name == "as it is"
    return TriedChange(
        name,
        name,
        "as_it_is" if first else "training",
        Estimate(accuracy, accuracy, accuracy, 100),
        "rmia",
        Estimate(leakage, leakage, leakage, 100),
        None if first else difference,
        None if first else difference,
    )


@pytest.mark.parametrize(
    ("others", "knee"),
    [
        ([at("a", 0.90, 0.60), at("b", 0.70, 0.55)], "a"),  # most of the saving for a part of the cost
        (
            [at("a", 0.899, 0.85), at("b", 0.88, 0.60)],
            "b",
        ),  # a range of a point is not stretched to one of many
        ([at("a", 0.60, 0.80)], None),  # costs more than it saves
        ([at("a", 0.95, 0.60, shown=False)], None),  # luck, for all that is known
        ([at("a", 0.90, 0.95)], None),
        ([], None),
    ],
)
def test_the_knee_saves_more_than_it_costs(others: list[TriedChange], knee: str | None) -> None:
    found = tradeoffs._knee([at("as it is", 0.90, 0.90), *others])
    assert (found.name if found else None) == knee


def test_accuracy_is_that_of_the_non_members() -> None:
    found = tried(DecisionTreeClassifier(random_state=0)).changes[0]
    assert found.accuracy.n == 200
    assert found.accuracy.value < 0.8  # all members are judged right
    assert found.leakage.n == 400
