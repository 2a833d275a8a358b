"""A format that is not Leakgauge's: all of it is this file and `ROW`.

TOY1, then JSON: {"columns": 2, "classes": ["no", "yes"], "members": [[0.5, 1.0, "yes"], ...]}.
The classifier is sure of the records that it knows, and guesses the rest.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.formats import Format
from leakgauge.targets.input_columns import InputColumn, InputColumns

ROW = Format(
    name="toy",
    words="a toy model",
    suffixes=(".toy",),
    loaders={"tables": "toy_format:open_toy"},
    starts=rb"TOY1 ",
)


def open_toy(path: Path) -> ToyTarget:
    try:
        return ToyTarget(json.loads(path.read_bytes().removeprefix(b"TOY1 ")))
    except (ValueError, KeyError, TypeError) as error:
        raise UnsupportedModel("unreadable", "The toy is broken.", hint="Send another.") from error


class ToyTarget:
    """Everything that an audit asks of a target, and no estimator to clone."""

    has_probabilities = True
    gives = "probabilities"
    form = None
    estimator = None
    recipe = None
    type_name = "Toy"
    packages = ()
    remarks = ("The model is a toy.",)
    feature_names = None

    def __init__(self, content: dict[str, Any]) -> None:
        self.classes = np.array(content["classes"])
        self.n_features = int(content["columns"])
        self.queries = 0
        known = [(tuple(map(float, record[:-1])), record[-1]) for record in content["members"]]
        self._known = {record: self.classes.tolist().index(label) for record, label in known}

    def input_columns(self, n_columns: int) -> InputColumns:
        return InputColumns(tuple(InputColumn(kind="numbers") for _ in range(n_columns)))

    def as_input(self, frame: pd.DataFrame) -> np.ndarray:
        return np.ascontiguousarray(frame.to_numpy(dtype=np.float64))

    def reading_scores(self, x: Any, y: Any) -> ToyTarget:
        return self

    def probabilities(self, x: Any) -> np.ndarray:
        self.queries += len(x)
        answers = np.full((len(x), len(self.classes)), 0.1)
        for row, record in zip(answers, np.asarray(x).tolist(), strict=True):
            is_known = tuple(record) in self._known
            row[self._known[tuple(record)] if is_known else int(sum(record) > 0)] = 0.9 if is_known else 0.2
        return answers / answers.sum(axis=1, keepdims=True)

    def labels(self, x: Any) -> np.ndarray:
        return self.probabilities(x).argmax(axis=1)
