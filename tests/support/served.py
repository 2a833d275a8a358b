"""A real gunicorn, started as a container starts it, and a client that talks to it."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from dying import with_this_process
from replies import Reply

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0  # a whole audit on a machine that has much else to do
ZIP = {"Content-Type": "application/zip"}


def wait_until(condition, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def processes_naming(text):
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if text.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def children_of(pid):
    """Of all its threads: the kernel tells them thread by thread."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):
            found += [int(word) for word in path.read_text().split()]
    return found


class Server:
    def __init__(self, folder, *, app: str | None = "served_app:build()", under=(), **environment):
        self.temporary = folder / "tmp"
        self.temporary.mkdir(exist_ok=True)
        self.log = folder / "log"
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        paths = (ROOT / "src", ROOT / "tests" / "support")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*under, *with_this_process(sys.executable, ROOT / "serve", *([app] if app else []))],
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONPATH": ":".join(map(str, paths)),
                    "TMPDIR": str(self.temporary),
                    "SAGEMAKER_BIND_TO_PORT": str(self.port),
                    "LEAKGAUGE_SLOTS": "2",
                    "LEAKGAUGE_STOP_SECONDS": "1",
                    **environment,
                },
                stdout=log,
                stderr=log,
                cwd=folder,
            )

    def wait_up(self):
        wait_until(lambda: self.process.poll() is None and self._answers())

    def _answers(self):
        try:
            return self.send("GET", "/ping").status == 200
        except OSError:
            return False

    def connect(self, timeout=PATIENCE):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def send(self, method, path, body=None, headers=(), **settings):
        with closing(self.connect()) as connection:
            connection.request(method, path, body=body, headers=dict(headers), **settings)
            return Reply(connection.getresponse())

    def invoke(self, body=b"echo ", **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send("POST", "/invocations", body=body, headers=ZIP | named)

    @property
    def worker(self):
        (pid,) = children_of(self.process.pid)
        return pid

    def audits(self):
        """Process ids of the audits that run."""
        return [audit for server in children_of(self.worker) for audit in children_of(server)]

    def lines(self):
        return self.log.read_text().splitlines()

    def left_over(self):
        return processes_naming(str(self.temporary)), list(self.temporary.iterdir())

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(PATIENCE)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()


@contextmanager
def running(folder, **settings):
    server = Server(folder, **settings)
    try:
        server.wait_up()
        yield server
    finally:
        code = server.stop()
    assert code == 0, server.log.read_text()
    wait_until(lambda: server.left_over() == ([], []))


class InBackground:
    """A request that is still under way while the test goes on."""

    def __init__(self, server, body, **headers):
        self.reply = None
        self.failure = None

        def work():
            try:
                self.reply = server.invoke(body, **headers)
            except (OSError, http.client.HTTPException) as failure:
                self.failure = failure

        before = self._begun(server)
        self._thread = threading.Thread(target=work)
        self._thread.start()
        wait_until(lambda: self._begun(server) > before or not self._thread.is_alive())
        told = self.failure or (self.reply and self.reply.body)
        assert self._begun(server) > before, f"no audit began: {told!r}"

    @staticmethod
    def _begun(server):
        return len([line for line in server.lines() if "audit begins" in line])

    def ended(self):
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        assert self.failure is None, repr(self.failure)
        return self.reply

    def broke_off(self):
        """Whether the connection ended without a reply."""
        self._thread.join(PATIENCE)
        return self.failure is not None
