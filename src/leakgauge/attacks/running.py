"""Running one attack: its end, good or bad, is an outcome, so that the others still count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from traceback import extract_tb
from typing import TypeVar

from leakgauge.attacks.row import Row, Stopped, Unsuited
from leakgauge.errors import AuditFailed, LeakgaugeError
from leakgauge.exhaustion import ran_out, release, something_else_failed
from leakgauge.report.model import Failed, NotApplicable
from leakgauge.targets.protocol import Target

Found = TypeVar("Found")


def run_one(row: Row, target: Target, attempt: Callable[[], Found]) -> Found | NotApplicable | Failed:
    """What `attempt`, the attack of `row` on `target`, comes to.

    It is not begun where the row does not suit the target.

    Returns
    -------
    Found | NotApplicable | Failed
        what the attempt gives; or why it cannot be made; or why it broke off: for want of memory or time,
        stopped, or by a fault, of which type and place alone are told, since a message may hold values of
        the user's data.

    Raises
    ------
    LeakgaugeError
        what the user has to mend, which is no failure of the attack.
    """
    try:
        row.check_suits(target)
        return attempt()
    except Unsuited as unsuited:
        return row.not_applicable(str(unsuited))
    except Stopped as stopped:
        return row.failed(str(stopped))
    except Exception as error:  # whatever an attack trips over, the others must still be run
        if (reason := _reason(error)) is None:
            raise
        return row.failed(reason)


def unless_it_breaks_off(step: Callable[[], Found], *, instead: Callable[[str], Found]) -> Found:
    """What a part of an audit gives that no other needs; where it broke off, what stands in its place.

    Raises
    ------
    LeakgaugeError
        as `run_one`.
    """
    try:
        return step()
    except Exception as error:  # one section of the report must not cost the others
        if (reason := _reason(error)) is None:
            raise
        return instead(reason)


def _reason(error: Exception) -> str | None:
    """Why something broke off, for the report: of a fault type and place alone. None for what users mend."""
    if reason := ran_out(error):
        release(error)
        return reason
    if isinstance(error, LeakgaugeError):
        return None
    place = extract_tb(error.__traceback__)[-1].name
    return f"It broke off with a {type(error).__name__} in {place}."


def check_that_one_ran(outcomes: Sequence[object], *, hint: str) -> None:
    """See whether there is anything to report.

    Parameters
    ----------
    outcomes
        of the attacks that were tried.
    hint
        what to do where all of them failed.

    Raises
    ------
    AuditFailed
        `every_attack_failed`, when every one of them failed.
    MemoryError, AuditTimeout
        when that was for want of memory or time alone.
    """
    reasons = [outcome.reason for outcome in outcomes if isinstance(outcome, Failed)]
    if reasons and len(reasons) == len(outcomes) and something_else_failed(reasons):
        raise AuditFailed("every_attack_failed", "Every attack failed on this model.", hint=hint)
