"""Fitted models with one part changed are refused, or asked without harm: a fixed count of them.

`benchmarks/fuzzing.py` does the same by the hundred thousand, with every kind of model.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import pickle
import signal
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from asking import Outcome, Tell, asked, culprits
from fuzzed_models import FuzzedModels
from mutations import mutated, mutated_skops, opened, places
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier
from variants import VARIANTS

MAP_NORESERVE = 0x4000  # `mmap` names it from Python 3.13 on
RANDOM = np.random.default_rng(0)
X, Y = RANDOM.random((60, 4)), np.tile([0, 1, 2], 20)

# those that hand what a file says to compiled code, and are fitted in no time
COMPILED = (
    "DecisionTreeClassifier",
    "ExtraTreesClassifier",
    "GradientBoostingClassifier",
    "GradientBoosting init",
    "HistGradientBoostingClassifier",
    "KNeighborsClassifier",
    "KNeighborsClassifier ball",
    "KNeighborsClassifier brute",
    "RadiusNeighborsClassifier",
    "SVC",
    "NuSVC",
    "LogisticRegression",
    "MLPClassifier",
    "Voting hard of logistic",
    "Voting soft of forest",
    "Calibrated isotonic of bayes",
    "FeatureAgglomeration before a classifier",
    "KMeans before a classifier",
    "OneHotEncoder before a classifier",
    "PolynomialFeatures before a classifier",
    "SparseRandomProjection before a classifier",
    "SplineTransformer before a classifier",
    "CountVectorizer alone",
    "TfidfVectorizer chars alone",
    "FeatureHasher",
)


def harm(names: Sequence[str], seeds: range, folder: Path) -> list[str]:
    """What ended a child or was no error of ours, by the seed that did it."""
    fuzzed = FuzzedModels(folder, names)
    found = list(asked(seeds, fuzzed.become, seconds=60))
    assert [outcome.seed for outcome in found] == list(seeds)
    words = Counter(outcome.word for outcome in found)
    # the changes do change something, and not everything
    assert min(words["refused"], words["answered"], words["declared"]) > len(seeds) / 50
    return [
        f"{outcome.seed} {fuzzed.name(outcome.seed)}: {outcome.word} {outcome.detail}"
        for outcome in found
        if outcome.word in ("signal", "time-out", "unexpected")
    ]


def test_some_hundred_changed_models_do_no_harm(tmp_path: Path) -> None:
    assert harm(COMPILED, range(400), tmp_path) == []


@pytest.mark.slow
def test_some_thousand_changed_models_of_every_kind_do_no_harm(tmp_path: Path) -> None:
    assert harm(tuple(VARIANTS), range(1_000_000, 1_005_000), tmp_path) == []


# --- the fuzzer itself ----------------------------------------------------------------------------------


def _one(seed: int, tell: Tell) -> Outcome:
    tell("ask" if seed != 5 else "fit")
    if seed == 1:
        ctypes.string_at(0)
    if seed == 2:
        os.kill(os.getpid(), signal.SIGABRT)
    if seed in (3, 5):
        time.sleep(600)
    if seed == 4:
        raise KeyError("nobody foresaw this")
    if seed == 6:
        os._exit(3)
    return Outcome(seed, "answered")


def test_what_does_harm_is_told_by_its_seed() -> None:
    found = {outcome.seed: outcome for outcome in asked(range(8), _one, seconds=2)}
    words = ["answered", "signal", "signal", "time-out", "unexpected", "slow fit", "signal", "answered"]
    assert [found[seed].word for seed in range(8)] == words
    assert "SIGSEGV on ask" in found[1].detail
    assert "SIGABRT" in found[2].detail
    assert "KeyError" in found[4].detail
    assert "exit 3" in found[6].detail


def test_what_the_parent_holds_is_no_part_of_a_childs_memory() -> None:
    sizes = (100 << 20, 2 << 30, 4 << 30)

    def one(seed: int, _tell: Tell) -> Outcome:
        np.empty(sizes[seed], dtype=np.uint8)  # never written to
        return Outcome(seed, "answered")

    # as much as a process of other tests comes to, which import networks and start threads
    with mmap.mmap(-1, 5 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE):
        found = list(asked(range(3), one))
    assert [outcome.word for outcome in found] == ["answered", "answered", "unexpected"]
    assert "MemoryError" in found[2].detail


def test_what_did_harm_is_found_where_it_shows_later() -> None:
    met: set[int] = set()

    def late(seed: int, _tell: Tell) -> Outcome:
        met.add(seed)
        if seed == 203:
            time.sleep(600)
        if seed == 300 and {207, 291} <= met:
            os.kill(os.getpid(), signal.SIGABRT)
        return Outcome(seed, "answered")

    assert culprits(300, late, before=100, seconds=2) == [207, 291]
    assert culprits(300, late, before=90, seconds=2) == []


def test_a_seed_makes_the_same_change_every_time(tmp_path: Path) -> None:
    names = ("DecisionTreeClassifier", "Voting soft of forest")
    first, second = (FuzzedModels(tmp_path, names) for _ in range(2))
    # skops writes a clock into its zips
    assert [first.made(seed)[1:] for seed in range(40)] == [second.made(seed)[1:] for seed in range(40)]


def test_changes_reach_into_compiled_objects_and_lists() -> None:
    """A tree's nodes, a search tree's rows, a twister's position: none is left out."""
    models = [
        DecisionTreeClassifier(random_state=np.random.RandomState(0)).fit(X, Y),
        KNeighborsClassifier(algorithm="kd_tree").fit(X, Y),
        GradientBoostingClassifier(n_estimators=2).fit(X, Y),
    ]
    paths = {".".join(place.kind) for model in models for place in places([opened(model)])}
    for path in (
        "model.tree_.state.nodes",
        "model.tree_.arguments.#",
        "model.random_state.state.state.pos",
        "model._tree.state.#",
        "model.estimators_.#.tree_.state.values",
        "model.classes_",
        "model.max_depth",
    ):
        assert path in paths


def test_without_a_change_the_model_is_as_it_was() -> None:
    for kind in (DecisionTreeClassifier(), KNeighborsClassifier(algorithm="ball_tree")):
        model = kind.fit(X, Y)
        again = pickle.loads(pickle.dumps(opened(pickle.loads(pickle.dumps(model)))))
        np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_most_changes_say_what_they_are() -> None:
    import skops.io

    model = DecisionTreeClassifier(max_depth=2).fit(X, Y)
    saved, as_skops = pickle.dumps(model), skops.io.dumps(model)
    told = []
    for seed in range(50):
        with contextlib.suppress(RecursionError):  # a model within itself
            told.append(mutated(pickle.loads(saved), np.random.default_rng(seed)))
    told += [mutated_skops(as_skops, np.random.default_rng(seed)) for seed in range(50)]
    assert len({data for data, _how in told}) > 80
    assert sum(bool(how) for _data, how in told) > 90
