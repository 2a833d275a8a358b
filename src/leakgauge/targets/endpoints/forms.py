"""What a service's answers are: told from the first of them, and held against every further one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leakgauge.errors import BadParameters, ServiceFailed
from leakgauge.row_pipe import Answer
from leakgauge.targets.protocol import LARGEST_NUMBER, FloatArray, Gives, IntArray
from leakgauge.targets.score_rows import (
    are_truncated,
    normalised,
    rounding_step,
    scores_kept,
    spread_over_hidden,
    sums_to_one,
    within_unit,
)

Rows: TypeAlias = Literal["complete", "independent", "truncated"]
_SUM_TOLERANCE = 0.05
"""How far from 1 a row may be in sum where the first ones summed to it, rounded as they are."""


_SAME = 1e-5
"""How far two numbers may lie apart and still be the same answer, computed in another order."""


@dataclass(frozen=True, slots=True)
class AnswerReading:
    """How the answers of a service are read.

    Attributes
    ----------
    gives
        what they are.
    classes
        (n_classes,) labels in the order of the probabilities; none of a regressor.
    is_logits
        whether softmax makes probabilities of them.
    rows
        of probabilities, as in `ImageModelFacts`.
    step, kept
        of probabilities, what they are rounded to multiples of, and how many of the classes have one; None
        where they are not rounded, and all have one.
    """

    gives: Gives
    classes: NDArray[Any]
    is_logits: bool = False
    rows: Rows = "complete"
    step: float | None = None
    kept: int | None = None

    def probabilities(self, answers: Sequence[Answer]) -> FloatArray:
        """(n, n_classes) rows that sum to 1.

        Raises
        ------
        ServiceFailed
            `answer_form`, `not_probabilities`.
        """
        scores = scores_in(answers, self.classes)
        if scores is None:
            raise _another_form()
        if self.is_logits:
            scores = np.exp(scores - scores.max(axis=1, keepdims=True))
            return normalised(scores)
        if not within_unit(scores):
            raise _not_probabilities("below 0 or above 1")
        scores = np.maximum(scores, 0.0)
        if self.rows == "truncated":
            return normalised(spread_over_hidden(scores))
        tolerance = max(_SUM_TOLERANCE, scores.shape[1] * (self.step or 0.0) / 2)
        if self.rows == "complete" and np.abs(scores.sum(axis=1) - 1.0).max(initial=0.0) > tolerance:
            raise _not_probabilities("that do not sum to 1, as the first ones did")
        return normalised(scores)

    def labels(self, answers: Sequence[Answer]) -> IntArray:
        """(n,) positions of the labels; errors as `probabilities`."""
        places = places_in(answers, self.classes)
        if places is None:
            raise _another_form()
        return places

    def predictions(self, answers: Sequence[Answer]) -> FloatArray:
        """(n,) predicted numbers; errors as `probabilities`."""
        numbers = _numbers_in(answers)
        if numbers is None or np.abs(numbers).max(initial=0.0) > LARGEST_NUMBER:
            raise _another_form()
        return numbers

    def description(self) -> str:
        """What is told of it in the report."""
        if self.gives == "predictions":
            return "The service answers with a number for each row."
        if self.gives == "labels":
            return (
                "The service answers with labels alone: attacks that read probabilities cannot be run, here "
                "or by an attacker who asks it."
            )
        sentences = ["The service answers with logits." if self.is_logits else ""]
        if self.step is not None:
            sentences.append(f"Its probabilities are rounded to multiples of {self.step:g}.")
        if self.kept is not None:
            sentences.append(
                f"It gives a probability to the {self.kept} likeliest of {len(self.classes)} classes; what "
                "they leave is taken to be spread evenly over the others."
            )
        if self.rows == "independent":
            sentences.append("Its probabilities do not sum to 1 and were scaled so that they do.")
        return " ".join(filter(None, sentences)) or "The service answers with a probability for each class."


def read_form(asked_for: str, answers: Sequence[Answer], classes: NDArray[Any]) -> AnswerReading:
    """How answers are to be read.

    Parameters
    ----------
    asked_for
        what the settings say they are; `auto` where they leave it open.
    answers
        the first ones.
    classes
        (n_classes,) labels.

    Raises
    ------
    BadParameters
        `service_answers` where they are not what the settings say, or cannot be told; `classes_do_not_fit`
        for another number of them than of classes.
    ServiceFailed
        `not_probabilities`.
    """
    if asked_for == "predictions":
        if _numbers_in(answers) is None:
            raise _unclear("a number for each row", answers)
        return AnswerReading("predictions", classes)
    labelled = asked_for in ("auto", "labels") and places_in(answers, classes) is not None
    if labelled:
        return AnswerReading("labels", classes)
    scores = scores_in(answers, classes)
    if asked_for == "labels" or scores is None:
        raise _unclear("one of the labels, or a probability for each class", answers)
    if asked_for == "logits":
        return AnswerReading("probabilities", classes, is_logits=True)
    if not within_unit(scores):
        raise _not_probabilities("below 0 or above 1")
    if not scores.any():
        raise _not_probabilities("that are all 0")
    truncated = are_truncated(scores)
    complete = not truncated and sums_to_one(scores)
    return AnswerReading(
        "probabilities",
        classes,
        rows="complete" if complete else "truncated" if truncated else "independent",
        step=rounding_step(scores),
        kept=scores_kept(scores) if truncated else None,
    )


def scores_in(answers: Sequence[Answer], classes: NDArray[Any]) -> FloatArray | None:
    """(n, n_classes) numbers, one for each class; of two classes one number is the second's probability.

    None where the answers are no numbers.

    Raises
    ------
    BadParameters
        `classes_do_not_fit`.
    """
    named = {str(label): place for place, label in enumerate(classes.tolist())}
    if all(isinstance(answer, dict) for answer in answers):
        scores = np.zeros((len(answers), len(classes)))
        for row, answer in zip(scores, answers, strict=True):
            assert isinstance(answer, dict)  # noqa: S101 -- narrows the type
            for name, score in answer.items():
                if name not in named:
                    raise _do_not_fit(f"names classes that are none of the {len(classes)} known")
                row[named[name]] = score
        return scores
    widths = {len(answer) for answer in answers if isinstance(answer, list)}
    if all(isinstance(answer, list) for answer in answers) and len(widths) == 1:
        numbers = np.asarray(answers, dtype=np.float64)
        if numbers.shape[1] == len(classes):
            return numbers
        if numbers.shape[1] > 1:
            raise _do_not_fit(f"gives {numbers.shape[1]} numbers a row, and there are {len(classes)} classes")
    second = _numbers_in(answers)
    if second is None or len(classes) != 2:
        return None
    return np.column_stack([1.0 - second, second])


def places_in(answers: Sequence[Answer], classes: NDArray[Any]) -> IntArray | None:
    """(n,) positions of labels in the classes; None where one of the answers is none of them."""
    known: dict[Any, int] = {}
    for place, label in enumerate(classes.tolist()):
        known.setdefault(label, place)
        known.setdefault(str(label), place)
    places = [_place(answer, known) for answer in answers]
    return None if None in places else np.asarray(places, dtype=np.int64)


def _place(answer: Answer, known: Mapping[Any, int]) -> int | None:
    if isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]
    if isinstance(answer, list | dict):
        return None
    if answer in known:
        return known[answer]
    whole = isinstance(answer, float) and answer.is_integer()
    return known.get(str(int(answer)) if whole else str(answer))


def _numbers_in(answers: Sequence[Answer]) -> FloatArray | None:
    """(n,) numbers; None where the answers are not one number each."""
    alone = [each[0] if isinstance(each, list) and len(each) == 1 else each for each in answers]
    if not all(isinstance(each, int | float) and not isinstance(each, bool) for each in alone):
        return None
    return np.asarray(alone, dtype=np.float64)


def share_changed(first: Sequence[Answer], again: Sequence[Answer]) -> float:
    """Share of the rows whose second answer is another one."""
    return float(np.mean([not _alike(one, other) for one, other in zip(first, again, strict=True)]))


def _alike(one: Answer, other: Answer) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and _alike([*one.values()], [other[name] for name in one])
    if isinstance(one, str) or isinstance(other, str) or isinstance(one, dict) or isinstance(other, dict):
        return one == other
    numbers, others = np.atleast_1d(one), np.atleast_1d(other)
    return numbers.shape == others.shape and bool(np.allclose(numbers, others, rtol=_SAME, atol=_SAME))


def _another_form() -> ServiceFailed:
    return ServiceFailed(
        "answer_form",
        "The service answers some rows in another form than the first ones.",
        hint="Say in the settings what it answers: answers and classes.",
    )


def _not_probabilities(what: str) -> ServiceFailed:
    return ServiceFailed(
        "not_probabilities",
        f"The service answers with numbers {what}, which are no probabilities.",
        hint="Set answers in the settings to logits, labels or predictions if that is what they are.",
    )


def _do_not_fit(what: str) -> BadParameters:
    return BadParameters.about(
        "classes",
        "do not fit the answers of the service",
        problem="classes_do_not_fit",
        message=f"The service {what}.",
        hint="Name all labels in the settings, in the order of its probabilities: classes. Without that they "
        "are those in the table of members, sorted.",
    )


def _unclear(wanted: str, answers: Sequence[Answer]) -> BadParameters:
    kinds: dict[type, str] = {dict: "objects", list: "lists of numbers", str: "text"}
    found = kinds.get(type(answers[0]), "single numbers")
    return BadParameters.about(
        "answers",
        f"{found}, not {wanted}",
        problem="service_answers",
        message=f"The service answers with {found} that are not {wanted}.",
        hint="Say in the settings what it answers: answers, and classes in the order of its probabilities. "
        "Of a service with several outputs, name one as output.",
    )
