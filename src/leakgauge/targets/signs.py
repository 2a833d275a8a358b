"""By what a kind of file is told: its first bytes, the names in a zip archive, its own name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

Data: TypeAlias = Literal["tables", "images"]

ARCHIVE_SIGN: Final = b"PK\x03\x04"
SPACE: Final = rb"[\xef\xbb\xbf \t\r\n]*"
JSON: Final = SPACE + rb"\{"
"""How a JSON text of a mapping starts."""
_LOCAL_HEADER_BYTES: Final = 30


@dataclass(frozen=True, slots=True)
class Signs:
    """A kind of file.

    Attributes
    ----------
    words
        what the file is, with its article: "a LightGBM model in text".
    suffixes
        how such files are called, the usual one first; none where that says nothing.
    starts
        regular expression of the first bytes, unpacked; None for zip archives.
    entries
        regular expressions, each of which one name or more in a zip archive of this kind matches.
    first_entries
        regular expression of the name that stands first in such an archive.
    loose
        names that lie beside each other where such an archive was unpacked into a bundle.
    is_model
        whether a file in a bundle is taken for its model by these first bytes.
    """

    words: str
    suffixes: tuple[str, ...] = field(default=(), kw_only=True)
    starts: bytes | None = field(default=None, kw_only=True)
    entries: tuple[str, ...] = field(default=(), kw_only=True)
    first_entries: bytes | None = field(default=None, kw_only=True)
    loose: tuple[str, ...] = field(default=(), kw_only=True)
    is_model: bool = field(default=False, kw_only=True)

    def starts_like(self, head: bytes) -> bool:
        """Whether a file that starts with `head` can be one."""
        return self.starts is not None and re.match(self.starts, head, re.DOTALL) is not None

    def starts_like_archive(self, head: bytes) -> bool:
        """Whether a zip archive that starts with `head` can be one, by the name that stands first in it."""
        length = int.from_bytes(head[26:28], "little")
        first = head[_LOCAL_HEADER_BYTES : _LOCAL_HEADER_BYTES + length]
        return self.first_entries is not None and re.fullmatch(self.first_entries, first) is not None

    def holds(self, names: Sequence[str]) -> bool:
        """Whether a zip archive with these names in it is one."""
        found = (any(re.fullmatch(entry, name) for name in names) for entry in self.entries)
        return bool(self.entries) and all(found)
