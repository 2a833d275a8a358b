"""The table of jobs: names that lead to functions, and no framework on the way."""

from __future__ import annotations

import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path

import image_bundles
import pytest
from bundle_files import laid_out
from profile_bundles import fitted, people, profiles_bundle

import leakgauge.jobs
from leakgauge.jobs import audit as jobs_audit
from leakgauge.jobs.request import JobRequest
from leakgauge.jobs.table import JOBS, PRELOADS, Job
from leakgauge.membership import audit as membership_audit
from leakgauge.profiles import audit as profiles_audit
from leakgauge.progress import Silent

SAMPLE = Path(__file__).parents[2] / "sample-input" / "membership.zip"

FRAMEWORKS = ("numpy", "pandas", "sklearn", "torch", "tensorflow", "keras", "onnxruntime")
BESIDE_THE_JOBS = ("table", "request", "digits", "evaluator", "invented", "network", "sides", "story")


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_a_row_leads_to_a_function_of_a_request_and_a_listener(job: Job) -> None:
    module, _, function = job.function.partition(":")
    found = getattr(importlib.import_module(module), function)
    assert len(inspect.signature(found).parameters) == 2
    assert found.__module__ == module


def test_every_file_of_the_room_is_a_row_of_the_table() -> None:
    room = Path(leakgauge.jobs.__file__).parent
    files = {path.relative_to(room).with_suffix("").as_posix() for path in room.rglob("*.py")}
    rows = {job.function.partition(":")[0].removeprefix("leakgauge.jobs.").replace(".", "/") for job in JOBS}
    assert {file for file in files if file.rpartition("/")[2] not in ("__init__", *BESIDE_THE_JOBS)} == rows


def test_names_and_functions_are_those_of_one_row() -> None:
    assert len({job.name for job in JOBS}) == len({job.function for job in JOBS}) == len(JOBS)


@pytest.mark.parametrize(
    "module", ["leakgauge.jobs.table", "leakgauge.sandbox.parent", "leakgauge.sandbox.fork_server"]
)
def test_who_names_a_job_loads_no_framework(module: str) -> None:
    program = f"import sys, {module}; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not set(FRAMEWORKS) & set(loaded)
    assert not [name for name in loaded if name.startswith("leakgauge.jobs.") and name.count(".") > 2]
    assert "leakgauge.jobs.audit" not in loaded


@pytest.mark.parametrize("kind", list(PRELOADS))
def test_what_is_preloaded_can_be_imported(kind: str) -> None:
    assert PRELOADS[kind]  # type: ignore[index]  # a kind by its text
    assert all(importlib.util.find_spec(name) is not None for name in PRELOADS[kind])  # type: ignore[index]


@pytest.mark.parametrize("kind", ["tables", "images", "profiles"])
def test_a_caller_in_a_hurry_is_no_parameter_of_an_audit_that_cannot_be_cut_short(
    kind, tmp_path, monkeypatch
):
    heard = []
    for conducted in (membership_audit, profiles_audit):
        monkeypatch.setattr(
            conducted, "audit_bundle", lambda _, overrides, *__, **___: heard.append(overrides)
        )
    monkeypatch.setattr(jobs_audit, "write", lambda *_: None)
    for folder in ("scratch", "report"):
        (tmp_path / folder).mkdir()
    source = {
        "tables": lambda: SAMPLE,
        "images": lambda: laid_out(image_bundles.bundle(), tmp_path / "b"),
        "profiles": lambda: profiles_bundle(
            tmp_path / "b", fitted(*people(60, seed=0)), people(60, seed=1)[0]
        ),
    }[kind]()
    request = JobRequest(
        source=source,
        scratch=tmp_path / "scratch",
        report=tmp_path / "report",
        overrides={"seed": 1},
        only=None,
        time_budget=25.0,
    )
    jobs_audit.audit(request, Silent())
    assert heard == [{"seed": 1} | ({} if kind == "profiles" else {"time_budget": 25.0})]
