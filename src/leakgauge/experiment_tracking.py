"""A report in an experiment tracker: MLflow's, beside the run that trained the model."""

from __future__ import annotations

import hashlib
from os import PathLike
from pathlib import Path
from typing import Any

from leakgauge.extras import check
from leakgauge.report.cards.figures import main_figures
from leakgauge.report.files import read_report
from leakgauge.report.html import render
from leakgauge.report.json_document import to_json
from leakgauge.report.model import Audited, Report

_FOLDER = "leakgauge"


def log_to_mlflow(report: Report | str | PathLike[str], *, run_id: str | None = None) -> str:
    """Log a report to MLflow: its main figures, its verdict, `report.json` and `report.html`.

    Each figure is a metric such as `leakgauge/auc`, with the ends of its interval beside it as
    `leakgauge/auc_low` and `leakgauge/auc_high`. Severity, verdict, seed, version and the outcome of a policy
    are tags such as `leakgauge.severity`. The files are artifacts in the folder `leakgauge`. Where MLflow
    keeps them is set as for any run (`mlflow.set_tracking_uri`).

    Parameters
    ----------
    report
        what `audit` gave, or a `report.json` or the folder it stands in.
    run_id
        the run to log to; without it the active run, or a new one where none is active.

    Returns
    -------
    str
        the id of the run.

    Raises
    ------
    AuditFailed
        `missing_extra` where MLflow is not installed.
    InputError
        for a report that cannot be read.
    """
    check("mlflow", ["mlflow"])
    # imported late: no other function needs it
    import mlflow

    read = read_report(Path(report)) if isinstance(report, str | PathLike) else report
    client = mlflow.MlflowClient()
    active = mlflow.active_run()
    if run_id is not None:
        return _logged(read, client, run_id)
    if active is not None:
        return _logged(read, client, active.info.run_id)
    with mlflow.start_run(run_name=f"Leakgauge {read.kind} audit") as run:
        return _logged(read, client, run.info.run_id)


def _logged(report: Report, client: Any, run_id: str) -> str:
    document = to_json(report)
    for figure in main_figures(report):
        found = figure.estimate
        for end, value in (("", found.value), ("_low", found.low), ("_high", found.high)):
            client.log_metric(run_id, f"{_FOLDER}/{figure.name}{end}", value)
    tags = {
        "severity": report.verdict.severity.value,
        "verdict": report.verdict.sentence,
        "kind": report.kind,
        "seed": str(report.seed),
        "version": report.versions.get("leakgauge", "unknown"),
        "report_sha256": hashlib.sha256(document).hexdigest(),
        "policy": report.gate.outcome.value if report.gate else "none",
    }
    for name, text in tags.items():
        client.set_tag(run_id, f"{_FOLDER}.{name}", text)
    client.log_text(run_id, document.decode(), f"{_FOLDER}/report.json")
    # the images of an inversion report come with the result of `audit`, and not with its file
    page = render(Audited(report, getattr(report, "files", {})))
    client.log_text(run_id, page, f"{_FOLDER}/report.html")
    return run_id
