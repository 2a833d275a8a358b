"""A small honest model of every format that is read, by the name of its row."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_bundles import onnx_model
from onnx_tables import network
from sklearn.linear_model import LogisticRegression

from leakgauge.targets.signs import Data

SIDE = 8
X = np.random.default_rng(0).normal(size=(40, 3))


def _classifier() -> LogisticRegression:
    return LogisticRegression().fit(X, X[:, 0] > 0)


def _pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(_classifier()))


def _skops(path: Path) -> None:
    pytest.importorskip("skops.io").dump(_classifier(), path)


def _keras(path: Path) -> None:
    keras = _imported_keras()
    layers = [keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax")]
    _saved(keras.Sequential([keras.Input((SIDE, SIDE, 1)), *layers]), path)


def _keras_table(path: Path) -> None:
    keras = _imported_keras()
    _saved(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="softmax")]), path)


def _imported_keras() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of TensorFlow's own imports
        import keras
    return keras


def _saved(model: Any, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Keras about its older format
        model.save(path)


def _onnx(path: Path) -> None:
    path.write_bytes(onnx_model())


def _onnx_table(path: Path) -> None:
    path.write_bytes(network(np.random.default_rng(0).normal(size=(3, 2))))


def _xgboost(path: Path) -> None:
    import xgboost

    booster = xgboost.train(
        {"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(X, X[:, 0] > 0), 2
    )
    path.write_bytes(booster.save_raw("ubj"))


def _lightgbm(path: Path) -> None:
    import lightgbm

    settings = {"objective": "binary", "num_threads": 1, "verbose": -1, "min_data_in_leaf": 2}
    lightgbm.train(settings, lightgbm.Dataset(X, X[:, 0] > 0), 2).save_model(path)


def _catboost(path: Path) -> None:
    import catboost

    made = catboost.CatBoostClassifier(2, thread_count=1, verbose=0, allow_writing_files=False)
    made.fit(X, X[:, 0] > 0).save_model(path)


SAMPLES: Mapping[tuple[str, Data], Callable[[Path], None]] = {
    ("pickle", "tables"): _pickle,
    ("skops", "tables"): _skops,
    ("hdf5", "tables"): _keras_table,
    ("hdf5", "images"): _keras,
    ("keras", "tables"): _keras_table,
    ("keras", "images"): _keras,
    ("onnx", "tables"): _onnx_table,
    ("onnx", "images"): _onnx,
    ("xgboost", "tables"): _xgboost,
    ("lightgbm", "tables"): _lightgbm,
    ("catboost", "tables"): _catboost,
}
"""What writes a sample to a path with the usual suffix of its format, by its name and data."""
