"""What an output defence is: a change to the model's answers, made after training and without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from leakgauge.targets.protocol import FloatArray


class AnswerTransform(Protocol):
    """Changes answers on their way out."""

    def __call__(self, answers: FloatArray, *, strength: float, queries: Any) -> FloatArray:
        """(n, n_classes) changed probabilities, rows sum to 1.

        Parameters
        ----------
        answers
            (n, n_classes) the model's own.
        strength
            in the unit and range that the table states.
        queries
            the `n` input rows, for defences whose answer depends on them.
        """


@dataclass(frozen=True, slots=True)
class Strength:
    """The one number that a defence is set by.

    Attributes
    ----------
    unit
        what it counts, such as "decimals".
    """

    unit: str
    default: float
    least: float
    greatest: float
    whole: bool = False


@dataclass(frozen=True, slots=True)
class OutputDefence:
    """A row of the table of output defences.

    Attributes
    ----------
    cost
        what honest callers lose, in a sentence.
    strength
        None where there is nothing to set.
    gives
        what callers still see.
    keeps_labels
        the predicted label never changes, so that accuracy is not touched.
    invertible
        anybody who knows the defence and its strength can compute the answer that was changed.
    change_numbers
        the same for (n,) or (n, 1) numbers that a regressor predicts; None where that makes no sense.
    demonstrated
        strength at which the demo page offers it; None for the default, or where there is nothing to set.
    repeatable
        an attacker who knows the defence can do the same to models of their own, as with
        all that holds no secret; attacks then compare like with like.
    """

    name: str
    title: str
    cost: str
    citation: str
    change: AnswerTransform
    strength: Strength | None = None
    gives: Literal["probabilities", "labels"] = "probabilities"
    keeps_labels: bool = True
    invertible: bool = False
    repeatable: bool = True
    demonstrated: float | None = None
    change_numbers: AnswerTransform | None = None
