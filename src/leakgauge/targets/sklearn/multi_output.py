"""Models that predict several labels or numbers at once, and how to get a model of one out of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.pipeline import Pipeline

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.sklearn.answer_forms import innermost
from leakgauge.targets.sklearn.model_graph import type_name


def predicts_several_labels(estimator: Any, classes: Any) -> bool:
    """Whether a fitted classifier with these `classes_` gives each record more than one label."""
    inner = innermost(estimator)
    # a network or a linear model for many labels looks like one for many classes but for this
    labels = str(getattr(getattr(inner, "_label_binarizer", None), "y_type_", ""))
    return (
        isinstance(classes, list)
        or getattr(classes, "ndim", 1) != 1
        or bool(getattr(inner, "multilabel_", False))
        or labels.startswith("multilabel")
    )


def refusal(estimator: Any, *, path: str) -> UnsupportedModel:
    """The error for such a model, with the code that makes a model of its first label.

    Parameters
    ----------
    path
        the estimator as an expression of `model`, the object in the file.
    """
    return UnsupportedModel(
        "multi_output",
        f"The {type_name(estimator)} predicts several labels at once, and an audit is of one label.",
        hint=_way_out(estimator, path),
    )


def check_one_number(estimator: Any) -> None:
    """Refuse a regressor whose attributes say that it predicts several numbers.

    Raises
    ------
    UnsupportedModel
        `multi_output`.
    """
    inner = innermost(estimator)
    attributes = getattr(inner, "__dict__", {})
    if isinstance(inner, MultiOutputRegressor | RegressorChain):
        outputs = len(attributes.get("estimators_", ()))
    else:
        outputs = int(attributes.get("n_outputs_", 1))
        # targets stand in the rows of linear coefficients, and in the columns of what is kept of records
        for name, axis in (("coef_", 0), ("_y", 1), ("y_train_", 1)):
            table = attributes.get(name)
            if isinstance(table, np.ndarray) and table.ndim == 2:
                outputs = max(outputs, table.shape[axis])
    if outputs > 1:
        raise several_numbers(estimator)


def several_numbers(estimator: Any) -> UnsupportedModel:
    """The error for a regressor that predicts several numbers at once."""
    return UnsupportedModel(
        "multi_output",
        f"The {type_name(estimator)} predicts several numbers at once, and an audit is of one.",
        hint="Fit it on one column of numbers, or take out the regressor of one where there is one for each "
        "(estimators_[0] of a MultiOutputRegressor). Send it with tables whose label column is that number.",
    )


def _way_out(estimator: Any, path: str) -> str:
    last, of_last = estimator, path
    pipeline = isinstance(estimator, Pipeline) and bool(estimator.steps)
    if pipeline:
        last, of_last = estimator.steps[-1][1], f"{path}[-1]"
    first = f"{of_last}.estimators_[0]"
    if pipeline:
        first = f'Pipeline([*{path}.steps[:-1], ("label", {first})])'
    again = _saved(f"clone({path}).fit(x_train, np.asarray(y_train)[:, 0])")
    if isinstance(last, MultiOutputClassifier):
        return (
            f"Take out the classifier of one label, the first being {_saved(first)}, and send it with tables "
            "whose label column is that label."
        )
    if isinstance(last, OneVsRestClassifier):
        return (
            f"Take out the classifier of one label, the first being {_saved(first)}, and send it with tables "
            "whose label column says by 0 and 1 whether a record has that label."
        )
    if isinstance(last, ClassifierChain):
        return (
            "Each classifier of a chain reads the labels before its own, so only the first stands alone: "
            f"{_saved(first)}, for the label in column {of_last}.order_[0]. Send it with tables whose label "
            "column is that label."
        )
    return (
        f"No label can be taken out of a {type_name(last)}. Fit it on one label alone, {again}, and send "
        "that: it shows what such a model leaks, though it is not this one."
    )


def _saved(expression: str) -> str:
    return f'joblib.dump({expression}, "model.joblib")'
