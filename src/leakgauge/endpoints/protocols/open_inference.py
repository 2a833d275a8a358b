"""The Open Inference Protocol, version 2, over REST: KServe, Triton, MLServer and others.

A model of one input gets all columns as one array, with the datatype that it names; a model with an
input for each column, and one of text, gets a column in each. What the service says of its inputs decides;
where it says nothing, as MLServer does of scikit-learn models, numbers go in one array.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from pydantic import Field, PrivateAttr

from leakgauge.endpoints.protocols.base import (
    HttpProtocol,
    Known,
    Rows,
    entry,
    from_json,
    misformed,
    no_such_output,
    to_json,
)
from leakgauge.endpoints.settings import Name
from leakgauge.endpoints.transport import Request
from leakgauge.errors import JsonValue
from leakgauge.row_pipe import Cell, Kind

_DATATYPES: dict[Kind, str] = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "text": "BYTES"}
_FLOATS = ("FP16", "BF16", "FP32", "FP64")


class OpenInference(HttpProtocol):
    """Settings of a service of the Open Inference Protocol."""

    title: ClassVar = "Open Inference Protocol v2"

    protocol: Literal["open-inference"] = "open-inference"
    model: Name = Field(description="Name of the model in the service.")
    version: Name | None = Field(
        default=None, description="Version of the model. Default: the service's own."
    )
    input: str | None = Field(
        default=None,
        max_length=200,
        description="Name of the input. Default: the service's only one, else `input-0`.",
    )
    output: str | None = Field(
        default=None,
        max_length=200,
        description="Output that holds the answers, such as `predict_proba`, which MLServer gives when "
        "asked. Default: the only one of the answer.",
    )
    _inputs: tuple[tuple[str, str, tuple[int, ...]], ...] = PrivateAttr(default=())

    @property
    def identity(self) -> tuple[str, ...]:
        """Further the model, its version, and the output."""
        return (*super().identity, self.model, self.version or "", self.output or "")

    @property
    def _place(self) -> str:
        version = "" if self.version is None else f"/versions/{quote(self.version, safe='')}"
        return f"{self.url}/v2/models/{quote(self.model, safe='')}{version}"

    def metadata(self) -> Request:
        """The model's metadata."""
        return Request(b"", self._place, "GET")

    def read_metadata(self, document: JsonValue) -> Known:
        """The inputs that the service names."""
        listed = document.get("inputs") if isinstance(document, dict) else None
        inputs = [_input_of(each) for each in listed] if isinstance(listed, list) else []
        if not inputs or None in inputs:
            return Known()
        self._inputs = tuple(each for each in inputs if each is not None)
        if len(self._inputs) > 1:
            return Known(columns=tuple(name for name, _, _ in self._inputs))
        ((_, _, shape),) = self._inputs
        inner = tuple(shape[1:])
        if len(inner) == 1 and inner[0] > 0:
            return Known(n_features=inner[0])
        return Known(image_shape=inner if len(inner) in (2, 3) and min(inner) > 0 else None)

    def request(self, rows: Rows) -> Request:
        """All columns as one tensor, or a tensor for each."""
        body: dict[str, JsonValue]
        if len(self._inputs) > 1 or not rows.all_numbers:
            # without the parameter MLServer takes a single input alone; with it, one for each column
            body = {"parameters": {"content_type": "pd"}, "inputs": self._by_column(rows)}
        else:
            body = {"inputs": [self._together(rows)]}
        if self.output is not None:
            body["outputs"] = [{"name": self.output}]
        return Request(to_json(body), f"{self._place}/infer")

    def _together(self, rows: Rows) -> JsonValue:
        name, datatype = self.input or "input-0", "FP32" if rows.image_shape else "FP64"
        if self._inputs:
            own, datatype, _ = self._inputs[0]
            name = self.input or own
        shape = rows.image_shape or (len(rows.columns),)
        data: list[JsonValue] = [_as_datatype(cell, datatype) for row in rows.cells for cell in row]
        return {"name": name, "datatype": datatype, "shape": [len(rows), *shape], "data": data}

    def _by_column(self, rows: Rows) -> list[JsonValue]:
        known = {name: (datatype, len(shape)) for name, datatype, shape in self._inputs}
        inputs: list[JsonValue] = []
        for place, column in enumerate(rows.columns):
            datatype, axes = known.get(column.name, (_DATATYPES[column.kind], 2))
            data: list[JsonValue] = [_as_datatype(row[place], datatype) for row in rows.cells]
            shape: list[JsonValue] = [len(rows)] if axes == 1 else [len(rows), 1]
            inputs.append({"name": column.name, "datatype": datatype, "shape": shape, "data": data})
        return inputs

    def in_reply(self, body: bytes, rows: int) -> JsonValue:
        """The rows of the output tensor."""
        outputs = entry(from_json(body), "outputs")
        if not isinstance(outputs, list) or not all(isinstance(each, dict) for each in outputs):
            raise misformed("has no list of outputs")
        named = {str(each.get("name")): each for each in outputs if isinstance(each, dict)}
        chosen = next(iter(named)) if self.output is None and len(named) == 1 else self.output
        if chosen is None or chosen not in named:
            raise no_such_output([*named], self.output)
        return _rows_of(named[chosen], rows)


def _input_of(found: JsonValue) -> tuple[str, str, tuple[int, ...]] | None:
    match found:
        case {"name": str() as name, "datatype": str() as datatype, "shape": list() as shape}:
            if all(type(side) is int for side in shape) and 1 <= len(shape) <= 4:
                return name, datatype, tuple(side for side in shape if isinstance(side, int))
    return None


def _as_datatype(cell: Cell, datatype: str) -> JsonValue:
    """A cell as its tensor holds it; numbers that are whole stay so in tensors of whole numbers."""
    if datatype in _FLOATS:
        return None if cell is None else float(cell)
    if datatype == "BYTES":
        return "" if cell is None else str(cell)
    if datatype == "BOOL":
        return None if cell is None else bool(cell)
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    return cell


def _rows_of(tensor: Mapping[str, Any], rows: int) -> JsonValue:
    """The first axis of a tensor as a list; data may be nested or flat."""
    shape, data = tensor.get("shape"), tensor.get("data")
    if not isinstance(shape, list) or not isinstance(data, list):
        raise misformed("holds a tensor without shape or data")
    if data and isinstance(data[0], list):
        return data
    sides = [side if isinstance(side, int) else -1 for side in shape]
    width = 1
    for side in sides[1:]:
        width *= max(side, 0)
    if not sides or sides[0] != rows or len(data) != rows * width:
        raise misformed(f"holds a tensor of shape {sides[:5]} with {len(data):,} values for {rows:,} rows")
    if len(sides) == 1:
        return data
    return [data[at : at + width] for at in range(0, len(data), width)] if width else []
