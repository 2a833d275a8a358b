"""SageMaker's InvokeEndpoint, through boto3 and its own chain of credentials; CSV or JSON.

The containers of AWS answer CSV with a line for each row, and JSON with `predictions`. Those of one's own
may answer otherwise: `answer` then says where.
"""

from __future__ import annotations

import csv
import importlib
import io
import math
import time
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from leakgauge.endpoints.credentials import Secrets
from leakgauge.endpoints.protocols.base import Protocol, Rows, from_json, misformed, to_json
from leakgauge.endpoints.protocols.paths import Path, at_path
from leakgauge.endpoints.settings import Name, Url
from leakgauge.endpoints.transport import MOST_BYTES, NoReplyError, Reply, Request, Transport
from leakgauge.errors import BadParameters, JsonValue

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

    def transport(self, secrets: Secrets) -> Transport:
        """The AWS SDK; `secrets` are none."""
        del secrets
        return SdkTransport(self)

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


_REFUSED = ("AccessDenied", "UnrecognizedClient", "InvalidSignature", "ExpiredToken", "InvalidClientToken")
_BUSY = ("Throttl", "TooManyRequests", "ServiceUnavailable")


class SdkTransport:
    """InvokeEndpoint by boto3, which signs requests and knows where to send them.

    It sends each once: what is sent again is counted, and counting is not its affair.
    """

    def __init__(self, settings: Sagemaker) -> None:
        # imported at first use: boto3 comes with an extra
        boto3: Any = importlib.import_module("boto3")
        config: Any = importlib.import_module("botocore.config")
        self._errors: Any = importlib.import_module("botocore.exceptions")
        self._timeout = settings.requests.timeout
        self._target = {
            "EndpointName": settings.endpoint,
            **({"TargetVariant": settings.variant} if settings.variant else {}),
            **({"TargetModel": settings.model} if settings.model else {}),
        }
        try:
            self._client = boto3.client(
                "sagemaker-runtime",
                region_name=settings.region,
                endpoint_url=settings.url,
                config=config.Config(
                    connect_timeout=self._timeout,
                    read_timeout=self._timeout,
                    retries={"total_max_attempts": 1},
                ),
            )
        except (self._errors.BotoCoreError, ValueError):
            raise _sdk_settings("no region, or settings that it does not take") from None

    def send(self, request: Request) -> Reply:
        """The reply; see `Transport`."""
        ends = time.monotonic() + self._timeout
        try:
            found = self._client.invoke_endpoint(
                Body=request.body,
                ContentType=request.headers["Content-Type"],
                Accept=request.headers["Accept"],
                **self._target,
            )
            return Reply(200, _read(found["Body"], ends))
        except self._errors.ClientError as error:
            return Reply(_status(error.response), b"")
        except self._errors.SSLError:
            raise NoReplyError("certificate") from None
        except (self._errors.EndpointConnectionError, self._errors.ConnectTimeoutError):
            raise NoReplyError("unreachable") from None
        except self._errors.ReadTimeoutError:
            raise NoReplyError("timeout") from None
        except (self._errors.NoCredentialsError, self._errors.PartialCredentialsError):
            raise _sdk_settings("no credentials") from None
        except (self._errors.HTTPClientError, self._errors.IncompleteReadError, OSError):
            raise NoReplyError("timeout" if time.monotonic() >= ends else "broken") from None
        except self._errors.BotoCoreError:
            raise _sdk_settings("credentials or settings that it does not take") from None

    def stop(self) -> None:
        """Nothing more is sent; see `Transport`."""
        self._client.close()


def _read(stream: Any, ends: float) -> bytes:
    pieces, size = [], 0
    for piece in stream.iter_chunks(1_024):
        size += len(piece)
        if size > MOST_BYTES:
            raise NoReplyError("too_large")
        if time.monotonic() >= ends:
            raise NoReplyError("timeout")
        pieces.append(piece)
    return b"".join(pieces)


def _status(response: Mapping[str, Any]) -> int:
    """The status that the refusal would have over HTTP; of a container's own refusal that one."""
    code = str(response.get("Error", {}).get("Code", ""))
    if code.startswith(_REFUSED):
        return 403
    if code.startswith(_BUSY):
        return 429
    if code == "ValidationError":  # it knows no such endpoint, variant or model
        return 404
    status = response.get("OriginalStatusCode") or response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status if isinstance(status, int) else 500


def _sdk_settings(what: str) -> BadParameters:
    return BadParameters(
        "aws",
        f"The AWS SDK has {what}.",
        hint="Set them as for the AWS command line: in the environment, a profile, or a role. The region may "
        "stand in the settings.",
    )
