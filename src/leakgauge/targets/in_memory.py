"""A model that the caller holds in memory, as a target.

The caller trusts it: it is his own object in his own process, and nothing is kept from running. What
he holds is never changed: where a target has to set something, it does so on a copy.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from importlib.metadata import packages_distributions
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline

from leakgauge.errors import BadParameters, LeakgaugeError
from leakgauge.targets.function_recipe import Fit, FunctionRecipe
from leakgauge.targets.functions import FunctionRegressor, FunctionTarget, Takes, as_held
from leakgauge.targets.libraries import boosters
from leakgauge.targets.pickles.estimators import BOOSTERS
from leakgauge.targets.protocol import TableTarget, are_amounts
from leakgauge.targets.sklearn.model_graph import parts_of
from leakgauge.targets.sklearn.target import SklearnTarget
from leakgauge.targets.ways_in import as_array, check_can_be_called, check_takes_arrays, function_name

_PROBED = 20
"""Rows that a function is asked about at first."""
_TWO_CLASSES = 2


def open_in_memory(
    model: Any,
    frame: pd.DataFrame,
    *,
    takes: Takes,
    labels: Sequence[Any],
    classes: Sequence[Any] | None = None,
    fit: Fit | None = None,
) -> TableTarget:
    """The caller's model as a target.

    Parameters
    ----------
    model
        a fitted classifier or regressor; any object with `predict_proba`, or that predicts numbers; or a
        function of rows that gives (n, n_classes) probabilities, (n,) labels, or (n,) or (n, 1) numbers.
    frame
        the members' rows; a function is asked about the first of them.
    takes
        the form that the model takes.
    labels
        those of the members.
    classes
        the labels in the order of the answer's columns; None for the model's own or, of a function,
        those of the members, sorted.
    fit
        how such a model is trained; None for a clone of an estimator.

    Raises
    ------
    UnsupportedModel
        `not_fitted`, `not_a_model`, and whatever `SklearnTarget` and `FunctionTarget` refuse.
    BadParameters
        `classes_do_not_fit`.
    """
    target: SklearnTarget | FunctionTarget | FunctionRegressor
    if isinstance(model, BaseEstimator):
        if classes is not None:
            raise _classes_known()
        target = SklearnTarget(_as_in_files(_copied(model)))
        target.packages = _packages_of(model)
    else:
        some_rows = as_held(frame.head(_PROBED), takes)
        target = _function_target(model, some_rows, takes, labels, classes)
    if fit is not None:
        target.recipe = FunctionRecipe(fit, target.classes)
    return target


def _function_target(
    model: Any, some_rows: Any, takes: Takes, labels: Sequence[Any], classes: Sequence[Any] | None
) -> FunctionTarget | FunctionRegressor:
    """Any object with `predict_proba` or `predict`, or a function, as a target."""
    asks = None if isinstance(model, type) else getattr(model, "predict_proba", None)
    if not callable(asks):
        check_takes_arrays(model)
        if not classes and _predicts_numbers(model, some_rows, labels):
            return _regressor(model, takes)
        check_can_be_called(model)
        return FunctionTarget(
            model,
            classes_in_order(labels, classes),
            name=function_name(model),
            takes=takes,
            some_rows=some_rows,
        )
    own = getattr(model, "classes_", None)
    if own is not None and classes is not None:
        raise _classes_known()
    known = classes_in_order(labels, classes) if own is None else np.asarray(own)
    target = FunctionTarget(
        asks,
        known,
        name=type(model).__name__,
        takes=takes,
        some_rows=some_rows,
        estimator=model,
        recipe=_recipe_of(model, known),
    )
    target.packages = _packages_of(model)
    return target


def _regressor(model: Any, takes: Takes) -> FunctionRegressor:
    """A function of numbers, or any object that predicts them."""
    if not hasattr(model, "predict"):
        return FunctionRegressor(model, name=function_name(model), takes=takes)
    target = FunctionRegressor(
        model.predict,
        name=type(model).__name__,
        takes=takes,
        estimator=model,
        recipe=_recipe_of(model, np.empty(0)),
    )
    target.packages = _packages_of(model)
    return target


def _predicts_numbers(model: Any, some_rows: Any, labels: Sequence[Any]) -> bool:
    """Whether labels are numbers, more than two of them, and the model answers with one number a row.

    Whole numbers that recur may be classes: they are numbers where they are floats and the model answers
    with others.
    """
    kinds = {type(label) for label in labels}
    if not kinds <= {int, float} or len(set(labels)) <= _TWO_CLASSES:
        return False
    try:
        answer = as_array(getattr(model, "predict", model)(some_rows.copy()))
    except Exception:  # noqa: BLE001 -- asked again as a function, which then says what went wrong
        return False
    if answer.shape not in ((len(some_rows),), (len(some_rows), 1)) or answer.dtype.kind not in "iuf":
        return False
    others = not set(answer.ravel().tolist()) <= set(labels)
    return are_amounts(np.asarray(labels)) or (kinds == {float} and others)


def _copied(model: BaseEstimator) -> BaseEstimator:
    """A copy that may be settled; the model itself where it cannot be copied."""
    try:
        return copy.deepcopy(model)
    except Exception:  # noqa: BLE001 -- whatever an estimator holds: files, devices, locks
        return model


def _as_in_files(model: Any) -> Any:
    """The model with the booster behind it as it is read from a file, so that attacks on files see its trees.

    What no file would be read of, such as an objective of the caller's own, stays as it is.
    """
    if isinstance(model, Pipeline):
        model.steps[-1] = (model.steps[-1][0], _as_in_files(model.steps[-1][1]))
    elif isinstance(model, BaseSearchCV) and hasattr(model, "best_estimator_"):
        model.best_estimator_ = _as_in_files(model.best_estimator_)
    package, name = type(model).__module__.partition(".")[0], type(model).__name__
    if "_Booster" not in vars(model) or type(model).__module__ not in BOOSTERS.get(package, ()):
        return model
    try:
        opening, state = boosters(package), vars(model)
        held = opening.from_pickle("Booster", state["_Booster"].__getstate__())
        return opening.from_pickle(name, {**state, "_Booster": held})
    except LeakgaugeError:
        return model


def _recipe_of(model: Any, classes: NDArray[Any]) -> Any:
    """How an estimator that is not scikit-learn's is trained again: cloned, else made anew as it was."""
    if not (callable(getattr(model, "get_params", None)) and callable(getattr(model, "fit", None))):
        return None
    try:
        clone(model)
    except Exception:  # noqa: BLE001 -- CatBoost with categories, which changes what it is given
        return FunctionRecipe(lambda x, y: type(model)(**model.get_params()).fit(x, y), classes)
    return model


def _packages_of(model: Any) -> tuple[str, ...]:
    """The distributions, beside scikit-learn, whose estimators are in the model."""
    modules = {type(part).__module__.partition(".")[0] for part in (model, *parts_of(model))}
    others = modules - {"sklearn", "__main__", "builtins"}
    if not others:
        return ()
    installed = packages_distributions()
    return tuple(sorted({installed[name][0] for name in others if name in installed}))


def classes_in_order(labels: Sequence[Any], classes: Sequence[Any] | None) -> NDArray[Any]:
    """(n_classes,) the labels in the order of the columns of a function's answer.

    Parameters
    ----------
    labels
        those of the members.
    classes
        all labels in that order; None where they are sorted.

    Raises
    ------
    BadParameters
        `classes` for fewer than two different ones, or labels of several types, which have no order.
    """
    if classes is not None:
        has_text = any(isinstance(one, str) for one in classes)
        found = np.asarray(list(classes), dtype=object if has_text else None)
        if found.ndim != 1 or len(found) < 2 or len(set(found.tolist())) < len(found):
            raise BadParameters.about(
                "classes",
                "not two or more different labels",
                problem="classes",
                message="classes does not hold two or more different labels.",
                hint="Name every label once, in the order of the columns of the model's answers.",
            )
        return found
    try:
        return np.asarray(np.unique(np.asarray(labels, dtype=object)).tolist())
    except TypeError as error:  # text and numbers have no order
        raise BadParameters.about(
            "classes",
            "labels of several types",
            problem="classes",
            message="y_train holds labels of several types, so their order is not known.",
            hint="Name all labels in the order of the columns of the model's answers: classes=[...].",
        ) from error


def _classes_known() -> BadParameters:
    return BadParameters.about(
        "classes",
        "the model knows its own",
        problem="classes",
        message="classes was given for a model that knows its classes itself.",
        hint="Leave it out; it is for functions.",
    )
