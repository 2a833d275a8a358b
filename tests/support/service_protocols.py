"""What services of models are asked and answer, as their documentation writes it; the service's side.

Each protocol reads the rows out of a request and writes the answers. A row is a tuple of its values; an image
is the tuple of its flattened values.

The documents: Open Inference Protocol, `open-inference/open-inference-protocol`; TensorFlow Serving,
"RESTful API"; MLflow, "Deploy MLflow Model as a Local Inference Server"; Amazon SageMaker, "InvokeEndpoint"
and "Common data formats for inference".
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

Rows = list[tuple[Any, ...]]


class BadRequestError(Exception):
    """The request is not one of the protocol."""


def as_row(value: Any) -> tuple[Any, ...]:
    """An instance: a list of any depth, or an object whose values are the row."""
    if isinstance(value, dict):
        return tuple(value.values())
    if not isinstance(value, list):
        return (value,)
    return tuple(part for item in value for part in as_row(item))


class OpenInference:
    """Open Inference Protocol v2: KServe, Triton, MLServer.

    Parameters
    ----------
    shape
        (-1, ...) of the input; None for metadata without inputs and outputs, as MLServer has them by default.
    by_default
        the output that a request without `outputs` gets.
    labels_shape
        of the output `predict` for n rows: (n, 1) as MLServer has it, or (n,).
    """

    path = "/v2/models/forest/infer"

    def __init__(self, shape: tuple[int, ...] | None = None, by_default: str = "predict_proba") -> None:
        self.shape, self.by_default = shape, by_default
        name = {"name": "forest", "versions": ["1"], "platform": "sklearn"}
        inputs = [] if shape is None else [{"name": "x", "datatype": "FP64", "shape": list(shape)}]
        outputs = [] if shape is None else [{"name": by_default, "datatype": "FP64", "shape": [-1, 10]}]
        self.documents = {
            "/v2": {"name": "double", "version": "1", "extensions": []},
            "/v2/health/live": {"live": True},
            "/v2/health/ready": {"ready": True},
            "/v2/models/forest": {**name, "inputs": inputs, "outputs": outputs},
            "/v2/models/forest/ready": {"name": "forest", "ready": True},
        }

    def rows(self, body: bytes, _content_type: str) -> Rows:
        inputs = json.loads(body)["inputs"]
        if len(inputs) == 1 and len(inputs[0]["shape"]) > 1:
            shape = inputs[0]["shape"]
            flat = as_row(inputs[0]["data"])
            if len(flat) != np.prod(shape):
                raise BadRequestError("the data do not fit the shape")
            width = int(np.prod(shape[1:]))
            return [flat[start : start + width] for start in range(0, len(flat), width)]
        columns = [as_row(each["data"]) for each in inputs]
        return list(zip(*columns, strict=True))

    def answer(self, answers: np.ndarray, body: bytes) -> tuple[str, bytes]:
        asked = json.loads(body)
        names = [each["name"] for each in asked.get("outputs", [])] or [self.by_default]
        outputs = [self._output(name, answers) for name in names]
        document = {
            "model_name": "forest",
            "model_version": "1",
            "id": asked.get("id", "1"),
            "outputs": outputs,
        }
        return "application/json", _json(document)

    @staticmethod
    def _output(name: str, answers: np.ndarray) -> dict[str, Any]:
        if name == "predict" and answers.ndim == 2:
            answers = answers.argmax(axis=1)
        if name not in {"predict", "predict_proba"}:
            raise BadRequestError("no such output")
        numeric = answers.dtype.kind
        datatype = {"f": "FP64", "i": "INT64"}.get(numeric, "BYTES")
        shape = list(answers.shape) if answers.ndim > 1 else [len(answers), 1]
        return {"name": name, "shape": shape, "datatype": datatype, "data": answers.ravel().tolist()}

    def error(self, message: str) -> bytes:
        return _json({"error": message})


class TensorFlowServing:
    """TensorFlow Serving's REST API, row format."""

    path = "/v1/models/forest:predict"

    def __init__(self, shape: tuple[int, ...] = (-1, 64), classes: int = 10) -> None:
        def tensor(name: str, sizes: tuple[int, ...]) -> dict[str, Any]:
            dim = [{"size": str(size), "name": ""} for size in sizes]
            return {
                "dtype": "DT_FLOAT",
                "tensor_shape": {"dim": dim, "unknown_rank": False},
                "name": f"serving_default_{name}:0",
            }

        signature = {
            "inputs": {"x": tensor("x", shape)},
            "outputs": {"probabilities": tensor("probabilities", (-1, classes))},
            "method_name": "tensorflow/serving/predict",
        }
        spec = {"name": "forest", "signature_name": "", "version": "1"}
        available = {
            "version": "1",
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        }
        self.documents = {
            "/v1/models/forest": {"model_version_status": [available]},
            "/v1/models/forest/metadata": {
                "model_spec": spec,
                "metadata": {"signature_def": {"signature_def": {"serving_default": signature}}},
            },
        }

    def rows(self, body: bytes, _content_type: str) -> Rows:
        return [as_row(instance) for instance in json.loads(body)["instances"]]

    def answer(self, answers: np.ndarray, _body: bytes) -> tuple[str, bytes]:
        return "application/json", _json({"predictions": answers.tolist()})

    def error(self, message: str) -> bytes:
        return _json({"error": message})


class MLflow:
    """MLflow's scoring server."""

    path = "/invocations"
    documents = MappingProxyType({"/ping": "\n", "/version": "3.17.2"})

    def rows(self, body: bytes, content_type: str) -> Rows:
        if content_type.startswith("text/csv"):
            return _csv_rows(body)[1:]
        document = json.loads(body)
        if len(document.keys() & {"dataframe_split", "dataframe_records", "instances", "inputs"}) != 1:
            raise BadRequestError("exactly one of the input fields")
        ((_, table),) = document.items()
        if isinstance(table, dict):
            table = table["data"]
        return [as_row(row) for row in table]

    def answer(self, answers: np.ndarray, _body: bytes) -> tuple[str, bytes]:
        return "application/json", _json({"predictions": answers.tolist()})

    def error(self, message: str) -> bytes:
        return _json({"error_code": "BAD_REQUEST", "message": message, "stack_trace": "Traceback"})


class SageMaker:
    """`InvokeEndpoint` of Amazon SageMaker's runtime, with a container that takes and gives CSV or JSON."""

    path = "/endpoints/forest/invocations"
    documents: Mapping[str, Any] = MappingProxyType({})

    def rows(self, body: bytes, content_type: str) -> Rows:
        if content_type.startswith("text/csv"):
            return _csv_rows(body)
        document = json.loads(body)
        return [as_row(row) for row in (document["instances"] if isinstance(document, dict) else document)]

    def answer(self, answers: np.ndarray, body: bytes) -> tuple[str, bytes]:
        if body[:1] in (b"{", b"["):
            return "application/json", _json({"predictions": answers.tolist()})
        lines = io.StringIO()
        csv.writer(lines, lineterminator="\n").writerows(np.atleast_2d(answers.T).T.tolist())
        return "text/csv", lines.getvalue().encode()

    def error(self, message: str) -> bytes:
        return _json({"ErrorCode": "ModelError", "Message": message, "OriginalMessage": message})


class PlainJson:
    """A service of somebody's own: rows under one name, answers some levels down."""

    path = "/score"
    documents: Mapping[str, Any] = MappingProxyType({})

    def rows(self, body: bytes, _content_type: str) -> Rows:
        return [as_row(row) for row in json.loads(body)["rows"]]

    def answer(self, answers: np.ndarray, _body: bytes) -> tuple[str, bytes]:
        return "application/json", _json({"result": {"scores": answers.tolist()}, "took_ms": 3})

    def error(self, message: str) -> bytes:
        return _json({"problem": message})


def _csv_rows(body: bytes) -> Rows:
    return [tuple(map(_number, row)) for row in csv.reader(io.StringIO(body.decode()))]


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text or None


def _json(document: Any) -> bytes:
    """As servers in C++ and Python write it: NaN and Infinity stand bare."""
    return json.dumps(document).encode()
