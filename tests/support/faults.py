"""What can go wrong around a running service, one function each.

Each does its damage once, says by assertion what the callers must have seen, and returns. Whoever
calls it asks `sound` before, since a fork server that is still starting has other children than
audits, and after: nothing left behind, and the next request is served.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import stat
import threading
import time
from functools import partial
from pathlib import Path

import served as support
from callers import connected, connections
from served import InBackground, children_of, processes_naming

wait_until = partial(support.wait_until, seconds=40.0)

REQUEST = b"POST /invocations HTTP/1.1\r\nHost: x\r\n"


def sound(server):
    """No audit runs, no file of one is left, one worker and one fork server live, a request is served."""
    wait_until(lambda: serves(server))
    wait_until(lambda: server.audits() == [])
    wait_until(lambda: private_folders(server) == [])
    workers = children_of(server.process.pid)
    assert len(workers) == 1, workers
    assert len(children_of(workers[0])) == 1
    assert len(workspaces(server)) == 1


def serves(server):
    with contextlib.suppress(OSError, http.client.HTTPException):
        return server.invoke(Accept="application/json").status == 200
    return False


def under_way(server):
    """Whether one audit runs and is locked down; before that, its fork server has not yet said that
    it began, and whoever kills that one then only sends the job to the next."""
    audits = server.audits()
    with contextlib.suppress(OSError):
        return len(audits) == 1 and "Seccomp:\t2" in Path(f"/proc/{audits[0]}/status").read_text()
    return False


def workspaces(server):
    return list(server.temporary.glob("leakgauge-sandbox-*"))


def private_folders(server):
    found = []
    for workspace in workspaces(server):
        with contextlib.suppress(FileNotFoundError), listable(workspace):
            found += [path for path in workspace.iterdir() if len(path.name) == 32]
    return found


@contextlib.contextmanager
def listable(workspace):
    """A workspace hides what lies in it from its owner too, who is root only sometimes."""
    hidden = workspace.stat().st_mode
    workspace.chmod(hidden | stat.S_IRUSR)
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            workspace.chmod(hidden)


def kill_child(server):
    request = InBackground(server, b"sleep ")
    wait_until(lambda: under_way(server))
    os.kill(server.audits()[0], signal.SIGKILL)
    reply = request.ended()
    assert (reply.status, reply.code) == (500, "audit_failed.child_died")


def kill_fork_server(server):
    request = InBackground(server, b"sleep ")
    wait_until(lambda: under_way(server))
    (child,) = server.audits()
    os.kill(children_of(server.worker)[0], signal.SIGKILL)
    reply = request.ended()
    assert (reply.status, reply.code) == (500, "audit_failed.server_died")
    wait_until(lambda: not alive(child))


def kill_fork_server_between_requests(server):
    os.kill(children_of(server.worker)[0], signal.SIGKILL)
    assert server.invoke().status == 200


def kill_worker(server):
    request = InBackground(server, b"ignore_termination ")
    wait_until(lambda: under_way(server))
    worker = server.worker
    family = [worker, *children_of(worker), *server.audits()]
    os.kill(worker, signal.SIGKILL)
    assert request.broke_off()
    wait_until(lambda: not any(map(alive, family)))


def kill_worker_and_fork_server(server):
    """Nobody is left to clean up: the next worker does."""
    request = InBackground(server, b"sleep ")
    wait_until(lambda: under_way(server))
    worker = server.worker
    os.kill(worker, signal.SIGSTOP)  # lest it answers between one kill and the next
    family = [*children_of(worker), worker]
    for pid in family:
        os.kill(pid, signal.SIGKILL)
    assert request.broke_off()
    wait_until(lambda: not any(map(alive, family)))


def out_of_memory(server):
    reply = server.invoke(b"allocate ")
    assert (reply.status, reply.code) == (413, "limit_exceeded.memory")


def too_many_threads(server):
    reply = server.invoke(b"start_threads ")
    assert reply.code in ("limit_exceeded.tasks", "bad_bundle.refused")


def endless_child(server):
    """A child that ignores SIGTERM and all else that it may ignore."""
    reply = server.invoke(b"ignore_termination ", X_Amzn_SageMaker_Custom_Attributes="timeout=0.3")
    assert (reply.status, reply.code) == (504, "audit_timeout.wall_clock")


def disk_full_in_the_child(server):
    reply = server.invoke(b"huge_file ")
    assert (reply.status, reply.code) == (413, "limit_exceeded.disk")


def disk_full_in_an_upload(server):
    """For a server whose temporary folder is small; see `TINY`."""
    reply = server.invoke(b"echo " + bytes(TINY))
    assert (reply.status, reply.code) == (413, "limit_exceeded.disk")


def slow_upload(server):
    with connected(server, REQUEST + b"Accept: application/json\r\nContent-Length: 12\r\n\r\n") as connection:
        for byte in b"echo slowly.":
            time.sleep(0.02)
            connection.sendall(bytes([byte]))
        assert connection.recv(4_096).startswith(b"HTTP/1.1 200 ")


def truncated_upload(server):
    with connected(server, REQUEST + b"Content-Length: 1000\r\n\r\necho ") as connection:
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(4_096).startswith(b"HTTP/1.1 400 ")


def sender_that_vanishes(server):
    with connected(server, REQUEST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nech"):
        pass


def slow_callers(server):
    """Connections, heads and bodies that wait, more of each than there are threads."""
    body = REQUEST + b"Content-Length: 1000000\r\n\r\nPK"
    with (
        connections(server, 24, b""),
        connections(server, 24, REQUEST),
        connections(server, 24, body),
    ):
        assert server.send("GET", "/ping").status == 200
        assert server.invoke(Accept="application/json").status == 200


def hang_up(server):
    with connected(server, REQUEST + b"Content-Length: 6\r\n\r\nsleep "):
        wait_until(lambda: under_way(server))


def a_hundred_clients(server):
    """All at once: each is served or asked to come back, and /ping is answered meanwhile."""
    replies = []

    def ask():
        try:
            reply = server.invoke(Accept="application/json")
        except OSError as error:
            replies.append(repr(error))
        else:
            busy = reply.status == 503 and int(reply.headers["Retry-After"]) > 0
            replies.append("served" if reply.status == 200 else "busy" if busy else str(reply.status))

    threads = [threading.Thread(target=ask) for _ in range(100)]
    for thread in threads:
        thread.start()
    assert server.send("GET", "/ping").status == 200
    for thread in threads:
        thread.join()
    assert len(replies) == 100
    assert set(replies) <= {"served", "busy"}, replies
    assert "served" in replies


def clock_jumps(server):
    """For a server of `served_app:build_with_a_jumping_clock`: hours forth and back during audits."""
    assert server.send("POST", "/jump?seconds=86400").status == 200
    request = InBackground(server, b"nap ", Accept="application/json")
    assert server.send("POST", "/jump?seconds=-172800").status == 200
    assert request.ended().status == 200
    late = server.invoke(b"sleep ", X_Amzn_SageMaker_Custom_Attributes="timeout=0.3")
    assert late.status == 504
    assert server.send("POST", "/jump?seconds=86400").status == 200


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return b") Z " not in Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False


TINY = 2 << 20
"""Bytes of the temporary folder of a server that runs out of disk."""

EVERYWHERE = (
    *(kill_child, kill_fork_server, kill_fork_server_between_requests, kill_worker),
    *(kill_worker_and_fork_server, out_of_memory, too_many_threads, endless_child),
    *(slow_upload, truncated_upload, sender_that_vanishes, slow_callers, hang_up, a_hundred_clients),
)
"""Faults that any server can be put to."""

ENVIRONMENT = {"LEAKGAUGE_DATA_BYTES": str(64 << 20), "LEAKGAUGE_FILE_BYTES": str(8 << 20)}
"""What such a server is started with, so that a child soon reaches its limits."""


def kill_master(server):
    """Ends the server; who is being served still is, then nothing of it may be left."""
    request = InBackground(server, b"nap ", Accept="application/json")
    wait_until(lambda: under_way(server))
    server.process.kill()
    server.process.wait()
    assert request.ended().status == 200
    wait_until(lambda: processes_naming(str(server.temporary)) == [])
    wait_until(lambda: list(server.temporary.iterdir()) == [])


def terminate_in_an_audit(server):
    """Ends the server: SIGTERM while an audit runs that does not end by itself. Seconds until the end."""
    request = InBackground(server, b"ignore_termination ")
    wait_until(lambda: under_way(server))
    begun = time.monotonic()
    server.process.terminate()
    assert server.process.wait(60) == 0
    seconds = time.monotonic() - begun
    reply = request.ended()
    assert (reply.status, reply.code) == (503, "busy.shutting_down")
    wait_until(lambda: server.left_over() == ([], []))
    assert seconds < 30
    return seconds
