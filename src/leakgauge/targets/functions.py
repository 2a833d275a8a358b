"""A function of the caller's own, or an object that answers, as a classifier or a regressor of tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leakgauge.errors import BadParameters, UnsupportedModel
from leakgauge.targets.input_columns import InputColumn, InputColumns
from leakgauge.targets.probabilities import (
    checked_labels,
    checked_numbers,
    checked_probabilities,
    numbers_alone,
    prediction_failed,
)
from leakgauge.targets.protocol import AnswerForm, FloatArray, Gives, IntArray
from leakgauge.targets.ways_in import as_array

Takes: TypeAlias = Literal["frame", "array", "texts"]
"""How the caller holds rows, and so how the model is asked: a DataFrame, (n, d) numbers, or (n,) texts."""

CHUNK_ROWS = 8_192
"""Rows that a model is asked for at once, which bounds the memory of its answer."""


def as_held(frame: Any, takes: Takes) -> Any:
    """The rows of a DataFrame in the form in which the caller holds them."""
    if takes == "frame":
        return frame
    if takes == "texts":
        return frame.iloc[:, 0].to_numpy(dtype=object)
    return np.ascontiguousarray(frame.to_numpy())


class AsItAnswers:
    """Asks a model that was trained again for probabilities: the answer form of functions."""

    def __call__(self, model: Any, x: Any) -> NDArray[Any]:
        """(n, k) as `predict_proba` gives them."""
        return np.asarray(model.predict_proba(x))


class AsItPredicts:
    """Asks a model that was trained again for numbers: the answer form of functions that predict."""

    def __call__(self, model: Any, x: Any) -> NDArray[Any]:
        """(n,) or (n, 1) as `predict` gives them."""
        return np.asarray(model.predict(x))


class _Asked:
    """What is so of a function whatever it answers.

    Parameters
    ----------
    function
        of `n` rows.
    name
        what the report calls it.
    takes
        how it is given rows.
    estimator, recipe
        as in `ModelTarget`.
    """

    remarks: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    feature_names = None
    n_features = None

    def __init__(
        self,
        function: Callable[[Any], Any],
        *,
        name: str,
        takes: Takes,
        estimator: Any = None,
        recipe: Any = None,
    ) -> None:
        self._function = function
        self._takes = takes
        self.queries = 0
        self.type_name = name
        self.estimator = estimator
        self.recipe = recipe

    def input_columns(self, n_columns: int) -> InputColumns:
        """Nothing is known of the columns."""
        return InputColumns(tuple(InputColumn() for _ in range(n_columns)))

    def as_input(self, frame: Any) -> Any:
        """The rows in the form that the caller holds them in; see `TableTarget`."""
        return as_held(frame, self._takes)

    def reading_scores(self, x: Any, y: IntArray) -> Self:  # noqa: ARG002 -- the protocol's signature
        """The target itself: a function has no decision scores."""
        return self

    def _ask(self, x: Any) -> Iterator[tuple[NDArray[Any], int]]:
        for start in range(0, len(x), CHUNK_ROWS):
            rows = x[start : start + CHUNK_ROWS].copy()  # which the caller's function may change
            self.queries += len(rows)
            try:
                array = as_array(self._function(rows))
            except Exception as error:  # whatever the caller's function does with rows
                raise prediction_failed(error) from error
            yield array, len(rows)


class FunctionRegressor(_Asked):
    """A regressor of which nothing is known but what it answers: (n,) or (n, 1) numbers of `n` rows.

    Attributes
    ----------
    estimator, recipe, form, packages, remarks
        as in `ModelTarget` and `TableTarget`.
    """

    has_probabilities = False
    gives: Gives = "predictions"
    form: AnswerForm = AsItPredicts()
    classes: NDArray[Any] = np.empty(0)

    def predictions(self, x: Any) -> FloatArray:
        """(n,) numbers that the function predicts for `n` rows.

        Raises
        ------
        UnsupportedModel
            `prediction_failed`; `multi_output` for several numbers a row; `not_finite`.
        """
        answers = [checked_numbers(answer, rows) for answer, rows in self._ask(x)]
        return np.concatenate(answers) if answers else np.empty(0)

    def probabilities(self, x: Any) -> FloatArray:  # noqa: ARG002 -- as in the protocol
        """Never an answer.

        Raises
        ------
        UnsupportedModel
            `labels_only`.
        """
        raise numbers_alone()

    def labels(self, x: Any) -> IntArray:  # noqa: ARG002 -- as in the protocol
        """Never an answer; errors as `probabilities`."""
        raise numbers_alone()


class FunctionTarget(_Asked):
    """A classifier of which nothing is known but what it answers.

    Parameters
    ----------
    function
        of `n` rows: (n, n_classes) probabilities, or (n,) labels.
    classes
        (n_classes,) the labels, in the order of the columns of its answers.
    name
        what the report calls it.
    takes
        how it is given rows.
    some_rows
        by which is told whether it gives probabilities or labels.

    Attributes
    ----------
    estimator, recipe, form, packages, remarks
        as in `ModelTarget` and `TableTarget`.

    Raises
    ------
    UnsupportedModel
        `prediction_failed`, `not_probabilities`, or `answer_shape` for an answer of another shape.
    BadParameters
        `classes_do_not_fit` for another number of columns than of classes.
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        classes: NDArray[Any],
        *,
        name: str,
        takes: Takes,
        some_rows: Any,
        estimator: Any = None,
        recipe: Any = None,
    ) -> None:
        super().__init__(function, name=name, takes=takes, estimator=estimator, recipe=recipe)
        self._positions = {label: position for position, label in enumerate(classes.tolist())}
        self.classes = classes
        self.has_probabilities = self._gives_probabilities(some_rows)
        self.gives: Gives = "probabilities" if self.has_probabilities else "labels"
        self.form: AnswerForm | None = AsItAnswers() if self.has_probabilities else None
        self.queries = 0

    def _gives_probabilities(self, rows: Any) -> bool:
        (answer, count), *_others = self._ask(rows)
        if answer.shape == (count,) and all(label in self._positions for label in answer.tolist()):
            return False
        if answer.ndim != 2 or len(answer) != count:
            raise UnsupportedModel(
                "answer_shape",
                f"Asked about {count} rows, the model answered with shape {answer.shape}; it takes one row "
                "of probabilities, or one label that is in y_train, for each.",
                hint="Make both columns of two classes: lambda X: np.column_stack([1 - model(X), model(X)]). "
                "If it predicts numbers, pass y_train and y_test as floats.",
            )
        if answer.shape[1] != len(self.classes):
            raise BadParameters.about(
                "classes",
                f"{len(self.classes)} labels for {answer.shape[1]} columns",
                problem="classes_do_not_fit",
                message=f"The model gives {answer.shape[1]} probabilities a row, and there are "
                f"{len(self.classes)} labels.",
                hint="Name all labels in the order of its columns: classes=[...]. Without that they are "
                "those of y_train, sorted.",
            )
        checked_probabilities(answer, count, len(self.classes))
        return True

    def probabilities(self, x: Any) -> FloatArray:
        """(n, n_classes) class probabilities for `n` rows.

        Raises
        ------
        UnsupportedModel
            `labels_only`; `prediction_failed` and `not_probabilities`.
        """
        if not self.has_probabilities:
            raise UnsupportedModel(
                "labels_only",
                "The model gives labels, not probabilities.",
                hint="Use attacks that see labels only, or hand over what gives its probabilities.",
            )
        answers = [checked_probabilities(answer, rows, len(self.classes)) for answer, rows in self._ask(x)]
        return np.concatenate(answers) if answers else np.empty((0, len(self.classes)))

    def labels(self, x: Any) -> IntArray:
        """(n,) positions in `classes` of the likeliest or the predicted labels, for `n` rows.

        Raises
        ------
        UnsupportedModel
            `prediction_failed` for a label that is none of the classes; `not_probabilities`.
        """
        if self.has_probabilities:
            return np.asarray(self.probabilities(x).argmax(axis=1), dtype=np.int64)
        answers = [checked_labels(answer, rows, self._positions) for answer, rows in self._ask(x)]
        return np.concatenate(answers) if answers else np.empty(0, dtype=np.int64)
