"""Models that predict several labels at once, and how to get a model of one label out of them."""

from __future__ import annotations

from typing import Any

from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
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
