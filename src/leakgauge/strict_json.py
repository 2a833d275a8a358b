"""JSON from a process that may have been taken over: numbers are numbers, and none is costly to read.

Python's reader takes NaN, infinities and whole numbers of any length; what becomes of them where they are
compared, formatted or copied is up to whoever meets them next.
"""

from __future__ import annotations

import json
import math

from leakgauge.errors import JsonValue
from leakgauge.text import Sink, printable

_DIGITS = 20
"""Longest whole number: one of 64 bits fits."""
_DEPTH = 12
"""Lists in objects in lists: deeper than any error or report, and far from the end of a stack."""


def parse(text: bytes) -> JsonValue:
    """What `text` says in JSON, as RFC 8259 has it and no wider.

    Raises
    ------
    ValueError
        for what is not JSON in UTF-8, for NaN, infinities and numbers as large, for whole numbers of more
        than 20 digits, and for what nests more than 12 deep. The message holds nothing of the text.
    """
    try:
        found: JsonValue = json.loads(
            text.decode("utf-8"), parse_constant=no_number, parse_int=_whole, parse_float=finite
        )
    except (ValueError, RecursionError):
        raise ValueError("not JSON that is taken") from None
    if _deeper_than(found, _DEPTH):
        raise ValueError("JSON that nests too deep")
    return found


def bounded(value: JsonValue) -> JsonValue:
    """The same with all text printable in a message, names of entries included, and none of it long."""
    match value:
        case str():
            return printable(value, Sink.MESSAGE)
        case list():
            return [bounded(each) for each in value]
        case dict():
            return {printable(name, Sink.MESSAGE): bounded(each) for name, each in value.items()}
        case _:
            return value


def _whole(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise ValueError("JSON with a number that is too long")
    return int(digits)


def finite(digits: str) -> float:
    """A number that JSON writes with a point or an exponent; ValueError for one too large to be finite."""
    found = float(digits)
    if not math.isfinite(found):
        raise ValueError("JSON with a number that is not finite")
    return found


def no_number(name: str) -> float:
    """Refuse NaN and the infinities, which Python's reader takes; always a ValueError."""
    raise ValueError(f"{name} is no number")


def _deeper_than(value: JsonValue, depth: int) -> bool:
    level = [value]
    for _ in range(depth + 1):
        level = [
            inner
            for each in level
            if isinstance(each, list | dict)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return True
