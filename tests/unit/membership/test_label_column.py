"""The label is found where it is clear, and asked for where it is not; a feature is never taken for it."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

from leakgauge.bundle import Limits, open_bundle
from leakgauge.errors import BadBundle
from leakgauge.membership.inputs import Inputs, read_inputs
from leakgauge.parameters import membership_parameters
from leakgauge.tables.label_column import is_index

N = 120


def table(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"age": rng.normal(40, 9, N).round(2), "smoker": rng.integers(0, 2, N)})
    return frame.assign(
        size=rng.normal(170, 9, N).round(2), target=(frame.age + 5 * rng.normal(size=N) > 40).astype(int)
    )


MEMBERS, OTHERS = table(0), table(1)
FEATURES = ["age", "smoker", "size"]


def read(
    folder: Path,
    model: Any,
    members: pd.DataFrame,
    others: pd.DataFrame,
    *,
    header: bool = True,
    **to_csv: Any,
) -> Inputs:
    (folder / "bundle").mkdir()
    (folder / "scratch").mkdir()
    (folder / "bundle" / "model.pkl").write_bytes(pickle.dumps(model))
    for name, frame in (("train_mia.csv", members), ("test_mia.csv", others)):
        frame.to_csv(folder / "bundle" / name, header=header, **({"index": False} | to_csv))
    bundle = open_bundle(folder / "bundle", folder / "scratch", limits=Limits())
    return read_inputs(bundle, membership_parameters(None, {}))


def accuracy(inputs: Inputs) -> float:
    right = inputs.target.labels(inputs.pool.x) == inputs.pool.y
    return float(right[inputs.pool.member].mean())


def tree(*, arrays: bool, y: Any = MEMBERS.target) -> DecisionTreeClassifier:
    x = MEMBERS[FEATURES]
    return DecisionTreeClassifier(random_state=0).fit(x.to_numpy() if arrays else x, y)


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("header", [True, False])
def test_a_model_of_arrays_finds_its_label_in_any_place(place: int, header: bool, tmp_path: Path) -> None:
    order = list(FEATURES)
    order.insert(place, "target")
    inputs = read(tmp_path, tree(arrays=True), MEMBERS[order], OTHERS[order], header=header)
    assert accuracy(inputs) == 1.0
    assert [notice.code for notice in inputs.notices] == ["label_column"]


def test_where_the_model_cannot_tell_the_candidates_are_listed(tmp_path: Path) -> None:
    noise = tree(arrays=True, y=np.random.default_rng(9).integers(0, 2, N))
    order = ["target", "age", "size", "smoker"]
    with pytest.raises(BadBundle, match="“target”, “smoker” could") as caught:
        read(tmp_path, noise, MEMBERS[order], OTHERS[order])
    assert caught.value.problem == "no_label_column"
    assert "label_column" in caught.value.hint


@pytest.mark.parametrize("place", [0, 40])
def test_among_many_flags_the_label_stands_at_an_end(place: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    flags = [pd.DataFrame(rng.integers(0, 2, (N, 40))).add_prefix("flag") for _ in range(2)]
    tables = [frame.copy() for frame in flags]
    for frame in tables:
        frame.insert(place, "churn", frame.flag3 ^ frame.flag7)
    model = DecisionTreeClassifier(random_state=0).fit(flags[0].to_numpy(), tables[0].churn)
    assert accuracy(read(tmp_path, model, *tables)) == 1.0


def test_a_flag_is_not_taken_for_a_label_that_is_coded_otherwise(tmp_path: Path) -> None:
    order = ["target", "age", "size", "smoker"]
    coded = [frame[order].assign(target=frame.target.map({0: "no", 1: "yes"})) for frame in (MEMBERS, OTHERS)]
    with pytest.raises(BadBundle, match="“smoker” could") as caught:
        read(tmp_path, tree(arrays=True), *coded)
    assert caught.value.problem == "no_label_column"


def test_a_feature_is_never_the_label(tmp_path: Path) -> None:
    named = MEMBERS.rename(columns={"smoker": "label"}), OTHERS.rename(columns={"smoker": "label"})
    model = DecisionTreeClassifier(random_state=0).fit(named[0][["age", "label", "size"]], named[0].target)
    inputs = read(tmp_path, model, *named)
    assert accuracy(inputs) == 1.0
    (tmp_path / "b").mkdir()
    with pytest.raises(BadBundle, match="none is left"):
        read(tmp_path / "b", model, named[0].drop(columns="target"), named[1].drop(columns="target"))


def test_of_the_columns_left_over_the_one_that_holds_classes_is_the_label(tmp_path: Path) -> None:
    further = [frame.assign(id=range(N), city="Bern") for frame in (MEMBERS, OTHERS)]
    inputs = read(tmp_path, tree(arrays=False), *further)
    assert accuracy(inputs) == 1.0
    assert [notice.code for notice in inputs.notices] == ["label_column", "unused_columns"]


def test_two_columns_left_over_that_hold_classes_are_listed(tmp_path: Path) -> None:
    further = [frame.assign(prediction=frame.target) for frame in (MEMBERS, OTHERS)]
    with pytest.raises(BadBundle, match="“target”, “prediction” could"):
        read(tmp_path, tree(arrays=False), *further)


def test_no_column_that_holds_classes_is_told_with_the_classes(tmp_path: Path) -> None:
    strange = [frame.assign(target="x", other="y") for frame in (MEMBERS, OTHERS)]
    with pytest.raises(BadBundle, match=r"none of .*“target”, “other” holds the model's classes \(0, 1\)"):
        read(tmp_path, tree(arrays=False), *strange)


@pytest.mark.parametrize("arrays", [True, False])
def test_the_index_of_a_table_split_at_random_is_no_label(arrays: bool, tmp_path: Path) -> None:
    shuffled = [frame.sample(frac=1, random_state=0) for frame in (MEMBERS, OTHERS)]
    inputs = read(tmp_path, tree(arrays=arrays), *shuffled, index=True)
    assert accuracy(inputs) == 1.0
    assert "Unnamed: 0" in "".join(notice.message for notice in inputs.notices)


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("Unnamed: 0", [5, 3, 9], True),
        ("index", [5, 3, 9], True),
        ("Unnamed: 0", [5, 5, 9], False),
        ("Unnamed: 0", [0.5, 1.5, 2.5], False),
        ("id", [1, 2, 3], False),
        (0, [7, 8, 9], True),
        (0, [7, 9, 8], False),
    ],
)
def test_what_counts_as_an_index(name: object, values: list[float], expected: bool) -> None:
    assert is_index(pd.Series(values), name) is expected
    assert is_index(pd.Series([str(value) for value in values], dtype="str"), name) is expected


@pytest.mark.parametrize("bad", [1, 3])
def test_a_wrong_label_or_two_are_told_by_line(bad: int, tmp_path: Path) -> None:
    spoiled = MEMBERS.astype({"target": object})
    spoiled.loc[5 : 4 + bad, "target"] = "7"
    with pytest.raises(BadBundle, match=f"{bad} of 120 records .* first in line 7") as caught:
        read(tmp_path, tree(arrays=True), spoiled[["target", *FEATURES]], OTHERS[["target", *FEATURES]])
    assert caught.value.problem == "unknown_labels"


def test_a_first_line_that_may_be_a_header_is_told(tmp_path: Path) -> None:
    # numbers over numbers: no rule can tell, but the label of that line is no class
    years = [
        frame[[*FEATURES, "target"]].set_axis(["2019", "2020", "2021", "2022"], axis=1)
        for frame in (MEMBERS, OTHERS)
    ]
    with pytest.raises(BadBundle, match="first in line 1") as caught:
        read(tmp_path, tree(arrays=True), *years)
    assert '"header": true' in caught.value.hint
