"""The real membership audit over a real server: bad input, every door, load, and the end."""

from __future__ import annotations

import csv
import io
import json
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from bad_inputs import BadInput, bad_inputs, bundle
from canary import CANARY
from doors import as_training_job, by_command_line, run_command_line, run_training_job
from replies import Reply
from served import ROOT, ZIP, InBackground, Server, running, wait_until
from spoiled import MARKER, NUMBER, sound, spoiled

SAMPLE = ROOT / "sample-input" / "membership.zip"
QUICK = {"attacks": ["gap", "loss", "learned_gb"], "proportions": [50, 90]}
LEARNED = {"attacks": ["learned_nn", "learned_rf", "learned_gb"]}  # what output.csv is made of


def sample(parameters: dict[str, list[Any]] = QUICK) -> bytes:
    """The sample with few attacks, so that a test need not wait for all of them."""
    packed = io.BytesIO(SAMPLE.read_bytes())
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr(zipfile.ZipInfo("parameters.json"), json.dumps(parameters))
    return packed.getvalue()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with running(tmp_path_factory.mktemp("audit"), app=None) as up:
        assert up.invoke(sound(), Accept="application/json").status == 200  # and the libraries are loaded
        yield up


@pytest.fixture(scope="module")
def good(server: Server) -> tuple[Reply, float]:
    """The reply to the sample with the attacks that its table is made of, and the seconds that took."""
    began = time.monotonic()
    reply = server.invoke(sample(LEARNED), Accept="text/csv")
    assert reply.status == 200
    return reply, time.monotonic() - began


@pytest.mark.parametrize("bad", bad_inputs(), ids=lambda bad: bad.name)
def test_bad_input_gets_its_own_answer_and_sooner_than_good(
    server: Server, good: tuple[Reply, float], bad: BadInput
) -> None:
    CANARY.unlink(missing_ok=True)
    began = time.monotonic()
    reply = server.invoke(bad.body)
    assert time.monotonic() - began < good[1]
    assert (reply.status, reply.code) == (bad.status, bad.code), reply.body
    told = reply.json["error"]
    assert len(told["message"]) > 20
    assert len(told["hint"]) > 10
    assert "Traceback" not in reply.body.decode()
    assert str(server.temporary) not in reply.body.decode()
    assert not CANARY.exists()


def test_the_good_request_after_all_of_them_works(server: Server) -> None:
    assert server.invoke(sound(), Accept="application/json").status == 200
    assert len(bad_inputs()) >= 60


def told(*texts: str | bytes) -> bool:
    """Whether any of the texts holds a value of the data."""
    whole = b"".join(text.encode() if isinstance(text, str) else text for text in texts)
    return MARKER.encode() in whole or NUMBER.encode() in whole


def test_no_value_of_the_data_is_told_to_anybody(server: Server) -> None:
    for name, body in spoiled().items():
        reply = server.invoke(body)
        assert 400 <= reply.status < 500, name
        assert not told(reply.body, str(reply.headers)), name
    for kind in ("application/json", "text/csv", "text/html"):
        reply = server.invoke(sound(), Accept=kind)
        assert reply.status == 200
        assert not told(reply.body)
    assert not told(server.log.read_text())


def test_no_request_outlives_its_answer(server: Server) -> None:
    server.invoke(sound())
    for path in server.temporary.rglob("*"):
        assert not path.is_file() or not told(path.read_bytes())
    assert [path.name for path in server.temporary.glob("*/*") if len(path.name) == 32] == []


def test_the_other_doors_tell_no_value_either(tmp_path: Path) -> None:
    spoiled_bundle = spoiled()["unknown label"]
    source = tmp_path / "bundle.zip"
    source.write_bytes(spoiled_bundle)
    by_hand = run_command_line("audit", str(source), "-o", str(tmp_path / "report"))
    assert by_hand.returncode == 2
    assert not told(by_hand.stdout, by_hand.stderr)
    job = run_training_job(source, tmp_path / "ml")
    assert job.returncode == 2
    assert not told(job.stdout, job.stderr, (tmp_path / "ml" / "output" / "failure").read_text())
    assert str(tmp_path) not in by_hand.stderr + job.stdout + job.stderr


def test_every_door_gives_the_same_report(server: Server, tmp_path: Path) -> None:
    source = tmp_path / "sample.zip"
    source.write_bytes(sample())
    first = server.invoke(sample(), Accept="application/json").body
    again = server.invoke(sample(), Accept="application/json").body
    assert first == again

    assert (by_command_line(source, tmp_path / "cli") / "report.json").read_bytes() == first
    model, log = as_training_job(source, tmp_path / "ml")  # loose, as today's subscribers send them
    assert (model / "report.json").read_bytes() == first
    assert (model / "output.csv").exists()
    assert "attack_auc=" in log

    folder = server.invoke(sample())
    with zipfile.ZipFile(io.BytesIO(folder.body)) as archive:
        assert archive.read("report.json") == first
        assert set(archive.namelist()) == {"output.csv", "report.html", "report.json"}


def test_csv_keeps_the_columns_that_subscribers_parse(good: tuple[Reply, float]) -> None:
    reply, _ = good
    assert reply.body == (ROOT / "sample-input" / "membership.output.csv").read_bytes()
    rows = list(csv.reader(io.StringIO(reply.body.decode())))
    assert ",".join(rows[0]) == (
        "Percentage Data,Member Accuracy,Non-member Accuracy,Attack Accuracy,Attack Model"
    )
    assert [row[0] for row in rows[1:]] == [str(share) for share in range(10, 100, 10)]
    assert {row[4] for row in rows[1:]} <= {"NN", "RF", "GB"}


def test_the_page_is_small_and_whole(server: Server) -> None:
    reply = server.invoke(sample(), Accept="text/html")
    assert reply.headers["Content-Type"].startswith("text/html")
    assert len(reply.body) < 250_000
    assert b"<script" not in reply.body


def test_ping_answers_while_audits_run_on_every_core(server: Server) -> None:
    audits = [InBackground(server, sample(), Accept="application/json") for _ in range(2)]
    times = []
    while any(audit._thread.is_alive() for audit in audits):
        began = time.monotonic()
        assert server.send("GET", "/ping").status == 200
        times.append(time.monotonic() - began)
        time.sleep(0.05)
    assert all(audit.ended().status == 200 for audit in audits)
    assert len(times) > 5
    assert max(times) < 2.0  # where SageMaker gives up


def test_no_value_of_the_data_reaches_the_log(server: Server) -> None:
    secret = "4711.4711"
    spoiled = (ROOT / "sample-input" / "membership.zip").read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(spoiled)) as archive, zipfile.ZipFile(packed, "w") as changed:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "test_mia.csv":
                first_row = content.split(b"\n", 2)[1]
                content += (
                    first_row.replace(first_row.split(b",")[0], b"secret " + secret.encode(), 1) + b"\n"
                )
            changed.writestr(name, content)
    reply = server.invoke(packed.getvalue())
    assert reply.code == "bad_bundle.text_in_numbers"
    assert secret not in reply.body.decode()
    assert secret not in server.log.read_text()


def test_a_stop_in_mid_audit_ends_cleanly(tmp_path: Path) -> None:
    with running(tmp_path, app=None) as server:
        InBackground(server, SAMPLE.read_bytes())
        wait_until(lambda: any("learning" in line or "audit begins" in line for line in server.lines()))
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 30  # when SageMaker kills it
        wait_until(lambda: server.left_over() == ([], []))


@pytest.mark.slow
def test_many_at_once_are_served_or_told_to_come_back(server: Server) -> None:
    replies: list[int] = []

    def ask() -> None:
        replies.append(server.invoke(bundle(), Accept="application/json").status)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(replies) == 12
    assert set(replies) <= {200, 503}
    assert 200 in replies
    assert server.send("POST", "/invocations", body=bundle(), headers=ZIP).status == 200
