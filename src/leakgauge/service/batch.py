"""What a batch transform makes of a bundle that it takes for a list of records."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from leakgauge.errors import BadBundle

# How a piece of a zip looks, and a line or record of something else.
_PIECES = frozenset(
    ("not_a_zip", "truncated_zip", "damaged_directory", "leading_bytes", "trailing_bytes", "truncated_upload")
)
_HINT = (
    "This is a batch transform: it must have SplitType=None and one zip an object, since with Line, RecordIO "
    "or TFRecord it sends every zip in pieces."
)


@contextmanager
def pieces_explained(*, batch: bool) -> Iterator[None]:
    """Tell, where this service works for a batch transform, that a broken zip may be a piece of one."""
    try:
        yield
    except BadBundle as error:
        if batch and error.problem in _PIECES:
            raise BadBundle(
                error.problem, error.message, hint=f"{_HINT} {error.hint}", details=error.details
            ) from None
        raise
