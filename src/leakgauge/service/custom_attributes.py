"""What a caller says in `X-Amzn-SageMaker-Custom-Attributes`, the one header SageMaker passes on."""

from __future__ import annotations

import math
import re

from leakgauge.errors import BadParameters

HEADER = "X-Amzn-SageMaker-Custom-Attributes"

_MOST_CHARACTERS = 1_024
_LONGEST_SECONDS = 86_400.0
_TIMEOUT = re.compile(r"(?:^|[;,\s])timeout\s*=\s*([^;,\s]*)", re.IGNORECASE)
_SECONDS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,3})?")

# Of the time that a caller waits, the part that the audit gets. The rest is for unpacking and opening before
# it, writing after it, and the tenth by which it may miss its budget.
_SHARE = 0.7
# As long as a membership audit takes at most anyway: a caller this patient changes nothing.
_PATIENT_SECONDS = 3_000.0


def echoed(attributes: str) -> str:
    """The attributes without what could do harm in a header, to be sent back."""
    return "".join(each for each in attributes if each.isascii() and each.isprintable())[:_MOST_CHARACTERS]


def timeout_of(attributes: str) -> float | None:
    """Seconds that the caller waits, as `timeout=50` among the attributes says; None if nothing does.

    Raises
    ------
    BadParameters
        `timeout` when it says something that is not a number of seconds.
    """
    found = _TIMEOUT.search(attributes)
    if found is None:
        return None
    text = found.group(1)
    seconds = float(text) if _SECONDS.fullmatch(text) else 0.0
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise BadParameters.about(
            "timeout",
            "must be above 0 and at most 86400",
            problem="timeout",
            message=f"The attribute timeout in {HEADER} is not a number of seconds.",
            hint="Send for example timeout=50, or leave it out.",
        )
    return seconds


def time_budget_for(remaining: float | None, *, afterwards: float = 0.0) -> float | None:
    """Seconds for an audit that fits into the time that its caller still waits.

    Parameters
    ----------
    remaining
        seconds left for the audit; None when the caller did not say.
    afterwards
        seconds of those that are needed once the audit has ended.
    """
    if remaining is None:
        return None
    # In whole seconds: two requests that waited a few milliseconds more or less get the same report.
    budget = float(max(math.floor((remaining - afterwards) * _SHARE), 1))
    return budget if budget < _PATIENT_SECONDS else None
