"""What SageMaker asks of a container that serves: start, port, health, limits, headers, end."""

from __future__ import annotations

import json
import secrets
import threading
import time

import pytest
from containers import docker, image, serving, started

pytestmark = pytest.mark.images

MEGABYTE = 1 << 20
START_SECONDS = 2.0
"""Until /ping is answered, from the moment of `docker run`."""
SLOWER_THAN_BARE = 3.0
"""On a machine too busy for that: how much longer than a container that imports the web server alone."""


def test_ping_is_answered_soon_after_docker_run(kind):
    bare, served = [], []
    for _ in range(3):
        begun = time.monotonic()
        docker("run", "--rm", image(kind), "python3", "-c", "import flask, gunicorn.app.wsgiapp, structlog")
        bare.append(time.monotonic() - begun)
        with serving(kind) as container:
            served.append(container.up_after)
    print(f"{kind}: /ping after {min(served):.2f} s; a bare web server takes {min(bare):.2f} s to import")
    assert min(served) < max(START_SECONDS, SLOWER_THAN_BARE * min(bare))


def test_ping_has_no_body(server):
    reply = server.send("GET", "/ping")
    assert (reply.status, reply.body) == (200, b"")


def test_another_port(kind):
    with serving(kind, port=9123, options=("--env", "SAGEMAKER_BIND_TO_PORT=9123")) as container:
        assert container.send("GET", "/ping").status == 200


def test_execution_parameters_keep_the_payload_rule(server):
    told = json.loads(server.send("GET", "/execution-parameters").body)
    assert told["BatchStrategy"] == "SINGLE_RECORD"
    assert told["MaxConcurrentTransforms"] * told["MaxPayloadInMB"] <= 100


@pytest.mark.parametrize(
    ("variables", "concurrent", "payload"),
    [
        ({"SAGEMAKER_MAX_PAYLOAD_IN_MB": "0"}, 1, 100),
        ({"SAGEMAKER_MAX_PAYLOAD_IN_MB": "25", "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "9"}, 4, 25),
        ({"SAGEMAKER_BATCH": "True", "SAGEMAKER_BATCH_STRATEGY": "MULTI_RECORD"}, 1, 100),
    ],
)
def test_batch_settings(variables, concurrent, payload):
    options = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
    with serving("membership", options=options) as container:
        told = json.loads(container.send("GET", "/execution-parameters").body)
        assert told == {
            "MaxConcurrentTransforms": concurrent,
            "BatchStrategy": "SINGLE_RECORD",
            "MaxPayloadInMB": payload,
        }


def test_a_chunked_body_without_its_length(server, quick):
    bundle = quick()
    chunks = (bundle[start : start + 50_000] for start in range(0, len(bundle), 50_000))
    reply = server.send(
        "POST",
        "/invocations",
        body=chunks,
        headers={"Content-Type": "application/zip", "Accept": "application/json"},
        encode_chunked=True,
    )
    assert reply.status == 200, reply.body


def test_ninety_megabytes(server, quick):
    bundle = quick(further={"notes.bin": secrets.token_bytes(90 * MEGABYTE)})
    reply = server.invoke(bundle, Accept="application/json")
    assert reply.status == 200, reply.body


def test_more_than_the_limit_is_refused_chunked_or_not(server):
    announced = server.invoke(bytes(101 * MEGABYTE))
    assert (announced.status, announced.code) == (413, "limit_exceeded.payload")
    chunked = server.send(
        "POST", "/invocations", body=(bytes(MEGABYTE) for _ in range(101)), encode_chunked=True
    )
    assert (chunked.status, chunked.code) == (413, "limit_exceeded.payload")


def test_headers_that_sagemaker_sends(server, quick):
    reply = server.send(
        "POST",
        "/invocations",
        body=quick(),
        headers={
            "Accept": "*/*",
            "X-Amzn-SageMaker-Custom-Attributes": "trace=7",
            "X-Amzn-SageMaker-Target-Variant": "AllTraffic",
            "X-Never-Heard-Of": "1",
        },
    )
    assert reply.status == 200, reply.body
    assert reply.headers["Content-Type"] == "application/zip"
    assert reply.headers["X-Amzn-SageMaker-Custom-Attributes"] == "trace=7"


def test_the_default_answer_can_be_set(kind, quick):
    option = "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT=text/csv"
    with serving(kind, options=("--env", option)) as container:
        reply = container.invoke(quick())
        assert reply.headers["Content-Type"].startswith("text/csv")


def test_garbage_is_refused_as_json(server):
    assert server.invoke(b"not a zip").code == "bad_bundle.not_a_zip"


def test_sigterm_during_an_audit_ends_well_in_time(kind, sample):
    with serving(kind) as container:
        replies = []
        request = threading.Thread(target=lambda: replies.append(container.invoke(sample)))
        request.start()
        while "audit begins" not in container.logs():
            time.sleep(0.05)
        code, seconds = container.stop()
        request.join()
        assert code == 0, container.logs()
        assert seconds < 30
        assert replies[0].status in (200, 503)


def test_a_fatal_start_says_why_and_ends(kind):
    with started(kind, ["serve"], ("--env", "LEAKGAUGE_AUDIT=palm-reading")) as container:
        assert container.wait() != 0
        lines = container.logs().splitlines()
        assert len([line for line in lines if "LEAKGAUGE_AUDIT names no audit" in line]) == 1
        assert not [line for line in lines if "Traceback" in line]


def test_a_request_need_not_say_what_it_is(server, quick):
    assert server.send("POST", "/invocations", body=quick()).headers["Content-Type"] == "application/zip"
