"""Cells become what the model was fitted on, in both tables alike."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from leakgauge.bundle import Limits, open_bundle
from leakgauge.errors import BadBundle
from leakgauge.membership.inputs import Inputs, read_inputs
from leakgauge.parameters import membership_parameters
from leakgauge.report.model import Notice
from leakgauge.tables import Table
from leakgauge.tables.column_types import typed
from leakgauge.targets.input_columns import InputColumn, InputColumns

N = 80


def cells(values: list[Any], name: str = "members.csv", *, decimal: str = ".") -> Table:
    frame = pd.DataFrame({"c": pd.array([None if v is None else str(v) for v in values], dtype="str")})
    return Table(name, frame, True, (), range(2, len(values) + 2), decimal=decimal)


def read_as(
    known: InputColumn, members: list[Any], others: list[Any], notices: list[Notice] | None = None
) -> tuple[list[Any], list[Any], Any]:
    first, second = typed(
        (cells(members), cells(others, "others.csv")),
        ["c"],
        InputColumns((known,)),
        [] if notices is None else notices,
    )
    return first["c"].tolist(), second["c"].tolist(), first["c"].dtype


def known(*categories: Any, **facts: Any) -> InputColumn:
    return InputColumn("categories", categories, **facts)


class TestCategories:
    @pytest.mark.parametrize(
        ("categories", "written", "expected"),
        [
            (("01", "02"), ["01", "02"], ["01", "02"]),
            (("1E2", "100"), ["1E2", "100"], ["1E2", "100"]),
            (("NA", "TA"), ["NA", "TA"], ["NA", "TA"]),
            (("None", "null", "nan"), ["None", "null", "nan"], ["None", "null", "nan"]),
            ((1, 2), ["1", "2.0"], [1, 2]),
            ((1.5, 2.0), ["1.50", "2"], [1.5, 2.0]),
            ((False, True), ["False", "true"], [False, True]),
            ((1, "1"), ["1", "1"], ["1", "1"]),
            (("Private",), [" Private", "Private "], ["Private", "Private"]),
        ],
    )
    def test_a_cell_is_the_value_that_the_encoder_keeps(self, categories, written, expected) -> None:
        first, second, _ = read_as(known(*categories), written, list(reversed(written)))
        assert list(map(repr, first)) == list(map(repr, expected))  # 1 and True are equal, but not the same
        assert second == list(reversed(expected))

    def test_an_empty_cell_is_no_value_as_the_encoder_writes_it(self) -> None:
        first, _, dtype = read_as(known("a", None), ["a", None], ["a"])
        assert first == ["a", None]
        assert str(dtype) == "object"
        first, _, _ = read_as(known("a", np.nan), ["a", None, "NA"], ["a"])
        assert first[0] == "a"
        assert np.isnan(first[1:]).all()
        _, _, dtype = read_as(known(1, 2), ["1", None], ["2"])
        assert dtype == np.float64

    def test_codes_respelt_as_numbers_are_matched_by_value_and_it_is_said(self) -> None:
        notices: list[Notice] = []
        first, second, _ = read_as(known("007", "042"), ["7", "42"], ["42", "9"], notices)
        assert first == ["007", "042"]
        assert second == ["042", "9"]
        assert [notice.code for notice in notices] == ["values_respelt"]

    def test_two_spellings_of_one_number_are_not_guessed_between(self) -> None:
        with pytest.raises(BadBundle) as caught:
            read_as(known("7", "07"), ["7.0", "7.0"], ["7.0"])
        assert caught.value.problem == "values_do_not_fit"

    def test_values_of_the_right_kind_that_are_all_unknown_are_told_and_kept(self) -> None:
        notices: list[Notice] = []
        first, _, _ = read_as(known("C1", "C2"), ["C3", "C4"], ["C5"], notices)
        assert first == ["C3", "C4"]
        assert [notice.code for notice in notices] == ["unknown_values"]

    def test_what_cannot_be_decided_names_column_model_and_table_but_no_value(self) -> None:
        with pytest.raises(BadBundle) as caught:
            read_as(known("00123", "00456"), ["secret", "hidden"], ["00123"])
        message = caught.value.message
        assert "“c” of members.csv" in message
        assert "digits with leading zeros" in message
        assert "holds text" in message
        assert not any(value in message + caught.value.hint for value in ("secret", "00123"))

    def test_members_with_values_that_training_cannot_have_held_are_told(self) -> None:
        notices: list[Notice] = []
        read_as(known("a", "b"), ["a", "c", "c"], ["d"], notices)
        (notice,) = notices
        assert notice.code == "unknown_values"
        assert "2 of 3 records" in notice.message

    def test_values_that_only_non_members_hold_are_no_fault(self) -> None:
        notices: list[Notice] = []
        _, second, _ = read_as(known("a", "b"), ["a", "b"], ["c", "7"], notices)
        assert second == ["c", "7"]
        assert notices == []

    def test_category_dtype_is_restored_with_the_categories_of_training_first(self) -> None:
        column = known("b", "c", is_categorical_dtype=True)
        first, second = typed(
            (cells(["c", None, "b"]), cells(["a", "c"])), ["c"], InputColumns((column,)), []
        )
        assert first["c"].dtype == second["c"].dtype
        assert list(first["c"].cat.categories) == ["b", "c", "a"]
        assert first["c"].isna().tolist() == [False, True, False]


class TestOthers:
    def test_letters_in_one_table_make_both_text(self) -> None:
        first, second, dtype = read_as(InputColumn(), ["1", "2"], ["x", "2"])
        assert (first, second, dtype) == (["1", "2"], ["x", "2"], object)

    def test_numbers_are_numbers_in_both(self) -> None:
        first, second, dtype = read_as(InputColumn("numbers"), ["1", "NA"], ["2.5", "3"])
        assert first[0] == 1.0
        assert second == [2.5, 3.0]
        assert dtype == np.float64

    def test_text_is_read_as_it_is_written(self) -> None:
        first, second, _ = read_as(InputColumn("text"), ["NA", "007"], ["null", None])
        assert first == ["NA", "007"]
        assert second[0] == "null"
        assert pd.isna(second[1])

    def test_decimal_signs_may_differ_between_the_tables(self) -> None:
        tables = (cells(["1,5", "2"], decimal=","), cells(["2.5"]))
        first, second = typed(tables, ["c"], InputColumns((InputColumn(),)), [])
        assert first["c"].tolist() == [1.5, 2.0]
        assert second["c"].tolist() == [2.5]

    def test_a_parquet_table_keeps_its_types_beside_a_csv(self) -> None:
        parquet = Table("m.parquet", pd.DataFrame({"c": [1, 2]}), True, (), None)
        first, second = typed((parquet, cells(["3"])), ["c"], InputColumns((InputColumn(),)), [])
        assert first["c"].tolist() == [1, 2]
        assert second["c"].tolist() == [3]
        as_text = InputColumns((known("1", "2", "3"),))
        first, second = typed((parquet, cells(["3"])), ["c"], as_text, [])
        assert first["c"].tolist() == ["1", "2"]


def table(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "zip": rng.choice(["01067", "80331", "10115"], N),
            "grade": rng.choice(["1", "2", "3"], N),
            "age": rng.normal(40, 9, N).round(1),
            "member_since": rng.integers(0, 30, N),
            "active": rng.choice([True, False], N),
        }
    )
    return frame.assign(label=np.where(rng.random(N) < 0.5, "no", "yes"))


MEMBERS, OTHERS = table(0), table(1)
FEATURES = [name for name in MEMBERS.columns if name != "label"]


def read(folder: Path, model: Any, *, as_parquet: bool = False) -> Inputs:
    (folder / "bundle").mkdir()
    (folder / "scratch").mkdir()
    (folder / "bundle" / "model.pkl").write_bytes(pickle.dumps(model))
    for name, frame in (("train_mia", MEMBERS), ("test_mia", OTHERS)):
        if as_parquet:
            frame.to_parquet(folder / "bundle" / f"{name}.parquet")
        else:
            frame.to_csv(folder / "bundle" / f"{name}.csv", index=False)
    bundle = open_bundle(folder / "bundle", folder / "scratch", limits=Limits())
    return read_inputs(bundle, membership_parameters(None, {}))


SELECTORS = {
    "numbers apart": lambda: make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include=np.number)),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude=np.number)),
    ),
    "objects": lambda: make_column_transformer(
        (OrdinalEncoder(), make_column_selector(dtype_include=object)), remainder="passthrough"
    ),
    "whole numbers": lambda: make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include="int64")),
        (OrdinalEncoder(), ["zip", "grade", "active"]),
    ),
}


@pytest.mark.parametrize("as_parquet", [False, True])
@pytest.mark.parametrize("rule", SELECTORS)
@pytest.mark.parametrize(
    "dtypes",
    [
        {},
        {"zip": "category", "grade": "category"},
        {"zip": "str", "grade": "str"},
        {"member_since": "float64"},
        {"active": object},
        {"zip": object, "grade": "int64"},
    ],
    ids=["as they are", "category", "str", "float", "object flags", "numeric grades"],
)
@pytest.mark.filterwarnings("ignore:For backward compatibility")
def test_columns_come_in_the_dtypes_by_which_training_chose_them(
    rule: str, dtypes: dict[str, Any], as_parquet: bool, tmp_path: Path
) -> None:
    trained_on = MEMBERS[FEATURES].astype({"zip": object, "grade": object} | dtypes)
    model = make_pipeline(SELECTORS[rule](), DecisionTreeClassifier(random_state=0))
    model.fit(trained_on, MEMBERS.label)
    inputs = read(tmp_path, model, as_parquet=as_parquet)
    x, member = inputs.pool.x, inputs.pool.member
    rows = inputs.pool.row[member] - 1
    answers = inputs.target.labels(x)[member]
    assert (model.classes_[answers] == model.predict(trained_on.iloc[rows])).all()
    clone = make_pipeline(SELECTORS[rule](), DecisionTreeClassifier()).fit(x, inputs.pool.y)
    for (name, _, chosen), (_, _, again) in zip(model[0].transformers_, clone[0].transformers_, strict=True):
        assert set(chosen) == set(again), name


def test_histogram_boosting_is_trained_again_on_the_dtypes_of_training(tmp_path: Path) -> None:
    trained_on = MEMBERS[FEATURES].astype({"zip": "category", "grade": "category"})
    model = HistGradientBoostingClassifier(max_iter=3).fit(trained_on, MEMBERS.label)
    x = read(tmp_path, model).pool.x
    assert [str(dtype) for dtype in x.dtypes[["zip", "grade"]]] == ["category", "category"]
    assert HistGradientBoostingClassifier(max_iter=2).fit(x, np.arange(2 * N) % 2).is_categorical_.sum() == 2


def test_a_column_named_twice_in_different_parts_is_typed_by_its_encoder(tmp_path: Path) -> None:
    encode = ColumnTransformer(
        [("hot", OneHotEncoder(), ["grade"]), ("order", OrdinalEncoder(), ["grade", "zip"])]
    )
    model = make_pipeline(encode, DecisionTreeClassifier()).fit(MEMBERS[FEATURES], MEMBERS.label)
    assert set(read(tmp_path, model).pool.x["grade"]) == {"1", "2", "3"}
