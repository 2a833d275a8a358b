"""Crafted CatBoost models, each refused by name before CatBoost sees a byte of them."""

from __future__ import annotations

import functools
import json
import pickle
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import catboost
import numpy as np
import pytest
from sklearn.base import clone

from boosters import categories, numbers
from leakgauge.errors import LeakgaugeError, UnsupportedModel
from leakgauge.targets.boosters import catboost_cbm, catboost_json_writing, catboost_opening
from leakgauge.targets.boosters.catboost_objectives import Objective
from leakgauge.targets.opening import open_table_model

LIMIT = 2**31 - 1
PROBLEMS = {"damaged_booster", "unsupported_booster"}


def fitted(x: Any, y: Any, **settings: Any) -> Any:
    settings = {"iterations": 3, "depth": 3, "learning_rate": 0.5} | settings
    made = catboost.CatBoostClassifier(**settings, thread_count=1, verbose=0, allow_writing_files=False)
    return made.fit(x, y)


def with_texts() -> tuple[Any, Any]:
    """Rows with two columns of categories, one of which has two of them and says much of the label."""
    frame, y = categories()
    return frame.assign(town=frame["town"].astype(str), size=np.where(np.arange(len(y)) % 4, y, 1 - y)), y


@functools.cache
def honest(kind: str) -> Any:
    """A small fitted model."""
    if kind == "categories":
        frame, y = with_texts()
        settings = {"cat_features": ["town", "size"], "max_ctr_complexity": 3, "iterations": 20}
        return fitted(frame, y, **settings)
    if kind == "nodes":
        return fitted(*numbers(), grow_policy="Lossguide", max_leaves=6)
    return fitted(*numbers())


@functools.cache
def read(kind: str) -> Any:
    return catboost_cbm.loads(honest(kind)._serialize_model())


@functools.cache
def document(kind: str) -> str:
    return catboost_json_writing.dumps(read(kind)).decode()


def array(name: str, place: Any, value: float) -> Callable[[Any], Any]:
    """The model with another number at one place of one of its arrays."""

    def spoil(model: Any) -> Any:
        changed = getattr(model, name).copy()
        changed[place] = value
        return replace(model, **{name: changed})

    return spoil


def part(name: str, number: int, /, **fields: Any) -> Callable[[Any], Any]:
    """The model with other fields in one of its parts; those that are functions are given the old value."""

    def spoil(model: Any) -> Any:
        parts = list(getattr(model, name))
        old = parts[number]
        made = {key: value(getattr(old, key)) if callable(value) else value for key, value in fields.items()}
        parts[number] = replace(old, **made)
        return replace(model, **{name: tuple(parts)})

    return spoil


def table(place: int, **fields: Any) -> Callable[[Any], Any]:
    return part("tables", place, **fields)


def base(**fields: Any) -> Callable[[Any], Any]:
    """The model with one statistic, and its table, of something else."""

    def spoil(model: Any) -> Any:
        old = model.tables[0].base
        new = replace(old, **fields)
        statistics = tuple(replace(one, base=new) if one.base == old else one for one in model.statistics)
        return replace(
            model, statistics=statistics, tables=(replace(model.tables[0], base=new), *model.tables[1:])
        )

    return spoil


def cut(name: str) -> Callable[[Any], Any]:
    return lambda model: replace(model, **{name: getattr(model, name)[:-1]})


def grown(name: str) -> Callable[[Any], Any]:
    return lambda model: replace(model, **{name: np.append(getattr(model, name), 0)})


OF_NUMBERS: dict[str, Callable[[Any], Any]] = {
    "question far outside": array("questions", 0, LIMIT),
    "question just outside": lambda model: array("questions", 0, model.n_questions)(model),
    "question below zero": array("questions", 0, -1),
    "a billion levels": array("sizes", 0, 2**30),
    "levels of a shift by 32": array("sizes", 0, 32),
    "levels below zero": array("sizes", 0, -1),
    "one level too deep": lambda model: replace(
        model, sizes=np.array([17]), questions=np.zeros(17, dtype=int), leaf_values=np.zeros(3 * 2**17)
    ),
    **{
        f"{change.__name__} {name}": change(name)
        for name in ("questions", "sizes", "leaf_values", "leaf_weights")
        for change in (cut, grown)
    },
    "an answer is none": array("leaf_values", 0, np.nan),
    "an answer is infinite": array("leaf_values", 0, np.inf),
    "a weight is none": array("leaf_weights", 0, np.nan),
    "a weight below zero": array("leaf_weights", 0, -1.0),
    "a billion scores": lambda model: replace(model, dimension=LIMIT),
    "no score": lambda model: replace(model, dimension=0),
    "scores below zero": lambda model: replace(model, dimension=-3),
    "another number of scores": lambda model: replace(model, dimension=2),
    "one score for three classes": lambda model: replace(model, dimension=1),
    "scale is none": lambda model: replace(model, scale=np.nan),
    "bias is infinite": lambda model: replace(model, bias=(0.0, np.inf, 0.0)),
    "bias of fewer scores": lambda model: replace(model, bias=(1.0,)),
    "no tree": lambda model: replace(
        model,
        **{name: getattr(model, name)[:0] for name in ("sizes", "questions", "leaf_values", "leaf_weights")},
    ),
    "no column": lambda model: replace(model, numbers=()),
    "a column far outside": part("numbers", 0, place=LIMIT),
    "a column below zero": part("numbers", 0, place=-1),
    "a column twice": part("numbers", 1, place=0),
    "an index far outside": part("numbers", -1, index=LIMIT),
    "an index below zero": part("numbers", 0, index=-5),
    "an index twice": part("numbers", 1, index=0),
    "columns in another order": lambda model: replace(model, numbers=model.numbers[::-1]),
    "a column left out": lambda model: replace(model, numbers=model.numbers[1:]),
    "borders that fall": part("numbers", 3, borders=np.array([2, 1], dtype=np.float32)),
    "a border twice": part("numbers", 3, borders=np.array([1, 1], dtype=np.float32)),
    "a border is none": part("numbers", 3, borders=np.array([np.nan], dtype=np.float32)),
    "a border is infinite": part("numbers", 3, borders=np.array([np.inf], dtype=np.float32)),
    "fewer borders": lambda model: replace(
        model, numbers=tuple(replace(one, borders=one.borders[:0]) for one in model.numbers)
    ),
    "missing numbers in an unknown way": part("numbers", 0, missing=7),
    "another loss": lambda model: replace(model, objective=Objective("RMSE")),
    "a loss of one's own": lambda model: replace(model, objective=Objective("os.system")),
    "fewer labels": lambda model: replace(model, labels=(0, 1)),
    "a label twice": lambda model: replace(model, labels=(0, 1, 1)),
    "labels of two kinds": lambda model: replace(model, labels=(0, "a", 2)),
    "a threshold that is none": lambda model: replace(model, threshold=7.0),
}
OF_NODES: dict[str, Callable[[Any], Any]] = {
    "child far outside": array("steps", (0, 0), 65_535),
    "child in the next tree": lambda model: array("steps", (0, 1), model.sizes[0])(model),
    "child of two parents": lambda model: array("steps", (0, 0), model.steps[0, 1])(model),
    "a node of no parent": array("steps", (0, 0), 0),
    "an answer far outside": lambda model: array("leaf_of_node", -1, 2**31)(model),
    "an answer below all": lambda model: array("leaf_of_node", -1, 0)(model),
    "an answer between two": lambda model: array("leaf_of_node", -1, model.leaf_of_node[-1] - 1)(model),
    "an answer without a place": array("leaf_of_node", -1, -1),
    "a question far outside": array("questions", 0, LIMIT),
    "a question below zero": array("questions", 0, -1),
    "a leaf that asks": array("questions", -1, 1),
    "a billion nodes": array("sizes", 0, 2**30),
    "no node": array("sizes", 0, 0),
    "nodes below zero": array("sizes", 0, -1),
    **{
        f"{change.__name__} {name}": change(name)
        for name in ("questions", "leaf_of_node", "leaf_values", "leaf_weights")
        for change in (cut, grown)
    },
    "fewer steps": cut("steps"),
    "no steps": lambda model: replace(model, steps=model.steps[:0]),
    "no answers of nodes": lambda model: replace(model, leaf_of_node=model.leaf_of_node[:0]),
}
OF_CATEGORIES: dict[str, Callable[[Any], Any]] = {
    "a column of categories far outside": part("categories", 0, place=LIMIT),
    "a column of both kinds": part("categories", 0, place=1),
    "categories of an index far outside": part("categories", 1, index=LIMIT),
    "compares a column that is not there": part("one_hots", 0, index=7),
    "compares a column below zero": part("one_hots", 0, index=-1),
    "compares with a category twice": part("one_hots", 0, values=lambda values: np.append(values, values)),
    "compares with fewer texts": part("one_hots", 0, texts=("a", "b", "c", "d", "e")),
    "statistics of a column that is not there": base(categories=(9,)),
    "statistics of a column below zero": base(categories=(-1,)),
    "statistics of a border that is not there": base(numbers=((0, 99.5),)),
    "statistics of a border of another column": base(numbers=((5, 0.0),)),
    "statistics of a category that is not there": base(values=((1, 12345),)),
    "statistics of an unknown kind": base(kind=9),
    "statistics of a kind below zero": base(kind=-1),
    "statistics without their table": lambda model: replace(model, tables=model.tables[1:]),
    "a table twice": lambda model: replace(model, tables=(*model.tables, model.tables[0])),
    "a label far outside": part("statistics", 0, label=LIMIT),
    "a label below zero": part("statistics", 0, label=-1),
    "a label just outside": part("statistics", 0, label=1),
    "a prior that is none": part("statistics", 0, constants=(np.nan, 1.0, 0.0, 1.0)),
    "a scale that is infinite": part("statistics", 0, constants=(0.0, 1.0, 0.0, np.inf)),
    "statistics with borders that fall": part("statistics", 0, borders=np.array([2, 1], dtype=np.float32)),
    "a billion labels": table(0, labels=LIMIT),
    "labels below zero": table(0, labels=-2),
    "no label": table(0, labels=0),
    "one label": lambda model: table(0, labels=1, rows=model.tables[0].rows[:, :1])(model),
    "a count below zero": table(0, rows=lambda rows: -1 - rows),
    "fewer rows than hashes": table(0, rows=lambda rows: rows[:-1]),
    "no row": table(0, rows=lambda rows: rows[:0]),
    "a hash twice": table(0, hashes=lambda hashes: np.full_like(hashes, hashes[0])),
    "a denominator below zero": table(1, total=-1, base=lambda old: old),
}  # fmt: skip
CRAFTED = [
    *(("numbers", name, spoil) for name, spoil in OF_NUMBERS.items()),
    *(("nodes", name, spoil) for name, spoil in OF_NODES.items()),
    *(("categories", name, spoil) for name, spoil in OF_CATEGORIES.items()),
]


@pytest.fixture
def unseen(monkeypatch):
    """CatBoost, which must not be handed a model."""

    def refuse(*_arguments, **_settings):
        raise AssertionError("CatBoost was given the model")

    monkeypatch.setattr(catboost.CatBoostClassifier, "load_model", refuse)


def refused(data: bytes) -> UnsupportedModel:
    with pytest.raises(UnsupportedModel) as caught:
        catboost_opening.read_file(data)
    assert caught.value.problem in PROBLEMS
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("kind", ["numbers", "nodes", "categories"])
def test_the_honest_models_are_read(kind):
    catboost_opening.read_file(honest(kind)._serialize_model())
    catboost_opening.read_file(document(kind).encode())
    assert kind != "categories" or all(
        (read(kind).one_hots, read(kind).statistics, read(kind).tables[0].labels)
    )


@pytest.mark.usefixtures("unseen")
@pytest.mark.parametrize(("kind", "name", "spoil"), CRAFTED, ids=[name for _, name, _ in CRAFTED])
def test_a_crafted_model_is_refused_before_catboost_sees_it(kind, name, spoil):
    refused(catboost_cbm.dumps(spoil(read(kind))))


def test_as_many_crafted_models_as_were_asked_for():
    assert len(CRAFTED) >= 60


# --- the bytes around the model -----------------------------------------------------------------------


def shifted(place: int, value: int) -> Callable[[bytes], bytes]:
    """Another number of 32 bits at a place."""
    return lambda data: data[:place] + struct.pack("<I", value) + data[place + 4 :]


def shared(data: bytes) -> bytes:
    """A list of columns, each of which is the same column."""
    model = catboost_cbm.loads(data)
    wide = replace(model.numbers[0], borders=np.arange(20_000, dtype=np.float32))
    writer = catboost_cbm.Writer.new()
    column = catboost_cbm._written_column(writer, wide)
    parts = {5: writer.several([column] * 100_000)}
    trees = writer.table(parts, {0: ("i", 1)})
    info = writer.table(
        {0: writer.text("params"), 1: writer.text('{"loss_function": {"type": "Logloss"}}')}, {}
    )
    fields = {0: writer.text("FlabuffersModel_v1"), 1: trees, 2: writer.several([info])}
    core = writer.finished(writer.table(fields, {}))
    return b"CBM1" + struct.pack("<I", len(core)) + core


AROUND: dict[str, Callable[[bytes], bytes]] = {
    "a size far beyond": shifted(4, 2**32 - 1),
    "a size too small": shifted(4, 20),
    "no size": lambda data: data[:4],
    "a root far outside": shifted(8, 2**32 - 1),
    "a root at its end": lambda data: shifted(8, len(data))(data),
    "a root of zeros": lambda data: data[:8] + bytes(len(data) - 8),
    "a root of ones": lambda data: data[:8] + b"\xff" * (len(data) - 8),
    "more behind its end": lambda data: data + b"\x00",
    "another version": lambda data: data.replace(b"FlabuffersModel_v1", b"FlabuffersModel_v9"),
    "a million columns in one": shared,
}  # fmt: skip


@pytest.mark.usefixtures("unseen")
@pytest.mark.parametrize("name", AROUND)
def test_bytes_that_lead_outside_are_refused(name):
    refused(AROUND[name](honest("numbers")._serialize_model()))


@pytest.mark.usefixtures("unseen")
def test_tables_behind_the_model_are_read_to_their_ends_alone():
    whole = honest("categories")._serialize_model()
    end = 8 + struct.unpack_from("<I", whole, 4)[0]
    for count in (2**32 - 1, len(read("categories").tables) + 1, len(read("categories").tables) - 1, 0):
        refused(shifted(end, count)(whole))
    for size in (2**32 - 1, 0, 3):
        refused(shifted(end + 4, size)(whole))
    refused(whole[:end])


@pytest.mark.parametrize("form", ["cbm", "json", "pickle"])
def test_a_file_that_is_cut_short_anywhere_is_refused(form, tmp_path):
    whole = content("categories", form)
    for end in np.linspace(1, len(whole) - 1, 60).astype(int).tolist():
        (tmp_path / "model").write_bytes(whole[:end])
        with pytest.raises(LeakgaugeError):
            open_table_model(tmp_path / "model")


@pytest.mark.slow
@pytest.mark.parametrize("form", ["cbm", "json", "pickle"])
@pytest.mark.parametrize("kind", ["nodes", "categories"])
def test_a_file_with_a_changed_byte_is_refused_or_answers(kind, form, tmp_path):
    whole = bytearray(content(kind, form))
    rng = np.random.default_rng(4)
    frame = with_texts()[0] if kind == "categories" else numbers()[0]
    for place in rng.integers(0, len(whole), 150).tolist():
        changed = bytearray(whole)
        changed[place] ^= int(rng.integers(1, 256))
        (tmp_path / "model").write_bytes(changed)
        try:
            target = open_table_model(tmp_path / "model")
            target.probabilities(target.as_input(frame))
        except LeakgaugeError:
            continue


def content(kind: str, form: str) -> bytes:
    match form:
        case "cbm":
            return honest(kind)._serialize_model()
        case "json":
            return document(kind).encode()
    return pickle.dumps(honest(kind))


# --- JSON ---------------------------------------------------------------------------------------------


def at(*path: Any, value: Any) -> Callable[[Any], None]:
    """The document with another value at one place."""

    def spoil(root: Any) -> None:
        for step in path[:-1]:
            root = root[step]
        root[path[-1]] = value

    return spoil


def nested(root: Any) -> None:
    """A tree as deep as a million nodes in one another."""
    leaf: dict[str, Any] = {"value": [0.0, 0.0, 0.0], "weight": 1}
    tree: dict[str, Any] = leaf
    for _ in range(400):
        tree = {"split": {"split_index": 0}, "left": tree, "right": leaf}
    root["trees"][0] = tree


TREE, NODE = ("oblivious_trees", 0), ("trees", 0)
IN_JSON: dict[str, tuple[str, Callable[[Any], None]]] = {
    "a question of a word": ("numbers", at(*TREE, "splits", 0, "split_index", value="0")),
    "a question of a fraction": ("numbers", at(*TREE, "splits", 0, "split_index", value=0.5)),
    "a question of 64 bits": ("numbers", at(*TREE, "splits", 0, "split_index", value=2**40)),
    "no question": ("numbers", at(*TREE, "splits", 0, value={})),
    "a thousand questions": ("numbers", at(*TREE, "splits", value=[{"split_index": 0}] * 1_000)),
    "answers of a word": ("numbers", at(*TREE, "leaf_values", 0, value="1")),
    "answers that are none": ("numbers", at(*TREE, "leaf_values", 0, value=float("nan"))),
    "answers beyond numbers": ("numbers", at(*TREE, "leaf_values", 0, value=10**400)),
    "no answers": ("numbers", at(*TREE, "leaf_values", value=[])),
    "answers of another length": ("numbers", at(*TREE, "leaf_values", value=[0.0] * 8)),
    "fewer weights": ("numbers", at(*TREE, "leaf_weights", value=[1, 2])),
    "a tree that is none": ("numbers", at(*TREE, value=7)),
    "no tree": ("numbers", at("oblivious_trees", value=[])),
    "trees that are no list": ("numbers", at("oblivious_trees", value={})),
    "no features": ("numbers", at("features_info", value=None)),
    "a column of a word": ("numbers", at("features_info", "float_features", 0, "feature_index", value="0")),
    "a name that is none": ("numbers", at("features_info", "float_features", 0, "feature_id", value=7)),
    "borders of words": ("numbers", at("features_info", "float_features", 0, "borders", value=["a"])),
    "missing numbers": ("numbers", at("features_info", "float_features", 0, "nan_value_treatment", value="")),
    "columns of texts": ("numbers", at("features_info", "text_features", value=[{}])),
    "scale without bias": ("numbers", at("scale_and_bias", value=[1.0])),
    "scale of a word": ("numbers", at("scale_and_bias", value=["1", [0, 0, 0]])),
    "no loss": ("numbers", at("model_info", "params", value={})),
    **{
        f"a loss with {name}": (
            "numbers",
            at("model_info", "params", "loss_function", value={"type": "Quantile", "params": settings}),
        )
        for name, settings in {
            "no number": {"alpha": "nan"},
            "code": {"alpha": "__import__('os')"},
            "another setting": {"allow_writing_files": "1"},
            "settings within settings": {"alpha": {"alpha": "1"}},
            "no mapping": ["alpha"],
            "too many settings": {f"a{place}": "1" for place in range(1000)},
        }.items()
    },
    "parameters of a text": ("numbers", at("model_info", "params", value="{")),
    "parameters nested deep": ("numbers", at("model_info", "params", value="[" * 100_000)),
    "labels that are lists": ("numbers", at("model_info", "class_params", "class_names", value=[[], [], []])),
    "a billion labels": ("numbers", at("model_info", "class_params", "class_names", value=[*range(4_000)])),
    "a tree of nodes too deep": ("nodes", nested),
    "a node without a side": ("nodes", at(*NODE, "left", value=None)),
    "a node without a question": ("nodes", at(*NODE, "split", value=None)),
    "a node's question far outside": ("nodes", at(*NODE, "split", "split_index", value=LIMIT)),
    "an answer of another length": ("nodes", at(*NODE, "left", value={"value": [1.0]})),
    "an answer that is none": ("nodes", at(*NODE, "left", value={"value": None})),
    "one weight alone": ("nodes", at(*NODE, "left", value={"value": [1.0, 0.0, 0.0]})),
    "statistics of an unknown kind": ("categories", at("features_info", "ctrs", 0, "ctr_type", value="Eval")),
    "statistics of unknown parts": (
        "categories", at("features_info", "ctrs", 0, "elements", 0, "combination_element", value="file")),
    "statistics of no table": ("categories", at("ctr_data", value={})),
    "tables that are none": ("categories", at("ctr_data", value={"{": {}})),
    "a label far outside": ("categories", at("features_info", "ctrs", 0, "target_border_idx", value=LIMIT)),
}  # fmt: skip


@pytest.mark.usefixtures("unseen")
@pytest.mark.parametrize("name", IN_JSON)
def test_crafted_json_is_refused_before_catboost_sees_it(name):
    kind, spoil = IN_JSON[name]
    root = json.loads(document(kind))
    spoil(root)
    refused(json.dumps(root).encode())


@pytest.mark.usefixtures("unseen")
@pytest.mark.parametrize(
    "cells",
    [
        ["x", 1, 1],
        ["-1", 1, 1],
        [1, 1, 1],
        [str(2**64), 1, 1],
        ["1", -1, 1],
        ["1", 2**40, 1],
        ["1", 1],
        ["1"] * 3,
    ],
    ids=str,
)
def test_crafted_tables_in_json_are_refused(cells):
    root = json.loads(document("categories"))
    first = next(name for name in root["ctr_data"] if root["ctr_data"][name]["hash_stride"] == 3)
    root["ctr_data"][first]["hash_map"][:3] = cells
    refused(json.dumps(root).encode())


@pytest.mark.parametrize(
    "data", [b"CBM1", b"CBM1\x00\x00\x00\x00", b"{}", b"\xff\xfe", b"{" * 100_000, b"[]"]
)
def test_what_is_no_model_is_refused_by_name(data):
    refused(data)


# --- pickles and settings -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state", [{}, {"__model": None}, {"__model": 7}, {"__model": b"tree"}, None], ids=str
)
def test_a_model_in_a_pickle_goes_the_same_way(state):
    with pytest.raises(UnsupportedModel):
        catboost_opening.from_pickle("CatBoost", state)


FILES: dict[str, Any] = {
    "train_dir": "/tmp",
    "snapshot_file": "/etc/hosts",
    "save_snapshot": True,
    "input_borders": "/etc/hosts",
    "output_borders": "/tmp/out",
    "allow_writing_files": True,
    "metadata": {"a": "b"},
    "name": "x",
    "verbose": 100,
    "task_type": "GPU",
}


def test_settings_that_name_files_never_reach_the_library(tmp_path):
    made = fitted(*numbers())
    made._init_params |= FILES
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(made))
    settings = open_table_model(tmp_path / "model.pkl").estimator.get_params()
    assert settings["allow_writing_files"] is False
    assert settings["verbose"] == 0
    assert not set(settings) & (FILES.keys() - {"allow_writing_files", "verbose"})


@pytest.mark.parametrize("name", FILES)
def test_what_a_search_sets_is_refused_before_catboost_hears_of_it(name, monkeypatch):
    def refuse(*_arguments, **_settings):
        raise AssertionError("CatBoost was told the setting")

    classifier = clone(catboost_opening.read_file(content("numbers", "cbm"))[0]).set_params(
        **{name: FILES[name]}
    )
    monkeypatch.setattr(catboost.CatBoostClassifier, "fit", refuse)
    with pytest.raises(UnsupportedModel) as caught:
        classifier.fit(*numbers())
    assert caught.value.problem == "unsupported_booster"


def test_objects_among_the_settings_are_refused():
    state = honest("numbers").__getstate__() | {"loss_function": object()}
    with pytest.raises(UnsupportedModel, match="never run"):
        catboost_opening.from_pickle("CatBoostClassifier", state)
