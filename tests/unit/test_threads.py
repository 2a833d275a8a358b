"""Threads that keep to one processor each."""

from __future__ import annotations

import os
import threading

import torch
from sklearn.utils._openmp_helpers import _openmp_effective_n_threads
from threadpoolctl import threadpool_limits

from leakgauge.threads import one_processor_each


def test_numerical_libraries_start_no_threads_of_their_own_inside() -> None:
    _counts()  # the first question sets what it answers
    with threadpool_limits(4):
        before = _counts()
        with one_processor_each(3) as threads:
            inside = list(threads.map(lambda _: _counts(), range(6)))
        after = _counts()
    assert set(inside) == {(1, 1)}
    assert before[0] == 4
    assert after == before


def test_there_are_no_more_threads_than_asked_for_or_than_processors() -> None:
    for most in (1, 2, 64):
        together = threading.Barrier(min(most, len(os.sched_getaffinity(0))))
        with one_processor_each(most) as threads:
            # each waits for all the others, so one thread fewer would never end
            seen = set(threads.map(lambda _, at=together: _met(at), range(together.parties)))
        assert len(seen) == together.parties


def _counts() -> tuple[int, int]:
    return torch.get_num_threads(), _openmp_effective_n_threads()


def _met(barrier: threading.Barrier) -> int:
    barrier.wait(60)
    return threading.get_ident()
