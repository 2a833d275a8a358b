"""`history.json`: the history in the form of `report.json`."""

from __future__ import annotations

from pydantic import TypeAdapter

from leakgauge.report.history.model import History
from leakgauge.report.json_document import plain, written

_HISTORY: TypeAdapter[History] = TypeAdapter(History)


def history_to_json(history: History) -> bytes:
    """The history in the form of `to_json`; errors as there."""
    return written(plain(history, exact=False))


def history_from_json(data: bytes) -> History:
    """The history that `history_to_json` wrote; pydantic's `ValidationError` for anything else."""
    return _HISTORY.validate_json(data, strict=True)
