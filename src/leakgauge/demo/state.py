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
from dataclasses import asdict, dataclass
from typing import Any

from leakgauge.errors import JsonValue

SIDES = ("baseline", "defended")


@dataclass(frozen=True, slots=True)
class Request:
    """An attack as it is asked for: the class, the defence and its strength, and what the attacker has."""

    target: int = 3
    defence: str = "guard"
    level: str = "usual"
    similar: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one data set; see `leakgauge.demo.cache.Cache`."""

    data: str
    models: dict[str, Any] | None
    originals: dict[str, str]
    result: dict[str, Any] | None
    comparison: dict[str, Any] | None


class State:
    """A JSON object that many threads look at and the worker changes, one method an occasion."""

    def __init__(self, kept: Kept, *, customers: dict[str, Any] | None) -> None:
        self._shown: dict[str, Any] = {
            "busy": None,
            "stage": "",
            "fraction": 0.0,
            "notice": "",
            "training": None,
            "live": None,
            "customers": customers,
        }
        self._show(kept)
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

    def show(self, kept: Kept) -> None:
        """Another data set is looked at, or new models stand in place of the old."""
        with self._change():
            self._show(kept)

    def begin_training(self, defences: Sequence[str]) -> None:
        """The models are trained from scratch."""
        with self._change() as shown:
            shown["training"] = {"defences": [*defences], "epochs": 0, "baseline": [], "hardened": []}

    def add_epoch(self, values: Mapping[str, JsonValue]) -> None:
        """A model has seen its training set once more. A child says so, and may say anything."""
        with suppress(KeyError, TypeError), self._change() as shown:
            shown["training"]["epochs"] = values["epochs"]
            shown["training"][str(values["model"])].append(values["loss"])

    def begin_attack(self, request: Request) -> None:
        """One class is attacked on both sides."""
        with self._change() as shown:
            shown.update(busy="attacking", stage="starting", fraction=0.0)
            shown.update(request=asdict(request), result=None)
            shown["live"] = {
                side: {"attack": "", "queries": 0, "image": None, "curves": {}} for side in SIDES
            }

    def add_preview(self, values: Mapping[str, JsonValue]) -> None:
        """An attack shows how far it is. A child says so, and may say anything."""
        with suppress(KeyError, TypeError), self._change() as shown:
            side = shown["live"][str(values["side"])]
            side.update(attack=values["attack"], queries=values["queries"], image=values["image"])
            if values["loss"] is not None:
                curve = side["curves"].setdefault(str(values["attack"]), [])
                curve.append([values["queries"], values["loss"]])

    def end_attack(self, result: dict[str, Any] | None) -> None:
        """The attack on both sides has its result."""
        with self._change() as shown:
            shown["result"] = result

    def end_comparison(self, comparison: dict[str, Any] | None) -> None:
        """The comparison over all classes has its conclusion."""
        with self._change() as shown:
            shown["comparison"] = comparison

    def end_customers(self, customers: dict[str, Any] | None) -> None:
        """The questions about customers have their answers."""
        with self._change() as shown:
            shown["customers"] = customers

    def _show(self, kept: Kept) -> None:
        # after training, the same is asked of the new models as of the old
        asked = self._shown.get("request", {}) if kept.result is None else kept.result.get("request", {})
        self._shown.update(asdict(kept))
        self._shown["request"] = asdict(Request()) | asked

    @contextmanager
    def _change(self) -> Iterator[dict[str, Any]]:
        with self._changed:
            yield self._shown
            self._version += 1
            self._changed.notify_all()
