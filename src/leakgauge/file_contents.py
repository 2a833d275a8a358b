"""What a model file holds of its training table, found out in the sandbox."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from leakgauge.errors import JsonValue
from leakgauge.jobs.table import CONTENTS, CONTENTS_MODEL, CONTENTS_TABLE, INCLUDE_VALUES
from leakgauge.progress import Progress
from leakgauge.report.model import ModelContents
from leakgauge.sandbox.output import no_document, read_document
from leakgauge.sandbox.parent import Sandbox

_CONTENTS: TypeAdapter[ModelContents] = TypeAdapter(ModelContents)


def look_into(
    sandbox: Sandbox,
    model: Path,
    table: Path | None,
    *,
    overrides: Mapping[str, JsonValue],
    include_values: bool,
    progress: Progress,
) -> ModelContents:
    """What a model holds of a table; nothing of either is opened in this process.

    Parameters
    ----------
    model
        a model file, or a membership bundle, whose members are the table then.
    table
        the table to compare a model file with; None for what is known to be kept.
    overrides
        parameters by which the table is read.

    Raises
    ------
    LeakgaugeError
        whatever the files deserve.
    """
    with sandbox.private_folder() as folder:
        source = model
        if table is not None:
            source = folder / "files"
            for place, file in ((CONTENTS_MODEL, model), (CONTENTS_TABLE, table)):
                (source / place).mkdir(parents=True)
                shutil.copyfile(file, source / place / file.name)
        finished = folder / "finished"
        settings = {**overrides, INCLUDE_VALUES: include_values}
        sandbox.run(source, finished, overrides=settings, progress=progress, job=CONTENTS)
        (leaf,) = CONTENTS.leaves
        read_document(finished / leaf)
        try:
            return _CONTENTS.validate_json((finished / leaf).read_bytes(), strict=True)
        except ValidationError:
            raise no_document() from None
