"""What every estimator of the installed scikit-learn keeps of its table is found, and nothing else is.

A new release of scikit-learn fails here until what its estimators keep stands in the list.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse
from sklearn.neighbors import BallTree, KDTree
from tests.support.every_estimator import KINDS, fitted

from leakgauge.model_contents.find import TrainingTable, contents_of
from leakgauge.model_contents.in_memory import contents_of_estimator
from leakgauge.progress import Silent
from leakgauge.report.model import ModelContents
from leakgauge.targets.sklearn.kept_data import KEPT_DATA

RANDOM = np.random.default_rng(0)
N = 60
NUMBERS = np.abs(RANDOM.normal(size=(N, 4))) + 0.1
BITS = (NUMBERS > 0.7).astype(float)
CLASSES = (NUMBERS[:, 0] + 0.3 * RANDOM.normal(size=N) > 0.8).astype(int)
TARGETS = np.abs(NUMBERS @ np.arange(1, 5.0) + RANDOM.normal(size=N))
OF_TEXTS = {"CountVectorizer", "TfidfVectorizer", "HashingVectorizer"}
OF_LABELS = {"LabelBinarizer", "LabelEncoder", "MultiLabelBinarizer"}
OF_OTHER_ROWS = {"DictVectorizer", "FeatureHasher", "IsotonicRegression", "KernelCenterer", "PatchExtractor"}
NOT_OF_BITS = {"SpectralBiclustering", "SpectralCoclustering"}
"""These cannot be fitted on rows of zeros."""
ROWS = sorted(KINDS.keys() - OF_TEXTS - OF_LABELS - OF_OTHER_ROWS)


@cache
def made(name: str, *, bits: bool = False) -> tuple[Any, ModelContents]:
    """The estimator fitted on the table, and what it is said to hold of it."""
    model, rows, y = fitted(name, BITS if bits else NUMBERS, CLASSES, TARGETS)
    return model, contents_of_estimator(model, rows, y, Silent(), include_values=False)


def rows_inside(thing: object, seen: set[int], depth: int = 0) -> Iterator[NDArray[Any]]:
    """All arrays in anything, as tables of four columns: a walk that knows nothing of estimators."""
    if id(thing) in seen or depth > 14:
        return
    seen.add(id(thing))
    if isinstance(thing, KDTree | BallTree):
        thing = np.asarray(thing.data)
    if sparse.issparse(thing):
        thing = thing.toarray()
    if isinstance(thing, np.ndarray) and thing.dtype.kind in "fiu":
        if thing.ndim and thing.shape[-1] == 4:
            yield thing.reshape(-1, 4)
        if thing.ndim == 2 and thing.shape[0] == 4:
            yield thing.T
    elif isinstance(thing, np.ndarray) and thing.dtype.names is None:
        yield from rows_inside(thing.ravel().tolist(), seen, depth + 1)
    elif isinstance(thing, dict):
        for value in thing.values():
            yield from rows_inside(value, seen, depth + 1)
    elif isinstance(thing, list | tuple):
        for value in thing:
            yield from rows_inside(value, seen, depth + 1)
    elif hasattr(thing, "__dict__") and not isinstance(thing, type):
        yield from rows_inside(vars(thing), seen, depth + 1)


def equal_rows(model: Any, table: NDArray[Any]) -> NDArray[np.bool_]:
    """(n,) which rows of the table stand in the model, compared value by value."""
    found = np.zeros(len(table), dtype=np.bool_)
    for rows in rows_inside(model, set()):
        found |= (np.abs(table[:, None, :] - rows[None, :, :]).max(axis=2) < 1e-12).any(axis=1)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_every_row_that_stands_in_a_model_is_found_and_no_other(name: str) -> None:
    model, contents = made(name)
    expected = int(equal_rows(model, NUMBERS).sum())
    as_given = all(field.as_given for field in contents.fields if field.holds == "records")
    assert contents.records == expected if as_given else contents.records >= expected
    assert not any(field.common for field in contents.fields)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(KINDS.keys() - OF_OTHER_ROWS - OF_LABELS))
def test_whatever_holds_something_of_the_table_stands_in_the_list(name: str) -> None:
    _, contents = made(name)
    for field in contents.fields:
        assert any(
            field.estimator in row.estimators and field.attribute == row.attribute for row in KEPT_DATA
        ), f"{field.estimator}.{field.attribute} holds {field.holds}"


@pytest.mark.slow
def test_every_row_of_the_list_holds_something_in_some_model() -> None:
    held = {
        (field.estimator, field.attribute)
        for name in KINDS.keys() - OF_OTHER_ROWS - OF_LABELS
        for field in made(name)[1].fields
        if field.found
    }
    # class weights, larger tables, calibration, earlier versions: see tests/unit/model_contents
    elsewhere = {"_sample_weight", "bin_thresholds_", "_predictors", "stop_words_", "alpha_", "X_thresholds_"}
    elsewhere |= {"X_min_", "X_max_", "y_thresholds_", "feature_names_", "cluster_centers_", "y_scores_"}
    for row in KEPT_DATA:
        for estimator in row.estimators & KINDS.keys() - OF_OTHER_ROWS:
            assert (estimator, row.attribute) in held or row.attribute in elsewhere, (
                estimator,
                row.attribute,
            )


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ROWS if name not in NOT_OF_BITS])
def test_few_valued_columns_add_no_finding(name: str) -> None:
    model, contents = made(name, bits=True)
    equal = int(equal_rows(model, BITS).sum())
    assert contents.records is not None
    assert contents.records <= equal or any(not field.as_given for field in contents.fields)
    known = {(field.estimator, field.attribute) for field in made(name)[1].fields if field.holds == "records"}
    for field in contents.fields:
        if field.holds == "records" and field.found:
            assert (field.estimator, field.attribute) in known
            assert field.found <= field.size * field.copies


@pytest.mark.parametrize(
    "name", ["KNeighborsClassifier", "SVC", "KernelDensity", "KernelRidge", "Nystroem", "DBSCAN"]
)
def test_rows_of_another_table_are_not_found(name: str) -> None:
    model, _ = made(name)
    others = TrainingTable(NUMBERS + 1e-7)
    contents = contents_of(model, others)
    assert contents.records == 0
    assert all(not field.found for field in contents.fields)
    assert "none of the 60" in contents.sentence


@pytest.mark.slow
def test_without_a_table_the_list_tells_as_much() -> None:
    for name in ROWS:
        model, compared = made(name)
        listed = contents_of(model, None)
        known = {(field.path, field.attribute) for field in listed.fields}
        found = {(field.path, field.attribute) for field in compared.fields if field.holds == "records"}
        assert found <= known, name
