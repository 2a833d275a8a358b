"""Services that answer for a model on a real port, in the protocols of `service_protocols.py`.

A service writes down every row that it was asked and every header that it was sent. What goes wrong with it
is in `service_faults.py`. `recorded` is the same for a server that is somebody else's: what it is asked goes
through here.
"""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import numpy as np
import urllib3
from flask import Flask, Response, request
from service_faults import Dropped, Fault, Raw
from service_protocols import BadRequestError
from werkzeug.serving import WSGIRequestHandler, make_server

Model = Callable[[list[tuple[Any, ...]]], np.ndarray]
"""Of n rows: (n, k) probabilities."""


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_words: Any) -> None:
        """Nothing: dropped connections are what is wanted."""


class Service:
    """What a service was asked, and what goes wrong with it.

    Attributes
    ----------
    rows
        every row that it was asked for, in order; those of requests that were refused are not among them.
    requests
        of answers, the failed ones too.
    headers
        of each request, those for metadata too.
    metadata_faults
        what goes wrong where it is asked for its metadata.
    held
        set when a request came that is held back; see `hold_at`.
    """

    def __init__(self, protocol: Any, model: Model, *, faults: tuple[Fault, ...] = ()) -> None:
        self.protocol, self.model, self.faults = protocol, model, list(faults)
        self.rows: list[tuple[Any, ...]] = []
        self.requests = 0
        self.headers: list[dict[str, str]] = []
        self.largest_request = 0
        self.url = ""
        self.metadata_faults: list[Fault] = []
        self.hold_at: int | None = None
        self.held, self.released = threading.Event(), threading.Event()
        self._lock = threading.Lock()

    @property
    def infer_url(self) -> str:
        """Where it is asked."""
        return self.url + self.protocol.path

    def times_asked(self) -> Counter[tuple[Any, ...]]:
        """How often each row was asked."""
        return Counter(self.rows)

    def respond(self) -> Response:
        """The response to the request at hand."""
        with self._lock:
            number, self.requests = self.requests, self.requests + 1
        if (refused := self.held_back()) is not None:
            return refused
        for fault in self.faults:
            if (said := fault.instead(number)) is not None:
                return said
            if isinstance(fault, Raw):
                return _raw(fault.said, goes_on=fault.goes_on)
            if isinstance(fault, Dropped) and fault.due(number) and not fault.in_body:
                return _raw(b"")
        body = request.get_data()
        try:
            rows = self.protocol.rows(body, request.content_type or "")
            answers = self.model(rows)
        except (BadRequestError, ValueError, KeyError, TypeError) as error:
            return Response(self.protocol.error(str(error)), status=400, content_type="application/json")
        with self._lock:
            self.rows += rows
            self.largest_request = max(self.largest_request, len(rows))
        return self._answer(answers, body, number)

    def _answer(self, answers: np.ndarray, asked: bytes, number: int) -> Response:
        for fault in self.faults:
            answers = fault.changed(answers)
        content_type, body = self.protocol.answer(answers, asked)
        response = Response(body, content_type=content_type)
        for fault in self.faults:
            if isinstance(fault, Dropped) and fault.due(number) and fault.in_body:
                return _raw(_HEAD % len(body) + body[: len(body) // 2])
            response = fault.spoiled(body, response)
        return response

    def held_back(self) -> Response | None:
        """What is said, once it is released, to the request that would be the first beyond so many rows."""
        if self.hold_at is None or len(self.rows) < self.hold_at:
            return None
        self.held.set()
        self.released.wait()
        return Response(status=503)


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


def _raw(said: bytes, *, goes_on: bool = False) -> Response:
    """Send bytes past the server, and end the connection."""
    connection = request.environ["werkzeug.socket"]
    with suppress(OSError):
        connection.sendall(said)
        while goes_on:
            connection.sendall(said)
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    return Response(status=204)


@contextmanager
def _on_a_port(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _app(service: Service) -> Flask:
    app = Flask("double")

    @app.before_request
    def note() -> None:
        service.headers.append(dict(request.headers))

    @app.post(service.protocol.path)
    def infer() -> Response:
        return service.respond()

    def tell(document: Any) -> Response:
        for fault in service.metadata_faults:
            if (said := fault.instead(0)) is not None:
                return said
        if isinstance(document, str):
            return Response(document, content_type="text/plain")
        return Response(json.dumps(document), content_type="application/json")

    for path, document in service.protocol.documents.items():
        app.add_url_rule(path, path, partial(tell, document))
    return app


@contextmanager
def serving(protocol: Any, model: Model, *faults: Fault) -> Iterator[Service]:
    """A service on a port of its own, until the block ends."""
    service = Service(protocol, model, faults=faults)
    with _on_a_port(_app(service)) as service.url:
        try:
            yield service
        finally:
            service.released.set()


@contextmanager
def recorded(protocol: Any, url: str) -> Iterator[Service]:
    """A service that hands everything to the server at `url`, and writes down the rows on their way there."""
    service = Service(protocol, model=lambda _rows: np.empty(0))
    pool = urllib3.PoolManager(retries=False)
    app = Flask("recorder")

    @app.route("/", defaults={"path": ""}, methods=["GET", "POST"])
    @app.route("/<path:path>", methods=["GET", "POST"])
    def hand_on(path: str) -> Response:
        body = request.get_data()
        service.headers.append(dict(request.headers))
        if f"/{path}" == protocol.path:
            service.requests += 1
            if (refused := service.held_back()) is not None:
                return refused
            service.rows += protocol.rows(body, request.content_type or "")
        kept = {"Content-Type": request.content_type} if request.content_type else {}
        answer = pool.request(request.method, f"{url}/{path}", body=body or None, headers=kept)
        return Response(answer.data, status=answer.status, content_type=answer.headers["Content-Type"])

    with _on_a_port(app) as service.url:
        try:
            yield service
        finally:
            service.released.set()
            pool.clear()
