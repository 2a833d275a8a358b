"""Where an unexpected exception came from, told without a single value.

The text of an exception can quote a row of somebody's data, and so can the locals of its frames.
Its type and the lines it passed through cannot, and are what a maintainer needs.
"""

from __future__ import annotations

import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

_FRAMES = 30


@dataclass(frozen=True, slots=True)
class RedactedTraceback:
    """Type of an exception and the `file:line` of its frames, outermost first, at most 30."""

    type: str
    frames: tuple[str, ...]


def redacted_traceback(error: BaseException) -> RedactedTraceback:
    """The traceback of `error`, with file names relative to where their packages are installed."""
    roots = sorted((entry for entry in sys.path if entry), key=len, reverse=True)
    frames = [
        f"{_relative(frame.filename, roots)}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    ]
    kind = type(error)
    return RedactedTraceback(type=f"{kind.__module__}.{kind.__qualname__}", frames=tuple(frames))


def _relative(filename: str, roots: list[str]) -> str:
    for root in roots:
        if filename.startswith(root.rstrip("/") + "/"):
            return filename[len(root.rstrip("/")) + 1 :]
    return Path(filename).name
