"""The predicted label and nothing else.

Source: Shokri et al. 2017, section VIII (k = 1, "only the label").

Cost: callers lose every probability: no ranking, no threshold, no "not sure".
The label and so the accuracy stay. It ends attacks that read probabilities and
does nothing about those that read labels (Choquette-Choo et al. 2021), which
find the same records by asking more often.
"""

from __future__ import annotations

from typing import Any

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.protocol import FloatArray


def change(answers: FloatArray, *, strength: float, queries: Any) -> FloatArray:  # noqa: ARG001 -- the protocol's signature
    """No probabilities.

    Raises
    ------
    UnsupportedModel
        `labels_only`, always.
    """
    raise UnsupportedModel(
        "labels_only",
        "The defence lets labels through, not probabilities.",
        hint="Use attacks that see labels only.",
    )
