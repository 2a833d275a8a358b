"""What everybody who looks at the page sees: one state, sent whole whenever it changes.

A page that is opened or reloaded in mid-training gets the same state as one that was there from
the start, so that there is nothing to catch up on. Who is slow skips states, never the last.
"""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from leakgauge.errors import JsonValue

FIRST_DIGIT = 3
SIDES = ("baseline", "defended")


class State:
    """A JSON object that many threads look at and the worker changes, one method an occasion.

    Parameters
    ----------
    models, originals, result
        what was kept from an earlier start; see `leakgauge.demo.cache.Cache`.
    """

    def __init__(
        self, *, models: dict[str, Any] | None, originals: dict[str, str], result: dict[str, Any] | None
    ) -> None:
        self._shown: dict[str, Any] = {
            "busy": None,
            "stage": "",
            "fraction": 0.0,
            "notice": "",
            "digit": result["digit"] if result else FIRST_DIGIT,
            "output": result["output"] if result else [],
            "models": models,
            "originals": originals,
            "training": None,
            "live": None,
            "result": result,
        }
        self._version = 0
        self._changed = threading.Condition()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether nothing more is going to change."""
        return self._closed

    def read(self) -> dict[str, Any]:
        """A copy of the state."""
        with self._changed:
            return copy.deepcopy(self._shown)

    def newer_than(self, version: int, *, timeout: float) -> tuple[int, str] | None:
        """The state as JSON with its version, as soon as that is above `version`.

        None when nothing changed for `timeout` seconds, or nothing will any more.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._version > version or self._closed, timeout)
            if self._closed or self._version <= version:
                return None
            return self._version, json.dumps(self._shown, allow_nan=False)

    def close(self) -> None:
        """Send everybody home."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def begin(self, what: str) -> None:
        """Something begins, which goes by the name `what`."""
        with self._change() as shown:
            shown.update(busy=what, stage="starting", fraction=0.0, notice="")

    def report(self, stage: str, fraction: float) -> None:
        """It has come so far; makes a state a `leakgauge.progress.Progress`."""
        with self._change() as shown:
            shown.update(stage=stage, fraction=fraction)

    def end(self, notice: str) -> None:
        """It has ended, with something to tell or an empty notice."""
        with self._change() as shown:
            shown.update(busy=None, stage="", fraction=0.0, notice=notice, live=None)

    def begin_training(self, defences: Sequence[str]) -> None:
        """Both models are trained from scratch."""
        with self._change() as shown:
            shown["training"] = {"defences": [*defences], "epochs": 0, "baseline": [], "hardened": []}

    def add_epoch(self, values: Mapping[str, JsonValue]) -> None:
        """A model has seen its training set once more. A child says so, and may say anything."""
        with suppress(KeyError, TypeError), self._change() as shown:
            shown["training"]["epochs"] = values["epochs"]
            shown["training"][str(values["model"])].append(values["loss"])

    def end_training(self, models: dict[str, Any] | None, originals: dict[str, str]) -> None:
        """New models stand in place of the old, and are attacked next."""
        with self._change() as shown:
            shown.update(models=models, originals=originals, result=None)
            shown.update(busy="attacking", stage="starting", fraction=0.0)

    def begin_attack(self, digit: int, output: Sequence[str]) -> None:
        """One digit is attacked on both sides."""
        nothing_yet = {"attack": "", "queries": 0, "image": None}
        with self._change() as shown:
            shown.update(digit=digit, output=[*output], result=None)
            shown["live"] = {side: nothing_yet | {"curve": []} for side in SIDES}

    def add_preview(self, values: Mapping[str, JsonValue]) -> None:
        """An attack shows how far it is. A child says so, and may say anything."""
        with suppress(KeyError, TypeError), self._change() as shown:
            side = shown["live"][str(values["side"])]
            side.update(attack=values["attack"], queries=values["queries"], image=values["image"])
            if values["loss"] is not None:
                side["curve"].append([values["queries"], values["loss"]])

    def end_attack(self, result: dict[str, Any] | None) -> None:
        """The attack on both sides has its result."""
        with self._change() as shown:
            shown["result"] = result

    @contextmanager
    def _change(self) -> Iterator[dict[str, Any]]:
        with self._changed:
            yield self._shown
            self._version += 1
            self._changed.notify_all()
