"""What the figures of a report were computed with."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.metadata import version


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """Versions of the interpreter and of `packages`, by name.

    Of the interpreter only the minor version: patches change no figure, and an image and a checkout
    that differ in nothing else must give the same report.
    """
    return {"python": f"{sys.version_info.major}.{sys.version_info.minor}"} | {
        name: version(name) for name in packages
    }
