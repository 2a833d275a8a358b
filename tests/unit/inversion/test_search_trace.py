"""Budget, snapshots, curve and end of a search, without a search."""

from __future__ import annotations

import numpy as np
import pytest
from template_target import SIDE

from leakgauge.attacks.row import Unsuited
from leakgauge.inversion.priors.low_frequencies import low_frequencies
from leakgauge.inversion.protocol import AttackSettings
from leakgauge.inversion.search_trace import EARLIEST_END, SearchTrace
from leakgauge.progress import Calling, Silent, Together

SPACE = low_frequencies(np.full((SIDE, SIDE, 1), 0.5, dtype=np.float32))
LONG = (100, 20_000)


def trace(
    iterations: tuple[int, ...], *, budget: int = 10**9, seeds: int = 2, ends_flat: bool = False
) -> SearchTrace:
    told = AttackSettings(space=SPACE, iterations=iterations, seeds=seeds)
    return SearchTrace(told, budget=budget, progress=Silent(), stage="reconstructing", ends_flat=ends_flat)


def walk(of: SearchTrace, where: object, *, queries: int = 4) -> int:
    """Steps to `where(step)` until the trace ends; how many there were."""
    assert callable(where)
    steps = 0
    while of.affords(queries):
        steps += 1
        z = np.zeros((2, SPACE.dimensions))
        z[:, :3] = where(steps)
        if of.note(z, queries=queries):
            of.mark(loss=0.0, confidence=0.5)
    return steps


def test_what_stays_the_same_ends_early_and_later_rows_repeat_it() -> None:
    found = trace(LONG)
    steps = walk(found, lambda _: np.array([1.0, 0.5, -0.5]))
    reconstructed = found.result()
    assert reconstructed.done_at == 4 * steps
    assert EARLIEST_END * 2 <= 4 * steps < 4 * LONG[-1]
    assert [frame.iterations for frame in reconstructed.frames] == list(LONG)
    assert [frame.queries for frame in reconstructed.frames] == [400, 4 * steps]


@pytest.mark.parametrize(
    ("confidence", "loss", "ends"),
    [
        (1.0, lambda step: 100 / step, True),
        (0.5, lambda step: 100 / step, False),  # nothing to see yet: the class is not recognised
        (1.0, lambda step: 100 - 10 * np.log(step), False),  # it goes on falling
    ],
)
def test_a_search_ends_where_the_answers_promise_no_more(confidence: float, loss: object, ends: bool) -> None:
    assert callable(loss)
    found = trace((1_000,), ends_flat=True)
    step = 0
    while found.affords(4):
        step += 1
        if found.note(np.full((2, SPACE.dimensions), 0.1 * np.log(step)), queries=4):
            found.mark(loss=float(loss(step)), confidence=confidence)
    assert (found.result().done_at is not None) == ends
    assert (step < 1_000) == ends


def test_what_keeps_changing_goes_on_to_the_end() -> None:
    found = trace((5_000,))
    # every doubling of the steps turns it by two radians
    steps = walk(found, lambda step: np.array([0.0, np.cos(3 * np.log(step)), np.sin(3 * np.log(step))]))
    assert steps == 5_000
    assert found.result().done_at is None


def test_the_reconstruction_is_the_mean_of_the_last_half() -> None:
    found = trace((1_000,))
    walk(found, lambda step: np.array([step / 1_000, 0.0, 0.0]))
    mean = found.result().frames[-1].images
    expected = np.zeros((2, SPACE.dimensions))
    expected[:, 0] = 0.75
    assert np.allclose(mean, SPACE.images(expected), atol=0.01)


def test_steps_that_do_not_fit_a_snapshot_leave_it_with_fewer_queries() -> None:
    found = trace((10, 30))
    walk(found, lambda step: np.array([step, 0.0, 0.0]), queries=14)
    assert [(frame.iterations, frame.queries) for frame in found.result().frames] == [(10, 28), (30, 112)]


def test_an_attack_that_reconstructs_no_better_after_a_while_is_asked_for_no_more() -> None:
    told = AttackSettings(space=SPACE, iterations=(10, 30, 70), seeds=2)
    found = SearchTrace(told, budget=10**9, progress=Silent(), stage="reconstructing", most=20)
    assert walk(found, lambda step: np.array([0.0, step, 1.0])) == 20
    assert [frame.iterations for frame in found.result().frames] == [10, 20]


def test_no_step_within_the_budget_is_unsuited() -> None:
    with pytest.raises(Unsuited):
        trace((10,), budget=8).affords(9)
    with pytest.raises(Unsuited):
        trace((10,), budget=3)


def test_parts_that_go_on_together_make_one_progress_that_never_falls() -> None:
    seen: list[float] = []
    parts = Together(Calling(lambda _, fraction: seen.append(fraction)), 2, stage="reconstructing")
    parts.part(0).report("a", 0.5)
    parts.part(1).report("b", 1.0)
    parts.part(0).report("a", 0.25)
    parts.part(0).report("a", 2.0)
    assert seen == [0.25, 0.75, 0.75, 1.0]
