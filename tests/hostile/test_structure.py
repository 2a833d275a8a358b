"""Labels, columns and parts in forms that `fit` never leaves: refused by name, and never our own error."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import VotingClassifier
from sklearn.feature_selection import GenericUnivariateSelect
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder

from leakgauge.errors import LeakgaugeError
from leakgauge.targets.sklearn.reading import load_model
from leakgauge.targets.sklearn.target import SklearnTarget

RANDOM = np.random.default_rng(0)
FRAME = pd.DataFrame(RANDOM.random((60, 4)), columns=list("abcd"))
Y = np.tile([0, 1, 2], 20)
NESTED = np.array([0, 1, (1, 2)], dtype=object)
"""By which hashing a label could take for ever."""


def load(model: Any, folder: Path) -> Any:
    (folder / "model").write_bytes(pickle.dumps(model))
    return load_model(folder / "model").estimator


def with_part(**attributes: Any) -> list[Any]:
    """A model, a Pipeline and a vote, each with the attributes in its innermost classifier."""
    alone = LogisticRegression().fit(FRAME, Y)
    piped = make_pipeline(StandardScaler(), LogisticRegression()).fit(FRAME, Y)
    voted = VotingClassifier([("a", GaussianNB()), ("b", LogisticRegression())]).fit(FRAME, Y)
    for part in (alone, piped[-1], voted.estimators_[1]):
        vars(part).update(attributes)
    return [alone, piped, voted]


@pytest.mark.parametrize(
    "attributes",
    [
        *({"classes_": labels} for labels in (3, "abc", b"ab", {}, (0, 1, 2), LogisticRegression(), 1j)),
        *(
            {"classes_": labels}
            for labels in (np.array(3), np.eye(3), np.zeros(3, "V4"), [0, 1, 2], [[0, 1]])
        ),
        *({"classes_": labels} for labels in (NESTED, [NESTED], [np.arange(3), NESTED])),
        {"classes_": np.array(["2024", "2025", "2026"], dtype="M8[Y]")},
        *({"n_features_in_": number} for number in (-1, 2**31, 2**70, True, 4.0, "4", np.array(4))),
        *({"feature_names_in_": names} for names in (None, 3, "abcd", list("abcd"), np.array("a"))),
        {"feature_names_in_": np.array(list("abc"), dtype=object)},
        {"feature_names_in_": np.arange(4)},
        {"feature_names_in_": np.array([["a", "b", "c", "d"]], dtype=object)},
    ],
    ids=str,
)
def test_labels_and_columns_in_other_forms_are_refused(attributes: Any, tmp_path: Path) -> None:
    for model in with_part(**attributes):
        with pytest.raises(LeakgaugeError) as caught:
            load(model, tmp_path)
        assert caught.value.problem == "unreadable"


def test_what_fit_leaves_is_read(tmp_path: Path) -> None:
    for model in with_part():
        assert SklearnTarget(load(model, tmp_path)).labels(FRAME).shape == (60,)
    for y in (Y.astype(str), Y.astype(str).astype(object), Y > 0, Y.astype(np.uint8), Y.astype(float)):
        honest = GaussianNB().fit(FRAME, y)
        target = SklearnTarget(load(honest, tmp_path))
        np.testing.assert_array_equal(target.classes[target.labels(FRAME)], honest.predict(FRAME))
    of_numbers = make_pipeline(TargetEncoder(cv=2, target_type="continuous"), GaussianNB())
    load(of_numbers.fit(FRAME.round(), Y), tmp_path)  # a TargetEncoder of numbers has None for its classes


def test_a_model_whose_parts_fail_when_they_are_looked_at_is_damaged(tmp_path: Path) -> None:
    """scikit-learn's own code fails on these in ways of its own."""
    searching = make_pipeline(GenericUnivariateSelect(), LogisticRegression()).fit(FRAME, Y)
    searching[0].param = 0
    searching[0].mode = "fdr"
    vote = VotingClassifier([("a", GaussianNB()), ("b", LogisticRegression())], voting="soft").fit(FRAME, Y)
    vote.estimators_ = 3
    vote.named_estimators_ = None
    stray = make_pipeline(StandardScaler(), LogisticRegression()).fit(FRAME, Y)
    stray.steps = [("a", StandardScaler()), ("b", "passthrough")]
    for model in (searching, vote, stray):
        with pytest.raises(LeakgaugeError):
            ask(model, tmp_path)


def ask(model: Any, folder: Path) -> None:
    target = SklearnTarget(load(model, folder))
    target.input_columns(4)
    target.labels(target.as_input(FRAME))
    target.probabilities(target.as_input(FRAME))


def test_a_model_without_predict_is_told_when_it_is_asked(tmp_path: Path) -> None:
    from sklearn.ensemble import StackingClassifier

    stack = StackingClassifier([("a", GaussianNB())], cv=2).fit(FRAME, Y)
    del stack.final_estimator_
    with pytest.raises(LeakgaugeError):
        SklearnTarget(load(stack, tmp_path)).labels(FRAME)


def test_a_skops_file_is_looked_at_alike(tmp_path: Path) -> None:
    import skops.io

    file = io.BytesIO()
    honest = zipfile.ZipFile(io.BytesIO(skops.io.dumps(LogisticRegression().fit(FRAME, Y))))
    with zipfile.ZipFile(file, "w") as archive:
        for name in honest.namelist():
            content = honest.read(name)
            if name == "schema.json":
                schema = json.loads(content)
                number = schema["content"]["content"]["n_features_in_"]
                del number["__id__"]  # by which it would be the 4 that stood before it
                number["content"] = "-1"
                content = json.dumps(schema).encode()
            archive.writestr(name, content)
    (tmp_path / "model").write_bytes(file.getvalue())
    with pytest.raises(LeakgaugeError) as caught:
        load_model(tmp_path / "model")
    assert caught.value.problem == "unreadable"
