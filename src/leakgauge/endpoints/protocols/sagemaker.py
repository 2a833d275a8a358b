"""SageMaker's InvokeEndpoint, through boto3 and its own chain of credentials; CSV or JSON.

The containers of AWS answer CSV with a line for each row, and JSON with `predictions`. Those of one's own
may answer otherwise: `answer` then says where.
"""

from __future__ import annotations

import csv
import importlib
import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from leakgauge.endpoints.credentials import Secrets
from leakgauge.endpoints.protocols.base import Protocol, Rows, from_json, misformed, to_json
from leakgauge.endpoints.protocols.paths import Path, at_path
from leakgauge.endpoints.settings import Name, Url
from leakgauge.endpoints.transport import HttpTransport, Reply, Request, Transport
from leakgauge.errors import BadParameters, JsonValue

_CSV = "text/csv"


class Sagemaker(Protocol):
    """Settings of an endpoint of SageMaker."""

    title: ClassVar = "SageMaker InvokeEndpoint"
    extra: ClassVar = "sagemaker-endpoints"

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
    """InvokeEndpoint by boto3, which signs requests and knows where to send them; `HttpTransport` sends them.

    The SDK itself would read what comes back without a bound in time or size. Each request is sent once: what
    is sent again is counted, and counting is not its affair.
    """

    def __init__(self, settings: Sagemaker) -> None:
        # imported at first use: boto3 comes with an extra
        boto3: Any = importlib.import_module("boto3")
        config: Any = importlib.import_module("botocore.config")
        self._requests: Any = importlib.import_module("botocore.awsrequest")
        self._errors: Any = importlib.import_module("botocore.exceptions")
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
                config=config.Config(retries={"total_max_attempts": 1}),
            )
        except (self._errors.BotoCoreError, ValueError):
            raise _sdk_settings("no region, or settings that it does not take") from None
        address = self._client.meta.endpoint_url
        self._http = HttpTransport(address, {}, Secrets(), timeout=settings.requests.timeout)
        self._client.meta.events.register("before-send.sagemaker-runtime.InvokeEndpoint", self._send_signed)
        self._reply: Reply | None = None

    def send(self, request: Request) -> Reply:
        """The reply; see `Transport`."""
        self._reply, refusal = None, {}
        try:
            self._client.invoke_endpoint(
                Body=request.body,
                ContentType=request.headers["Content-Type"],
                Accept=request.headers["Accept"],
                **self._target,
            )
        except self._errors.ClientError as error:
            refusal = error.response
        except (self._errors.NoCredentialsError, self._errors.PartialCredentialsError):
            raise _sdk_settings("no credentials") from None
        except self._errors.BotoCoreError:
            if self._reply is None:
                raise _sdk_settings("credentials or settings that it does not take") from None
        reply = self._reply
        if reply is None:
            raise _sdk_settings("settings that keep it from sending anything")
        return replace(reply, status=_status(reply.status, refusal))

    def _send_signed(self, request: Any, **_event: Any) -> Any:
        """Send what the SDK has signed, in its place."""
        headers = {str(name): _text(value) for name, value in request.headers.items()}
        self._reply = self._http.send(Request(request.body, request.url, headers=headers))
        return self._requests.AWSResponse(
            request.url, self._reply.status, self._reply.headers, _Stream(self._reply.body)
        )

    def stop(self) -> None:
        """Cut off what is waited for; see `Transport`."""
        self._http.stop()
        self._client.close()


class _Stream(io.BytesIO):
    """A body as the SDK reads it."""

    def stream(self, *_size: object, **_more: object) -> Iterator[bytes]:
        """Yield all of it."""
        yield self.getvalue()


def _text(value: str | bytes) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else value


def _status(status: int, response: Mapping[str, Any]) -> int:
    """The status that the refusal would have over HTTP; of a container's own refusal that one."""
    code = str(response.get("Error", {}).get("Code", ""))
    if code.startswith(_REFUSED):
        return 403
    if code.startswith(_BUSY):
        return 429
    if code == "ValidationError":  # it knows no such endpoint, variant or model
        return 404
    original = response.get("OriginalStatusCode")
    return original if isinstance(original, int) and original >= 400 else status


def _sdk_settings(what: str) -> BadParameters:
    return BadParameters(
        "aws",
        f"The AWS SDK has {what}.",
        hint="Set them as for the AWS command line: in the environment, a profile, or a role. The region may "
        "stand in the settings.",
    )
