"""One audit, or one prior, from the channel that SageMaker has filled to the folders that it collects."""

from __future__ import annotations

import logging
import secrets
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leakgauge import logs
from leakgauge.errors import AuditFailed, BadParameters, LeakgaugeError
from leakgauge.extras import installed
from leakgauge.installation import installed_kind, ml_root
from leakgauge.jobs.table import AUDIT, Job
from leakgauge.redacted_traceback import redacted_traceback
from leakgauge.sagemaker.layout import Hosts, JobLayout
from leakgauge.sagemaker.metrics import metric_lines
from leakgauge.sandbox.output import check_writable
from leakgauge.sandbox.parent import ModelTraining, Sandbox

_log = logging.getLogger(__name__)

_TRIAL = "report"  # a folder of that name is tried, and not left, in those that SageMaker collects
_REASON_CHARACTERS = 1_024


def main() -> int:
    """Run the job under `LEAKGAUGE_ML_ROOT`, `/opt/ml` by default; the exit code."""
    logs.configure()
    layout = JobLayout(ml_root())
    cancelled = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: cancelled.set())
    try:
        job = layout.job()
        hosts = layout.hosts()
        if hosts is not None and hosts.current != hosts.leader:
            _follow(hosts, job, cancelled)
            return 0
        with Sandbox(only=installed_kind(), job=job) as sandbox, _led(layout, hosts, job) as training:
            run(layout, sandbox, job=job, cancelled=cancelled, training=training)
    except LeakgaugeError as error:
        return _fail(layout, error)
    except Exception as error:  # noqa: BLE001 - a job must leave a reason, whatever it met
        found = redacted_traceback(error)
        identifier = secrets.token_hex(8)
        _log.error("unexpected", extra={"id": identifier, "type": found.type, "frames": found.frames})
        return _fail(
            layout,
            AuditFailed(
                "unexpected",
                "The job met a situation that it was not written for.",
                hint=f"Report it with the id {identifier}, which stands in the log.",
            ),
        )
    return 0


def _trains_elsewhere(job: Job) -> bool:
    """Whether several hosts can share the work, which is that of audits that train reference models."""
    if job is not AUDIT or installed_kind() == "inversion":
        return False
    if not installed("distributed"):
        _log.warning("several hosts share an audit where the extra dask is installed; one does it alone")
        return False
    return True


@contextmanager
def _led(layout: JobLayout, hosts: Hosts | None, job: Job) -> Iterator[ModelTraining | None]:
    """What the first of several hosts has its reference models trained by; None where it is alone."""
    if hosts is None or not _trains_elsewhere(job):
        yield None
        return
    # imported late, as below: a job on one instance needs no Dask
    from leakgauge.workers.hosts import led

    with led(hosts.current, layout.source(job), layout.overrides()) as training:
        yield training


def _follow(hosts: Hosts, job: Job, cancelled: threading.Event) -> None:
    """Do what there is to do on a host that is not the first."""
    if not _trains_elsewhere(job):
        _log.info("another instance of this job does the audit")
        return
    from leakgauge.workers.hosts import follow

    follow(hosts.current, hosts.leader, ending=cancelled)


def run(
    layout: JobLayout,
    sandbox: Sandbox,
    *,
    job: Job = AUDIT,
    cancelled: threading.Event | None = None,
    training: ModelTraining | None = None,
) -> None:
    """Do the job with what its channel holds; files into `model` and `output/data`, metrics to stdout.

    Parameters
    ----------
    sandbox
        one that runs the job.
    cancelled
        set when the job is to be stopped.
    training
        who trains the reference models of an audit; None for the audit itself.

    Raises
    ------
    LeakgaugeError
        whatever the job's configuration, its bundle or the audit deserve.
    """
    overrides = layout.overrides()
    for collected in (layout.model, layout.output_data):
        check_writable(collected / _TRIAL)
    with sandbox.private_folder() as folder:
        finished = folder / "finished"
        sandbox.run(
            layout.source(job),
            finished,
            overrides=overrides,
            progress=logs.Milestones(_log_progress),
            cancelled=cancelled,
            peer=training,
        )
        if job is AUDIT:
            for line in metric_lines(finished / "report.json"):
                print(line, flush=True)
        _collect(finished, layout)
    _log.info("written", extra={"task": job.name})


def _collect(finished: Path, layout: JobLayout) -> None:
    """Copy the files into folders that stand already, which SageMaker mounts; into each that takes them."""
    left_out = []
    for collected in (layout.model, layout.output_data):
        try:
            shutil.copytree(finished, collected, dirs_exist_ok=True, copy_function=shutil.copyfile)
        except OSError:  # shutil's own among them
            left_out.append("/".join(collected.relative_to(layout.root).parts))
    if left_out:
        raise BadParameters(
            "output_folder",
            f"The audit has ended, but its files could not be written to {' and '.join(left_out)}.",
            hint="Give the job's volume more room."
            + (" They are in the job's other output." if len(left_out) == 1 else ""),
        )


def _log_progress(stage: str, fraction: float) -> None:
    _log.info("progress", extra={"stage": stage, "fraction": round(fraction, 3)})


def _fail(layout: JobLayout, error: LeakgaugeError) -> int:
    _log.error("job failed", extra={"code": error.code})
    reason = f"{error.message} {error.hint} [{error.code}]"
    try:
        layout.failure.parent.mkdir(parents=True, exist_ok=True)
        layout.failure.write_text(reason[:_REASON_CHARACTERS], encoding="utf-8")
    except OSError:
        _log.error("the reason cannot be written", extra={"reason": reason})
    return error.exit_code
