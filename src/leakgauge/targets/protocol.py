"""All that an audit asks of a target, whatever file it came from.

Target              what an attack asks: answers, and how many questions they took
Regressor           what it asks instead of a model that predicts numbers
└ ModelTarget     and what an audit must know of the model behind it
├ TableTarget     and what it knows of the columns of a table
└ ImageModel      and what was found out about its images (`targets.images.facts`)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from leakgauge.targets.input_columns import InputColumns

if TYPE_CHECKING:  # output defences work on arrays alone, and know no table
    import pandas as pd

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]
LabelArray: TypeAlias = NDArray[Any]
"""Labels: int64 positions in the classes of a classifier, or the float64 numbers of a regressor."""

Gives: TypeAlias = Literal["labels", "scores", "probabilities", "predictions"]
"""What callers see of a target's answer; scores are decision scores in the form of probabilities, predictions
the numbers that a regressor gives, and nobody else."""
LARGEST_NUMBER = 1e100
"""Of labels and predictions of a regressor: squares of what lies beyond may be no finite numbers."""


MOSTLY_DIFFERENT = 0.5
"""Share of different values from which on whole numbers are amounts, not labels."""


def are_amounts(numbers: NDArray[Any]) -> bool:
    """Whether numbers are amounts, as a regressor predicts them, and no labels of classes."""
    whole = bool((numbers == np.round(numbers)).all())
    return not whole or len(np.unique(numbers)) > MOSTLY_DIFFERENT * len(numbers)


class AnswerForm(Protocol):
    """Asks a fitted model, the target or a clone of it, for what an attacker sees."""

    def __call__(self, model: Any, x: Any) -> NDArray[Any]:
        """(n, k) in the form of probabilities, for `n` rows; columns are the k classes that `model` knows.

        Of a regressor (n,) or (n, 1) predicted numbers.
        """


@runtime_checkable
class Target(Protocol):
    """A model seen from outside: a black box that answers and counts what it is asked.

    Attributes
    ----------
    classes
        (n_classes,) the class labels, in the order of the columns of `probabilities`; none of a regressor.
    has_probabilities
        False for a model that gives labels or predictions alone; `probabilities` then raises
        `UnsupportedModel` with problem `labels_only`.
    """

    classes: NDArray[Any]
    has_probabilities: bool

    @property
    def queries(self) -> int:
        """Number of input rows sent so far, over both methods."""

    def probabilities(self, x: Any) -> FloatArray:
        """(n, n_classes) class probabilities, float64, rows sum to 1, for `n` input rows."""

    def labels(self, x: Any) -> IntArray:
        """(n,) positions in `classes` of the predicted labels, for `n` input rows."""


class Regressor(Protocol):
    """A target that predicts a number: one that gives `"predictions"`."""

    def predictions(self, x: Any) -> FloatArray:
        """(n,) predicted numbers, none beyond `LARGEST_NUMBER`, for `n` input rows."""


class ModelTarget(Target, Protocol):
    """A target with what an audit must know of the model behind it."""

    @property
    def gives(self) -> Gives:
        """What callers see of the answers."""

    @property
    def form(self) -> AnswerForm | None:
        """What clones of `recipe` are asked for; None where there is none, or labels are all it gives."""

    @property
    def estimator(self) -> Any:
        """The fitted estimator, for attacks that see the model file; None for none."""

    @property
    def recipe(self) -> Any:
        """What is cloned and fitted to train the model again; None where nobody says how it was trained."""

    @property
    def type_name(self) -> str:
        """What the model is, such as `Pipeline(StandardScaler → SVC)`."""

    @property
    def packages(self) -> tuple[str, ...]:
        """Packages, besides those of every audit, whose versions the answers depend on."""


class TableTarget(ModelTarget, Protocol):
    """A model of the rows of a table.

    Attributes
    ----------
    remarks
        sentences for the report on how the file was read.
    """

    remarks: tuple[str, ...]

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """Columns that the model was fitted on, in its order; None where it knows no names."""

    @property
    def n_features(self) -> int | None:
        """Number of input columns; None where the model does not say."""

    def input_columns(self, n_columns: int) -> InputColumns:
        """What the model knows of the columns that it takes, in its own order."""

    def as_input(self, frame: pd.DataFrame) -> pd.DataFrame | NDArray[Any]:
        """The rows in the form that the model was fitted on.

        Parameters
        ----------
        frame
            (n, n_columns) features without the label, each column of the type that training had.

        Raises
        ------
        UnsupportedModel
            `columns_do_not_fit`, with the missing columns or both numbers of columns.
        """

    def reading_scores(self, x: Any, y: IntArray) -> TableTarget:
        """The target with its decision scores in the form of probabilities, scaled to fit these records.

        The target itself where it gives probabilities, or has no such scores.

        Parameters
        ----------
        x
            (n, n_features) rows as `as_input` gives them.
        y
            (n,) positions in `classes` of their true labels.
        """


@runtime_checkable
class MayPredictNumbers(Protocol):
    """A target that may be a classifier or a regressor, which only the labels tell."""

    def predicting_numbers(self) -> TableTarget | None:
        """The same model as a regressor; None where its answers are no numbers."""
