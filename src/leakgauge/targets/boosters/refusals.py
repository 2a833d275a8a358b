"""Why the file of a boosting library is refused."""

from __future__ import annotations

from leakgauge.errors import UnsupportedModel
from leakgauge.text import Sink, printable


def damaged(library: str, what: str) -> UnsupportedModel:
    """The error `damaged_booster` for a file whose parts contradict each other.

    Parameters
    ----------
    library
        as it writes itself.
    what
        the contradiction, as the rest of a sentence: "tree 3 has a child outside of the tree".
    """
    return UnsupportedModel(
        "damaged_booster",
        f"The {library} model is damaged, or its parts contradict each other: "
        f"{printable(what, Sink.MESSAGE, longest=200)}. It was not handed to {library}.",
        hint=f"Save the model again with {library} and send the whole file.",
    )


def unsupported(library: str, what: str, hint: str) -> UnsupportedModel:
    """The error `unsupported_booster` for a sound model of a kind that is not audited.

    Parameters
    ----------
    what
        a whole sentence without its full stop.
    """
    return UnsupportedModel(
        "unsupported_booster",
        f"{printable(what, Sink.MESSAGE, longest=300)}.",
        hint=hint,
        details={"library": library},
    )
