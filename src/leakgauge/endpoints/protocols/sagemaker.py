"""SageMaker's InvokeEndpoint, through boto3 and its own chain of credentials; CSV or JSON.

The containers of AWS answer CSV with a line for each row, and JSON with `predictions`. Those of one's own
may answer otherwise: `answer` then says where.
"""

from __future__ import annotations

import csv
import io
import math
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from leakgauge.endpoints.protocols.base import Protocol, Request, Rows, from_json, misformed, to_json
from leakgauge.endpoints.protocols.paths import Path, at_path
from leakgauge.endpoints.settings import Name, Url
from leakgauge.errors import JsonValue

_CSV = "text/csv"


class Sagemaker(Protocol):
    """Settings of an endpoint of SageMaker."""

    title: ClassVar = "SageMaker InvokeEndpoint"

    protocol: Literal["sagemaker"] = "sagemaker"
    endpoint: Name = Field(description="Name of the endpoint.")
    region: Name | None = Field(default=None, description="Its region. Default: that of the AWS SDK's chain.")
    variant: Name | None = Field(default=None, description="The variant that is asked. Default: any.")
    model: Name | None = Field(
        default=None, description="Of an endpoint with several models, the model that is asked."
    )
    url: Url | None = Field(
        default=None, description="Another address of the service, such as of a private endpoint of a VPC."
    )
    content_type: Literal["text/csv", "application/json"] = Field(
        default="text/csv", description="How rows are sent, and answers asked for. Default: text/csv."
    )
    answer: Path | None = Field(
        default=None,
        description="Where the answers stand in JSON: a JMESPath expression. Default: `predictions`.",
    )

    @model_validator(mode="after")
    def _no_headers(self) -> Sagemaker:
        if self.credentials or self.headers:
            raise ValueError("credentials and headers are the AWS SDK's own: leave both out")
        return self

    @property
    def address(self) -> str:
        """The endpoint, and its region where the settings name it."""
        place = self.region or "the SDK's region"
        return f"SageMaker endpoint {self.endpoint} ({place})"

    @property
    def identity(self) -> tuple[str, ...]:
        """Whatever chooses a model."""
        names = (
            self.endpoint,
            self.region,
            self.variant,
            self.model,
            self.url,
            self.content_type,
            self.answer,
        )
        return tuple(name or "" for name in names)

    def request(self, rows: Rows) -> Request:
        """Lines of cells, without a header; or instances in JSON."""
        if self.content_type == _CSV:
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows(rows.cells)
            body = text.getvalue().encode()
        else:
            body = to_json({"instances": rows.nested()})
        return Request(body, headers={"Content-Type": self.content_type, "Accept": self.content_type})

    def in_reply(self, body: bytes, rows: int) -> JsonValue:
        """The lines of CSV, or what stands in JSON."""
        if self.content_type == _CSV and not body.lstrip().startswith((b"{", b"[")):
            return _lines(body, rows)
        return at_path(self.answer or "predictions", from_json(body), rows)


def _lines(body: bytes, rows: int) -> JsonValue:
    """The cells of each line; rows may also be all on one line, as XGBoost's container writes them."""
    try:
        lines = [line for line in csv.reader(io.StringIO(body.decode("utf-8"))) if line]
    except (ValueError, csv.Error):
        raise misformed("is no CSV") from None
    if len(lines) == 1 and rows > 1 and len(lines[0]) == rows:
        lines = [[cell] for cell in lines[0]]
    found: list[JsonValue] = []
    for line in lines:
        cells = [_value(cell) for cell in line]
        found.append(cells[0] if len(cells) == 1 else list(cells))
    return found


def _value(cell: str) -> JsonValue:
    text = cell.strip()
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):
        raise misformed("holds a number that is not finite")
    return int(number) if number.is_integer() and text.lstrip("-").isdigit() and len(text) < 16 else number
