"""What a protocol is: settings of its own, a request for rows, and where the answers stand in a reply."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from leakgauge.endpoints.credentials import Secrets
from leakgauge.endpoints.settings import Endpoint, Url
from leakgauge.endpoints.transport import HttpTransport, Request, Transport
from leakgauge.errors import BadParameters, JsonValue, ServiceFailed
from leakgauge.extras import Extra
from leakgauge.row_pipe import Cell, Column
from leakgauge.strict_json import parse


@dataclass(frozen=True, slots=True)
class Rows:
    """What the service is asked about.

    Attributes
    ----------
    columns
        those of a table; none where the rows are images.
    cells
        (n, d) the rows: of images their numbers, one after another in the order of `image_shape`.
    image_shape
        of an image as the service takes it; None where the rows are those of a table.
    """

    columns: tuple[Column, ...]
    cells: Sequence[Sequence[Cell]]
    image_shape: tuple[int, ...] | None = None

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.cells)

    @property
    def all_numbers(self) -> bool:
        """Whether one array can hold all cells."""
        return all(column.kind != "text" for column in self.columns)

    def nested(self) -> list[JsonValue]:
        """The rows as lists, images as lists of lists."""
        if self.image_shape is None:
            return [list(row) for row in self.cells]
        return [_nested(row, self.image_shape) for row in self.cells]

    def records(self) -> list[JsonValue]:
        """The rows as objects, by the names of the columns."""
        names = [column.name for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.cells]


def _nested(cells: Sequence[Cell], shape: tuple[int, ...]) -> JsonValue:
    if len(shape) == 1:
        return list(cells)
    step = len(cells) // shape[0]
    return [_nested(cells[at : at + step], shape[1:]) for at in range(0, len(cells), step)]


@dataclass(frozen=True, slots=True)
class Known:
    """What a service says of its model; None for what it does not say.

    Attributes
    ----------
    columns
        names of the columns that it takes, in its order.
    n_features
        width of the one row of numbers that it takes.
    image_shape
        of the images that it takes, the axis of the batch left out.
    """

    columns: tuple[str, ...] | None = None
    n_features: int | None = None
    image_shape: tuple[int, ...] | None = None


class Protocol(Endpoint):
    """Settings of a service of one kind, and how it is spoken to.

    Attributes
    ----------
    title
        what reports and messages call the protocol.
    extra
        what brings the libraries that it is spoken with.
    """

    title: ClassVar[str]
    extra: ClassVar[Extra] = "endpoints"

    @property
    @abstractmethod
    def address(self) -> str:
        """Where the service is, for people; holds no secret."""

    @abstractmethod
    def transport(self, secrets: Secrets) -> Transport:
        """What sends requests."""

    @property
    @abstractmethod
    def identity(self) -> tuple[str, ...]:
        """All that decides which model answers, and in which form."""

    def metadata(self) -> Request | None:
        """What the service is asked about its model beforehand; None where it cannot be asked."""
        return None

    def read_metadata(self, document: JsonValue) -> Known:
        """What the answer to that says; nothing where it is not as the protocol has it."""
        del document
        return Known()

    @abstractmethod
    def request(self, rows: Rows) -> Request:
        """The request for answers about rows."""

    @abstractmethod
    def in_reply(self, body: bytes, rows: int) -> JsonValue:
        """Where the answers stand in a reply: a list of one for each row, if all is as it should be.

        Raises
        ------
        ServiceFailed
            `answer_not_json`, `answer_form`.
        BadParameters
            where the settings name something that the reply does not have.
        """

    @property
    def one_at_a_time(self) -> bool:
        """Whether a request can hold one row alone."""
        return False


class HttpProtocol(Protocol):
    """A service that is asked over HTTP."""

    url: Url

    def transport(self, secrets: Secrets) -> Transport:
        """HTTP to the address of the service."""
        return HttpTransport(self.url, self.headers, secrets, timeout=self.requests.timeout)

    @property
    def address(self) -> str:
        """The address without its query."""
        return self.url.partition("?")[0]

    @property
    def identity(self) -> tuple[str, ...]:
        """The address, and the headers, which may choose a model."""
        return (self.url, json.dumps(self.headers, sort_keys=True))


def to_json(document: JsonValue) -> bytes:
    """JSON as bytes; rows hold no NaN."""
    return json.dumps(document, allow_nan=False).encode()


def from_json(body: bytes) -> JsonValue:
    """The document in a reply.

    Raises
    ------
    ServiceFailed
        `answer_not_json`.
    """
    try:
        return parse(body)
    except ValueError:
        raise ServiceFailed(
            "answer_not_json",
            "The service answered with something else than JSON, or with numbers that are not finite.",
            hint="Check with curl what it answers; NaN and infinity are no answers.",
        ) from None


def entry(document: JsonValue, name: str) -> JsonValue:
    """What stands under a name in a reply.

    Raises
    ------
    ServiceFailed
        `answer_form`.
    """
    if not isinstance(document, dict) or name not in document:
        raise misformed(f"has no “{name}”")
    return document[name]


def misformed(what: str) -> ServiceFailed:
    """The error for a reply that is not as the protocol has it."""
    return ServiceFailed(
        "answer_form",
        f"The answer of the service {what}.",
        hint="Check protocol and url in the settings, and with curl what the service answers.",
    )


Output: TypeAlias = "str | None"


def no_such_output(names: Sequence[str], wanted: Output) -> BadParameters:
    """The error where the settings name no output, or one that the service does not have."""
    listed = ", ".join(str(name)[:60] for name in names[:10])
    return BadParameters.about(
        "output",
        "names none of the service's outputs" if wanted else "must name one of several outputs",
        problem="service_output",
        message=f"The service has the outputs {listed}; "
        + (f"“{wanted}” is none of them." if wanted else "which one holds the answers is not said."),
        hint="Set output in the settings to the one that holds probabilities, or labels.",
    )
