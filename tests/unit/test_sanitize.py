from __future__ import annotations

import os
import pickle
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from fitted_pools import area, digits, fitted_pool, scores_of, shared
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.cross_decomposition import PLSRegression
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.tree import DecisionTreeClassifier

from leakgauge.attacks.row import Unsuited
from leakgauge.cli import main
from leakgauge.defences.comparison import _with_categories, probes, same_answers
from leakgauge.defences.sanitize import sanitize
from leakgauge.defences.strip import remaining, strip
from leakgauge.errors import AuditFailed, UnsafeModel, UnsupportedModel
from leakgauge.membership.attacks import boosting_equations, bootstrap_replay, leaf_counts
from leakgauge.model_contents.find import TrainingTable, contents_of
from leakgauge.progress import Silent
from leakgauge.targets.sklearn.model_graph import parts_of
from leakgauge.targets.sklearn.old_versions import EarlierLogisticRegression

METHODS = ("predict", "predict_proba", "decision_function", "apply")

FOREST = RandomForestClassifier(8, oob_score=True, class_weight="balanced", random_state=5)
BOOSTING = GradientBoostingClassifier(n_estimators=4, subsample=0.7, random_state=5)


@pytest.fixture
def sanitized(tmp_path):
    def of(model):
        (tmp_path / "scratch").mkdir(exist_ok=True)
        (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
        return sanitize(tmp_path / "model.pkl", tmp_path / "scratch", Silent())

    return of


@pytest.mark.filterwarnings("ignore:Some inputs do not have OOB scores")
@pytest.mark.filterwarnings("ignore:invalid value encountered in divide")
@pytest.mark.parametrize(
    "model",
    [
        FOREST,
        BOOSTING,
        DecisionTreeClassifier(random_state=5),
        ExtraTreesClassifier(5, bootstrap=True, random_state=5),
        BaggingClassifier(n_estimators=5, max_features=0.5, random_state=5),
        AdaBoostClassifier(n_estimators=3, random_state=5),
        HistGradientBoostingClassifier(max_iter=3, random_state=5),
        make_pipeline(StandardScaler(), FOREST),
        VotingClassifier([("trees", FOREST), ("neighbours", KNeighborsClassifier())]),
        CalibratedClassifierCV(RandomForestClassifier(3, random_state=5), cv=2),
        GridSearchCV(DecisionTreeClassifier(random_state=5), {"max_depth": [2, 4]}, cv=2),
    ],
    ids=lambda model: type(model).__name__,
)
def test_every_answer_stays_and_no_seed_does(model, sanitized):
    x, y = digits(300)
    model.fit(x, y)
    new = pickle.loads(sanitized(model).content)
    inputs = np.concatenate([digits(1000)[0], np.random.default_rng(1).normal(8, 9, (500, 64))])
    for method in METHODS:
        if hasattr(model, method) and hasattr(new, method):
            before, after = getattr(model, method)(inputs), getattr(new, method)(inputs)
            assert np.asarray(before).tobytes() == np.asarray(after).tobytes(), method
    for part in parts_of(new):
        assert not isinstance(vars(part).get("random_state"), int | np.random.RandomState)
        assert not {"_seeds", "_rng", "_random_seed", "oob_score_", "train_score_"} & vars(part).keys()
        if isinstance(part, DecisionTreeClassifier) and hasattr(part, "tree_"):
            assert np.all(part.tree_.n_node_samples == 1)
            assert np.all(part.tree_.impurity == 0)
            assert np.all(part.tree_.value[part.tree_.children_left != -1] == 0)
    assert not strip(new) or "seeds" not in strip(new)


@pytest.mark.parametrize("seed", range(3))
def test_a_forest_tells_less_afterwards(seed):
    target, pool = fitted_pool(
        RandomForestClassifier(40, max_depth=5, random_state=seed), *digits(600), seed=seed
    )
    counts = area(leaf_counts.score, target, pool)
    assert area(bootstrap_replay.score, target, pool) > 0.95
    strip(target.estimator)
    after, _ = shared(target.estimator, pool.x, digits(600)[1], pool.member)
    assert area(leaf_counts.score, after, pool) < counts - 0.03
    with pytest.raises(Unsuited):
        scores_of(bootstrap_replay.score, after, pool)


@pytest.mark.parametrize("seed", range(3))
def test_what_boosting_tells_afterwards_is_hidden_by_subsampling_alone(seed):
    def areas(subsample):
        model = GradientBoostingClassifier(n_estimators=25, subsample=subsample, random_state=seed)
        target, pool = fitted_pool(model, *digits(400), seed=seed)
        before = area(boosting_equations.score, target, pool)
        strip(target.estimator)
        return before, area(boosting_equations.score, target, pool)

    whole, drawn = areas(1.0), areas(0.5)
    assert whole[0] >= whole[1] > 0.9
    assert whole[1] > drawn[1] + 0.08
    assert drawn[0] > drawn[1] + 0.03


def test_what_stays_is_said():
    x, y = digits(100)
    assert "subsample" in remaining(GradientBoostingClassifier(n_estimators=1).fit(x, y))[0]
    voting = VotingClassifier([("t", DecisionTreeClassifier()), ("k", KNeighborsClassifier())]).fit(x, y)
    assert any("KNeighborsClassifier answers from training records" in line for line in remaining(voting))


@pytest.mark.parametrize("field", ["threshold", "feature", "left_child"])
def test_a_changed_question_is_noticed(field):
    x, y = digits(200)
    one, other = (RandomForestClassifier(3, random_state=0).fit(x, y) for _ in range(2))
    assert same_answers(one, other)
    tree = other.estimators_[1].tree_
    state = tree.__getstate__()
    state["nodes"][field][0] = np.nextafter(state["nodes"][field][0], 99) if field == "threshold" else 3
    tree.__setstate__(state)
    assert not same_answers(one, other)


def test_a_leaf_that_differs_in_its_last_bit_is_noticed():
    x, y = digits(200)
    one, other = (GradientBoostingClassifier(n_estimators=2, random_state=0).fit(x, y) for _ in range(2))
    assert same_answers(one, other)
    value = other.estimators_[1, 3].tree_.value
    leaf = np.flatnonzero(other.estimators_[1, 3].tree_.children_left == -1)[0]
    value[leaf, 0, 0] = np.nextafter(value[leaf, 0, 0], 9)
    assert not same_answers(one, other)


def test_a_changed_start_of_boosting_is_noticed_by_asking():
    x, y = digits(200)
    one, other = (GradientBoostingClassifier(n_estimators=2, random_state=0).fit(x, y) for _ in range(2))
    other.init_.class_prior_ = other.init_.class_prior_[::-1].copy()
    assert not same_answers(one, other)


LABELS = {
    "object": lambda y: pd.Series(np.where(y, "yes", "no").astype(object)),
    "pandas text": lambda y: pd.Series(np.where(y, "yes", "no")).astype("string"),
    "category": lambda y: pd.Series(np.where(y, "yes", "no")).astype("category"),
    "bool": lambda y: pd.Series(y),
    "nullable bool": lambda y: pd.Series(y).astype("boolean"),
    "fixed width": lambda y: np.where(y, "yes", "no"),
}


def people(n, *, seed):
    """A table of numbers and text, and who said yes."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {"age": rng.integers(18, 80, n), "city": rng.choice(np.array(["Oslo", "Rome", "Ulm"], object), n)}
    )
    return table, table["age"].to_numpy() + rng.normal(0, 20, n) > 50


def reading_text(model):
    encoder = OneHotEncoder(sparse_output=False)
    return make_pipeline(make_column_transformer((encoder, ["city"]), remainder="passthrough"), model)


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(3),
        GradientBoostingClassifier(n_estimators=2),
        HistGradientBoostingClassifier(max_iter=2),
        BaggingClassifier(n_estimators=2),
        AdaBoostClassifier(n_estimators=2),
        CalibratedClassifierCV(DecisionTreeClassifier(), cv=2),
    ],
    ids=lambda model: type(model).__name__,
)
def test_labels_of_every_kind_are_compared_by_what_they_say(labels, model, sanitized):
    x, y = people(80, seed=0)
    fitted = reading_text(model).fit(x, LABELS[labels](y))
    new = pickle.loads(sanitized(fitted).content)
    assert np.array_equal(new.predict(x), fitted.predict(x))
    assert np.array_equal(new.classes_, fitted.classes_)


@pytest.mark.parametrize("other", ["No", b"no", 0, None, float("nan"), ("no",)])
def test_a_changed_label_is_noticed(other):
    x, y = people(60, seed=0)
    one, two = (
        DecisionTreeClassifier(max_depth=3, random_state=0).fit(x[["age"]], LABELS["object"](y))
        for _ in range(2)
    )
    assert same_answers(one, two)
    two.classes_ = np.empty(2, dtype=object)
    two.classes_[:] = [other, "yes"]
    assert not same_answers(one, two)


def test_a_whole_number_is_not_the_same_label_as_a_fraction():
    x, y = people(60, seed=0)
    one, two = (DecisionTreeClassifier(random_state=0).fit(x[["age"]], y) for _ in range(2))
    one.classes_, two.classes_ = np.array([0, 1], dtype=object), np.array([0, 1], dtype=object)
    assert same_answers(one, two)
    two.classes_ = np.array([0.0, 1.0], dtype=object)
    assert not same_answers(one, two)


def test_histograms_over_categories_are_asked_about_categories(sanitized):
    x, y = people(80, seed=0)
    x["city"] = x["city"].astype("category")
    model = HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=2).fit(x, LABELS["object"](y))
    new = pickle.loads(sanitized(model).content)
    assert np.array_equal(new.predict_proba(x), model.predict_proba(x))
    assert {"Oslo", "Rome", "Ulm"} == set(_with_categories(model, probes(model))[:, 1])


def test_what_cannot_take_numbers_is_compared_by_its_trees(sanitized):
    x, y = people(80, seed=0)
    inner = make_pipeline(OneHotEncoder(), DecisionTreeClassifier())
    model = BaggingClassifier(inner, 2, random_state=0).fit(x[["city"]], LABELS["object"](y))
    new = pickle.loads(sanitized(model).content)
    assert np.array_equal(new.predict(x[["city"]]), model.predict(x[["city"]]))


@pytest.mark.parametrize("container", [lambda model: {"model": model, "n": 3}, lambda model: (model, "x")])
def test_a_container_is_written_as_it_was_around_a_stripped_model(container, sanitized):
    x, y = digits(200)
    model = RandomForestClassifier(3, random_state=0).fit(x, y)
    new = pickle.loads(sanitized(container(model)).content)
    assert type(new) is type(container(model))
    inside = new["model"] if isinstance(new, dict) else new[0]
    assert np.array_equal(inside.predict_proba(x), model.predict_proba(x))
    assert inside.random_state is None


def test_a_container_without_trees_is_told_of(sanitized):
    with pytest.raises(UnsupportedModel, match="What the file holds has nothing that could be taken out"):
        sanitized({"a": 1})


def test_models_of_different_parts_differ():
    x, y = digits(200)
    one, other = (RandomForestClassifier(trees, random_state=0).fit(x, y) for trees in (2, 3))
    assert not same_answers(one, other)


def test_probes_reach_most_leaves():
    tree = DecisionTreeClassifier(max_depth=4, random_state=0).fit(*digits(300))
    reached = np.unique(tree.apply(probes(tree)))
    assert len(reached) > 0.8 * tree.get_n_leaves()


def test_nothing_is_written_when_an_answer_would_change(sanitized, monkeypatch):
    def clumsy(model):
        model.tree_.value[:] = 0.1
        return ("everything",)

    monkeypatch.setattr("leakgauge.defences.sanitize.strip", clumsy)
    with pytest.raises(AuditFailed) as caught:
        sanitized(DecisionTreeClassifier().fit(*digits(100)))
    assert caught.value.problem == "answers_changed"


def test_a_model_without_trees_has_nothing_to_strip(sanitized):
    with pytest.raises(UnsupportedModel) as caught:
        sanitized(LogisticRegression(max_iter=5000).fit(*digits(100)))
    assert caught.value.problem == "nothing_to_strip"


def test_what_a_model_answers_from_is_named_where_nothing_can_be_taken_out(sanitized):
    x, y = digits(100)
    with pytest.raises(UnsupportedModel) as caught:
        sanitized(KNeighborsClassifier().fit(x, y))
    assert caught.value.problem == "nothing_to_strip"
    assert "training records that it keeps in its file (_fit_X, 100 of them)" in caught.value.message
    assert "cannot be taken out" in caught.value.message
    assert "labels of the training table (_y)" in caught.value.message


@pytest.mark.filterwarnings("ignore:y contains no unlabeled samples")
@pytest.mark.parametrize(
    ("model", "gone"),
    [
        (GaussianProcessRegressor(), "targets in y_train_"),
        (LabelSpreading(kernel="knn"), "labels in transduction_"),
        (SelfTrainingClassifier(DecisionTreeClassifier(random_state=0)), "labels in transduction_"),
        (PLSRegression(1), "targets in _y_scores"),
        (HistGradientBoostingClassifier(max_iter=3), "values in bin_thresholds_"),
        (RandomForestClassifier(3, class_weight="balanced"), "labels in _sample_weight"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_training_data_that_no_answer_needs_goes(model, gone, sanitized):
    x, y = digits(300)
    x, y = x[:, 20:28] + np.random.default_rng(0).random((300, 8)), (y > 4).astype(int)
    model.fit(x, y)
    found = sanitized(model)
    assert any(gone in line for line in found.removed), found.removed
    new = pickle.loads(found.content)
    probe = x + 0.01
    assert np.asarray(new.predict(probe)).tobytes() == np.asarray(model.predict(probe)).tobytes()
    table = TrainingTable(x, y.astype(float) if "targets" in gone else y)
    kept = {field.attribute: field for field in contents_of(new, table).fields}
    attribute = gone.rpartition(" ")[2]
    assert attribute not in kept
    assert not any(attribute in line for line in (*strip(new), *found.remaining))
    assert attribute in {field.attribute for field in contents_of(model, table).fields}


def test_a_regression_forest_says_that_its_leaves_are_targets():
    x, y = digits(100)
    forest = RandomForestRegressor(2).fit(x, y)
    assert any("keeps targets of the training table (tree_)" in line for line in remaining(forest))


def test_a_stand_in_for_an_earlier_model_is_refused(monkeypatch, sanitized):
    old = EarlierLogisticRegression()
    voting = VotingClassifier([("t", DecisionTreeClassifier())]).fit(*digits(100))
    voting.estimators_.append(old)
    monkeypatch.setattr("leakgauge.defences.sanitize._best_of", lambda _: voting)
    with pytest.raises(UnsupportedModel) as caught:
        sanitized(DecisionTreeClassifier().fit(*digits(100)))
    assert caught.value.problem == "saved_by_earlier_version"


def test_a_pickle_that_runs_code_is_refused(sanitized):
    class Hostile:
        def __reduce__(self):
            return os.system, ("true",)

    with pytest.raises(UnsafeModel):
        sanitized(Hostile())


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "src"))
    monkeypatch.chdir(tmp_path)
    joblib.dump(FOREST.fit(*digits(300)), "model.joblib", compress=3)
    return lambda *arguments: CliRunner().invoke(main, ["sanitize", *arguments])


@pytest.mark.filterwarnings("ignore:Some inputs do not have OOB scores")
@pytest.mark.filterwarnings("ignore:invalid value encountered in divide")
def test_the_command(call):
    result = call("model.joblib", "-o", "safe.pkl")
    assert result.exit_code == 0, result.output
    assert result.stdout == "safe.pkl\n"
    assert "taken out: seeds" in result.stderr
    assert "note: The leaves of trees" in result.stderr
    x = digits(1000)[0]
    assert joblib.load("safe.pkl").predict_proba(x).tobytes() == FOREST.predict_proba(x).tobytes()
    assert joblib.load("safe.pkl").random_state is None

    written = Path("safe.pkl").read_bytes()
    again = call("model.joblib", "-o", "safe.pkl")
    assert again.exit_code == 2
    assert "exist" in again.stderr
    assert Path("safe.pkl").read_bytes() == written

    Path("hostile.pkl").write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    refused = call("hostile.pkl", "-o", "new.pkl")
    assert refused.exit_code == 2
    assert "os.system" in refused.stderr
    assert not Path("new.pkl").exists()
    assert not Path("ran").exists()
