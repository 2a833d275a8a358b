"""The contract with SageMaker, over a real gunicorn started as a container starts it."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import time
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
from callers import UPLOAD, code_of, connected, everything
from served import (
    PATIENCE,
    ZIP,
    InBackground,
    Server,
    running,
    wait_until,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("server"), SAGEMAKER_MAX_PAYLOAD_IN_MB="5") as up:
        yield up


# --- what SageMaker asks -------------------------------------------------------------------------


def test_ping_has_an_empty_body(server):
    reply = server.send("GET", "/ping")
    assert (reply.status, reply.body) == (200, b"")


def test_execution_parameters_keep_to_the_rule_for_payloads(server):
    reply = server.send("GET", "/execution-parameters")
    assert reply.json == {"MaxConcurrentTransforms": 2, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 5}


@pytest.mark.parametrize("path", ["/ping", "/execution-parameters"])
def test_head_and_options(server, path):
    head = server.send("HEAD", path)
    assert (head.status, head.body) == (200, b"")
    assert "GET" in server.send("OPTIONS", path).headers["Allow"]


def test_options_of_invocations(server):
    assert "POST" in server.send("OPTIONS", "/invocations").headers["Allow"]


# --- forms of the answer ---------------------------------------------------------------------------


def test_json_twice_the_same_bytes(server):
    first, second = (server.invoke(Accept="application/json") for _ in range(2))
    assert first.status == 200
    assert first.headers["Content-Type"] == "application/json"
    assert first.json["size"] == 5
    assert first.json["only"] == "membership"
    assert first.body == second.body


@pytest.mark.parametrize("accept", [{}, {"Accept": "*/*"}, {"Accept": "application/*;q=0.5, text/csv;q=0"}])
def test_the_whole_folder_as_a_zip_is_the_default(server, accept):
    first, second = (server.invoke(**accept) for _ in range(2))
    assert first.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(first.body)) as archive:
        assert archive.namelist() == ["output.csv", "report.html", "report.json"]
    assert first.body == second.body


@pytest.mark.parametrize(
    ("accept", "content_type", "beginning"),
    [
        ("text/csv", "text/csv; charset=utf-8", b"a,b\n"),
        ("text/html", "text/html; charset=utf-8", b"<!doctype html>"),
        ("text/csv;q=0.1, text/html;q=0.9", "text/html; charset=utf-8", b"<!doctype html>"),
        ("image/png, text/*", "text/csv; charset=utf-8", b"a,b\n"),
    ],
)
def test_accept_picks_the_form(server, accept, content_type, beginning):
    reply = server.invoke(Accept=accept)
    assert reply.headers["Content-Type"] == content_type
    assert reply.body.startswith(beginning)


def test_what_nobody_offers_is_not_acceptable(server):
    reply = server.invoke(Accept="image/png")
    assert (reply.status, reply.code) == (406, "http.not_acceptable")


# --- what comes in ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content_type", ["application/zip", "application/x-zip-compressed", "application/octet-stream; x=y"]
)
def test_types_of_a_zip_are_taken(server, content_type):
    assert server.invoke(Content_Type=content_type).status == 200


def test_a_missing_type_is_taken(server):
    assert server.send("POST", "/invocations", body=b"echo ").status == 200


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "text/csv", "multipart/form-data"],
)
def test_other_types_are_refused(server, content_type):
    reply = server.invoke(Content_Type=content_type)
    assert (reply.status, reply.code) == (415, "http.unsupported_media_type")


def test_chunked_upload_without_a_length(server):
    reply = server.send(
        "POST",
        "/invocations",
        body=iter([b"echo ", b"x" * 70_000, b"y" * 70_000]),
        headers=ZIP | {"Accept": "application/json", "Transfer-Encoding": "chunked"},
        encode_chunked=True,
    )
    assert reply.json["size"] == 140_005


def test_a_body_that_announces_itself_as_too_large_is_refused_unread(server):
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)) as connection:
        connection.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n")
        assert connection.recv(4_096).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_sender_that_sends_too_much_hears_so(server, chunked):
    size = 5 * (1 << 20) + 1
    body = iter([b"x" * size]) if chunked else b"x" * size
    headers = ZIP | ({"Transfer-Encoding": "chunked"} if chunked else {})
    reply = server.send("POST", "/invocations", body=body, headers=headers, encode_chunked=chunked)
    assert (reply.status, reply.code) == (413, "limit_exceeded.payload")
    assert server.invoke(b"echo " + b"x" * (size - 6)).status == 200


@pytest.mark.parametrize("too_many", [1, 500, 1_023, 1_024, 1_025, 100_000])
def test_chunks_that_pause_after_too_much_are_too_much(server, too_many):
    size = 5 * (1 << 20) + too_many
    head = UPLOAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % size
    with connected(server, head + b"x" * size) as connection:
        time.sleep(0.1)
        connection.sendall(b"\r\n0\r\n\r\n")
        answer = everything(connection)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert code_of(answer) == "limit_exceeded.payload"


def test_an_empty_body_has_its_own_error(server):
    reply = server.invoke(b"")
    assert (reply.status, reply.code) == (400, "bad_bundle.empty_body")


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 1000\r\n\r\nabc",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\nab",
    ],
)
def test_an_upload_that_ends_early_or_is_garbled_is_the_senders_fault(server, rest):
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)) as connection:
        connection.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\n" + rest)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(4_096).startswith(b"HTTP/1.1 400 ")
    assert json.loads(server.lines()[-2])["code"] == "bad_bundle.truncated_upload"


# --- headers ---------------------------------------------------------------------------------------


def test_the_layers_in_force_are_told_in_a_header_and_in_the_log(server):
    reply = server.invoke(X_Request_Id="layers")
    layers = reply.headers["X-Leakgauge-Sandbox"].split(", ")
    assert {"limits", "no_new_privileges", "seccomp"} <= set(layers)
    (ended,) = [
        json.loads(line)
        for line in server.lines()
        if '"request_id": "layers"' in line and '"audit ends"' in line
    ]
    assert ended["layers"] == layers


def test_a_caller_in_a_hurry_gets_a_smaller_audit(server):
    attributes = {"X_Amzn_SageMaker_Custom_Attributes": "timeout=50"}
    reply = server.invoke(Accept="application/json", **attributes)
    assert reply.json["time_budget"] == 35.0
    late = server.invoke(b"sleep ", X_Amzn_SageMaker_Custom_Attributes="timeout=0.5")
    assert (late.status, late.code) == (504, "audit_timeout.wall_clock")
    wrong = server.invoke(X_Amzn_SageMaker_Custom_Attributes="timeout=soon")
    assert (wrong.status, wrong.code) == (422, "bad_parameters.timeout")


def test_who_hangs_up_stops_the_audit(server):
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)) as connection:
        connection.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nsleep ")
        wait_until(lambda: any('"audit begins"' in line and '"bytes": 6' in line for line in server.lines()))
        wait_until(lambda: len(server.audits()) == 1)
    wait_until(lambda: server.audits() == [])
    wait_until(lambda: any('"status": 499' in line for line in server.lines()))


def test_custom_attributes_are_echoed_without_what_could_do_harm(server):
    reply = server.invoke(X_Amzn_SageMaker_Custom_Attributes="trace=7; \tname=\xe9" + "x" * 2_000)
    echoed = reply.headers["X-Amzn-SageMaker-Custom-Attributes"]
    assert echoed.startswith("trace=7; name=x")
    assert len(echoed) == 1_024


def test_custom_attributes_are_echoed_with_errors_too(server):
    reply = server.invoke(b"", X_Amzn_SageMaker_Custom_Attributes="a=b")
    assert reply.headers["X-Amzn-SageMaker-Custom-Attributes"] == "a=b"


def test_a_sane_request_id_is_taken_over_and_stands_in_the_log(server):
    reply = server.invoke(X_Request_Id="request-4711")
    assert reply.headers["X-Request-Id"] == "request-4711"
    logged = [json.loads(line) for line in server.lines() if "request-4711" in line]
    assert {"audit begins", "audit ends", "request"} <= {line["event"] for line in logged}


@pytest.mark.parametrize("offered", ["x" * 65, "a b", "<script>"])
def test_other_request_ids_are_replaced(server, offered):
    assert re.fullmatch(r"[0-9a-f]{32}", server.invoke(X_Request_Id=offered).headers["X-Request-Id"])


# --- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "http.not_found"),
        ("POST", "/invocations/", 404, "http.not_found"),
        ("GET", "/invocations", 405, "http.method_not_allowed"),
        ("DELETE", "/ping", 405, "http.method_not_allowed"),
    ],
)
def test_errors_of_http_have_the_one_form(server, method, path, status, code):
    reply = server.send(method, path)
    assert (reply.status, reply.code) == (status, code)
    assert set(reply.json["error"]) == {"code", "message", "hint", "details"}
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["X-Request-Id"]
    assert (reply.headers["Allow"] is not None) == (status == 405)


@pytest.mark.parametrize(
    ("runner", "status", "code"),
    [
        ("refuse", 400, "bad_bundle.not_a_zip"),
        ("segfault", 500, "audit_failed.child_died"),
        ("segfault_of_the_model", 422, "unsafe_model.ended_the_process"),
        ("thousand_huge_numbers", 500, "audit_failed.child_misbehaved"),
        ("unknown_layers", 500, "audit_failed.child_misbehaved"),
        ("busy", 500, "audit_failed.child_misbehaved"),
        ("garbage_events", 500, "audit_failed.child_misbehaved"),
        ("leave_nothing", 500, "audit_failed.untrusted_output"),
    ],
)
def test_errors_of_the_tree_keep_their_status(server, runner, status, code):
    reply = server.invoke(runner.encode() + b" ")
    assert (reply.status, reply.code) == (status, code)


def test_an_unexpected_error_tells_an_id_and_no_more(server):
    reply = server.invoke(b"crash_with_a_secret ")
    assert (reply.status, reply.code) == (500, "audit_failed.unexpected")
    identifier = reply.json["error"]["details"]["id"]
    assert any(identifier in line and "builtins.KeyError" in line for line in server.lines())
    assert b"Alice" not in reply.body
    assert "Alice" not in server.log.read_text()


def test_a_bug_of_the_service_itself_is_told_the_same_way(server):
    reply = server.send("GET", "/bug")
    assert (reply.status, reply.code) == (500, "audit_failed.unexpected")
    assert any(reply.json["error"]["details"]["id"] in line for line in server.lines())
    assert "Alice" not in reply.body.decode() + server.log.read_text()


def test_a_hundred_bodies_of_garbage(server):
    for number in range(100):
        reply = server.invoke(bytes((number * 37 + position * 11) % 256 for position in range(1 + number)))
        assert (reply.status, reply.code) == (400, "bad_bundle.not_a_zip")
    assert server.invoke().status == 200


# --- under load and under fire -----------------------------------------------------------------------


def test_ping_is_answered_while_every_slot_spins(tmp_path):
    with running(tmp_path, SAGEMAKER_MODEL_SERVER_TIMEOUT="3") as server:
        busy = [InBackground(server, b"spin ") for _ in range(2)]
        seconds = []
        for _ in range(40):
            begun = time.monotonic()
            assert server.send("GET", "/ping").status == 200
            seconds.append(time.monotonic() - begun)
        for request in busy:
            reply = request.ended()
            assert (reply.status, reply.code) == (504, "audit_timeout.wall_clock")
    assert max(seconds) < 2.0  # where SageMaker gives up


def test_beyond_the_queue_a_sender_is_asked_to_come_back(tmp_path):
    with running(
        tmp_path, LEAKGAUGE_SLOTS="1", LEAKGAUGE_QUEUE="0", SAGEMAKER_MODEL_SERVER_TIMEOUT="2"
    ) as server:
        busy = InBackground(server, b"sleep ")
        reply = server.invoke()
        assert (reply.status, reply.code) == (503, "busy.queue_full")
        assert int(reply.headers["Retry-After"]) > 0
        assert busy.ended().status == 504
        assert server.invoke().status == 200


def test_sigterm_ends_an_audit_cleanly(tmp_path):
    with running(tmp_path) as server:
        request = InBackground(server, b"ignore_termination ")
        begun = time.monotonic()
        server.process.terminate()
        assert server.process.wait(PATIENCE) == 0
        assert time.monotonic() - begun < 30  # when SageMaker kills it
        reply = request.ended()
        assert (reply.status, reply.code) == (503, "busy.shutting_down")


def test_sigterm_lets_a_short_audit_finish(tmp_path):
    with running(tmp_path, LEAKGAUGE_STOP_SECONDS="20") as server:
        request = InBackground(server, b"nap ", Accept="application/json")
        server.process.terminate()
        assert request.ended().status == 200
        assert server.process.wait(PATIENCE) == 0


def test_a_killed_worker_is_replaced_and_leaves_nothing(tmp_path):
    with running(tmp_path) as server:
        assert server.invoke().status == 200
        os.kill(server.worker, signal.SIGKILL)
        wait_until(server._answers)
        assert server.invoke().status == 200
        wait_until(lambda: len(list(server.temporary.iterdir())) == 1)


def test_a_killed_master_leaves_nothing(tmp_path):
    server = Server(tmp_path)
    try:
        server.wait_up()
        assert server.invoke().status == 200
        worker = server.worker
    finally:
        server.process.kill()
        server.process.wait()
    wait_until(lambda: server.left_over() == ([], []))
    wait_until(lambda: not Path(f"/proc/{worker}").exists())


def test_libraries_that_cannot_be_imported_end_the_service(tmp_path):
    hollow = tmp_path / "hollow" / "leakgauge"
    hollow.mkdir(parents=True)
    (hollow / "__init__.py").touch()
    server = Server(tmp_path, app="served_app:build_with_a_broken_server()", TEST_HOLLOW=str(hollow.parent))
    try:
        assert server.process.wait(PATIENCE) != 0
    finally:
        server.stop()
    wait_until(lambda: server.left_over() == ([], []))


@pytest.mark.parametrize("environment", [{"LEAKGAUGE_SLOTS": "many"}, {"LEAKGAUGE_AUDIT": "palm-reading"}])
def test_settings_that_cannot_be_read_end_the_service(tmp_path, environment):
    server = Server(tmp_path, app="leakgauge.service.app:from_environment()", **environment)
    try:
        assert server.process.wait(PATIENCE) != 0
    finally:
        server.stop()


def test_the_service_process_holds_no_framework(server):
    assert server.invoke(Accept="application/json").status == 200
    imported = server.send("GET", "/imported").json
    assert "flask" in imported
    assert not {"torch", "tensorflow", "keras", "sklearn", "pandas", "pyarrow"} & set(imported)


def test_every_line_of_the_log_is_json(server):
    server.send("GET", "/nowhere")
    for line in server.lines():
        assert "event" in json.loads(line)
