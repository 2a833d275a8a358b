"""Choosing the rows of a table of attacks by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from leakgauge.attacks.row import Row
from leakgauge.errors import BadParameters
from leakgauge.extras import LIBRARIES

AnyRow = TypeVar("AnyRow", bound=Row)


def distributions_of(table: Sequence[Row]) -> list[str]:
    """The distributions that rows need beside those of the audit, for the versions in its report."""
    return [LIBRARIES[row.library].distribution for row in table if row.library is not None]


def chosen_attacks(
    names: Sequence[str] | None, table: Sequence[AnyRow], *, reference_libraries: bool = False
) -> tuple[AnyRow, ...]:
    """The rows of the table that were asked for, in its order; without names those that run by default.

    Parameters
    ----------
    reference_libraries
        take the reference libraries' rows besides.

    Raises
    ------
    BadParameters
        for a name that is not in the table.
    """
    peers = {attack.name for attack in table if reference_libraries and _is_reference(attack)}
    if names is None:
        return tuple(attack for attack in table if attack.by_default or attack.name in peers)
    known = {attack.name for attack in table}
    unknown = sorted(set(names) - known)
    if unknown:
        raise BadParameters.about(
            "attacks",
            f"unknown: {', '.join(unknown)}",
            problem="unknown_attack",
            message=f"There is no attack called {', '.join(unknown)}.",
            hint=f"Choose from: {', '.join(attack.name for attack in table)}.",
        )
    return tuple(attack for attack in table if attack.name in peers.union(names))


def _is_reference(row: Row) -> bool:
    """Whether the attack is another tool's, set beside ours."""
    return row.library is not None and LIBRARIES[row.library].extra == "reference"
