"""Files of other programs are told by their bytes, and honest model files are not taken for one."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import tarfile
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.formats import (
    HDF5,
    KERAS,
    ONNX,
    PICKLE,
    SKOPS,
    Format,
    format_of,
    kind_in_bundle,
    recognise,
)
from leakgauge.targets.opening import open_image_model, open_table_model

MODEL = LogisticRegression().fit([[0.0], [1.0]], [0, 1])


def zipped(*names: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name in names:
            file.writestr(name, b"x")
    return archive.getvalue()


def tarred() -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as file:
        file.addfile(tarfile.TarInfo("model.pkl"))
    return archive.getvalue()


def array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


FILES = [
    (b'{"name":"tree","version":"v4","num_class":1,"max_feature_idx":3}', "LightGBM"),
    (b"CONFIG-offset:\x00\x00", "XGBoost"),
    (b"binf\x00\x00\x00", "XGBoost"),
    (b"\x08\x04\x32\x08", "protocol buffer"),
    (zipped("model/data.pkl", "model/version"), "PyTorch"),
    (zipped("model/data.pkl", "model/constants.pkl", "model/code/__torch__.py"), "TorchScript"),
    (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.", "PyTorch"),
    (b"\x40\x00\x00\x00\x00\x00\x00\x00{" + b'"__metadata__":{}}', "safetensors"),
    (zipped("m/saved_model.pb", "m/variables/variables.index"), "TensorFlow"),
    (b"\x1c\x00\x00\x00TFL3\x00", "TensorFlow Lite"),
    (b'<?xml version="1.0"?>\n<PMML version="4.4">', "PMML"),
    (b"<!DOCTYPE html><html></html>", "web page"),
    (gzip.compress(b"X\n\x00\x00\x00\x03\x00\x04"), "R object"),
    (b"RDX3\nX\n", "R object"),
    (zipped("model.ini", "domains/d000.txt"), "H2O"),
    (b"\x1c\xed\x00\x01", "H2O"),
    (b"\xac\xed\x00\x05sr", "Java"),
    (b"MATLAB 5.0 MAT-file", "MATLAB"),
    (array(), "NumPy"),
    (zipped("a.npy", "b.npy"), "NumPy"),
    (b"PAR1\x15\x04", "Parquet"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
    (tarred(), "tar archive"),
    (gzip.compress(tarred()), "tar archive"),
    (zipped("bestModel/metadata/part-00000"), "Spark"),
    (zipped("MLmodel", "model.pkl"), "MLflow"),
    (zipped("a.txt"), "zip archive"),
    (b"PK\x03\x04 and nothing else", "damaged"),
    (b"import sklearn\n", "Python program"),
    (json.dumps({"cells": []}).encode(), "notebook"),
]


@pytest.mark.parametrize(("data", "name"), FILES, ids=[f"{n} {name}" for n, (_, name) in enumerate(FILES)])
def test_a_file_of_another_program_is_named(data: bytes, name: str, tmp_path: Path) -> None:
    found = recognise(data)
    assert found is not None
    assert not isinstance(found, Format)
    assert name in found.words
    path = tmp_path / "model.pkl"
    path.write_bytes(data)
    with path.open("rb") as stream:
        assert recognise(stream) == found
    with pytest.raises(UnsupportedModel) as caught:
        open_table_model(path)
    assert caught.value.code == "unsupported_model.not_a_model"
    assert found.words in caught.value.message
    assert caught.value.details["format"] == found.words


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x08\x08\x12\x07pytorch\x1a\x052.0.0", ONNX),
        (b"\x08\n\x12\x08skl2onnx\x1a\x061.20.0", ONNX),
        (b"\x89HDF\r\n\x1a\n", HDF5),
        (zipped("metadata.json", "config.json", "model.weights.h5"), KERAS),
    ],
)
def test_a_network_is_told_by_its_bytes_whatever_it_is_called(
    data: bytes, expected: Format, tmp_path: Path
) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(data)
    assert recognise(data) is expected
    assert format_of(path, "tables") is expected
    assert format_of(path, "images") is expected


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_of_no_other_format(protocol: int) -> None:
    data = pickle.dumps(MODEL, protocol)
    expected = (PICKLE,) if protocol >= 2 else (PICKLE, None)
    assert recognise(data) in expected
    assert recognise(gzip.compress(data)) in expected


@pytest.mark.parametrize("compress", [0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)])
def test_a_joblib_file_is_a_pickle(compress: object, tmp_path: Path) -> None:
    joblib.dump(MODEL, tmp_path / "model", compress=compress)
    assert format_of(tmp_path / "model", "tables") is PICKLE
    assert recognise((tmp_path / "model").read_bytes()) is PICKLE


def test_a_skops_file_is_told_from_other_archives() -> None:
    assert recognise(zipped("schema.json", "1.npy")) is SKOPS


@pytest.mark.parametrize(
    ("data", "problem", "name"),
    [
        (b"\x1c\x00\x00\x00TFL3\x00", "tflite_model", "TensorFlow Lite"),
        (zipped("model/data.pkl", "model/version"), "torch_model", "PyTorch"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.", "torch_model", "PyTorch"),
        (zipped("m/saved_model.pb"), "saved_model", "SavedModel"),
        (zipped("a.npy", "b.npy"), "not_a_model", "NumPy"),
        (zipped("MLmodel", "model.pkl"), "not_a_model", "MLflow"),
        (zipped("a.txt"), "not_a_model", "zip archive"),
        (b"PK\x03\x04 and nothing else", "keras_archive_damaged", "damaged"),
        (pickle.dumps(MODEL), "model_of_tables", "pickle"),
        (zipped("schema.json"), "model_of_tables", "skops"),
        (b"", "model_empty", "empty"),
    ],
)
def test_what_is_no_image_classifier_is_named_too(
    data: bytes, problem: str, name: str, tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    with pytest.raises(UnsupportedModel) as caught:
        open_image_model(path, image_size=(8, 8))
    assert caught.value.problem == problem
    assert name in caught.value.message


@pytest.mark.parametrize("data", [b"\x08\x04\x32\x08", b"\x08\x04\x28\x00"])
def test_a_protocol_buffer_that_may_be_an_onnx_model_can_be_the_model_of_a_bundle(data: bytes) -> None:
    found = kind_in_bundle(data, "net.bin")
    assert found is not None
    assert not isinstance(found, Format)
