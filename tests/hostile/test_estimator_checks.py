"""Files whose names are all allowed, and that would lead compiled code astray, read files or never end."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from sklearn.base import clone
from sklearn.cluster import FeatureAgglomeration, KMeans
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.decomposition import NMF, KernelPCA, LatentDirichletAllocation
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import RandomizedSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, RadiusNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
)
from sklearn.random_projection import SparseRandomProjection
from sklearn.svm import SVC

from leakgauge.errors import LeakgaugeError, UnsafeModel, UnsupportedModel
from leakgauge.targets.sklearn.reading import load_model
from leakgauge.targets.sklearn.target import SklearnTarget

RANDOM = np.random.default_rng(0)
X = RANDOM.random((60, 4))
Y = np.tile([0, 1, 2], 20)
CODES = RANDOM.integers(0, 4, (60, 3))
TEXTS = [" ".join(RANDOM.choice(["aa", "bb", "cc", "dd"], 5)) for _ in Y]


def load(data: bytes, folder: Path) -> Any:
    (folder / "model").write_bytes(data)
    return load_model(folder / "model").estimator


def refused(model: Any, folder: Path) -> LeakgaugeError:
    with pytest.raises(LeakgaugeError) as caught:
        load(pickle.dumps(model), folder)
    return caught.value


def changed(model: Any, rows: Any, **attributes: Any) -> Any:
    """The fitted model with other attributes."""
    vars(model.fit(rows, Y)).update(attributes)
    return model


_hashing = partial(HashingVectorizer, n_features=64)


# --- reads files, calls functions, never ends ------------------------------------------------------


@pytest.mark.parametrize("way", ["filename", "file", "Filename", 1, None])
@pytest.mark.parametrize("kind", [CountVectorizer, TfidfVectorizer, _hashing])
def test_a_vectoriser_that_reads_files_is_refused_by_name(kind: Any, way: Any, tmp_path: Path) -> None:
    model = make_pipeline(kind(), LogisticRegression()).fit(TEXTS, Y)
    model[0].input = way
    error = refused(model, tmp_path)
    assert isinstance(error, UnsafeModel)
    assert error.problem == "refused_settings"
    assert type(model[0]).__name__ in error.message
    assert "reads files" in error.message


PATTERNS = {
    r"(?u)\b\w\w+\b": True,
    r"\S+": True,
    r"[a-zA-Z]{2,}": True,
    r"(?u)\b[a-z]+(?:'[a-z]+)?\b": True,
    r"\d{4}-\d{2}-\d{2}": True,
    r"(a+)+$": False,
    r"(a*)*b": False,
    r"(?:a|a)*b": False,
    r"(?:a|ab)+$": False,
    r"(a?){30}a{30}": False,
    "a?" * 30 + "a" * 30: False,
    r"\w*\w*\w*\w*x": False,
    r"(?:a{1,30}){1,30}": False,
    r"(\w)\1+": False,
    r"(?:(?=a+)b)*c": False,
    "a" * 1000: False,
}


@pytest.mark.parametrize(("pattern", "safe"), PATTERNS.items())
def test_patterns_that_may_take_exponential_time_are_refused(
    pattern: str, safe: bool, tmp_path: Path
) -> None:
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(TEXTS, Y)
    model[0].token_pattern = pattern
    if safe:
        load(pickle.dumps(model), tmp_path)
    else:
        error = refused(model, tmp_path)
        assert error.problem == "refused_settings"
        assert "exponential time" in error.message


def test_a_pattern_for_columns_is_looked_at_too(tmp_path: Path) -> None:
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = make_pipeline(
        make_column_transformer((StandardScaler(), make_column_selector(pattern="a|b"))),
        LogisticRegression(),
    ).fit(frame, Y)
    load(pickle.dumps(model), tmp_path)
    model[0].transformers[0][2].pattern = r"(a+)+$"
    assert refused(model, tmp_path).problem == "refused_settings"


def test_a_pattern_that_is_none_is_damaged(tmp_path: Path) -> None:
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(TEXTS, Y)
    for pattern in ("(", 5, b"a"):
        model[0].token_pattern = pattern
        assert refused(model, tmp_path).problem == "unreadable"


@pytest.mark.parametrize(
    ("model", "setting"),
    [
        (FunctionTransformer(f_classif), "func"),
        (FunctionTransformer(np.log1p, inverse_func=accuracy_score), "inverse_func"),
        (FunctionTransformer(np.ndarray), "func"),
        (FunctionTransformer(np.log1p, feature_names_out=np.log1p), "feature_names_out"),
        (FeatureAgglomeration(pooling_func=f_classif), "pooling_func"),
        (SelectKBest(np.mean), "score_func"),
        (KernelPCA(kernel=np.max), "kernel"),
        (KNeighborsClassifier(weights=np.exp), "weights"),
        (KNeighborsClassifier(metric=f_classif), "metric"),
        (CountVectorizer(analyzer=np.log1p), "analyzer"),
        (CountVectorizer(tokenizer=list), "tokenizer"),
        (CountVectorizer(preprocessor=np.ndarray), "preprocessor"),
        (make_scorer(f_classif), "_score_func"),
        (StandardScaler(copy=str), "copy"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_function_stands_only_where_it_may(model: Any, setting: str, tmp_path: Path) -> None:
    error = refused([model], tmp_path)
    assert error.problem == "refused_settings"
    assert type(model).__name__ in error.message
    assert setting in error.message


class Calls:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.function, self.arguments


def test_no_other_method_of_text_can_be_had(tmp_path: Path) -> None:
    assert load(pickle.dumps([str.lower, str.split]), tmp_path) == [str.lower, str.split]
    for owner, name in [(str, "format"), (str, "__class__"), (str, "mro"), (bytes, "lower"), (dict, "get")]:
        assert refused(Calls(getattr, owner, name), tmp_path).problem == "refused_globals"


def test_a_function_is_rebuilt_from_the_list_alone(tmp_path: Path) -> None:
    def named(module: str, name: str) -> bytes:
        return f"cnumpy.core\n_ufunc_reconstruct\n(V{module}\nV{name}\ntR.".encode()

    assert load(named("numpy.core.umath", "log1p"), tmp_path) is np.log1p
    for module, name in [("os", "system"), ("numpy", "load"), ("numpy.core.umath", "frompyfunc")]:
        with pytest.raises(UnsupportedModel):
            load(named(module, name), tmp_path)


def test_a_distribution_is_made_from_its_numbers_alone(tmp_path: Path) -> None:
    honest = RandomizedSearchCV(LogisticRegression(), {"C": scipy.stats.loguniform(0.1, 10)})
    drawn = load(pickle.dumps(honest), tmp_path).param_distributions["C"]
    assert drawn.args == (0.1, 10)
    assert 0.1 <= drawn.rvs(random_state=0) <= 10
    for change in ({"dist": "uniform"}, {"args": ("x",)}, {"kwds": {"loc": [1]}}, {"kwds": None}):
        frozen = scipy.stats.uniform(0, 1)
        vars(frozen).update(change)
        assert refused([frozen], tmp_path).problem == "unreadable"
    templated = scipy.stats.uniform(0, 1)
    vars(templated.dist)["_parse_arg_template"] = "raise SystemExit"
    assert load(pickle.dumps(templated), tmp_path).dist._parse_arg_template != "raise SystemExit"


# --- numbers that compiled code takes for granted ----------------------------------------------------


def _vectoriser(**vocabulary: Any) -> Any:
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(TEXTS, Y)
    model[0].vocabulary_.update(vocabulary)
    return model


def _one_hot(**attributes: Any) -> Any:
    encoder = OneHotEncoder(drop="first", min_frequency=12, handle_unknown="infrequent_if_exist").fit(CODES)
    vars(encoder).update(attributes)
    return encoder


def _far_sparse_component() -> Any:
    model = SparseRandomProjection(3, random_state=0).fit(X)
    model.components_.indices[:] = 10**6
    return model


def _spline() -> Any:
    model = SplineTransformer().fit(X)
    model.bsplines_[0].c = model.bsplines_[0].c[:1]
    return model


def _histograms(change: Callable[[Any], None]) -> Any:
    model = HistGradientBoostingClassifier(max_iter=2, categorical_features=[0], min_samples_leaf=2)
    change(model.fit(CODES, Y))
    return model


def _drops_a_column(model: Any) -> None:
    name, _transformer, columns = model._preprocessor.transformers_[1]
    model._preprocessor.transformers_[1] = (name, "drop", columns)


def _squeezes(model: Any) -> None:
    model._preprocessor.transformers_[1] = ("numerical", OneHotEncoder().fit(CODES[:, 1:]), [1, 2])


def _adds_up(model: Any) -> None:
    preparation = model._preprocessor.transformers_[1][1]
    preparation.func, preparation.kw_args = np.sum, {"axis": 1, "keepdims": True}


def _listed_vocabulary() -> Any:
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(TEXTS, Y)
    model[0].vocabulary_ = ["aa", "bb", "cc", "dd"]
    return model


def _mappings() -> Any:
    model = DictVectorizer().fit([{"a": 1, "b": 2}])
    model.vocabulary_["a"] = 10**6
    return model


BROKEN: dict[str, Callable[[], Any]] = {
    "a word far away": lambda: _vectoriser(aa=10**9),
    "a word before the first": lambda: _vectoriser(aa=-1),
    "two words in one place": lambda: _vectoriser(aa=1, bb=1),
    "a word between places": lambda: _vectoriser(aa=0.5),
    "a word without a place": lambda: _vectoriser(aa="x"),
    "a vocabulary of another kind": _listed_vocabulary,
    "mappings far away": _mappings,
    "no hashes": lambda: FeatureHasher(0),
    "hashes before the first": lambda: HashingVectorizer(n_features=-5),
    "too many hashes": lambda: HashingVectorizer(n_features=2**40),
    "dropped before the first": lambda: _one_hot(_drop_idx_after_grouping=np.array([-5, 0, 0], dtype=object)),
    "dropped behind the last": lambda: _one_hot(_drop_idx_after_grouping=np.array([9, 0, 0], dtype=object)),
    "fewer drops than columns": lambda: _one_hot(_drop_idx_after_grouping=np.array([0], dtype=object)),
    "more columns than codes": lambda: _one_hot(_n_features_outs=[9, 9, 9]),
    "groups far away": lambda: _one_hot(_default_to_infrequent_mappings=[np.array([0, 1, 2, 99])] * 3),
    "groups before it": lambda: _one_hot(_default_to_infrequent_mappings=[np.array([0, -1, 2, 1])] * 3),
    "categories out of order": lambda: _one_hot(categories_=[np.array([3, 1, 2, 0])] * 3),
    "one category too few": lambda: _one_hot(categories_=[np.array([0, 1, 2])] * 3),
    "rare ones far away": lambda: _one_hot(_infrequent_indices=[np.array([99])] * 3),
    "narrow centres": lambda: changed(KMeans(2, n_init=1), X, cluster_centers_=X[:2, :2]),
    "centres of objects": lambda: changed(KMeans(2, n_init=1), X, cluster_centers_=X[:2].astype(object)),
    "narrow components": lambda: changed(NMF(2), X, components_=X[:2, :2]),
    "flat components": lambda: changed(LatentDirichletAllocation(2), X, components_=X[0]),
    "clusters far away": lambda: changed(FeatureAgglomeration(2), X, labels_=np.array([0, 1, 0, 10**9])),
    "clusters before the first": lambda: changed(FeatureAgglomeration(2), X, labels_=np.array([0, -1, 0, 1])),
    "a degree of words": lambda: changed(PolynomialFeatures(), X, _max_degree="x"),
    "sparse components far away": _far_sparse_component,
    "a spline without coefficients": _spline,
    "trees of more features": lambda: changed(
        HistGradientBoostingClassifier(max_iter=2), X, n_features_in_=2
    ),
    "classes in a list": lambda: changed(KNeighborsClassifier(), X, classes_=[0, 1, 2]),
    "classes in a list, within a radius": lambda: changed(RadiusNeighborsClassifier(), X, classes_=[0, 1, 2]),
    "labels in a list": lambda: changed(KNeighborsClassifier(), X, _y=[10**9] * 60),
    "labels before the first": lambda: changed(KNeighborsClassifier(), X, _y=Y - 10**6),
    "several labels of one": lambda: changed(KNeighborsClassifier(), X, outputs_2d_=True),
    "a metric without a name": lambda: changed(KNeighborsClassifier(), X, metric="pyfunc"),
    "a metric's weights": lambda: changed(KNeighborsClassifier(), X, metric_params={"w": np.ones(2)}),
    "a metric's matrix": lambda: changed(
        KNeighborsClassifier(metric="mahalanobis", metric_params={"VI": np.eye(4)}),
        X,
        effective_metric_params_={"VI": np.eye(2)},
    ),
    "a metric's function": lambda: changed(KNeighborsClassifier(), X, metric_params={"func": 1}),
    "rows of objects": lambda: changed(KNeighborsClassifier(algorithm="brute"), X, _fit_X=X.astype(object)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_numbers_that_lead_astray_are_refused(name: str, tmp_path: Path) -> None:
    error = refused(BROKEN[name](), tmp_path)
    assert error.problem in ("unreadable", "refused_settings")


@pytest.mark.parametrize("depth", [1, 2])
def test_they_are_found_however_deep_they_lie(depth: int, tmp_path: Path) -> None:
    inner: Any = changed(KNeighborsClassifier(), X, classes_=[0, 1, 2])
    model = VotingClassifier([("a", GaussianNB()), ("b", KNeighborsClassifier())]).fit(X, Y)
    for _ in range(depth):
        model.estimators_[1] = inner
        inner, model = model, VotingClassifier([("a", GaussianNB()), ("b", GaussianNB())]).fit(X, Y)
    assert refused(inner, tmp_path).problem == "unreadable"


def test_precomputed_values_are_refused_by_name(tmp_path: Path) -> None:
    square = X[:, :2] @ X[:, :2].T
    for model in (SVC(kernel="precomputed"), KNeighborsClassifier(metric="precomputed")):
        error = refused(model.fit(np.abs(square), Y), tmp_path)
        assert error.problem == "refused_settings"
        assert "precomputed" in error.message


def test_a_pipelines_cache_is_left_alone(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    model = make_pipeline(StandardScaler(), LogisticRegression(), memory=joblib.Memory(str(cache), verbose=0))
    data = pickle.dumps(model.fit(X, Y))
    shutil.rmtree(cache)
    loaded = load(data, tmp_path)
    assert loaded.memory is None
    np.testing.assert_array_equal(clone(loaded).fit(X, Y).predict(X), model.predict(X))
    assert not cache.exists()


def test_what_is_looked_up_by_value_is_a_value(tmp_path: Path) -> None:
    nested: Any = ("a",)
    for _ in range(60):
        nested = (nested, nested)  # hashing it would take 2 to the 60 steps
    strange = np.empty(3, dtype=object)
    strange[:] = ["a", "b", nested]
    encoder = OneHotEncoder().fit(np.array([["a"], ["b"], ["c"]], dtype=object))
    encoder.categories_ = [strange]
    forest = RandomForestClassifier(2).fit(X, Y)
    forest.classes_ = strange
    for model in (encoder, forest):
        assert refused(model, tmp_path).problem == "unreadable"


# --- answers that compiled code takes for granted ----------------------------------------------------


def _boosting() -> Any:
    return GradientBoostingClassifier(n_estimators=2, init=LogisticRegression()).fit(X, Y)


def _asked(model: Any, folder: Path, rows: Any) -> Any:
    return SklearnTarget(load(pickle.dumps(model), folder)).probabilities(rows)


def test_a_first_guess_of_another_width_is_no_answer(tmp_path: Path) -> None:
    honest = _boosting()
    np.testing.assert_allclose(_asked(honest, tmp_path, X), honest.predict_proba(X), rtol=1e-12)
    narrow = _boosting()
    narrow.init_ = GaussianNB().fit(X, Y % 2)
    narrow.init_.classes_ = np.arange(3)  # three classes by name, two by answer
    with pytest.raises(UnsupportedModel) as caught:
        _asked(narrow, tmp_path, np.repeat(X, 50, axis=0))
    assert caught.value.problem == "prediction_failed"


@pytest.mark.parametrize("change", [_drops_a_column, _squeezes, _adds_up])
def test_prepared_rows_of_another_width_are_no_question(
    change: Callable[[Any], None], tmp_path: Path
) -> None:
    honest = _histograms(lambda model: None)
    np.testing.assert_allclose(_asked(honest, tmp_path, CODES), honest.predict_proba(CODES), rtol=1e-12)
    with pytest.raises(UnsupportedModel) as caught:
        _asked(_histograms(change), tmp_path, CODES)
    assert caught.value.problem == "prediction_failed"


def test_a_guarded_model_is_saved_and_cloned_as_itself(tmp_path: Path) -> None:
    guarded = load(pickle.dumps(_boosting()), tmp_path)
    assert type(guarded) is not GradientBoostingClassifier
    again = pickle.loads(pickle.dumps(guarded))
    assert type(again) is GradientBoostingClassifier
    np.testing.assert_array_equal(again.predict_proba(X), guarded.predict_proba(X))


def test_a_frozen_first_guess_answers_as_it_did(tmp_path: Path) -> None:
    first = FrozenEstimator(LogisticRegression().fit(X, Y))
    honest = GradientBoostingClassifier(n_estimators=2, init=first).fit(X, Y)
    np.testing.assert_allclose(_asked(honest, tmp_path, X), honest.predict_proba(X), rtol=1e-12)


@pytest.mark.parametrize("algorithm", ["brute", "kd_tree"])
def test_neighbours_within_a_radius_are_asked_with_rows_of_their_width(
    algorithm: str, tmp_path: Path
) -> None:
    model = make_pipeline(
        StandardScaler(), RadiusNeighborsClassifier(1.0, algorithm=algorithm).fit(X[:, :2], Y)
    )
    model[0].fit(X)
    with pytest.raises(UnsupportedModel) as caught:
        _asked(model, tmp_path, X)
    assert caught.value.problem == "prediction_failed"


@pytest.mark.parametrize("algorithm", ["brute", "kd_tree"])
def test_a_record_without_neighbours_gets_equal_probabilities(algorithm: str, tmp_path: Path) -> None:
    model = RadiusNeighborsClassifier(0.3, algorithm=algorithm).fit(X, Y)
    far = np.vstack([X[:5], X[:5] + 100])
    answers = _asked(model, tmp_path, far)
    np.testing.assert_array_equal(answers[:5], model.predict_proba(X[:5]))
    np.testing.assert_allclose(answers[5:], 1 / 3)
