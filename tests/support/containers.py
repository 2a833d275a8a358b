"""Containers as SageMaker starts them, and clients that talk to them."""

from __future__ import annotations

import http.client
import io
import json
import os
import subprocess
import time
import uuid
import zipfile
from contextlib import closing, contextmanager
from pathlib import Path

from replies import Reply

ROOT = Path(__file__).parents[2]
DOCKER = os.environ.get("DOCKER", "/usr/bin/docker")
KINDS = ("membership", "inversion")
SAMPLES = {kind: ROOT / "sample-input" / f"{kind}.zip" for kind in KINDS}
QUICK = {
    "membership": {"attacks": ["gap", "loss"], "proportions": [50]},
    "inversion": {"iterations": [20], "seeds": 1},
}
"""Parameters of an audit that ends soon."""
PATIENCE = 240.0
"""Seconds until a container must be healthy: as many as SageMaker grants."""
ZIP = {"Content-Type": "application/zip"}
LOCKED_DOWN = (
    *("--network", "none", "--read-only", "--tmpfs", "/tmp", "--user", "1000:1000"),
    *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--pids-limit", "256"),
)

# A client for containers without a network, run inside: body on stdin, status line and body on stdout.
_INSIDE = """
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=600)
method, path, *headers = sys.argv[1:]
connection.request(method, path, sys.stdin.buffer.read(), dict(each.split(": ", 1) for each in headers))
reply = connection.getresponse()
sys.stdout.buffer.write(str(reply.status).encode() + b"\\n" + reply.read())
"""


def docker(*words, data=None, check=True, seconds=600):
    """Run the engine's client; a failure shows what it said."""
    done = subprocess.run([DOCKER, *map(str, words)], input=data, capture_output=True, timeout=seconds)
    assert not check or done.returncode == 0, f"{words}: {done.stderr.decode()}"
    return done


def image(kind):
    return f"leakgauge-{kind}"


def quick_bundle(kind, *, parameters=None, further=None):
    """The sample as zip bytes, with parameters that end soon and further files stored as they are."""
    parameters = QUICK[kind] if parameters is None else parameters
    packed = io.BytesIO()
    with zipfile.ZipFile(SAMPLES[kind]) as given, zipfile.ZipFile(packed, "w") as bundle:
        files = {name: given.read(name) for name in given.namelist()}
        own = json.loads(files.pop("parameters.json", b"{}"))
        for name, content in files.items():
            bundle.writestr(name, content, zipfile.ZIP_DEFLATED)
        bundle.writestr("parameters.json", json.dumps(own | parameters))
        for name, content in (further or {}).items():
            bundle.writestr(name, content, zipfile.ZIP_STORED)
    return packed.getvalue()


class Container:
    """A detached container; `words` are what the image is told to do."""

    def __init__(self, kind, words, options=()):
        self.name = f"leakgauge-test-{uuid.uuid4().hex[:12]}"
        self.begun = time.monotonic()
        docker("run", "--detach", "--name", self.name, *options, image(kind), *words)

    def remove(self):
        docker("rm", "--force", "--volumes", self.name, check=False)

    def logs(self):
        done = docker("logs", self.name)
        return (done.stdout + done.stderr).decode()

    def running(self):
        return docker("inspect", "--format", "{{.State.Running}}", self.name).stdout.strip() == b"true"

    def wait(self):
        """Exit code, once it has ended."""
        return int(docker("wait", self.name).stdout)

    def stop(self):
        """Send SIGTERM, and SIGKILL 30 seconds later, as SageMaker does; exit code and seconds taken."""
        begun = time.monotonic()
        docker("stop", "--time", "30", self.name)
        return self.wait(), time.monotonic() - begun


class Served(Container):
    """A container that serves."""

    def __init__(self, kind, words=("serve",), *, options=(), port=8080):
        super().__init__(kind, words, options=("--publish", f"127.0.0.1::{port}", *options))
        address = docker("port", self.name, port).stdout.decode().splitlines()[0]
        self.port = int(address.rpartition(":")[2])

    def wait_up(self):
        """Wait for the first answer; `up_after` is then how many seconds after `docker run` it came."""
        while not self._answers():
            assert self.running(), self.logs()
            assert time.monotonic() - self.begun < PATIENCE, self.logs()
            time.sleep(0.02)
        self.up_after = time.monotonic() - self.begun

    def _answers(self):
        try:
            return self.send("GET", "/ping").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def send(self, method, path, body=None, headers=(), seconds=600.0, **settings):
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)) as connection:
            connection.request(method, path, body=body, headers=dict(headers), **settings)
            return Reply(connection.getresponse())

    def invoke(self, body, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send("POST", "/invocations", body=body, headers=ZIP | named)


@contextmanager
def serving(kind, **settings):
    container = Served(kind, **settings)
    try:
        container.wait_up()
        yield container
    finally:
        container.remove()


@contextmanager
def started(kind, words, options=()):
    container = Container(kind, words, options)
    try:
        yield container
    finally:
        container.remove()


def send_inside(container, method, path, *headers, body=b""):
    """(status, body) of a request from within: for containers that have no network."""
    done = docker(
        *("exec", "--interactive", container.name, "python3", "-c", _INSIDE, method, path, *headers),
        data=body,
        check=False,
    )
    status, _, content = done.stdout.partition(b"\n")
    return (int(status) if done.returncode == 0 else None), content
