"""Only the k largest probabilities.

Source: Shokri et al. 2017, section VIII ("restrict the prediction vector to top
k classes").

Cost: callers lose the order and the size of all but k classes; the label and so
the accuracy stay. Whoever sees k probabilities also knows what is left for the
others together, so the rest is shared out evenly and not thrown away: a defence
that looked better because its audit forgot to subtract would be none.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from leakgauge.targets.protocol import FloatArray


def change(answers: FloatArray, *, strength: float, queries: Any) -> FloatArray:  # noqa: ARG001 -- the protocol's signature
    """(n, n_classes) probabilities, all but the `strength` largest of each row made equal."""
    k = int(strength)
    n_classes = answers.shape[1]
    if k >= n_classes:
        return answers
    # stable: of equal probabilities the first stays, as in argmax
    kept = np.argsort(-answers, axis=1, kind="stable")[:, :k]
    largest = np.take_along_axis(answers, kept, axis=1)
    rest = np.maximum(answers.sum(axis=1, keepdims=True) - largest.sum(axis=1, keepdims=True), 0.0)
    changed = np.repeat(rest / (n_classes - k), n_classes, axis=1)
    np.put_along_axis(changed, kept, largest, axis=1)
    return changed
