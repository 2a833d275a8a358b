"""ONNX classifiers of table rows answer as the library that wrote them, whatever their ends look like."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from cases import audited, refusal
from onnx import TensorProto, helper
from onnx_tables import ML, classifier, graph, network, two_leaves, value
from scipy.special import expit, softmax
from skl2onnx import to_onnx
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from table_bundles import table_bundle

from leakgauge.errors import LeakgaugeError, UnsupportedModel
from leakgauge.report.model import MembershipMeasured, NotApplicable
from leakgauge.targets.opening import open_table_model
from leakgauge.targets.tables.heads import Head
from leakgauge.targets.tables.target import NetworkTarget

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::FutureWarning"
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] > 0).astype(int) + (X[:, 2] > 1)
NAMES = np.array(["hi", "lo", "mid"])
WEIGHTS = RNG.normal(size=(4, 3))


def opened(content: bytes, folder: Path) -> NetworkTarget:
    path = folder / "model.onnx"
    path.write_bytes(content)
    target = open_table_model(path)
    assert isinstance(target, NetworkTarget)
    return target


def settled(content: bytes, folder: Path, x: Any = X) -> NetworkTarget:
    """The target once it has seen the records, as an audit asks it."""
    return opened(content, folder).reading_scores(x, np.zeros(len(x), dtype=np.int64))


def problem(content: bytes, folder: Path) -> str:
    with pytest.raises(LeakgaugeError) as caught:
        settled(content, folder)
    assert caught.value.hint
    return caught.value.problem


def exported(model: Any, **options: Any) -> bytes:
    asked = {id(model): options} if options else None
    content: bytes = to_onnx(model, X[:1], options=asked).SerializeToString()
    return content


# --- the ends of a graph ------------------------------------------------------------------------------


MODELS = [
    RandomForestClassifier(5, random_state=0),
    GradientBoostingClassifier(n_estimators=5, random_state=0),
    MLPClassifier((8,), max_iter=50, random_state=0),
    GaussianNB(),
    make_pipeline(StandardScaler(), LogisticRegression()),
]
LABELS = {"numbers": Y, "text": NAMES[Y], "other numbers": Y * 10 - 7}


@pytest.mark.parametrize(
    ("model", "labels", "zipmap"),
    [(model, "text", zipmap) for model in MODELS for zipmap in (True, False)]
    + [(LogisticRegression(), labels, zipmap) for labels in LABELS for zipmap in (True, False)],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else str(value),
)
def test_an_exported_model_answers_as_scikit_learn(
    model: Any, labels: str, zipmap: bool, tmp_path: Path
) -> None:
    model.fit(X, LABELS[labels])
    target = settled(exported(model, zipmap=zipmap), tmp_path)
    assert target.classes.tolist() == model.classes_.tolist()
    assert np.allclose(target.probabilities(X), model.predict_proba(X), atol=1e-4)
    assert (target.classes[target.labels(X)] == model.predict(X)).mean() > 0.99
    assert target.remarks == ()


@pytest.mark.parametrize("labels", [Y > 0, np.where(Y > 0, "yes", "no")])
def test_two_classes(labels: Any, tmp_path: Path) -> None:
    model = LogisticRegression().fit(X, labels)
    target = settled(exported(model), tmp_path)
    assert [str(label) for label in target.classes] in (["0", "1"], ["no", "yes"])
    assert np.allclose(target.probabilities(X), model.predict_proba(X), atol=1e-5)


def test_a_support_vector_machine_with_probabilities(tmp_path: Path) -> None:
    model = SVC(probability=True, random_state=0)
    model.fit(X, Y)
    assert np.allclose(settled(exported(model), tmp_path).probabilities(X), model.predict_proba(X), atol=1e-3)


@pytest.mark.parametrize("model", [SVC(), LinearSVC()])
def test_margins_are_read_as_logits_and_said_to_be(model: Any, tmp_path: Path) -> None:
    target = settled(exported(model.fit(X, Y)), tmp_path)
    assert target.has_probabilities
    assert "logits" in target.remarks[-1]
    assert (target.probabilities(X).argmax(axis=1) == target.labels(X)).mean() > 0.95


def test_softmax_is_taken_as_it_is(tmp_path: Path) -> None:
    target = settled(network(WEIGHTS), tmp_path)
    assert target.remarks == ()
    assert np.allclose(target.probabilities(X), softmax(X @ WEIGHTS, axis=1), atol=1e-5)
    assert target.classes.tolist() == [0, 1, 2]


def test_logits_become_probabilities_and_the_reader_is_told(tmp_path: Path) -> None:
    target = settled(network(WEIGHTS, ending=None), tmp_path)
    assert np.allclose(target.probabilities(X), softmax(X @ WEIGHTS, axis=1), atol=1e-5)
    assert "softmax" in target.remarks[0]


def test_log_probabilities_are_logits_too(tmp_path: Path) -> None:
    target = settled(network(WEIGHTS, ending="LogSoftmax"), tmp_path)
    assert np.allclose(target.probabilities(X), softmax(X @ WEIGHTS, axis=1), atol=1e-5)


def test_one_sigmoid_is_two_classes(tmp_path: Path) -> None:
    target = settled(network(WEIGHTS[:, :1], ending="Sigmoid"), tmp_path)
    assert target.classes.tolist() == [0, 1]
    assert np.allclose(target.probabilities(X)[:, 1], expit(X @ WEIGHTS[:, 0]), atol=1e-5)


def test_one_logit_is_two_classes_and_the_reader_is_told(tmp_path: Path) -> None:
    target = settled(network(WEIGHTS[:, :1], ending=None), tmp_path)
    assert np.allclose(target.probabilities(X)[:, 1], expit(X @ WEIGHTS[:, 0]), atol=1e-5)
    assert "sigmoid" in target.remarks[0]


def test_one_number_a_record_without_an_axis_of_its_own(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["z"]),
        helper.make_node("Sigmoid", ["z"], ["y"]),
    ]
    content = graph(
        nodes, [value("x", [None, 4])], [value("y", [None])], {"w": WEIGHTS[:, 0].astype(np.float32)}
    )
    assert settled(content, tmp_path).probabilities(X).shape == (300, 2)


def test_a_sigmoid_for_each_class_is_scaled_and_said_to_be(tmp_path: Path) -> None:
    target = settled(network(WEIGHTS, ending="Sigmoid"), tmp_path)
    assert np.allclose(target.probabilities(X).sum(axis=1), 1.0)
    assert "sigmoid for each class" in target.remarks[0]


def test_the_softmax_of_short_floats_sums_to_one_nearly(tmp_path: Path) -> None:
    weights = np.random.default_rng(2).normal(size=(4, 400)) / 8
    target = settled(network(weights, kind=TensorProto.FLOAT16), tmp_path)
    assert target.remarks == ()
    assert np.allclose(target.probabilities(X).sum(axis=1), 1.0)


def test_a_one_minus_p_just_below_nothing_is_a_probability(tmp_path: Path) -> None:
    """As trees of 32 bits give it: 1 − 1.0000001."""
    scores = np.array([[-1.2e-7, 1.0000001], [0.25, 0.75]], dtype=np.float32)
    assert Head.of(scores.astype(np.float64), "other").form == "probabilities"
    assert Head("probabilities").probabilities(scores.astype(np.float64)).min() == 0.0


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_short_and_long_floats(kind: int, tmp_path: Path) -> None:
    target = settled(network(WEIGHTS, kind=kind), tmp_path)
    assert np.allclose(target.probabilities(X), softmax(X @ WEIGHTS, axis=1), atol=1e-2)


def test_labels_alone_are_audited_by_their_labels(tmp_path: Path) -> None:
    model = onnx.load_from_string(classifier(two_leaves()))
    del model.graph.output[1]
    target = settled(model.SerializeToString(), tmp_path, X[:, :2])
    assert not target.has_probabilities
    assert target.gives == "labels"
    assert set(target.labels(X[:, :2])) == {0, 1}
    with pytest.raises(UnsupportedModel, match="labels, not probabilities"):
        target.probabilities(X[:, :2])


def test_of_several_outputs_the_one_called_so_is_taken(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["hidden"]),
        helper.make_node("Softmax", ["hidden"], ["probabilities"]),
    ]
    outputs = [value("hidden", [None, 3]), value("probabilities", [None, 3])]
    arrays = {"w": WEIGHTS.astype(np.float32)}
    target = settled(graph(nodes, [value("x", [None, 4])], outputs, arrays), tmp_path)
    assert np.allclose(target.probabilities(X), softmax(X @ WEIGHTS, axis=1), atol=1e-5)


def test_an_output_without_a_shape_is_asked_about(tmp_path: Path) -> None:
    model = onnx.load_from_string(network(WEIGHTS))
    model.graph.output[0].type.tensor_type.ClearField("shape")
    assert settled(model.SerializeToString(), tmp_path).classes.tolist() == [0, 1, 2]


def test_scores_of_pairs_are_no_scores_of_classes(tmp_path: Path) -> None:
    """Six scores for four classes, as one-against-one gives them: the labels are what is left."""
    tree = two_leaves(classlabels_int64s=[0, 1, 2, 3])
    nodes = [tree, helper.make_node("Concat", ["scores", "x"], ["pairs"], axis=1)]
    outputs = [value("label", [None], TensorProto.INT64), value("pairs", [None, 6])]
    target = settled(graph(nodes, [value("x", [None, 2])], outputs), tmp_path, X[:, :2])
    assert not target.has_probabilities
    assert "labels alone" in target.remarks[0]


# --- the inputs of a graph ----------------------------------------------------------------------------


def people(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age (years)": rng.integers(18, 90, n),
            "income": rng.normal(50, 20, n).round(2).astype(np.float32),  # skl2onnx mixes no two floats
            "zip": rng.choice(["01234", "02000", "9"], n),
        }
    )
    frame["label"] = np.where(
        frame["age (years)"] + frame["income"] + rng.normal(0, 20, n) > 100, "yes", "no"
    )
    return frame


def test_an_input_for_each_column_by_name_whatever_the_order_and_the_signs(tmp_path: Path) -> None:
    members, others = people(200, 0), people(200, 1)
    features = members.drop(columns="label")
    steps = (StandardScaler(), ["age (years)", "income"]), (OneHotEncoder(), ["zip"])
    model = make_pipeline(make_column_transformer(*steps), LogisticRegression())
    model.fit(features, members["label"])
    content = to_onnx(model, features[:1]).SerializeToString()
    target = opened(content, tmp_path)
    assert target.feature_names == ("age__years_", "income", "zip")
    assert [column.kind for column in target.input_columns(3).columns] == ["numbers", "numbers", "text"]
    assert target.input_columns(3).columns[0].is_whole

    shuffled = ["zip", "label", "income", "age (years)"]
    folder = table_bundle(tmp_path / "b", content, members[shuffled], others[shuffled])
    report = audited(folder, attacks=["gap", "loss"])
    assert report.target.train_accuracy.value == pytest.approx(model.score(features, members["label"]))
    assert any("age__years_" in notice.message for notice in report.warnings)


def two_inputs(kinds: tuple[int, int], widths: tuple[int, int], *, vectors: bool = False) -> bytes:
    """Logits of 2 classes from two inputs, each cast to floats, or texts to flags of two of them."""
    nodes, parts, arrays = [], [], {"axis": np.array([1])}
    for name, kind in zip(("first", "second"), kinds, strict=True):
        if vectors:
            nodes.append(helper.make_node("Unsqueeze", [name, "axis"], [f"{name}_matrix"]))
            name = f"{name}_matrix"
        if kind == TensorProto.STRING:
            nodes.append(
                helper.make_node(
                    "OneHotEncoder", [name], [f"{name}_hot"], domain=ML, cats_strings=["1", "b"], zeros=1
                )
            )
            arrays["flat"] = np.array([-1, 2])
            nodes.append(helper.make_node("Reshape", [f"{name}_hot", "flat"], [f"{name}_float"]))
        else:
            nodes.append(helper.make_node("Cast", [name], [f"{name}_float"], to=TensorProto.FLOAT))
        parts.append(f"{name}_float")
    columns = sum(
        2 if kind == TensorProto.STRING else width for kind, width in zip(kinds, widths, strict=True)
    )
    nodes.append(helper.make_node("Concat", parts, ["x"], axis=1))
    nodes.append(helper.make_node("MatMul", ["x", "w"], ["y"]))
    arrays["w"] = np.arange(columns * 2).reshape(columns, 2).astype(np.float32)
    shapes = [[None] if vectors else [None, width] for width in widths]
    inputs = [
        value(name, shape, kind) for name, shape, kind in zip(("first", "second"), shapes, kinds, strict=True)
    ]
    return graph(nodes, inputs, [value("y", [None, 2])], arrays)


def test_groups_of_columns_are_taken_in_their_order(tmp_path: Path) -> None:
    target = settled(two_inputs((TensorProto.FLOAT, TensorProto.FLOAT), (1, 3)), tmp_path)
    assert target.feature_names is None
    assert target.n_features == 4
    weights = np.arange(8).reshape(4, 2)
    assert np.allclose(target.probabilities(X), softmax(X @ weights, axis=1), atol=1e-5)
    with pytest.raises(UnsupportedModel, match="fitted on 4 columns, and the table has 2"):
        target.as_input(pd.DataFrame(X[:, :2]))


@pytest.mark.parametrize("kind", [TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL, TensorProto.UINT8])
@pytest.mark.parametrize("vectors", [False, True])
def test_whole_numbers(kind: int, vectors: bool, tmp_path: Path) -> None:
    frame = pd.DataFrame({"first": [0, 1, 1, 0], "second": [0.5, -1.5, 2.0, 0.0]})
    target = settled(two_inputs((kind, TensorProto.FLOAT), (1, 1), vectors=vectors), tmp_path, frame)
    expected = softmax(frame.to_numpy(dtype=float) @ np.arange(4).reshape(2, 2), axis=1)
    assert np.allclose(target.probabilities(frame), expected, atol=1e-5)


def test_text_that_looks_like_numbers_reaches_the_model_as_it_is_written(tmp_path: Path) -> None:
    content = two_inputs((TensorProto.STRING, TensorProto.FLOAT), (1, 1))
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"first": rng.choice(["1", "01", "1.0", ""], 80), "second": rng.normal(size=80).round(3)}
    )
    hot = np.stack([(frame["first"] == "1"), np.zeros(80), frame["second"]], axis=1).astype(float)
    y = (hot @ np.arange(6).reshape(3, 2)).argmax(axis=1)
    y[:5] = 1 - y[:5]
    tables = frame.assign(label=y)
    folder = table_bundle(tmp_path / "b", content, tables[:40], tables[40:])
    report = audited(folder, attacks=["gap"])
    assert report.target.train_accuracy.value == pytest.approx(0.875, abs=0.03)


def tables_with(column: list[Any], *, name: str = "first") -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"first": rng.integers(0, 9, 80), "second": rng.normal(size=80).round(3)})
    frame["label"] = rng.integers(0, 2, 80)
    frame[name] = frame[name].astype(object)
    for place, cell in enumerate(column):
        frame.loc[place + 10, name] = cell
    return frame[:40], frame[40:]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([""], "missing_values"),
        ([2.5], "fractions"),
        (["many"], "text_in_numbers"),
        (["1,200"], "thousands_separators"),
    ],
)
def test_a_cell_that_whole_numbers_cannot_hold_is_named_with_its_line(
    cells: list[Any], expected: str, tmp_path: Path
) -> None:
    content = two_inputs((TensorProto.INT64, TensorProto.FLOAT), (1, 1))
    error = refusal(table_bundle(tmp_path / "b", content, *tables_with(cells)))
    assert error.problem == expected
    assert "“first”" in error.message
    assert "line 12" in error.message


def test_a_missing_value_that_ends_in_no_number_is_named(tmp_path: Path) -> None:
    content = two_inputs((TensorProto.STRING, TensorProto.FLOAT), (1, 1))
    error = refusal(table_bundle(tmp_path / "b", content, *tables_with([""], name="second")))
    assert error.problem == "missing_values"
    assert "“second”" in error.message


def test_a_number_too_large_for_the_type_is_no_other_number(tmp_path: Path) -> None:
    frame = pd.DataFrame({"first": [0, 300], "second": [0.0, 1.0]})
    target = opened(two_inputs((TensorProto.UINT8, TensorProto.FLOAT), (1, 1)), tmp_path)
    with pytest.raises(UnsupportedModel, match="whole numbers from 0"):
        target.probabilities(frame)


@pytest.mark.parametrize("batch", [1, 7])
def test_a_fixed_number_of_rows_is_asked_for_in_such_parts(batch: int, tmp_path: Path) -> None:
    target = settled(network(WEIGHTS, batch=batch), tmp_path)
    before = target.queries
    assert np.allclose(target.probabilities(X), softmax(X @ WEIGHTS, axis=1), atol=1e-5)
    assert target.queries == before + len(X)
    assert target.probabilities(X[:0]).shape == (0, 3)


def test_names_that_an_exporter_made_up_are_no_columns(tmp_path: Path) -> None:
    model = onnx.load_from_string(two_inputs((TensorProto.FLOAT, TensorProto.FLOAT), (1, 1)))
    for entry, name in zip(model.graph.input, ("keras_tensor_1", "keras_tensor_2"), strict=True):
        for node in model.graph.node:
            node.input[:] = [name if part == entry.name else part for part in node.input]
        entry.name = name
    assert opened(model.SerializeToString(), tmp_path).feature_names is None


# --- audits -------------------------------------------------------------------------------------------


def digits() -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(400, 4)).round(3)
    frame = pd.DataFrame(x, columns=list("abcd"))
    frame["label"] = NAMES[
        np.where(rng.random(400) < 0.3, rng.integers(0, 3, 400), (x[:, 0] > 0) + (x[:, 1] > 1))
    ]
    return frame[:200], frame[200:]


@pytest.fixture(scope="module")
def forest() -> tuple[Any, bytes]:
    members, _others = digits()
    model = RandomForestClassifier(20, random_state=0)
    model.fit(members.drop(columns="label").to_numpy(dtype=np.float32), members["label"])
    return model, exported(model)


@pytest.mark.parametrize("name", ["model.onnx", "model.pkl"])
def test_an_audit_finds_what_the_answers_give_away_whatever_the_file_is_called(
    forest: tuple[Any, bytes], name: str, tmp_path: Path
) -> None:
    report = audited(table_bundle(tmp_path / "b", forest[1], *digits(), name=name))
    found = {attack.name: attack for attack in report.attacks}
    assert isinstance(found["loss"], MembershipMeasured)
    assert found["loss"].metrics.auc.low > 0.7
    assert report.target.type == "ONNX graph"
    assert report.target.classes == ("hi", "lo", "mid")
    assert report.versions["onnxruntime"]
    for of_references in ("rmia", "lira"):
        assert isinstance(found[of_references], NotApplicable)
        assert "reference_answers/" in found[of_references].reason


@pytest.mark.slow
def test_every_black_box_attack_runs_and_figures_are_those_of_the_pickle(
    forest: tuple[Any, bytes], tmp_path: Path
) -> None:
    names = ["gap", "loss", "entropy", "modified_entropy", "label_only", "learned_rf", "learned_gb"]
    of_graph = audited(table_bundle(tmp_path / "a", forest[1], *digits()), attacks=names)
    of_pickle = audited(
        table_bundle(tmp_path / "b", pickle.dumps(forest[0]), *digits(), name="model.pkl"), attacks=names
    )
    for graph_found, pickle_found in zip(of_graph.attacks, of_pickle.attacks, strict=True):
        assert isinstance(graph_found, MembershipMeasured), graph_found
        assert isinstance(pickle_found, MembershipMeasured)
        assert graph_found.metrics.auc.value == pytest.approx(pickle_found.metrics.auc.value, abs=0.02)
        assert graph_found.queries == pickle_found.queries


def test_labels_that_the_file_does_not_name_are_the_numbers_of_its_outputs(tmp_path: Path) -> None:
    error = refusal(table_bundle(tmp_path / "b", network(WEIGHTS), *digits()))
    assert error.problem == "unknown_labels"
    assert "number, from 0, of the output" in error.hint


def test_a_key_that_no_record_carries_is_a_class_all_the_same(tmp_path: Path) -> None:
    members, others = (
        side.assign(label=side["label"].map({"hi": 3, "lo": 5, "mid": 5})) for side in digits()
    )
    x = members.drop(columns="label").to_numpy(dtype=np.float32)
    labels = members["label"].to_numpy().copy()
    labels[:3] = 9
    content = exported(LogisticRegression().fit(x, labels))
    report = audited(table_bundle(tmp_path / "b", content, members, others), attacks=["gap", "loss"])
    assert report.target.classes == ("3", "5", "9")
    unknown = others.assign(label=np.where(others["label"] == 3, 4, 5))
    error = refusal(table_bundle(tmp_path / "c", content, members, unknown))
    assert error.problem == "unknown_labels"


def test_output_defences_stand_before_a_graph_too(forest: tuple[Any, bytes], tmp_path: Path) -> None:
    folder = table_bundle(tmp_path / "b", forest[1], *digits())
    report = audited(folder, attacks=["loss"], defences=["label_only"])
    (loss,) = report.attacks
    assert isinstance(loss, NotApplicable)
