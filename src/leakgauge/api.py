"""The Python door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from pydantic import JsonValue

from leakgauge.before_after import audit_before_after, write_comparison
from leakgauge.policy import Policy, policy_from, read_policy
from leakgauge.progress import Progress, Silent
from leakgauge.report.comparison import compare as compare_reports
from leakgauge.report.comparison.document import comparison_to_json
from leakgauge.report.comparison.model import Comparison
from leakgauge.report.files import read_report
from leakgauge.report.gate import gate as hold
from leakgauge.report.html import render_comparison
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
    source
        a zip, or a folder with the same files loose.
    output
        folder for the report's files; none are kept without it.
    parameters
        win over the bundle's own `parameters.json`.
    progress
        hears how far the audit is.

    Raises
    ------
    LeakgaugeError
        `InputError` and its kinds where the bundle must change, others where it need not.
    """
    with TemporaryDirectory(prefix="leakgauge-") as temporary, Sandbox() as sandbox:
        folder = Path(output) if output is not None else Path(temporary) / "report"
        sandbox.run(
            Path(source),
            folder,
            overrides=dict(parameters or {}),
            progress=progress or Silent(),
            keep=output is not None,
        )
        return from_json((folder / "report.json").read_bytes())


ReportSource: TypeAlias = "Report | str | PathLike[str]"


def compare(before: ReportSource | Sequence[Report], after: ReportSource | Sequence[Report]) -> Comparison:
    """Compare audits before a change with audits after it.

    Parameters
    ----------
    before, after
        what `audit` gave, or a `report.json` or the folder it stands in; or several reports, one
        per seed and paired in order.

    Raises
    ------
    InputError
        for reports that cannot be read, or not be compared.
    """
    return compare_reports(_reports(before), _reports(after))


def compare_defence(
    bundle: str | PathLike[str],
    defences: Sequence[str],
    *,
    runs: int = 1,
    output: str | PathLike[str] | None = None,
    parameters: Mapping[str, JsonValue] | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Audit a bundle as it is and behind output defences, and compare.

    Parameters
    ----------
    bundle
        a zip, or a folder with the same files loose.
    defences
        in the order of application, such as `["rounding=2"]`.
    runs
        pairs of audits, each with another seed.
    parameters
        as for `audit`; the rows of the reference libraries are there unless
        `reference_libraries` is False.
    output
        folder for the reports and the comparison; none are kept without it.
    progress
        hears how far the audits are.

    Raises
    ------
    LeakgaugeError
        as `audit` does.
    """
    with TemporaryDirectory(prefix="leakgauge-") as temporary, Sandbox() as sandbox:
        folder = Path(output) if output is not None else Path(temporary) / "comparison"
        audited = audit_before_after(
            sandbox,
            Path(bundle),
            folder,
            defences=defences,
            runs=runs,
            overrides=dict(parameters or {}),
            progress=progress or Silent(),
        )
        found = compare_reports(audited.before, audited.after)
        write_comparison(folder, comparison_to_json(found), render_comparison(found))
    return found


def gate(
    report: ReportSource,
    policy: Policy | Mapping[str, JsonValue] | str | PathLike[str] | None = None,
) -> GateResult:
    """Hold a report to a policy: passed, failed, or inconclusive, rule by rule.

    Parameters
    ----------
    report
        what `audit` gave, or a `report.json` or the folder it stands in.
    policy
        a YAML file, the same as names and values, or None for the default policy.

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


def _reports(source: ReportSource | Sequence[Report]) -> Report | Sequence[Report]:
    return read_report(Path(source)) if isinstance(source, str | PathLike) else source
