"""Rows of a table in NPY files, beside their labels in others."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cases import audited, refusal
from onnx_tables import network
from sklearn.linear_model import LogisticRegression

from leakgauge.bundle import Limits, open_bundle

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 4))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 1)


def bundle(folder: Path, name: str, content: bytes, **changed: Any) -> Path:
    """A bundle of a model and four arrays, some of them changed."""
    arrays = {"x_train": X[:100], "y_train": Y[:100], "x_test": X[100:], "y_test": Y[100:]} | changed
    folder.mkdir()
    (folder / name).write_bytes(content)
    for array, values in arrays.items():
        np.save(folder / f"{array}.npy", values)
    return folder


def pickled(x: Any = X) -> bytes:
    return pickle.dumps(LogisticRegression().fit(x[:100], Y[:100]))


@pytest.mark.parametrize("fitted_on", ["arrays", "a table"])
def test_arrays_give_what_the_same_table_gives(fitted_on: str, tmp_path: Path) -> None:
    frame = pd.DataFrame(X, columns=list("abcd"))
    content = pickled(X if fitted_on == "arrays" else frame)
    of_arrays = audited(bundle(tmp_path / "arrays", "model.pkl", content))
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "model.pkl").write_bytes(content)
    table = frame.assign(label=Y)
    table[:100].to_parquet(folder / "train_mia.parquet")
    table[100:].to_parquet(folder / "test_mia.parquet")
    of_tables = audited(folder)
    assert of_arrays.target == of_tables.target
    assert of_arrays.attacks == of_tables.attacks
    assert not of_arrays.warnings


def test_other_names_column_vectors_and_networks(tmp_path: Path) -> None:
    folder = bundle(
        tmp_path / "bundle",
        "model.onnx",
        network(RNG.normal(size=(4, 3))),
        y_train=Y[:100, None].astype("f4"),
    )
    for old, new in (("x_train", "training_images"), ("y_test", "subject_labels")):
        (folder / f"{old}.npy").rename(folder / f"{new}.npy")
    report = audited(folder, attacks=["gap"])
    assert report.target.features == 4
    assert report.target.members == 100


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"y_train": Y[:99]}, "labels_do_not_match"),
        ({"y_train": np.eye(3)[Y[:100]]}, "labels_do_not_match"),
        ({"x_test": X[100:, :3]}, "columns_differ"),
        ({"x_train": X[:100, :3], "x_test": X[100:, :3]}, "columns_do_not_fit"),
        ({"y_train": np.array(["a"] * 100)}, "array_not_numbers"),
        ({"x_train": X[:0], "y_train": Y[:0]}, "array_empty"),
        ({"x_train": X[:100].reshape(100, 2, 2)}, "wrong_model"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_arrays_that_do_not_fit_are_refused(changed: Any, problem: str, tmp_path: Path) -> None:
    assert refusal(bundle(tmp_path / "bundle", "model.pkl", pickled(), **changed)).problem == problem


def test_arrays_beside_tables_or_without_labels_are_refused(tmp_path: Path) -> None:
    both = bundle(tmp_path / "both", "model.pkl", pickled())
    pd.DataFrame(X).assign(label=Y).to_csv(both / "train_mia.csv", index=False)
    assert refusal(both).problem == "two_kinds"
    without = bundle(tmp_path / "without", "model.pkl", pickled())
    (without / "y_train.npy").unlink()
    assert refusal(without).problem == "no_member_labels"


def test_a_damaged_array_is_refused(tmp_path: Path) -> None:
    folder = bundle(tmp_path / "bundle", "model.pkl", pickled())
    whole = (folder / "x_train.npy").read_bytes()
    (folder / "x_train.npy").write_bytes(whole[:-9])
    assert refusal(folder).problem == "array_damaged"


def test_other_records_in_a_table_are_named_as_left_out(tmp_path: Path) -> None:
    folder = bundle(tmp_path / "bundle", "model.pkl", pickled())
    pd.DataFrame(X).assign(label=Y).to_csv(folder / "population.csv", index=False)
    opened = open_bundle(folder, tmp_path / "scratch", limits=Limits())
    assert opened.ignored == ("population.csv",)
    assert [*opened.sha256] == ["model.pkl", "x_test.npy", "x_train.npy", "y_test.npy", "y_train.npy"]
