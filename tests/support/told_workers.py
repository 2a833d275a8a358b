"""Workers that a test tells what becomes of each model, and an audit that asks them through a real socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import cache

import numpy as np
from pools import records
from sklearn.tree import DecisionTreeClassifier

from leakgauge import model_pipe
from leakgauge.membership.pool import Pool
from leakgauge.membership.refitting import Refitting, blank_clone
from leakgauge.membership.trainers import HERE, Elsewhere, Fit, bytes_of, positions_from
from leakgauge.membership.training_sets import TrainingData
from leakgauge.workers.dealer import Dealer

RECORDS = 40


@cache
def refitting() -> Refitting:
    """Trains small trees."""
    x, y = records(RECORDS, seed=0)
    model = DecisionTreeClassifier(max_depth=2, random_state=0).fit(x, y)
    pool = Pool(x, y.astype(np.int64), np.arange(RECORDS) < RECORDS // 2, np.arange(RECORDS) + 1)
    return Refitting.of(blank_clone(model), model.classes_, TrainingData.of(pool))


def fits(count: int) -> list[Fit]:
    """Models of other halves of the records each."""
    rng = np.random.default_rng(1)
    return [
        Fit(np.sort(rng.permutation(RECORDS)[: RECORDS // 2]), np.arange(RECORDS), seed, "a half")
        for seed in range(count)
    ]


def trained(fit: model_pipe.Fit) -> bytes:
    """What an honest worker sends."""
    rows, queried = (positions_from(each, below=RECORDS) for each in (fit.rows, fit.queried))
    (answers,) = HERE.answers(refitting(), [Fit(rows, queried, fit.seed, "its rows")], batch=1)
    return bytes_of(answers)


class Told:
    """Workers: each model has the outcome that `become` gives it."""

    def __init__(self, become: Callable[[int, Future, model_pipe.Fit], None], *, workers: int = 2) -> None:
        self.workers = workers
        self.prepared = 0
        self.futures: list[Future] = []
        self._become = become

    def prepare(self) -> None:
        self.prepared += 1

    def count(self) -> int:
        return self.workers

    def submit(self, fit: model_pipe.Fit) -> Future:
        future: Future = Future()
        self.futures.append(future)
        self._become(len(self.futures) - 1, future, fit)
        return future


def honest(number: int, future: Future, fit: model_pipe.Fit) -> None:
    """Trained at once."""
    future.set_result(trained(fit))


@contextmanager
def asking(workers: Told, *, patience: float = 60.0) -> Iterator[tuple[Elsewhere, Dealer]]:
    """An audit that has its models trained by these workers."""
    ours, theirs = socket.socketpair()
    with theirs, Dealer(workers, patience=patience) as dealer:
        dealer.attach(ours)
        yield Elsewhere(theirs.fileno()), dealer


def later(future: Future, result: bytes) -> threading.Timer:
    """The result, after those that are there at once."""
    timer = threading.Timer(0.05, future.set_result, (result,))
    timer.start()
    return timer
