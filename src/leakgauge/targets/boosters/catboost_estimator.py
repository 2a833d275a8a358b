"""CatBoost's classifier and regressor over a checked model, as scikit-learn estimators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Self

import catboost
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from leakgauge.targets.boosters import catboost_cbm, catboost_json_writing, refusals
from leakgauge.targets.boosters.catboost_cbm import damaged
from leakgauge.targets.boosters.catboost_counts import counted
from leakgauge.targets.boosters.catboost_model import CatBoostModel
from leakgauge.targets.boosters.catboost_objectives import BINARY, LIBRARY, SQUARED
from leakgauge.targets.boosters.estimator import BoosterEstimator, Counted, HeldTree
from leakgauge.targets.boosters.losses import Floats, Loss
from leakgauge.targets.boosters.settings import plain

_ROUNDS_AT_ONCE: Final = 64
_LARGEST: Final = 1e300
ROUNDS: Final = ("iterations", "n_estimators", "num_boost_round", "num_trees")
RATE: Final = ("learning_rate", "eta")
LOSS: Final = ("loss_function", "objective")
_OTHERS: Final = frozenset(
    (
        *("allow_const_label", "approx_on_full_history", "auto_class_weights", "bagging_temperature"),
        *("boost_from_average", "boosting_type", "bootstrap_type", "border_count", "class_weights"),
        *("classes_count", "colsample_bylevel", "combinations_ctr", "counter_calc_method", "depth"),
        *("ctr_leaf_count_limit", "ctr_target_border_count", "diffusion_temperature", "feature_border_type"),
        *("feature_weights", "final_ctr_computation_mode", "first_feature_use_penalties", "grow_policy"),
        *("fold_len_multiplier", "fold_permutation_block", "has_time", "ignored_features", "l2_leaf_reg"),
        *("langevin", "leaf_estimation_backtracking", "leaf_estimation_iterations", "leaf_estimation_method"),
        *("max_bin", "max_ctr_complexity", "max_depth", "max_leaves", "min_child_samples"),
        *("min_data_in_leaf", "model_shrink_mode", "model_shrink_rate", "model_size_reg"),
        *("monotone_constraints", "mvs_reg", "nan_mode", "num_leaves", "one_hot_max_size"),
        *("penalties_coefficient", "per_feature_ctr", "posterior_sampling", "random_score_type"),
        *("random_strength", "reg_lambda", "rsm", "sampling_frequency", "sampling_unit", "scale_pos_weight"),
        *("score_function", "simple_ctr", "store_all_simple_ctr", "subsample", "target_border"),
    )
)
"""Settings that CatBoost is given as a file states them. None names a file, and none is code."""
KNOWN: Final = _OTHERS | {*ROUNDS, *RATE, *LOSS, "cat_features"}
_WEIGHTS: Final = ("class_weights", "auto_class_weights", "scale_pos_weight")
OURS: Final[Mapping[str, Any]] = {"thread_count": 1, "allow_writing_files": False, "verbose": 0}
_TAKEN: Final = KNOWN | OURS.keys() | {"random_state"}


class CatBoostEstimator(BoosterEstimator):
    """What an estimator of one thread that writes no files has, whatever it predicts."""

    _not_saved = ("_model", "_labels")
    library = LIBRARY
    sums_kept = "numbers of training records (leaf_weights)"
    reads_categories_as_text = True
    distributions = ("catboost",)
    # what the class of CatBoost beside this one has
    get_params: Callable[[], dict[str, Any]]
    get_cat_feature_indices: Callable[[], list[int]]
    calc_leaf_indexes: Callable[..., Any]
    _init_params: dict[str, Any]
    _object: Any

    def __sklearn_clone__(self) -> Self:
        """An untrained copy. CatBoost hands out copies of its settings, which scikit-learn's way refuses."""
        return type(self)(**self.get_params())

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """A copy of its own: the model itself is never changed, and may be shared."""
        twin = self.__copy__()
        twin._init_params = self.get_params()
        memo[id(self)] = twin
        return twin  # type: ignore[no-any-return]  # no types

    @property
    def n_features_in_(self) -> Any:
        """Columns that it takes; CatBoost itself does not know it of a model that it read."""
        return self._read_model().n_features if self.is_read else super().n_features_in_  # type: ignore[misc]  # the other class

    @property
    def feature_names_in_(self) -> Any:
        """(n_features,) their names, where it was fitted on a table."""
        names = self._read_model().feature_names if self.is_read else None
        if names is None:
            raise AttributeError("it was fitted on arrays, or not read from a file")
        return np.array(names, dtype=object)

    def input_categories(self) -> tuple[tuple[Any, ...] | None, ...]:
        """As in `BoosterEstimator`: of categories the file holds hashes, so all of them are unknown."""
        places = set(self.get_cat_feature_indices())
        return tuple(() if place in places else None for place in range(int(self.n_features_in_)))

    def starting_scores(self) -> Floats | None:
        """As in `BoosterEstimator`."""
        return np.array(self._read_model().bias)

    def loss(self) -> Loss:
        """As in `BoosterEstimator`."""
        return self._read_model().objective.loss

    def share_of_records(self) -> float:
        """As in `BoosterEstimator`: the answers of leaves are estimated from all records."""
        return 1.0

    def held_rounds(self, x: Any) -> Iterator[tuple[HeldTree, ...]]:
        """As in `BoosterEstimator`."""
        model = self._read_model()
        settings, counts = _training_of(model), _counts_of_leaves(model)
        last = np.cumsum(model.leaf_counts)
        for first in range(0, len(model.sizes), _ROUNDS_AT_ONCE):
            end = min(first + _ROUNDS_AT_ONCE, len(model.sizes))
            leaves = self.calc_leaf_indexes(
                _without_gaps(x), ntree_start=first, ntree_end=end, thread_count=1
            )
            for tree in range(first, end):
                start = int(last[tree] - model.leaf_counts[tree])
                yield tuple(
                    _held(
                        model,
                        place,
                        leaves[:, tree - first].astype(np.int64),
                        start,
                        int(last[tree]),
                        settings,
                        counts[tree],
                    )
                    for place in range(model.dimension)
                )

    def counted_records(self, x: Any, y: Any) -> Iterator[Counted]:
        """As in `BoosterEstimator`: the tables behind its statistics of categories."""
        frame = x if isinstance(x, pd.DataFrame) else pd.DataFrame(x)
        yield from counted(self._read_model(), _without_gaps(frame), np.asarray(y))

    @property
    def tells_by_answering(self) -> str | None:
        """As in `BoosterEstimator`: its statistics of categories."""
        if not self._read_model().tables:
            return None
        return (
            "The statistics of categories (CTR), of which answers are made, tell how many training records "
            "had each category, or combination of them, and with which labels; one_hot_max_size above the "
            "number of categories does without them."
        )

    def without_training(self) -> Self:
        """As in `BoosterEstimator`."""
        bare = self.__copy__()
        model = self._read_model().without_training()
        bare._object, bare._model = library_model(model)._object, model
        bare._init_params = {
            name: value for name, value in self.get_params().items() if name != "random_state"
        }
        return bare  # type: ignore[no-any-return]  # no types

    def questions(self) -> bytes:
        """As in `BoosterEstimator`."""
        return catboost_cbm.dumps(self._read_model().without_training())

    def thresholds(self) -> Floats:
        """As in `BoosterEstimator`."""
        borders = [column.borders.astype(np.float64) for column in self._read_model().numbers]
        return np.concatenate([np.empty(0), *borders])

    def file_like(self, source: bytes) -> bytes:
        """As in `BoosterEstimator`."""
        if source.startswith(catboost_cbm.SIGN):
            return catboost_cbm.dumps(self._read_model())
        return catboost_json_writing.dumps(self._read_model())

    def _read_model(self) -> CatBoostModel:
        model: CatBoostModel | None = vars(self).get("_model")
        if model is None:
            raise NotFittedError("the estimator was not read from a file")
        return model


class CatBoostClassifier(CatBoostEstimator, catboost.CatBoostClassifier, BaseEstimator):  # type: ignore[misc]  # no types
    """A `CatBoostClassifier`, scikit-learn's by descent too, of labels of any kind."""

    _stands_for = catboost.CatBoostClassifier

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803 (scikit-learn's name)
        """Fit to labels of any kind, of which CatBoost itself takes texts, whole numbers and truth values."""
        _check_settings(self.get_params())
        self.__dict__.pop("_model", None)
        labels, positions = np.unique(y, return_inverse=True)
        weights = self._init_params.get("class_weights")
        if isinstance(weights, dict):
            # a file in JSON spells labels as texts
            by_label = {str(label): weight for label, weight in weights.items()}
            self._init_params["class_weights"] = [by_label.get(str(label), 1.0) for label in labels.tolist()]
        super().fit(_without_gaps(X), positions)
        self._labels = labels
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803 (scikit-learn's name)
        """(n,) labels."""
        labels = np.asarray(super().predict(_without_gaps(X), thread_count=1)).ravel()
        own: NDArray[Any] | None = vars(self).get("_labels")
        return labels if own is None else own[labels.astype(np.int64)]

    def predict_proba(self, X: Any) -> Any:  # noqa: N803 (scikit-learn's name)
        """(n, n_classes) probabilities."""
        return super().predict_proba(_without_gaps(X), thread_count=1)

    @property
    def classes_(self) -> Any:
        """(n_classes,) labels, in the order of the columns of `predict_proba`."""
        own = vars(self).get("_labels")
        return np.asarray(super().classes_) if own is None else own


class CatBoostRegressor(CatBoostEstimator, catboost.CatBoostRegressor, BaseEstimator):  # type: ignore[misc]  # no types
    """A `CatBoostRegressor`, scikit-learn's by descent too."""

    _stands_for = catboost.CatBoostRegressor

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803 (scikit-learn's name)
        """Fit to numbers."""
        _check_settings(self.get_params())
        self.__dict__.pop("_model", None)
        super().fit(_without_gaps(X), y)
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803 (scikit-learn's name)
        """(n,) numbers."""
        return super().predict(_without_gaps(X), thread_count=1)


def _without_gaps(x: Any) -> Any:
    """Rows with the text "nan" where a column of texts has no value, as pandas' `astype(str)` writes it.

    CatBoost takes no missing category, so whoever trained on such a column has put a text in its place.
    """
    if not isinstance(x, pd.DataFrame):
        return x
    texts = [
        place for place, kind in enumerate(x.dtypes) if isinstance(kind, pd.StringDtype) or kind.kind == "O"
    ]
    gaps = [place for place in texts if x.iloc[:, place].isna().any()]
    if not gaps:
        return x
    filled = x.copy(deep=False)
    for place in gaps:
        cells = x.iloc[:, place].astype(object)
        filled.isetitem(place, cells.where(cells.notna(), "nan").array)
    return filled


def _check_settings(settings: Mapping[str, Any]) -> None:
    """Refuse settings that CatBoost is not given, which may name files or be code; a search may set some.

    Raises
    ------
    UnsupportedModel
        `unsupported_booster`.
    """
    for name, value in settings.items():
        if (
            name not in _TAKEN
            or (value is not None and plain(value) is None)
            or value != OURS.get(name, value)
        ):
            raise refusals.unsupported(
                LIBRARY,
                f"The CatBoost model has a setting that is not passed on ({name})",
                "Train it without that setting, or with a number or a word for it.",
            )


def _held(
    model: CatBoostModel,
    place: int,
    leaf: NDArray[np.int64],
    start: int,
    end: int,
    settings: tuple[float, float] | None,
    counts: bool,
) -> HeldTree:
    """What is kept of one score of a tree, whose leaves stand from `start` to `end`."""
    value = model.leaf_values.reshape(-1, model.dimension)[start:end, place] * model.scale
    # all scores of a tree have one set of leaves
    count = model.leaf_weights[start:end] if place == 0 and counts else None
    rate, penalty = settings or (1.0, 0.0)
    return HeldTree(place, leaf, value, None, count, None if settings is None else value / rate, penalty)


def _counts_of_leaves(model: CatBoostModel) -> list[bool]:
    """Whether each tree's weights are numbers of the records that stand in its leaves now.

    Statistics of categories are others in training than they are afterwards: a record's own label is not in
    them. Members with rare categories leave the leaf that they were counted in, others come to stand there.
    """
    weights = model.leaf_weights
    if not weights.any() or np.any(weights % 1.0) or _is_weighted(model.parameters):
        return [False] * len(model.sizes)
    of_statistics = model.questions >= model.first_of_statistics
    tree = np.repeat(np.arange(len(model.sizes)), model.sizes)
    asked = np.bincount(tree[of_statistics], minlength=len(model.sizes))
    return [count == 0 for count in asked.tolist()]


def _is_weighted(parameters: Mapping[str, Any]) -> bool:
    stated = parameters.get("flat_params")
    return isinstance(stated, dict) and any(stated.get(name) not in (None, "None") for name in _WEIGHTS)


def _training_of(model: CatBoostModel) -> tuple[float, float] | None:
    """Learning rate and L2 penalty, where each leaf's answer is one Newton step; None otherwise.

    By default the answers of two classes are ten steps. Those of more classes are solutions of equations in
    all of their scores. Of numbers, the library takes other second derivatives than the loss has, but for the
    squared one. Statistics of categories are others in training than they are afterwards, so that the scores
    then are not known.
    """
    boosting, learner = (
        options_in(model.parameters, name) for name in ("boosting_options", "tree_learner_options")
    )
    rate, penalty = real(boosting, "learning_rate"), real(learner, "l2_leaf_reg")
    is_step = (
        learner.get("leaf_estimation_method") == "Newton"
        and learner.get("leaf_estimation_iterations") == 1
        and not boosting.get("model_shrink_rate")
    )
    others = (
        model.dimension > 1
        or model.statistics
        or _is_weighted(model.parameters)
        or model.objective.name not in (*BINARY, SQUARED)
    )
    return None if others or not is_step or not rate or penalty is None else (rate, penalty)


def real(options: Mapping[str, Any], name: str) -> float | None:
    """A setting that is a number, finite and not below zero."""
    value: Any = options.get(name)
    return float(value) if type(value) in (int, float) and 0.0 <= value < _LARGEST else None


def options_in(parameters: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A group of settings among those of training; none where it is missing."""
    found = parameters.get(name)
    return found if isinstance(found, dict) else {}


def library_model(model: CatBoostModel) -> Any:
    """CatBoost's own object of a checked model.

    Raises
    ------
    UnsupportedModel
        `damaged_booster` where CatBoost finds something that is not looked for here.
    """
    made = catboost.CatBoostClassifier() if model.labels else catboost.CatBoostRegressor()
    try:
        made.load_model(blob=catboost_cbm.dumps(model))
    except (catboost.CatBoostError, ValueError, TypeError) as error:
        raise damaged("CatBoost itself refuses it") from error
    return made
