"""The Python door."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import JsonValue

from leakgauge.policy import Policy, policy_from, read_policy
from leakgauge.progress import Progress, Silent
from leakgauge.report.files import read_report
from leakgauge.report.gate import gate as hold
from leakgauge.report.json_document import from_json
from leakgauge.report.model import GateResult, Report
from leakgauge.sandbox.parent import Sandbox


def audit(
    source: str | PathLike[str],
    *,
    output: str | PathLike[str] | None = None,
    parameters: Mapping[str, JsonValue] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Audit the model in a bundle, in a sandboxed process.

    Parameters
    ----------
    source: a zip, or a folder with the same files loose.
    output: folder for the report's files; none are kept without it.
    parameters: win over the bundle's own `parameters.json`.
    progress: hears how far the audit is.

    Raises
    ------
    LeakgaugeError
        `InputError` and its kinds where the bundle must change, others where it need not.
    """
    with TemporaryDirectory(prefix="leakgauge-") as temporary, Sandbox() as sandbox:
        folder = Path(output) if output is not None else Path(temporary) / "report"
        sandbox.run(Path(source), folder, overrides=dict(parameters or {}), progress=progress or Silent())
        return from_json((folder / "report.json").read_bytes())


def gate(
    report: Report | str | PathLike[str],
    policy: Policy | Mapping[str, JsonValue] | str | PathLike[str] | None = None,
) -> GateResult:
    """Hold a report to a policy: passed, failed, or inconclusive, rule by rule.

    Parameters
    ----------
    report: what `audit` gave, or a `report.json` or the folder it stands in.
    policy: a YAML file, the same as names and values, or None for the default policy.

    Raises
    ------
    InputError
        for a report or a policy that cannot be read.
    """
    found = read_report(Path(report)) if isinstance(report, str | PathLike) else report
    if policy is None or isinstance(policy, Policy):
        return hold(found, policy)
    limits = policy_from(policy) if isinstance(policy, Mapping) else read_policy(Path(policy))
    return hold(found, limits)
