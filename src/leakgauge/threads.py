"""Several threads that keep to one processor each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def one_processor_each(most: int) -> Iterator[ThreadPoolExecutor]:
    """As many threads as this process has processors, at most `most`.

    Threads, not processes: the sandbox allows no fork, and fits release the lock of
    the interpreter. Inside them numerical libraries work in one thread: each would
    start as many as there are processors, and those of all would wait for each other,
    which made the networks among the attack models three times slower.
    """
    with (
        threadpool_limits(1),
        # OpenMP counts for each thread that starts its own; what is said outside it does not hear
        ThreadPoolExecutor(
            min(most, processors()), initializer=threadpool_limits, initargs=(1, "openmp")
        ) as executor,
    ):
        try:
            yield executor
        except BaseException:
            # nobody waits for what has not begun: a step that was stopped must not go on to its end
            executor.shutdown(wait=False, cancel_futures=True)
            raise
