"""A small honest model of every format that is read, by the name of its row."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from image_bundles import onnx_model
from sklearn.linear_model import LogisticRegression

SIDE = 8
X = np.random.default_rng(0).normal(size=(40, 3))


def _classifier() -> LogisticRegression:
    return LogisticRegression().fit(X, X[:, 0] > 0)


def _pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(_classifier()))


def _skops(path: Path) -> None:
    pytest.importorskip("skops.io").dump(_classifier(), path)


def _keras(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of TensorFlow's own imports, and of Keras about its older format
        import keras

        layers = [keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax")]
        keras.Sequential([keras.Input((SIDE, SIDE, 1)), *layers]).save(path)


def _onnx(path: Path) -> None:
    path.write_bytes(onnx_model())


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


SAMPLES: Mapping[str, Callable[[Path], None]] = {
    "pickle": _pickle,
    "skops": _skops,
    "hdf5": _keras,
    "keras": _keras,
    "onnx": _onnx,
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
}
"""What writes a sample to a path with the usual suffix of its format."""
