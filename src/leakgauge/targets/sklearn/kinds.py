"""What a fitted scikit-learn model is: a classifier of these classes, or a regressor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.sklearn import multi_output
from leakgauge.targets.sklearn.model_graph import type_name


def _is_fitted(thing: Any) -> bool:
    try:
        check_is_fitted(thing)
    except (NotFittedError, AttributeError, LookupError, TypeError, ValueError, RecursionError):
        return False
    return True


def classes_of(estimator: Any, path: str) -> NDArray[Any]:
    """(n_classes,) the classes of a fitted classifier, none of a regressor.

    Parameters
    ----------
    path
        the estimator as an expression of `model`, the object in the file.

    Raises
    ------
    UnsupportedModel
        `not_a_classifier`, `not_fitted`, `multi_output` or `single_class`.
    """
    regressor = is_a_regressor(estimator)
    if not regressor and not is_a_classifier(estimator):
        raise UnsupportedModel(
            "not_a_classifier",
            f"A {type_name(estimator)} is neither a classifier nor a regressor.",
            hint="Send a fitted classifier or regressor; clusterers and transformers cannot be audited.",
        )
    try:
        check_is_fitted(estimator)
        if regressor:
            multi_output.check_one_number(estimator)
            return np.empty(0)
        classes = estimator.classes_
    except (NotFittedError, AttributeError, IndexError, TypeError, RecursionError) as error:
        raise not_fitted(f"a {type_name(estimator)}") from error
    if multi_output.predicts_several_labels(estimator, classes):
        raise multi_output.refusal(estimator, path=path)
    if len(classes) < 2:
        raise UnsupportedModel(
            "single_class",
            f"The {type_name(estimator)} knows one class only, so its answers tell nothing.",
            hint="Fit the model on records of at least two classes.",
        )
    return np.asarray(classes)


def is_a_classifier(estimator: Any) -> bool:
    """Whether scikit-learn calls it one; a wrapper asks its parts, which may be broken."""
    return _is_of_kind(estimator, is_classifier)


def is_a_regressor(estimator: Any) -> bool:
    """Whether scikit-learn calls it one; a wrapper asks its parts, which may be broken."""
    return _is_of_kind(estimator, is_regressor)


def _is_of_kind(estimator: Any, kind: Callable[[Any], bool]) -> bool:
    try:
        return bool(kind(estimator))
    except (
        AttributeError,
        ValueError,
        TypeError,
        IndexError,
        RecursionError,
    ):  # a Pipeline without steps, say
        return False


KINDS: Mapping[str, Callable[[Any], bool]] = {
    "classifier": lambda thing: _is_fitted(thing) and is_a_classifier(thing),
    "regressor": lambda thing: _is_fitted(thing) and is_a_regressor(thing),
}
"""What can be audited; a regressor beside a classifier is passed over."""


def not_fitted(what: str) -> UnsupportedModel:
    """The error for a model that was not fitted; `what` says which."""
    return UnsupportedModel(
        "not_fitted",
        f"The model is {what} that was not fitted.",
        hint="Fit it on the training data first.",
    )
