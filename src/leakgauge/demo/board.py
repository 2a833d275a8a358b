"""What everybody who looks at the page sees: one state, told whole whenever it changes.

A page that is opened or reloaded in mid-training gets the same state as one that was there from
the start, so that there is nothing to catch up on. Who is slow skips states, never the last.
"""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable
from typing import Any, TypeAlias

State: TypeAlias = dict[str, Any]


class Board:
    """A JSON object that many threads look at and one changes at a time."""

    def __init__(self, state: State) -> None:
        self._state = copy.deepcopy(state)
        self._version = 0
        self._changed = threading.Condition()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether nothing more is going to change."""
        return self._closed

    def change(self, change: Callable[[State], None]) -> None:
        """Let `change` alter the state, and tell everybody."""
        with self._changed:
            change(self._state)
            self._version += 1
            self._changed.notify_all()

    def read(self) -> State:
        """A copy of the state."""
        with self._changed:
            return copy.deepcopy(self._state)

    def newer_than(self, version: int, *, timeout: float) -> tuple[int, str] | None:
        """The state as JSON with its version, as soon as that is above `version`.

        None when nothing changed for `timeout` seconds, or nothing will any more.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._version > version or self._closed, timeout)
            if self._closed or self._version <= version:
                return None
            return self._version, json.dumps(self._state, allow_nan=False)

    def close(self) -> None:
        """Send everybody home."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
