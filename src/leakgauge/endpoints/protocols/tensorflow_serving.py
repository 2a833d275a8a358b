"""The REST interface of TensorFlow Serving, in its row format.

A model of one input gets a list for each row, one of several named inputs an object for each row. Its
metadata says which.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal
from urllib.parse import quote

from pydantic import Field, PrivateAttr

from leakgauge.endpoints.protocols.base import (
    HttpProtocol,
    Known,
    Rows,
    entry,
    from_json,
    no_such_output,
    to_json,
)
from leakgauge.endpoints.settings import Name
from leakgauge.endpoints.transport import Request
from leakgauge.errors import JsonValue


class TensorflowServing(HttpProtocol):
    """Settings of a model behind TensorFlow Serving."""

    title: ClassVar = "TensorFlow Serving REST"

    protocol: Literal["tensorflow-serving"] = "tensorflow-serving"
    model: Name = Field(description="Name of the model in the service.")
    version: Name | None = Field(default=None, description="Version of the model. Default: the latest.")
    signature: Name = Field(
        default="serving_default", description="Signature that is asked. Default: serving_default."
    )
    output: str | None = Field(
        default=None,
        max_length=200,
        description="Output that holds the answers, of a model with several. Default: the only one.",
    )
    _inputs: tuple[str, ...] = PrivateAttr(default=())

    @property
    def identity(self) -> tuple[str, ...]:
        """Further the model, its version, the signature and the output."""
        names = (self.model, self.version or "", self.signature, self.output or "")
        return (*super().identity, *names)

    @property
    def _place(self) -> str:
        version = "" if self.version is None else f"/versions/{quote(self.version, safe='')}"
        return f"{self.url}/v1/models/{quote(self.model, safe='')}{version}"

    def metadata(self) -> Request:
        """The model's metadata."""
        return Request(b"", f"{self._place}/metadata", "GET")

    def read_metadata(self, document: JsonValue) -> Known:
        """The inputs of the signature."""
        found: Any = document
        for name in ("metadata", "signature_def", "signature_def", self.signature, "inputs"):
            found = found.get(name) if isinstance(found, dict) else None
        if not isinstance(found, dict) or not found:
            return Known()
        self._inputs = tuple(found)
        if len(found) > 1:
            return Known(columns=tuple(found))
        (only,) = found.values()
        shape = _sides(only)
        if len(shape) == 2 and shape[1] > 0:
            return Known(n_features=shape[1])
        inner = shape[1:]
        return Known(image_shape=inner if len(inner) in (2, 3) and min(inner) > 0 else None)

    def request(self, rows: Rows) -> Request:
        """The rows as instances."""
        several = len(self._inputs) > 1 or not (rows.all_numbers or self._inputs)
        instances = rows.records() if several else rows.nested()
        body: JsonValue = {"signature_name": self.signature, "instances": instances}
        return Request(to_json(body), f"{self._place}:predict")

    def in_reply(self, body: bytes, rows: int) -> JsonValue:
        """The predictions; of a model with several outputs those of one."""
        del rows
        found = entry(from_json(body), "predictions")
        objects = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
        if not isinstance(found, list) or not objects or len(objects) != len(found):
            return found
        names = [*objects[0]]
        chosen = names[0] if self.output is None and len(names) == 1 else self.output
        if chosen is None or any(chosen not in each for each in objects):
            raise no_such_output(names, self.output)
        return [each[chosen] for each in objects]


def _sides(tensor: object) -> tuple[int, ...]:
    """The shape in a signature, whose sides are whole numbers as text; none where it is not so."""
    try:
        dims: Any = tensor["tensor_shape"]["dim"]  # type: ignore[index]
        return tuple(int(each["size"]) for each in dims)[:4]
    except (KeyError, TypeError, ValueError):
        return ()
