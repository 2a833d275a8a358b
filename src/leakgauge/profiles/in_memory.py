"""The audit of class profiles of a model and records in the caller's memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pydantic import JsonValue

from leakgauge.defences.output import defended_notice, settings_of
from leakgauge.parameters import in_memory_profiles_parameters
from leakgauge.profiles.audit import audit
from leakgauge.profiles.inputs import Source, check_has_classes, fitted_inputs, positions
from leakgauge.progress import Progress
from leakgauge.report.model import Audited, Notice
from leakgauge.tables import Table
from leakgauge.tables.columns import refuse_missing
from leakgauge.tables.records_in_memory import Records, framed, sha256_of
from leakgauge.targets.in_memory import open_in_memory
from leakgauge.targets.protocol import TableTarget

AUXILIARY, REFERENCE = "auxiliary", "reference"


@dataclass(frozen=True, slots=True)
class GivenRecords:
    """What comes with a model.

    Attributes
    ----------
    auxiliary
        records of the attacker's own; None where he has none.
    ranges
        what values are possible, for such an attacker.
    reference
        optional real (records, labels).
    classes
        the labels in the order of a function's answer; None for those of the reference records.
    """

    auxiliary: Any = None
    ranges: Any = None
    reference: tuple[Any, Any] | None = None
    classes: Sequence[Any] | None = None


def audit_given(
    model: Any, given: GivenRecords, overrides: Mapping[str, JsonValue], progress: Progress
) -> Audited:
    """Audit a model; errors as `audit`.

    Raises
    ------
    TypeError
        for neither auxiliary records nor ranges, or both.
    """
    if (given.auxiliary is None) == (given.ranges is None):
        raise TypeError("an attacker has auxiliary records, or knows the ranges of values")
    parameters = in_memory_profiles_parameters(overrides)
    holds_ranges = given.auxiliary is None
    frame, takes = framed(given.ranges if holds_ranges else given.auxiliary, AUXILIARY)
    reference = None
    if given.reference is not None:
        reference = Records.of(*given.reference, REFERENCE, "labels of the reference records")
    known_labels = [] if reference is None else reference.y.dropna().tolist()
    target = open_in_memory(model, frame, takes=takes, labels=known_labels, classes=given.classes)
    check_has_classes(target)
    sha256 = {AUXILIARY: sha256_of(frame), **({} if reference is None else reference.sha256)}
    notices = [*defended_notice(settings_of(parameters.defences))]
    notices += [Notice("model_file", text) for text in target.remarks]
    frames = [_features(frame, AUXILIARY, target)]
    labels = None
    if reference is not None:
        frames.append(_features(reference.frame, REFERENCE, target))
        of_labels = _table(reference.y_name, reference.y.to_frame("label"))
        labels = positions(of_labels, "label", target)
    source = Source(_table(AUXILIARY, frames[0]), holds_ranges=holds_ranges)
    known = target.input_columns(frames[0].shape[1])
    inputs = fitted_inputs(target, source, frames, labels, known, parameters, notices)
    return audit(inputs, parameters=parameters, inputs_sha256=sha256, progress=progress)


def _features(frame: pd.DataFrame, name: str, target: TableTarget) -> pd.DataFrame:
    """The columns that the model takes, in its order and by its names."""
    wanted = target.feature_names
    if wanted is None:
        return frame
    if len(wanted) == frame.shape[1] and not set(wanted) & set(frame.columns):
        return frame.set_axis(list(wanted), axis=1)  # an array, whose columns have places alone
    missing = [column for column in wanted if column not in frame.columns]
    if missing:
        refuse_missing(missing, list(frame.columns), name)
    return frame[list(wanted)]


def _table(name: str, frame: pd.DataFrame) -> Table:
    return Table(name, frame, has_header=True, warnings=(), lines=None)
