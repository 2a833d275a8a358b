"""A pickle is opened in little more memory than its file and its model take."""

from __future__ import annotations

import io
import pickle
import tracemalloc
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from leakgauge.targets.pickles.scanner import Scanner
from leakgauge.targets.pickles.virtual_machine import MalformedPickleError, VirtualMachine
from leakgauge.targets.sklearn.reading import Budget, load_model


@pytest.fixture(scope="module")
def forest() -> RandomForestClassifier:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2_000, 3))
    return RandomForestClassifier(30, random_state=0).fit(x, rng.integers(0, 8, len(x)))


def dumped(model: object, path: Path, writer: str) -> None:
    if writer == "joblib":
        joblib.dump(model, path)
    else:
        path.write_bytes(pickle.dumps(model, protocol=int(writer)))


@pytest.mark.parametrize(("writer", "times"), [("joblib", 1.6), ("2", 2.3), ("5", 2.3)])
def test_no_copy_of_a_models_parts_is_kept_while_it_is_opened(
    forest, writer: str, times: float, tmp_path: Path
) -> None:
    """Beside the file, of a pickle its bytes once more while they are looked through, and a tree at a time.

    scikit-learn's own memory for the trees is not traced.
    """
    path = tmp_path / "model.pkl"
    dumped(forest, path, writer)
    size = path.stat().st_size
    load_model(path)  # what is imported at the first time is no part of it
    tracemalloc.start()
    try:
        model = load_model(path).estimator
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < times * size
    assert kept < 0.3 * size
    x = np.random.default_rng(1).normal(size=(50, 3))
    assert np.array_equal(model.predict_proba(x), forest.predict_proba(x))


def machine(data: bytes, fetched: frozenset[int] | None = None) -> VirtualMachine:
    scan = Scanner(Budget(1_000), frozenset())
    return VirtualMachine(io.BytesIO(data), scan, scan.budget, fetched)


def test_what_is_fetched_is_told_and_enough_for_the_same_object() -> None:
    shared = ["once"]
    data = pickle.dumps([shared, {"again": shared}, shared], protocol=4)
    first = machine(data)
    assert first.run() == [shared, {"again": shared}, shared]
    assert first.fetches
    second = machine(data, frozenset(first.fetches))
    found = second.run()
    assert found == [shared, {"again": shared}, shared]
    assert found[0] is found[2]
    assert second.fetches == first.fetches


@pytest.mark.parametrize(
    "data", [b"\x80\x04]\x94h\x00.", b"\x80\x02]q\x00h\x00.", b"\x80\x02]r\x00\x00\x00\x00j\x00\x00\x00\x00."]
)
def test_what_the_first_run_did_not_fetch_is_no_object(data: bytes) -> None:
    assert machine(data).run() == []
    with pytest.raises(MalformedPickleError):
        machine(data, frozenset()).run()


def test_places_are_counted_whether_they_are_kept_or_not() -> None:
    """MEMOIZE takes the number of places so far, also of those that PUT has written twice."""
    data = b"\x80\x04]q\x00]q\x00]\x94h\x01\x86."
    first = machine(data)
    with_all = first.run()
    assert first.fetches == {1}
    assert machine(data, frozenset({1})).run() == with_all
