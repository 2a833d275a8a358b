"""Who trains reference models: this process, or workers elsewhere.

A model depends on its rows and its seed alone, so who trains it changes no figure. What no worker brings
back, for whatever reason, this process trains itself: it then finds what there is to find, and says so.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol, TypeAlias

import numpy as np

from leakgauge import model_pipe
from leakgauge.membership.refitting import Answers, Refitting
from leakgauge.membership.training_sets import Design
from leakgauge.socket_messages import read_message, write_message
from leakgauge.targets.protocol import IntArray
from leakgauge.threads import one_processor_each, processors

AnswersInTurn: TypeAlias = Generator[Answers, None, None]

_POSITIONS = np.dtype("<i4")
_PROBABILITIES = np.dtype("<f8")
_AHEAD = 2
"""Models that are handed out at a time for each worker: one that it trains, and the one after."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A model to be trained and asked; as for `Refitting.answers`.

    Attributes
    ----------
    change
        the name of the `Variant` that is trained; empty for the model as it is.
    """

    rows: IntArray
    queried: IntArray
    seed: int
    what: str
    change: str = ""


def fits_of(design: Design, rng: np.random.Generator, *, change: str = "") -> list[Fit]:
    """The models of a design, round by round.

    Parameters
    ----------
    rng
        seeds them.
    change
        with which they are trained.
    """
    sets = list(chain.from_iterable(design.rounds))
    seeds = rng.integers(2**31, size=len(sets)).tolist()
    return [
        Fit(one.rows, one.queried, seed, design.what, change) for one, seed in zip(sets, seeds, strict=True)
    ]


class Trainers(Protocol):
    """Trains models, several at once."""

    @property
    def at_once(self) -> int:
        """How many."""

    def answers(self, refitting: Refitting, fits: Sequence[Fit], *, batch: int) -> AnswersInTurn:
        """What each of the models answers, in their order.

        Closed before its end, it stops training. As far as that cannot be stopped at once, no model
        is begun that is not of a batch whose first answers were asked for.

        Raises
        ------
        Unsuited, BadParameters, MemoryError
            as `Refitting.answers`.
        """


class Here:
    """The process of the audit itself, with a thread for each processor."""

    @property
    def at_once(self) -> int:
        """As many as there are processors."""
        return processors()

    def answers(self, refitting: Refitting, fits: Sequence[Fit], *, batch: int) -> AnswersInTurn:
        """What each of the models answers, as `Trainers` has it."""

        def ask(fit: Fit) -> Answers:
            return refitting.answers(fit.rows, fit.queried, seed=fit.seed, what=fit.what)

        with one_processor_each(len(fits)) as threads:
            for start in range(0, len(fits), batch):
                yield from threads.map(ask, fits[start : start + batch])


HERE = Here()


class Elsewhere:
    """Workers, asked through a socket; the process of the audit trains what they do not.

    They hear at once that they will be wanted, and read the bundle while the audit does.

    Parameters
    ----------
    descriptor
        of the socket.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lost = False
        self._one_at_a_time = threading.Lock()
        self._workers()

    @property
    def at_once(self) -> int:
        """As many as there are workers; without any, as this process can."""
        return self._workers() or HERE.at_once

    def answers(self, refitting: Refitting, fits: Sequence[Fit], *, batch: int) -> AnswersInTurn:
        """What each of the models answers, as `Trainers` has it."""
        workers, handed_out = self._workers(), 0
        try:
            for place, fit in enumerate(fits):
                while workers and handed_out < min(place + _AHEAD * workers, len(fits)):
                    self._exchange({"train": _packed(fits[handed_out]).message()})
                    handed_out += 1
                if handed_out <= place:  # none are left that could be asked
                    yield from HERE.answers(refitting, fits[place:], batch=batch)
                    return
                answers, workers = self._next(fit)
                yield next(HERE.answers(refitting, [fit], batch=1)) if answers is None else answers
        finally:
            self._exchange({"forget": True})

    def _workers(self) -> int:
        return _count(self._exchange({"workers": True}))

    def _next(self, fit: Fit) -> tuple[Answers | None, int]:
        """What the first that was handed out, which is `fit`, answered, and how many workers there are."""
        reply = self._exchange({"next": True})
        try:
            content = model_pipe.read_answers(reply.get("answers"), len(fit.queried))
            return None if content is None else answers_from(content), _count(reply)
        except ValueError:
            return None, _count(reply)

    def _exchange(self, message: dict[str, Any]) -> dict[str, Any]:
        """The reply to a message; empty, now and ever after, once it was not to be had."""
        with self._one_at_a_time:
            if self._lost:
                return {}
            self._lost = True  # an exchange that is broken off leaves the two at odds
            try:
                write_message(self._descriptor, message)
                reply = read_message(self._descriptor)
            except (OSError, ValueError):
                return {}
            self._lost = reply is None
            return reply or {}


def _count(reply: dict[str, Any]) -> int:
    workers = reply.get("workers")
    return workers if type(workers) is int else 0


def _packed(fit: Fit) -> model_pipe.Fit:
    rows, queried = (each.astype(_POSITIONS).tobytes() for each in (fit.rows, fit.queried))
    return model_pipe.Fit(fit.change, rows, queried, fit.seed)


def positions_from(content: bytes, *, below: int) -> IntArray:
    """(n,) positions of records out of a message.

    Raises
    ------
    ValueError
        for positions of records that there are not.
    """
    positions = np.frombuffer(content, _POSITIONS).astype(np.int64)
    if not ((positions >= 0) & (positions < below)).all():
        raise ValueError("no such records")
    return positions


def bytes_of(answers: Answers) -> bytes:
    """The answers as in a message: probabilities, a byte each for whether they are right, one for votes."""
    right = answers.right.astype(np.uint8).tobytes()
    return answers.p_y.astype(_PROBABILITIES).tobytes() + right + bytes([answers.votes])


def answers_from(content: bytes) -> Answers:
    """The answers that `bytes_of` gave.

    Raises
    ------
    ValueError
        for numbers that are not finite, and for what is neither right nor wrong.
    """
    n = len(content) // (_PROBABILITIES.itemsize + 1)
    p_y = np.frombuffer(content, _PROBABILITIES, n).astype(np.float64)
    flags = np.frombuffer(content, np.uint8, offset=p_y.nbytes)
    if not np.isfinite(p_y).all() or len(flags) != n + 1 or (flags > 1).any():
        raise ValueError("no answers")
    return Answers(p_y, flags[:-1].astype(np.bool_), votes=bool(flags[-1]))
