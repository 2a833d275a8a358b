"""Names as senders write them: what they may say, and how they are shown and compared."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from leakgauge.errors import BadBundle
from leakgauge.text import Sink, printable

_JUNK: Final = frozenset({"__macosx", "thumbs.db", "desktop.ini", "__pycache__"})
# what Spark, Hadoop and SageMaker leave beside the files that they write
_LEFT_BEHIND: Final = re.compile(
    r"_success|_temporary|_(started|committed)(_\d+)?|manifest|.*\.(manifest|crc)|.*_\$folder\$"
)
_LONGEST_PART: Final = 255
_LONGEST_PATH: Final = 1_024
_LONGEST_SHOWN: Final = 80


def is_junk(parts: tuple[str, ...]) -> bool:
    """Whether a program put it there, not a person: hidden files, `__MACOSX`, `Thumbs.db`, `_SUCCESS`, ..."""
    return any(
        part.startswith(".") or part.lower() in _JUNK or _LEFT_BEHIND.fullmatch(part.lower())
        for part in parts
    )


def folded(part: str) -> str:
    """One spelling for all that a case-insensitive or Unicode-normalising file system takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", part).casefold())


def shown_name(name: str) -> str:
    """`name`, printable and short enough for a message."""
    return printable(name, Sink.MESSAGE, longest=_LONGEST_SHOWN)


def safe_parts(name: str) -> tuple[str, ...]:
    """Folders and file name of an entry; () for the folder `.` itself.

    A backslash separates as a slash does: .NET before 4.6.1, and PowerShell with it, writes names so.
    A name with both could mean two different files, by who reads it, and is refused.

    Raises
    ------
    BadBundle
        when the name could mean a place outside the archive, on any system.
    """
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise _bad_name("control_character", name, "holds a control character")
    if "\\" in name and "/" in name:
        raise _bad_name("mixed_separators", name, "holds slashes and backslashes")
    name = name.replace("\\", "/")
    if name.startswith("/"):
        raise _bad_name("absolute_path", name, "is an absolute path")
    if re.match(r"[A-Za-z]:", name):
        raise _bad_name("drive_letter", name, "starts with a drive letter")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if ".." in parts:
        raise _bad_name("path_traversal", name, "leads out of the archive")
    if len(name) > _LONGEST_PATH or any(len(part.encode()) > _LONGEST_PART for part in parts):
        raise _bad_name("name_too_long", name, "is too long a name")
    return parts


def names_folder(name: str) -> bool:
    """Whether an entry of that name is a folder."""
    return name.endswith(("/", "\\"))


def _bad_name(problem: str, name: str, what: str) -> BadBundle:
    return BadBundle(
        problem,
        f"The entry {shown_name(name)} {what}.",
        hint="Zip plain files with plain relative names, all in one folder.",
        details={"entry": shown_name(name)},
    )
