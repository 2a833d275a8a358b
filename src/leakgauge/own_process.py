"""Audits in the caller's own process, of models that he holds in memory and of what they answered.

He trusts them: they are his own objects, and no sandbox stands around what they do. What is
imported to audit them is imported at first use, so that the door for bundles needs none of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, cast, overload

from pydantic import JsonValue

from leakgauge.extras import check
from leakgauge.progress import Progress
from leakgauge.report.model import Audited, ModelContents
from leakgauge.report.writers import write
from leakgauge.results import InversionResult, MembershipResult, ProfilesResult, Result, read_back
from leakgauge.sandbox.output import check_destination, check_writable, collect_output
from leakgauge.terminal import listening


class Given(NamedTuple):
    """What comes with a model in memory."""

    members: tuple[Any, Any]
    non_members: tuple[Any, Any]
    population: tuple[Any, Any] | None
    fit: Callable[[Any, Any], Any] | None
    classes: Sequence[Any] | None


def audit_in_memory(
    model: Any,
    given: Given,
    overrides: Mapping[str, JsonValue],
    output: str | PathLike[str] | None,
    progress: Progress | bool | None,
) -> MembershipResult:
    """What `leakgauge.audit` does with a model; see there."""
    if any(one is None for one in (*given.members, *given.non_members)):
        raise TypeError("a model in memory is audited with X_train, y_train, X_test and y_test")
    check("membership")
    from leakgauge.membership.audit import audit_in_memory as audit_records
    from leakgauge.membership.in_memory import InMemory

    pairs = [given.members, given.non_members, *([given.population] if given.population is not None else [])]

    def attempt(listener: Progress) -> Audited:
        source = InMemory.of(model, *pairs, fit=given.fit, classes=given.classes)
        return audit_records(source, overrides, listener)

    return cast(MembershipResult, _here(attempt, output, progress))


def contents_in_memory(
    model: Any, X: Any, y: Any, progress: Progress | bool | None, *, include_values: bool
) -> ModelContents:
    """What `leakgauge.contents` does with a model; see there."""
    check("membership")
    from leakgauge.model_contents.in_memory import contents_of_estimator

    with listening(progress) as listener:
        return contents_of_estimator(model, X, y, listener, include_values=include_values)


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
        probabilities, or (n,) predicted labels or numbers, as arrays or as DataFrames with a column called
        like each class, or `predicted`.
    answers_test, y_test
        the same of records that it was not trained on.
    reference_answers
        for each reference model (shadow model) the (n, k) probabilities, or (n,) numbers, that it gives to
        all records, those of `answers_train` and then those of `answers_test`, and (n,) whether it was
        trained on them. Columns are as in `answers_train`.
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
    from leakgauge.membership.answers import GivenAnswers
    from leakgauge.membership.audit import audit_answers as audit_given

    source = GivenAnswers((answers_train, y_train), (answers_test, y_test), tuple(reference_answers), classes)
    overrides = {**(parameters or {}), **settings}
    result = _here(lambda listener: audit_given(source, overrides, listener), output, progress)
    return cast(MembershipResult, result)


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
    sets, besides = (y_train, X_test, y_test), (auxiliary, reference, evaluator)
    if all(one is None for one in sets):
        return _here(_reconstructing(model, image, besides, overrides), output, progress)
    if any(one is None for one in sets) or any(one is not None for one in besides):
        raise TypeError("image sets are X_train, y_train, X_test and y_test, and nothing else")
    return _here(_finding(model, (image, y_train), (X_test, y_test), overrides), output, progress)


def _reconstructing(
    model: Any, image: Any, besides: tuple[Any, Any, Any], overrides: Mapping[str, JsonValue]
) -> Callable[[Progress], Audited]:
    """The inversion audit."""
    check("inversion")
    from leakgauge.inversion.in_memory import GivenImages, audit_image

    return lambda listener: audit_image(model, GivenImages(image, *besides), overrides, listener)


def _finding(
    model: Any, members: tuple[Any, Any], others: tuple[Any, Any], overrides: Mapping[str, JsonValue]
) -> Callable[[Progress], Audited]:
    """The membership audit of image sets."""
    check("membership")
    from leakgauge.membership.images_in_memory import audit_image_sets

    return lambda listener: audit_image_sets(model, members, others, overrides, listener)


def audit_profiles(
    model: Any,
    auxiliary: Any = None,
    *,
    ranges: Any = None,
    reference: tuple[Any, Any] | None = None,
    classes: Sequence[Any] | None = None,
    output: str | PathLike[str] | None = None,
    parameters: Mapping[str, JsonValue] | None = None,
    progress: Progress | bool | None = None,
    **settings: JsonValue,
) -> ProfilesResult:
    """Audit what a model in memory tells about everybody of one class.

    The model runs in this process, without a sandbox, as in `audit`.

    Parameters
    ----------
    model
        a fitted classifier, or a function of rows that gives (n, n_classes) probabilities or (n,) labels.
    auxiliary
        records that an attacker may have, a DataFrame or an array.
    ranges
        in their place, rows between whose values those of records lie; see `docs/class-profiles.md`.
    reference
        real (records, labels) by which the profiles are measured.
    classes
        the labels in the order of the columns of a function's answer; those of `reference`, sorted, without.
    output, parameters, progress, settings
        as for `audit`.

    Raises
    ------
    LeakgaugeError
        as `audit`.
    TypeError
        for neither auxiliary records nor ranges, or both.
    """
    check("membership")
    from leakgauge.profiles.in_memory import GivenRecords, audit_given

    given = GivenRecords(auxiliary, ranges, reference, classes)
    overrides = {**(parameters or {}), **settings}
    result = _here(lambda listener: audit_given(model, given, overrides, listener), output, progress)
    return cast(ProfilesResult, result)


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
