"""Decision scores in the form of probabilities: a column for every class, one scale for target and clones."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest
from pools import records
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.feature_selection import RFE
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    LogisticRegression,
    Perceptron,
    RidgeClassifier,
    RidgeClassifierCV,
    SGDClassifier,
)
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC, NuSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators

from leakgauge.targets.sklearn.answer_forms import NARROWEST, WIDEST, DecisionScores, class_scores, innermost
from leakgauge.targets.sklearn.target import SklearnTarget

X, Y = records(240, seed=0)
TWO = (Y > 0).astype(int)

SCORED = {
    "SVC": SVC(),
    "SVC of pairs": SVC(decision_function_shape="ovo"),
    "NuSVC": NuSVC(nu=0.2),
    "LinearSVC": LinearSVC(),
    "RidgeClassifier": RidgeClassifier(),
    "RidgeClassifierCV": RidgeClassifierCV(),
    "SGD, hinge": SGDClassifier(random_state=0),
    "Perceptron": Perceptron(random_state=0),
    "passive-aggressive": SGDClassifier(penalty=None, learning_rate="pa1", eta0=1.0, random_state=0),
    "one against one": OneVsOneClassifier(LinearSVC()),
    "one against the rest": OneVsRestClassifier(LinearSVC()),
    "Pipeline": make_pipeline(StandardScaler(), SVC(decision_function_shape="ovo")),
    "search": GridSearchCV(SVC(decision_function_shape="ovo"), {"C": [0.1, 1.0]}, cv=2),
    "frozen": FrozenEstimator(LinearSVC().fit(X, Y)),
    "stacking": StackingClassifier([("one", RidgeClassifier())], SVC(decision_function_shape="ovo"), cv=2),
    "elimination": RFE(LinearSVC(), n_features_to_select=4),
}


def fitted(model, y=Y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y)


@pytest.mark.parametrize("name", SCORED)
def test_a_model_without_probabilities_has_a_score_for_each_class(name: str) -> None:
    target = SklearnTarget(fitted(SCORED[name]))
    assert not target.has_probabilities
    assert target.gives == "labels"
    reading = target.reading_scores(X, Y)
    assert reading.gives == "scores"
    answers = reading.probabilities(X)
    assert answers.shape == (len(X), 3)
    assert np.allclose(answers.sum(axis=1), 1.0)
    # a support vector machine breaks ties between votes otherwise than its scores do
    assert (answers.argmax(axis=1) == reading.labels(X)).mean() > 0.95
    assert answers.min() > 0.0
    assert answers.max() < 1.0
    assert len(np.unique(answers[:, 0])) > len(X) / 2


@pytest.mark.parametrize("name", [name for name in SCORED if name != "frozen"])
def test_the_log_odds_of_two_classes_are_the_score_itself(name: str) -> None:
    model = fitted(SCORED[name], TWO)
    reading = SklearnTarget(model).reading_scores(X, TWO)
    asked = getattr(model, "best_estimator_", model)
    expected = 2.0 * asked.decision_function(X) / reading.form.scale
    assert np.allclose(logit(reading.probabilities(X)[:, 1]), expected, atol=1e-6)


def every_classifier():
    """Each classifier of scikit-learn that predicts one label, small and untrained."""
    takes = {"estimator": LinearSVC(), "estimators": [("one", LinearSVC())]}
    small = {"n_estimators": 3, "cv": 2}
    for name, kind in all_estimators("classifier"):
        if name in ("ClassifierChain", "MultiOutputClassifier"):
            continue
        parameters = inspect.signature(kind).parameters
        given = {
            each: value
            for each, value in (takes | small).items()
            if each in parameters and (each in small or parameters[each].default is inspect.Parameter.empty)
        }
        if name == "SelfTrainingClassifier":
            given["estimator"] = LogisticRegression()
        if name == "HistGradientBoostingClassifier":
            given["max_iter"] = 3
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of classes that are about to go
            yield name, kind(**given)


@pytest.mark.parametrize(("name", "model"), list(every_classifier()))
def test_every_classifier_gives_more_than_labels_or_is_known_not_to(name: str, model) -> None:
    of_two = name in ("FixedThresholdClassifier", "TunedThresholdClassifierCV")
    x, y = np.abs(X), TWO if of_two else Y
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        target = SklearnTarget(model.fit(x, y))
        reading = target.reading_scores(x, y)
    labels_alone = name in ("OutputCodeClassifier", "VotingClassifier")
    assert (reading.gives == "labels") == labels_alone
    if reading.form is not None:
        assert reading.probabilities(x).shape == (len(x), len(target.classes))


def test_pairs_of_three_classes_are_not_taken_for_classes() -> None:
    pairs = SVC(decision_function_shape="ovo").fit(X, Y)
    classes = SVC(decision_function_shape="ovr").fit(X, Y)
    assert pairs.decision_function(X).shape == classes.decision_function(X).shape
    assert np.allclose(class_scores(pairs, X), classes.decision_function(X))


def test_the_scale_is_the_one_that_fits_the_labels() -> None:
    rng = np.random.default_rng(0)
    margins = rng.normal(size=20_000)
    y = (rng.random(20_000) < expit(2.0 * margins / 0.7)).astype(int)
    for unit in (1e-6, 1.0, 1e9):  # scores have no unit
        found = DecisionScores.fitting(unit * np.column_stack([-margins, margins]), y)
        assert found.scale == pytest.approx(0.7 * unit, rel=0.1)


@pytest.mark.parametrize(
    "scores",
    [
        np.tile([[-5.0, 5.0]], (40, 1)),  # one answer for all
        np.zeros((40, 2)),
        np.column_stack([-np.linspace(-1, 1, 40), np.linspace(-1, 1, 40)]),  # told apart without fault
        np.column_stack([np.linspace(-1, 1, 40), -np.linspace(-1, 1, 40)]),  # always wrong
    ],
)
def test_the_scale_stays_within_reason(scores: np.ndarray) -> None:
    y = (np.arange(40) >= 20).astype(int)
    scale = DecisionScores.fitting(scores, y).scale
    spread = (scores[np.arange(40), y] - scores[np.arange(40), 1 - y]).std()
    assert np.isfinite(scale)
    assert scale > 0.0
    if spread:
        assert spread / WIDEST <= scale * 1.01
        assert scale <= spread / NARROWEST * 1.01


@pytest.mark.parametrize(
    "model",
    [
        VotingClassifier([("a", LinearSVC()), ("b", DecisionTreeClassifier())]),
        OutputCodeClassifier(LinearSVC(), random_state=0),
    ],
)
def test_what_has_no_scores_gives_labels_alone(model) -> None:
    target = SklearnTarget(model.fit(X, Y))
    assert target.reading_scores(X, Y) is target
    assert target.gives == "labels"


@pytest.mark.parametrize("model", [LogisticRegression(), CalibratedClassifierCV(LinearSVC(), cv=2)])
def test_what_has_probabilities_keeps_them(model) -> None:
    target = SklearnTarget(model.fit(X, Y))
    assert target.reading_scores(X, Y) is target
    assert target.gives == "probabilities"
    assert np.allclose(target.probabilities(X), model.predict_proba(X))


def test_a_threshold_of_its_own_moves_labels_and_no_score() -> None:
    model = FixedThresholdClassifier(LinearSVC(), threshold=0.5, response_method="decision_function")
    reading = SklearnTarget(model.fit(X, TWO)).reading_scores(X, TWO)
    assert reading.gives == "scores"
    assert np.allclose(logit(reading.probabilities(X)[:, 1]) > 0, model.decision_function(X) > 0)
    assert (reading.labels(X) == model.predict(X)).all()


class Scores(ClassifierMixin, BaseEstimator):
    """Says what it is told to."""

    def __init__(self, scores=None) -> None:
        self.scores = scores

    def fit(self, x, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, x):
        return self.classes_[np.zeros(len(x), dtype=int)]

    def decision_function(self, x):
        if self.scores is None:
            raise ZeroDivisionError
        return self.scores


FAR = np.zeros((len(X), 3))
FAR[0, 0] = np.inf
UNKNOWN = np.zeros((len(X), 3))
UNKNOWN[5, 1] = np.nan
OTHER_CLASS = np.tile([0.0, 0.0, 1.0], (len(X), 1))


@pytest.mark.parametrize(
    "scores",
    [
        None,
        FAR,
        UNKNOWN,
        OTHER_CLASS,
        np.zeros(len(X)),
        np.zeros((len(X), 4)),
        np.zeros((len(X) - 1, 3)),
        np.zeros((len(X), 3, 1)),
        np.full((len(X), 3), "far"),
        np.array(1.0),
    ],
    ids=["fails", "infinite", "nan", "of something else", "one", "four", "too few", "deep", "text", "scalar"],
)
def test_scores_that_fit_no_classes_are_left_alone(scores) -> None:
    target = SklearnTarget(Scores(scores).fit(X, Y))
    assert target.reading_scores(X, Y) is target


def test_the_search_for_the_inner_classifier_ends() -> None:
    inside = make_pipeline(LinearSVC())
    inside.steps[-1] = ("itself", inside)
    assert innermost(inside) is inside
