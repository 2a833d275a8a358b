"""Where answers stand in a JSON reply, as an expression of JMESPath."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from leakgauge.endpoints.protocols.base import misformed
from leakgauge.errors import JsonValue
from leakgauge.validation import shown


def _jmespath() -> Any:
    return importlib.import_module("jmespath")  # at first use: it comes with an extra


def _is_path(path: str) -> str:
    jmespath = _jmespath()
    try:
        jmespath.compile(path)
    except jmespath.exceptions.JMESPathError:
        raise ValueError("must be a JMESPath expression, such as results[*].probabilities") from None
    return path


Path = Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(_is_path)]


def at_path(path: str, document: JsonValue, rows: int) -> JsonValue:
    """What the expression finds in a reply; where one row was asked, its answer stands for a list of one.

    Raises
    ------
    ServiceFailed
        `answer_form` where it finds nothing.
    """
    jmespath = _jmespath()
    try:
        found: JsonValue = jmespath.search(path, document)
    except jmespath.exceptions.JMESPathError:  # a function in it that does not take what is there
        found = None
    if found is None:
        raise misformed(f"has nothing at {shown(path)}")
    scores = (
        isinstance(found, list) and len(found) > 1 and all(isinstance(each, int | float) for each in found)
    )
    return [found] if rows == 1 and (scores or not isinstance(found, list)) else found
