"""A fitted scikit-learn classifier or regressor as a black box."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline

from leakgauge.errors import LeakgaugeError, UnsupportedModel
from leakgauge.targets.boosters.estimator import BoosterEstimator
from leakgauge.targets.frames import check_width, columns_by_name
from leakgauge.targets.input_columns import InputColumns
from leakgauge.targets.probabilities import checked_labels, checked_probabilities, prediction_failed
from leakgauge.targets.protocol import AnswerForm, FloatArray, Gives, IntArray
from leakgauge.targets.sklearn.answer_forms import DecisionScores, Predictions, Probabilities, class_scores
from leakgauge.targets.sklearn.bundled_model import model_in
from leakgauge.targets.sklearn.checked_answers import checked_predictions
from leakgauge.targets.sklearn.input_columns import input_columns
from leakgauge.targets.sklearn.kinds import KINDS, classes_of, is_a_classifier, not_fitted
from leakgauge.targets.sklearn.model_graph import parts_of, reads_documents, type_name
from leakgauge.targets.sklearn.reading import load_model, unreadable
from leakgauge.threads import processors

# of three classes and more, how often the largest score must be that of the predicted label
_LEAST_AGREEMENT = 0.5


def open_sklearn(path: Path) -> SklearnTarget:
    """The model in a pickle or skops file; see `formats.Format`."""
    loaded = load_model(path)
    return SklearnTarget(loaded.estimator, remarks=loaded.warnings)


class SklearnTarget:
    """A classifier or regressor that counts what it is asked.

    The estimator is changed in place where that changes no answer: one thread
    (sums over threads come in no fixed order), no output, no cache on disk.

    Parameters
    ----------
    estimator
        a fitted classifier, regressor, Pipeline or search, of which the best estimator is taken; or a
        dictionary, list or tuple that holds one of these and nothing that prepares its input.
    chunk_rows
        rows to ask for at once, which bounds the memory of a query.

    Attributes
    ----------
    classes
        (n_classes,) the labels, in the order of the columns of `probabilities`; none of a regressor.
    queries
        rows asked for so far.
    feature_names
        columns that the model was fitted on, in its order; `None` when it was fitted on arrays.
    n_features
        number of input columns; `None` when the model does not say.
    has_probabilities
        False when the model gives labels or predictions alone, as far as `form` says.
    form
        what it is asked for beside labels, None for nothing; its clones must be asked for the same.
    estimator
        the fitted model itself, for attacks that see the model file.
    recipe
        what is cloned to train it again: the same, unless the caller has another way.
    remarks
        sentences for the report on how the file was read and what else it holds.

    Raises
    ------
    UnsupportedModel
        `not_a_model`, `several_models`, `preprocessing_beside_model`, `not_a_classifier`,
        `not_fitted`, `multi_output`, `single_class`, or `unreadable` for parts that contradict each other.
    """

    def __init__(self, estimator: object, *, chunk_rows: int = 8192, remarks: tuple[str, ...] = ()) -> None:
        self.remarks = remarks
        self.queries = 0
        self._chunk_rows = chunk_rows
        try:
            self._examine(estimator)
        except (LeakgaugeError, MemoryError):
            raise
        except Exception as error:  # a file can make any part fail in any way; all of them mean the same
            raise unreadable() from error

    def _examine(self, estimator: object) -> None:
        found = model_in(estimator, kinds=KINDS)
        if found is not None:
            self.remarks = (*self.remarks, found.remark)
        self.estimator: Any
        self.estimator, inside = _best_of(estimator if found is None else found.estimator)
        self.recipe: Any = self.estimator
        boosters = (part for part in parts_of(self.estimator) if isinstance(part, BoosterEstimator))
        self.packages: tuple[str, ...] = tuple(sorted({part.distribution() for part in boosters}))
        path = f"{'model' if found is None else found.path}{inside}"
        self.classes: NDArray[Any] = classes_of(self.estimator, path)
        self.has_probabilities = _answers(self.estimator, "predict_proba")
        self.form: AnswerForm | None = Probabilities() if self.has_probabilities else None
        if not is_a_classifier(self.estimator):
            self.has_probabilities, self.form = False, Predictions()
        self._positions = {label: position for position, label in enumerate(self.classes.tolist())}
        _settle(self.estimator)
        names = _first_known(self.estimator, "feature_names_in_")
        self.feature_names: tuple[str, ...] | None = (
            None if names is None else tuple(str(name) for name in names)
        )
        self._reads_documents = reads_documents(self.estimator)
        number = 1 if self._reads_documents else _first_known(self.estimator, "n_features_in_")
        self.n_features: int | None = None if number is None else int(number)

    @property
    def gives(self) -> Gives:
        """What callers see of the model's answers."""
        match self.form:
            case None:
                return "labels"
            case Predictions():
                return "predictions"
            case DecisionScores():
                return "scores"
        return "probabilities"

    def reading_scores(self, x: Any, y: IntArray) -> SklearnTarget:
        """The target with its decision scores in the form of probabilities, scaled to fit these records.

        The target itself where it gives probabilities, or no finite score for every class:
        nothing but its labels can be attacked then. Parameters as in `TableTarget`.
        """
        if self.form is not None or not _answers(self.estimator, "decision_function"):
            return self
        try:
            asked = self._ask(lambda rows: class_scores(self.estimator, rows), x)
            scores = np.concatenate([answer for answer, _rows in asked])
            labels = self.labels(x) if len(self.classes) > 2 else None
        except UnsupportedModel:
            return self
        if not np.isfinite(scores).all():
            return self
        if labels is not None and (scores.argmax(axis=1) == labels).mean() < _LEAST_AGREEMENT:
            return self  # whatever these numbers are, they are no scores of the classes
        reading = copy(self)
        reading.form = DecisionScores.fitting(scores, y)
        reading.has_probabilities = True
        return reading

    @property
    def type_name(self) -> str:
        """What the model is, such as `Pipeline(StandardScaler → SVC)`."""
        return type_name(self.estimator)

    def input_columns(self, n_columns: int) -> InputColumns:
        """What the model knows of the columns that it takes, in its own order."""
        return input_columns(self.estimator, n_columns)

    def as_input(self, frame: pd.DataFrame) -> pd.DataFrame | NDArray[Any]:
        """The rows in the form that the model was fitted on.

        A model fitted on a frame gets a frame with its own columns in its own order:
        it selects columns by name, and would warn about an array. One fitted on an
        array gets an array in C order, and would warn about a frame. One fitted on
        documents gets the one column of texts as a vector.

        Parameters, and errors raised, as in `TableTarget`.
        """
        names = self.feature_names
        if names is not None:
            return columns_by_name(frame, names)
        if self._reads_documents:
            return _documents(frame)
        check_width(frame, self.n_features)
        return np.ascontiguousarray(frame.to_numpy())

    def probabilities(self, x: Any) -> FloatArray:
        """(n, n_classes) class probabilities, or scores in their form, for (n, n_features) rows.

        Raises
        ------
        UnsupportedModel
            `labels_only`; `prediction_failed` when the model cannot take the rows;
            `not_probabilities` when the answers are not finite, negative or sum to something else.
        """
        form = self.form
        if form is None or not self.has_probabilities:
            raise UnsupportedModel(
                "labels_only",
                f"A {self.type_name} gives labels, not probabilities.",
                hint="Use attacks that see labels only, or calibrate it with CalibratedClassifierCV.",
            )
        answers = [
            checked_probabilities(answer, rows, len(self.classes))
            for answer, rows in self._ask(lambda part: form(self.estimator, part), x)
        ]
        return np.concatenate(answers) if answers else np.empty((0, len(self.classes)))

    def labels(self, x: Any) -> IntArray:
        """(n,) positions in `classes` of the predicted labels, for (n, n_features) rows.

        Raises
        ------
        UnsupportedModel
            `prediction_failed` when the model cannot take the rows or answers with an unknown label.
        """
        answers = [
            checked_labels(answer, rows, self._positions) for answer, rows in self._ask(self._predict, x)
        ]
        return np.concatenate(answers) if answers else np.empty(0, dtype=np.int64)

    def predictions(self, x: Any) -> FloatArray:
        """(n,) numbers that a regressor predicts for (n, n_features) rows.

        Raises
        ------
        UnsupportedModel
            `prediction_failed` when the model cannot take the rows; `multi_output` when it predicts
            several numbers at once; `not_finite` when one of them is infinite, missing or beyond
            `LARGEST_NUMBER`.
        """
        answers = [
            checked_predictions(answer, rows, self.estimator) for answer, rows in self._ask(self._predict, x)
        ]
        return np.concatenate(answers) if answers else np.empty(0)

    def _predict(self, rows: Any) -> Any:
        return self.estimator.predict(rows)  # looked up when it is asked, since some parts lack it

    def _ask(self, method: Callable[[Any], Any], x: Any) -> Iterator[tuple[Any, int]]:
        n_rows = len(x)
        for start in range(0, n_rows, self._chunk_rows):
            rows = x[start : start + self._chunk_rows]
            self.queries += len(rows)
            try:
                # models of earlier versions warn about names that they did not store yet, and the like
                with warnings.catch_warnings(), np.errstate(all="ignore"):
                    warnings.simplefilter("ignore")
                    answer = np.asarray(method(rows))
            except (
                Exception
            ) as error:  # whatever a model does with rows, all of it means that it cannot take them
                raise prediction_failed(error) from error
            yield answer, len(rows)


def _documents(frame: pd.DataFrame) -> NDArray[Any]:
    """(n,) texts, objects; an empty cell is an empty text, since a vectoriser knows no missing one."""
    if frame.shape[1] != 1:
        raise UnsupportedModel(
            "columns_do_not_fit",
            f"The model was fitted on texts, one per record, and the table has {frame.shape[1]} columns.",
            hint="Send tables with one column of texts beside the label.",
            details={"model_columns": 1, "table_columns": int(frame.shape[1])},
        )
    column = frame.iloc[:, 0]
    return column.astype(object).where(column.notna(), "").map(str).to_numpy(dtype=object)


def _best_of(estimator: object) -> tuple[BaseEstimator, str]:
    """The classifier that a search found, and where in the search it lies; anything else as it is."""
    path = ""
    for _ in range(10):  # a search may search over searches, but not without end
        if not isinstance(estimator, BaseSearchCV):
            break
        if not hasattr(estimator, "best_estimator_"):
            raise not_fitted("a search without a best estimator")
        estimator, path = estimator.best_estimator_, f"{path}.best_estimator_"
    if not isinstance(estimator, BaseEstimator):
        raise UnsupportedModel(
            "not_a_model",
            "The model file holds something else than a scikit-learn model.",
            hint="Save the fitted classifier itself.",
        )
    return estimator, path


def _answers(estimator: Any, method: str) -> bool:
    """Whether the model has the method; a wrapper asks its parts, which may be broken in any way."""
    try:
        return callable(getattr(estimator, method, None))
    except Exception:  # noqa: BLE001 (whatever it is, there is no method)
        return False


def _settle(estimator: Any) -> None:
    for part in parts_of(estimator):
        if isinstance(part, BoosterEstimator):
            continue  # made for one thread, and silent
        attributes = vars(part)
        if "n_jobs" in attributes:
            # to scikit-learn None is one, to other libraries all that there are
            part.n_jobs = None if type(part).__module__.startswith(("sklearn.", "leakgauge.")) else 1
        if "_n_threads" in attributes:
            part._n_threads = processors()  # how many there were where the model was fitted
        if "verbose" in attributes:
            # scikit-learn's own check, on refitting a clone, tells bool from int
            part.verbose = False if isinstance(part.verbose, bool) else 0
        if "memory" in attributes:
            part.memory = None
        if isinstance(part, DummyClassifier) and attributes.get("random_state") is None:
            part.random_state = 0  # the one classifier that answers at random


def _first_known(estimator: Any, attribute: str) -> Any:
    """The attribute of the model, or of the first step inside it that was given the input itself."""
    for _ in range(100):  # Pipelines in Pipelines
        found = getattr(estimator, attribute, None)
        if found is not None or not isinstance(estimator, Pipeline) or not estimator.steps:
            return found
        estimator = estimator.steps[0][1]
    return None
