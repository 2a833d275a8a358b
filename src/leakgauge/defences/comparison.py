"""Whether two models answer alike to the last bit."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.preprocessing import OrdinalEncoder
from sklearn.tree import BaseDecisionTree
from sklearn.tree._tree import TREE_LEAF

from leakgauge.defences.strip import TREE_MODELS
from leakgauge.targets.boosters.estimator import BoosterEstimator
from leakgauge.targets.sklearn.kept_data import may_keep_more_than_it_needs
from leakgauge.targets.sklearn.model_graph import parts_of

PROBES = 500
_METHODS = ("predict", "predict_proba", "decision_function", "apply", "transform")

_TREE_QUESTIONS = ("left_child", "right_child", "feature", "threshold", "missing_go_to_left")
_PREDICTOR_QUESTIONS = (
    *("feature_idx", "num_threshold", "missing_go_to_left", "left", "right"),
    *("is_leaf", "bin_threshold", "is_categorical", "bitset_idx"),
)


def same_answers(before: Any, after: Any) -> bool:
    """Whether two models answer alike to the last bit.

    Every question and every leaf value of every tree is compared, from which all answers follow;
    and each tree model is asked about `PROBES` random inputs, in case its answers come from
    elsewhere too. Both models are set to one thread, since sums over threads come in no order.
    """
    ones, others = _compared(before), _compared(after)
    return len(ones) == len(others) and all(
        type(one) is type(other) and _same_questions(one, other) and _same_on_probes(one, other)
        for one, other in zip(ones, others, strict=True)
    )


def probes(model: Any) -> NDArray[np.float32]:
    """(PROBES, n_features) inputs on and around the thresholds of the model's trees."""
    rng = np.random.default_rng(0)
    thresholds = np.concatenate([np.zeros(1), *(_thresholds(part) for part in _compared(model))])
    shape = (PROBES, int(model.n_features_in_))
    exact = rng.choice(thresholds, size=shape)
    around = exact + rng.normal(0.0, float(np.std(thresholds)) or 1.0, shape)
    return np.where(rng.random(shape) < 0.5, exact, around).astype(np.float32)


def _compared(model: Any) -> list[Any]:
    """The fitted parts of which something may be taken; templates that were never fitted are left out."""
    return [
        part
        for part in parts_of(model)
        if isinstance(part, TreePredictor)
        or (isinstance(part, BoosterEstimator) and part.is_read)
        or (
            (isinstance(part, TREE_MODELS) or may_keep_more_than_it_needs(part))
            and "n_features_in_" in vars(part)
        )
    ]


def _thresholds(part: Any) -> NDArray[np.float64]:
    if isinstance(part, BaseDecisionTree):
        found = part.tree_.threshold[part.tree_.children_left != TREE_LEAF]
    elif isinstance(part, TreePredictor):
        found = part.nodes["num_threshold"][part.nodes["is_leaf"] == 0]
    elif isinstance(part, BoosterEstimator):
        found = part.thresholds()
    else:
        found = np.empty(0)
    return np.asarray(found[np.isfinite(found)], dtype=np.float64)


def _same_questions(one: Any, other: Any) -> bool:
    if isinstance(one, BaseDecisionTree):
        states = [part.tree_.__getstate__() for part in (one, other)]
        answers = [state["values"][state["nodes"]["left_child"] == TREE_LEAF] for state in states]
        return _same_fields(states[0]["nodes"], states[1]["nodes"], _TREE_QUESTIONS) and _same(*answers)
    if isinstance(one, BoosterEstimator):
        return bool(one.questions() == other.questions())
    if isinstance(one, TreePredictor):
        answers = [part.nodes["value"][part.nodes["is_leaf"] != 0] for part in (one, other)]
        return (
            _same_fields(one.nodes, other.nodes, _PREDICTOR_QUESTIONS)
            and _same(*answers)
            and _same(one.raw_left_cat_bitsets, other.raw_left_cat_bitsets)
        )
    return True


def _same_fields(one: NDArray[Any], other: NDArray[Any], fields: tuple[str, ...]) -> bool:
    return one.shape == other.shape and all(_same(one[field], other[field]) for field in fields)


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    if one.dtype.hasobject:  # labels, such as "yes" and "no": the bytes are addresses
        pairs = zip(one.ravel().tolist(), other.ravel().tolist(), strict=True)
        return all(type(a) is type(b) and bool(a == b) for a, b in pairs)
    return one.tobytes() == other.tobytes()


def _same_on_probes(one: Any, other: Any) -> bool:
    if isinstance(one, TreePredictor):
        return True  # asked as part of its model
    if isinstance(one, BoosterEstimator) and set(one.input_categories()) != {None}:
        return True  # no number is an input of it
    for part in (one, other):
        if "n_jobs" in vars(part):
            part.n_jobs = 1 if isinstance(part, BoosterEstimator) else None
    x = _with_categories(one, probes(one))
    with warnings.catch_warnings():
        # a model fitted on named columns remarks on an array without names
        warnings.simplefilter("ignore")
        for method in _METHODS:
            if not hasattr(one, method):
                continue
            answer, again = _answer(one, method, x), _answer(other, method, x)
            if isinstance(answer, type) or isinstance(again, type):
                if answer is not again:
                    return False
            elif not _same(answer, again):
                return False
    return True


def _answer(part: Any, method: str, x: Any) -> NDArray[Any] | type[Exception]:
    """What the model says, or the kind of error where it cannot take such inputs.

    Numbers are all that is known of the inputs of a bagged Pipeline which reads text, say. Such a
    model is compared by its trees.
    """
    try:
        return np.asarray(getattr(part, method)(x))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 -- compared, as an answer is
        return type(error)


def _with_categories(part: Any, x: NDArray[np.float32]) -> NDArray[Any]:
    """The inputs with categories that the model knows where it was fitted on categories."""
    encoder = getattr(vars(part).get("_preprocessor"), "named_transformers_", {}).get("encoder")
    if not isinstance(encoder, OrdinalEncoder):
        return x
    filled = x.astype(object)
    columns = np.flatnonzero(part.is_categorical_)
    for column, known in zip(columns, encoder.categories_, strict=True):
        filled[:, column] = np.random.default_rng(column).choice(known, size=len(x))
    return filled
