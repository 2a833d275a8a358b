"""What a service said of rows, held to what an answer is, before the sandbox gets it."""

from __future__ import annotations

from typing import Final

from leakgauge.endpoints.protocols.base import misformed
from leakgauge.errors import JsonValue, ServiceFailed
from leakgauge.row_pipe import Answer

MOST_CLASSES: Final = 10_000
LONGEST_LABEL: Final = 200


def row_answers(found: JsonValue, rows: int) -> list[Answer]:
    """One answer for each row: scores, scores by the name of their class, or one label or number.

    Raises
    ------
    ServiceFailed
        `answer_rows` for another number of answers than of rows; `answer_form` for one that is none of
        these, or of another form than the first.
    """
    if not isinstance(found, list):
        raise misformed("holds no list of answers")
    if len(found) != rows:
        raise ServiceFailed(
            "answer_rows",
            f"Asked about {rows:,} rows, the service gave {len(found):,} answers.",
            hint="Check that it answers each row; of a service that takes one alone, set requests.rows to 1.",
        )
    answers = [_answer(each) for each in found]
    forms = {_form(answer) for answer in answers}
    if len(forms) > 1:
        raise misformed("is of different forms for different rows")
    return answers


def _answer(found: JsonValue) -> Answer:
    match found:
        case str() if len(found) <= LONGEST_LABEL:
            return found
        case bool() | int() | float():
            return found
        case list() if 1 <= len(found) <= MOST_CLASSES:
            while len(found) == 1 and isinstance(found[0], list):  # (n, 1, k) is (n, k)
                found = found[0]
            if found and all(isinstance(each, int | float) for each in found):
                return [float(each) for each in found if isinstance(each, int | float)]
            if len(found) == 1 and isinstance(found[0], str):
                return _answer(found[0])
            raise misformed("holds something else than one label or one row of numbers for each row")
        case dict() if 1 <= len(found) <= MOST_CLASSES:
            scores = {name: each for name, each in found.items() if isinstance(each, int | float)}
            if len(scores) == len(found) and all(len(name) <= LONGEST_LABEL for name in found):
                return {name: float(each) for name, each in scores.items()}
            raise misformed("holds objects with something else than numbers: name the answer in them")
    raise misformed("holds neither numbers nor labels, or very many or long ones")


def _form(answer: Answer) -> tuple[str, int]:
    if isinstance(answer, list):
        return "scores", len(answer)
    if isinstance(answer, dict):
        return "named", 0
    return ("label", 0) if isinstance(answer, str) else ("number", 0)
