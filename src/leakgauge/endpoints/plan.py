"""What an audit may ask, and what that may cost: told before the first question."""

from __future__ import annotations

import math

from leakgauge.endpoints.protocols.base import Protocol

_ROUNDING = 1e-9


def rows_of_request(service: Protocol) -> int:
    """Most rows of one request."""
    return 1 if service.one_at_a_time else service.requests.rows


def cost_of(service: Protocol, rows: int) -> float:
    """What so many rows cost, in full requests."""
    price = service.price
    requests = math.ceil(rows / rows_of_request(service))
    return rows * price.per_1000_rows / 1_000 + requests * price.per_request


def rows_at_most(service: Protocol) -> int:
    """How many rows both limits, that on rows and that on cost, let an audit ask."""
    most = service.limits.cost
    if most is None or cost_of(service, service.limits.rows) <= most:
        return service.limits.rows
    low, high = 0, service.limits.rows
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if cost_of(service, middle) <= most else (low, middle)
    return low


def requests_at_most(service: Protocol) -> int | None:
    """How many requests the limit on cost lets an audit make beside all of its rows; None for any number.

    Attacks that go by small steps make small requests.
    """
    price, most = service.price, service.limits.cost
    if most is None or not price.per_request:
        return None
    of_rows = rows_at_most(service) * price.per_1000_rows / 1_000
    return math.floor((most - of_rows) / price.per_request + _ROUNDING)


def described(service: Protocol, *, cache: str | None) -> str:
    """The plan in a few sentences, for whoever has to confirm it."""
    rows, size = rows_at_most(service), rows_of_request(service)
    requests = math.ceil(rows / size)
    sentences = [
        f"The audit asks {service.address} ({service.title}) about at most {rows:,} rows, up to {size:,} in "
        f"a request: in {requests:,} requests for records of tables, in more for inversion."
    ]
    price, most = service.price, service.limits.cost
    if most is not None:
        sentences.append(f"It stops before that costs more than {most:g} {price.currency}.")
    elif price.per_request:
        small = rows * (price.per_1000_rows / 1_000 + price.per_request)
        sentences.append(
            f"That costs about {cost_of(service, rows):.2f} {price.currency} for records of tables, and up "
            f"to {small:.2f} {price.currency} if every row is a request."
        )
    elif price.per_1000_rows:
        sentences.append(f"That costs up to {cost_of(service, rows):.2f} {price.currency}.")
    else:
        sentences.append("What that costs is not known: the settings name no price.")
    if cache is None:
        sentences.append("Answers are not kept: an audit that is cut off asks everything again.")
    else:
        sentences.append(f"Answers are kept in {cache}: what stands there is not asked again.")
    return " ".join(sentences)
