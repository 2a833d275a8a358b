"""The Python door: a model and records in memory, in the caller's own process."""

from __future__ import annotations

import copy
import pickle
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from cases import audited as audited_bundle
from pools import records
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import leakgauge
from leakgauge.errors import BadBundle, BadParameters, InputError, UnsupportedModel
from leakgauge.membership.in_memory import InMemory, read_in_memory
from leakgauge.parameters import in_memory_parameters
from leakgauge.report.files import read_report
from leakgauge.report.model import Audited
from leakgauge.results import read_back

QUICK = {"attacks": ["gap", "loss"], "tradeoffs": False}
REFERENCED = {"attacks": ["gap", "loss", "rmia", "lira_offline"], "reference_models": 4}
TRAIN, TEST = records(120, seed=0), records(120, seed=1)
DATA = (*TRAIN, *TEST)
FOREST = RandomForestClassifier(20, random_state=0).fit(*TRAIN)


pytestmark = pytest.mark.usefixtures("few_trees")


def audited(model, X_train, y_train, X_test, y_test, **settings):  # noqa: N803
    return leakgauge.audit(model, X_train, y_train, X_test, y_test, **(QUICK | settings))


def memorised(model, X_train, y_train, X_test, y_test, **settings):  # noqa: N803
    """Training accuracy: 1 for a grown tree exactly when rows, columns and labels line up."""
    inputs = read_in_memory(
        InMemory.of(model, (X_train, y_train), (X_test, y_test), **settings), in_memory_parameters({})
    )
    right = inputs.target.labels(inputs.pool.x) == inputs.pool.y
    return float(right[inputs.pool.member].mean())


def refused(model, X_train, y_train, X_test, y_test, **settings):  # noqa: N803
    with pytest.raises(InputError) as caught:
        audited(model, X_train, y_train, X_test, y_test, **settings)
    return caught.value


def areas(report):
    return {one.name: one.metrics.auc.value for one in report.attacks if one.status == "measured"}


def table(n, seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "income": rng.normal(size=n).round(3),
            "city": rng.choice(["Köln", "Ulm", "01"], n),
            "smokes": rng.random(n) < 0.3,
        }
    )
    frame.loc[::7, "income"] = np.nan
    label = np.where(frame.age + 20 * rng.normal(size=n) > 50, "yes", "no")
    return frame, pd.Series(label, name="label")


MIXED = make_pipeline(
    make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["city", "smokes"]), remainder="passthrough"
    ),
    HistGradientBoostingClassifier(max_iter=10, random_state=0),
)


@pytest.mark.parametrize(
    "kind",
    [
        "arrays",
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("frames", "scores", "labels")),
    ],
)
def test_the_figures_are_those_of_the_file_audit(kind, tmp_path):
    """Acceptance: same model, same records, same seed, and every figure of every attack is the same."""
    if kind == "frames":
        (x, y), (x_other, y_other) = table(150, 0), table(140, 1)
        model = MIXED.fit(x, y)
    else:
        (x, y), (x_other, y_other) = TRAIN, TEST
        made = {
            "arrays": RandomForestClassifier(20, random_state=0),
            "scores": LinearSVC(random_state=0),
            "labels": VotingClassifier([("a", DecisionTreeClassifier(random_state=0))]),
        }[kind]
        model = made.fit(x, y)
    joblib.dump(model, tmp_path / "model.joblib")
    pd.DataFrame(x).assign(label=y).to_csv(tmp_path / "train.csv", index=False)
    pd.DataFrame(x_other).assign(label=y_other).to_csv(tmp_path / "test.csv", index=False)
    attacks = ["gap", "loss", "learned_rf", "label_only", "rmia", "lira_offline", "leaf_counts"]
    settings = {"reference_models": 4, "seed": 3, "attacks": attacks, "proportions": [50]}
    settings["tradeoffs"] = kind == "scores"
    by_file = read_back(Audited(audited_bundle(tmp_path, **settings)))
    in_memory = leakgauge.audit(model, x, y, x_other, y_other, **settings)
    differing = {
        name
        for name in ("verdict", "attacks", "attackers", "table", "slices", "records", "tradeoffs", "insights")
        if getattr(by_file, name) != getattr(in_memory, name)
    }
    assert not differing
    assert by_file.target == in_memory.target
    assert by_file.recommendations == in_memory.recommendations
    assert [one.code for one in by_file.warnings] == [one.code for one in in_memory.warnings]


def test_an_audit_changes_nothing_of_the_caller():
    x, y = table(120, 0)
    other, y_other = table(120, 1)
    model = RandomForestClassifier(5, n_jobs=2, verbose=0, random_state=None)
    model.fit(x[["age", "smokes"]], y)
    before = pickle.dumps(model), x.copy(), y.copy()
    audited(model, x, y, other, y_other)
    assert model.n_jobs == 2
    assert pickle.dumps(model) == before[0]
    pd.testing.assert_frame_equal(x, before[1])
    pd.testing.assert_series_equal(y, before[2])


def test_an_index_of_pandas_counts_for_nothing():
    (x, y), (other, y_other) = table(120, 0), table(120, 1)
    model = MIXED.fit(x, y)
    plain = audited(model, x, y, other, y_other)
    x.index = other.index = [7] * 120
    y.index = range(500, 620)
    assert audited(model, x, y, other, y_other).attacks == plain.attacks


def test_a_function_answers_as_the_estimator_does():
    model = audited(FOREST, *DATA)
    function = audited(FOREST.predict_proba, *DATA, **REFERENCED)
    assert areas(function) == areas(model)
    assert [one.code for one in function.warnings] == ["no_recipe"]
    assert "fit" in function.warnings[0].message
    assert function.verdict.severity is not leakgauge.Severity.LOW


@pytest.mark.parametrize("as_function", [False, True])
def test_fit_trains_the_reference_models(as_function):
    seen = []

    def fit(x, y):
        seen.append((x.shape, set(y.tolist())))
        model = RandomForestClassifier(20, random_state=len(seen)).fit(x, y)
        return model.predict_proba if as_function else model

    report = audited(FOREST.predict_proba, *DATA, fit=fit, **REFERENCED)
    assert set(areas(report)) == {"gap", "loss", "rmia", "lira_offline"}
    assert abs(areas(report)["rmia"] - areas(audited(FOREST, *DATA, **REFERENCED))["rmia"]) < 0.1
    assert all(shape[1] == 8 and labels <= {0, 1, 2} for shape, labels in seen)
    assert {one.code for one in report.warnings} == {"small_reference_models"}


def test_fit_is_taken_before_a_clone():
    called = []

    def fit(x, y):
        called.append(len(y))
        return RandomForestClassifier(5, random_state=0).fit(x, y)

    audited(FOREST, *DATA, fit=fit, **REFERENCED)
    assert called


@pytest.mark.parametrize("as_function", [False, True])
@pytest.mark.parametrize("kind", [LinearSVC, DecisionTreeRegressor])
def test_fit_trains_models_without_probabilities(kind, as_function):
    called = []

    def fit(x, y):
        called.append(len(y))
        model = kind(random_state=0).fit(x, y)
        if not as_function:
            return model
        return model.decision_function if kind is LinearSVC else model.predict

    model = kind(random_state=0).fit(*TRAIN)
    report = audited(model, *DATA, fit=fit, **REFERENCED)
    assert called
    assert abs(areas(report)["rmia"] - areas(audited(model, *DATA, **REFERENCED))["rmia"]) < 0.1


@pytest.mark.parametrize(
    ("fit", "said"),
    [
        (lambda x, y: 1 / 0, "ZeroDivisionError"),
        (lambda x, y: None, "NoneType"),
        (lambda x, y: LinearSVC().fit(x, y), "LinearSVC, which has no predict_proba"),
        (lambda x, y: lambda rows: np.zeros((len(rows), 7)), "shape"),
        (lambda x, y: lambda rows: rows["nowhere"], "IndexError"),
    ],
)
def test_a_fit_that_fails_is_an_error_with_its_cause(fit, said):
    error = refused(FOREST, *DATA, fit=fit, **REFERENCED)
    assert error.code == "bad_parameters.fit_failed"
    assert said in error.message
    assert not said.endswith("Error") or type(error.__cause__).__name__ == said


def test_fit_must_be_a_function():
    assert refused(FOREST, *DATA, fit=3).code == "bad_parameters.fit"


def test_a_population_is_for_the_attacker_of_other_data():
    report = audited(FOREST, *DATA, population=records(300, seed=2), **REFERENCED)
    assert "small_reference_models" not in {one.code for one in report.warnings}
    assert set(report.inputs) == {"X_train", "y_train", "X_test", "y_test", "population[0]", "population[1]"}


LABELS = {
    "text": lambda y: np.array(["low", "mid", "high"])[y],
    "list": lambda y: y.tolist(),
    "categories": lambda y: pd.Categorical.from_codes(y, ["low", "mid", "high"]),
    "a series of categories": lambda y: pd.Series(pd.Categorical.from_codes(y, ["c", "a", "b"])),
    "truth values": lambda y: y > 0,
    "floats": lambda y: y.astype(float),
    "nullable": lambda y: pd.array(y, dtype="Int64"),
    "a column": lambda y: y[:, None],
    "a frame": lambda y: pd.DataFrame({"label": y}),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_every_kind_are_taken(kind):
    code = LABELS[kind]
    flat = np.asarray(code(TRAIN[1])).ravel()
    model = DecisionTreeClassifier(random_state=0).fit(TRAIN[0], flat if kind != "nullable" else TRAIN[1])
    assert memorised(model, TRAIN[0], code(TRAIN[1]), TEST[0], code(TEST[1])) == 1.0


FORMS = {
    "integers of a byte": (lambda x: (x * 20).astype(np.int8)),
    "floats of four bytes": (lambda x: x.astype(np.float32)),
    "objects": (lambda x: x.astype(object)),
    "lists": (lambda x: x.tolist()),
    "by column": (lambda x: np.asfortranarray(x)),
    "a frame without names": (lambda x: pd.DataFrame(x)),
    "a frame with names": (lambda x: pd.DataFrame(x).add_prefix("x")),
}


@pytest.mark.parametrize("kind", FORMS)
def test_features_of_every_form_are_taken(kind):
    form = FORMS[kind]
    x, other = form(TRAIN[0]), form(TEST[0])
    model = DecisionTreeClassifier(random_state=0).fit(x, TRAIN[1])
    assert memorised(model, x, TRAIN[1], other, TEST[1]) == 1.0


def test_an_array_for_a_model_of_named_columns_has_them_by_place():
    frame = pd.DataFrame(TRAIN[0]).add_prefix("x")
    model = DecisionTreeClassifier(random_state=0).fit(frame, TRAIN[1])
    assert memorised(model, *DATA) == 1.0
    error = refused(model, TRAIN[0][:, :5], TRAIN[1], TEST[0][:, :5], TEST[1])
    assert error.code == "unsupported_model.columns_do_not_fit"


def test_further_columns_are_left_out_and_named():
    frame, other = (pd.DataFrame(x).add_prefix("x") for x in (TRAIN[0], TEST[0]))
    model = DecisionTreeClassifier(random_state=0).fit(frame, TRAIN[1])
    plain = audited(model, frame, TRAIN[1], other, TEST[1])
    more = audited(
        model,
        frame.assign(id=range(120))[["id", *frame.columns[::-1]]],
        TRAIN[1],
        other.assign(id=range(120)),
        TEST[1],
    )
    assert more.attacks == plain.attacks
    assert [one.code for one in more.warnings] == ["unused_columns"]
    assert "“id”" in more.warnings[0].message


def test_groups_are_measured():
    frame, other = (pd.DataFrame(x).add_prefix("x") for x in (TRAIN[0], TEST[0]))
    model = RandomForestClassifier(10, random_state=0).fit(frame, TRAIN[1])
    groups = np.where(np.arange(120) < 60, "young", "old")
    report = audited(
        model,
        frame.assign(age=groups),
        TRAIN[1],
        other.assign(age=groups),
        TEST[1],
        group_column="age",
    )
    assert {part.name for part in report.slices if part.by == "group"} == {"young", "old"}
    assert refused(model, frame, TRAIN[1], other, TEST[1], group_column="aeg").code == (
        "bad_parameters.unknown_column"
    )


def test_texts_are_rows():
    words = np.array(["red", "green", "blue", "warm", "cold"])
    rng = np.random.default_rng(0)
    texts = [" ".join(words[rng.integers(5, size=6)]) for _ in range(240)]
    y = np.array([text.count("red") > 1 for text in texts])
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(texts[:120], y[:120])
    for form in (list, np.array, pd.Series):
        report = audited(
            model,
            form(texts[:120]),
            y[:120],
            form(texts[120:]),
            y[120:],
            attacks=["gap", "label_only", "rmia"],
        )
        assert "label_only" in areas(report)


class Duck:
    """Neither of scikit-learn nor a function, but it answers."""

    def __init__(self, answers, classes=None):
        self.predict_proba = answers
        if classes is not None:
            self.classes_ = classes


def test_whatever_has_predict_proba_is_asked():
    duck = Duck(FOREST.predict_proba, classes=FOREST.classes_)
    report = audited(duck, *DATA)
    assert report.target.type == "Duck"
    assert areas(report)["loss"] == areas(audited(FOREST, *DATA))["loss"]
    assert refused(duck, *DATA, classes=[0, 1, 2]).code == "bad_parameters.classes"


class Own(ClassifierMixin, BaseEstimator):
    """An estimator that somebody wrote himself."""

    def __init__(self, neighbours=1):
        self.neighbours = neighbours

    def fit(self, x, y):
        self.x_, self.y_ = np.asarray(x), np.asarray(y)
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, x):
        nearest = ((np.asarray(x)[:, None] - self.x_) ** 2).sum(axis=2).argmin(axis=1)
        return (self.y_[nearest][:, None] == self.classes_).astype(float)

    def predict(self, x):
        return self.classes_[self.predict_proba(x).argmax(axis=1)]


def test_an_estimator_of_ones_own_is_cloned_under_its_own_name():
    report = audited(Own().fit(*TRAIN), *DATA, **REFERENCED)
    assert report.target.type == "Own"
    assert report.target.train_accuracy.value == 1.0
    assert "rmia" in areas(report)


def test_labels_alone_are_attacked_by_labels():
    report = audited(FOREST.predict, *DATA, attacks=["gap", "loss", "label_only"])
    assert set(areas(report)) == {"gap", "label_only"}
    assert "no_recipe" not in {one.code for one in report.warnings}


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        (lambda x: np.full(len(x), 0.5), "unsupported_model.answer_shape"),
        (lambda x: FOREST.predict_proba(x)[:-1], "unsupported_model.answer_shape"),
        (lambda x: FOREST.predict_proba(x)[:, :, None], "unsupported_model.answer_shape"),
        (lambda x: 3, "unsupported_model.answer_shape"),
        (lambda x: FOREST.predict_proba(x)[:, :2], "bad_parameters.classes_do_not_fit"),
        (lambda x: FOREST.predict_proba(x) * np.nan, "unsupported_model.not_probabilities"),
        (lambda x: np.log(FOREST.predict_proba(x) + 1e-9), "unsupported_model.not_probabilities"),
        (lambda x: 2 * FOREST.predict_proba(x), "unsupported_model.not_probabilities"),
        (lambda x: [["a", "b", "c"]] * len(x), "unsupported_model.prediction_failed"),
        (lambda x: x["nowhere"], "unsupported_model.prediction_failed"),
        (lambda x: 1 / 0, "unsupported_model.prediction_failed"),
    ],
)
def test_a_function_that_gives_something_else_is_refused(answers, code):
    error = refused(answers, *DATA)
    assert error.code == code
    assert error.hint


def test_a_function_may_go_wrong_late():
    """The first rows are answered well, a later part of the records is not."""

    def answers(x):
        found = FOREST.predict_proba(x)
        return found if len(x) <= 20 else found * 3

    assert refused(answers, *DATA).code == "unsupported_model.not_probabilities"


def test_the_way_in_of_one_column_works():
    x, y = TRAIN[0], TRAIN[1] > 0
    model = LogisticRegression().fit(x, y)
    one_column = lambda rows: model.predict_proba(rows)[:, 1]  # noqa: E731
    assert refused(one_column, x, y, TEST[0], TEST[1] > 0).code == "unsupported_model.answer_shape"
    both = audited(
        lambda X: np.column_stack([1 - one_column(X), one_column(X)]),  # noqa: N803
        x,
        y,
        TEST[0],
        TEST[1] > 0,
    )
    assert areas(both)["loss"] == areas(audited(model, x, y, TEST[0], TEST[1] > 0))["loss"]


def test_classes_say_which_column_is_which():
    names = np.array(["low", "mid", "high"])
    y, y_other = names[TRAIN[1]], names[TEST[1]]
    ordered = ["low", "mid", "high"]
    assert memorised(FOREST.predict_proba, TRAIN[0], y, TEST[0], y_other, classes=ordered) > 0.95
    by_the_alphabet = audited(FOREST.predict_proba, TRAIN[0], y, TEST[0], y_other)
    assert by_the_alphabet.target.train_accuracy.value < 0.6
    assert "does_not_fit_members" in {one.code for one in by_the_alphabet.warnings}
    for classes in (["low"], ["low", "low", "high"], [["low", "mid", "high"]]):
        assert refused(FOREST.predict_proba, TRAIN[0], y, TEST[0], y_other, classes=classes).code == (
            "bad_parameters.classes"
        )
    mixed = y.astype(object)
    mixed[0] = 3
    assert refused(FOREST.predict_proba, TRAIN[0], mixed, TEST[0], y_other).code == "bad_parameters.classes"


MODELS = {
    "not fitted": (RandomForestClassifier(), "not_fitted"),
    "a class": (RandomForestClassifier, "not_a_model"),
    "None": (None, "not_a_model"),
    "a dictionary": ({"model": FOREST}, "not_a_model"),
    "a scaler": (make_column_transformer(("passthrough", [0])).fit(TRAIN[0]), "not_a_classifier"),
}


@pytest.mark.parametrize("kind", MODELS)
def test_what_is_no_model_is_refused(kind):
    model, problem = MODELS[kind]
    error = refused(model, *DATA)
    assert isinstance(error, UnsupportedModel)
    assert error.problem == problem
    assert "file" not in error.message


def test_a_module_of_pytorch_is_refused_with_a_way_in_that_works():
    torch = pytest.importorskip("torch")
    model = torch.nn.Linear(8, 3)
    error = refused(model, *DATA)
    assert error.problem == "not_a_model"
    assert "lambda X: model(torch.as_tensor(X, dtype=torch.float32)).softmax(dim=1)" in error.hint
    report = audited(lambda X: model(torch.as_tensor(X, dtype=torch.float32)).softmax(dim=1), *DATA)  # noqa: N803
    assert set(areas(report)) == {"gap", "loss"}
    tensor = refused(FOREST, torch.as_tensor(TRAIN[0]), TRAIN[1], TEST[0], TEST[1])
    assert tensor.code == "bad_bundle.not_a_table"
    assert "X_train.numpy()" in tensor.hint
    assert refused(FOREST, TRAIN[0], torch.as_tensor(TRAIN[1]), *TEST).code == "bad_bundle.labels_shape"


@pytest.mark.parametrize(
    ("x", "problem", "said"),
    [
        (sparse.csr_matrix(TRAIN[0]), "not_a_table", "X_train.toarray()"),
        (sparse.csr_array(TRAIN[0]), "not_a_table", "X_train.toarray()"),
        (TRAIN[0][:, 0], "not_a_table", "reshape(-1, 1)"),
        (TRAIN[0].reshape(120, 2, 2, 2), "not_a_table", "audit_images"),
        (TRAIN[0].astype(complex), "not_a_table", "DataFrame"),
        ([[1, 2], [3]], "not_a_table", "DataFrame"),
        (3, "not_a_table", "DataFrame"),
        (TRAIN[0][:100], "lengths_differ", "same order"),
        (pd.DataFrame(TRAIN[0]), "columns_differ", "in the form"),
        (TRAIN[0][:, :5], "columns_differ", "same columns"),
        (pd.DataFrame(TRAIN[0], columns=[*"aabcdefg"]), "duplicate_columns", "name of its own"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_features_that_do_not_fit_are_refused(x, problem, said):
    error = refused(FOREST, x, *DATA[1:])
    assert error.code == f"bad_bundle.{problem}"
    assert said in error.hint


def test_the_way_in_of_a_sparse_matrix_works():
    model = LogisticRegression().fit(sparse.csr_matrix(TRAIN[0]), TRAIN[1])
    assert "loss" in areas(audited(model, sparse.csr_matrix(TRAIN[0]).toarray(), *DATA[1:]))


@pytest.mark.parametrize(
    ("y", "problem"),
    [
        (np.eye(3)[TRAIN[1]], "labels_shape"),
        (np.where(np.arange(120) == 7, np.nan, TRAIN[1]), "missing_labels"),
        ([None, *TRAIN[1][1:].tolist()], "missing_labels"),
        (np.where(np.arange(120) == 7, 9, TRAIN[1]), "unknown_labels"),
        (np.full(120, "low"), "unknown_labels"),
        (np.zeros(120, dtype=int), "one_label"),
        (TRAIN[1][:100], "lengths_differ"),
    ],
)
def test_labels_that_do_not_fit_are_refused(y, problem):
    error = refused(FOREST, TRAIN[0], y, *TEST)
    assert error.code == f"bad_bundle.{problem}"
    assert "parameters.json" not in error.hint
    if problem in ("missing_labels", "unknown_labels") and not isinstance(y[0], str) and y[0] is not None:
        assert "position 7" in error.message


def test_few_records_and_records_of_both_sides_are_refused_as_in_files():
    assert refused(FOREST, TRAIN[0][:10], TRAIN[1][:10], *TEST).code == "bad_bundle.too_few_records"
    assert refused(FOREST, *TRAIN, *TRAIN).code == "bad_bundle.members_among_non_members"


def test_a_cell_that_the_model_cannot_take_is_named():
    frame, other = (pd.DataFrame(x).add_prefix("x").astype(object) for x in (TRAIN[0], TEST[0]))
    model = DecisionTreeClassifier(random_state=0).fit(frame, TRAIN[1])
    frame.loc[3, "x2"] = "much"
    error = refused(model, frame, TRAIN[1], other, TEST[1])
    assert error.code == "bad_bundle.text_in_numbers"
    assert "“x2” of X_train: row 4" in error.message


def test_settings_are_parameters_and_unknown_ones_are_named():
    error = refused(FOREST, *DATA, refrence_models=2, label_column="y")
    assert error.code == "bad_parameters.invalid"
    said = str(error.details["problems"])
    assert "reference_models" in said
    assert "apart from the rest" in said
    one = audited(FOREST, *DATA, parameters={"seed": 4, "attacks": ["gap"]}, seed=5)
    assert one.seed == 5


def test_a_bundle_and_a_model_are_not_mixed_up(tmp_path):
    with pytest.raises(TypeError, match="X_train"):
        leakgauge.audit(FOREST)
    with pytest.raises(TypeError, match="X_train"):
        leakgauge.audit(FOREST, *TRAIN)
    with pytest.raises(TypeError, match="bundle"):
        leakgauge.audit(tmp_path, *DATA)
    with pytest.raises(TypeError, match="bundle"):
        leakgauge.audit(tmp_path, fit=lambda x, y: None)


def test_categories_of_both_sides_are_put_together():
    x, y = table(120, 0)
    other, y_other = table(120, 1)
    other = other[other.city != "Ulm"]
    seen = []

    def answers(rows):
        seen.append(rows.city.dtype)
        return np.column_stack([rows.age / 100, 1 - rows.age / 100])

    memorised(
        answers,
        x.astype({"city": "category"}),
        y,
        other.astype({"city": "category"}),
        y_other[other.index],
    )
    assert all(isinstance(dtype, pd.CategoricalDtype) and len(dtype.categories) == 3 for dtype in seen)


def test_the_result_shows_itself(capsys, monkeypatch):
    report = audited(FOREST, *DATA)
    assert isinstance(report, leakgauge.MembershipReport)
    assert repr(report).startswith("<MembershipResult: leakage ")
    assert "RandomForestClassifier, 120 members, 120 non-members" in repr(report)
    assert "\n" not in repr(report)
    report.show()
    shown = capsys.readouterr().out
    assert report.verdict.sentence in shown
    assert "loss " in shown
    page = report.to_html()
    assert page.startswith("<!doctype html>")
    frame = report._repr_html_()
    assert frame.startswith('<iframe sandbox="allow-downloads"')
    assert "<script" not in page
    assert page not in frame, "the page must stand in its attribute, escaped"


def test_a_result_is_copied_and_pickled_and_compared():
    report = audited(FOREST, *DATA)
    for again in (copy.deepcopy(report), pickle.loads(pickle.dumps(report))):
        assert type(again) is leakgauge.MembershipResult
        assert again == report
        assert again.files == {}
        assert again.to_html() == report.to_html()
    assert leakgauge.gate(report, {"membership": {"max_severity": "low"}}).outcome.value == "failed"
    assert leakgauge.compare(report, audited(FOREST, *DATA, defences=["rounding=1"])).sentence


def test_the_files_are_kept_where_they_are_asked_for(tmp_path):
    folder = tmp_path / "report"
    report = audited(FOREST, *DATA, output=folder)
    assert {path.name for path in folder.iterdir()} == {"report.json", "report.html", "output.csv"}
    assert read_report(folder) == report.report
    audited(FOREST, *DATA, output=folder, seed=1)  # an earlier report is replaced
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("all my work")
    with pytest.raises(BadParameters):
        audited(FOREST, *DATA, output=tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.tex").exists()


def test_progress_is_heard_and_never_falls():
    stages = []

    class Listener:
        def report(self, stage, fraction):
            stages.append((stage, fraction))

    audited(FOREST, *DATA, progress=Listener(), **REFERENCED)
    fractions = [fraction for _, fraction in stages]
    assert fractions == sorted(fractions)
    assert any("reference models" in stage for stage, _ in stages)


def test_lines_are_printed_where_they_are_asked_for(capsys):
    audited(FOREST, *DATA, progress=True)
    assert "small loss" in capsys.readouterr().err
    audited(FOREST, *DATA, progress=False)
    audited(FOREST, *DATA)
    assert capsys.readouterr().err == ""


def test_the_door_for_bundles_needs_no_scikit_learn_here():
    import subprocess

    program = "import sys, leakgauge; leakgauge.audit; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"sklearn", "pandas", "torch"} & set(loaded.stdout.split())


def test_the_errors_of_files_and_memory_are_of_one_tree():
    assert issubclass(BadBundle, InputError)
    assert Path(leakgauge.__file__).with_name("py.typed").is_file()


BOOSTERS = {
    "xgboost": lambda of, categories: of.XGBClassifier(n_estimators=5, enable_categorical=True),
    "lightgbm": lambda of, categories: of.LGBMClassifier(n_estimators=5, verbosity=-1),
    "catboost": lambda of, categories: of.CatBoostClassifier(
        iterations=5, cat_features=categories, verbose=False, allow_writing_files=False
    ),
}


@pytest.mark.parametrize("library", BOOSTERS)
def test_boosters_with_categories_are_audited_and_trained_again(library):
    of = pytest.importorskip(library)
    (x, y), (other, y_other) = (
        (x.drop(columns="smokes").astype({"city": "category"}), (y == "yes").astype(int))
        for x, y in (table(120, 0), table(120, 1))
    )
    model = BOOSTERS[library](of, ["city"]).fit(x, y)
    report = audited(model, x, y, other, y_other, **REFERENCED)
    assert report.target.type == type(model).__name__
    assert set(areas(report)) == {"gap", "loss", "rmia", "lira_offline"}
    assert any(name.startswith(library) for name in report.versions)
