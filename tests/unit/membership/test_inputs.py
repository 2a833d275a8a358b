"""Model and tables are fitted to each other in every way in which people send them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from leakgauge.bundle import Limits, open_bundle
from leakgauge.errors import BadBundle, BadParameters
from leakgauge.membership.inputs import Inputs, read_inputs
from leakgauge.parameters import membership_parameters

FEATURES = ["age", "income", "visits"]


def table(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 3)).round(6), columns=FEATURES)
    return frame.assign(label=(frame.age + rng.normal(size=n) > 0).astype(int))


def read(
    folder: Path,
    model: Any,
    members: pd.DataFrame | bytes,
    non_members: pd.DataFrame | bytes,
    **parameters: Any,
) -> Inputs:
    (folder / "bundle").mkdir()
    (folder / "scratch").mkdir()
    (folder / "bundle" / "model.pkl").write_bytes(pickle.dumps(model))
    for name, content in (("train_mia.csv", members), ("test_mia.csv", non_members)):
        written = content if isinstance(content, bytes) else content.to_csv(index=False).encode()
        (folder / "bundle" / name).write_bytes(written)
    bundle = open_bundle(folder / "bundle", folder / "scratch", limits=Limits())
    return read_inputs(bundle, membership_parameters(None, parameters))


def tree(frame: pd.DataFrame, label: Any = "label", *, arrays: bool = False) -> DecisionTreeClassifier:
    x = frame[FEATURES].to_numpy() if arrays else frame[FEATURES]
    return DecisionTreeClassifier(random_state=0).fit(x, frame[label] if isinstance(label, str) else label)


MEMBERS, NON_MEMBERS = table(60, 0), table(50, 1)


def memorised(inputs: Inputs) -> float:
    """A grown tree is right about all its members exactly when rows, columns and labels line up."""
    right = inputs.target.labels(inputs.pool.x) == inputs.pool.y
    return float(right[inputs.pool.member].mean())


def test_the_plain_case(tmp_path: Path) -> None:
    inputs = read(tmp_path, tree(MEMBERS), MEMBERS, NON_MEMBERS)
    assert inputs.target.queries == 0
    assert memorised(inputs) == 1.0
    assert len(inputs.pool) == 110
    assert inputs.pool.member.sum() == 60
    assert sorted(inputs.pool.row[:60]) == list(range(1, 61))
    assert sorted(inputs.pool.row[60:]) == list(range(1, 51))
    assert inputs.notices == ()


def test_columns_in_another_order_are_found_by_name(tmp_path: Path) -> None:
    shuffled = ["label", "visits", "age", "income"]
    assert memorised(read(tmp_path, tree(MEMBERS), MEMBERS[shuffled], NON_MEMBERS[shuffled])) == 1.0


def test_each_table_may_order_its_columns_as_it_likes(tmp_path: Path) -> None:
    inputs = read(tmp_path, tree(MEMBERS), MEMBERS, NON_MEMBERS[["visits", "label", "age", "income"]])
    assert memorised(inputs) == 1.0
    assert np.allclose(np.asarray(inputs.pool.x)[60:], NON_MEMBERS[FEATURES].iloc[inputs.pool.row[60:] - 1])


@pytest.mark.parametrize("arrays", [True, False])
def test_without_a_header_places_count(tmp_path: Path, arrays: bool) -> None:
    members, non_members = (
        frame.to_csv(index=False, header=False).encode() for frame in (MEMBERS, NON_MEMBERS)
    )
    assert memorised(read(tmp_path, tree(MEMBERS, arrays=arrays), members, non_members)) == 1.0


def test_a_label_column_can_be_named_or_counted(tmp_path: Path) -> None:
    order = ["label", *FEATURES]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    renamed = [frame[order].rename(columns={"label": "y"}) for frame in (MEMBERS, NON_MEMBERS)]
    assert memorised(read(tmp_path / "a", tree(MEMBERS), *renamed, label_column="y")) == 1.0
    bare = [frame[order].to_csv(index=False, header=False).encode() for frame in (MEMBERS, NON_MEMBERS)]
    assert memorised(read(tmp_path / "b", tree(MEMBERS, arrays=True), *bare, label_column="0")) == 1.0


def test_the_one_column_that_is_no_feature_is_the_label(tmp_path: Path) -> None:
    order = ["target", *FEATURES]
    renamed = [frame.rename(columns={"label": "target"})[order] for frame in (MEMBERS, NON_MEMBERS)]
    assert memorised(read(tmp_path, tree(MEMBERS), *renamed)) == 1.0


def test_the_index_that_pandas_writes_is_left_out(tmp_path: Path) -> None:
    members, non_members = (frame.to_csv().encode() for frame in (MEMBERS, NON_MEMBERS))
    inputs = read(tmp_path, tree(MEMBERS, arrays=True), members, non_members)
    assert memorised(inputs) == 1.0
    assert [notice.code for notice in inputs.notices] == ["index_column"]


def test_further_columns_are_left_out_by_name(tmp_path: Path) -> None:
    members, non_members = (frame.assign(name="x", city="y") for frame in (MEMBERS, NON_MEMBERS))
    inputs = read(tmp_path, tree(MEMBERS), members, non_members, label_column="label")
    assert memorised(inputs) == 1.0
    assert "city" in inputs.notices[0].message


@pytest.mark.parametrize("arrays", [True, False])
def test_groups_need_not_be_a_feature(tmp_path: Path, arrays: bool) -> None:
    members, non_members = (
        frame.assign(region=np.where(frame.index % 2, "north", None)) for frame in (MEMBERS, NON_MEMBERS)
    )
    inputs = read(
        tmp_path,
        tree(MEMBERS, arrays=arrays),
        members,
        non_members,
        group_column="region",
        label_column="label",
    )
    assert memorised(inputs) == 1.0
    assert set(inputs.pool.group) == {"north", "(missing)"}


@pytest.mark.parametrize(
    ("classes", "written"),
    [
        ([0, 1], ["0", "1"]),
        ([0, 1], ["0.0", "1.0"]),
        ([0.0, 1.0], ["0", "1"]),
        (["0", "1"], ["0", "1"]),
        (["no", "yes"], ["no", "yes"]),
        ([False, True], ["False", "True"]),
        ([False, True], ["0", "1"]),
        ([-1, 1], ["-1", "1"]),
    ],
)
def test_labels_are_found_whatever_they_are_made_of(tmp_path: Path, classes: list, written: list) -> None:
    model = tree(MEMBERS, np.array(classes)[MEMBERS.label])
    members, non_members = (
        frame.assign(label=np.array(written, dtype=object)[frame.label]) for frame in (MEMBERS, NON_MEMBERS)
    )
    inputs = read(tmp_path, model, members, non_members)
    assert memorised(inputs) == 1.0
    assert (inputs.pool.y[:60] == MEMBERS.label.iloc[inputs.pool.row[:60] - 1]).all()


def test_records_in_both_tables_are_dropped_from_both(tmp_path: Path) -> None:
    shared = MEMBERS[5:9]
    non_members = pd.concat([NON_MEMBERS, shared], ignore_index=True)
    inputs = read(tmp_path, tree(MEMBERS), MEMBERS, non_members)
    assert inputs.pool.member.sum() == 56
    assert (~inputs.pool.member).sum() == 50
    assert not set(range(6, 10)) & set(inputs.pool.row[inputs.pool.member].tolist())
    (notice,) = inputs.notices
    assert notice.code == "records_in_both_tables"
    assert "rows 6, 7, 8, 9 of train_mia.csv" in notice.message


def test_copies_of_a_record_count_once_and_it_is_said(tmp_path: Path) -> None:
    members = pd.concat([MEMBERS, MEMBERS[:7], MEMBERS[:3]], ignore_index=True)
    inputs = read(tmp_path, tree(MEMBERS), members, NON_MEMBERS)
    assert inputs.pool.member.sum() == 60
    assert sorted(inputs.pool.row[:60]) == list(range(1, 61))
    (notice,) = inputs.notices
    assert notice.code == "repeated_records"
    assert "10 of 70 records" in notice.message


def test_copies_alone_are_too_few_records(tmp_path: Path) -> None:
    with pytest.raises(BadBundle) as caught:
        read(tmp_path, tree(MEMBERS), pd.concat([MEMBERS[:10]] * 9, ignore_index=True), NON_MEMBERS)
    assert caught.value.problem == "too_few_records"
    assert "10 different records" in caught.value.message


def test_the_same_features_with_another_label_are_not_the_same_record(tmp_path: Path) -> None:
    twin = MEMBERS[5:9].assign(label=1 - MEMBERS[5:9].label)
    inputs = read(tmp_path, tree(MEMBERS), MEMBERS, pd.concat([NON_MEMBERS, twin], ignore_index=True))
    assert len(inputs.pool) == 114


def test_large_tables_are_sampled_and_it_is_said(tmp_path: Path) -> None:
    members, non_members = table(300, 0), table(150, 1)
    inputs = read(tmp_path, tree(members), members, non_members, max_records=200)
    assert inputs.pool.member.sum() == 100
    assert (~inputs.pool.member).sum() == 100
    assert [notice.code for notice in inputs.notices] == ["sampled", "sampled"]
    assert len(inputs.training_data.members) == 300, "reference models are trained on all of them"
    assert len(inputs.training_data.non_members) == 150
    assert inputs.training_data.scored == 200
    features = np.asarray(inputs.pool.x)[inputs.pool.member]
    assert np.allclose(features, members[FEATURES].iloc[inputs.pool.row[inputs.pool.member] - 1])


def test_a_pipeline_encodes_its_own_text(tmp_path: Path) -> None:
    members, non_members = (
        frame.assign(city=np.array(["Bern", "Basel", "Chur"])[frame.index % 3])
        for frame in (MEMBERS, NON_MEMBERS)
    )
    columns = [*FEATURES, "city"]
    encode = ColumnTransformer([("text", OneHotEncoder(), ["city"]), ("numbers", StandardScaler(), FEATURES)])
    model = make_pipeline(encode, RandomForestClassifier(20, random_state=0)).fit(
        members[columns], members.label
    )
    inputs = read(tmp_path, model, members, non_members, label_column="label")
    assert isinstance(inputs.pool.x, pd.DataFrame)
    assert memorised(inputs) > 0.95
    assert inputs.target.type_name == "Pipeline(ColumnTransformer → RandomForestClassifier)"


def test_missing_values_reach_a_model_that_takes_them(tmp_path: Path) -> None:
    members, non_members = (
        frame.assign(age=frame.age.where(frame.index != 5)) for frame in (MEMBERS, NON_MEMBERS)
    )
    model = HistGradientBoostingClassifier(max_iter=5).fit(members[FEATURES], members.label)
    assert len(read(tmp_path, model, members, non_members).pool) == 110


def test_a_column_that_may_be_meant_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadBundle, match="income") as caught:
        read(tmp_path, tree(MEMBERS), MEMBERS.rename(columns={"income": "Income"}), NON_MEMBERS)
    assert "“Income” may be meant for “income”" in caught.value.hint


def test_an_error_names_the_line_in_the_file(tmp_path: Path) -> None:
    spoiled = NON_MEMBERS.astype({"income": object})
    spoiled.loc[7, "income"] = "plenty"
    with pytest.raises(BadBundle, match=r"“income” of test_mia\.csv: line 9 holds text") as caught:
        read(tmp_path, tree(MEMBERS), MEMBERS, spoiled)
    assert "plenty" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    ("cells", "end", "problem"),
    [
        (["52,310", "1,000", "7"], {}, "thousands_separators"),
        (["52,310", "plenty", "7"], {}, "text_in_numbers"),
        (["52.310", "1.000", "7,5"], {"sep": ";"}, "thousands_separators"),
        (["52.310,5", "7", "8"], {"sep": ";"}, "thousands_separators"),
    ],
)
def test_thousands_separators_are_blamed_only_where_nothing_else_is_wrong(
    cells: list[str], end: dict[str, str], problem: str, tmp_path: Path
) -> None:
    frames = [frame.assign(income=(cells * 20)[: len(frame)]) for frame in (MEMBERS, NON_MEMBERS)]
    if end:
        frames = [
            frame.astype({"age": str, "visits": str})
            .replace(r"\.", ",", regex=True)
            .assign(income=frame.income)
            for frame in frames
        ]
    members, non_members = (frame.to_csv(index=False, **end).encode() for frame in frames)
    with pytest.raises(BadBundle, match=r"“income” of train_mia\.csv: line ") as caught:
        read(tmp_path, tree(MEMBERS), members, non_members)
    assert caught.value.problem == problem


def test_a_group_column_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadParameters, match="regoin") as caught:
        read(
            tmp_path,
            tree(MEMBERS),
            MEMBERS.assign(region="x"),
            NON_MEMBERS.assign(region="x"),
            group_column="regoin",
        )
    assert "region" in caught.value.hint
