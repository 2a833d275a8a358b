"""What the figures of a report were computed with."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from leakgauge.version import __version__


def versions_of(packages: Iterable[str], *, if_installed: Iterable[str] = ()) -> dict[str, str]:
    """Versions of the interpreter, of Leakgauge and of `packages`, by name; of `if_installed` where they are.

    Of the interpreter only the minor version: patches change no figure, and an image and a checkout
    that differ in nothing else must give the same report.
    """
    found = {"python": f"{sys.version_info.major}.{sys.version_info.minor}", "leakgauge": __version__}
    found |= {name: version(name) for name in packages}
    for name in if_installed:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
