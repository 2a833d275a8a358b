"""One request, sent and answered once: over HTTP, to one address, within a time and a size.

A redirect is not followed, since it would lead elsewhere; a packed answer is not unpacked, since it could be
of any size; and an answer that comes in drops is cut off when the time of the whole has passed.
"""

from __future__ import annotations

import contextlib
import importlib
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, TypeAlias
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from leakgauge.endpoints.credentials import Secrets
from leakgauge.errors import BadParameters

MOST_BYTES: Final = 32 << 20
"""Of an answer."""
_CHUNK = 64 << 10

_JSON: Final[Mapping[str, str]] = {"Content-Type": "application/json", "Accept": "application/json"}

Trouble: TypeAlias = Literal["unreachable", "certificate", "timeout", "broken", "too_large", "packed"]
"""Why no answer came: of the first two no request was sent, of the others it may have been worked on."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; of HTTP unless the protocol sends it in a way of its own."""

    body: bytes
    url: str = ""
    method: Literal["GET", "POST"] = "POST"
    headers: Mapping[str, str] = field(default_factory=lambda: _JSON)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whatever its status; names of headers are in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class NoReplyError(Exception):
    """No whole answer came, for the reason in `kind`."""

    def __init__(self, kind: Trouble) -> None:
        super().__init__(kind)
        self.kind: Trouble = kind


class Transport(Protocol):
    """Sends a request once."""

    def send(self, request: Request) -> Reply:
        """The reply, of whatever status.

        Raises
        ------
        NoReplyError
            where there is none.
        """

    def stop(self) -> None:
        """Cut off what is waited for, from another thread; nothing is sent after that."""


class HttpTransport:
    """HTTP to one address.

    Parameters
    ----------
    url
        of the service.
    headers
        of every request, secrets apart.
    secrets
        further ones.
    timeout
        seconds for a whole answer.
    """

    def __init__(self, url: str, headers: Mapping[str, str], secrets: Secrets, *, timeout: float) -> None:
        # imported at first use: it comes with an extra
        self._urllib3: Any = importlib.import_module("urllib3")
        self._origin = urlsplit(url)[:2]
        self._headers = {**headers, "Accept-Encoding": "identity"}
        self._secrets = secrets
        self._timeout = timeout
        self._connection: Any = None
        self._stopped = False
        try:
            self._manager = self._manager_for(url)
        except (self._urllib3.exceptions.HTTPError, ValueError):
            raise _bad_proxy() from None

    def send(self, request: Request) -> Reply:
        """The reply; see `Transport`.

        Raises
        ------
        ValueError
            for a request to another address than the service's.
        """
        if urlsplit(request.url)[:2] != self._origin:
            raise ValueError("a request to another address than the service's")
        errors = self._urllib3.exceptions
        if self._stopped:
            raise NoReplyError("broken")
        ends = time.monotonic() + self._timeout
        try:
            with self._cut_off_in_time():
                return self._answered(request, ends)
        except errors.SSLError:
            raise NoReplyError("certificate") from None
        except (errors.ConnectTimeoutError, errors.NewConnectionError, errors.ProxyError):
            raise NoReplyError("unreachable") from None
        except (errors.HTTPError, OSError, ValueError) as error:
            late = isinstance(error, errors.ReadTimeoutError | TimeoutError) or time.monotonic() >= ends
            raise NoReplyError("timeout" if late else "broken") from None

    def _answered(self, request: Request, ends: float) -> Reply:
        response = self._manager.request(
            request.method,
            request.url,
            body=request.body or None,
            headers={**self._headers, **request.headers, **self._secrets},
            timeout=self._timeout,
            redirect=False,
            retries=False,
            preload_content=False,
            decode_content=False,
        )
        try:
            headers = {str(name).lower(): str(value) for name, value in response.headers.items()}
            if headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
                raise NoReplyError("packed")
            body = b"".join(_pieces(response, ends))
        except BaseException:
            response.close()  # what is left of it is not wanted, and nothing follows on this connection
            raise
        response.release_conn()
        return Reply(response.status, body, headers)

    @contextlib.contextmanager
    def _cut_off_in_time(self) -> Iterator[None]:
        """Close the connection when the time is up, whatever is waited for.

        The library's own time is that between two bytes.
        """
        timer = threading.Timer(self._timeout, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def stop(self) -> None:
        """Cut off what is waited for; see `Transport`."""
        self._stopped = True
        self._cut()

    def _cut(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            self._connection.sock.shutdown(socket.SHUT_RDWR)

    def _manager_for(self, url: str) -> Any:
        scheme, host = self._origin[0], urlsplit(url).hostname or ""
        proxies = getproxies()
        proxy = None if proxy_bypass(host) else proxies.get(scheme, proxies.get("all"))
        options: dict[str, Any] = {"num_pools": 1, "maxsize": 1}
        if proxy is None:
            manager = self._urllib3.PoolManager(**options)
        else:
            known = urlsplit(proxy)
            if known.username is not None:
                user = f"{unquote(known.username)}:{unquote(known.password or '')}"
                options["proxy_headers"] = self._urllib3.make_headers(proxy_basic_auth=user)
            manager = self._urllib3.ProxyManager(proxy, **options)
        manager.pool_classes_by_scheme = {
            name: self._remembering(kind) for name, kind in manager.pool_classes_by_scheme.items()
        }
        return manager

    def _remembering(self, pool: Any) -> Any:
        """A pool whose connections can be cut off from outside."""
        transport = self

        class Connection(pool.ConnectionCls):  # type: ignore[misc]  # a class that is chosen here
            def connect(self) -> None:
                transport._connection = self
                super().connect()

        return type("Pool", (pool,), {"ConnectionCls": Connection})


def _bad_proxy() -> BadParameters:
    return BadParameters(
        "proxy",
        "The environment names a proxy that is none of HTTP.",
        hint="Set HTTPS_PROXY to the address of an HTTP proxy, unset it (and ALL_PROXY), or name the host of "
        "the service in NO_PROXY.",
    )


def _pieces(response: Any, ends: float) -> Iterator[bytes]:
    size = 0
    while piece := response.read1(_CHUNK):
        size += len(piece)
        if size > MOST_BYTES:
            raise NoReplyError("too_large")
        if time.monotonic() >= ends:
            raise NoReplyError("timeout")
        yield piece
