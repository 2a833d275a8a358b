"""Which rows of a model's tables of statistics a record stands in, and how many records each row counted.

A table keeps for each hash of categories, and of answers to other questions, the number of training records
with it, by their labels. The hash of a record is, from the first part to the last,

    h ← c (h + c · part)        modulo 2^64, with c the library's constant

of the hash of each category, as a signed number of 32 bits, and of 0 or 1 for each question
(catboost/libs/model/ctr_provider.h, hash.h).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import catboost
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leakgauge.targets.boosters.catboost_model import COUNTERS, MEANS, MISSING, CatBoostModel, StatisticTable
from leakgauge.targets.boosters.estimator import Counted, Ints

_CONSTANT: Final = np.uint64(0x4906BA494954CB65)
_AS_TRUE: Final = MISSING.index("AsTrue")


def counted(model: CatBoostModel, x: pd.DataFrame, y: Ints) -> Iterator[Counted]:
    """The counts of every table.

    Parameters
    ----------
    x
        (n, n_features) rows.
    y
        (n,) positions of the labels.
    """
    if not model.tables:
        return
    categories = _hashes(model, x)
    numbers = {
        column.index: (_numbers(x.iloc[:, column.place], column.missing == _AS_TRUE))
        for column in model.numbers
    }
    for table in model.tables:
        combined = np.zeros(len(x), dtype=np.uint64)
        for index in table.base.categories:
            combined = _joined(combined, categories[index])
        for index, border in table.base.numbers:
            combined = _joined(combined, (numbers[index] > np.float32(border)).astype(np.uint64))
        for index, value in table.base.values:
            same = categories[index] == np.int64(value).astype(np.uint64)
            combined = _joined(combined, same.astype(np.uint64))
        yield _cells(table, combined, y, n_labels=len(model.labels))


def _cells(table: StatisticTable, combined: NDArray[np.uint64], y: Ints, *, n_labels: int) -> Counted:
    """The cells of one table; hashes stand in it in their order."""
    row = np.minimum(np.searchsorted(table.hashes, combined), max(len(table.hashes) - 1, 0))
    known = np.isin(combined, table.hashes)
    if table.base.kind in (*MEANS, *COUNTERS):
        count = table.rows[:, -1].astype(np.float64)
    elif table.labels == n_labels:
        count, row = table.rows.ravel().astype(np.float64), row * n_labels + y
    else:  # labels that stand beside each other are counted together
        count = table.rows.sum(axis=1).astype(np.float64)
    return Counted(np.where(known, row, len(count)).astype(np.int64), np.append(count, 0.0))


def _joined(combined: NDArray[np.uint64], part: NDArray[np.uint64]) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        return _CONSTANT * (combined + _CONSTANT * part)


def _hashes(model: CatBoostModel, x: pd.DataFrame) -> dict[int, NDArray[np.uint64]]:
    """For each column of categories, (n,) the library's hashes, as signed numbers of 32 bits in 64."""
    columns = {one.index: x.iloc[:, one.place].astype(str).to_numpy(dtype=object) for one in model.categories}
    known = sorted(set().union(*columns.values()))
    by_text = _hashes_of(known)
    return {
        index: np.array([by_text[text] for text in texts.tolist()], dtype=np.uint32)
        .view(np.int32)
        .astype(np.int64)
        .view(np.uint64)
        for index, texts in columns.items()
    }


def _hashes_of(texts: list[str]) -> dict[str, int]:
    """The library's hash of each text, which it writes with a model in JSON and tells in no other way."""
    # of any model at all: the categories are those of the rows that are handed over with it
    any_rows = pd.DataFrame({"category": ["a", "a", "b", "b"]})
    model = catboost.CatBoostClassifier(
        iterations=1, depth=1, cat_features=[0], thread_count=1, verbose=0, allow_writing_files=False
    )
    model.fit(any_rows, [0, 1, 1, 1])
    pool = catboost.Pool(pd.DataFrame({"category": texts}), cat_features=[0])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(path, format="json", pool=pool)
        features = json.loads(path.read_bytes())["features_info"]
    return {one["value"]: int(one["hash"]) for one in features["cat_features_hash"]}


def _numbers(column: pd.Series[Any], missing_is_large: bool) -> NDArray[np.float32]:
    """(n,) numbers in the library's precision; what is missing lies beyond every border, above or below."""
    with np.errstate(over="ignore"):
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan).astype(np.float32)
    return np.where(np.isnan(numbers), np.float32(np.inf if missing_is_large else -np.inf), numbers)
