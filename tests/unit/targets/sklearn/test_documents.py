"""Models that take texts get a vector of texts; everything else gets what it always got."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import FeatureUnion, make_pipeline

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.sklearn.target import SklearnTarget

TEXTS = ["good film", "bad film", "good play", "bad play"] * 5
Y = np.array([1, 0, 1, 0] * 5)


def _nested() -> Any:
    return make_pipeline("passthrough", make_pipeline(CountVectorizer()), MultinomialNB())


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(TfidfVectorizer(), LogisticRegression()),
        make_pipeline(HashingVectorizer(n_features=16), LogisticRegression()),
        make_pipeline(
            FeatureUnion([("a", CountVectorizer()), ("b", TfidfVectorizer())]), LogisticRegression()
        ),
        CalibratedClassifierCV(make_pipeline(CountVectorizer(), MultinomialNB()), cv=2),
        VotingClassifier([("a", _nested()), ("b", _nested())]),
        _nested(),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_model_of_texts_gets_the_only_column(model: Any) -> None:
    target = SklearnTarget(model.fit(TEXTS, Y))
    rows = target.as_input(pd.DataFrame({"review": TEXTS}))
    assert rows.shape == (20,)
    assert rows.dtype == object
    np.testing.assert_array_equal(target.labels(rows), Y)


def test_an_empty_cell_is_an_empty_text_and_a_number_is_its_digits() -> None:
    target = SklearnTarget(make_pipeline(CountVectorizer(), MultinomialNB()).fit(TEXTS, Y))
    rows = target.as_input(pd.DataFrame({"review": ["good", None, float("nan"), 2020]}))
    assert rows.tolist() == ["good", "", "", "2020"]
    assert target.probabilities(rows).shape == (4, 2)


def test_more_columns_than_the_texts_are_told() -> None:
    target = SklearnTarget(make_pipeline(CountVectorizer(), MultinomialNB()).fit(TEXTS, Y))
    with pytest.raises(UnsupportedModel) as caught:
        target.as_input(pd.DataFrame({"id": range(20), "review": TEXTS}))
    assert caught.value.problem == "columns_do_not_fit"
    assert caught.value.details == {"model_columns": 1, "table_columns": 2}


def test_a_vectoriser_of_a_column_gets_the_frame() -> None:
    frame = pd.DataFrame({"review": TEXTS, "length": [9] * 20})
    model = make_pipeline(
        make_column_transformer((CountVectorizer(), "review"), remainder="passthrough"), LogisticRegression()
    )
    target = SklearnTarget(model.fit(frame, Y))
    assert list(target.as_input(frame[["length", "review"]]).columns) == ["review", "length"]
