"""One piece of work at a time, each in a sandboxed child; what it tells goes to the board."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from leakgauge.defences.output import settings_of
from leakgauge.defences.training import training_defences
from leakgauge.demo.board import Board, State
from leakgauge.demo.shelf import Shelf
from leakgauge.errors import BadParameters, Busy, JsonValue, LeakgaugeError
from leakgauge.jobs.table import DEMO_ATTACK, DEMO_TRAINING, Job
from leakgauge.progress import Calling
from leakgauge.sandbox.parent import Sandbox

Data = Literal["digits", "mnist"]

FIRST_DIGIT = 3
FIRST_DEFENCES = ("negative_label_smoothing",)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Effort:
    """How much work goes into a picture.

    Attributes
    ----------
    iterations, seeds: of every attack, as in an audit's parameters.
    epochs: of training; None for what the data set takes.
    """

    iterations: int = 250
    seeds: int = 6
    epochs: int | None = None


class Workbench:
    """Trains and attacks, one at a time, in the background.

    Parameters
    ----------
    data, source:
        which digits, and the folder that MNIST's lie in.
    effort:
        less of it gives pictures sooner, and wider intervals.
    """

    def __init__(
        self, *, sandbox: Sandbox, shelf: Shelf, data: Data, source: Path, effort: Effort | None = None
    ) -> None:
        self._sandbox = sandbox
        self._shelf = shelf
        self._data = data
        self._source = source
        self._effort = Effort() if effort is None else effort
        self._changing = threading.Lock()
        self._busy = False
        self._cancelled = threading.Event()
        self._thread: threading.Thread | None = None
        result = shelf.result()
        self.board = Board(
            {
                "busy": None,
                "stage": "",
                "fraction": 0.0,
                "notice": "",
                "digit": result["digit"] if result else FIRST_DIGIT,
                "output": result["output"] if result else [],
                "models": shelf.facts(),
                "originals": shelf.originals(),
                "training": None,
                "live": None,
                "result": result,
            }
        )

    def begin(self) -> None:
        """Make whatever is missing for the first pictures: the models, or the drawings."""
        state = self.board.read()
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
        state = self.board.read()
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
        self.board.close()
        self._sandbox.close()
        thread = self._thread
        if thread is not None:
            thread.join(10)

    def report(self) -> Path | None:
        """The last before/after report as a zip; None where nothing has been attacked yet."""
        return self._shelf.report()

    def _start(self, what: str, work: Callable[[], None]) -> None:
        def begun(state: State) -> None:
            state.update(busy=what, stage="starting", fraction=0.0, notice="")

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
            self.board.change(begun)
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
        except Exception:  # noqa: BLE001 - told on the page and in the log; the bench must be free again
            _log.exception("work of the demo broke off")
            notice = "Something went wrong that nobody expected; the log says what."
        finally:

            def ended(state: State) -> None:
                state.update(busy=None, stage="", fraction=0.0, notice=notice, live=None)

            # in one step: whoever sees that nothing runs may start something
            with self._changing:
                self._busy = False
                self.board.change(ended)

    def _train(self, defences: list[str]) -> None:
        def begun(state: State) -> None:
            state["training"] = {"defences": defences, "epochs": 0, "baseline": [], "hardened": []}

        def shown(values: Mapping[str, JsonValue]) -> None:
            def add(state: State) -> None:
                state["training"]["epochs"] = values["epochs"]
                state["training"][str(values["model"])].append(values["loss"])

            self.board.change(add)

        self.board.change(begun)
        overrides: dict[str, JsonValue] = {
            "data": self._data,
            "defences": list(defences),
            "epochs": self._effort.epochs,
            "seed": 0,
        }
        with self._sandbox.private_folder() as folder:
            finished = folder / "finished"
            self._work(self._source, finished, DEMO_TRAINING, overrides, shown)
            self._shelf.keep_models(finished)

        def ended(state: State) -> None:
            state.update(models=self._shelf.facts(), originals=self._shelf.originals(), result=None)
            state.update(busy="attacking", stage="starting", fraction=0.0)

        self.board.change(ended)
        state = self.board.read()
        self._attack(state["digit"], state["output"])

    def _attack(self, digit: int, output: list[str]) -> None:
        def begun(state: State) -> None:
            state.update(digit=digit, output=output, result=None)
            state["live"] = {
                side: {"attack": "", "queries": 0, "picture": None, "curve": []}
                for side in ("baseline", "defended")
            }

        def shown(values: Mapping[str, JsonValue]) -> None:
            def add(state: State) -> None:
                side: dict[str, Any] = state["live"][str(values["side"])]
                side.update(attack=values["attack"], queries=values["queries"], picture=values["picture"])
                if values["loss"] is not None:
                    side["curve"].append([values["queries"], values["loss"]])

            self.board.change(add)

        self.board.change(begun)
        overrides: dict[str, JsonValue] = {
            "digit": digit,
            "output": list(output),
            "iterations": self._effort.iterations,
            "seeds": self._effort.seeds,
        }
        with self._sandbox.private_folder() as folder:
            finished = folder / "finished"
            self._work(self._shelf.models, finished, DEMO_ATTACK, overrides, shown)
            self._shelf.keep_drawings(finished)

        def ended(state: State) -> None:
            state["result"] = self._shelf.result()

        self.board.change(ended)

    def _work(
        self,
        source: Path,
        finished: Path,
        job: Job,
        overrides: Mapping[str, JsonValue],
        shown: Callable[[Mapping[str, JsonValue]], None],
    ) -> None:
        def told(stage: str, fraction: float) -> None:
            def tell(state: State) -> None:
                state.update(stage=stage, fraction=fraction)

            self.board.change(tell)

        def taken(values: Mapping[str, JsonValue]) -> None:
            with contextlib.suppress(KeyError, TypeError):  # a child's word is not taken on trust
                shown(values)

        self._sandbox.run(
            source,
            finished,
            overrides=overrides,
            progress=Calling(told),
            cancelled=self._cancelled,
            shown=taken,
            job=job,
        )
