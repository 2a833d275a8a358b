"""The broker and whoever is in the sandbox: what may be asked, and what nobody can make it do."""

from __future__ import annotations

import logging
import os
import socket
import struct
import threading
import traceback
from contextlib import ExitStack

import numpy as np
import pytest
from service_faults import Says, redirected
from service_protocols import MLflow
from services import serving

from leakgauge.endpoints.broker import Broker
from leakgauge.endpoints.reading import read_endpoint
from leakgauge.socket_messages import read_message, write_message

SECRET = "s3cr3t-value-0123456789"


def halves(rows):
    return np.full((len(rows), 2), 0.5)


class Sandbox:
    """The other end of the socket."""

    def __init__(self, broker):
        self.own, theirs = socket.socketpair()
        broker.attach(theirs)

    def says(self, message):
        write_message(self.own.fileno(), message)
        return read_message(self.own.fileno())

    def names(self, *columns):
        return self.says({"columns": [[name, "number"] for name in columns]})

    def asks(self, *rows, repeat=0):
        return self.says({"ask": [list(row) for row in rows], "repeat": repeat})

    def account(self):
        return self.says({"account": True})["account"]


@pytest.fixture
def stack():
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def service(stack):
    return stack.enter_context(serving(MLflow(), halves))


@pytest.fixture
def audit(stack, tmp_path):
    """Opens a broker to a service, and gives the sandbox's end."""

    def begun(service, environment=None, **settings):
        kept = {"cache": str(tmp_path / "cache"), "requests": {"retries": 0}}
        endpoint = read_endpoint({"protocol": "mlflow", "url": service.url, **kept, **settings})
        broker = stack.enter_context(Broker(endpoint, environment or {}))
        sandbox = Sandbox(broker)
        stack.callback(sandbox.own.close)
        return sandbox

    return begun


def test_rows_are_answered_and_counted(service, audit):
    sandbox = audit(service, price={"per_1000_rows": 10.0})
    sandbox.names("a", "b")
    assert sandbox.asks((1, 2), (3, 4)) == {"answers": [[0.5, 0.5]] * 2, "left": 9_998}
    assert service.rows == [(1, 2), (3, 4)]
    found = sandbox.account()
    assert (found["rows"], found["requests"], found["retries"]) == (2, 1, 0)
    assert (found["cost"], found["currency"], found["rows_from_cache"]) == (0.02, "USD", 0)


def test_no_row_is_asked_twice_but_for_a_repeat(service, audit):
    sandbox = audit(service)
    sandbox.names("a")
    sandbox.asks((1,), (2,), (1,))
    assert sandbox.asks((2,), (3,))["left"] == 9_997
    assert service.rows == [(1,), (2,), (3,)]
    sandbox.asks((1,), repeat=1)
    assert service.rows[3:] == [(1,)]


@pytest.mark.parametrize("settings", [{}, {"cache": False}])
def test_a_second_audit_goes_on_where_the_first_one_stopped(service, audit, settings):
    first = audit(service, **settings)
    first.names("a")
    first.asks((1,), (2,))
    second = audit(service, **settings)
    second.names("a")
    assert second.asks((1,), (2,), (3,))["left"] == 9_997
    kept = 0 if settings else 2
    found = second.account()
    assert (found["rows"], found["rows_from_cache"]) == (3 - kept, kept)
    assert len(service.rows) == 5 - kept


def test_what_was_answered_before_a_failure_is_kept(stack, audit):
    failing = stack.enter_context(serving(MLflow(), halves, Says(500, at=[2])))
    sandbox = audit(failing, requests={"rows": 2, "retries": 0})
    sandbox.names("a")
    rows = [(number,) for number in range(8)]
    assert sandbox.asks(*rows)["error"]["code"] == "service.error"
    assert sandbox.asks(*rows)["answers"] == [[0.5, 0.5]] * 8
    assert sorted(failing.rows) == rows


def test_the_cap_on_rows_is_a_wall(service, audit):
    sandbox = audit(service, limits={"rows": 5})
    sandbox.names("a")
    assert sandbox.asks(*[(number,) for number in range(6)])["error"]["code"] == "limit_exceeded.service_rows"
    assert service.rows == []
    assert sandbox.asks(*[(number,) for number in range(5)])["left"] == 0
    assert "error" in sandbox.asks((5,))
    assert "error" in sandbox.asks((0,), repeat=1)
    assert "answers" in sandbox.asks((0,), (4,))  # asked before: costs nothing
    assert len(service.rows) == 5


def raw(body):
    return struct.pack("!I", len(body)) + body


@pytest.mark.parametrize(
    "message",
    [
        raw(b"no json"),
        raw(b"[]"),
        raw(b'{"ask": [[1]]}'),
        raw(b'{"ask": [[1]], "repeat": 0, "url": "http://elsewhere"}'),
        raw(b'{"ask": [[1, 2]], "repeat": 0}'),
        raw(b'{"ask": [], "repeat": 0}'),
        raw(b'{"ask": [[{"a": 1}]], "repeat": 0}'),
        raw(b'{"ask": [[[1]]], "repeat": 0}'),
        raw(b'{"ask": [[NaN]], "repeat": 0}'),
        raw(b'{"ask": [[1e999]], "repeat": 0}'),
        raw(b'{"ask": [[1]], "repeat": 99}'),
        raw(b'{"ask": [[1]], "repeat": -1}'),
        raw(b'{"ask": [["' + b"x" * 200_000 + b'"]], "repeat": 0}'),
        raw(b'{"ask": [' + b"[1]," * 20_000 + b'[1]], "repeat": 0}'),
        raw(b'{"columns": [["b", "number"]]}'),  # a second time
        raw(b'{"account": true, "reset": true}'),
        raw(b'{"send": "http://elsewhere"}'),
        struct.pack("!I", 2**32 - 1),
    ],
)
def test_a_message_that_no_audit_sends_ends_the_conversation(service, audit, message):
    sandbox = audit(service)
    sandbox.names("a")
    sandbox.own.sendall(message)
    assert sandbox.own.recv(1) == b""
    assert service.rows == []


@pytest.mark.parametrize(
    "columns",
    [[], [["a"]], [["a", "secret"]], [["x" * 2_000, "number"]], [[1, "number"]], [["a", "number"]] * 10_001],
)
def test_columns_that_no_table_has_end_the_conversation(service, audit, columns):
    assert audit(service).says({"columns": columns}) is None


def test_rows_without_columns_and_without_an_image_shape_are_none(service, audit):
    assert audit(service).asks((1,)) is None
    assert service.rows == []


@pytest.mark.parametrize(
    "fault",
    [
        Says(401, body=SECRET.encode()),
        Says(500, body=f"Bearer {SECRET}".encode()),
        Says(200, body=SECRET.encode()),
        redirected(f"http://127.0.0.1:9/?t={SECRET}"),
    ],
)
def test_a_secret_is_in_no_error_log_traceback_cache_or_account(stack, audit, fault, caplog, tmp_path, capfd):
    # the service repeats what it was sent
    echoing = stack.enter_context(serving(MLflow(), halves, fault))
    caplog.set_level(logging.DEBUG)
    credentials = [{"variable": "MODEL_TOKEN", "prefix": "Bearer "}]
    sandbox = audit(echoing, {"MODEL_TOKEN": SECRET}, credentials=credentials)
    sandbox.names("a")
    reply = sandbox.asks((1,))
    assert echoing.headers[-1]["Authorization"] == f"Bearer {SECRET}"
    shown = f"{reply} {sandbox.account()} {caplog.text} {capfd.readouterr()}"
    kept = b"".join(file.read_bytes() for file in (tmp_path / "cache").iterdir())
    assert SECRET not in shown + kept.decode("latin-1")
    assert "error" in reply


def test_a_fault_of_our_own_shows_no_secret_either(service, audit, monkeypatch):
    def fails(self, request):
        raise RuntimeError(f"headers {self._secrets['Authorization']}")

    monkeypatch.setattr("leakgauge.endpoints.transport.HttpTransport.send", fails)
    sandbox = audit(service, {"MODEL_TOKEN": SECRET}, credentials=[{"variable": "MODEL_TOKEN"}])
    sandbox.names("a")
    error = sandbox.asks((1,))
    assert error["error"]["code"] == "audit_failed.broker"
    assert SECRET not in str(error)


def test_a_sandbox_that_goes_away_leaves_the_broker_in_order(service, audit):
    sandbox = audit(service)
    sandbox.names("a")
    os.write(sandbox.own.fileno(), raw(b'{"ask": [[1]], "repeat": 0}')[:9])
    sandbox.own.close()
    other = audit(service)
    other.names("a")
    assert "answers" in other.asks((1,))


def test_an_audit_that_ends_does_not_wait_for_a_service_that_does_not_answer(service, tmp_path):
    service.hold_at = 0
    endpoint = read_endpoint({"protocol": "mlflow", "url": service.url, "cache": False})
    before = set(threading.enumerate())
    with Broker(endpoint, {}) as broker:
        sandbox = Sandbox(broker)
        (serving,) = (one for one in set(threading.enumerate()) - before if one.name == "broker")
        sandbox.names("a")
        write_message(sandbox.own.fileno(), {"ask": [[1]], "repeat": 0})
        assert service.held.wait(20)
    sandbox.own.close()
    assert not serving.is_alive()


def test_a_proxy_that_is_none_is_told(service, monkeypatch):
    monkeypatch.setenv("http_proxy", f"socks9://user:{SECRET}@127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(Exception, match="proxy") as caught:
        Broker(read_endpoint({"protocol": "mlflow", "url": service.url, "cache": False}), {})
    assert SECRET not in "".join(traceback.format_exception(caught.value))
