"""What the tables of attacks have in common: rows chosen by name, and rows that a target does not suit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from leakgauge.errors import BadParameters


class Unsuited(Exception):  # noqa: N818 -- an outcome that the report states, not an error
    """The attack cannot be run on this target; the message says why, for the report."""


class Row(Protocol):
    """A row of a table of attacks."""

    @property
    def name(self) -> str:
        """What the user calls the attack by."""

    @property
    def by_default(self) -> bool:
        """Whether it runs when the user names no attacks."""


AnyRow = TypeVar("AnyRow", bound=Row)


def chosen_attacks(names: Sequence[str] | None, table: Sequence[AnyRow]) -> tuple[AnyRow, ...]:
    """The rows of the table that were asked for, in its order; without names those that run by default.

    Raises
    ------
    BadParameters
        for a name that is not in the table.
    """
    if names is None:
        return tuple(attack for attack in table if attack.by_default)
    known = {attack.name for attack in table}
    unknown = sorted(set(names) - known)
    if unknown:
        raise BadParameters(
            "unknown_attack",
            f"There is no attack called {', '.join(unknown)}.",
            hint=f"Choose from: {', '.join(attack.name for attack in table)}.",
            details={"problems": [{"parameter": "attacks", "message": f"unknown: {', '.join(unknown)}"}]},
        )
    return tuple(attack for attack in table if attack.name in names)
