"""What the tables of attacks have in common: rows chosen by name, and rows that a target does not suit.

A row with a `library` needs a module that an extra of its own brings (`extras.LIBRARIES`). The library is
looked for before anything is done, so that nothing else need know whether it is there. What the extra
`reference` brings are the attacks of other tools, set beside ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol, TypeVar

from leakgauge.errors import BadParameters
from leakgauge.extras import LIBRARIES, installed, not_installed

NOT_INSTALLED: Final = not_installed("art")
"""Why an attack of a reference library that is not there was not run."""


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

    @property
    def library(self) -> str | None:
        """The module that it needs beside those of the audit, one of `extras.LIBRARIES`; else None."""


AnyRow = TypeVar("AnyRow", bound=Row)


def check_installed(row: Row) -> None:
    """Look for the library of a row, if it has one.

    Raises
    ------
    Unsuited
        where it is not installed.
    """
    if row.library is not None and not installed(row.library):
        raise Unsuited(not_installed(row.library))


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
