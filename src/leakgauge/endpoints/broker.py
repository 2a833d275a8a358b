"""The broker: asks a service what the sandbox wants to know, and nothing else, whoever is in the sandbox.

It takes three messages through a socket (`leakgauge.row_pipe`): which columns rows have, rows to ask about,
and the wish for an account. What it asks, and where, are the caller's settings; how often, their limits. A
row that was answered before, in this audit or in an earlier one, is answered from the cache.
"""

from __future__ import annotations

import contextlib
import math
import socket
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from leakgauge.endpoints.cache import Cache, usual_folder
from leakgauge.endpoints.calling import Caller
from leakgauge.endpoints.credentials import secrets_of
from leakgauge.endpoints.plan import requests_at_most, rows_at_most, rows_of_request
from leakgauge.endpoints.protocols.base import Known, Protocol, Rows
from leakgauge.endpoints.transport import Transport
from leakgauge.errors import AuditFailed, JsonValue, LeakgaugeError, LimitExceeded
from leakgauge.row_pipe import (
    KINDS,
    MOST_CELLS,
    MOST_REPEATS,
    MOST_ROWS,
    Answer,
    Cell,
    Column,
    ServiceFacts,
)
from leakgauge.served_sockets import ServedSockets
from leakgauge.socket_messages import read_message, write_message

_MOST_COLUMNS: Final = 10_000
_LONGEST_NAME: Final = 1_000
_LONGEST_CELL: Final = 100_000


class Broker:
    """Answers the sandbox by asking one service.

    Parameters
    ----------
    service
        the caller's settings.
    environment
        variables that hold secrets, and where the user's cache is.
    transport
        sends single requests; the protocol's own if it is left out.

    Attributes
    ----------
    cache_path
        the file that answers are kept in; None for none.

    Raises
    ------
    BadParameters
        for secrets that are not there, and a cache that cannot be made.
    """

    def __init__(
        self, service: Protocol, environment: Mapping[str, str], *, transport: Transport | None = None
    ) -> None:
        self._service = service
        secrets = secrets_of(service, environment)
        self._transport = transport or service.transport(secrets)
        self._stopping = threading.Event()
        self._caller = Caller(service, self._transport, sleep=self._sleep)
        self._cache = Cache(service.identity, _folder(service, environment))
        self.cache_path = self._cache.path
        self._known = Known()
        self._lock = threading.Lock()
        self._sockets = ServedSockets("broker", self._serve)
        self._seen: set[bytes] = set()
        self._from_cache = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._transport.stop()
        self._sockets.close()
        with self._lock:
            self._cache.close()

    def _sleep(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise _stopped()

    def facts(self) -> ServiceFacts:
        """What the sandbox is told of the service, which is asked for its metadata here.

        Raises
        ------
        LeakgaugeError
            where it cannot be reached, or lets nobody in.
        """
        document: Any = self._caller.metadata()
        if document is not None:
            self._known = self._service.read_metadata(document)
        service, known = self._service, self._known
        return ServiceFacts(
            title=service.title,
            address=service.address,
            rows=rows_at_most(service),
            rows_of_request=rows_of_request(service),
            requests=requests_at_most(service),
            answers=service.answers,
            classes=service.classes,
            columns=service.columns or known.columns,
            image_shape=service.image_shape or known.image_shape,
            n_features=None if service.columns else known.n_features,
        )

    def attach(self, connection: socket.socket) -> None:
        """Serve whoever holds the other end, in a thread, until it closes. Takes the socket over."""
        self._sockets.attach(connection)

    def _serve(self, connection: socket.socket) -> None:
        # what breaks the connection off leaves the sandbox with nobody to ask, which it tells itself
        with connection, contextlib.suppress(OSError, ValueError):
            columns: tuple[Column, ...] = ()
            while (message := read_message(connection.fileno())) is not None:
                match message:
                    case {"columns": list() as named, **rest} if not rest and not columns:
                        columns = _columns(named)
                        reply: dict[str, Any] = {"answers": [], "left": self._left()}
                    case {"ask": list() as cells, "repeat": int() as repeat, **rest} if not rest:
                        reply = self._answer(self._rows(columns, cells), repeat)
                    case {"account": True, **rest} if not rest:
                        reply = {"account": self.account()}
                    case _:
                        raise ValueError("no message that is known")
                write_message(connection.fileno(), reply)

    def _rows(self, columns: tuple[Column, ...], cells: Sequence[Any]) -> Rows:
        shape = None if columns else (self._service.image_shape or self._known.image_shape)
        width = math.prod(shape) if shape else len(columns)
        if not 1 <= len(cells) <= MOST_ROWS or len(cells) * width > MOST_CELLS or not width:
            raise ValueError("too many rows, or none")
        if not all(isinstance(row, list) and len(row) == width and all(map(_is_cell, row)) for row in cells):
            raise ValueError("no rows")
        return Rows(columns, cells, shape)

    def _answer(self, rows: Rows, repeat: int) -> dict[str, Any]:
        """The reply to a question: answers to all rows, or the error that kept them from being asked."""
        if not 0 <= repeat < MOST_REPEATS:
            raise ValueError("no repeat")
        with self._lock:
            try:
                return {"answers": self._answers(rows, repeat), "left": self._left()}
            except LeakgaugeError as error:
                return error.body()
            except Exception as error:  # noqa: BLE001 -- of a library: whatever it says may hold a secret
                return _unexpected(type(error).__name__).body()

    def _answers(self, rows: Rows, repeat: int) -> list[Answer]:
        keys = self._cache.keys(rows.columns, rows.cells, repeat=repeat)
        found = self._cache.known(keys)
        new = {*keys} - self._seen
        if len(self._seen) + len(new) > rows_at_most(self._service):
            raise _asks_too_much(rows_at_most(self._service))
        self._seen |= new
        self._from_cache += len(new & found.keys())
        missing: dict[bytes, Sequence[Cell]] = {
            key: row for key, row in zip(keys, rows.cells, strict=True) if key not in found
        }
        step = rows_of_request(self._service)
        for start in range(0, len(missing), step):
            some = list(missing)[start : start + step]
            self._sleep(0)
            asked = Rows(rows.columns, [missing[key] for key in some], rows.image_shape)
            answers = dict(zip(some, self._caller.ask(asked), strict=True))
            self._cache.keep(answers)
            found |= answers
        return [found[key] for key in keys]

    def _left(self) -> int:
        return rows_at_most(self._service) - len(self._seen)

    def account(self) -> dict[str, JsonValue]:
        """What was asked and what it cost, for the report."""
        account, price = self._caller.account, self._service.price
        priced = price.per_1000_rows > 0 or price.per_request > 0
        return {
            "rows": account.rows,
            "rows_from_cache": self._from_cache,
            "requests": account.requests,
            "retries": account.retries,
            "seconds": round(account.seconds, 1),
            "cost": round(account.cost(price), 6) if priced else None,
            "currency": price.currency if priced else None,
        }


def _folder(service: Protocol, environment: Mapping[str, str]) -> Path | None:
    if service.cache is False:
        return None
    return usual_folder(environment) if service.cache is True else Path(service.cache).expanduser()


def _columns(named: Sequence[Any]) -> tuple[Column, ...]:
    columns = []
    for each in named:
        match each:
            case [str() as name, str() as kind] if kind in KINDS and len(name) <= _LONGEST_NAME:
                columns.append(Column(name, kind))
            case _:
                raise ValueError("no columns")
    if not 1 <= len(columns) <= _MOST_COLUMNS:
        raise ValueError("too many columns, or none")
    return tuple(columns)


def _is_cell(cell: object) -> bool:
    if isinstance(cell, str):
        return len(cell) <= _LONGEST_CELL
    return cell is None or isinstance(cell, bool | int | float)


def _asks_too_much(rows: int) -> LimitExceeded:
    return LimitExceeded(
        "service_rows",
        f"The audit wants to know more than the {rows:,} rows that the service may be asked about.",
        hint="Raise limits.rows in the settings, or limits.cost where that is what holds it back.",
    )


def _stopped() -> AuditFailed:
    return AuditFailed(
        "cancelled", "The audit was called off before its end.", hint="Start it again when it is wanted."
    )


def _unexpected(kind: str) -> AuditFailed:
    return AuditFailed(
        "broker",
        f"The broker met a situation that it was not written for ({kind}).",
        hint="Report it with the protocol and the kind of the service.",
    )
