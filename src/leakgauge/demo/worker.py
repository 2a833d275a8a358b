"""One piece of work at a time, each in a sandboxed child; what it tells goes into the state."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from leakgauge.demo.cache import Cache
from leakgauge.demo.choices import CLASSES, GUARD, DataSet, Defence, chosen, data_set
from leakgauge.demo.state import Kept, Request, State
from leakgauge.errors import BadParameters, Busy, JsonValue, LeakgaugeError
from leakgauge.jobs.table import (
    DEMO_ATTACK,
    DEMO_COMPARISON,
    DEMO_CUSTOMERS,
    DEMO_PDF,
    DEMO_TRAINING,
    Job,
)
from leakgauge.progress import Calling
from leakgauge.sandbox.events import Shown
from leakgauge.sandbox.parent import Sandbox

_SEEDS = 1_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Effort:
    """How much work goes into an image.

    Attributes
    ----------
    iterations, seeds
        of every attack, as in an audit's parameters.
    iterations_of_all, seeds_of_all
        of the comparison, which attacks all classes with and without similar images.
    epochs
        of training; None for the usual number.
    """

    iterations: int = 300
    seeds: int = 3
    iterations_of_all: int = 200
    seeds_of_all: int = 2
    epochs: int | None = None


class Worker:
    """Trains and attacks, one at a time, in the background.

    Parameters
    ----------
    folder
        where models, attacks and answers are kept from one start to the next.
    sets
        what there is to learn; the first is shown first.
    effort
        less of it gives images sooner, and wider intervals.

    Raises
    ------
    BadParameters
        `folder` when nothing can be kept there.
    """

    def __init__(
        self, *, sandbox: Sandbox, folder: Path, sets: Sequence[DataSet], effort: Effort | None = None
    ) -> None:
        self._sandbox = sandbox
        self._caches = {one.name: Cache(folder, one.name) for one in sets}
        self._customers = Cache(folder, "customers")
        self.sets = tuple(sets)
        self._data = self.sets[0]
        self._effort = Effort() if effort is None else effort
        self._changing = threading.Lock()
        self._busy = False
        self._cancelled = threading.Event()
        self._thread: threading.Thread | None = None
        self.state = State(self._kept(), customers=self._customers.customers())

    def begin(self) -> None:
        """Make whatever is missing for the first images: the models, or an attack on them."""
        state = self.state.read()
        if state["models"] is None:
            self._start("training", lambda: self._train(GUARD))
        elif state["result"] is None:
            # in front of every model that was trained, unlike what was asked of others
            self._start("attacking", lambda: self._attack(replace(_last_asked(state), defence=GUARD)))

    def show(self, name: str) -> None:
        """Look at the models of another data set, which are trained if there are none yet.

        Raises
        ------
        Busy, BadParameters
            `busy` while something runs; `unknown_data`.
        """
        found = data_set(name, self.sets)
        with self._changing:
            self._check_free()
            self._data = found
            self.state.show(self._kept())
        self.begin()

    def train(self, defence: str) -> None:
        """Begin to train the models from scratch, with other first weights; then the class is attacked anew.

        Raises
        ------
        Busy, BadParameters
            `busy` while something else runs; for a defence that does not exist.
        """
        chosen(defence)
        self._start("training", lambda: self._train(defence))

    def attack(self, request: Request) -> None:
        """Begin to attack one class on the open and on the defended model.

        Raises
        ------
        Busy, BadParameters
            `busy` while something else runs, `no_models` before anything was trained, `not_trained` for a
            defence that the models were not trained with; for a class or a defence that does not exist.
        """
        if not 0 <= request.target < CLASSES:
            raise BadParameters("target", "There is no such class.", hint="Choose one of the ten.")
        defence = chosen(request.defence, request.level)
        state = self.state.read()
        if state["busy"] is None:
            _check_trained(state["models"], defence)
        self._start("attacking", lambda: self._attack(request))

    def compare(self) -> None:
        """Begin to attack all classes, with and without similar images, by the defence of the attack shown.

        Raises
        ------
        Busy, BadParameters
            `busy` while something else runs, `no_attack` before anything was attacked.
        """
        state = self.state.read()
        if state["busy"] is None and state["result"] is None:
            raise nothing_attacked()
        self._start("comparing", lambda: self._compare(_last_asked(state)))

    def ask_about_customers(self) -> None:
        """Begin to invent customers, and to answer both questions about them.

        Raises
        ------
        Busy
            while something else runs.
        """
        self._start("answering", self._answer)

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

    def left_behind(self, name: str) -> Path | None:
        """A file that the last attack or comparison has left; None where there was none yet."""
        return self._cache.left_behind(name)

    def pdf(self) -> bytes:
        """The before/after report as a PDF.

        Raises
        ------
        BadParameters
            `no_report` when nothing has been compared yet.
        LeakgaugeError
            where the extra `pdf` or what it needs of the system is missing.
        """
        source = self._cache.last_comparison
        if not source.is_dir():
            raise nothing_compared()
        with self._sandbox.private_folder() as folder:
            finished = folder / "finished"
            self._sandbox.run(source, finished, overrides={}, progress=Calling(lambda *_: None), job=DEMO_PDF)
            return (finished / DEMO_PDF.leaves[0]).read_bytes()

    @property
    def _cache(self) -> Cache:
        return self._caches[self._data.name]

    def _kept(self) -> Kept:
        cache = self._cache
        return Kept(self._data.name, cache.facts(), cache.originals(), cache.result(), cache.comparison())

    def _check_free(self) -> None:
        if self._busy:
            raise Busy(
                "busy",
                "The demo is at work already, and does one thing at a time.",
                hint="Wait until it is done, or cancel it.",
                details={"retry_after": 5},
            )

    def _start(self, what: str, work: Callable[[], None]) -> None:
        with self._changing:
            self._check_free()
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

    def _train(self, defence: str) -> None:
        defences = chosen(defence).training
        self.state.begin_training(defences)
        before = self.state.read()
        overrides: dict[str, JsonValue] = {
            "data": self._data.name,
            "defences": [*defences],
            "epochs": self._effort.epochs,
            "seed": _next_seed(before["models"]),
        }
        source = self._data.source or self._cache.models.parent
        with self._finished(DEMO_TRAINING, source, overrides, self.state.add_epoch) as finished:
            self._cache.keep_models(finished)
        self.state.show(self._kept())
        self._attack(replace(_last_asked(before), defence=defence))

    def _attack(self, request: Request) -> None:
        self.state.begin_attack(request)
        overrides = _models(request) | {
            "request": dict(asdict(request)),
            "target": request.target,
            "name": self._data.called(request.target),
            "similar": request.similar,
            "iterations": self._effort.iterations,
            "seeds": self._effort.seeds,
        }
        with self._finished(DEMO_ATTACK, self._cache.models, overrides, self.state.add_preview) as finished:
            self._cache.keep_attack(finished)
        self.state.end_attack(self._cache.result())

    def _compare(self, request: Request) -> None:
        overrides = _models(request) | {
            "request": {"defence": request.defence, "level": request.level},
            "iterations": self._effort.iterations_of_all,
            "seeds": self._effort.seeds_of_all,
        }
        with self._finished(DEMO_COMPARISON, self._cache.models, overrides, lambda _: None) as finished:
            self._cache.keep_comparison(finished)
        self.state.end_comparison(self._cache.comparison())

    def _answer(self) -> None:
        before = self._customers.customers()
        seed = _next_seed(before)
        with self._finished(
            DEMO_CUSTOMERS, self._customers.models.parent, {"seed": seed}, lambda _: None
        ) as finished:
            self._customers.keep_customers(finished)
        self.state.end_customers(self._customers.customers())

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


def nothing_attacked() -> BadParameters:
    """What whoever asks for more of an attack is answered before there was one."""
    return BadParameters(
        "no_attack",
        "Nothing has been attacked yet.",
        hint="Choose what to attack, and wait for its reconstruction.",
    )


def nothing_compared() -> BadParameters:
    """What whoever asks for a report is answered before one was made."""
    return BadParameters(
        "no_report",
        "There is no before/after report yet.",
        hint="Press “Compare over all ten classes”, which makes it.",
    )


def _models(request: Request) -> dict[str, JsonValue]:
    """Which models a child attacks, and what their answers pass through."""
    defence = chosen(request.defence, request.level)
    return {"model": defence.model, "output": [*defence.output]}


def _last_asked(state: Mapping[str, Any]) -> Request:
    return Request(**state["request"])


def _next_seed(before: Mapping[str, Any] | None) -> int:
    """Trained anew, models get other first weights; the same start gives the same models."""
    return 0 if before is None else (int(before.get("seed", 0)) + 1) % _SEEDS


def _check_trained(models: Mapping[str, Any] | None, defence: Defence) -> None:
    if models is None:
        raise BadParameters("no_models", "There are no models to attack yet.", hint="Train them first.")
    trained = {row["name"] for row in models.get("defences", [])}
    if defence.training and trained != set(defence.training):
        raise BadParameters(
            "not_trained",
            "The models were not trained with this defence.",
            hint="Train the models with it; that takes less than a minute.",
        )
