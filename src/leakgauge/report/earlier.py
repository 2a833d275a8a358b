"""The trend against an earlier report: on the page of a report, and as `history.json` beside it.

It is a history of two (`report.history`): the same rule, the same intervals. `report.json` stays as the audit
wrote it, so that its SHA-256 stays what it was.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from leakgauge.errors import BadBundle
from leakgauge.report.files import read_audited, read_bytes, replace_file
from leakgauge.report.history import history_of
from leakgauge.report.history.document import history_from_json, history_to_json
from leakgauge.report.history.model import History
from leakgauge.report.html import render
from leakgauge.report.json_document import to_json
from leakgauge.report.model import Report

HISTORY_NAME: Final = "history.json"
_PAGE: Final = "report.html"
_HINT: Final = "Make it anew with leakgauge report REPORT --earlier EARLIER, or remove it."


def since(earlier: Report, report: Report) -> History:
    """What became of the leak since an earlier report.

    Raises
    ------
    BadBundle
        `not_comparable` for reports of different kinds.
    """
    return history_of((("the earlier model", earlier), ("this model", report)))


def add_earlier(folder: Path, earlier: Report) -> History:
    """Hold the report in `folder` to an earlier one: write `history.json`, and `report.html` anew.

    Raises
    ------
    BadBundle
        `not_comparable` for reports of different kinds; as `read_report` for the one in the folder.
    BadParameters
        `output_file` where the folder cannot be written to.
    """
    audited = read_audited(folder)
    trend = since(earlier, audited.report)
    replace_file(folder / HISTORY_NAME, history_to_json(trend))
    replace_file(folder / _PAGE, render(audited, trend=trend).encode())
    return trend


def trend_in(folder: Path, report: Report) -> History | None:
    """The trend that `add_earlier` left in the folder of `report`; None where there is none.

    Raises
    ------
    BadBundle
        `not_a_history` for a `history.json` that is broken, or that is about another report.
    """
    if not (folder / HISTORY_NAME).is_file():
        return None
    try:
        trend = history_from_json(read_bytes(folder / HISTORY_NAME))
    except ValidationError:
        raise _not_a_history("is not as it was written") from None
    if len(trend.releases) != 2 or trend.releases[-1].sha256 != hashlib.sha256(to_json(report)).hexdigest():
        raise _not_a_history("is about another report")
    return trend


def _not_a_history(what: str) -> BadBundle:
    return BadBundle("not_a_history", f"The {HISTORY_NAME} beside the report {what}.", hint=_HINT)
