"""MLflow's scoring server: `/invocations`, asked with `dataframe_split`, or with `inputs` for images."""

from __future__ import annotations

from typing import ClassVar, Literal

from leakgauge.endpoints.protocols.base import HttpProtocol, Rows, entry, from_json, to_json
from leakgauge.endpoints.transport import Request
from leakgauge.errors import JsonValue


class Mlflow(HttpProtocol):
    """Settings of a model behind MLflow's scoring server."""

    title: ClassVar = "MLflow /invocations"

    protocol: Literal["mlflow"] = "mlflow"

    def request(self, rows: Rows) -> Request:
        """A table with the names of its columns, or an array of images."""
        if rows.image_shape is not None:
            return Request(to_json({"inputs": rows.nested()}), f"{self.url}/invocations")
        names: list[JsonValue] = [column.name for column in rows.columns]
        body: JsonValue = {"dataframe_split": {"columns": names, "data": rows.nested()}}
        return Request(to_json(body), f"{self.url}/invocations")

    def in_reply(self, body: bytes, rows: int) -> JsonValue:
        """The predictions: a list, or the records of a table."""
        del rows
        return entry(from_json(body), "predictions")
