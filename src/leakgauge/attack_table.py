"""What the tables of attacks have in common: rows chosen by name, and rows that a target does not suit.

A row with a `library` is a peer's attack, run through the optional extra `reference`. The
library is looked for before anything is done, so that nothing else need know whether it is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, TypeVar

from leakgauge.errors import BadParameters

NOT_INSTALLED = 'extra "reference" not installed'
"""Why an attack of a library that is not there was not run."""


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
        """The module of the reference library whose attack it is; None for our own."""


AnyRow = TypeVar("AnyRow", bound=Row)


def installed(library: str) -> bool:
    """Whether a library of the extra `reference` is there."""
    try:
        import_module(library)
    except ImportError:
        return False
    return True


def check_installed(row: Row) -> None:
    """Look for the library of a row, if it has one.

    Raises
    ------
    Unsuited
        where it is not installed.
    """
    if row.library is not None and not installed(row.library):
        raise Unsuited(NOT_INSTALLED)


def chosen_attacks(
    names: Sequence[str] | None, table: Sequence[AnyRow], *, reference_libraries: bool = False
) -> tuple[AnyRow, ...]:
    """The rows of the table that were asked for, in its order; without names those that run by default.

    Parameters
    ----------
    reference_libraries: take the reference libraries' rows besides.

    Raises
    ------
    BadParameters
        for a name that is not in the table.
    """
    peers = {attack.name for attack in table if reference_libraries and attack.library is not None}
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
