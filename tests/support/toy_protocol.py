"""A protocol of nobody's: what a new file beside the others has to bring."""

from __future__ import annotations

from typing import ClassVar, Literal

from leakgauge.endpoints.protocols.base import HttpProtocol, Rows, entry, from_json, to_json
from leakgauge.endpoints.transport import Request
from leakgauge.errors import JsonValue


class ToyProtocol(HttpProtocol):
    """Settings of a service that speaks the toy."""

    title: ClassVar = "Toy"

    protocol: Literal["toy"] = "toy"

    def request(self, rows: Rows) -> Request:
        """The rows under a name of the toy's own."""
        return Request(to_json({"rows": rows.nested()}), f"{self.url}/score")

    def in_reply(self, body: bytes, rows: int) -> JsonValue:
        """The answers, two levels down."""
        return entry(entry(from_json(body), "result"), "scores")
