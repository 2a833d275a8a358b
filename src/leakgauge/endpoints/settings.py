"""What a settings file says about a service: where it is, how it is asked, and what that may cost.

A settings file holds no secret. Headers that need one name the environment variable that it is in, and what
looks like a secret anywhere else is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

MOST_ROWS: Final = 10_000_000
_SECRET_NAME = re.compile(
    r"auth|cookie|credential|api[-_]?key|access[-_]?key|secret|token|passw|signature|\bkey\b|\bsig\b|\bcode\b",
    re.IGNORECASE,
)
_ENVIRONMENT: Final = (
    "a settings file holds no secret: put it into an environment variable and name that under credentials"
)


def looks_secret(name: str) -> bool:
    """Whether a header, a parameter or an entry of this name would hold a secret."""
    return _SECRET_NAME.search(name) is not None


def _as_tuple(value: object) -> object:
    """YAML and JSON know lists only."""
    return tuple(value) if isinstance(value, list) else value


def _no_secret_in(document: object) -> object:
    """A document, unless an entry in it has the name of a secret."""
    if any(looks_secret(name) for name in _names_in(document)):
        raise ValueError(_ENVIRONMENT)
    return document


def _names_in(document: object) -> Iterator[str]:
    inner: Any = ()
    if isinstance(document, dict):
        yield from map(str, document)
        inner = document.values()
    elif isinstance(document, list | tuple):
        inner = document
    for each in inner:
        yield from _names_in(each)


def _address(text: str) -> str:
    """An address of HTTP without a secret in it."""
    try:
        found = urlsplit(text)
        named = found.scheme in ("http", "https") and found.hostname and (found.port or 1)
    except ValueError:
        named = False
    if not named or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("must be an address such as https://models.example.org")
    if found.username is not None or found.password is not None:
        raise ValueError(f"must not hold a user or a password; {_ENVIRONMENT}")
    if found.fragment or any(
        looks_secret(name) for name, _ in parse_qsl(found.query, keep_blank_values=True)
    ):
        raise ValueError(f"must not hold a fragment, a key or a token; {_ENVIRONMENT}")
    return text.rstrip("/")


class Part(BaseModel):
    """A part of a settings file."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, validate_default=True, hide_input_in_errors=True
    )


class Credential(Part):
    """A header whose value comes from the environment."""

    header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,100}$")] = Field(
        default="Authorization", description="Name of the header. Default: Authorization."
    )
    variable: Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]{0,99}$")] = Field(
        description="Name of the environment variable that holds the secret, in capitals."
    )
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z]{0,20} ?$")] = Field(
        default="", description='What stands before it, such as "Bearer ". Default: nothing.'
    )

    @model_validator(mode="before")
    @classmethod
    def _names_a_variable(cls, given: object) -> object:
        if isinstance(given, dict) and not {*given} <= {"header", "variable", "prefix"}:
            raise ValueError(f"takes header, variable and prefix; {_ENVIRONMENT}")
        return given


class Limits(Part):
    """What the audit may ask, and what that may cost."""

    rows: Annotated[int, Field(ge=1, le=MOST_ROWS)] = Field(
        default=10_000, description="Most rows that the service is asked about. Default: 10,000."
    )
    cost: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        default=None, description="Most that they may cost, in the currency of `price`. Default: no limit."
    )


class Price(Part):
    """What the service costs."""

    per_1000_rows: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        default=0.0, description="Price of 1,000 rows. Default: 0."
    )
    per_request: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        default=0.0, description="Price of a request, whatever it asks. Default: 0."
    )
    currency: Annotated[str, Field(pattern=r"^[A-Za-z]{1,10}$")] = Field(
        default="USD", description="Default: USD."
    )


class Requests(Part):
    """How requests are made."""

    rows: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=100, description="Rows of one request, at most. Default: 100."
    )
    per_second: Annotated[float, Field(gt=0, le=10_000)] | None = Field(
        default=None, description="Most requests in a second. Default: as many as are answered."
    )
    timeout: Annotated[float, Field(gt=0, le=3_600)] = Field(
        default=30.0, description="Seconds in which a request must be answered whole. Default: 30."
    )
    retries: Annotated[int, Field(ge=0, le=20)] = Field(
        default=5,
        description="How often a request is sent again that was not answered, or with 429 or 5xx. "
        "Default: 5.",
    )


Url = Annotated[str, Field(max_length=2_000), AfterValidator(_address)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:@-]{1,200}$")]
Value = Annotated[str, Field(max_length=1_000, pattern=r"^[\x20-\x7e]*$")]
Template = Annotated[Any, AfterValidator(_no_secret_in)]
Label = Annotated[str, Field(max_length=200)] | int | float | bool


class Endpoint(Part):
    """What the settings of every protocol have in common."""

    protocol: str
    credentials: Annotated[tuple[Credential, ...], Field(max_length=10), BeforeValidator(_as_tuple)] = Field(
        default=(), description="Headers whose values come from environment variables. Default: none."
    )
    headers: Annotated[
        dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,100}$")], Value],
        AfterValidator(_no_secret_in),
    ] = Field(default={}, description="Further headers, which hold no secret. Default: none.")
    answers: Literal["auto", "probabilities", "labels", "logits", "predictions"] = Field(
        default="auto",
        description="What the service answers: a probability for each class (or that of the second of two), "
        "labels, logits, or `predictions`, the numbers of a regressor. Default: told from the first "
        "answers; never `logits` or `predictions`.",
    )
    classes: Annotated[
        Annotated[tuple[Label, ...], Field(min_length=2, max_length=10_000)] | None,
        BeforeValidator(_as_tuple),
    ] = Field(
        default=None,
        description="The labels in the order of the probabilities. Default: those in the table of members, "
        "sorted.",
    )
    columns: Annotated[
        Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(min_length=1, max_length=10_000)]
        | None,
        BeforeValidator(_as_tuple),
    ] = Field(
        default=None,
        description="Columns of the tables that the service is asked with, in its order. Default: those that "
        "it says it takes, else all but the label, in the order of the table.",
    )
    image_shape: Annotated[
        Annotated[tuple[Annotated[int, Field(ge=1, le=4_096)], ...], Field(min_length=2, max_length=3)]
        | None,
        BeforeValidator(_as_tuple),
    ] = Field(
        default=None,
        description="For inversion audits: [height, width] or [height, width, channels] of an image, or with "
        "channels first, as the service takes it. Default: what it says it takes.",
    )
    limits: Limits = Field(default=Limits(), description="What may be asked, and what it may cost.")
    price: Price = Field(default=Price(), description="What the service costs. Default: nothing.")
    requests: Requests = Field(default=Requests(), description="How requests are made.")
    cache: Annotated[str, Field(min_length=1, max_length=4_000)] | bool = Field(
        default=True,
        description="Where answers are kept so that no row is asked twice: a folder; true for "
        "leakgauge/endpoints in the user's cache; false for nowhere. Default: true.",
    )

    @model_validator(mode="after")
    def _cost_has_a_price(self) -> Endpoint:
        if self.limits.cost is not None and not (self.price.per_1000_rows or self.price.per_request):
            raise ValueError("limits.cost needs a price: set price.per_1000_rows or price.per_request")
        return self
