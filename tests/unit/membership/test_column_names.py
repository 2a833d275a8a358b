"""Names of columns that a library, or whoever prepared the table for it, spells in its own way."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost
from cases import audited, refusal

from boosters import bundle_of, halves, numbers

LIGHT = {"n_estimators": 3, "n_jobs": 1, "verbose": -1}
NAMES: dict[str, Callable[[int], str]] = {
    "blanks": lambda place: f"p {place}",
    "blanks at the ends": lambda place: f" p{place} ",
    "signs": lambda place: f"Alter (in Jahren) % {place}",
    "accents": lambda place: f"größe in m {place}",
    "another alphabet": lambda place: f"年 龄 {place}",
}
CLEANED: dict[str, Callable[[str], str]] = {
    "nothing in their place": lambda name: re.sub(r"[^A-Za-z0-9_]+", "", name),
    "an underline for each": lambda name: re.sub(r"[^A-Za-z0-9_]", "_", name),
    "an underline for those that it refuses": lambda name: re.sub(r"[\[\]<]", "_", name),
}


def audited_accuracy(folder: Any, made: Any, cleaned: Any, y: Any) -> tuple[list[str], bool]:
    report = audited(folder, attacks=["gap"])
    x, of_members, *_ = halves(cleaned, y)
    own = (np.asarray(made.predict(x)) == of_members).mean()
    return [notice.code for notice in report.warnings], report.target.train_accuracy.value == pytest.approx(
        own
    )


@pytest.mark.parametrize("form", ["text", "pickle"])
@pytest.mark.parametrize("kind", NAMES)
def test_a_table_with_the_names_that_lightgbm_was_given_is_matched(kind, form, tmp_path):
    frame, y = numbers()
    frame = frame.set_axis([NAMES[kind](place) for place in range(frame.shape[1])], axis=1)
    frame = frame.iloc[:, ::-1]  # by name, not by place
    x, of_members, *_ = halves(frame, y)
    made = lightgbm.LGBMClassifier(**LIGHT).fit(x, of_members)
    content = made.booster_.model_to_string().encode() if form == "text" else pickle.dumps(made)
    assert not set(made.feature_name_) & set(frame.columns)
    other_order = frame.iloc[:, ::-1]
    codes, is_own = audited_accuracy(
        bundle_of(tmp_path / "bundle", "model.pkl", content, other_order, y), made, frame, y
    )
    assert is_own
    assert codes == ["columns_respelt"]


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
@pytest.mark.parametrize("how", CLEANED)
def test_a_table_of_before_its_names_were_cleaned_is_matched(how, library, tmp_path):
    frame, y = numbers()
    frame = frame.set_axis([f"score[{place}] <max>" for place in range(frame.shape[1])], axis=1)
    cleaned = frame.rename(columns=CLEANED[how])
    x, of_members, *_ = halves(cleaned, y)
    kind = (
        lightgbm.LGBMClassifier(**LIGHT)
        if library == "lightgbm"
        else xgboost.XGBClassifier(n_estimators=3, n_jobs=1)
    )
    made = kind.fit(x, of_members)
    folder = bundle_of(tmp_path / "bundle", "model.pkl", pickle.dumps(made), frame.iloc[:, ::-1], y)
    codes, is_own = audited_accuracy(folder, made, cleaned, y)
    assert is_own
    assert codes == ["columns_respelt"]


def test_a_name_that_could_be_two_columns_is_told_as_missing(tmp_path):
    frame, y = numbers()
    frame = frame.rename(columns={"p0": "age (years)"})
    made = lightgbm.LGBMClassifier(**LIGHT).fit(
        *halves(frame.rename(columns={"age (years)": "age_years"}), y)[:2]
    )
    both = frame.assign(**dict.fromkeys(("age-years", "age years"), frame["age (years)"]))
    error = refusal(bundle_of(tmp_path / "bundle", "model.pkl", pickle.dumps(made), both, y))
    assert "age_years" in error.message
    alone = bundle_of(tmp_path / "alone", "model.pkl", pickle.dumps(made), frame, y)
    assert [notice.code for notice in audited(alone, attacks=["gap"]).warnings] == ["columns_respelt"]


def test_the_label_is_no_other_name_of_a_feature(tmp_path):
    frame, y = numbers()
    made = lightgbm.LGBMClassifier(**LIGHT).fit(*halves(frame.rename(columns={"p0": "label_"}), y)[:2])
    folder = bundle_of(tmp_path / "bundle", "model.pkl", pickle.dumps(made), frame.drop(columns="p0"), y)
    assert "label_" in refusal(folder, label_column="label").message
