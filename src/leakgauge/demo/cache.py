"""Where the demo keeps its models, the last attack and the last comparison from one start to the next."""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leakgauge.demo.choices import CLASSES
from leakgauge.errors import BadParameters, LeakgaugeError
from leakgauge.jobs.table import DEMO_ATTACK, DEMO_COMPARISON, DEMO_CUSTOMERS, DEMO_TRAINING
from leakgauge.sandbox.output import read_document

(_FACTS,) = DEMO_TRAINING.leaves
_RESULT, REPLAY = DEMO_ATTACK.leaves
_COMPARED, REPORT_ZIP, REPORT_HTML = DEMO_COMPARISON.leaves
(_CUSTOMERS,) = DEMO_CUSTOMERS.leaves
_NEEDED = (_FACTS, "baseline.onnx", "guarded-usual.onnx", "evaluator.onnx", "held_out.npz", "similar.npz")
_STAGING = ".new-"
"""What folders are called that are about to be put in place, or were."""
_LEFT_OVER_SECONDS = 3_600
_VERSION = "3"
"""Of what is kept: raised when an older folder would not do any more."""


def default_folder(environment: Mapping[str, str] | None = None) -> Path:
    """`leakgauge/demo` in the user's cache, as the XDG base directory specification has it."""
    variables = os.environ if environment is None else environment
    base = variables.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "leakgauge" / "demo"


class Cache:
    """A folder with the models of one data set and what was last found of them, or with customers.

    Raises
    ------
    BadParameters
        `folder` when it cannot be made or written to.
    """

    def __init__(self, folder: Path, data: str) -> None:
        self._root = folder / f"{data}-{_VERSION}"
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            for left_over in self._root.glob(f"{_STAGING}*"):
                # another demo may be putting something there at this moment
                if left_over.stat().st_mtime < time.time() - _LEFT_OVER_SECONDS:
                    shutil.rmtree(left_over, ignore_errors=True)
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

    @property
    def last_comparison(self) -> Path:
        """The folder that the last comparison over all classes left."""
        return self._root / "comparison"

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

    def comparison(self) -> dict[str, Any] | None:
        """What the last comparison concluded of the models that are kept; None where there was none."""
        return _read(self.last_comparison / _COMPARED)

    def left_behind(self, name: str) -> Path | None:
        """A file that the last attack or the last comparison left; None where there was none."""
        paths = (folder / name for folder in (self.last_attack, self.last_comparison))
        return next((path for path in paths if path.is_file()), None)

    def customers(self) -> dict[str, Any] | None:
        """What was answered about customers; None where nobody has asked."""
        return _read(self._customers / _CUSTOMERS)

    def keep_customers(self, finished: Path) -> None:
        """Put new answers about customers in place of the old."""
        self._replace(self._customers, finished)

    def keep_models(self, finished: Path) -> None:
        """Put new models in place of the old; what was found of the old ones goes."""
        self._replace(self.models, finished)
        for found in (self.last_attack, self.last_comparison):
            shutil.rmtree(found, ignore_errors=True)

    def keep_attack(self, finished: Path) -> None:
        """Put a new attack in place of the last."""
        self._replace(self.last_attack, finished)

    def keep_comparison(self, finished: Path) -> None:
        """Put a new comparison in place of the last."""
        self._replace(self.last_comparison, finished)

    def _replace(self, place: Path, finished: Path) -> None:
        staging, old = (self._root / f"{_STAGING}{secrets.token_hex(6)}" for _ in range(2))
        shutil.copytree(finished, staging)
        with contextlib.suppress(FileNotFoundError):
            place.rename(old)
        staging.rename(place)
        shutil.rmtree(old, ignore_errors=True)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return read_document(path)
    except (OSError, LeakgaugeError):
        return None
