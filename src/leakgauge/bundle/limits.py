"""How much a bundle may ask for, and how much of that is left."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Final

from leakgauge.errors import BadParameters, JsonValue, LimitExceeded

MIB: Final = 1 << 20
CHUNK: Final = 256 << 10
"""Bytes read at a time."""
MOST_TOP_FOLDERS: Final = 2
"""Folders around all files of a bundle that do not count: zips of a folder in a folder are usual."""
_ENVIRONMENT_PREFIX: Final = "LEAKGAUGE_MAX_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one bundle may ask for. Every field can be set as `LEAKGAUGE_MAX_<FIELD>`.

    Attributes
    ----------
    upload_bytes
        size of the zip as sent.
    unpacked_bytes
        size of everything in it together, `data.zip` and decompressed tables included.
    ratio
        unpacked bytes for each packed byte of one entry; not held against entries that unpack to
        less than 1 MiB, where sparse but honest tables reach any ratio.
    entries
        files and folders in the zip or folder; in `data.zip` again as many.
    depth
        folders above a file, not counting the top folder that holds everything, or a second one in it.
    table_rows, table_columns
        size of one table; no set of images has more of them than a table may have rows.
    """

    upload_bytes: int = 100 * MIB
    unpacked_bytes: int = 1024 * MIB
    ratio: int = 200
    entries: int = 1_000
    depth: int = 1
    table_rows: int = 1_000_000
    table_columns: int = 10_000

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Limits:
        """Defaults, overridden by the variables that are set.

        Raises
        ------
        BadParameters
            `invalid_limit`, with every variable that is not a positive whole number.
        """
        found: dict[str, int] = {}
        problems: list[JsonValue] = []
        for limit in fields(cls):
            variable = _variable(limit.name)
            text = environ.get(variable, "").strip()
            if not text:
                continue
            if re.fullmatch(r"0*[1-9][0-9]{0,14}", text, re.ASCII):
                found[limit.name] = int(text)
            else:
                problems.append({"parameter": variable, "message": "must be a whole number from 1 to 10^15"})
        if problems:
            names = ", ".join(str(problem["parameter"]) for problem in problems if isinstance(problem, dict))
            raise BadParameters(
                "invalid_limit",
                f"{names}: not a positive whole number.",
                hint="Set the variable to a plain number without unit or separators, or unset it.",
                details={"problems": problems},
            )
        return replace(cls(), **found)

    def exceeded(self, limit: str, message: str) -> LimitExceeded:
        """The error for a `limit` (a field's name) that was hit; `message` says by what."""
        allowed: int = getattr(self, limit)
        return LimitExceeded(
            limit,
            f"{message} The limit is {allowed:,}.",
            hint=f"Send less, or run where {_variable(limit)} allows more.",
            details={"limit": limit, "allowed": allowed},
        )


def _variable(limit: str) -> str:
    return _ENVIRONMENT_PREFIX + limit.upper()


class Budget:
    """Bytes that may still be unpacked, shared by a bundle and the `data.zip` in it."""

    __slots__ = ("_left", "limits")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._left = limits.unpacked_bytes

    def spend(self, count: int, name: str) -> None:
        """Take `count` unpacked bytes of the file `name` off what is left."""
        self._left -= count
        if self._left < 0:
            raise self.limits.exceeded(
                "unpacked_bytes", f"Unpacking stopped at {name}: the bundle holds too many bytes."
            )

    def check_ratio(self, unpacked: int, packed: int, name: str) -> None:
        """Refuse the file `name` when it unpacks to far more bytes than it was packed into."""
        if unpacked > MIB and unpacked > self.limits.ratio * packed:
            raise self.limits.exceeded("ratio", f"{name} unpacks to far more than it was packed into.")

    def check_entries(self, count: int) -> None:
        """Refuse more files and folders than are allowed."""
        if count > self.limits.entries:
            raise self.limits.exceeded("entries", "There are too many files and folders in it.")
