"""Where the demo keeps its models and its last attack from one start to the next."""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leakgauge.demo.choices import CLASSES
from leakgauge.errors import BadParameters, LeakgaugeError
from leakgauge.jobs.table import DEMO_ATTACK, DEMO_CUSTOMERS, DEMO_TRAINING
from leakgauge.sandbox.output import read_document

(_FACTS,) = DEMO_TRAINING.leaves
_RESULT, REPORT_ZIP, REPORT_HTML, REPLAY = DEMO_ATTACK.leaves
(_CUSTOMERS,) = DEMO_CUSTOMERS.leaves
_NEEDED = (_FACTS, "baseline.onnx", "guarded-usual.onnx", "evaluator.onnx", "held_out.npz", "similar.npz")
_VERSION = "2"
"""Of what is kept: raised when an older folder would not do any more."""


def default_folder(environment: Mapping[str, str] | None = None) -> Path:
    """`leakgauge/demo` in the user's cache, as the XDG base directory specification has it."""
    variables = os.environ if environment is None else environment
    base = variables.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "leakgauge" / "demo"


class Cache:
    """A folder with the models of one data set and the last attack on them; or with answers about customers.

    Raises
    ------
    BadParameters
        `folder` when it cannot be made or written to.
    """

    def __init__(self, folder: Path, data: str) -> None:
        self._root = folder / f"{data}-{_VERSION}"
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            for left_over in self._root.glob(".*"):
                shutil.rmtree(left_over)
        except OSError as error:
            raise BadParameters(
                "folder",
                f"The demo cannot keep its models ({os.strerror(error.errno or 0)}).",
                hint="Name a folder that you may write to with --folder.",
            ) from None

    @property
    def models(self) -> Path:
        """The folder that training left."""
        return self._root / "models"

    @property
    def _customers(self) -> Path:
        return self._root / "customers"

    @property
    def last_attack(self) -> Path:
        """The folder that the last attack left."""
        return self._root / "reconstructions"

    def facts(self) -> dict[str, Any] | None:
        """What training found out about the two models; None where there are none yet."""
        if not all((self.models / name).is_file() for name in _NEEDED):
            return None
        return _read(self.models / _FACTS)

    def originals(self) -> dict[str, str]:
        """One PNG of each class, base64, by its number; empty where nothing has been trained."""
        found = {}
        with contextlib.suppress(OSError):
            for number in range(CLASSES):
                content = (self.models / f"original_{number}.png").read_bytes()
                found[str(number)] = base64.b64encode(content).decode("ascii")
        return found

    def result(self) -> dict[str, Any] | None:
        """What the last attack found on the models that are kept; None where there was none."""
        return _read(self.last_attack / _RESULT)

    def left_by_attack(self, name: str) -> Path | None:
        """A file that the last attack left, one of `DEMO_ATTACK.leaves`; None where there was none."""
        path = self.last_attack / name
        return path if path.is_file() else None

    def customers(self) -> dict[str, Any] | None:
        """What was answered about customers; None where nobody has asked."""
        return _read(self._customers / _CUSTOMERS)

    def keep_customers(self, finished: Path) -> None:
        """Put new answers about customers in place of the old."""
        self._replace(self._customers, finished)

    def keep_models(self, finished: Path) -> None:
        """Put new models in place of the old; the last attack on the old ones goes."""
        self._replace(self.models, finished)
        shutil.rmtree(self.last_attack, ignore_errors=True)

    def keep_attack(self, finished: Path) -> None:
        """Put a new attack in place of the last."""
        self._replace(self.last_attack, finished)

    def _replace(self, place: Path, finished: Path) -> None:
        staging = self._root / f".{secrets.token_hex(6)}"
        shutil.copytree(finished, staging)
        if place.exists():
            place.rename(self._root / f".{secrets.token_hex(6)}")
        staging.rename(place)
        for left_over in self._root.glob(".*"):
            shutil.rmtree(left_over, ignore_errors=True)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return read_document(path)
    except (OSError, LeakgaugeError):
        return None
