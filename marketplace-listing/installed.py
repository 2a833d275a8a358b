"""Libraries that the scripts of the listing need beside Leakgauge itself."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any


def library(name: str) -> Any:
    """The library, imported.

    Raises
    ------
    SystemExit
        with 4 where it is missing, after the line that installs it.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError:
        print(f"This needs {name}, which Python does not find.", file=sys.stderr)
        print(f"hint: Install it with: pip install {name}", file=sys.stderr)
        raise SystemExit(4) from None
