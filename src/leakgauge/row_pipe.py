"""What the broker of a live service and the sandbox say to each other, through a socket that they share.

    {"columns": [["age", "number"], ["plan", "text"]]}      the sandbox, once, before it asks about a table
    {"ask": [[31, "basic"], ...], "repeat": 0}                asked again with repeat 1: a fresh answer
    {"account": true}                                       what was asked until now, and what it cost

    {"answers": [[0.2, 0.8], ...], "left": 9000}            the broker; or
    {"error": {...}}                                        as `LeakgaugeError.body()` gives it

They travel as `leakgauge.socket_messages` has it. The sandbox may be in a stranger's hands: the broker reads
every message strictly and can be made to do nothing but ask rows. The answers are a stranger's too, and have
been checked by the broker for their form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias

from leakgauge.errors import JsonValue

MOST_ROWS: Final = 10_000
"""Rows of one question."""
MOST_CELLS: Final = 2_000_000
"""Cells of one question."""
MOST_REPEATS: Final = 16
"""How often a row may be asked about."""

Kind: TypeAlias = Literal["number", "integer", "boolean", "text"]
KINDS: Final[tuple[Kind, ...]] = ("number", "integer", "boolean", "text")
Cell: TypeAlias = "float | int | bool | str | None"
Answer: TypeAlias = "list[float] | dict[str, float] | str | float | int | bool"
"""What a service says of a row: scores, scores by the name of the class, or one label or number."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its name, and what its cells are."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """What the sandbox is told of a service.

    Attributes
    ----------
    title, address
        protocol and address, for the report.
    rows
        most rows that may be asked about.
    rows_of_request
        how many of them a request holds.
    requests
        how many requests the cost allows, if all rows are asked about; None for any number.
    answers
        what the service answers, as the settings have it.
    classes, columns, image_shape, n_features
        what the settings or the service say of the model; None for what they do not say.
    """

    title: str
    address: str
    rows: int
    rows_of_request: int
    requests: int | None = None
    answers: str = "auto"
    classes: tuple[str | int | float | bool, ...] | None = None
    columns: tuple[str, ...] | None = None
    image_shape: tuple[int, ...] | None = None
    n_features: int | None = None

    def message(self) -> dict[str, JsonValue]:
        """The facts as JSON."""
        return asdict(self)

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> ServiceFacts:
        """The facts that `message()` described. Trusts its sender, who is this very program."""
        lists = {name: tuple(value) for name, value in message.items() if isinstance(value, list)}
        return cls(**{**message, **lists})
