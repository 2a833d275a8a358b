"""Asks models that nobody vouches for, in children that may die of it.

`asked(seeds, one)` runs `one(seed, tell)` for every seed in forked children and gives what became of
each: the word that `one` returned, the signal that ended the child, or that it took too long. A child
that dies is followed by another, which goes on with the next seed.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import resource
import select
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leakgauge.attacks.row import Unsuited
from leakgauge.errors import LeakgaugeError
from leakgauge.membership.refitting import Refitting, blank_clone
from leakgauge.membership.training_sets import TrainingData
from leakgauge.sandbox.machine import private_memory_in_use
from leakgauge.targets.sklearn.input_columns import input_columns
from leakgauge.targets.sklearn.reading import load_model
from leakgauge.targets.sklearn.target import SklearnTarget

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What became of one seed.

    `word` is refused, answered, declared or unexpected; signal, time-out or slow fit where the child ended.
    """

    seed: int
    word: str
    detail: str = ""


def ask(path: Path, rows: pd.DataFrame, y: np.ndarray[Any, Any], tell: Tell, *, refit: bool) -> Outcome:
    """Read the model in the file as an audit does, ask it about the rows, and perhaps train it again."""
    try:
        tell("read")
        loaded = load_model(path)
        target = SklearnTarget(loaded.estimator, remarks=loaded.warnings)
    except LeakgaugeError as error:
        return Outcome(0, "refused", error.code)
    try:
        tell("ask")
        target.input_columns(rows.shape[1])
        input_columns(target.estimator, rows.shape[1])
        x = target.as_input(rows)
        target.labels(x)
        target = target.reading_scores(x, y % len(target.classes))
        if target.has_probabilities:
            target.probabilities(x)
        if refit:
            tell("fit")
            _fit(target, x, y)
    except LeakgaugeError as error:
        # that many models fail in the same way may mean that what went before broke the child
        return Outcome(0, "declared", f"{error.code} {error.details.get('exception', '')}".rstrip())
    except Unsuited:
        return Outcome(0, "answered", "not trained again")
    except MemoryError:
        return Outcome(0, "declared", "memory")
    return Outcome(0, "answered", "trained again" if refit else "")


def _fit(target: SklearnTarget, x: Any, y: np.ndarray[Any, Any]) -> None:
    everybody = np.arange(len(y))
    data = TrainingData(x, y % len(target.classes), everybody[::2], everybody[1::2], None, len(y))
    refitting = Refitting.of(blank_clone(target.estimator), target.classes, data, form=target.form)
    refitting.answers(everybody[: min(60, len(y) - 10)], everybody, seed=1, what="some records")


SEEDS_OF_A_CHILD = 500
"""How many seeds a child sees: models may leave something behind that fails those after them."""


def asked(
    seeds: Sequence[int],
    one: Callable[[int, Tell], Outcome],
    *,
    seconds: float = 20.0,
    memory: int | None = 3 << 30,
) -> Iterator[Outcome]:
    """What becomes of every seed, in their order.

    Parameters
    ----------
    seconds
        after how many of silence a child is ended.
    memory
        bytes that a child may take beside what this process holds already; None for no limit, which
        AddressSanitizer needs.
    """
    start = 0
    while start < len(seeds):
        for outcome in _child(seeds[start : start + SEEDS_OF_A_CHILD], one, seconds, memory):
            start += 1
            yield outcome


def culprits(
    seed: int, one: Callable[[int, Tell], Outcome], *, before: int = 200, seconds: float = 20.0
) -> list[int]:
    """The fewest of the seeds before this one after which a child ends by a signal: a heap breaks late.

    Empty where all of them together do not do that. Leaving seeds out moves what lies in memory, so a
    list that cannot be shortened may still hold seeds without a part in it.

    Parameters
    ----------
    before
        how many seeds are tried.
    seconds
        after how many of silence a child is ended.
    """

    def words(seeds: Sequence[int]) -> list[str]:
        return [found.word for found in asked([*seeds, seed], one, seconds=seconds, memory=None)]

    left = list(range(seed - before, seed))
    first = words(left)
    if "signal" not in first:
        return []
    # what took too long ended its child, and with it whatever was broken until then
    for place, word in enumerate(first[: first.index("signal")]):
        if word in ("slow fit", "time-out"):
            left = list(range(seed - before + place + 1, seed))
    chunk = max(len(left) // 2, 1)
    while chunk:
        start = 0
        while start < len(left):
            fewer = left[:start] + left[start + chunk :]
            if "signal" in words(fewer):
                left = fewer
            else:
                start += chunk
        chunk //= 2
    return left


def _child(
    seeds: Sequence[int], one: Callable[[int, Tell], Outcome], seconds: float, memory: int | None
) -> Iterator[Outcome]:
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _work(seeds, one, writer, memory)
    os.close(writer)
    done, stage, buffer = 0, "", b""
    with os.fdopen(reader, "rb", buffering=0) as pipe:
        while True:
            ready, _, _ = select.select([pipe], [], [], seconds)
            data = pipe.read(1 << 16) if ready else None
            if data is None:
                os.kill(child, signal.SIGKILL)
            if not data:
                break
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                word, _, detail = line.decode("utf-8", "replace").partition("\t")
                if word == "stage":
                    stage = detail
                else:
                    yield Outcome(seeds[done], word, detail)
                    done += 1
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if done < len(seeds):
        if data is None:
            yield Outcome(seeds[done], "slow fit" if stage == "fit" else "time-out", stage)
        else:
            name = signal.Signals(-status).name if status < 0 else f"exit {status}"
            yield Outcome(seeds[done], "signal", f"{name} on {stage}")


def _work(seeds: Sequence[int], one: Callable[[int, Tell], Outcome], writer: int, memory: int | None) -> None:
    """The child's life."""

    def say(word: str, detail: str) -> None:
        os.write(writer, f"{word}\t{' '.join(detail.split())[:2000]}\n".encode("utf-8", "replace"))

    try:
        faulthandler.disable()  # the parent tells what ended the child
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if memory is not None:
            # as the sandbox does: what is shared with the parent, perhaps TensorFlow, is not the seed's doing
            most = memory + private_memory_in_use()
            resource.setrlimit(resource.RLIMIT_DATA, (most, most))
        warnings.simplefilter("ignore")
        for seed in seeds:
            try:
                with contextlib.redirect_stdout(None), np.errstate(all="ignore"):
                    outcome = one(seed, lambda stage: say("stage", stage))
            except BaseException as error:  # noqa: BLE001 (what nobody foresaw is what is looked for)
                frames = traceback.extract_tb(error.__traceback__)[-3:]
                where = " < ".join(f"{Path(each.filename).name}:{each.name}" for each in reversed(frames))
                outcome = Outcome(seed, "unexpected", f"{type(error).__name__}: {error} in {where}")
            say(outcome.word, outcome.detail)
    finally:
        os._exit(0)
