"""JSON that parameters come in: a file in a bundle, or the strings of a training job."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

from leakgauge.errors import BadParameters, JsonValue
from leakgauge.validation import shown

MAX_BYTES: Final = 1 << 20


def decode_hyperparameters(strings: Mapping[str, str]) -> dict[str, JsonValue]:
    """Hyperparameters of a training job, which are strings all, as values.

    What is JSON is decoded, `True`, `False` and `None` are taken as Python spells them, and the rest
    stays text. What stands in quotes is decoded once more, and again while there are quotes: SDKs encode
    as JSON what is text already, so that a 1 arrives as `"1"`. Names of columns stay text though.
    SageMaker's own entries (`sagemaker_*`, `_tuning_*`) are left out.
    """
    return {
        name: _unquoted(text, column=name in _COLUMNS)
        for name, text in strings.items()
        if not name.startswith(("sagemaker_", "_tuning_"))
    }


_COLUMNS: Final = ("label_column", "group_column")
_QUOTE: Final = '"'
_PYTHON_SPELLINGS: Final[Mapping[str, bool | None]] = {"True": True, "False": False, "None": None}


def _unquoted(text: str, *, column: bool) -> JsonValue:
    value = _decoded(text)
    if not text.startswith(_QUOTE) or not isinstance(value, str) or value == text:
        return value
    return value if column and not value.startswith(_QUOTE) else _unquoted(value, column=column)


def _decoded(text: str) -> JsonValue:
    if text in _PYTHON_SPELLINGS:
        return _PYTHON_SPELLINGS[text]
    try:
        return _json(text)
    except (_UnacceptableError, ValueError, RecursionError):
        return text


class _UnacceptableError(Exception):
    """JSON that a parser would take, and we do not."""

    def __init__(self, problem: str, message: str) -> None:
        super().__init__(message)
        self.problem = problem
        self.message = message


def _json(text: str) -> JsonValue:
    value: JsonValue = json.loads(
        text,
        object_pairs_hook=_object,
        parse_constant=_refuse_constant,
        parse_float=_finite,
    )
    return value


def _object(pairs: list[tuple[str, JsonValue]]) -> JsonValue:
    found: dict[str, JsonValue] = {}
    for key, value in pairs:
        if key in found:
            raise _UnacceptableError("duplicate_key", f"{shown(key)} stands in it twice")
        found[key] = value
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise _UnacceptableError("not_finite", f"{name} is not a number that a parameter can have")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise _UnacceptableError("not_finite", "a number in it is too large")
    return value


def read(file: Path) -> dict[str, JsonValue]:
    """The object in a parameters.json.

    Raises
    ------
    BadParameters
        for a file that is none; see `loading.membership_parameters`.
    """
    with file.open("rb") as handle:
        data = handle.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise _bad_file("too_large", "is larger than 1 MiB")
    try:
        value = _json(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise _bad_file("encoding", "is not UTF-8") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _bad_file("not_json", f"is not JSON: {error.msg} at {where}") from error
    except _UnacceptableError as error:
        raise _bad_file(error.problem, f"is not taken: {error.message}") from error
    except RecursionError as error:
        raise _bad_file("nested_too_deep", "is nested too deep") from error
    except ValueError as error:
        # the only other one: a whole number of more digits than Python converts
        raise _bad_file("not_finite", "holds a number that is too large") from error
    if not isinstance(value, dict):
        raise _bad_file("not_an_object", "does not hold a JSON object")
    return value


def _bad_file(problem: str, what: str) -> BadParameters:
    return BadParameters.about(
        "parameters.json",
        what,
        problem=problem,
        message=f"parameters.json {what}.",
        hint='It has to be one JSON object in UTF-8, like {"seed": 1}.',
    )


def decode_assignments(assignments: Sequence[str], *, seed: int | None) -> dict[str, JsonValue]:
    """Parameters that were written as NAME=VALUE, as on the command line; a seed besides wins.

    Raises
    ------
    BadParameters
        `not_an_assignment`, and what `decode_hyperparameters` refuses.
    """
    strings = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name.strip():
            raise BadParameters(
                "not_an_assignment",
                "A --parameter is not of the form NAME=VALUE.",
                hint='For example --parameter reference_models=16 or --parameter "proportions=[50, 90]".',
            )
        strings[name.strip()] = value
    parameters = decode_hyperparameters(strings)
    return parameters if seed is None else parameters | {"seed": seed}
