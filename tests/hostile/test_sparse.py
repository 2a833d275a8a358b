"""Sparse matrices in pickles say nothing of themselves that compiled code would believe unseen."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from leakgauge.errors import LeakgaugeError
from leakgauge.targets.sklearn.reading import load_model

KINDS = [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array, sparse.csc_array]
DENSE = np.random.default_rng(0).random((40, 3)) * (np.random.default_rng(1).random((40, 3)) < 0.5)


def load(model: Any, folder: Path) -> Any:
    (folder / "model").write_bytes(pickle.dumps(model))
    return load_model(folder / "model").estimator


def refused(model: Any, folder: Path) -> bool:
    with pytest.raises(LeakgaugeError) as caught:
        load(model, folder)
    return caught.value.problem == "unreadable"


@pytest.mark.parametrize("kind", KINDS)
def test_an_honest_matrix_is_read(kind: Any, tmp_path: Path) -> None:
    matrix = kind(DENSE)
    matrix.sum_duplicates()  # which leaves a note on how it is sorted
    loaded = load([matrix], tmp_path)[0]
    assert type(loaded) is kind
    np.testing.assert_array_equal(loaded.toarray(), DENSE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("_format", "csr"),
        ("_format", "csc"),
        ("_format", None),
        ("_shape", [40, 3]),
        ("_shape", (40.0, 3.0)),
        ("_shape", (True, True)),
        ("_shape", (40, 4)),
        ("_shape", (41, 3)),
        ("_shape", (120,)),
        ("_shape", None),
        ("_allow_nd", (1,)),
        ("data", np.zeros(1)),
        ("data", np.array(["a"] * 200)),
        ("data", None),
        ("indices", np.full(200, 10**6)),
        ("indices", [0] * 200),
        ("indptr", np.arange(41.0)),
        ("indptr", np.full(41, 10**9)),
    ],
)
def test_a_matrix_that_says_something_else_of_itself_is_refused(
    kind: Any, attribute: str, value: Any, tmp_path: Path
) -> None:
    matrix = kind(DENSE)
    behind = {"csr": (40, 4), "csc": (41, 3)}[matrix.format]
    vars(matrix)[attribute] = value
    if attribute == "_shape" and value == behind:  # empty columns, or rows, behind the last
        assert load([matrix], tmp_path)[0].shape == value
    else:
        assert refused([matrix], tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_matrix_does_not_say_how_it_is_sorted(kind: Any, tmp_path: Path) -> None:
    matrix = kind((np.ones(4), [1, 0, 2, 2], [0, 2, 4]))  # one line out of order, one place twice
    vars(matrix).update(_has_sorted_indices=True, _has_canonical_format=True)
    loaded = load([matrix], tmp_path)[0]
    assert not loaded.has_sorted_indices
    assert not loaded.has_canonical_format
    np.testing.assert_array_equal(loaded.toarray(), matrix.toarray())


def test_no_instance_says_anew_what_its_class_says(tmp_path: Path) -> None:
    """By which support vectors would be read as those of a regression, or kernels as dense ones."""
    x, y = DENSE, np.tile([0, 1], 20)
    for model, name in (
        (SVC().fit(x, y), "_impl"),
        (SVC().fit(x, y), "_sparse_kernels"),
        (LogisticRegression().fit(x, y), "_parameter_constraints"),
        (KNeighborsClassifier().fit(x, y), "_parameter_constraints"),
    ):
        assert hasattr(type(model), name)
        load(model, tmp_path)
        vars(model)[name] = "epsilon_svr"
        assert refused(model, tmp_path)
