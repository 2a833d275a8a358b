"""Files with a bit, a length or a list that is not what its library takes for granted: refused by name."""

from __future__ import annotations

import io
import json
import pickle
import struct
import warnings
from collections import Counter

import h5py
import numpy as np
import pandas as pd
import pytest
from asking import Outcome, asked
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import StandardScaler

from leakgauge.errors import BadBundle, LeakgaugeError, UnsupportedModel
from leakgauge.images.arrays import map_array, read_array
from leakgauge.targets.keras import file as keras_file
from leakgauge.targets.opening import open_table_model

# --- HDF5 ------------------------------------------------------------------------------------------


def legacy_file():
    """What Keras 2 left: a configuration, names of weights, and weights in groups."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"layers": []}})
        file.attrs["keras_version"] = "2.15.0"
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = np.array([b"dense"])
        layer = weights.create_group("dense/dense")
        weights["dense"].attrs["weight_names"] = np.array([b"dense/kernel:0", b"dense/bias:0"])
        layer.create_dataset("kernel:0", data=np.ones((4, 3), dtype=np.float32))
        layer.create_dataset("bias:0", data=np.zeros(3, dtype=np.float32), compression="gzip", chunks=(3,))
    return stream.getvalue()


class Opened(Exception):  # noqa: N818 - no error: the file was read as far as this test goes
    pass


@pytest.fixture
def opening(monkeypatch, tmp_path):
    """What becomes of an HDF5 file up to where Keras builds it."""

    def built(_build, _saved_with):
        raise Opened

    monkeypatch.setattr(keras_file, "_check_blueprint", built)

    def opened(content):
        path = tmp_path / "model.h5"
        path.write_bytes(content)
        try:
            keras_file.open_hdf5(path)
        except Opened:
            return "opened"
        except LeakgaugeError as error:
            return error.code
        raise AssertionError("neither opened nor refused")

    return opened


def test_bits_of_an_hdf5_file_that_are_flipped_leave_it_readable_or_damaged(opening):
    content = legacy_file()
    assert opening(content) == "opened"
    rng = np.random.default_rng(6)
    # where a byte is not zero something stands that is read; a bit anywhere may have been a zero too
    told = np.flatnonzero(np.frombuffer(content, dtype=np.uint8))
    damaged = []
    for place in (*told[:: max(len(told) // 300, 1)], *rng.integers(len(content), size=100)):
        for bit in rng.integers(8, size=1):
            changed = bytearray(content)
            changed[place] ^= 1 << bit
            damaged.append(bytes(changed))

    def opened(place, _tell):
        return Outcome(place, opening(damaged[place]))

    # HDF5's own library may die of one, or read it in a circle, and is let do so
    found = Counter(outcome.word for outcome in asked(range(len(damaged)), opened, seconds=2, memory=None))
    assert found["unsupported_model.hdf5_damaged"] > 30
    assert found["signal"] + found["time-out"] < 10, found
    assert not found["unexpected"]


@pytest.mark.parametrize(
    "error", [OverflowError, UnicodeDecodeError("utf-8", b"", 0, 1, "x"), RecursionError]
)
def test_whatever_h5py_raises_of_a_file_is_its_damage(opening, monkeypatch, error):
    def broken(*_):
        raise error

    monkeypatch.setattr("h5py.AttributeManager.get", broken)
    assert opening(legacy_file()) == "unsupported_model.hdf5_damaged"


# --- NPY -------------------------------------------------------------------------------------------


def npy(shape, numbers=64, kind="|u1"):
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(numbers)


@pytest.mark.parametrize(
    ("shape", "numbers"),
    [
        *(("(True, True)", 1), ("(8, True)", 8), ("(False, 8)", 0), ("(8.0, 8)", 64), ("('8', 8)", 64)),
        *((f"({2**70}, 0)", 0), (f"(0, {10**30})", 0), ("(None,)", 1), ("8", 8), ("[8, 8]", 64)),
        (f"({'1,' * 65})", 1),
    ],
)
def test_a_length_that_is_none_is_damage(shape, numbers, tmp_path):
    content = npy(shape, numbers)
    with pytest.raises(BadBundle) as raised:
        read_array("image.npy", content, None)
    assert raised.value.code == "bad_bundle.array_damaged"
    (tmp_path / "images.npy").write_bytes(content)
    with pytest.raises(BadBundle) as raised:
        map_array(tmp_path / "images.npy", "images.npy")
    assert raised.value.code == "bad_bundle.array_damaged"


@pytest.mark.parametrize("shape", [f"({'1,' * 40})", "()", "(0, 8)", "(1,)", "(2, 2, 2, 2, 4)"])
def test_a_shape_that_no_image_has_is_told_as_that(shape):
    axes = [int(length) for length in shape.strip("()").split(",") if length]
    with pytest.raises(BadBundle) as raised:
        read_array("image.npy", npy(shape, int(np.prod(axes))), None)
    assert raised.value.code == "bad_bundle.array_shape"


# --- estimators made of named parts ----------------------------------------------------------------

X = np.random.default_rng(0).normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)
SCALER = StandardScaler().fit(X)
MODEL = LogisticRegression().fit(X, Y)

BAD_LISTS = {
    "None": None,
    "a number": 7,
    "text": "ab",
    "nothing": [],
    "a mapping": {"a": 1},
    "a set": {("s", 1)},
    "an array": np.array([("s", 1), ("m", 2)], dtype=object),
    "a list of None": [None],
    "a list of text": ["ab", "cd"],
    "one too few": [("s",), ("m",)],
    "far too many": [("s", SCALER, [0], 1), ("m", MODEL, [0], 1)],
    "names that are numbers": [(1, SCALER, [0, 1, 2]), (2, MODEL, [0, 1, 2])],
    "names that are None": [(None, SCALER, [0, 1, 2]), (None, MODEL, [0, 1, 2])],
    "names that are lists": [([], SCALER, [0, 1, 2]), ([], MODEL, [0, 1, 2])],
    "names that are bytes": [(b"s", SCALER, [0, 1, 2]), (b"m", MODEL, [0, 1, 2])],
    "one name for two": [("s", SCALER, [0, 1, 2]), ("s", MODEL, [0, 1, 2])],
    "names in the second place": [(SCALER, "s", [0, 1, 2]), (MODEL, "m", [0, 1, 2])],
    "classes in place of estimators": [("s", StandardScaler, [0, 1, 2]), ("m", LogisticRegression, [0])],
    "numbers in place of estimators": [("s", 3, [0, 1, 2]), ("m", 4, [0, 1, 2])],
}
COMPOSITIONS = {
    "steps": (Pipeline([("s", StandardScaler()), ("m", LogisticRegression())]), 2),
    "transformer_list": (FeatureUnion([("s", StandardScaler())]), 2),
    "transformers": (ColumnTransformer([("s", StandardScaler(), [0, 1, 2])]), 3),
    "transformers_": (ColumnTransformer([("s", StandardScaler(), [0, 1, 2])]), 3),
    "voters": (VotingClassifier([("a", LogisticRegression())]), 2),
    "stacked": (StackingClassifier([("a", LogisticRegression())], cv=2), 2),
}


def cut(parts, items):
    """The list with items of the length that the attribute wants, where they were made for all of them."""
    if not isinstance(parts, list):
        return parts
    return [each[:items] if isinstance(each, tuple) and len(each) == 3 else each for each in parts]


@pytest.mark.parametrize("attribute", COMPOSITIONS)
@pytest.mark.parametrize("deep", [False, True], ids=["outermost", "inside"])
def test_a_list_of_parts_that_is_none_is_refused_by_name(attribute, deep, tmp_path):
    composition, items = COMPOSITIONS[attribute]
    path = tmp_path / "model.pkl"
    wrong = {}
    for name, parts in BAD_LISTS.items():
        model = pickle.loads(pickle.dumps(composition)).fit(X, Y)
        setattr(
            model,
            {"voters": "estimators", "stacked": "estimators"}.get(attribute, attribute),
            cut(parts, items),
        )
        if deep or attribute.startswith("transformer"):
            outer = Pipeline([("m", MODEL)])
            outer.steps = [("first", model), ("m", MODEL)]
            model = outer
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path.write_bytes(pickle.dumps(model))
        try:
            target = open_table_model(path)
            target.labels(target.as_input(pd.DataFrame(X)))
        except UnsupportedModel as error:
            if error.problem == "unreadable":
                continue
            wrong[name] = error.code
        else:
            wrong[name] = "audited"
    assert wrong == {}


def test_parts_that_are_left_out_and_lists_that_are_tuples_are_read(tmp_path):
    path = tmp_path / "model.pkl"
    model = Pipeline(
        [("a", "passthrough"), ("b", None), ("s", StandardScaler()), ("m", LogisticRegression())]
    )
    model.fit(X, Y)
    model.steps = tuple(list(step) for step in model.steps)
    path.write_bytes(pickle.dumps(model))
    target = open_table_model(path)
    assert (target.labels(target.as_input(pd.DataFrame(X))) == model.predict(X)).all()
