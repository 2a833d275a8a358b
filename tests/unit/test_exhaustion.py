"""Memory and time that run out: recognised, given back, shared out."""

from __future__ import annotations

import errno
import gzip
import math
import pickle
import tracemalloc
import weakref

import numpy as np
import pyarrow as pa
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from leakgauge.bundle import Limits
from leakgauge.exhaustion import OUT_OF_MEMORY, OutOfTime, Time, ran_out, release
from leakgauge.progress import Calling, Silent
from leakgauge.tables.encoding import read_utf8
from leakgauge.targets.sklearn.reading import load_model
from leakgauge.threads import one_processor_each


def raised(work) -> Exception:
    try:
        work()
    except Exception as error:  # noqa: BLE001 -- whatever it is
        return error
    raise AssertionError("nothing was raised")


def wrapped() -> None:
    try:
        np.empty(1 << 60)
    except MemoryError as error:
        raise ValueError("this model cannot be used") from error


def in_the_handling() -> None:
    try:
        raise MemoryError
    except MemoryError:
        raise KeyError("lost") from None


def no_room() -> None:
    raise OSError(errno.ENOMEM, "Cannot allocate memory")


@pytest.mark.parametrize(
    "work",
    [
        lambda: np.empty(1 << 48),
        lambda: np.empty(1 << 60),
        lambda: bytearray(1 << 62),
        lambda: torch.empty(1 << 50),
        lambda: pa.allocate_buffer(1 << 60),
        no_room,
        wrapped,
        in_the_handling,
    ],
)
def test_every_way_to_be_out_of_memory_is_recognised(work) -> None:
    assert ran_out(raised(work)) == OUT_OF_MEMORY


def no_file() -> None:
    raise OSError(errno.ENOENT, "allocate memory")


@pytest.mark.parametrize(
    "work", [lambda: {}["allocate memory"], lambda: torch.ones(2) @ torch.ones(3), no_file]
)
def test_other_errors_are_not_taken_for_that(work) -> None:
    assert ran_out(raised(work)) is None


def test_errors_that_cause_each_other_end_the_search() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert ran_out(first) is None
    release(first)


def hog(kept: list[weakref.ref]) -> None:
    large = np.ones(1_000_000)
    kept.append(weakref.ref(large))
    raise MemoryError


def by_a_wrapper(kept: list[weakref.ref]) -> None:
    try:
        hog(kept)
    except MemoryError as error:
        raise ValueError from error


def in_threads(kept: list[weakref.ref]) -> None:
    with one_processor_each(4) as threads:
        list(threads.map(hog, [kept] * 4))


def in_a_generator(kept: list[weakref.ref]) -> None:
    def numbers():
        large = np.ones(1_000_000)
        kept.append(weakref.ref(large))
        yield large
        raise MemoryError

    for _ in numbers():
        pass


@pytest.mark.parametrize("work", [hog, by_a_wrapper, in_threads, in_a_generator])
def test_what_the_frames_of_an_error_hold_is_given_back(work) -> None:
    kept: list[weakref.ref] = []
    error = raised(lambda: work(kept))
    assert any(large() is not None for large in kept)
    release(error)
    assert kept
    assert all(large() is None for large in kept)
    assert ran_out(error) == OUT_OF_MEMORY


class Clock:
    """A time that is left, and passes when it is told to."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds

    def __call__(self) -> float:
        return self.left

    def work(self, progress, *, seconds: float, step: float = 1.0) -> None:
        for second in np.arange(0.0, seconds, step):
            progress.report("working", second / seconds if math.isfinite(seconds) else 0.0)
            self.left -= step


@pytest.mark.parametrize("n", range(1, 13))
def test_steps_of_equal_length_are_never_cut_short(n: int) -> None:
    clock = Clock(1_000.0)
    time = Time(clock)
    for step in range(n):
        clock.work(time.share(n - step).limiting(Silent()), seconds=900.0 / n, step=900.0 / n / 8)
    assert clock.left == pytest.approx(100.0)


@pytest.mark.parametrize("hogs", [1, 2, 3])
def test_steps_without_an_end_leave_time_for_the_others_and_the_report(hogs: int) -> None:
    clock = Clock(3_500.0)
    time = Time(clock)
    for step in range(10):
        share = time.share(10 - step)
        if step < hogs:
            with pytest.raises(OutOfTime, match="used up its share of the audit's time"):
                clock.work(share.limiting(Silent()), seconds=10_000.0)
        else:
            clock.work(share.limiting(Silent()), seconds=10.0)
    assert clock.left >= 350.0


def test_what_comes_when_all_time_is_used_up_does_not_begin() -> None:
    told: list[str] = []
    time = Time(clock := Clock(100.0))
    clock.left = 5.0
    with pytest.raises(OutOfTime, match="before it could begin") as caught:
        time.share(3).limiting(Calling(lambda stage, _: told.append(stage))).report("training", 0.0)
    assert told == []
    assert ran_out(caught.value) == str(caught.value)


def test_without_a_limit_nothing_stands_between() -> None:
    progress = Silent()
    share = Time().share(2)
    assert share.limiting(progress) is progress
    assert math.isinf(share.seconds)
    share.check()


def test_a_step_that_is_stopped_starts_nothing_more() -> None:
    begun: list[int] = []

    def stopped() -> None:
        with one_processor_each(1) as threads:
            for _ in threads.map(begun.append, range(10_000)):
                raise OutOfTime

    assert isinstance(raised(stopped), OutOfTime)
    assert len(begun) < 10_000


@pytest.mark.parametrize("kind", ["model", "table"])
def test_reading_takes_no_more_room_than_there_is_to_read(kind, tmp_path) -> None:
    # where little memory is granted, room for the largest file that is allowed cannot be had
    model, table = tmp_path / "model.pkl", tmp_path / "table.csv"
    model.write_bytes(pickle.dumps(LogisticRegression().fit([[0.0], [1.0]], [0, 1])))
    table.write_bytes(gzip.compress(b"a,b\n1,2\n"))
    tracemalloc.start()
    try:
        load_model(model) if kind == "model" else read_utf8(table, "table.csv", Limits())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64 << 20
