from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import SelectFromModel, SelectKBest, f_classif
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    Perceptron,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC, LinearSVC, NuSVC
from sklearn.tree import DecisionTreeClassifier

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.protocol import Target
from leakgauge.targets.sklearn.reading import load_model
from leakgauge.targets.sklearn.target import SklearnTarget

X, Y = load_iris(return_X_y=True)
X, Y = X[::2], Y[::2]
NAMES = ("length", "width", "depth", "height")
FRAME = pd.DataFrame(X, columns=list(NAMES))
MIXED = FRAME.assign(city=pd.Series(["x", "y", "z"] * 25).astype(object))


def logistic() -> LogisticRegression:
    return LogisticRegression(max_iter=1000)


def saved(model: Any, folder: Path) -> SklearnTarget:
    """The model after a trip through a file."""
    joblib.dump(model, folder / "model.joblib", compress=3)
    return SklearnTarget(load_model(folder / "model.joblib").estimator)


def columns(numbers: Any, texts: Any, encoder: Any) -> ColumnTransformer:
    return ColumnTransformer([("numbers", StandardScaler(), numbers), ("texts", encoder, texts)])


ON_ARRAYS: dict[str, Any] = {
    "forest": RandomForestClassifier(5, random_state=0, n_jobs=2),
    "extra trees": ExtraTreesClassifier(5, random_state=0),
    "tree": DecisionTreeClassifier(random_state=0),
    "ada boost": AdaBoostClassifier(n_estimators=3, random_state=0),
    "gradient boosting": GradientBoostingClassifier(n_estimators=3, random_state=0),
    "gradient boosting from zero": GradientBoostingClassifier(init="zero", n_estimators=3),
    "histograms": HistGradientBoostingClassifier(max_iter=3),
    "bagging": BaggingClassifier(logistic(), n_estimators=3, max_features=0.5, n_jobs=2),
    "voting": VotingClassifier([("a", logistic()), ("b", GaussianNB())], voting="soft"),
    "stacking": StackingClassifier([("a", SVC()), ("b", GaussianNB())], cv=2, passthrough=True),
    "logistic": logistic(),
    "sgd": SGDClassifier(loss="log_loss", random_state=0),
    "nu svc": SVC(kernel="poly"),
    "neighbours": KNeighborsClassifier(weights="distance", metric="manhattan", algorithm="ball_tree"),
    "weighted minkowski": KNeighborsClassifier(
        metric="minkowski", p=3, metric_params={"w": np.array([1.0, 2.0, 3.0, 4.0])}, algorithm="ball_tree"
    ),
    "standardised": KNeighborsClassifier(
        metric="seuclidean", metric_params={"V": X.var(axis=0)}, algorithm="ball_tree"
    ),
    "network": MLPClassifier((4,), max_iter=400, random_state=0, tol=1e-2),
    "bernoulli": BernoulliNB(binarize=2.0),
    "multinomial": MultinomialNB(),
    "complement": ComplementNB(),
    "gaussian process": GaussianProcessClassifier(random_state=0),
    "one against the rest": OneVsRestClassifier(logistic()),
    "one against one": OneVsOneClassifier(logistic()),
    "calibrated": CalibratedClassifierCV(LinearSVC(), cv=2),
    "dummy": DummyClassifier(strategy="stratified"),
    "search": GridSearchCV(logistic(), {"C": [0.1, 1.0]}, cv=2),
    "random search": RandomizedSearchCV(SVC(), {"C": [0.1, 1.0, 10.0]}, n_iter=2, cv=2, random_state=0),
    "bins": make_pipeline(KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf"), logistic()),
    "polynomial": make_pipeline(PolynomialFeatures(2), StandardScaler(), logistic()),
    "power": make_pipeline(PowerTransformer(), logistic()),
    "quantiles": make_pipeline(QuantileTransformer(n_quantiles=10), logistic()),
    "splines": make_pipeline(SplineTransformer(), logistic()),
    "best": make_pipeline(SelectKBest(f_classif, k=2), logistic()),
    "from model": make_pipeline(SelectFromModel(RandomForestClassifier(3, random_state=0)), logistic()),
    "union": make_pipeline(FeatureUnion([("a", StandardScaler()), ("b", SimpleImputer())]), logistic()),
    "neighbours for gaps": make_pipeline(KNNImputer(), logistic()),
    "target encoder": make_pipeline(TargetEncoder(target_type="multiclass"), logistic()),
    "labels only: centroid": NearestCentroid(),
    "labels only: perceptron": Perceptron(),
    "labels only: ridge": RidgeClassifier(),
    "labels only: linear svc": LinearSVC(),
    "labels only: nu svc": NuSVC(),
    "labels only: hard vote": VotingClassifier([("a", logistic()), ("b", GaussianNB())]),
    "a random generator inside": RandomForestClassifier(3, random_state=np.random.RandomState(3)),
}
ON_FRAMES: dict[str, Any] = {
    "by name": make_pipeline(columns(["length", "width"], ["city"], OneHotEncoder()), logistic()),
    "by index": make_pipeline(columns(MIXED.columns[:3], MIXED.columns[4:], OrdinalEncoder()), logistic()),
    "by selector": make_pipeline(
        columns(
            make_column_selector(dtype_include=np.number),
            make_column_selector(dtype_include=object),
            OneHotEncoder(),
        ),
        RandomForestClassifier(3, random_state=0),
    ),
    "the rest passes": make_pipeline(
        ColumnTransformer([("texts", OneHotEncoder(), ["city"])], remainder="passthrough"), logistic()
    ),
    "sparse support vectors": make_pipeline(
        ColumnTransformer([("texts", OneHotEncoder(), ["city"])], sparse_threshold=1.0), SVC()
    ),
}


@pytest.mark.parametrize("kind", sorted(ON_ARRAYS))
def test_a_saved_model_answers_as_the_fitted_one(kind: str, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what scikit-learn says while fitting is not tested here
        model = ON_ARRAYS[kind].fit(X, Y)
        expected = model.predict(X)
        probabilities = model.predict_proba(X) if hasattr(model, "predict_proba") else None
    target = saved(model, tmp_path)
    if kind == "dummy":  # draws its answers: the same ones each time, in an audit
        np.testing.assert_array_equal(target.probabilities(X), target.probabilities(X))
    else:
        np.testing.assert_array_equal(target.classes[target.labels(X)], expected)
        if probabilities is not None:
            np.testing.assert_allclose(target.probabilities(X), probabilities, rtol=0, atol=1e-12)
    if kind.startswith("labels only") and kind != "labels only: centroid":
        assert not target.has_probabilities
    assert target.feature_names is None
    assert target.n_features == 4
    assert isinstance(target, Target)


@pytest.mark.parametrize("kind", sorted(ON_FRAMES))
def test_a_saved_model_of_frames_answers_as_the_fitted_one(kind: str, tmp_path: Path) -> None:
    model = ON_FRAMES[kind].fit(MIXED, Y)
    target = saved(model, tmp_path)
    assert target.feature_names == (*NAMES, "city")
    shuffled = MIXED.assign(extra=1)[["extra", "city", *reversed(NAMES)]].convert_dtypes()
    np.testing.assert_array_equal(
        target.labels(target.as_input(MIXED)), target.labels(target.as_input(shuffled))
    )
    np.testing.assert_array_equal(target.classes[target.labels(target.as_input(MIXED))], model.predict(MIXED))


def test_histograms_of_a_frame_with_categories(tmp_path: Path) -> None:
    frame = MIXED.assign(city=MIXED["city"].astype("category"))
    model = HistGradientBoostingClassifier(max_iter=3, categorical_features=["city"]).fit(frame, Y)
    target = saved(model, tmp_path)
    np.testing.assert_allclose(
        target.probabilities(target.as_input(frame)), model.predict_proba(frame), atol=1e-12
    )


def test_queries_are_counted_in_rows_over_both_methods_and_chunks() -> None:
    target = SklearnTarget(logistic().fit(X, Y), chunk_rows=7)
    whole = SklearnTarget(logistic().fit(X, Y)).probabilities(X)
    np.testing.assert_allclose(target.probabilities(X), whole, rtol=0, atol=1e-15)
    assert target.queries == len(X)
    target.labels(X[:10])
    assert target.queries == len(X) + 10


def test_no_rows_give_no_answers() -> None:
    target = SklearnTarget(logistic().fit(X, Y))
    assert target.probabilities(X[:0]).shape == (0, 3)
    assert target.labels(X[:0]).shape == (0,)
    assert target.queries == 0


@pytest.mark.parametrize(
    "labels", [np.array(["red", "green", "blue"]), np.array([2.0, -1.0, 7.0]), np.array([5, 3, 9])]
)
def test_labels_are_positions_in_the_classes(labels: NDArray[Any]) -> None:
    model = RandomForestClassifier(3, random_state=0).fit(X, labels[Y])
    target = SklearnTarget(model)
    positions = target.labels(X)
    assert positions.dtype == np.int64
    np.testing.assert_array_equal(target.classes[positions], model.predict(X))


def test_boolean_classes() -> None:
    target = SklearnTarget(logistic().fit(X, Y == 1))
    np.testing.assert_array_equal(target.classes, [False, True])
    assert set(target.labels(X).tolist()) == {0, 1}


def test_nothing_runs_on_several_threads_or_speaks_or_writes(tmp_path: Path) -> None:
    model = make_pipeline(
        StandardScaler(),
        BaggingClassifier(RandomForestClassifier(2, n_jobs=2, verbose=1), n_estimators=2, n_jobs=2),
        memory=str(tmp_path / "cache"),
        verbose=True,
    ).fit(X, Y)
    target = SklearnTarget(model)
    bagging = target.estimator[-1]
    # to scikit-learn None is one
    assert bagging.n_jobs is None
    assert bagging.estimator.n_jobs is None
    assert [tree.n_jobs for tree in bagging.estimators_] == [None, None]
    assert [tree.verbose for tree in bagging.estimators_] == [0, 0]
    assert target.estimator.verbose is False
    assert target.estimator.memory is None


def test_what_a_model_is_called() -> None:
    pipeline = make_pipeline(columns(["length"], ["city"], OneHotEncoder()), RandomForestClassifier(2)).fit(
        MIXED, Y
    )
    assert SklearnTarget(pipeline).type_name == "Pipeline(ColumnTransformer → RandomForestClassifier)"
    assert SklearnTarget(logistic().fit(X, Y)).type_name == "LogisticRegression"
    search = GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2]}, cv=2).fit(X, Y)
    assert SklearnTarget(search).type_name == "DecisionTreeClassifier"


class TestInput:
    def test_a_model_of_arrays_gets_an_array_in_c_order(self) -> None:
        target = SklearnTarget(logistic().fit(X, Y))
        given = target.as_input(FRAME)
        assert isinstance(given, np.ndarray)
        assert given.flags.c_contiguous
        np.testing.assert_array_equal(given, X)

    def test_a_model_of_frames_gets_its_columns_in_its_order(self) -> None:
        target = SklearnTarget(make_pipeline(StandardScaler(), logistic()).fit(FRAME, Y))
        given = target.as_input(FRAME[list(reversed(NAMES))])
        assert isinstance(given, pd.DataFrame)
        assert tuple(given.columns) == NAMES

    def test_missing_columns_are_named(self) -> None:
        target = SklearnTarget(logistic().fit(FRAME, Y))
        with pytest.raises(UnsupportedModel, match="width") as caught:
            target.as_input(FRAME.drop(columns="width"))
        assert caught.value.problem == "columns_do_not_fit"

    def test_a_wrong_number_of_columns_is_told(self) -> None:
        target = SklearnTarget(logistic().fit(X, Y))
        with pytest.raises(UnsupportedModel, match="4 columns, and the table has 3") as caught:
            target.as_input(FRAME.drop(columns="width"))
        assert caught.value.problem == "columns_do_not_fit"


class _Answers(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Says what it is told."""

    def __init__(self, probabilities: Any = None, labels: Any = None) -> None:
        self.probabilities, self.labels = probabilities, labels

    def fit(self, x: Any, y: Any) -> _Answers:
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, x: Any) -> Any:
        return np.tile(np.asarray(self.probabilities), (len(x), 1))

    def predict(self, x: Any) -> Any:
        return [self.labels] * len(x)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ([np.nan, 0.5, 0.5], "not_probabilities"),
        ([np.inf, 0.0, 0.0], "not_probabilities"),
        ([0.2, 0.2, 0.2], "not_probabilities"),
        ([-0.5, 1.0, 0.5], "not_probabilities"),
        ([0.0, 0.0, 0.0], "not_probabilities"),
        ([0.5, 0.5], "prediction_failed"),
        (["a", "b", "c"], "prediction_failed"),
    ],
)
def test_answers_that_are_no_probabilities_are_refused(answer: list[Any], problem: str) -> None:
    target = SklearnTarget(_Answers(answer).fit(X, Y))
    with pytest.raises(UnsupportedModel) as caught:
        target.probabilities(X)
    assert caught.value.problem == problem


def test_drift_is_taken_out() -> None:
    drifted = SklearnTarget(_Answers([0.5000001, 0.3, 0.2]).fit(X, Y)).probabilities(X)
    np.testing.assert_allclose(drifted.sum(axis=1), 1.0, rtol=0, atol=1e-15)


@pytest.mark.parametrize("label", ["never seen", [1, 2], None])
def test_labels_that_the_model_never_saw_are_refused(label: Any) -> None:
    target = SklearnTarget(_Answers(labels=label).fit(X, Y))
    with pytest.raises(UnsupportedModel) as caught:
        target.labels(X)
    assert caught.value.problem == "prediction_failed"


def test_a_failing_prediction_tells_no_values() -> None:
    target = SklearnTarget(logistic().fit(X, Y))
    secret = np.array([["secret", 1, 2, 3]], dtype=object)
    with pytest.raises(UnsupportedModel) as caught:
        target.probabilities(secret)
    assert caught.value.problem == "prediction_failed"
    assert "secret" not in caught.value.message + str(caught.value.body())


def _two_outputs() -> Any:
    return RandomForestClassifier(2).fit(X, np.column_stack([Y, Y]))


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        pytest.param(KMeans(2, n_init=1).fit(X), "not_a_classifier", id="clusterer"),
        pytest.param(StandardScaler().fit(X), "not_a_classifier", id="transformer"),
        pytest.param(
            make_pipeline(StandardScaler()).fit(X), "not_a_classifier", id="pipeline without a classifier"
        ),
        pytest.param(logistic(), "not_fitted", id="unfitted"),
        pytest.param(make_pipeline(StandardScaler(), logistic()), "not_fitted", id="unfitted pipeline"),
        pytest.param(GridSearchCV(logistic(), {}), "not_fitted", id="unfitted search"),
        pytest.param(_two_outputs(), "multi_output", id="two outputs"),
        pytest.param(
            MLPClassifier((2,), max_iter=300, tol=0.1).fit(X, np.column_stack([Y == 1, Y == 2]).astype(int)),
            "multi_output",
            id="many labels, network",
        ),
        pytest.param(
            OneVsRestClassifier(logistic()).fit(X, np.column_stack([Y == 1, Y == 2]).astype(int)),
            "multi_output",
            id="many labels",
        ),
        pytest.param(RandomForestClassifier(2).fit(X, np.zeros(len(X))), "single_class", id="one class"),
        pytest.param({"model": logistic()}, "not_a_model", id="mapping"),
        pytest.param([logistic()], "not_a_model", id="list"),
        pytest.param(None, "not_a_model", id="nothing"),
        pytest.param(X, "not_a_model", id="array"),
        pytest.param(RandomForestClassifier, "not_a_model", id="class"),
    ],
)
def test_what_is_no_fitted_classifier_is_refused_by_name(model: Any, problem: str) -> None:
    with pytest.raises(UnsupportedModel) as caught:
        SklearnTarget(model)
    assert caught.value.problem == problem


def test_labels_alone_are_told(tmp_path: Path) -> None:
    target = saved(RidgeClassifier().fit(X, Y), tmp_path)
    assert not target.has_probabilities
    with pytest.raises(UnsupportedModel) as caught:
        target.probabilities(X)
    assert caught.value.problem == "labels_only"
    assert target.queries == 0


def test_a_cross_validated_logistic_regression(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what scikit-learn says while fitting is not tested here
        model = LogisticRegressionCV(Cs=2, cv=2, max_iter=1000).fit(X, Y)
    target = saved(model, tmp_path)
    np.testing.assert_allclose(target.probabilities(X), model.predict_proba(X), rtol=0, atol=1e-12)
