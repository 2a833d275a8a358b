"""What a user wrote and a pydantic model refused, listed in words: which name, and what is wrong with it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias, get_args

from pydantic import BaseModel, ValidationError

from leakgauge.errors import JsonValue
from leakgauge.text import Sink, printable

Problem: TypeAlias = tuple[str, str]
"""A name, dotted where it lies within another, and what is wrong with it."""

_LISTED_IN_MESSAGE = 5
_LISTED_IN_DETAILS = 100
_LONGEST_NAME = 60
_REPHRASED: Final = {
    "bool_type": "must be true or false",
    "dict_type": "must be an object of names and values",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "model_type": "must be an object of names and values",
    "string_type": "must be text",
    "too_long": "has too many entries",
    "too_short": "must not be empty",
    "tuple_type": "must be a list",
}


def unknown(name: str, known: Iterable[str]) -> str:
    """What is wrong with a name that is not one of `known`, with the one it may be meant for."""
    names = tuple(known)
    close = difflib.get_close_matches(name[:100].lower(), names, n=1)
    if close:
        return f"is unknown; did you mean {close[0]}?"
    return f"is unknown; known are {', '.join(names)}"


def explained(error: ValidationError, model: type[BaseModel], *, whole: str) -> list[Problem]:
    """Every problem of a refused `model`, in words and without the values.

    Parameters
    ----------
    whole
        what to call the document itself where a problem is with no part of it.
    """
    found: list[Problem] = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        location = problem["loc"]
        name = shown(".".join(str(part) for part in location if isinstance(part, str)) or whole)
        if problem["type"] == "too_short" and found and found[-1][0] == name:
            continue  # follows from the entries that were refused, and is named for them already
        if problem["type"] == "extra_forbidden":
            found.append((name, unknown(str(location[-1]), _fields_at(model, location[:-1]))))
            continue
        message = _REPHRASED.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
        last = location[-1] if location else ""
        entry = f" (entry {last + 1})" if isinstance(last, int) else ""
        found.append((name, message[:1].lower() + message[1:] + entry))
    return found


def summary(problems: Sequence[Problem]) -> str:
    """The first few problems as one sentence."""
    more = len(problems) - _LISTED_IN_MESSAGE
    listed = "; ".join(f"{name}: {message}" for name, message in problems[:_LISTED_IN_MESSAGE])
    return listed + (f"; and {more} more." if more > 0 else ".")


def listed(problems: Sequence[Problem]) -> list[JsonValue]:
    """The problems for an error's `details`; of thousands only some, since answers must stay short."""
    return [{"parameter": name, "message": message} for name, message in problems[:_LISTED_IN_DETAILS]]


def shown(name: str) -> str:
    """A name that a user wrote, short and without characters that a terminal would obey."""
    return printable(name, Sink.MESSAGE, longest=_LONGEST_NAME)


def _fields_at(model: type[BaseModel], path: Sequence[str | int]) -> Iterable[str]:
    """Names that the model within `model` at `path` knows."""
    for part in path:
        annotation = model.model_fields[str(part)].annotation
        model = next(
            choice
            for choice in (annotation, *get_args(annotation))
            if isinstance(choice, type) and issubclass(choice, BaseModel)
        )
    return model.model_fields
