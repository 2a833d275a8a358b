"""What is said where Keras itself does not open a file: its own last line, and another way in."""

from __future__ import annotations

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.exports import KERAS_FILE, WITH_KERAS
from leakgauge.text import Sink, printable

_LONGEST = 300


def fails(problem: str, doing: str, error: BaseException, saved_with: str | None) -> UnsupportedModel:
    """The error for a file that Keras does not open.

    Parameters
    ----------
    doing
        what Keras cannot do, after "cannot".
    error
        what it raised.
    saved_with
        the version of Keras that the file names, None where it names none.
    """
    saved = "" if saved_with is None else f" The file was saved with Keras {saved_with}."
    old = saved_with is not None and saved_with < "3"
    return UnsupportedModel(
        problem,
        f"Keras cannot {doing}: {_last_line(error)}{saved}",
        hint=f"Where it opens, export it to ONNX and send model.onnx in its place: {KERAS_FILE}"
        if old
        else WITH_KERAS,
    )


def _last_line(error: BaseException) -> str:
    """What Keras says last, which is what went wrong; before that it repeats the configuration."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    last = lines[-1].removeprefix("Exception encountered: ") if lines else type(error).__name__
    return printable(last, Sink.MESSAGE, longest=_LONGEST).rstrip(".") + "."
