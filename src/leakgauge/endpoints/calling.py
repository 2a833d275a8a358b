"""When a request is sent, sent again, and sent no more; and what it has cost until then."""

from __future__ import annotations

import importlib
import itertools
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from leakgauge.endpoints.answers import row_answers
from leakgauge.endpoints.protocols.base import Protocol, Rows, from_json
from leakgauge.endpoints.settings import Price
from leakgauge.endpoints.transport import NoReplyError, Reply, Request, Transport
from leakgauge.errors import BadParameters, LeakgaugeError, LimitExceeded, ServiceFailed
from leakgauge.row_pipe import Answer

LONGEST_WAIT: Final = 300.0
"""Seconds that a service may ask for before a request is sent again; an audit does not wait longer."""
_ANY: Final = 10**9
"""Seconds: more than are waited for."""
_BACKOFF: Final = 0.5
_LONGEST_BACKOFF: Final = 30.0
_NOT_WORKED_ON: Final = (429, 503)
_AGAIN: Final = (408, 424, 425, *_NOT_WORKED_ON, 500, 502, 504)
_GO_ON: Final = "Start the audit again when it does: what was answered is kept, and no row is asked twice."


@dataclass(slots=True)
class Account:
    """What was asked until now.

    Attributes
    ----------
    requests
        sent, those that were sent again included.
    retries
        of these, those that were sent again.
    rows
        in them, those included that may have been worked on without an answer.
    seconds
        spent with the service, pauses included.
    """

    requests: int = 0
    retries: int = 0
    rows: int = 0
    seconds: float = 0.0

    def cost(self, price: Price) -> float:
        """What that comes to, were every request charged."""
        return self.rows * price.per_1000_rows / 1_000 + self.requests * price.per_request


class Caller:
    """Asks one service, in the pace and within the limits of its settings.

    Parameters
    ----------
    service
        the settings.
    transport
        sends single requests.
    sleep, clock
        in seconds.
    """

    def __init__(
        self,
        service: Protocol,
        transport: Transport,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self._transport = transport
        self._sleep = sleep
        self._clock = clock
        self._next_at = clock()
        self.account = Account()

    def metadata(self) -> object:
        """What the service says of its model; None where it says nothing."""
        request = self._service.metadata()
        if request is None:
            return None
        reply = self._reply(request, rows=0)
        if reply.status in (400, 403, 404, 405, 501):
            return None  # an optional part of the protocol; whether the model is there shows when it is asked
        _check(reply)
        return from_json(reply.body)

    def ask(self, rows: Rows) -> list[Answer]:
        """What the service answers, one answer for each row.

        Raises
        ------
        ServiceFailed
            where it does not answer, or with what is no answer.
        BadParameters
            where the settings are at fault.
        LimitExceeded
            `service_rows`, `service_cost` where these rows, or sending them again, would pass a limit.
        """
        reply = self._reply(self._service.request(rows), rows=len(rows))
        _check(reply)
        return row_answers(self._service.in_reply(reply.body, len(rows)), len(rows))

    def _reply(self, request: Request, *, rows: int) -> Reply:
        """The reply, whatever it says, to a request that is sent until there is one."""
        begun = self._clock()
        try:
            for attempt in itertools.count():
                reply, trouble = self._once(request, rows)
                if reply is not None and reply.status not in _AGAIN:
                    return reply
                final = trouble is not None and trouble.kind in _FINAL
                if final or attempt == self._service.requests.retries:
                    raise _gave_up(reply, trouble, attempt + 1)
                self.account.retries += 1
                self._sleep(_pause(reply, attempt))
            raise AssertionError  # the loop ends with a reply or an error
        finally:
            self.account.seconds += self._clock() - begun

    def _once(self, request: Request, rows: int) -> tuple[Reply | None, NoReplyError | None]:
        self._admit(rows)
        self._keep_pace()
        if rows:
            self.account.requests += 1
        try:
            reply = self._transport.send(request)
        except NoReplyError as trouble:
            if trouble.kind not in ("unreachable", "certificate"):
                self.account.rows += rows
            return None, trouble
        if reply.status not in _NOT_WORKED_ON:
            self.account.rows += rows
        return reply, None

    def _admit(self, rows: int) -> None:
        """Let a request pass, or refuse it for good."""
        limits, price = self._service.limits, self._service.price
        if rows and self.account.rows + rows > limits.rows:
            raise _beyond("service_rows", f"the {limits.rows:,} rows that the service may be asked about")
        after = Account(requests=self.account.requests + 1, rows=self.account.rows + rows).cost(price)
        if rows and limits.cost is not None and after > limits.cost * (1 + 1e-9):
            raise _beyond("service_cost", f"the {limits.cost:g} {price.currency} that it may cost")

    def _keep_pace(self) -> None:
        rate = self._service.requests.per_second
        if rate is None:
            return
        wait = self._next_at - self._clock()
        if wait > 0:
            self._sleep(wait)
        self._next_at = max(self._next_at, self._clock()) + 1.0 / rate


def _pause(reply: Reply | None, attempt: int) -> float:
    """Seconds until a request is sent again: as the service asks, else longer each time.

    Raises
    ------
    ServiceFailed
        `busy` where it asks for longer than an audit waits.
    """
    asked = None if reply is None else _retry_after(reply.headers)
    if asked is None:
        return float(min(_BACKOFF * 2**attempt, _LONGEST_BACKOFF) * random.uniform(0.75, 1.25))  # noqa: S311
    if asked > LONGEST_WAIT:
        raise ServiceFailed(
            "busy",
            f"The service is busy and asks to come back in {asked:,.0f} seconds.",
            hint="Start the audit again then: what was answered is kept, and no row is asked twice.",
        )
    return asked


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds in Retry-After, a number or a date; None for none, or for what is neither."""
    value = headers.get("retry-after")
    if value is None or len(value) > 100:
        return None
    urllib3: Any = importlib.import_module("urllib3")  # at first use: it comes with an extra
    try:
        return max(float(urllib3.Retry(retry_after_max=_ANY).parse_retry_after(value)), 0.0)
    except (urllib3.exceptions.HTTPError, ValueError, OverflowError):
        return None


_FINAL: Final = ("certificate", "too_large", "packed")
_TROUBLES: Final[Mapping[str, tuple[str, str]]] = {
    "unreachable": (
        "No connection to the service could be made",
        "Check url in the settings, that the service runs, and the network between; a proxy is taken from "
        "HTTPS_PROXY and NO_PROXY. Then start the audit again: what was answered is kept.",
    ),
    "certificate": (
        "The certificate of the service is not one that this machine trusts",
        "Name the authority that signed it in SSL_CERT_FILE, or mend the certificate.",
    ),
    "timeout": (
        "The service did not answer whole in the time that the settings give it",
        "Raise requests.timeout, or lower requests.rows. What was answered is kept.",
    ),
    "broken": (
        "The connection to the service broke before the answer was whole",
        f"Look whether the service, or a proxy before it, restarts. {_GO_ON}",
    ),
    "too_large": (
        "The service answered with more than 32 MiB",
        "Lower requests.rows; check with curl what it answers.",
    ),
    "packed": (
        "The service packs its answers though it was asked not to",
        "Turn compression off for this caller: the answers are not unpacked.",
    ),
}


def _gave_up(reply: Reply | None, trouble: NoReplyError | None, attempts: int) -> LeakgaugeError:
    tried = f", tried {attempts} times" if attempts > 1 else ""
    if trouble is not None:
        message, hint = _TROUBLES[trouble.kind]
        return ServiceFailed(trouble.kind, f"{message}{tried}.", hint=hint)
    status = 0 if reply is None else reply.status
    if status in _NOT_WORKED_ON:
        return ServiceFailed(
            "busy",
            f"The service is busy: it answered with status {status}{tried}.",
            hint=f"Set requests.per_second to what it bears. {_GO_ON}",
            details={"status": status},
        )
    return ServiceFailed(
        "error",
        f"The service answered with status {status}{tried}.",
        hint=f"Look into its log: it fails on rows that it was sent. {_GO_ON}",
        details={"status": status},
    )


def _check(reply: Reply) -> None:
    """See that a reply is no refusal. What it says is not quoted: it may hold data, or a secret."""
    status = reply.status
    if 200 <= status < 300:
        return
    problem, message, hint = _refusal(status)
    raise BadParameters(problem, message, hint=hint, details={"status": status})


def _refusal(status: int) -> tuple[str, str, str]:
    answered = f"The service answered with status {status}"
    if 300 <= status < 400:
        return (
            "service_redirect",
            f"{answered}, which leads to another address; it was not followed.",
            "Set url in the settings to the address that answers itself.",
        )
    if status in (401, 403, 407):
        return (
            "service_access",
            f"{answered}: it does not let this caller in.",
            "Check the environment variable that credentials name, and what the caller may do.",
        )
    if status in (404, 405, 410):
        return (
            "service_not_found",
            f"{answered}: it does not know what the settings name.",
            "Check url, protocol, and the names of model and version in the settings.",
        )
    if status == 413:
        return (
            "service_too_large",
            f"{answered}: the request is too large for it.",
            "Lower requests.rows in the settings.",
        )
    return (
        "service_refused",
        f"{answered}: it does not take the rows as they were sent.",
        "Check protocol, columns and their order in the settings, and with curl what it says of such a row.",
    )


def _beyond(problem: str, limit: str) -> LimitExceeded:
    return LimitExceeded(
        problem,
        f"Going on would pass {limit}: requests that were sent again count too.",
        hint="What was answered is kept: start the audit again to go on, or raise the limit in the settings.",
    )
