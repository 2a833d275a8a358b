"""Regular expressions out of a model file: refused where a search may take exponential time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from re import _constants as opcodes  # type: ignore[attr-defined]  # typeshed knows neither
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from leakgauge.targets.pickles.checks import printable, refused_setting, reject_unless

# how often a pattern may repeat something before a search can take long
_MOST_REPEATS = 3
_MOST_OPTIONS = 10
_LONGEST_PATTERN = 500


def check_pattern(part: Any, setting: str, pattern: object) -> None:
    """Refuse a regular expression that could take exponential time on a text.

    What is repeated may hold neither a repeat nor a choice, and no more than a
    few repeats may follow each other; the time of a search then grows with a
    small power of the text's length, and the audit's time limit bounds it.

    Raises
    ------
    UnsafeModel
        `refused_settings`.
    MalformedPickleError
        when it is no pattern.
    """
    reject_unless(isinstance(pattern, str), "a pattern must be text")
    assert isinstance(pattern, str)  # noqa: S101 (for the type checker alone)
    if len(pattern) <= _LONGEST_PATTERN:
        try:
            repeats = list(_repeats(parser.parse(pattern)))
        except (re.error, RecursionError, OverflowError):
            reject_unless(False, "a pattern that cannot be read")
        if (
            not any(unsafe for _many, unsafe in repeats)
            and sum(many for many, _unsafe in repeats) <= _MOST_REPEATS
            and len(repeats) <= _MOST_OPTIONS
        ):
            return
    raise refused_setting(
        part,
        f'{setting}="{printable(pattern)}"',
        "a pattern that can take exponential time on some texts",
        "Fit it with the default pattern, or with one that repeats single characters or classes of them.",
    )


def _repeats(parsed: Any) -> Iterator[tuple[bool, bool]]:
    """For each repeat: whether it may run on, and whether what it repeats makes it unsafe."""
    for operator, argument in parsed:
        if operator in (opcodes.MAX_REPEAT, opcodes.MIN_REPEAT, opcodes.POSSESSIVE_REPEAT):
            least, most, inner = argument
            within = list(_repeats(inner))
            unsafe = int(most) > 1 and (bool(within) or _chooses(inner))
            if unsafe or least != most:
                yield int(most) > 1, unsafe
            yield from within
        elif operator in (opcodes.GROUPREF, opcodes.GROUPREF_EXISTS):
            yield True, True
        else:
            for inner in _patterns_in(argument):
                yield from _repeats(inner)


def _chooses(parsed: Any) -> bool:
    return any(
        operator is opcodes.BRANCH or any(_chooses(inner) for inner in _patterns_in(argument))
        for operator, argument in parsed
    )


def _patterns_in(argument: Any) -> Iterator[Any]:
    if isinstance(argument, parser.SubPattern):
        yield argument
    elif isinstance(argument, list | tuple):
        for item in argument:
            yield from _patterns_in(item)
