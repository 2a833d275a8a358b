"""The parts of the sandbox that need no process."""

from __future__ import annotations

import json
import os
import socket
import struct
from dataclasses import fields, replace
from pathlib import Path

import pytest

from leakgauge.errors import AuditFailed, AuditTimeout, BadBundle, BadParameters, LimitExceeded
from leakgauge.installation import installed_kind
from leakgauge.jobs.request import JobRequest
from leakgauge.redacted_traceback import RedactedTraceback, redacted_traceback
from leakgauge.sandbox import lockdown
from leakgauge.sandbox.assignment import Assignment
from leakgauge.sandbox.events import (
    MAX_LINE_BYTES,
    Crashed,
    Done,
    EventReader,
    EventWriter,
    Refused,
)
from leakgauge.sandbox.exit_status import ExitStatus
from leakgauge.sandbox.ipc import receive_message, send_message
from leakgauge.sandbox.lockdown import LAYERS
from leakgauge.sandbox.machine import cpus_granted, memory_granted
from leakgauge.sandbox.output import check_destination, collect_output
from leakgauge.sandbox.resources import ResourceLimits
from leakgauge.sandbox.server import _environment

MIB = 1 << 20


# --- limits ------------------------------------------------------------------------------------------


def test_every_limit_can_be_set_by_the_environment():
    names = [field.name for field in fields(ResourceLimits)]
    environment = {f"LEAKGAUGE_{name.upper()}": str(number) for number, name in enumerate(names, start=1)}
    assert ResourceLimits.from_environment(environment) == ResourceLimits(*range(1, len(names) + 1))


def test_an_empty_environment_gives_the_defaults():
    default = ResourceLimits.from_environment({"LEAKGAUGE_THREADS": " "})
    assert (
        replace(default, data_bytes=ResourceLimits().data_bytes, tasks=ResourceLimits().tasks)
        == ResourceLimits()
    )


def test_all_limits_that_cannot_be_read_are_named_at_once():
    environment = {"LEAKGAUGE_THREADS": "-1", "LEAKGAUGE_OPEN_FILES": "0", "LEAKGAUGE_CPU_SECONDS": "\u0663"}
    with pytest.raises(BadParameters) as raised:
        ResourceLimits.from_environment(environment)
    assert len(raised.value.details["problems"]) == 3


@pytest.mark.parametrize(
    ("text", "kind"), [("", None), (" Inversion ", "inversion"), ("membership", "membership")]
)
def test_the_kind_of_an_installation(text, kind):
    assert installed_kind({"LEAKGAUGE_AUDIT": text}) == kind


def test_an_unknown_kind_of_installation():
    with pytest.raises(BadParameters):
        installed_kind({"LEAKGAUGE_AUDIT": "both"})


# --- assignment and IPC -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("prior", "budget"), [(None, 25.0), (Path("/a/prior.npz"), None)])
def test_an_assignment_survives_its_journey(tmp_path, prior, budget):
    request = JobRequest(
        source=tmp_path / "a b.zip",
        scratch=tmp_path / "s",
        report=tmp_path / "r",
        overrides={"seed": 1, "attacks": ["gap"]},
        only="inversion",
        deadline=1234.5,
        cpu_seconds=60,
        trained_prior=prior,
        time_budget=budget,
    )
    assignment = Assignment("module:function", request, ResourceLimits(threads=3, cpu_seconds=60))
    assert Assignment.from_message(json.loads(json.dumps(assignment.message()))) == assignment


def test_messages_carry_descriptors():
    ours, theirs = socket.socketpair()
    reading, writing = os.pipe()
    with ours, theirs:
        send_message(ours, {"n": 1, "long": "x" * 10_000}, [writing])
        os.close(writing)
        message, (received,) = receive_message(theirs)
        os.write(received, b"through")
        os.close(received)
        assert os.read(reading, 100) == b"through"
        assert message["n"] == 1
        ours.close()
        assert receive_message(theirs) is None
    os.close(reading)


@pytest.mark.parametrize(
    "data",
    [b"\x00", b"\x00\x00\x00\x05{", b"\xff\xff\xff\xff", struct.pack("!I", 2) + b"[]", b"\x00\x00\x00\x01x"],
)
def test_what_is_no_message_is_refused_and_its_descriptors_are_closed(data):
    ours, theirs = socket.socketpair()
    reading, writing = os.pipe()
    with ours, theirs:
        socket.send_fds(ours, [data], [writing])
        os.close(writing)
        ours.close()
        with pytest.raises(ValueError, match=r"message|object|Expecting"):
            receive_message(theirs)
    assert os.read(reading, 1) == b"", "somebody still holds the other end"
    os.close(reading)


# --- events ------------------------------------------------------------------------------------------

STATED = json.dumps({"layers": list(LAYERS)}).encode() + b"\n"


class Reading:
    """A reader, and what it has passed on."""

    def __init__(self, data=b"", *, stated=True):
        self.told, self.shown = [], []
        self.reader = EventReader(lambda *report: self.told.append(report), self.shown.append)
        self.reader.feed((STATED if stated else b"") + data)


@pytest.fixture
def line():
    """A writer, and what it has written, read back in pieces of one byte."""
    reading, writing = os.pipe()
    found = Reading(stated=False)
    writer = EventWriter(writing)
    writer.in_force(LAYERS)

    def read_back():
        os.close(writing)
        while data := os.read(reading, 1):
            found.reader.feed(data)
        os.close(reading)
        return found

    return writer, read_back


def test_progress_and_an_end_arrive(line):
    writer, read_back = line
    writer.report("half", 0.5)
    writer.done()
    found = read_back()
    assert (found.reader.layers, found.told) == (LAYERS, [("half", 0.5)])
    assert found.reader.result == Done()
    assert not found.reader.model_is_open


def test_a_crash_arrives(line):
    writer, read_back = line
    crash = RedactedTraceback(type="builtins.KeyError", frames=("leakgauge/bundle.py:7", "<frozen x>:1"))
    writer.crashed(crash)
    assert read_back().reader.result == Crashed(crash)


def test_that_a_model_is_open_arrives(line):
    writer, read_back = line
    writer.opened("model")
    assert read_back().reader.model_is_open


def test_what_a_child_gives_to_look_at_arrives_and_is_finite(line):
    writer, read_back = line
    writer.show({"loss": 0.5, "image": "abcd" * 10_000, "seen": 3})
    with pytest.raises(ValueError, match="JSON compliant"):
        writer.show({"loss": float("nan")})
    found = read_back()
    assert found.shown == [{"loss": 0.5, "image": "abcd" * 10_000, "seen": 3}]
    assert found.reader.result is None


def test_an_error_too_long_for_a_line_arrives_without_its_details():
    def arrived(rows):
        reading, writing = os.pipe()
        EventWriter(writing).refused(BadBundle("x", "m", hint="h", details={"rows": ["y" * 1_000] * rows}))
        os.close(writing)
        found = Reading()
        while data := os.read(reading, MIB):
            found.reader.feed(data)
        os.close(reading)
        assert isinstance(found.reader.result, Refused)
        assert found.reader.result.error.code == "bad_bundle.x"
        return found.reader.result.error.details

    assert arrived(60) == {"rows": ["y" * 1_000] * 60}
    assert arrived(300) == {}


def test_text_of_an_error_does_no_harm_wherever_it_is_shown():
    rude = "a\x1b[2J\n\ud800\u202e\u2028b" + "c" * 5_000
    body = {
        "code": "bad_bundle.x",
        "message": rude,
        "hint": rude,
        "details": {rude: [rude, {"n": [rude, 1.5]}]},
    }
    error = Reading(json.dumps({"error": {"error": body}}).encode() + b"\n").reader.result.error

    def texts(value):
        if isinstance(value, dict):
            return [*value, *(text for each in value.values() for text in texts(each))]
        if isinstance(value, list):
            return [text for each in value for text in texts(each)]
        return [value] if isinstance(value, str) else []

    found = [error.message, error.hint, *texts(error.details)]
    assert len(found) == 5 + 1  # the name `n`
    found.remove("n")
    for text in found:
        assert text.isprintable()
        assert text.startswith("a\\x1b[2J\\n\\ud800\\u202e\\u2028b")
        assert len(text) <= 2_000
    (inner,) = error.details.values()
    assert inner[1]["n"][1] == 1.5


def test_text_to_look_at_is_one_short_line():
    shown = {"model": "a\x1b[2J\u202eb" + "c " * 5_000}
    ((told,),) = [found.values() for found in Reading(json.dumps({"shown": shown}).encode() + b"\n").shown]
    assert told.startswith("a\ufffd[2J\ufffdb")
    assert told.isprintable()
    assert len(told) <= 2_000


HUGE = "9" * 4_000
"""Python reads it, and no float holds it."""
NESTED = "[" * 300 + "]" * 300


@pytest.mark.parametrize(
    "data",
    [
        *(b"x\n", b"[]\n", b"{}\n", b'{"progress": ["a", 0.1], "done": true}\n', b'{"progress": "a"}\n'),
        *(b'{"progress": ["a", Infinity]}\n', b'{"done": [1]}\n', b'{"done": false}\n', b'{"later": 1}\n'),
        *(b'{"done": true}\n{"done": true}\n', b'{"error": {}}\n', b'{"crash": {}}\n', b"\xff\n"),
        *(b'{"shown": 1}\n', b'{"shown": {"loss": NaN}}\n', b'{"done": true}\n{"shown": {}}\n'),
        *(b'{"progress": ["a", -Infinity]}\n', b'{"progress": ["a", 1e999]}\n', b'{"progress": ["a"]}\n'),
        *(b'{"shown": {"loss": 1e999}}\n', b'{"shown": {"a": [1]}}\n', b'{"shown": {"a": {"b": 1}}}\n'),
        *(b'{"shown": {"a b": 1}}\n', b'{"opened": "door"}\n', b'{"opened": ["model"]}\n'),
        b'{"opened": "model"}\n{"opened": "model"}\n',
        b'{"crash": {"type": "X", "frames": ["/etc/passwd says root"]}}\n',
        b'{"crash": {"type": "X", "frames": {"a": 1}}}\n',
        b'{"error": {"error": {"code": "made.up", "message": "", "hint": "", "details": {}}}}\n',
        b'{"error": {"error": {"code": "busy.queue_full", "message": "", "hint": "", "details": {}}}}\n',
        b'{"error": {"error": {"code": "internal.x", "message": "", "hint": "", "details": {}}}}\n',
        b'{"error": {"error": {"code": "bad_bundle.a b", "message": "", "hint": "", "details": {}}}}\n',
        b"x" * (MAX_LINE_BYTES + 1),
        f'{{"progress": ["a", {HUGE}]}}\n'.encode(),
        f'{{"progress": ["a", {"9" * 5_000}]}}\n'.encode(),
        f'{{"progress": [{",".join(["9" * 200] * 1_000)}]}}\n'.encode(),
        f'{{"shown": {{"loss": {HUGE}}}}}\n'.encode(),
        f'{{"shown": {{"loss": {NESTED}}}}}\n'.encode(),
        json.dumps({"shown": {f"n{number}": 1 for number in range(65)}}).encode() + b"\n",
        *(
            b'{"error": {"error": {"code": "bad_bundle.x", "message": "", "hint": "", "details": {"a": %s}}}}'
            % value.encode()
            + b"\n"
            for value in (NESTED, HUGE, "1e999")
        ),
    ],
)
def test_events_that_are_none_are_refused(data):
    with pytest.raises(ValueError, match=r"event|list|JSON|error|code|family|strings") as raised:
        Reading(data)
    assert "passwd" not in str(raised.value)
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    "data",
    [
        STATED + STATED,
        STATED + b'{"layers": []}\n',
        b'{"layers": []}\n',
        b'{"layers": ["limits"]}\n',
        b'{"layers": "limits"}\n',
        json.dumps({"layers": [*LAYERS, "moat"]}).encode() + b"\n",
        json.dumps({"layers": [*LAYERS, LAYERS[0]]}).encode() + b"\n",
        json.dumps({"layers": [*reversed(LAYERS)]}).encode() + b"\n",
        json.dumps({"layers": [name for name in LAYERS if name != "seccomp"]}).encode() + b"\n",
        b'{"progress": ["a", 0.1]}\n' + STATED,
        b'{"shown": {}}\n',
        b'{"opened": "model"}\n',
        b'{"done": true}\n',
    ],
)
def test_layers_are_stated_once_and_first_and_are_those_that_there_are(data, monkeypatch):
    monkeypatch.delenv("LEAKGAUGE_SANDBOX", raising=False)
    with pytest.raises(ValueError, match="event"):
        Reading(data, stated=False)


def test_a_failure_to_lock_down_comes_before_the_layers():
    body = AuditFailed("lock_down", "m", hint="h").body()
    assert isinstance(
        Reading(json.dumps({"error": body}).encode() + b"\n", stated=False).reader.result, Refused
    )


def test_without_seccomp_layers_are_stated_where_the_operator_accepts_that(monkeypatch):
    monkeypatch.setenv("LEAKGAUGE_SANDBOX", "relaxed")
    data = json.dumps({"layers": list(LAYERS[:-1])}).encode() + b"\n"
    assert Reading(data, stated=False).reader.layers == LAYERS[:-1]


def test_a_trace_names_places_and_no_values():
    try:
        json.loads("{'Alice': 42}")
    except ValueError as error:
        found = redacted_traceback(error)
    assert found.type == "json.decoder.JSONDecodeError"
    assert found.frames[0].startswith("test_sandbox_parts.py:") or "tests" in found.frames[0]
    assert all("Alice" not in frame and not frame.startswith("/") for frame in found.frames)


# --- endings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "problem"),
    [
        (ExitStatus(-24, 7.0, 0), AuditTimeout, "cpu"),
        (ExitStatus(-9, 7.0, 0), AuditTimeout, "cpu"),
        (ExitStatus(-9, 1.0, 60 * MIB), LimitExceeded, "memory"),
        (ExitStatus(-9, 1.0, 10 * MIB), AuditFailed, "child_died"),
        (ExitStatus(-11, 7.0, 60 * MIB), AuditFailed, "child_died"),
        (ExitStatus(-64, 0.0, 0), AuditFailed, "child_died"),
        (ExitStatus(0, 0.0, 0), AuditFailed, "child_died"),
        (ExitStatus(1, 0.0, 0), AuditFailed, "child_died"),
    ],
)
def test_what_an_exit_status_says(status, kind, problem):
    limits = ResourceLimits(cpu_seconds=7, memory_bytes=1 << 40)
    error = status.error(limits, memory=100 * MIB)
    assert type(error) is kind
    assert error.problem == problem
    assert ExitStatus.from_message(status.message()) == status


def test_an_ending_of_another_form_is_refused():
    with pytest.raises(ValueError, match="not an exit status"):
        ExitStatus.from_message({"code": "0"})


# --- machine -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({}, None),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "100001 100000"}, 2),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({"cpu.max": "garbage"}, None),
    ],
)
def test_processors_granted(tmp_path, monkeypatch, files, cpus):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    assert cpus_granted(tmp_path) == (cpus or 8)


def test_memory_granted(tmp_path):
    whole = memory_granted(tmp_path)
    (tmp_path / "memory.max").write_text("max\n")
    assert memory_granted(tmp_path) == whole
    (tmp_path / "memory.max").write_text(f"{64 * MIB}\n")
    assert memory_granted(tmp_path) == 64 * MIB


# --- layers ------------------------------------------------------------------------------------------


def _without_seccomp(monkeypatch):
    def missing(name):
        raise RuntimeError("Unable to find libseccomp")

    monkeypatch.setattr("importlib.import_module", missing)
    monkeypatch.setattr(lockdown, "_LAYERS", lockdown._LAYERS[-1:])


def test_without_libseccomp_nothing_is_opened(monkeypatch):
    _without_seccomp(monkeypatch)
    monkeypatch.delenv("LEAKGAUGE_SANDBOX", raising=False)
    lockdown.prepare()
    with pytest.raises(AuditFailed) as raised:
        lockdown.lock_down(lockdown.ChildPrivileges(ResourceLimits()))
    assert raised.value.problem == "no_seccomp"


def test_an_operator_may_do_without_libseccomp(monkeypatch):
    _without_seccomp(monkeypatch)
    monkeypatch.setenv("LEAKGAUGE_SANDBOX", "relaxed")
    assert lockdown.lock_down(lockdown.ChildPrivileges(ResourceLimits())) == ()


def test_a_layer_that_the_kernel_refuses_fails_the_audit(monkeypatch):
    def refuse(privileges):
        raise PermissionError(1, "no")

    monkeypatch.setattr(lockdown, "_LAYERS", (("moat", refuse),))
    with pytest.raises(AuditFailed) as raised:
        lockdown.lock_down(lockdown.ChildPrivileges(ResourceLimits()))
    assert raised.value.details["layer"] == "moat"


def test_the_server_inherits_no_credentials(tmp_path):
    kept = _environment(
        {"AWS_SESSION_TOKEN": "x", "PATH": "/bin", "LEAKGAUGE_MAX_ENTRIES": "3", "OMP_NUM_THREADS": "64"},
        workspace=tmp_path,
        threads=2,
    )
    assert "AWS_SESSION_TOKEN" not in kept
    assert (kept["PATH"], kept["LEAKGAUGE_MAX_ENTRIES"], kept["OMP_NUM_THREADS"]) == ("/bin", "3", "2")


# --- taking over -------------------------------------------------------------------------------------


@pytest.fixture
def report(tmp_path):
    folder = tmp_path / "from-the-child"
    folder.mkdir()
    (folder / "report.json").write_text("{}")
    return folder


def test_a_report_is_copied_and_an_earlier_one_replaced(tmp_path, report):
    output = tmp_path / "deep" / "er" / "report"
    collect_output(report, output)
    (report / "new.png").write_bytes(b"png")
    (report / "report.json").write_text("[]")
    collect_output(report, output)
    assert sorted(path.name for path in output.iterdir()) == ["new.png", "report.json"]
    assert (output / "report.json").read_text() == "[]"
    assert [path.name for path in output.parent.iterdir()] == ["report"]


def test_files_that_a_report_no_longer_has_are_gone(tmp_path, report):
    output = tmp_path / "report"
    output.mkdir()
    for name in ("report.json", "old.png"):
        (output / name).write_text("old")
    collect_output(report, output)
    assert [path.name for path in output.iterdir()] == ["report.json"]


def test_a_mounted_folder_is_filled_in_place(tmp_path, report, monkeypatch):
    output = tmp_path / "report"
    output.mkdir()
    for name in ("report.json", "old.png"):
        (output / name).write_text("old")
    before = output.stat().st_ino
    monkeypatch.setattr("pathlib.Path.is_mount", lambda self: self == output)
    collect_output(report, output)
    assert output.stat().st_ino == before
    assert [(path.name, path.read_text()) for path in output.iterdir()] == [("report.json", "{}")]


def test_an_empty_folder_is_used(tmp_path, report):
    output = tmp_path / "report"
    output.mkdir()
    collect_output(report, output)
    assert (output / "report.json").exists()


def test_a_link_to_a_folder_keeps_being_one(tmp_path, report):
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    collect_output(report, link)
    assert link.is_symlink()
    assert (real / "report.json").exists()


def test_links_and_pipes_are_not_taken(tmp_path, report):
    secret = tmp_path / "secret"
    secret.write_text("s")
    for make in (
        lambda path: path.symlink_to(secret),
        lambda path: path.hardlink_to(secret),
        os.mkfifo,
        lambda path: path.mkdir(),
    ):
        make(report / "stolen")
        with pytest.raises(AuditFailed) as raised:
            collect_output(report, tmp_path / "report")
        assert raised.value.problem == "untrusted_output"
        assert not (tmp_path / "report").exists()
        (report / "stolen").rmdir() if (report / "stolen").is_dir() else (report / "stolen").unlink()


@pytest.mark.parametrize("name", [".hidden", "-option", "a b", "é", "x" * 121, "new\nline"])
def test_names_that_are_not_plain_are_not_taken(tmp_path, report, name):
    (report / name).write_text("")
    with pytest.raises(AuditFailed):
        collect_output(report, tmp_path / "report")


def test_caps_hold(tmp_path, report, monkeypatch):
    monkeypatch.setattr("leakgauge.sandbox.output._MAX_BYTES", 10)
    (report / "large").write_bytes(bytes(11))
    with pytest.raises(AuditFailed):
        collect_output(report, tmp_path / "report")
    (report / "large").unlink()
    monkeypatch.setattr("leakgauge.sandbox.output._MAX_FILES", 2)
    for number in range(2):
        (report / f"{number}").touch()
    with pytest.raises(AuditFailed):
        collect_output(report, tmp_path / "report")


@pytest.mark.parametrize("kind", ["file", "other_files", "folder_inside", "dangling_link"])
def test_what_is_no_report_is_never_replaced(tmp_path, report, kind):
    output = tmp_path / "report"
    if kind == "file":
        output.write_text("precious")
    elif kind == "dangling_link":
        output.symlink_to(tmp_path / "nowhere")
    else:
        output.mkdir()
        (output / ("report.json" if kind == "folder_inside" else "thesis.tex")).write_text("precious")
        (output / "sub").mkdir() if kind == "folder_inside" else None
    with pytest.raises(BadParameters) as raised:
        check_destination(output)
    assert raised.value.problem == "output_folder"


def test_a_folder_that_cannot_be_written_is_told_by_name_of_the_problem(tmp_path, report):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(BadParameters) as raised:
        collect_output(report, blocked / "report")
    assert raised.value.problem == "output_folder"
    assert str(tmp_path) not in raised.value.message
