"""The Python door."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import JsonValue

from leakgauge.progress import Progress, Silent
from leakgauge.report.json_document import from_json
from leakgauge.report.model import Report
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
