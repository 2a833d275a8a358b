"""Running Python as other users, wherever it and this checkout are installed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import view

AS_NOBODY = ("setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", "--bounding-set", "-all")
AS_BARE_ROOT = ("setpriv", "--bounding-set", "-all", "--inh-caps", "-all")
AS_ROOT = ()
MODES = {"root": AS_ROOT, "root without capabilities": AS_BARE_ROOT, "another user": AS_NOBODY}


def command(mode, *words, shown=()):
    """The command `words` with this Python, in one of `MODES`, in a `view` that shows the paths `shown`."""
    in_view = (sys.executable, Path(view.__file__), *shown, "--")
    return [str(word) for word in (*in_view, *MODES[mode], sys.executable, *words)]


def can_become_others():
    return os.geteuid() == 0 and view.can_be_had()
