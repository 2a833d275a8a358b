"""One piece of work at a time, each in a sandboxed child; what it tells goes into the state."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from leakgauge.defences.output import settings_of
from leakgauge.defences.training import training_defences
from leakgauge.demo.cache import Cache
from leakgauge.demo.state import State
from leakgauge.errors import BadParameters, Busy, JsonValue, LeakgaugeError
from leakgauge.jobs.table import DEMO_ATTACK, DEMO_TRAINING, Job
from leakgauge.sandbox.events import Shown
from leakgauge.sandbox.parent import Sandbox

Data = Literal["digits", "mnist"]

FIRST_DEFENCES = ("negative_label_smoothing",)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Effort:
    """How much work goes into an image.

    Attributes
    ----------
    iterations, seeds
        of every attack, as in an audit's parameters.
    epochs
        of training; None for what the data set takes.
    """

    iterations: int = 250
    seeds: int = 6
    epochs: int | None = None


class Worker:
    """Trains and attacks, one at a time, in the background.

    Parameters
    ----------
    data, source
        which digits, and the folder that MNIST's lie in.
    effort
        less of it gives images sooner, and wider intervals.
    """

    def __init__(
        self, *, sandbox: Sandbox, cache: Cache, data: Data, source: Path, effort: Effort | None = None
    ) -> None:
        self._sandbox = sandbox
        self._cache = cache
        self._data = data
        self._source = source
        self._effort = Effort() if effort is None else effort
        self._changing = threading.Lock()
        self._busy = False
        self._cancelled = threading.Event()
        self._thread: threading.Thread | None = None
        self.state = State(models=cache.facts(), originals=cache.originals(), result=cache.result())

    def begin(self) -> None:
        """Make whatever is missing for the first images: the models, or an attack on them."""
        state = self.state.read()
        if state["models"] is None:
            self.train(FIRST_DEFENCES)
        elif state["result"] is None:
            self.attack(state["digit"], state["output"])

    def train(self, defences: Sequence[str]) -> None:
        """Begin to train both models from scratch; the digit is then attacked anew.

        Raises
        ------
        Busy, BadParameters
            `busy` while something else runs; for defences that do not exist or go together.
        """
        names = [row.name for row in training_defences(defences)]
        if {"label_smoothing", "negative_label_smoothing"} <= set(names):
            raise BadParameters(
                "two_smoothings",
                "Label smoothing and negative label smoothing undo each other.",
                hint="Choose one of the two.",
            )
        self._start("training", lambda: self._train(names))

    def attack(self, digit: int, output: Sequence[str]) -> None:
        """Begin to attack one digit on both models, the hardened one behind output defences.

        Raises
        ------
        Busy, BadParameters
            `busy` while something else runs, `no_models` before anything was trained; for a digit
            or defences that do not exist.
        """
        if not 0 <= digit <= 9:
            raise BadParameters("digit", "A digit is a number from 0 to 9.", hint="Choose one of the ten.")
        spellings = [str(setting) for setting in settings_of(output)]
        state = self.state.read()
        if state["models"] is None and state["busy"] is None:
            raise BadParameters("no_models", "There are no models to attack yet.", hint="Train them first.")
        self._start("attacking", lambda: self._attack(digit, spellings))

    def cancel(self) -> bool:
        """Stop what runs; False where nothing does."""
        with self._changing:
            if self._busy:
                self._cancelled.set()
            return self._busy

    def close(self) -> None:
        """Stop what runs, and end."""
        self._cancelled.set()
        self.state.close()
        self._sandbox.close()
        thread = self._thread
        if thread is not None:
            thread.join(10)

    def report(self) -> Path | None:
        """The last before/after report as a zip; None where nothing has been attacked yet."""
        return self._cache.report()

    def _start(self, what: str, work: Callable[[], None]) -> None:
        with self._changing:
            if self._busy:
                raise Busy(
                    "busy",
                    "The demo is at work already, and does one thing at a time.",
                    hint="Wait until it is done, or cancel it.",
                    details={"retry_after": 5},
                )
            self._busy = True
            self._cancelled.clear()
            self.state.begin(what)
        self._thread = threading.Thread(target=self._run, args=(work,), name=what, daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[], None]) -> None:
        notice = ""
        try:
            work()
        except LeakgaugeError as error:
            notice = (
                "Cancelled. What was there before is still in use."
                if self._cancelled.is_set()
                else f"{error.message} {error.hint}"
            )
        except Exception:  # noqa: BLE001 - told on the page and in the log; the worker must be free again
            _log.exception("work of the demo broke off")
            notice = "Something went wrong that nobody expected; the log says what."
        finally:
            # in one step: whoever sees that nothing runs may start something
            with self._changing:
                self._busy = False
                self.state.end(notice)

    def _train(self, defences: list[str]) -> None:
        self.state.begin_training(defences)
        overrides: dict[str, JsonValue] = {
            "data": self._data,
            "defences": [*defences],
            "epochs": self._effort.epochs,
            "seed": 0,
        }
        with self._finished(DEMO_TRAINING, self._source, overrides, self.state.add_epoch) as finished:
            self._cache.keep_models(finished)
        self.state.end_training(self._cache.facts(), self._cache.originals())
        state = self.state.read()
        self._attack(state["digit"], state["output"])

    def _attack(self, digit: int, output: list[str]) -> None:
        self.state.begin_attack(digit, output)
        overrides: dict[str, JsonValue] = {
            "digit": digit,
            "output": [*output],
            "iterations": self._effort.iterations,
            "seeds": self._effort.seeds,
        }
        with self._finished(DEMO_ATTACK, self._cache.models, overrides, self.state.add_preview) as finished:
            self._cache.keep_attack(finished)
        self.state.end_attack(self._cache.result())

    @contextmanager
    def _finished(
        self, job: Job, source: Path, overrides: Mapping[str, JsonValue], shown: Shown
    ) -> Iterator[Path]:
        """The folder that a job has left, for the length of the context."""
        with self._sandbox.private_folder() as folder:
            finished = folder / "finished"
            self._sandbox.run(
                source,
                finished,
                overrides=overrides,
                progress=self.state,
                cancelled=self._cancelled,
                shown=shown,
                job=job,
            )
            yield finished
