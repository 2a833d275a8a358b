"""skops files: what a pickle may bring and no more, made without skops."""

from __future__ import annotations

import io
import json
import pickle
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from canary import CANARY
from scipy import sparse
from sklearn.cluster import DBSCAN, BisectingKMeans, KMeans
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RandomizedSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, SplineTransformer, StandardScaler
from sklearn.random_projection import SparseRandomProjection
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from variants import VARIANTS, fitted

from leakgauge.errors import LeakgaugeError, LimitExceeded, UnsafeModel, UnsupportedModel
from leakgauge.targets.sklearn.reading import Limits, load_model
from leakgauge.targets.sklearn.skops_nodes import array_in
from leakgauge.targets.sklearn.target import SklearnTarget

RANDOM = np.random.default_rng(0)
X = RANDOM.random((60, 4))
Y = np.tile([0, 1, 2], 20)
CODES = RANDOM.integers(0, 4, (60, 3))

Change = Callable[[Any], None]


def load(data: bytes, folder: Path, **limits: int) -> Any:
    (folder / "model").write_bytes(data)
    return load_model(folder / "model", limits=Limits(**limits)).estimator


def refused(data: bytes, folder: Path, **limits: int) -> LeakgaugeError:
    with pytest.raises(LeakgaugeError) as caught:
        load(data, folder, **limits)
    return caught.value


def saved(model: Any, change: Change = lambda schema: None, **files: bytes) -> bytes:
    """The model as skops writes it, with another schema and other files."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(model))) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "schema.json":
                schema = json.loads(content)
                change(schema)
                content = json.dumps(schema).encode()
            new.writestr(name, files.get(name, content))
    return out.getvalue()


def with_array(model: Any, change: Callable[[str], bytes | None]) -> bytes:
    """The model with the first file beside the schema exchanged that `change` gives another for."""
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(model))) as archive:
        made = {name: change(name) for name in archive.namelist()}
    return saved(model, **{name: content for name, content in made.items() if content is not None})


LOGISTIC = LogisticRegression().fit(X, Y)


# --- honest files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), KMeans(2, n_init=1), LogisticRegression()),
        make_pipeline(BisectingKMeans(2, random_state=0), LogisticRegression()),
        make_pipeline(FunctionTransformer(np.log1p), RandomForestClassifier(3)),
        make_pipeline(SplineTransformer(), LogisticRegression()),
        GradientBoostingClassifier(n_estimators=2, random_state=np.random.RandomState(3)),
        HistGradientBoostingClassifier(max_iter=2),
        HistGradientBoostingClassifier(max_iter=2, categorical_features=[0]),
        SVC(),
        make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()),
        make_pipeline(SparseRandomProjection(2, random_state=0), GaussianNB()),
        KNeighborsClassifier(algorithm="brute"),
        KNeighborsClassifier(algorithm="kd_tree"),
        KNeighborsClassifier(algorithm="ball_tree", metric="manhattan"),
    ],
    ids=lambda model: type(model).__name__,
)
def test_an_honest_file_answers_as_its_model(model: Any, tmp_path: Path) -> None:
    model.fit(CODES, Y)
    target = SklearnTarget(load(saved(model), tmp_path))
    np.testing.assert_array_equal(target.labels(CODES), model.predict(CODES))


def test_a_search_keeps_its_distributions(tmp_path: Path) -> None:
    import scipy.stats

    search = RandomizedSearchCV(LogisticRegression(), {"C": scipy.stats.loguniform(0.1, 1)}, n_iter=2, cv=2)
    loaded = load(saved(search.fit(X, Y)), tmp_path)
    assert loaded.param_distributions["C"].args == (0.1, 1)


# methods of text are written by skops as something that it cannot read itself
NOT_BY_SKOPS = {"CountVectorizer split alone", "CountVectorizer split in a ColumnTransformer"}


@pytest.mark.slow
def test_whatever_skops_can_write_is_read_and_answers_alike(tmp_path: Path) -> None:
    written = 0
    for name in sorted(VARIANTS.keys() - NOT_BY_SKOPS):
        made = fitted(name)
        try:
            data = skops.io.dumps(made.model)
        except (RecursionError, skops.io.exceptions.UnsupportedTypeException):
            continue
        written += 1
        loaded = load(data, tmp_path)
        if VARIANTS[name].refusal is None:
            target = SklearnTarget(loaded)
            rows = target.as_input(made.members)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about column names, where the original gets bare rows
                expected = np.searchsorted(target.classes, made.model.predict(rows))
            np.testing.assert_array_equal(target.labels(rows), expected, err_msg=name)
    assert written >= 200


def test_the_version_that_saved_it_is_told(tmp_path: Path) -> None:
    def older(schema: Any) -> None:
        schema["content"]["content"]["_sklearn_version"]["content"] = '"1.7.0"'

    (tmp_path / "model").write_bytes(saved(LOGISTIC, older))
    assert load_model(tmp_path / "model").saved_by == "1.7.0"

    def newer(schema: Any) -> None:
        schema["content"]["content"]["_sklearn_version"]["content"] = '"99.0"'

    assert refused(saved(LOGISTIC, newer), tmp_path).problem == "future_version"


# --- what it may bring ----------------------------------------------------------------------------------


def test_a_skops_file_brings_no_more_than_a_pickle(tmp_path: Path) -> None:
    for data in (saved(CountVectorizer(input="filename")), pickle.dumps(CountVectorizer(input="filename"))):
        assert refused(data, tmp_path).problem == "refused_settings"
    messages = set()
    for data in (saved(DBSCAN().fit(X)), pickle.dumps(DBSCAN().fit(X))):
        error = refused(data, tmp_path)
        assert isinstance(error, UnsafeModel)
        assert error.details["globals"] == ["sklearn.cluster._dbscan.DBSCAN"]
        messages.add(error.message)
    assert len(messages) == 1


def node(loader: str, module: str, name: str, **more: Any) -> dict[str, Any]:
    return {"__loader__": loader, "__module__": module, "__class__": name, **more}


EMPTY = node("TupleNode", "builtins", "tuple", content=[])
TEXT = node("TypeNode", "builtins", "str")


def plain(value: Any) -> dict[str, Any]:
    return node("JsonNode", "builtins", "str", content=json.dumps(value), is_json=True)


def with_c(made: Any, *, protocol: int = 2) -> Change:
    """The model with something else in the place of its parameter C."""

    def change(schema: Any) -> None:
        schema["content"]["content"]["C"] = made
        schema["protocol"] = protocol

    return change


@pytest.mark.parametrize(
    "made",
    [
        node("MethodNode", "builtins", "str", content={"func": "format", "obj": EMPTY}),
        node("ConstructorFromReduceNode", "sklearn.utils._bunch", "Bunch", content=EMPTY),
        node("ConstructorFromReduceNode", "os", "system", content=EMPTY),
        node("ConstructorFromReduceNode", "datetime", "timezone", content=EMPTY),
        node("OperatorFuncNode", "operator", "methodcaller", attrs=EMPTY),
        node("DefaultDictNode", "collections", "defaultdict", content={}),
        node("FunctionNode", "os", "system"),
        node("FunctionNode", "numpy", "load"),
        node("TypeNode", "subprocess", "Popen"),
        node("ObjectNode", "sklearn.tree._tree", "Tree"),
        node("ListNode", "sklearn.linear_model._logistic", "LogisticRegression", content=[]),
        node("NdArrayNode", "numpy", "max", type="json", content=[], shape=EMPTY),
        node("AnyNode", "builtins", "str"),
        node("PartialNode", "functools", "partialmethod", content={}),
        {**node("FunctionNode", "numpy", "abs"), "content": {"module_path": "os", "function": "system"}},
        # not made by anything, and still no part of a model
        node("LossNode", "_loss", "CyHuberLoss", content={"x": node("FunctionNode", "os", "system")}),
    ],
)
def test_other_ways_of_making_objects_are_refused(made: Any, tmp_path: Path) -> None:
    for protocol in (0, 1, 2):
        error = refused(saved(LOGISTIC, with_c(made, protocol=protocol)), tmp_path)
        assert error.problem == "refused_globals"


def test_a_partial_holds_no_function_of_the_senders(tmp_path: Path) -> None:
    parts = {"args": EMPTY, "kwds": plain(None), "namespace": plain(None)}
    for function in ("max", "abs"):
        held = node("PartialNode", "functools", "partial")
        held["content"] = {"func": node("FunctionNode", "numpy", function), **parts}
        assert refused(saved(LOGISTIC, with_c(held)), tmp_path).problem == "unreadable"


@pytest.mark.parametrize("protocol", [0, 1, 2])
@pytest.mark.parametrize(
    "kind",
    [
        {**node("FunctionNode", "numpy", "abs"), "content": {"module_path": "os", "function": "system"}},
        node("FunctionNode", "sklearn.utils.validation", "check_array"),
        node("TypeNode", "numpy", "ndarray"),
        node("TypeNode", "builtins", "list"),
        node("TypeNode", "sklearn.neighbors._kd_tree", "KDTree"),
    ],
)
def test_nothing_is_called_as_the_type_of_a_key(kind: Any, protocol: int, tmp_path: Path) -> None:
    """By which skops runs a command: a function for the type, the command for the key."""
    kinds = node("ListNode", "builtins", "list", content=[kind])
    mapping = node("DictNode", "builtins", "dict", key_types=kinds)
    mapping["content"] = {f"touch {CANARY}": plain(1)}
    assert refused(saved(LOGISTIC, with_c(mapping, protocol=protocol)), tmp_path)
    assert not CANARY.exists()


def test_a_method_cannot_be_replaced(tmp_path: Path) -> None:
    def change(schema: Any) -> None:
        schema["content"]["key_types"]["content"].append(TEXT)
        schema["content"]["content"]["predict_proba"] = node("FunctionNode", "numpy", "max")

    assert refused(saved(LOGISTIC, change), tmp_path).problem == "unreadable"


@pytest.mark.parametrize("protocol", [None, -1, 3, 2**70, "2", [2]])
def test_versions_of_the_format_that_are_not_known_are_refused(protocol: Any, tmp_path: Path) -> None:
    def change(schema: Any) -> None:
        schema["protocol"] = protocol

    assert refused(saved(LOGISTIC, change), tmp_path).problem == "unreadable"


# --- what reaches compiled code -------------------------------------------------------------------------


def test_a_tree_is_looked_at_like_any_other(tmp_path: Path) -> None:
    model = DecisionTreeClassifier(max_depth=3).fit(X, Y)
    np.testing.assert_array_equal(load(saved(model), tmp_path).predict(X), model.predict(X))
    model.tree_.children_left[0] = 10**6  # a view of the tree's own memory
    assert refused(saved(model), tmp_path).problem == "unreadable"


@pytest.mark.parametrize("outputs", [0, -1, 2, 10**9, 2**62])
def test_a_tree_makes_room_for_no_more_than_it_has(outputs: int, tmp_path: Path) -> None:
    """Its constructor copies as many numbers of classes as it is told."""

    def change(schema: Any) -> None:
        arguments = schema["content"]["content"]["tree_"]["__reduce__"]["args"]["content"]
        arguments[2] = plain(outputs)

    model = DecisionTreeClassifier(max_depth=3).fit(X, Y)
    assert refused(saved(model, change), tmp_path).problem == "unreadable"


@pytest.mark.parametrize("position", [-1, 625, 2**31 - 1, 2**31, 1.5, "1", None])
def test_the_position_of_a_twister_is_looked_at(position: Any, tmp_path: Path) -> None:
    model = make_pipeline(SparseRandomProjection(2, random_state=np.random.RandomState(0)), GaussianNB())
    model.fit(X, Y)

    def change(schema: Any) -> None:
        step = schema["content"]["content"]["steps"]["content"][0]["content"][1]
        state = step["content"]["content"]["random_state"]["content"]["content"]["state"]
        state["content"]["pos"] = plain(position)

    load(saved(model), tmp_path)
    assert refused(saved(model, change), tmp_path).problem == "unreadable"


def npz(matrix: Any, **arrays: Any) -> bytes:
    parts = {
        "data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr,
        "shape": matrix.shape, "format": matrix.format.encode(),
    }  # fmt: skip
    file = io.BytesIO()
    np.savez(file, **parts | arrays)
    return file.getvalue()


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array, sparse.csc_array])
@pytest.mark.parametrize(
    "arrays",
    [
        {"indices": np.full(4, 10**6, dtype=np.int32)},
        {"indices": np.full(4, -1, dtype=np.int32)},
        {"indices": np.arange(4.0)},
        {"indptr": np.array([0, 1, 2, 3, 10**6], dtype=np.int32)},
        {"indptr": np.array([0, 3, 2, 1, 4], dtype=np.int32)},
        {"indptr": np.array([0, 4], dtype=np.int32)},
        {"data": np.zeros(2)},
        {"data": np.array(["a"] * 4)},
        {"shape": np.array([4, 10**9])},
        {"shape": np.array([-1, -1])},
        {"shape": np.array([4])},
        {"format": b"coo"},
        {"data": np.array([None] * 4, dtype=object)},
    ],
    ids=lambda arrays: next(iter(arrays)),
)
def test_sparse_matrices_are_looked_at_in_full(kind: Any, arrays: Any, tmp_path: Path) -> None:
    matrix = kind(np.eye(4))
    assert (load(saved(matrix), tmp_path) != matrix).nnz == 0
    wider = "shape" in arrays and tuple(arrays["shape"]) == (4, 10**9) and matrix.format == "csr"
    crafted = with_array(matrix, lambda name: npz(matrix, **arrays) if name.endswith(".npz") else None)
    if wider:  # a matrix may be as wide as it likes
        assert load(crafted, tmp_path).shape == (4, 10**9)
    else:
        assert refused(crafted, tmp_path).problem == "unreadable"


def _parts_of(data: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def npy(header: str, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text + data


@pytest.mark.parametrize(
    "data",
    [
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", pickle.dumps([print])),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (True, True)}", bytes(8)),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}", bytes(8)),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}", bytes(8)),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}", bytes(8)),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", bytes(16)),
        npy("{'descr': ('<f8', (2,)), 'fortran_order': False, 'shape': (1,)}", bytes(16)),
        npy("{'descr': [('a', '<f8', (2,))], 'fortran_order': False, 'shape': (1,)}", bytes(16)),
        npy("{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (1,)}", bytes(8)),
        npy("{'descr': [('a', [('b', '<f8')])], 'fortran_order': False, 'shape': (1,)}", bytes(8)),
        npy("{'descr': '<M8[s]', 'fortran_order': False, 'shape': (1,)}", bytes(8)),
        npy("__import__('os').system('true')"),
        npy("{'descr': '<f8'}"),
        npy("(" * 9_000),
        npy("", version=b"\x09\x00"),
        b"\x93NUMPY",
        b"",
        pickle.dumps([print]),
    ],
)
def test_arrays_with_crafted_headers_are_refused(data: bytes, tmp_path: Path) -> None:
    crafted = with_array(LOGISTIC, lambda name: data if name.endswith(".npy") else None)
    assert refused(crafted, tmp_path).problem == "unreadable"


def test_arrays_are_read_as_numpy_wrote_them() -> None:
    nodes = np.zeros(3, dtype=[("a", "<i8"), ("b", "|u1")])
    for array in (np.arange(6.0).reshape(2, 3), np.asfortranarray(np.eye(3)), np.array(["ab"]), nodes):
        file = io.BytesIO()
        np.save(file, array)
        read = array_in(file.getvalue())
        np.testing.assert_array_equal(read, array)
        assert read.dtype == array.dtype
        assert read.flags.writeable


# --- the schema and the zip -----------------------------------------------------------------------------


def nested(depth: int) -> str:
    inner = '{"__loader__": "ListNode", "__module__": "builtins", "__class__": "list", "content": ['
    return inner * depth + "]}" * depth


def zipped(*parts: tuple[str, str | bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts:
            archive.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize(
    "schema",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"protocol": 2}',
        '{"protocol": 2, "__loader__": "ListNode"}',
        '{"protocol": 2, "__loader__": 3}',
        nested(100_000),
        nested(600).replace('{"__loader__"', '{"protocol": 2, "__loader__"', 1),
        '{"a": ' * 50_000,
        "\ud800".encode("utf-8", "surrogatepass"),
    ],
)  # fmt: skip
def test_schemas_that_are_none_are_refused(schema: str | bytes, tmp_path: Path) -> None:
    assert isinstance(refused(zipped(("schema.json", schema)), tmp_path), UnsafeModel | UnsupportedModel)


def test_two_parts_of_one_name_are_refused(tmp_path: Path) -> None:
    honest = skops.io.dumps(LOGISTIC)
    file = io.BytesIO(honest)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(file, "a") as archive:
        archive.writestr("schema.json", zipfile.ZipFile(io.BytesIO(honest)).read("schema.json"))
    assert refused(file.getvalue(), tmp_path).problem == "unreadable"


def test_what_unpacks_to_more_than_the_limit_is_refused(tmp_path: Path) -> None:
    bomb = zipped(("schema.json", "{}"), ("1.npy", bytes(1 << 22)))
    assert isinstance(refused(bomb, tmp_path, bytes=1 << 20), LimitExceeded)
    matrix = sparse.csr_matrix(np.eye(4))
    inner = zipped(*((f"{name}.npy", bytes(1 << 22)) for name in ("data", "indices", "indptr")))
    crafted = with_array(matrix, lambda name: inner if name.endswith(".npz") else None)
    assert isinstance(refused(crafted, tmp_path, bytes=1 << 20), LimitExceeded)


def test_what_many_nodes_read_counts_every_time(tmp_path: Path) -> None:
    array = node("NdArrayNode", "numpy", "ndarray", type="numpy", file="1.npy")
    many = node("ListNode", "builtins", "list", content=[array] * 200, protocol=2)
    file = io.BytesIO()
    np.save(file, np.zeros(10_000))
    crafted = zipped(("schema.json", json.dumps(many)), ("1.npy", file.getvalue()))
    assert isinstance(refused(crafted, tmp_path, bytes=1 << 20), LimitExceeded)
    assert len(load(crafted, tmp_path)) == 200


def test_what_many_matrices_unpack_to_counts_every_time(tmp_path: Path) -> None:
    wide = sparse.csr_matrix(np.zeros((1, 60_000)) + 1)
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(wide))) as archive:
        matrix = json.loads(archive.read("schema.json"))
    del matrix["__id__"]
    many = node("ListNode", "builtins", "list", content=[matrix] * 3, protocol=2)
    packed = zipped(*_parts_of(npz(wide)))
    crafted = zipped(("schema.json", json.dumps(many)), (matrix["file"], packed))
    assert len(load(crafted, tmp_path, bytes=1 << 22)) == 3
    assert len(packed) < 1 << 18
    assert isinstance(refused(crafted, tmp_path, bytes=1 << 20), LimitExceeded)


def test_a_schema_of_brackets_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    assert isinstance(refused(zipped(("schema.json", b"[" * (1 << 27))), tmp_path), LimitExceeded)


def test_a_node_cannot_hold_itself(tmp_path: Path) -> None:
    inner = {**node("CachedNode", "builtins", "list"), "__id__": 5}
    loop = {**node("ListNode", "builtins", "list", content=[inner]), "__id__": 5}
    assert refused(saved(LOGISTIC, with_c(loop)), tmp_path).problem == "unreadable"


def test_what_stands_twice_is_one_object(tmp_path: Path) -> None:
    shared = StandardScaler()
    first, second = load(saved([shared, shared]), tmp_path)
    assert first is second


def test_keys_keep_their_types(tmp_path: Path) -> None:
    weights = {0: 1.0, 1: 2.0, 2: 1.0}
    keys = {"a": 1, 1: 2, 2.5: 3, None: 5, np.int64(7): 6, np.str_("b"): 7, False: 8}
    assert load(saved(LogisticRegression(class_weight=weights).fit(X, Y)), tmp_path).class_weight == weights
    assert load(saved(keys), tmp_path) == keys
