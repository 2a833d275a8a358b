"""What happens in a gunicorn worker besides answering: the sandbox's start and end."""

from __future__ import annotations

import logging
import os
import signal
import threading
from types import FrameType

from leakgauge.sandbox.lockdown import hide_from_others
from leakgauge.sandbox.parent import Sandbox

_log = logging.getLogger(__name__)

_IMPORT_SECONDS = 240.0
# gunicorn's own code for "a worker failed to boot", on which its master ends the whole service.
_BOOT_ERROR = 3


def begin(sandbox: Sandbox, *, stop_seconds: float) -> None:
    """Start the sandbox, end the service if it cannot start, and prepare for SIGTERM.

    Returns at once: `/ping` is answered while the libraries are still being imported.

    Parameters
    ----------
    stop_seconds
        how long running audits go on after SIGTERM.
    """
    hide_from_others()
    sandbox.start()
    threading.Thread(target=_end_unless_ready, args=(sandbox,), name="sandbox-start", daemon=True).start()
    _give_audits_notice(sandbox, stop_seconds)


def _end_unless_ready(sandbox: Sandbox) -> None:
    if sandbox.wait_ready(_IMPORT_SECONDS) or sandbox.closed:
        return
    _log.critical("the audit's libraries cannot be imported")
    sandbox.close()
    # From a thread there is no other way to end a process with a code of one's choice.
    os._exit(_BOOT_ERROR)


def _give_audits_notice(sandbox: Sandbox, seconds: float) -> None:
    """On SIGTERM let running audits go on for a while, then stop them, so that the worker can end."""
    earlier = signal.getsignal(signal.SIGTERM)

    def on_term(number: int, frame: FrameType | None) -> None:
        notice = threading.Timer(seconds, sandbox.close)
        notice.daemon = True
        notice.start()
        if callable(earlier):
            earlier(number, frame)

    signal.signal(signal.SIGTERM, on_term)
