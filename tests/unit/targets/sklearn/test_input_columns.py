"""What fitted models know of their columns, whatever wraps them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    BaggingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder
from sklearn.tree import DecisionTreeClassifier

from leakgauge.targets.input_columns import InputColumn
from leakgauge.targets.sklearn.input_columns import column_uses, input_columns
from leakgauge.targets.sklearn.model_graph import reads_documents

RNG = np.random.default_rng(0)
N = 60
FRAME = pd.DataFrame(
    {
        "id": [f"C{place:03d}" for place in range(N)],
        "code": RNG.choice(["01", "02", "10"], N),
        "grade": RNG.integers(1, 4, N),
        "age": RNG.normal(40, 10, N).round(1),
        "note": RNG.choice(["good payer", "late payer", "NA"], N),
    }
)
Y = RNG.choice(["no", "yes"], N)


def columns() -> ColumnTransformer:
    return ColumnTransformer(
        [
            ("codes", OneHotEncoder(handle_unknown="ignore"), ["code"]),
            ("grades", make_pipeline(SimpleImputer(strategy="most_frequent"), OrdinalEncoder()), ["grade"]),
            ("numbers", StandardScaler(), ["age"]),
            ("words", TfidfVectorizer(), "note"),
        ]
    )


PIPELINE = make_pipeline(columns(), DecisionTreeClassifier(random_state=0))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: model,
        lambda model: make_pipeline("passthrough", model),
        lambda model: GridSearchCV(model, {"decisiontreeclassifier__max_depth": [2]}, cv=2),
        lambda model: VotingClassifier([("a", model), ("b", "drop")]),
        lambda model: StackingClassifier([("a", model)], cv=2),
        lambda model: CalibratedClassifierCV(model, cv=2),
        lambda model: OneVsRestClassifier(model),
        lambda model: FixedThresholdClassifier(model),
        lambda model: FrozenEstimator(model.fit(FRAME, Y)),
    ],
    ids=["bare", "pipeline", "search", "vote", "stack", "calibrated", "one-vs-rest", "threshold", "frozen"],
)
def test_columns_are_followed_through_every_wrapper(wrap) -> None:
    known = input_columns(wrap(PIPELINE).fit(FRAME, Y), 5).columns
    assert known[0] == InputColumn("anything", is_read=False)
    assert known[1] == InputColumn("categories", ("01", "02", "10"))
    assert known[2] == InputColumn("categories", (1, 2, 3))
    assert known[3].kind == "numbers"
    assert known[4].kind == "text"
    assert all(column.is_read for column in known[1:])


def test_categories_keep_their_types_and_their_gaps() -> None:
    frame = pd.DataFrame(
        {
            "mixed": pd.Series(["1", None, "NA"] * 20, dtype=object),
            "flags": [True, False] * 30,
            "gaps": [1.0, np.nan, 2.5] * 20,
        }
    )
    model = make_pipeline(
        ColumnTransformer(
            [
                ("e", OneHotEncoder(), ["mixed"]),
                ("f", OneHotEncoder(), ["flags"]),
            ],
            remainder=OneHotEncoder(),
        ),
        LogisticRegression(),
    ).fit(frame, Y)
    mixed, flags, gaps = input_columns(model, 3).columns
    assert mixed.categories == ("1", "NA", None)
    assert flags.categories == (False, True)
    assert all(isinstance(value, bool) for value in flags.categories)
    assert gaps.categories[:2] == (1.0, 2.5)
    assert np.isnan(gaps.categories[2])


def test_what_training_held_as_category_dtype_is_told() -> None:
    frame = FRAME[["code", "age"]].astype({"code": "category"})
    model = HistGradientBoostingClassifier(max_iter=2).fit(frame, Y)
    code, age = input_columns(model, 2).columns
    assert code == InputColumn("categories", ("01", "02", "10"), is_categorical_dtype=True)
    assert age.kind == "numbers"
    by_name = HistGradientBoostingClassifier(max_iter=2, categorical_features=["code"]).fit(
        FRAME[["code", "age"]], Y
    )
    assert input_columns(by_name, 2).columns[0] == InputColumn("categories", ("01", "02", "10"))


def test_what_a_step_has_changed_is_no_longer_followed() -> None:
    coded = make_pipeline(OrdinalEncoder(), OneHotEncoder(), LogisticRegression())
    assert input_columns(coded.fit(FRAME[["code"]], Y), 1).columns[0].categories == ("01", "02", "10")
    scaled = make_pipeline(StandardScaler(), SelectKBest(k=1), DecisionTreeClassifier())
    known = input_columns(scaled.fit(FRAME[["grade", "age"]], Y), 2).columns
    assert [column.kind for column in known] == ["numbers", "numbers"]


def test_a_bagging_gives_each_model_its_own_columns() -> None:
    bagging = BaggingClassifier(
        make_pipeline(
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), DecisionTreeClassifier()
        ),
        max_features=2,
        random_state=0,
        n_estimators=8,
    ).fit(FRAME[["code", "note", "id"]], Y)
    code, note, _ = input_columns(bagging, 3).columns
    assert set(code.categories) == {"01", "02", "10"}
    assert set(note.categories) == {"good payer", "late payer", "NA"}


def test_selectors_are_kept_with_what_they_chose() -> None:
    model = make_pipeline(
        make_union(
            ColumnTransformer([("n", "passthrough", make_column_selector(dtype_include=np.number))]),
            ColumnTransformer([("t", TargetEncoder(cv=2), make_column_selector(pattern="code|note"))]),
        ),
        LogisticRegression(),
    ).fit(FRAME, Y)
    known = input_columns(model, 5)
    assert {selection.columns for selection in known.selections} == {frozenset({2, 3}), frozenset({1, 4})}
    assert [column.is_read for column in known.columns] == [False, True, True, True, True]
    assert column_uses(model) == {
        "featureunion/columntransformer-1/n": (2, 3),
        "featureunion/columntransformer-2/t": (1, 4),
        "featureunion/columntransformer-1/remainder": (0, 1, 4),
        "featureunion/columntransformer-2/remainder": (0, 2, 3),
    }


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (make_pipeline(CountVectorizer(), LogisticRegression()), True),
        (make_pipeline(make_union(TfidfVectorizer(), CountVectorizer()), LogisticRegression()), True),
        (make_pipeline(HashingVectorizer(n_features=16), LogisticRegression()), True),
        (OneVsRestClassifier(make_pipeline(CountVectorizer(), LogisticRegression())), True),
    ],
)
def test_models_of_texts_are_told_from_models_of_rows(model, expected: bool) -> None:
    assert reads_documents(model.fit(FRAME.note, Y)) is expected
    assert not reads_documents(PIPELINE.fit(FRAME, Y))
    assert not reads_documents(RandomForestClassifier(2).fit(FRAME[["age"]], Y))


def test_models_that_read_nothing_and_models_that_are_broken_tell_nothing() -> None:
    assert input_columns(DummyClassifier().fit(FRAME, Y), 5).columns == (InputColumn(),) * 5
    broken = make_pipeline(columns(), DecisionTreeClassifier()).fit(FRAME, Y)
    broken[0].transformers_ = [("codes", None), 7]
    assert input_columns(broken, 5).columns == (InputColumn(),) * 5
    nested = DecisionTreeClassifier().fit(FRAME[["age"]], Y)
    for _ in range(200):
        nested = FrozenEstimator(nested)
    assert input_columns(nested, 1).columns == (InputColumn(),)
