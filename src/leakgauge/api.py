"""The Python door."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias, overload

from pydantic import JsonValue

from leakgauge.before_after import audit_before_after, write_comparison
from leakgauge.file_contents import look_into
from leakgauge.own_process import Given, audit_in_memory, contents_in_memory
from leakgauge.policy import Policy, policy_from, read_policy
from leakgauge.progress import Progress
from leakgauge.report.comparison import compare as compare_reports
from leakgauge.report.comparison.document import comparison_to_json
from leakgauge.report.comparison.model import Comparison
from leakgauge.report.files import read_report
from leakgauge.report.gate import gate as hold
from leakgauge.report.html import render_comparison
from leakgauge.report.model import GateResult, ModelContents, Report
from leakgauge.report.writers import CSV_NAME
from leakgauge.results import MembershipResult, Result, result_of
from leakgauge.sandbox.parent import Sandbox
from leakgauge.terminal import agreed, listening


@overload
def audit(
    source: str | PathLike[str],
    *,
    output: str | PathLike[str] | None = None,
    parameters: Mapping[str, JsonValue] | None = None,
    progress: Progress | bool | None = None,
    **settings: JsonValue,
) -> Result: ...


@overload
def audit(
    source: Any,
    X_train: Any,
    y_train: Any,
    X_test: Any,
    y_test: Any,
    *,
    population: tuple[Any, Any] | None = None,
    fit: Callable[[Any, Any], Any] | None = None,
    classes: Sequence[Any] | None = None,
    output: str | PathLike[str] | None = None,
    parameters: Mapping[str, JsonValue] | None = None,
    progress: Progress | bool | None = None,
    **settings: JsonValue,
) -> MembershipResult: ...


def audit(
    source: Any,
    X_train: Any = None,
    y_train: Any = None,
    X_test: Any = None,
    y_test: Any = None,
    *,
    population: Any = None,
    fit: Any = None,
    classes: Any = None,
    output: str | PathLike[str] | None = None,
    parameters: Mapping[str, JsonValue] | None = None,
    progress: Progress | bool | None = None,
    **settings: JsonValue,
) -> Result:
    """Audit the model in a bundle, in a sandboxed process; or a model in memory, in this one.

    A bundle may come from anybody: nothing of it runs outside the sandbox. A model in memory is the
    caller's own, who trusts it: it runs here, without a sandbox. Both give the same figures.

    Parameters
    ----------
    source
        a zip, or a folder with the same files loose; or a model: a fitted estimator, anything that answers as
        one, or a function of rows that gives (n, n_classes) probabilities, (n,) labels or (n,) numbers.
    X_train, y_train
        records that the model was trained on, a DataFrame or an array, and their labels.
    X_test, y_test
        records of the same source that it was not trained on, and their labels.
    population
        optional further (records, labels) of the source, for the attacker who has other data.
    fit
        how such a model is trained: a function of rows and labels that gives a fitted estimator, or a
        function of rows that answers as `source` does. Without it an estimator is cloned
        (`sklearn.base.clone`), and a function is compared with no reference models.
    classes
        the labels in the order of the columns of a function's answer; those of `y_train`, sorted, without.
    output
        folder for the report's files; none are kept without it.
    parameters
        win over the bundle's own `parameters.json`.
    progress
        hears how far the audit is; True and False for a bar or none. Terminals and notebooks show one.
    settings
        single parameters by name, such as `seed=1`; they win over `parameters`.

    Raises
    ------
    LeakgaugeError
        `InputError` and its kinds where the input must change, others where it need not.
    TypeError
        for a model without records, or records beside a bundle.
    """
    overrides = {**(parameters or {}), **settings}
    if not isinstance(source, str | PathLike):
        records = Given((X_train, y_train), (X_test, y_test), population, fit, classes)
        return audit_in_memory(source, records, overrides, output, progress)
    if any(one is not None for one in (X_train, y_train, X_test, y_test, population, fit, classes)):
        raise TypeError("a bundle holds its records: X_train and what follows is for a model in memory")
    return _audit_bundle(Path(source), output, overrides, progress)


def audit_endpoint(
    endpoint: str | PathLike[str] | Mapping[str, Any],
    data: str | PathLike[str],
    *,
    confirmed: bool = False,
    output: str | PathLike[str] | None = None,
    parameters: Mapping[str, JsonValue] | None = None,
    progress: Progress | bool | None = None,
    **settings: JsonValue,
) -> Result:
    """Audit a live service by asking it: for membership of records, or for inversion of an image classifier.

    The service is asked from this process, and from nowhere else; everything that opens data or reads answers
    runs in a sandbox without a network.

    Parameters
    ----------
    endpoint
        where the service is, how it is asked and what that may cost: a YAML file as `docs/endpoints.md`
        describes it, or names and values as it would hold them. Secrets are in environment variables that it
        names.
    data
        a zip or a folder as `audit` takes it, without a model.
    confirmed
        whether the rows and the cost in the settings are meant. Without it, what would be asked is told in
        the error, or in a terminal or notebook asked for.
    output, parameters, progress, settings
        as for `audit`.

    Raises
    ------
    BadParameters
        `not_confirmed`; whatever is wrong with the settings.
    ServiceFailed
        where the service, or the network, is at fault: started again, the audit goes on from there.
    LeakgaugeError
        as `audit` does.
    """
    # imported late: no other audit needs what makes requests
    from leakgauge.endpoints.auditing import audit_service

    with TemporaryDirectory(prefix="leakgauge-") as temporary, Sandbox() as sandbox:
        folder = Path(output) if output is not None else Path(temporary) / "report"
        audit_service(
            sandbox,
            endpoint,
            Path(data),
            folder,
            overrides={**(parameters or {}), **settings},
            progress=lambda: listening(progress),
            confirm=lambda plan: confirmed or agreed(plan),
            environment=os.environ,
            keep=output is not None,
        )
        return _result_in(folder)


def _audit_bundle(
    source: Path,
    output: str | PathLike[str] | None,
    overrides: Mapping[str, JsonValue],
    progress: Progress | bool | None,
) -> Result:
    with (
        TemporaryDirectory(prefix="leakgauge-") as temporary,
        Sandbox() as sandbox,
        listening(progress) as listener,
    ):
        folder = Path(output) if output is not None else Path(temporary) / "report"
        sandbox.run(source, folder, overrides=dict(overrides), progress=listener, keep=output is not None)
        return _result_in(folder)


def _result_in(folder: Path) -> Result:
    """What stands in the folder of a report."""
    beside = [
        file for file in sorted(folder.iterdir()) if file.suffix in (".png", ".csv") and file.name != CSV_NAME
    ]
    return result_of(read_report(folder), {file.name: file.read_bytes() for file in beside})


def contents(
    model: Any,
    X: Any = None,
    y: Any = None,
    *,
    include_values: bool = False,
    parameters: Mapping[str, JsonValue] | None = None,
    progress: Progress | bool | None = None,
) -> ModelContents:
    """What a model holds of its training table, word for word.

    A file is looked into in a sandboxed process, a model in memory in this one.

    Parameters
    ----------
    model
        a model file, or a membership bundle, whose members are the table then; or a fitted estimator.
    X
        the table to compare it with: a file beside a model file, rows beside an estimator. Without it, what
        estimators of its kind are known to keep is told.
    y
        labels of the rows beside an estimator; a file holds its own.
    include_values
        whether a few of the values that were found go into the result; by default none do.
    parameters
        how a file of a table is read, such as `{"label_column": "income"}`.
    progress
        as for `audit`.

    Raises
    ------
    LeakgaugeError
        as `audit`.
    TypeError
        for rows beside a file, or labels without rows.
    """
    if y is not None and X is None:
        raise TypeError("labels come with the rows that they belong to")
    if not isinstance(model, str | PathLike):
        return contents_in_memory(model, X, y, progress, include_values=include_values)
    if y is not None or not isinstance(X, str | PathLike | None):
        raise TypeError("a model file is compared with the file of a table, which holds its labels")
    with Sandbox() as sandbox, listening(progress) as listener:
        return look_into(
            sandbox,
            Path(model),
            None if X is None else Path(X),
            overrides=parameters or {},
            include_values=include_values,
            progress=listener,
        )


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
    progress: Progress | bool | None = None,
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
        hears how far the audits are; as for `audit`.

    Raises
    ------
    LeakgaugeError
        as `audit` does.
    """
    with (
        TemporaryDirectory(prefix="leakgauge-") as temporary,
        Sandbox() as sandbox,
        listening(progress) as listener,
    ):
        folder = Path(output) if output is not None else Path(temporary) / "comparison"
        audited = audit_before_after(
            sandbox,
            Path(bundle),
            folder,
            defences=defences,
            runs=runs,
            overrides=dict(parameters or {}),
            progress=listener,
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
        a YAML file, the name of a policy that comes along (`aisvs`, `edpb-strict`), the same as names and
        values, or None for the default policy.

    Raises
    ------
    InputError
        for a report or a policy that cannot be read.
    """
    found = read_report(Path(report)) if isinstance(report, str | PathLike) else report
    if policy is None or isinstance(policy, Policy):
        return hold(found, policy)
    limits = policy_from(policy) if isinstance(policy, Mapping) else read_policy(os.fspath(policy))
    return hold(found, limits)


def _reports(source: ReportSource | Sequence[Report]) -> Report | Sequence[Report]:
    return read_report(Path(source)) if isinstance(source, str | PathLike) else source
