"""Workers on this machine: sandboxed processes with the bundle open."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Final, Self

from leakgauge.errors import JsonValue
from leakgauge.model_pipe import Fit
from leakgauge.sandbox.machine import cpus_granted
from leakgauge.sandbox.parent import Sandbox
from leakgauge.sandbox.resources import ResourceLimits, slots_in_memory
from leakgauge.workers.child import Child, ChildLost, Source

_ATTEMPTS: Final = 2
"""Processes that may die of one model."""
_SPARE: Final = 4
"""Processes that may die beyond one for each worker; then something else is wrong than a worker."""


def fitting() -> int:
    """How many workers this machine is good for: one for each processor, as far as memory goes."""
    return min(cpus_granted(), slots_in_memory())


class LocalWorkers:
    """So many processes, started when models are to come; those that die are replaced.

    Each may use its share of the memory, the audit beside them all that it may use otherwise: what it
    finds does then not depend on workers, and what is too large for one of them it trains itself.

    Parameters
    ----------
    source, overrides
        the bundle and the parameters of the audit.
    workers
        how many.
    """

    def __init__(self, source: Source, overrides: Mapping[str, JsonValue], *, workers: int) -> None:
        self._source = source
        self._overrides = overrides
        self._sandbox = Sandbox(
            only="membership", limits=ResourceLimits.from_environment().shared(workers + 1)
        )
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="worker")
        self._idle: queue.SimpleQueue[Child | None] = queue.SimpleQueue()
        for _ in range(workers):
            self._idle.put(None)
        self._changing = threading.Lock()
        self._prepared = False
        self._workers = workers
        self._may_die = workers + _SPARE

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def prepare(self) -> None:
        """Start the processes, which then read the bundle."""
        if not self._prepared:
            self._prepared = True
            for _ in range(self._workers):
                self._idle.get()
                self._idle.put(Child(self._sandbox, self._source, self._overrides))

    def count(self) -> int:
        """How many there are; 0 where they die whatever they are given."""
        return self._workers if self._may_die > 0 else 0

    def submit(self, fit: Fit) -> Future[bytes | None]:
        """Have a model trained by the next that is free."""
        return self._threads.submit(self._train, fit)

    def close(self) -> None:
        """End every process and remove every file. Final."""
        self._may_die = 0
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._sandbox.close()
        self._threads.shutdown()
        while not self._idle.empty():
            child = self._idle.get()
            if child is not None:
                child.close()

    def _train(self, fit: Fit) -> bytes | None:
        child = self._idle.get()  # as many threads as workers: there is one
        try:
            for _ in range(_ATTEMPTS):
                if not self.count():
                    return None
                try:
                    if child is None:
                        child = Child(self._sandbox, self._source, self._overrides)
                    return child.train(fit)
                except ChildLost:
                    child = None
                    with self._changing:
                        self._may_die -= 1
            return None
        finally:
            self._idle.put(child)
