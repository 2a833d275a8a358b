"""What a model file holds of its training table, word for word."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from leakgauge.bundle import BundledFile, Limits, MembershipBundle, open_bundle
from leakgauge.errors import BadBundle, JsonValue
from leakgauge.extras import needed
from leakgauge.jobs.request import JobRequest
from leakgauge.jobs.table import CONTENTS, CONTENTS_MODEL, CONTENTS_TABLE, INCLUDE_VALUES
from leakgauge.progress import Display, Progress
from leakgauge.report.json_document import plain, written
from leakgauge.report.model import ModelContents
from leakgauge.targets.formats import Format, recognise


def contents(request: JobRequest, display: Display) -> None:
    """Look into the model of `request`, a bundle, a model file, or one with a table; leave what was found.

    Raises
    ------
    LeakgaugeError
        whatever the files deserve; see `leakgauge.membership.contents`.
    """
    overrides = dict(request.overrides)
    include_values = overrides.pop(INCLUDE_VALUES, False) is True
    limits = Limits.from_environment(os.environ)
    display.opened("model")
    with needed("membership"):
        found = _found(request, overrides, limits, display, include_values=include_values)
    (leaf,) = CONTENTS.leaves
    (request.report / leaf).write_bytes(written(plain(found, exact=False)))


def _found(
    request: JobRequest,
    overrides: dict[str, JsonValue],
    limits: Limits,
    progress: Progress,
    *,
    include_values: bool,
) -> ModelContents:
    # imported late: only an image for membership holds scikit-learn
    from leakgauge.membership.contents import contents_of_bundle, contents_of_file
    from leakgauge.parameters import membership_parameters

    source = request.source
    if (source / CONTENTS_MODEL).is_dir() or _is_model(source):
        model = _only(source / CONTENTS_MODEL) if source.is_dir() else source
        table = _only(source / CONTENTS_TABLE) if (source / CONTENTS_TABLE).is_dir() else None
        file = (
            None if table is None else BundledFile(table.name, table, sha256(table.read_bytes()).hexdigest())
        )
        parameters = membership_parameters(None, overrides)
        return contents_of_file(
            model, file, parameters, progress, limits=limits, include_values=include_values
        )
    bundle = open_bundle(source, request.scratch, limits=limits)
    if not isinstance(bundle, MembershipBundle):
        raise BadBundle(
            "other_kind",
            "The bundle holds no model of tables with its members.",
            hint="Send a scikit-learn, XGBoost or LightGBM model file, or a membership bundle of one.",
        )
    parameters = membership_parameters(bundle.parameters.path if bundle.parameters else None, overrides)
    return contents_of_bundle(bundle, parameters, progress, include_values=include_values)


def _is_model(source: Path) -> bool:
    """Whether a file is a model by its bytes, and not a zip with one in it."""
    if not source.is_file():
        return False
    with source.open("rb") as stream:
        return isinstance(recognise(stream), Format)


def _only(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file
