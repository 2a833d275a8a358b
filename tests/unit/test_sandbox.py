"""The sandbox from outside: real fork server, real children, jobs that misbehave."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sandbox_runners import running

from leakgauge.errors import (
    AuditFailed,
    AuditTimeout,
    BadBundle,
    BadParameters,
    Busy,
    LimitExceeded,
    UnsafeModel,
)
from leakgauge.progress import Calling, Silent
from leakgauge.sandbox.parent import Sandbox
from leakgauge.sandbox.resources import ResourceLimits

SUPPORT = Path(__file__).parents[1] / "support"
SOURCE = Path(__file__).parents[2] / "src"
PATIENT = 30.0


@pytest.fixture(autouse=True)
def _importable(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", f"{SOURCE}:{SUPPORT}")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    yield
    assert list(temporary.iterdir()) == [], "the sandbox left files behind"


@pytest.fixture
def bundle(tmp_path):
    path = tmp_path / "bundle.zip"
    path.write_bytes(b"PK-not-really")
    return path


def sandbox(runner, **limits):
    return Sandbox(limits=ResourceLimits(**limits), job=running(runner))


def run(box, bundle, **settings):
    """Run one job and return what it reported."""
    output = bundle.parent / "report"
    settings = {"overrides": {}, "progress": Silent(), "timeout": PATIENT} | settings
    box.run(bundle, output, **settings)
    return json.loads((output / "report.json").read_text())


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return b") Z " not in Path(f"/proc/{pid}/stat").read_bytes()


def children_of(pid):
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_until(condition, seconds=PATIENT):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


class Background:
    """A job in a thread, for tests that interfere with it."""

    def __init__(self, box, bundle, **settings):
        self.begun = threading.Event()
        self.error = None

        def work():
            progress = Calling(lambda stage, fraction: self.begun.set())
            try:
                run(box, bundle, progress=progress, **settings)
            except Exception as error:  # noqa: BLE001 - looked at by the test, in its own thread
                self.error = error

        self._thread = threading.Thread(target=work)
        self._thread.start()
        assert self.begun.wait(PATIENT)

    def ended(self):
        self._thread.join(PATIENT)
        assert not self._thread.is_alive()
        return self.error


def test_a_job_travels_there_and_its_report_back(bundle):
    stages = []
    with sandbox("echo") as box:
        found = run(
            box,
            bundle,
            overrides={"seed": 7},
            progress=Calling(lambda stage, fraction: stages.append((stage, fraction))),
        )
    assert found["size"] == bundle.stat().st_size
    assert found["overrides"] == {"seed": 7}
    assert stages == [("reading", 0.25), ("writing", 1.0)]


def test_the_child_has_left_everything_behind(bundle, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "do not tell")
    with sandbox("surroundings") as box:
        found = run(box, bundle)
    assert "AWS_SECRET_ACCESS_KEY" not in found["environment"]
    assert found["environment"]["OMP_NUM_THREADS"] == "1"
    assert found["environment"]["HOME"] != os.environ["HOME"]
    # 4 is the listing of the folder itself
    assert found["descriptors"] == [0, 1, 2, 3, 4]
    assert found["umask"] == 0o077
    assert found["session"] is True
    assert found["folder"].endswith("scratch")
    assert found["niceness"] >= 10


def test_what_an_audit_does_not_need_is_denied(bundle):
    with sandbox("try_everything") as box:
        outcomes = run(box, bundle)["outcomes"]
    assert len(outcomes) > 20
    assert {name: outcome for name, outcome in outcomes.items() if outcome != errno.EPERM} == {}


def test_clone3_is_not_there(bundle):
    with sandbox("clone_three") as box:
        assert run(box, bundle)["errno"] == errno.ENOSYS


def test_threads_work(bundle):
    with sandbox("use_threads") as box:
        assert run(box, bundle)["found"] == list(range(8))


@pytest.mark.parametrize("preload", [False, True])
def test_frameworks_work_the_same_loaded_before_the_fork_or_after(bundle, preload):
    box = Sandbox(
        only="membership",
        limits=ResourceLimits(),
        preload=preload,
        job=running("import_frameworks"),
    )
    with box:
        assert box.wait_ready(PATIENT)
        assert len(list(Path(f"/proc/{box.server_pid}/task").iterdir())) == 1, "forks with threads"
        assert run(box, bundle) == {"sizes": [1, 2], "sum": 512.0**3}


def test_what_a_job_prints_goes_nowhere(bundle, capfd):
    with sandbox("print_secrets") as box:
        run(box, bundle)
    shown = capfd.readouterr()
    assert "SECRET" not in shown.out + shown.err


def test_an_error_of_the_tree_arrives_as_it_was_raised(bundle):
    with sandbox("refuse") as box, pytest.raises(BadBundle) as raised:
        run(box, bundle)
    assert raised.value.code == "bad_bundle.not_a_zip"
    assert raised.value.details == {"file": "x"}


def test_a_failure_of_ours_gets_an_id_that_stands_in_the_log(bundle, caplog):
    with sandbox("fail") as box, pytest.raises(AuditFailed) as raised:
        run(box, bundle)
    assert raised.value.problem == "stuck"
    assert [record.id for record in caplog.records] == [raised.value.details["id"]]


def test_an_unexpected_exception_tells_its_place_to_the_log_and_its_text_to_nobody(bundle, caplog):
    with sandbox("crash_with_a_secret") as box, pytest.raises(AuditFailed) as raised:
        run(box, bundle)
    (record,) = caplog.records
    assert raised.value.code == "audit_failed.unexpected"
    assert raised.value.details == {"id": record.id}
    assert record.facts["type"] == "builtins.KeyError"
    assert any(frame.startswith("sandbox_runners.py:") for frame in record.facts["frames"])
    assert "Alice" not in f"{raised.value.body()}{vars(record)}{caplog.text}"


@pytest.mark.parametrize(("runner", "signal_name"), [("segfault", "SIGSEGV"), ("abort", "SIGABRT")])
def test_a_signal_is_told_by_name(bundle, runner, signal_name):
    with sandbox(runner) as box, pytest.raises(AuditFailed) as raised:
        run(box, bundle)
    assert raised.value.problem == "child_died"
    assert raised.value.details["signal"] == signal_name


@pytest.mark.parametrize(
    ("runner", "signal_name"), [("segfault_of_the_model", "SIGSEGV"), ("abort_of_the_model", "SIGABRT")]
)
def test_a_model_that_ends_its_process_twice_is_hostile(bundle, caplog, runner, signal_name):
    with sandbox(runner) as box, pytest.raises(UnsafeModel) as raised:
        run(box, bundle)
    assert raised.value.code == "unsafe_model.ended_the_process"
    assert raised.value.details == {"signals": [signal_name, signal_name]}
    assert signal_name in raised.value.message
    assert [record.message for record in caplog.records] == ["audit died of its model"]


def dies_once(box, *, then, told=None, timeout=PATIENT):
    """Audit an upload that ends its process, and that then is what it should have been; the size found."""
    with box.private_folder() as folder:
        upload = folder / "bundle.zip"
        upload.write_bytes(b"once")

        def listener(stage, fraction):
            told.append((stage, fraction)) if told is not None else None
            if upload.read_bytes() == b"once":
                upload.write_bytes(then)

        output = folder / "report"
        box.run(upload, output, overrides={}, progress=Calling(listener), timeout=timeout)
        assert upload.read_bytes() == then
        return json.loads((output / "report.json").read_text())["size"]


def test_a_model_that_ends_its_process_once_is_audited_all_the_same(bundle, caplog):
    told = []
    with sandbox("segfault_once") as box:
        assert dies_once(box, then=b"twelve bytes", told=told) == 12
    assert [(record.levelname, record.signal) for record in caplog.records] == [("WARNING", "SIGSEGV")]
    assert told[:2] == [("reading", 0.5), ("reading", 0.5)], "progress fell when the audit began anew"


def test_a_second_attempt_has_what_is_left_of_the_time(bundle):
    with sandbox("segfault_once") as box:
        assert box.wait_ready(PATIENT)
        with pytest.raises(AuditTimeout) as raised:
            dies_once(box, then=b"sleep", timeout=2)
    assert raised.value.problem == "wall_clock"


@pytest.mark.parametrize("runner", ["killed_with_the_model_open", "stopped_with_the_model_open"])
def test_an_end_that_no_model_brings_about_is_not_laid_to_it(bundle, runner, caplog):
    with sandbox(runner) as box, pytest.raises(AuditFailed) as raised:
        run(box, bundle)
    assert raised.value.problem == "child_died"
    assert len(caplog.records) == 1, "a second attempt was made"


def test_an_exit_without_a_result_is_a_failure(bundle):
    with sandbox("leave_early") as box, pytest.raises(AuditFailed) as raised:
        run(box, bundle)
    assert raised.value.problem == "child_died"


def test_an_audit_outlives_an_attack_that_takes_all_memory_and_one_that_never_ends(bundle):
    sample = SOURCE.parent / "sample-input" / "membership.zip"
    shutil.copyfile(sample, bundle)
    # what the libraries fill themselves is not counted where they are loaded before
    limits = ResourceLimits(data_bytes=512 << 20)
    with Sandbox(only="membership", limits=limits, preload=True, job=running("audit_with_hogs")) as box:
        found = run(box, bundle, overrides={"attacks": ["fill", "need", "go_on", "gap"]})
    outcomes = {attack["name"]: attack for attack in found["attacks"]}
    assert [attack["status"] for attack in outcomes.values()] == ["failed", "measured", "failed", "measured"]
    assert "more memory" in outcomes["fill"]["reason"]
    assert "share of the audit's time" in outcomes["go_on"]["reason"]
    assert found["verdict"]["severity"] != "low"


def test_a_child_knows_how_long_it_may_run(bundle):
    with sandbox("surroundings", wall_seconds=100) as box:
        assert 0 < run(box, bundle, timeout=1_000)["time_left"] <= 100
        assert 0 < run(box, bundle, timeout=50)["time_left"] <= 50
    with sandbox("surroundings", cpu_seconds=30) as box:
        assert 0 < run(box, bundle, timeout=1_000)["time_left"] <= 30


def test_memory_is_limited(bundle):
    with sandbox("allocate", memory_bytes=512 << 20) as box, pytest.raises(LimitExceeded) as raised:
        run(box, bundle)
    assert raised.value.problem == "memory"


def test_file_size_is_limited(bundle):
    with sandbox("huge_file", file_bytes=8 << 20) as box, pytest.raises(LimitExceeded) as raised:
        run(box, bundle)
    assert raised.value.problem == "disk"


@pytest.mark.parametrize(
    ("runner", "limits"),
    [
        ("write_many_files", {"folder_entries": 100}),
        ("write_many_small_files", {"folder_entries": 100}),
        ("write_many_small_files", {"folder_bytes": 8 << 20}),
    ],
)
def test_files_and_their_space_are_counted(bundle, runner, limits):
    with sandbox(runner, **limits) as box, pytest.raises(LimitExceeded) as raised:
        run(box, bundle)
    assert raised.value.problem == "too_much_written"
    (limit,) = limits.values()
    assert f"{limit:,}" in raised.value.message


def test_what_keeps_within_its_space_is_left_alone(bundle):
    with sandbox("write_within_bounds", folder_entries=60, folder_bytes=8 << 20) as box:
        assert run(box, bundle)["size"]


def test_threads_are_counted(bundle):
    with sandbox("hold_sixty_threads", tasks=50) as box, pytest.raises(LimitExceeded) as raised:
        run(box, bundle)
    assert raised.value.problem == "tasks"
    assert "50" in raised.value.message


def test_memory_that_is_filled_is_limited_besides_what_is_mapped(bundle):
    with sandbox("allocate", data_bytes=64 << 20) as box, pytest.raises(LimitExceeded) as raised:
        run(box, bundle)
    assert raised.value.problem == "memory"


def test_who_hangs_up_is_not_logged_as_a_failure(bundle, caplog):
    cancelled = threading.Event()
    cancelled.set()
    with sandbox("sleep") as box, pytest.raises(AuditFailed) as raised:
        run(box, bundle, cancelled=cancelled)
    assert raised.value.problem == "cancelled"
    assert caplog.records == []


def test_an_upload_in_the_sandboxs_own_folder_and_one_elsewhere_are_both_read(bundle):
    with sandbox("echo") as box, box.private_folder() as folder:
        inside = folder / "bundle.zip"
        inside.write_bytes(b"twelve bytes")
        assert run(box, bundle)["size"] == bundle.stat().st_size
        output = folder / "report"
        box.run(inside, output, overrides={}, progress=Silent(), timeout=PATIENT)
        assert json.loads((output / "report.json").read_text())["size"] == 12


def test_a_workspace_that_somebody_removed_is_made_anew(bundle, tmp_path):
    with sandbox("echo") as box:
        assert run(box, bundle)["size"]
        for folder in (tmp_path / "tmp").iterdir():
            folder.chmod(0o700)
            shutil.rmtree(folder)
        assert run(box, bundle)["size"]


@pytest.mark.parametrize("runner", ["spin", "ignore_termination"])
def test_processor_time_is_limited(bundle, runner):
    with sandbox(runner, cpu_seconds=1) as box, pytest.raises(AuditTimeout) as raised:
        run(box, bundle)
    assert raised.value.problem == "cpu"


def test_wall_clock_is_limited_by_the_policy(bundle):
    with sandbox("sleep", wall_seconds=1) as box, pytest.raises(AuditTimeout) as raised:
        run(box, bundle)
    assert raised.value.problem == "wall_clock"


def test_wall_clock_is_limited_by_the_caller_and_the_next_job_works(bundle):
    with sandbox("ignore_termination") as box:
        server = box.server_pid
        with pytest.raises(AuditTimeout):
            run(box, bundle, timeout=0.5)
        wait_until(lambda: children_of(server) == [])
        assert box.server_pid == server


def test_a_cancelled_job_is_killed(bundle):
    cancelled = threading.Event()
    with sandbox("ignore_termination") as box:
        job = Background(box, bundle, cancelled=cancelled)
        assert len(children_of(box.server_pid)) == 1
        cancelled.set()
        error = job.ended()
        assert isinstance(error, AuditFailed)
        assert error.problem == "cancelled"
        assert children_of(box.server_pid) == []


def test_an_exception_in_the_listener_kills_the_job(bundle):
    def interrupt(stage, fraction):
        raise KeyboardInterrupt

    with sandbox("spin") as box:
        with pytest.raises(KeyboardInterrupt):
            run(box, bundle, progress=Calling(interrupt))
        assert children_of(box.server_pid) == []


def test_kill_of_a_child_fails_its_job_alone(bundle):
    with sandbox("sleep") as box:
        job = Background(box, bundle)
        os.kill(children_of(box.server_pid)[0], signal.SIGKILL)
        error = job.ended()
        assert isinstance(error, AuditFailed)
        assert error.details["signal"] == "SIGKILL"
        with pytest.raises(AuditTimeout):
            run(box, bundle, timeout=0.2)


def test_kill_of_the_fork_server_kills_its_children_and_the_next_job_gets_a_new_one(bundle):
    with sandbox("sleep") as box:
        job = Background(box, bundle)
        server = box.server_pid
        (child,) = children_of(server)
        os.kill(server, signal.SIGKILL)
        error = job.ended()
        assert isinstance(error, AuditFailed)
        assert error.problem == "server_died"
        wait_until(lambda: not alive(child))
        with pytest.raises(AuditTimeout):
            run(box, bundle, timeout=0.5)
        assert box.server_pid != server


def test_a_fork_server_killed_between_jobs_is_not_noticed(bundle):
    with sandbox("echo") as box:
        for _ in range(3):
            assert run(box, bundle)["size"]
            os.kill(box.server_pid, signal.SIGKILL)


def test_kill_of_the_parent_leaves_no_process_and_no_file(tmp_path, bundle):
    temporary = tmp_path / "orphans"
    temporary.mkdir()
    program = (
        "import sys, pathlib; from leakgauge.progress import Calling;"
        "from leakgauge.sandbox.parent import Sandbox;"
        "from leakgauge.sandbox.resources import ResourceLimits;"
        "from sandbox_runners import running;"
        "box = Sandbox(limits=ResourceLimits(), job=running('ignore_termination'));"
        "tell = Calling(lambda stage, fraction: print(box.server_pid, flush=True));"
        "box.run(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), overrides={}, progress=tell)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(bundle), str(tmp_path / "out")],
        env=os.environ | {"TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
    ) as parent:
        server = int(parent.stdout.readline())
        (child,) = children_of(server)
        parent.kill()
        parent.wait()
    wait_until(lambda: not alive(child) and not alive(server))
    assert list(temporary.iterdir()) == []


def test_jobs_run_side_by_side(bundle):
    with sandbox("sleep") as box:
        first, second = threading.Event(), threading.Event()
        jobs = [Background(box, bundle, cancelled=event) for event in (first, second)]
        assert len(children_of(box.server_pid)) == 2
        first.set()
        jobs[0].ended()
        assert len(children_of(box.server_pid)) == 1
        second.set()
        jobs[1].ended()


def test_close_ends_running_jobs_and_refuses_new_ones(bundle):
    box = sandbox("ignore_termination")
    job = Background(box, bundle)
    server = box.server_pid
    box.close()
    assert isinstance(job.ended(), Busy)
    assert not alive(server)
    with pytest.raises(Busy) as raised:
        run(box, bundle)
    assert raised.value.problem == "shutting_down"
    box.close()


@pytest.mark.parametrize(
    "runner",
    [
        *("garbage_events", "nested_events", "strange_events", "not_finite_events", "forged_frames"),
        *("two_endings", "unknown_family", "endless_line", "endless_events", "huge_number", "busy"),
        *("thousand_huge_numbers", "huge_number_to_look_at", "infinite_to_look_at", "nested_to_look_at"),
        *("other_layers", "unknown_layers"),
    ],
)
def test_events_that_are_none_end_the_job(bundle, runner):
    with sandbox(runner) as box:
        with pytest.raises(AuditFailed) as raised:
            run(box, bundle)
        assert raised.value.problem == "child_misbehaved"
        assert children_of(box.server_pid) == []
    assert not (bundle.parent / "report").exists()


def test_a_stage_cannot_steer_a_terminal(bundle):
    told = []
    with sandbox("steering_stage") as box:
        run(box, bundle, progress=Calling(lambda *report: told.append(report)))
    assert told == [("\ufffd[2Jcleared\ufffd{forged}", 1.0)]


def test_progress_never_falls(bundle):
    told = []
    with sandbox("falling_progress") as box:
        run(box, bundle, progress=Calling(lambda *report: told.append(report)))
    assert told == [("a", 0.5), ("b", 0.5), ("c", 0.5), ("d", 0.75)]


@pytest.mark.parametrize("runner", ["leave_a_folder", "leave_a_strange_name", "leave_nothing"])
def test_an_output_that_is_no_report_is_not_taken(bundle, runner):
    with sandbox(runner) as box, pytest.raises(AuditFailed) as raised:
        run(box, bundle)
    assert raised.value.problem == "untrusted_output"
    assert not (bundle.parent / "report").exists()


def test_a_failed_job_leaves_the_earlier_report_alone(bundle):
    with sandbox("echo") as box:
        run(box, bundle)
    with sandbox("refuse") as box, pytest.raises(BadBundle):
        run(box, bundle)
    assert json.loads((bundle.parent / "report" / "report.json").read_text())["size"]


def test_a_folder_that_is_no_report_is_not_replaced(bundle):
    output = bundle.parent / "report"
    output.mkdir()
    (output / "thesis.tex").write_text("years of work")
    with sandbox("echo") as box, pytest.raises(BadParameters) as raised:
        run(box, bundle)
    assert raised.value.problem == "output_folder"
    assert (output / "thesis.tex").read_text() == "years of work"


def test_a_fork_server_that_cannot_import_is_not_ready(bundle, monkeypatch, tmp_path):
    hollow = tmp_path / "hollow" / "leakgauge"
    hollow.mkdir(parents=True)
    (hollow / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(hollow.parent))
    with sandbox("echo") as box:
        assert not box.wait_ready(PATIENT)
        with pytest.raises(AuditFailed) as raised:
            run(box, bundle)
        assert raised.value.problem == "server_died"


def test_a_fork_server_gets_ready(bundle):
    with sandbox("echo") as box:
        assert box.wait_ready(PATIENT)
        assert box.wait_ready(PATIENT)
        assert run(box, bundle)["size"]


def test_a_runner_that_does_not_exist_is_a_crash(bundle):
    with sandbox("no_such_runner") as box, pytest.raises(AuditFailed) as raised:
        run(box, bundle)
    assert raised.value.problem == "unexpected"
