"""The Python door."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeAlias, cast, overload

from pydantic import JsonValue

from leakgauge.before_after import audit_before_after, write_comparison
from leakgauge.extras import check
from leakgauge.policy import Policy, policy_from, read_policy
from leakgauge.progress import Progress
from leakgauge.report.comparison import compare as compare_reports
from leakgauge.report.comparison.document import comparison_to_json
from leakgauge.report.comparison.model import Comparison
from leakgauge.report.files import read_report
from leakgauge.report.gate import gate as hold
from leakgauge.report.html import render_comparison
from leakgauge.report.json_document import from_json
from leakgauge.report.model import Audited, GateResult, Report
from leakgauge.report.writers import write
from leakgauge.results import InversionResult, MembershipResult, Result, read_back, result_of
from leakgauge.sandbox.output import check_destination, check_writable, collect_output
from leakgauge.sandbox.parent import Sandbox
from leakgauge.terminal import listening


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
        a zip, or a folder with the same files loose; or a model: a fitted estimator, anything with
        `predict_proba`, or a function of rows that gives (n, n_classes) probabilities or (n,) labels.
    X_train, y_train
        records that the model was trained on, a DataFrame or an array, and their labels.
    X_test, y_test
        records of the same source that it was not trained on, and their labels.
    population
        optional further (records, labels) of the source, for the attacker who has other data.
    fit
        how such a model is trained: a function of rows and labels that gives a fitted estimator, or a
        function of rows that gives probabilities. Without it an estimator is cloned
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
        records = _Given((X_train, y_train), (X_test, y_test), population, fit, classes)
        return _audit_in_memory(source, records, overrides, output, progress)
    if any(one is not None for one in (X_train, y_train, X_test, y_test, population, fit, classes)):
        raise TypeError("a bundle holds its records: X_train and what follows is for a model in memory")
    return _audit_bundle(Path(source), output, overrides, progress)


def audit_answers(
    answers_train: Any,
    y_train: Any,
    answers_test: Any,
    y_test: Any,
    *,
    reference_answers: Sequence[tuple[Any, Any]] = (),
    classes: Sequence[Any] | None = None,
    output: str | PathLike[str] | None = None,
    parameters: Mapping[str, JsonValue] | None = None,
    progress: Progress | bool | None = None,
    **settings: JsonValue,
) -> MembershipResult:
    """Audit what a model answered, without the model.

    Every attack runs that needs no more than the answers; what cannot be said without the model is told.

    Parameters
    ----------
    answers_train, y_train
        what the model answered about the records that it was trained on, and their true labels: (n, k)
        probabilities or (n,) predicted labels, as arrays or as DataFrames with a column called like each
        class.
    answers_test, y_test
        the same of records that it was not trained on.
    reference_answers
        for each reference model (shadow model) the (n, k) probabilities that it gives to all records, those
        of `answers_train` and then those of `answers_test`, and (n,) whether it was trained on them.
    classes
        the labels in the order of the columns of an array; those of `y_train`, sorted, without.
    output, parameters, progress, settings
        as for `audit`.

    Raises
    ------
    LeakgaugeError
        as `audit`.
    """
    check("membership")
    # imported at first use, as in `audit`
    from leakgauge.membership.answers import GivenAnswers
    from leakgauge.membership.audit import audit_answers as audit_given

    source = GivenAnswers((answers_train, y_train), (answers_test, y_test), tuple(reference_answers), classes)
    overrides = {**(parameters or {}), **settings}
    result = _here(lambda listener: audit_given(source, overrides, listener), output, progress)
    return cast(MembershipResult, result)


class _Given(NamedTuple):
    """What comes with a model in memory."""

    members: tuple[Any, Any]
    non_members: tuple[Any, Any]
    population: tuple[Any, Any] | None
    fit: Callable[[Any, Any], Any] | None
    classes: Sequence[Any] | None


def _audit_in_memory(
    model: Any,
    given: _Given,
    overrides: Mapping[str, JsonValue],
    output: str | PathLike[str] | None,
    progress: Progress | bool | None,
) -> MembershipResult:
    if any(one is None for one in (*given.members, *given.non_members)):
        raise TypeError("a model in memory is audited with X_train, y_train, X_test and y_test")
    check("membership")
    # imported at first use: whoever audits bundles needs no scikit-learn in his own process
    from leakgauge.membership.audit import audit_in_memory
    from leakgauge.membership.in_memory import InMemory

    pairs = [given.members, given.non_members, *([given.population] if given.population is not None else [])]

    def attempt(listener: Progress) -> Audited:
        source = InMemory.of(model, *pairs, fit=given.fit, classes=given.classes)
        return audit_in_memory(source, overrides, listener)

    return cast(MembershipResult, _here(attempt, output, progress))


@overload
def audit_images(
    model: Any,
    image: Any,
    *,
    auxiliary: Any = None,
    reference: Any = None,
    evaluator: Any = None,
    output: str | PathLike[str] | None = None,
    parameters: Mapping[str, JsonValue] | None = None,
    progress: Progress | bool | None = None,
    **settings: JsonValue,
) -> InversionResult: ...


@overload
def audit_images(
    model: Any,
    image: Any,
    y_train: Any,
    X_test: Any,
    y_test: Any,
    *,
    output: str | PathLike[str] | None = None,
    parameters: Mapping[str, JsonValue] | None = None,
    progress: Progress | bool | None = None,
    **settings: JsonValue,
) -> MembershipResult: ...


def audit_images(
    model: Any,
    image: Any,
    y_train: Any = None,
    X_test: Any = None,
    y_test: Any = None,
    *,
    auxiliary: Any = None,
    reference: Any = None,
    evaluator: Any = None,
    output: str | PathLike[str] | None = None,
    parameters: Mapping[str, JsonValue] | None = None,
    progress: Progress | bool | None = None,
    **settings: JsonValue,
) -> Result:
    """Audit an image classifier in memory: for inversion, or for membership of image sets.

    The model runs in this process, without a sandbox, as in `audit`.

    Parameters
    ----------
    model
        a function of (n, height, width) or (n, height, width, channels) images that gives (n, n_classes)
        probabilities or logits. It gets 32-bit floats in the range of the images that are handed over.
    image
        an image of the class to reconstruct, as the model takes it, for the inversion audit; or all images
        that the model was trained on, for the membership audit.
    y_train, X_test, y_test
        for the membership audit: the class numbers of these images, and images with class numbers that
        the model was not trained on.
    auxiliary, reference, evaluator
        for the inversion audit: images of the attacker's own, further images of the class, and a second
        classifier that evaluates reconstructions.
    output, parameters, progress, settings
        as for `audit`.

    Raises
    ------
    LeakgaugeError
        as `audit`.
    TypeError
        for some of the three sets alone, or what belongs to the other audit.
    """
    overrides = {**(parameters or {}), **settings}
    sets = (y_train, X_test, y_test)
    besides = (auxiliary, reference, evaluator)
    if all(one is not None for one in sets) and all(one is None for one in besides):
        check("membership")
        from leakgauge.membership.images_in_memory import audit_image_sets

        members, others = (image, y_train), (X_test, y_test)
        return _here(
            lambda listener: audit_image_sets(model, members, others, overrides, listener), output, progress
        )
    if any(one is not None for one in sets):
        raise TypeError("image sets are X_train, y_train, X_test and y_test, and nothing else")
    check("inversion")
    from leakgauge.inversion.in_memory import GivenImages, audit_image

    given = GivenImages(image, *besides)
    return _here(lambda listener: audit_image(model, given, overrides, listener), output, progress)


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
        images = {file.name: file.read_bytes() for file in sorted(folder.glob("*.png"))}
        return result_of(from_json((folder / "report.json").read_bytes()), images)


def _here(
    attempt: Callable[[Progress], Audited],
    output: str | PathLike[str] | None,
    progress: Progress | bool | None,
) -> Result:
    """What an audit in this process gives, its files put where they are asked for."""
    if output is not None:
        check_destination(Path(output))
        check_writable(Path(output))
    with listening(progress) as listener:
        audited = attempt(listener)
    if output is not None:
        with TemporaryDirectory(prefix="leakgauge-") as temporary:
            write(audited, Path(temporary) / "report")
            collect_output(Path(temporary) / "report", Path(output), keep=True)
    return read_back(audited)


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
