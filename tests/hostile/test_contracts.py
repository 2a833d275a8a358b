"""Every cell of the table of what compiled code trusts: broken alone, in a fitted model, it is refused."""

from __future__ import annotations

import copy
import pickle
import signal
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imblearn.ensemble import BalancedRandomForestClassifier
from scipy import sparse
from sklearn import decomposition, linear_model, preprocessing
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import FeatureAgglomeration, KMeans
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    VotingClassifier,
)
from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.manifold import Isomap
from sklearn.model_selection import GridSearchCV, PredefinedSplit, RandomizedSearchCV
from sklearn.naive_bayes import CategoricalNB, GaussianNB
from sklearn.neighbors import (
    KDTree,
    KNeighborsClassifier,
    NeighborhoodComponentsAnalysis,
    RadiusNeighborsClassifier,
)
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators
from tests.support.own_process import fitted_again, outcome

from leakgauge.errors import LeakgaugeError
from leakgauge.targets.pickles.estimators import ESTIMATORS
from leakgauge.targets.sklearn.checks import estimators
from leakgauge.targets.sklearn.checks.contracts import ANY, Array
from leakgauge.targets.sklearn.checks.estimators import CONTRACTS, ROWS
from leakgauge.targets.sklearn.checks.settings import SETTINGS
from leakgauge.targets.sklearn.reading import load_model
from leakgauge.targets.sklearn.target import SklearnTarget

RANDOM = np.random.default_rng(0)
X = RANDOM.random((60, 4))
Y = np.tile([0, 1, 2], 20)
CODES = RANDOM.integers(0, 4, (60, 4)).astype(float)
WORDS = [" ".join(RANDOM.choice(["aa", "bb", "cc", "dd"], 5)) for _ in Y]

FAMILY = {
    name: family
    for family, modules in ESTIMATORS.items()
    for names in modules.values()
    for name in names.split()
}
KINDS = dict(all_estimators()) | {"BalancedRandomForestClassifier": BalancedRandomForestClassifier}


def load(data: bytes, folder: Path) -> Any:
    (folder / "model").write_bytes(data)
    return load_model(folder / "model").estimator


def refused(model: Any, folder: Path, what: str) -> LeakgaugeError:
    with pytest.raises(LeakgaugeError) as caught:  # noqa: PT012 (says what was not refused)
        load(pickle.dumps(model), folder)
        pytest.fail(f"{what} was not refused")
    assert caught.value.status == 422
    return caught.value


def accepted(model: Any) -> bool:
    """Whether the checks let it pass; whatever they raise, the file that it came from is refused for it."""
    try:
        estimators.check(model)
    except Exception:  # noqa: BLE001 (a file can make any step fail in any way)
        return False
    return True


# --- fitted models of every row ---------------------------------------------------------------------

_FAMILY_SETTINGS: Mapping[str, list[dict[str, Any]]] = {
    "forest": [{"n_estimators": 3}],
    "gradient_boosting": [{"n_estimators": 2}],
    "hist_gradient_boosting": [
        {"max_iter": 2, "min_samples_leaf": 2},
        {"max_iter": 2, "min_samples_leaf": 2, "categorical_features": [0, 1]},
    ],
    "neighbours": [
        {"algorithm": way, "radius": 9.0} for way in ("brute", "kd_tree", "ball_tree")
    ],
    "votes": [{"estimators": [("a", GaussianNB()), ("b", make_pipeline(GaussianNB()))]}],
    "one_hot": [{"drop": "first", "min_frequency": 12, "handle_unknown": "infrequent_if_exist"}],
    "agglomeration": [{"n_clusters": 2}],
    "centres": [{"n_clusters": 3}],
    "components": [{"n_components": 2}],
    "dictionary": [{"dictionary": X[:3]}],
}  # fmt: skip
_FAMILY_ROWS: Mapping[str, Any] = {
    "hist_gradient_boosting": CODES,
    "one_hot": CODES,
    "ordinal": CODES,
    "label_numbers": [{0, 1}, {2}],
    "vectorizer": WORDS,
    "hasher": WORDS,
}


@cache
def fitted(name: str) -> list[Any]:
    """Models of the estimator, one in each form that its compiled code takes."""
    family, kind = FAMILY[name], KINDS[name]
    rows = _FAMILY_ROWS.get(family, X)
    if name == "DictVectorizer":
        rows = [{"a": 1.0, "b": 2.0}]
    models = []
    for settings in _FAMILY_SETTINGS.get(family, [{}]):
        known = {setting: value for setting, value in settings.items() if setting in _settings_of(kind)}
        if name == "SVC":
            known["probability"] = True
        models.append(_fit(kind(**known), rows))
    if family == "support_vectors":
        models.append(_fit(kind(), sparse.csr_matrix(X)))
    if family == "neighbours" and is_classifier(kind()):
        models.append(kind(algorithm="kd_tree").fit(X, np.stack([Y, Y % 2], axis=1)))
    return models


def _settings_of(kind: Any) -> list[str]:
    return list(kind._get_param_names())


def _fit(model: Any, rows: Any) -> Any:
    takes_labels = len(rows) == len(Y) if not sparse.issparse(rows) else True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of settings on their way out, and of too few iterations
        return model.fit(rows, Y) if takes_labels else model.fit(rows)


# --- the ways to break an array -----------------------------------------------------------------------


def broken(table: Any, cell: Array, sizes: Mapping[str, int]) -> Iterator[tuple[str, Any]]:
    """Arrays that are not the one that was trusted, by what is wrong with them."""
    whole = table.toarray() if sparse.issparse(table) else table
    again = sparse.csr_matrix if sparse.issparse(table) else np.array
    yield "nothing", None
    yield "text", "x" * len(whole)
    yield "a list", whole.tolist()
    yield "objects", whole.astype(object)
    yield "texts", whole.astype(str)
    yield "another number of dimensions", whole[None]
    yield "no dimensions", np.array(1.0)
    for axis, length in enumerate(cell.shape):
        if length == ANY or not whole.size:
            continue
        yield f"longer in {axis}", again(np.concatenate([whole, whole], axis=axis))
        yield f"shorter in {axis}", again(np.delete(whole, -1, axis=axis))
        yield f"nothing in {axis}", again(np.delete(whole, slice(None), axis=axis))
    if sparse.issparse(table):
        yield "stored by columns", sparse.csc_matrix(whole)
        yield "stored by places", sparse.coo_matrix(whole)
        far = sparse.csr_matrix(whole)
        far.indices[-1] = 10**6
        yield "columns far away", far
    if cell.below is not None:
        for what, position in (("behind the last", sizes[cell.below]), ("before the first", -1)):
            moved = whole.copy()
            moved.flat[-1] = position
            yield what, moved


ARRAYS = [
    (name, cell) for name, family in sorted(FAMILY.items()) for cell in CONTRACTS[family].arrays
]  # fmt: skip


@pytest.mark.parametrize(("name", "cell"), ARRAYS, ids=lambda value: getattr(value, "attribute", value))
def test_an_array_that_is_another_than_was_trusted_is_refused(name: str, cell: Array, tmp_path: Path) -> None:
    for honest in fitted(name):
        load(pickle.dumps(honest), tmp_path)
        sizes = CONTRACTS[FAMILY[name]].sizes(honest)
        for what, array in broken(vars(honest)[cell.attribute], cell, sizes):
            if cell.may_be_empty and np.shape(array) == (0,) == np.shape(vars(honest)[cell.attribute]):
                continue  # as it was
            model = copy.copy(honest)
            setattr(model, cell.attribute, array)
            assert not accepted(model), what
        refused(model, tmp_path, "the last of them")


# --- the ways to break a rule -------------------------------------------------------------------------


def _set(attribute: str, *values: Any) -> list[Callable[[Any], None]]:
    return [lambda part, value=value: setattr(part, attribute, value) for value in values]


def _tree(change: Callable[[Any], None]) -> Callable[[Any], None]:
    return lambda part: change(part.tree_)


def _child_far(tree: Any) -> None:
    tree.children_left[0] = 10**6


def _child_before(tree: Any) -> None:
    tree.children_right[0] = 0


def _feature_far(tree: Any) -> None:
    tree.feature[0] = 4


def _feature_before(tree: Any) -> None:
    tree.feature[0] = -3


def _another_tree(part: Any) -> None:
    part.tree_ = DecisionTreeClassifier().fit(X[:, :3], Y).tree_


def _trees(change: Callable[[Any], Any]) -> Callable[[Any], None]:
    return lambda part: setattr(part, "estimators_", change(part.estimators_))


def _stages(change: Callable[[Any], Any]) -> Callable[[Any], None]:
    return lambda part: setattr(part, "estimators_", change(part.estimators_.copy()))


def _with(table: Any, place: Any, value: Any) -> Any:
    table[place] = value
    return table


def _other_tree() -> Any:
    return DecisionTreeClassifier(max_depth=2).fit(X[:, :3], Y)


def _mapper(change: Callable[[Any], None]) -> Callable[[Any], None]:
    return lambda part: change(part._bin_mapper)


def _nodes(field: str, value: Any) -> Callable[[Any], None]:
    def change(part: Any) -> None:
        nodes = part._predictors[0][0].nodes
        nodes[field][nodes["is_leaf"] == 0] = value

    return change


def _by_category(sets: str) -> Callable[[Any], None]:
    """Every split by a category, and no set of categories for it."""

    def change(part: Any) -> None:
        predictor = part._predictors[0][0]
        internal = predictor.nodes["is_leaf"] == 0
        predictor.nodes["is_categorical"][internal] = 1
        predictor.nodes["feature_idx"][internal] = 0
        part._bin_mapper.is_categorical_[:] = 1
        setattr(predictor, sets, getattr(predictor, sets)[:0])

    return change


def _sets_of_another_width(part: Any) -> None:
    predictor = part._predictors[0][0]
    predictor.raw_left_cat_bitsets = predictor.raw_left_cat_bitsets[:, :4]


def _numbers_of_another_kind(part: Any) -> None:
    part.classes_ = [known.tolist() for known in part.classes_] if part.outputs_2d_ else [0, 1, 2]


def _fewer_classes(part: Any) -> None:
    part.classes_ = [known[:1] for known in part.classes_] if part.outputs_2d_ else part.classes_[:1]


def _said_to_be_several(part: Any) -> None:
    part.outputs_2d_ = not part.outputs_2d_


def _labels(change: Callable[[Any], Any]) -> Callable[[Any], None]:
    return lambda part: setattr(part, "_y", change(part._y))


def _narrow_first_guess(part: Any) -> None:
    part.init_ = GaussianNB().fit(X, Y % 2)


def _numbering(attribute: str) -> list[Callable[[Any], None]]:
    def change(number: Any) -> Callable[[Any], None]:
        def set_first(part: Any) -> None:
            known = vars(part).get(attribute) or {0: 0, 1: 1, 2: 2}
            setattr(part, attribute, {**known, next(iter(known)): number})

        return set_first

    return [*map(change, (10**9, -1, 1.5, "x", None)), *_set(attribute, ["aa"], {"aa": 1})]


def _unordered(part: Any) -> None:
    part.categories_ = [known[::-1].copy() for known in part.categories_]


def _voter(labels: list[int]) -> Callable[[Any], None]:
    return lambda part: setattr(part.estimators_[0], "classes_", np.array(labels))


_OBJECTS: Any = np.array([(1, 2), "a", 3, 4], dtype=object)

BREAKS: Mapping[tuple[str, str], list[Callable[[Any], None]]] = {
    ("tree", "tree_"): [
        *map(_tree, (_child_far, _child_before, _feature_far, _feature_before)), _another_tree,
        *_set("tree_", None), *_set("n_features_in_", 3, None, "4"),
    ],
    ("forest", "estimators_"): [
        _trees(tuple), _trees(lambda trees: []), _trees(lambda trees: [*trees, GaussianNB()]),
        _trees(lambda trees: [*trees, DecisionTreeClassifier()]), *_set("n_features_in_", 3),
        _trees(lambda trees: [*trees, _other_tree()]),
        _trees(lambda trees: [*trees, DecisionTreeClassifier().fit(X, np.stack([Y, Y], axis=1))]),
    ],
    ("gradient_boosting", "estimators_"): [
        _stages(list), _stages(np.ravel), _stages(lambda stages: np.hstack([stages, stages])),
        _stages(lambda stages: stages[:, :0]), _stages(lambda stages: _with(stages, (0, 0), None)),
        _stages(lambda stages: _with(stages, (0, 0), DecisionTreeClassifier().fit(X, Y))),
        _stages(lambda stages: _with(stages, (0, 0), _other_tree())),
        *_set("n_trees_per_iteration_", 2, 7), *_set("n_features_in_", 3),
    ],
    ("gradient_boosting", "init_"): [_narrow_first_guess],
    ("hist_gradient_boosting", "_in_fit"): _set("_in_fit", True, False, 1),
    ("hist_gradient_boosting", "_bin_mapper"): [
        *_set("_bin_mapper", None), *_set("_n_features", 3, 5, None),
        _mapper(lambda bins: setattr(bins, "is_categorical_", bins.is_categorical_[:3])),
        _mapper(lambda bins: setattr(bins, "is_categorical_", np.zeros((4, 0), np.uint8))),
        _mapper(lambda bins: setattr(bins, "is_categorical_", bins.is_categorical_.tolist())),
        _mapper(lambda bins: bins.bin_thresholds_.pop()),
        _mapper(lambda bins: setattr(bins, "bin_thresholds_", tuple(bins.bin_thresholds_))),
        _mapper(lambda bins: _with(bins.bin_thresholds_, 0, [1, 2])),
        _mapper(lambda bins: _with(bins.bin_thresholds_, 0, _OBJECTS)),
    ],
    ("hist_gradient_boosting", "_predictors"): [
        *_set("_predictors", None, [[]]),
        lambda part: part._predictors[0].append(part._predictors[0][0]),
        lambda part: _with(part._predictors[0], 0, _BinMapper()),
        lambda part: setattr(part._predictors[0][0], "nodes", part._predictors[0][0].nodes[:0]),
        _nodes("feature_idx", 4), _nodes("feature_idx", -1), _nodes("left", 10**6), _nodes("right", 0),
        _by_category("raw_left_cat_bitsets"), _by_category("binned_left_cat_bitsets"),
        _sets_of_another_width,
    ],
    ("hist_gradient_boosting", "_baseline_prediction"): _set("_baseline_prediction", None, np.zeros(9), "x"),
    ("votes", "estimators_"): [
        *_set("estimators_", None, [], (GaussianNB(),)),
        *map(_voter, ([0, 1, 3], [-1, 0, 1], [0, 1, 2**63 - 1])), *_set("classes_", np.array([0, 1])),
        lambda part: setattr(part.estimators_[1][-1], "classes_", np.array([0, 1, 2**63 - 1])),
    ],
    ("neighbours", "n_samples_fit_"): _set("n_samples_fit_", 59, 61, None),
    ("neighbours", "_tree"): [
        *_set("_tree", KDTree(X[:5]), KDTree(X[:, :3]), X, "x"),
        lambda part: setattr(part, "_fit_method", "brute" if part._tree is not None else "kd_tree"),
    ],
    ("neighbours", "metric"): [
        *_set("metric", "pyfunc", None, ["euclidean"]), *_set("effective_metric_", "pyfunc", None),
        *_set("metric_params", {"w": np.ones(3)}, {"Y_norm_squared": np.ones(1)}, {"func": 1}, [1]),
        *_set("effective_metric_params_", {"VI": np.eye(3)}, {"V": np.ones(5)}, {"p": "x"}),
    ],
    ("neighbours", "_y"): [
        _numbers_of_another_kind, _fewer_classes, _said_to_be_several,
        *map(_labels, (
            lambda y: y.tolist(), lambda y: y - 1, lambda y: y + 1, lambda y: y.astype(float),
            lambda y: y.astype(object), lambda y: y[:-1], lambda y: y[None], lambda y: None,
        )),
    ],
    ("support_vectors", "kernel"): _set("kernel", "precomputed", None, 4),
    ("support_vectors", "_impl"): _set("_impl", "one_class", None),
    ("support_vectors", "shape_fit_"): _set("shape_fit_", (60, 3), None, ()),
    ("support_vectors", "_n_support"): _set(
        "_n_support", np.array([-1, 30, 31]), np.full(3, 10**6, np.int32), np.full(40_000, 60, np.int32)
    ),
    ("support_vectors", "_sparse"): [lambda part: setattr(part, "_sparse", not part._sparse)],
    ("support_vectors", "_probA"): [
        lambda part: (setattr(part, "_effective_probability", True), setattr(part, "_probA", np.empty(0)),
                      setattr(part, "_probB", np.empty(0))),
        lambda part: setattr(part, "_probA", np.empty(3) if not part._probB.size else np.empty(0)),
    ],
    ("vectorizer", "vocabulary_"): _numbering("vocabulary_"),
    ("label_numbers", "classes_"): _set("classes_", np.array([0, 0, 1]), np.array([1, 1.0, True])),
    ("label_numbers", "_cached_dict"): _numbering("_cached_dict"),
    ("one_hot", "categories_"): [
        _unordered, *_set("categories_", [], None, [np.array([0.0])] * 3, [_OBJECTS] * 4),
        lambda part: setattr(part, "categories_", [known.astype(complex) for known in part.categories_]),
        lambda part: setattr(part, "categories_", [known.tolist() for known in part.categories_]),
    ],
    ("one_hot", "_n_features_outs"): _set("_n_features_outs", [9] * 4, [1], [-1] * 4, None),
    ("one_hot", "_drop_idx_after_grouping"): _set(
        "_drop_idx_after_grouping", np.full(4, -1, object), np.full(4, 9, object), np.zeros(1, object), [0]
    ),
    ("one_hot", "_default_to_infrequent_mappings"): _set(
        "_default_to_infrequent_mappings", [np.full(4, 99)] * 4, [np.full(4, -1)] * 4, [np.zeros(9)] * 4, []
    ),
    ("one_hot", "_infrequent_indices"): _set(
        "_infrequent_indices", [np.array([99])] * 4, [np.array([-1])] * 4, [[0]] * 4, [None]
    ),
    ("ordinal", "categories_"): [
        _unordered, *_set("categories_", None, [np.array([0.0])] * 3, [_OBJECTS] * 4),
    ],
    ("centres", "cluster_centers_"): _set("cluster_centers_", np.zeros((0, 4))),
    ("polynomial", "_max_degree"): [*_set("_max_degree", "x", -1, 10**6), *_set("_min_degree", 0.5, -1)],
    ("polynomial", "interaction_only"): _set("interaction_only", 2, "x", None),
}  # fmt: skip
"""For each rule of the table, changes of a fitted model that it must refuse."""

# these say something of the model's classes, which others of their family do not have
_OF_CLASSIFIERS = {("gradient_boosting", "init_"), ("neighbours", "_y")}

RULES = [
    (name, rule.attribute)
    for name, family in sorted(FAMILY.items())
    for rule in CONTRACTS[family].rules
    if (family, rule.attribute) not in _OF_CLASSIFIERS or name.endswith("Classifier")
]


@pytest.mark.parametrize(("name", "attribute"), RULES)
def test_a_model_that_breaks_a_rule_is_refused(name: str, attribute: str, tmp_path: Path) -> None:
    for honest in fitted(name):
        load(pickle.dumps(honest), tmp_path)
        for number, change in enumerate(BREAKS[FAMILY[name], attribute]):
            model = copy.deepcopy(honest)
            change(model)
            assert not accepted(model), f"{attribute}, change {number}"
        refused(model, tmp_path, "the last of them")


# --- the table itself ---------------------------------------------------------------------------------


def test_every_rule_has_its_breaks() -> None:
    rules = {(family, rule.attribute) for family, row in CONTRACTS.items() for rule in row.rules}
    assert rules == set(BREAKS)


def test_every_family_says_what_compiled_code_does_with_its_numbers() -> None:
    assert set(CONTRACTS) == set(ESTIMATORS)
    for row in CONTRACTS.values():
        assert row.because.endswith(".")


@pytest.mark.parametrize("name", ["SVC", "RandomForestClassifier", "StandardScaler"])
def test_an_estimator_without_its_row_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_pipeline(KINDS[name]().fit(X, Y))
    load(pickle.dumps(model), tmp_path)
    rows = {pair: row for pair, row in ROWS.items() if pair[1] != name}
    monkeypatch.setattr(estimators, "ROWS", rows)
    refused(model, tmp_path, name)


# --- settings -----------------------------------------------------------------------------------------

SETTINGS_REFUSED: Mapping[str, list[Any]] = {
    "analyzer": ["no_such", 3],
    "encoding": ["unicode_escape", None],
    "input": ["filename", "file", None],
    "metric_params": [{"Y_norm_squared": np.zeros(1)}, {"func": 1}, [1]],
    "n_features": [0, -1, 2**31, 1.5],
    "ngram_range": [(0, 1), (2, 1), (1,), "11", (1, 2.5)],
    "token_pattern": [r"(a+)+$", 3],
}


def test_every_setting_of_the_table_is_tried() -> None:
    assert set(SETTINGS_REFUSED) == set(SETTINGS)


@pytest.mark.parametrize("setting", [*SETTINGS_REFUSED, "memory"])
@pytest.mark.parametrize("kind", [GridSearchCV, RandomizedSearchCV])
def test_what_a_search_tries_is_looked_at_like_what_stands(kind: Any, setting: str, tmp_path: Path) -> None:
    """A reference model is fitted with it."""
    for value in SETTINGS_REFUSED.get(setting, [str(tmp_path)]):
        for tried in (
            {setting: [value]},
            [{"c": [1]}, {f"step__{setting}": np.array([value, None], object)}],
        ):
            search = kind(make_pipeline(CountVectorizer(), GaussianNB()), tried)
            refused(make_pipeline(search), tmp_path, f"{setting}={value!r}")


def test_a_function_that_a_search_tries_must_be_on_the_list(tmp_path: Path) -> None:
    search = GridSearchCV(
        make_pipeline(preprocessing.FunctionTransformer()), {"step__func": [np.log1p, None]}
    )
    load(pickle.dumps(search), tmp_path)
    search.param_grid = {"step__func": [np.ndarray]}
    assert refused(search, tmp_path, "a type").problem == "refused_settings"


# --- asked, and fitted again ----------------------------------------------------------------------------


def test_a_process_that_dies_is_told_from_one_that_complains() -> None:
    assert outcome(len, "x") == "done"
    assert outcome(int, "x") == "ValueError"
    assert outcome(signal.raise_signal, signal.SIGSEGV) == "SIGSEGV"


_WIDE = np.eye(600)
HOSTILE_SETTINGS = [
    DecisionTreeClassifier(max_leaf_nodes=2**62),
    DecisionTreeClassifier(max_depth=2**40),
    DecisionTreeClassifier(monotonic_cst=[1]),
    ExtraTreesClassifier(3, max_leaf_nodes=2**63 - 1),
    GradientBoostingClassifier(n_estimators=2, max_leaf_nodes=2**62),
    GradientBoostingClassifier(n_estimators=2, init=make_pipeline(GaussianNB())),
    HistGradientBoostingClassifier(max_iter=2, monotonic_cst=[1] * 9),
    HistGradientBoostingClassifier(max_iter=2, interaction_cst=[{9}]),
    HistGradientBoostingClassifier(max_iter=2, categorical_features=[9]),
    HistGradientBoostingClassifier(max_iter=2, max_bins=2**20),
    KNeighborsClassifier(10**12, algorithm="brute"),
    KNeighborsClassifier(61, algorithm="brute"),
    KNeighborsClassifier(metric="minkowski", metric_params={"w": np.ones(2)}),
    KNeighborsClassifier(metric="mahalanobis", metric_params={"VI": np.eye(2)}, algorithm="brute"),
    RadiusNeighborsClassifier(9.0, algorithm="brute", outlier_label=10**9),
    SVC(degree=2**40, kernel="poly"),
    SVC(cache_size=1e300),
    KMeans(3, init=X[:3, :2], n_init=1),
    FeatureAgglomeration(2, connectivity=sparse.csr_matrix(np.ones((90, 90)))),
    Isomap(n_components=2, n_neighbors=10**6),
    NeighborhoodComponentsAnalysis(init=np.ones((2, 9))),
    linear_model.Lasso(precompute=_WIDE, fit_intercept=False),
    linear_model.LassoLars(precompute=_WIDE, fit_intercept=False),
    decomposition.DictionaryLearning(
        9, fit_algorithm="cd", code_init=np.ones((60, 1)), dict_init=np.ones((9, 4)), max_iter=2
    ),
    decomposition.SparsePCA(9, method="cd", U_init=np.ones((60, 9)), V_init=np.ones((1, 4)), max_iter=2),
    decomposition.MiniBatchDictionaryLearning(3, fit_algorithm="cd", dict_init=np.ones((3, 9)), max_iter=2),
    preprocessing.SplineTransformer(knots=np.ones((3, 9))),
    preprocessing.SplineTransformer(degree=2**20),
    preprocessing.PolynomialFeatures((2**30, 2**40)),
    preprocessing.KBinsDiscretizer([2, 2**40, -1, 0]),
    preprocessing.OneHotEncoder(categories=[[3, 1, 2]] * 4),
    preprocessing.TargetEncoder(categories=[[0.5, 0.1]] * 4),
]  # fmt: skip


@pytest.mark.parametrize(
    "model", HOSTILE_SETTINGS, ids=lambda model: f"{type(model).__name__}-{HOSTILE_SETTINGS.index(model)}"
)
def test_a_hostile_setting_ends_no_process_that_fits_it(model: Any) -> None:
    assert not outcome(fitted_again, pickle.dumps(model), X, Y).startswith("SIG")


@pytest.mark.parametrize("labels", [Y + 1, Y * 2**29, -Y, np.array(["a", "b", "c"])[Y]])
def test_calibration_by_temperature_takes_no_label_for_a_place(labels: Any, tmp_path: Path) -> None:
    model = CalibratedClassifierCV(GaussianNB(), method="temperature", cv=3)
    positions = model.fit(X, Y).predict_proba(X)
    assert outcome(fitted_again, pickle.dumps(model), X, labels) == "done"
    again = clone(load(pickle.dumps(model), tmp_path)).fit(X, labels)
    order = np.argsort(np.argsort([labels[0], labels[1], labels[2]]))
    np.testing.assert_allclose(again.predict_proba(X)[:, order], positions)
    np.testing.assert_array_equal(again.classes_, np.unique(labels))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(again)).predict(X), again.predict(X))


def test_calibration_by_temperature_needs_every_class_in_every_part() -> None:
    model = CalibratedClassifierCV(GaussianNB(), method="temperature", cv=PredefinedSplit(Y))
    assert outcome(fitted_again, pickle.dumps(model), X, Y) == "ValueError"


@pytest.mark.parametrize("subsample", [1.0, 0.5])
def test_a_frozen_first_guess_of_another_width_is_no_start(subsample: float, tmp_path: Path) -> None:
    """Its loss is computed before its first stage is fitted."""
    narrow = FrozenEstimator(GaussianNB().fit(X, Y % 2))
    boosting = GradientBoostingClassifier(n_estimators=2, subsample=subsample)
    search = load(
        pickle.dumps(GridSearchCV(boosting, {"init": [narrow]}, cv=2, error_score="raise")), tmp_path
    )
    with pytest.raises(ValueError, match="first guess"):
        clone(search).fit(X, Y)
    search.param_grid = {"init": [FrozenEstimator(GaussianNB().fit(X, Y))]}
    assert clone(search).fit(X, Y).predict(X).shape == Y.shape


@pytest.mark.parametrize("as_stored", [sparse.csr_matrix, sparse.csc_matrix])
def test_a_product_without_a_column_is_no_answer(as_stored: Any, tmp_path: Path) -> None:
    products = preprocessing.PolynomialFeatures((2, 2), interaction_only=True, include_bias=False)
    loaded = load(pickle.dumps(products.fit(X)), tmp_path)
    rows = as_stored(X)
    np.testing.assert_array_equal(loaded.transform(rows).toarray(), products.transform(rows).toarray())
    twice = sparse.csr_matrix((np.ones(2), np.zeros(2, np.int32), [0, 2]), shape=(1, 4))
    with pytest.raises(ValueError, match="indices"):
        loaded.transform(twice)


@pytest.mark.parametrize("label", [3, -1, 2**63 - 1])
def test_a_part_that_votes_for_no_class_is_not_counted(label: int, tmp_path: Path) -> None:
    """With the largest number, counting would write before its table; no `classes_` has to name it."""
    far = np.array([0, 1, label])
    within = VotingClassifier([("b", GaussianNB())], voting="soft")
    nested = VotingClassifier([("a", within)]).fit(X, Y)
    np.testing.assert_array_equal(load(pickle.dumps(nested), tmp_path).predict(X), nested.predict(X))
    nested.estimators_[0].le_.classes_ = far
    frozen = VotingClassifier([("a", FrozenEstimator(GaussianNB().fit(X, far[Y])))])
    for vote in (
        load(pickle.dumps(nested), tmp_path),
        clone(load(pickle.dumps(frozen), tmp_path)).fit(X, Y),
    ):
        with pytest.raises(ValueError, match="votes for a class"):
            vote.predict(X)


def test_a_category_that_has_no_next_number_is_not_counted(tmp_path: Path) -> None:
    rows = CODES.astype(np.int64)
    bayes = load(pickle.dumps(CategoricalNB()), tmp_path)
    np.testing.assert_array_equal(
        bayes.fit(rows, Y).predict(rows), CategoricalNB().fit(rows, Y).predict(rows)
    )
    filling = SimpleImputer(missing_values=0, strategy="constant", fill_value=2**63 - 1)
    search = GridSearchCV(make_pipeline(filling, GaussianNB()), {"gaussiannb": [CategoricalNB()]}, cv=2)
    search.set_params(error_score="raise")
    for model in (make_pipeline(filling, CategoricalNB()), search):
        with pytest.raises(ValueError, match="too large"):
            clone(load(pickle.dumps(model), tmp_path)).fit(rows, Y)


def test_threads_are_those_of_this_machine(tmp_path: Path) -> None:
    model = make_pipeline(KMeans(3, n_init=1), GaussianNB()).fit(X, Y)
    model[0]._n_threads = -(10**9)
    target = SklearnTarget(load(pickle.dumps(model), tmp_path))
    assert target.estimator[0]._n_threads >= 1
    np.testing.assert_array_equal(target.labels(X), model.predict(X))
