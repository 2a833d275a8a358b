"""Tables rebuilt from forests are held against the tables that the forests were trained on."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_iris, load_wine
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from training_tables import binary_table, mixed_table

from leakgauge.attacks.row import Unsuited
from leakgauge.defences.strip import strip
from leakgauge.model_contents.rebuilt import rebuilt_of
from leakgauge.model_contents.reconstruction import KnownTable, rebuild, rebuilt_table
from leakgauge.model_contents.reconstruction import effort as effort_of
from leakgauge.model_contents.reconstruction.comparison import compared
from leakgauge.progress import Calling, Silent


def rebuilt(model, table=None, **settings):
    known = None if table is None else KnownTable(*table)
    return rebuilt_table(model, known, rng=np.random.default_rng(0), progress=Silent(), **settings)


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(random_state=1),
        RandomForestClassifier(random_state=1, class_weight="balanced"),
        RandomForestClassifier(random_state=1, class_weight="balanced_subsample"),
        RandomForestClassifier(150, random_state=1, max_samples=0.6),
        BaggingClassifier(DecisionTreeClassifier(), 100, max_features=0.7, random_state=1),
    ],
    ids=lambda model: str(model)[:60],
)
def test_binary_tables_come_back_row_by_row_in_their_order(model):
    x, y = binary_table(50, 3)
    found = rebuilt(model.fit(x, y), (x, y))
    assert (found.status, found.method, found.rows) == ("rebuilt", "message_passing", 50)
    assert found.matched >= 0.99
    assert found.compared.exact_rows >= 0.9
    assert found.compared.in_order >= 0.9
    assert found.compared.values > found.compared.imputation > 0.5


def test_the_weights_of_classes_in_files_of_before_they_were_draws():
    # until scikit-learn 1.9 class weights multiplied the draws
    x, y = binary_table(50, 4)
    model = RandomForestClassifier(random_state=1).fit(x, y)
    for tree in model.estimators_:
        state = tree.tree_.__getstate__()
        weights = state["values"][:, 0] * state["nodes"]["weighted_n_node_samples"][:, None] * [0.4, 1.9]
        state["nodes"]["weighted_n_node_samples"] = weights.sum(axis=1)
        state["values"][:, 0] = weights / weights.sum(axis=1, keepdims=True)
        tree.tree_.__setstate__(state)
    assert rebuilt(model, (x, y)).compared.exact_rows >= 0.95


@pytest.mark.parametrize("sanitised", [False, True])
@pytest.mark.parametrize(
    "model",
    [
        RandomForestRegressor(random_state=2),
        BaggingRegressor(DecisionTreeRegressor(), 100, max_features=0.8, random_state=2),
        make_pipeline(RandomForestRegressor(random_state=2)),
    ],
    ids=lambda model: str(model)[:40],
)
def test_forests_of_numbers_give_every_value_back(model, sanitised):
    x, y = mixed_table(200, 5)
    model.fit(x, y)
    if sanitised:
        strip(model)
    found = rebuilt(model, (x, y))
    assert (found.status, found.method, found.rows) == ("rebuilt", "numbers_in_leaves", 200)
    assert found.compared.exact_rows >= 0.95
    assert found.compared.values >= 0.99 > 0.5 > found.compared.imputation


def test_bounds_lose_no_true_value():
    x, y = mixed_table(200, 6)
    found = rebuild(RandomForestRegressor(random_state=0).fit(x, y), rng=None, progress=Silent())
    truth = x[np.argsort(y)]
    assert np.all(np.sort(y) == pytest.approx(found.y))
    assert np.all((found.low <= truth + 1e-9) & (truth <= found.high + 1e-9))


@pytest.mark.parametrize("decimals", [0, 2])
def test_rows_that_share_a_number_are_never_claimed_wrongly(decimals):
    x, y = mixed_table(150, 7)
    y = np.round(y, decimals)
    found = rebuilt(RandomForestRegressor(random_state=0).fit(x, y), (x, y))
    assert found.status == "not_rebuilt" or found.compared.exact_rows >= 0.9


@pytest.mark.parametrize(
    ("model", "load"),
    [
        (RandomForestClassifier(10, random_state=0), lambda **_: binary_table(100, 1)),
        (RandomForestClassifier(10, random_state=0), load_iris),
        (RandomForestClassifier(10, random_state=0), load_wine),
        pytest.param(
            RandomForestClassifier(random_state=0, max_depth=2),
            lambda **_: binary_table(100, 1),
            marks=pytest.mark.slow,
        ),
        (DecisionTreeClassifier(random_state=0), lambda **_: binary_table(100, 1)),
        (DecisionTreeRegressor(random_state=0), lambda **_: mixed_table(100, 1)),
        (ExtraTreesRegressor(random_state=0), lambda **_: mixed_table(100, 1)),
    ],
    ids=lambda part: str(part)[:50] if hasattr(part, "fit") else "",
)
def test_what_is_not_rebuilt_is_never_called_safe(model, load):
    x, y = load(return_X_y=True)
    found = rebuilt(model.fit(x, y), (x, y), seconds=7.0)
    assert found.status == "not_rebuilt"
    assert found.matched is not None
    assert found.compared is None
    assert "not rebuilt with this method" in found.sentence
    assert "no sign that the file is safe" in found.sentence


def test_large_leaves_of_numbers_hold_no_single_rows():
    x, y = mixed_table(100, 1)
    found = rebuilt(RandomForestRegressor(min_samples_leaf=5, random_state=0).fit(x, y))
    assert (found.status, found.matched) == ("not_applicable", None)
    assert "No leaf of the trees holds a single row" in found.sentence


@pytest.mark.slow
def test_classes_on_columns_of_many_values_come_back():
    x, y = mixed_table(80, 9)
    y = (y > np.median(y)).astype(float)
    found = rebuild(
        RandomForestClassifier(random_state=4).fit(x, y), rng=np.random.default_rng(0), progress=Silent()
    )
    assert found.is_rebuilt
    assert np.mean((found.low <= x + 1e-9) & (x <= found.high + 1e-9)) >= 0.95
    beside = compared(found.x, found.y, KnownTable(x, y), in_order=True, rng=np.random.default_rng(0))
    assert beside.values >= 0.8 > 0.5 > beside.imputation


def test_what_is_claimed_is_known_without_the_true_table():
    x, y = binary_table(60, 8)
    model = RandomForestClassifier(random_state=3).fit(x, y)
    alone, beside = rebuilt(model), rebuilt(model, (x, y))
    assert (alone.status, alone.matched, alone.narrowed) == (beside.status, beside.matched, beside.narrowed)
    assert alone.compared is None


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (LogisticRegression(), "not a decision tree"),
        (make_pipeline(StandardScaler(), LogisticRegression()), "not a decision tree"),
        (BaggingClassifier(LogisticRegression(), random_state=0), "not single trees"),
    ],
)
def test_models_without_trees_are_not_applicable(model, reason):
    x, y = binary_table(40, 1)
    found = rebuilt(model.fit(x, y))
    assert found.status == "not_applicable"
    assert reason in found.sentence


@pytest.mark.parametrize("kind", [GradientBoostingClassifier, HistGradientBoostingClassifier])
def test_boosted_trees_are_not_passed_over_in_silence(kind):
    x, y = binary_table(60, 1)
    found = rebuilt_of(kind().fit(x, y), None, Silent())
    assert found.status == "not_applicable"
    assert "no sign that the file is safe" in found.sentence


def test_a_sanitised_forest_of_classes_holds_no_counts():
    x, y = binary_table(60, 1)
    model = RandomForestClassifier(random_state=0).fit(x, y)
    strip(model)
    assert "hold no counts" in rebuilt(model).sentence


def with_nodes(model, **columns):
    """The forest with other numbers in the nodes of its trees."""
    for tree in model.estimators_:
        state = tree.tree_.__getstate__()
        for name, change in columns.items():
            state["nodes"][name] = change(state["nodes"][name])
        tree.tree_.__setstate__(state)
    return model


@pytest.mark.parametrize("number", [0, -3, 2**60])
@pytest.mark.parametrize("column", ["n_node_samples", "weighted_n_node_samples"])
def test_counts_that_cannot_be_end_as_a_reason(column, number):
    x, y = binary_table(60, 1)
    model = RandomForestClassifier(5, random_state=0).fit(x, y)
    model = with_nodes(model, **{column: lambda old: np.full_like(old, number)})
    assert rebuilt(model).status in ("not_applicable", "not_rebuilt")


@pytest.mark.parametrize("threshold", [np.inf, -np.inf, np.nan, 1e308])
def test_thresholds_that_cannot_be_end_as_a_reason(threshold):
    x, y = mixed_table(60, 1)
    model = RandomForestRegressor(5, random_state=0).fit(x, y)
    model = with_nodes(model, threshold=lambda old: np.where(old > 0, threshold, old))
    assert rebuilt(model).status in ("not_applicable", "not_rebuilt")


def test_counts_that_contradict_each_other_are_not_rebuilt():
    x, y = binary_table(60, 1)
    model = RandomForestClassifier(random_state=0).fit(x, y)
    model._n_samples = 61
    found = rebuilt(model, seconds=5.0)
    assert found.status in ("not_applicable", "not_rebuilt")


def test_a_forest_of_half_a_million_rows_is_declined_before_memory_is_taken(monkeypatch):
    x, y = binary_table(60, 1)
    model = RandomForestClassifier(random_state=0).fit(x, y)

    class Held:
        node_count, n_outputs, max_depth = 300_001, 1, 40
        n_node_samples = np.array([316_000])
        children_left = threshold = feature = np.zeros(0)

    trees = [(type("Tree", (), {"tree_": Held})(), None)] * 100
    monkeypatch.setattr(effort_of, "trees_of", lambda _: iter(trees))
    found = rebuilt(model)
    assert found.status == "not_applicable"
    assert "316,000" in found.sentence
    assert "GiB" in found.sentence


def test_time_ends_message_passing():
    x, y = binary_table(60, 1)
    model = RandomForestClassifier(random_state=0).fit(x, y)
    stages: list[str] = []
    progress = Calling(lambda stage, _: stages.append(stage))
    found = rebuild(model, rng=np.random.default_rng(0), seconds=1e9, progress=progress)
    assert found.matched == 1.0
    assert stages
    with pytest.raises(Unsuited, match="it may take 1 GiB and 0 seconds here"):
        rebuild(model, rng=np.random.default_rng(0), seconds=0.0, progress=Silent())


def test_the_same_file_gives_the_same_figures():
    x, y = binary_table(60, 2)
    model = RandomForestClassifier(random_state=3).fit(x, y)
    before = pickle.dumps(model)
    first, second = rebuilt(model, (x, y)), rebuilt(model, (x, y))
    assert first == second
    assert pickle.dumps(model) == before
