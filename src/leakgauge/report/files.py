"""Report files that people hand in, and files that they ask for beside them."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from leakgauge.errors import BadBundle, BadParameters
from leakgauge.report.json_document import from_json
from leakgauge.report.model import Audited, Report
from leakgauge.text import Sink, printable

MAX_BYTES = 256 << 20
"""As large as the sandbox lets a report grow."""
JSON_NAME = "report.json"
_HINT = "Name a report.json that an audit wrote, or the folder that it stands in."


def read_audited(folder: Path) -> Audited:
    """The report in a folder, with the images that stand beside it; errors as `read_report`."""
    images = sorted(folder.glob("*.png"))
    return Audited(
        read_report(folder), {image.name: image.read_bytes() for image in images if image.is_file()}
    )


def read_report(path: Path) -> Report:
    """The report in a `report.json`, or in the folder that holds one.

    Raises
    ------
    BadBundle
        `no_report` where there is none or it cannot be read; `not_a_report` and `report_version`
        for a file of another kind or version.
    """
    return from_json(read_bytes(path / JSON_NAME if path.is_dir() else path))


def folder_of(path: Path) -> Path:
    """The folder of a report that was named by itself or by its `report.json`.

    Raises
    ------
    BadBundle
        `no_report` for a file of another name: what lies beside it need not belong to it.
    """
    if path.is_dir():
        return path
    if path.name != JSON_NAME:
        raise BadBundle("no_report", f"The file is not called {JSON_NAME}.", hint=_HINT)
    return path.parent


def read_bytes(file: Path) -> bytes:
    """A file that people hand in, if it is no larger than a report may be.

    Raises
    ------
    BadBundle
        `no_report` where it cannot be read, `not_a_report` where it is larger.
    """
    with _reading(), file.open("rb") as handle:
        data = handle.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise BadBundle("not_a_report", "The file is larger than any report.", hint=_HINT)
    return data


def read_reports(folder: Path) -> Iterator[tuple[str, Report]]:
    """The reports in a folder, one by one, by the names of their folders or files.

    Each is a `report.json` in a folder of its own, or another `.json` file. Numbers in names are put in order
    as numbers: `v10` comes after `v9`.

    Raises
    ------
    BadBundle
        as `read_report`, with the name of what could not be read.
    """
    with _reading():
        places = sorted(folder.iterdir(), key=lambda path: (_natural(path.name), path.name))
    for path in places:
        try:
            with _reading():
                file = path / JSON_NAME if path.is_dir() else path
                # a link that leads nowhere is a release that would be missing from the trend
                if file.suffix != ".json" or not os.path.lexists(file):
                    continue
                if file.exists() and not file.is_file():
                    raise BadBundle("no_report", "There is no report to read (not a file).", hint=_HINT)
            yield path.name if path.is_dir() else path.stem, read_report(file)
        except BadBundle as error:
            error.add_note(f"in {printable(path.name, Sink.MESSAGE)}")
            raise


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that puts the numbers in names in order as numbers."""
    parts = re.split(r"([0-9]+)", name)
    # every second part is one that was split at
    return [(int(part), "") if place % 2 else (-1, part) for place, part in enumerate(parts) if part]


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise BadBundle("no_report", f"There is no report to read ({reason}).", hint=_HINT) from None


def replace_file(path: Path, content: bytes) -> None:
    """Write `content` as a whole: a reader never sees half of it, nor a result of an earlier run beside it.

    Raises
    ------
    BadParameters
        `output_file` when it cannot be written.
    """
    staging = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staging.write_bytes(content)
        staging.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            staging.unlink(missing_ok=True)
        raise BadParameters(
            "output_file",
            f"The output file cannot be written ({os.strerror(error.errno or 0)}).",
            hint="Name a file in a folder that you may write to.",
        ) from None
