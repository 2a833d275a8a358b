"""Model files that try to run code, to end the process or to be something that they are not."""

from __future__ import annotations

import bz2
import contextlib
import functools
import gzip
import importlib
import importlib.util
import io
import lzma
import os
import pickle
import runpy
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from leakgauge.errors import InputError, LeakgaugeError, LimitExceeded, UnsafeModel, UnsupportedModel
from leakgauge.targets.sklearn.reading import Limits, load_model
from leakgauge.targets.sklearn.target import SklearnTarget

X, Y = load_iris(return_X_y=True)
X, Y = X[::3], Y[::3]
LIMITS = Limits(bytes=2**24, instructions=200_000)


class Calls:
    """Pickles as a call of `function` with `arguments`."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.function, self.arguments


def named(module: str, name: str, *arguments: object, protocol: int = 4) -> bytes:
    """A pickle that calls a global by its name alone, which need not exist here."""
    if protocol == 0:
        head = f"c{module}\n{name}\n".encode()
    else:
        head = b"\x80\x04" + text(module) + text(name) + b"\x93"
    body = b"(" + b"".join(pickle.dumps(argument, 2)[2:-1] for argument in arguments) + b"t"
    return head + body + b"R."


def text(value: str) -> bytes:
    encoded = value.encode()
    return b"\x8c" + bytes([len(encoded)]) + encoded


def load(data: bytes, folder: Path, *, limits: Limits = LIMITS) -> Any:
    path = folder / "model.pkl"
    path.write_bytes(data)
    return load_model(path, limits=limits).estimator


def problem_of(data: bytes, folder: Path) -> LeakgaugeError:
    with pytest.raises(LeakgaugeError) as caught:
        load(data, folder)
    return caught.value


def test_a_chunk_of_labels_that_is_named_over_and_over_is_refused(tmp_path: Path) -> None:
    labels = np.zeros(200_000)
    assert len(load(named("pyarrow.lib", "chunked_array", [labels] * 5, "string"), tmp_path)) == 10**6
    error = problem_of(named("pyarrow.lib", "chunked_array", [labels] * 6, "string"), tmp_path)
    assert error.problem == "unreadable"


def _code_running(canary: Path) -> dict[str, tuple[bytes, str]]:
    """Name of an attempt to (file, a global that must be named in the refusal)."""
    touch = f"touch {canary}"
    python = f"open({str(canary)!r}, 'w')"
    script = canary.parent / "script.py"
    script.write_text(python)
    lambda_code = compile(python, "x", "exec")
    joblib_file = io.BytesIO()
    joblib.dump(Calls(os.system, touch), joblib_file, compress=("zlib", 3))
    torch_like = b"\x80\x04" + text("os") + text("system") + b"\x93" + b"\x8c\x01aQ" + b"."
    inside_array = io.BytesIO()
    joblib.dump(np.array([Calls(os.system, touch)], dtype=object), inside_array)
    return {
        "os.system": (pickle.dumps(Calls(os.system, touch)), f"{os.system.__module__}.system"),
        "os.system, protocol 0": (named("os", "system", touch, protocol=0), "os.system"),
        "builtins.eval": (pickle.dumps(Calls(eval, python)), "builtins.eval"),
        "builtins.exec": (pickle.dumps(Calls(exec, python)), "builtins.exec"),
        "python 2 builtins": (named("__builtin__", "eval", python, protocol=0), "__builtin__.eval"),
        "subprocess.Popen": (
            pickle.dumps(Calls(subprocess.Popen, ["touch", str(canary)])),
            "subprocess.Popen",
        ),
        "runpy": (pickle.dumps(Calls(runpy.run_path, str(script))), "runpy.run_path"),
        "importlib": (pickle.dumps(Calls(importlib.import_module, "this")), "importlib.import_module"),
        "a dotted name through an allowed library": (
            named("sklearn.datasets._base", "os.system", touch),
            "sklearn.datasets._base.os.system",
        ),
        "a dotted name through an allowed module": (
            named("sklearn.tree._classes", "numbers.sys.modules", 1),
            "sklearn.tree._classes.numbers.sys.modules",
        ),
        "getattr chain": (
            pickle.dumps(Calls(getattr, Calls(importlib.import_module, "os"), "system")),
            "builtins.getattr",
        ),
        "getattr on an allowed class": (
            pickle.dumps(Calls(getattr, RandomForestClassifier, "__init__")),
            "builtins.getattr",
        ),
        "numpy.f2py": (named("numpy.f2py.crackfortran", "myeval", python), "numpy.f2py.crackfortran.myeval"),
        "numpy.testing": (
            named("numpy.testing._private.utils", "runstring", python, {}),
            "numpy.testing._private.utils.runstring",
        ),
        "pip.main": (named("pip", "main", ["install", "x"]), "pip.main"),
        "functools.partial": (pickle.dumps(Calls(functools.partial, os.system, touch)), "functools.partial"),
        "copyreg": (named("copyreg", "__newobj__", subprocess.Popen), "copyreg.__newobj__"),
        "copyreg.add_extension": (
            named("copyreg", "add_extension", "os", "system", 7),
            "copyreg.add_extension",
        ),
        "types.FunctionType": (
            named("types", "FunctionType", b"code", {}),
            "types.FunctionType",
        ),
        "marshal": (pickle.dumps(Calls(eval, Calls(importlib.import_module, "marshal"))), "builtins.eval"),
        "joblib": (joblib_file.getvalue(), f"{os.system.__module__}.system"),
        "joblib, inside an array of objects": (inside_array.getvalue(), f"{os.system.__module__}.system"),
        "torch.load style": (torch_like, "os.system"),
        "FunctionTransformer": (
            pickle.dumps(FunctionTransformer(os.system)),
            f"{os.system.__module__}.system",
        ),
        "FunctionTransformer backwards": (
            pickle.dumps(FunctionTransformer(None, os.system)),
            f"{os.system.__module__}.system",
        ),
        "cloudpickle lambda": (
            named("cloudpickle.cloudpickle", "_make_function", lambda_code.co_code, {}, None, None, None),
            "cloudpickle.cloudpickle._make_function",
        ),
        "INST": (b"(S'" + touch.encode() + b"'\nios\nsystem\n.", "os.system"),
        "OBJ": (b"(cos\nsystem\nS'" + touch.encode() + b"'\no.", "os.system"),
        "numpy.load": (named("numpy.lib._npyio_impl", "load", "x"), "numpy.lib._npyio_impl.load"),
        "joblib.load": (named("joblib.numpy_pickle", "load", str(script)), "joblib.numpy_pickle.load"),
        "pickle.loads": (pickle.dumps(Calls(pickle.loads, b"N.")), "_pickle.loads"),
        "a function in an array": (
            pickle.dumps(np.array([os.system], dtype=object)),
            f"{os.system.__module__}.system",
        ),
        "a metric of the sender's": (
            pickle.dumps(KNeighborsClassifier(metric=os.system)),
            f"{os.system.__module__}.system",
        ),
    }


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    folder = tmp_path / "canary"
    folder.mkdir()
    return folder / "sang"


def test_no_pickle_runs_code_and_each_is_named(canary: Path, tmp_path: Path) -> None:
    attempts = _code_running(canary)
    assert len(attempts) >= 30
    for name, (data, asked) in attempts.items():
        error = problem_of(data, tmp_path)
        assert isinstance(error, UnsafeModel), name
        assert error.problem == "refused_globals", name
        listed = error.details["globals"]
        assert isinstance(listed, list)
        assert asked in listed, name
        assert asked in error.message, name
        assert not canary.exists(), name


def test_the_canary_can_sing(canary: Path) -> None:
    pickle.loads(pickle.dumps(Calls(os.system, f"touch {canary}")))
    assert canary.exists()


def test_all_refused_globals_are_told_at_once(tmp_path: Path) -> None:
    error = problem_of(
        pickle.dumps([Calls(os.system, "x"), Calls(eval, "1"), Calls(runpy.run_path, "x")]), tmp_path
    )
    assert error.details["globals"] == [f"{os.system.__module__}.system", "builtins.eval", "runpy.run_path"]


def test_a_refusal_is_told_even_when_the_file_is_cut_short(tmp_path: Path) -> None:
    error = problem_of(pickle.dumps([Calls(eval, "1"), "x" * 1000])[:-500], tmp_path)
    assert error.problem == "refused_globals"


def test_names_of_globals_cannot_disturb_a_log(tmp_path: Path) -> None:
    error = problem_of(named("evil\n\x1b[31m", "x" * 200, 1), tmp_path)
    assert "\n" not in error.message
    assert "\x1b" not in error.message
    assert all(isinstance(name, str) and len(name) <= 120 for name in error.details["globals"])  # type: ignore[union-attr]


FOREST = RandomForestClassifier(2, max_depth=2, random_state=0).fit(X, Y)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x80\x04\x82\x01.", id="EXT1"),
        pytest.param(b"\x80\x04\x83\x01\x00.", id="EXT2"),
        pytest.param(b"\x80\x04\x84\x01\x00\x00\x00.", id="EXT4"),
        pytest.param(b"Pname\n.", id="PERSID"),
        pytest.param(b"\x80\x04\x8c\x01aQ.", id="BINPERSID"),
        pytest.param(b"\x80\x05\x97.", id="NEXT_BUFFER"),
        pytest.param(
            b"\x80\x04"
            + text("sklearn.linear_model._logistic")
            + text("LogisticRegression")
            + b"\x93)}\x92.",
            id="NEWOBJ_EX",
        ),
    ],
)
def test_instructions_that_reach_outside_are_refused(data: bytes, tmp_path: Path) -> None:
    assert problem_of(data, tmp_path).problem == "refused_instructions"


def _allowed(module: str, name: str) -> bytes:
    return text(module) + text(name) + b"\x93"


_LOGISTIC = _allowed("sklearn.linear_model._logistic", "LogisticRegression")
_F_CLASSIF = _allowed("sklearn.feature_selection._univariate_selection", "f_classif")
_NDARRAY = _allowed("numpy", "ndarray")
_RECONSTRUCT = _allowed("numpy.core.multiarray", "_reconstruct")
_F8 = (
    _allowed("numpy", "dtype")
    + text("f8")
    + b"\x89\x88\x87R(K\x03"
    + text("<")
    + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(_LOGISTIC + b")R.", id="an allowed class, called"),
        pytest.param(_F_CLASSIF + b"]]\x86R.", id="an allowed function, called"),
        pytest.param(_NDARRAY + b"(I1000000000000\nt\x85R.", id="numpy.ndarray, called"),
        pytest.param(_LOGISTIC + b"}" + text("fit") + b"Nsb.", id="a state for a class"),
        pytest.param(_LOGISTIC + b"N}" + text("fit") + b"Ns\x86b.", id="attributes set on a class"),
        pytest.param(
            _LOGISTIC + b")\x81}" + text("predict_proba") + _F_CLASSIF + b"sb.", id="a method replaced"
        ),
        pytest.param(_LOGISTIC + b")\x81}" + text("__class__") + _LOGISTIC + b"sb.", id="a class replaced"),
        pytest.param(
            _LOGISTIC + b")\x81}" + text("append") + _F_CLASSIF + b"sbKNa.", id="append on an estimator"
        ),
        pytest.param(_LOGISTIC + b")\x81Na.", id="APPEND to an estimator"),
        pytest.param(_LOGISTIC + b")\x81NNs.", id="SETITEM on an estimator"),
        pytest.param(_LOGISTIC + b"K\x01\x85\x81.", id="a class made with arguments"),
        pytest.param(_RECONSTRUCT + _NDARRAY + b"I1000000000000\n\x85C\x01b\x87R.", id="a terabyte array"),
        pytest.param(
            _RECONSTRUCT
            + _NDARRAY
            + b"K\x00\x85C\x01b\x87R(K\x01I1000000000000\n\x85"
            + _F8
            + b"\x89C\x01xtb.",
            id="a terabyte array's state",
        ),
        pytest.param(
            _RECONSTRUCT
            + _NDARRAY
            + b"K\x00\x85C\x01b\x87R(K\x01J\xff\xff\xff\xff\x85"
            + _F8
            + b"\x89C\x08xxxxxxxxtb.",
            id="a negative shape",
        ),
        pytest.param(_RECONSTRUCT + _NDARRAY + b"K\x00\x85C\x01b\x87R.", id="an array without a state"),
        pytest.param(
            _allowed("numpy", "dtype") + text("V9999999") + b"\x89\x88\x87R.", id="a dtype without a state"
        ),
        pytest.param(_allowed("numpy", "dtype") + text("f8,O") + b"\x89\x88\x87R.", id="a dtype in words"),
        pytest.param(
            _allowed("numpy.core.multiarray", "scalar") + _F8 + b"C\x01x\x86R.",
            id="a scalar of too few bytes",
        ),
        pytest.param(_allowed("builtins", "range") + b"I1000000000000\n\x85R.", id="an endless range"),
        pytest.param(
            _allowed("copyreg", "_reconstructor") + _LOGISTIC + _LOGISTIC + b"N\x87R.", id="_reconstructor"
        ),
        pytest.param(
            _allowed("_codecs", "encode") + text("x") + text("rot13") + b"\x86R.", id="another codec"
        ),
        pytest.param(_allowed("functools", "partial") + b")R.", id="partial of nothing"),
        pytest.param(
            _allowed("sklearn.tree._tree", "Tree") + b"K\x04]I1000000000\n\x87R.", id="tree without classes"
        ),
        pytest.param(
            _allowed("sklearn.neighbors._kd_tree", "newObj") + _LOGISTIC + b"\x85R.", id="another newObj"
        ),
        pytest.param(b"}((K\x01K\x02tK\x03tK\x04s.", id="a mapping by tuples"),
    ],
)
def test_allowed_parts_cannot_be_misused(body: bytes, tmp_path: Path) -> None:
    error = problem_of(b"\x80\x04" + body, tmp_path)
    assert isinstance(error, InputError)
    assert error.problem in {"unreadable", "refused_globals"}


def test_scikit_learn_itself_is_left_as_it_was(tmp_path: Path) -> None:
    before = LogisticRegression.fit
    problem_of(b"\x80\x04" + _LOGISTIC + b"N}" + text("fit") + b"Ns\x86b.", tmp_path)
    assert LogisticRegression.fit is before


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "empty_file"),
        (b"hello, I am a model", "unreadable"),
        (b"\x00" * 100, "unreadable"),
        (b"<html></html>", "not_a_model"),
        (b"\x89HDF\r\n\x1a\n" + b"\x00" * 50, "not_a_model"),
        (b'{"model": 1}', "not_a_model"),
        (pickle.dumps(FOREST)[:-100], "unreadable"),
        (pickle.dumps(FOREST)[:50], "unreadable"),
        (b"\x80\x04.", "unreadable"),
        (b"\x80\x04" + b"0" * 10 + b".", "unreadable"),
        (b"\x80\x04K\x01h\x63.", "unreadable"),
        (b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"x.", "unreadable"),
        (b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"x.", "unreadable"),
        (b"\x80\x04\x8d" + struct.pack("<Q", 2**63) + b"x.", "unreadable"),
        (b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b"x.", "unreadable"),
        (b"\x80\x02\x8b" + struct.pack("<i", -5) + b"x.", "unreadable"),
        (b"I" + b"9" * 10_000 + b"\n.", "unreadable"),
        (zlib.compress(pickle.dumps(FOREST))[:-30], "unreadable"),
        (gzip.compress(pickle.dumps(FOREST))[:60], "unreadable"),
        (bz2.compress(pickle.dumps(FOREST))[:60], "unreadable"),
        (lzma.compress(pickle.dumps(FOREST))[:60], "unreadable"),
        (b"\x04\x22\x4d\x18rest", "lz4_not_installed"),
    ],
)
def test_broken_files_are_named(data: bytes, problem: str, tmp_path: Path) -> None:
    assert problem_of(data, tmp_path).problem == problem


@pytest.mark.parametrize("second", [0, 20])  # 20 is stored as a line feed, which ends an instruction
def test_other_zip_archives_are_named(second: int, tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(zipfile.ZipInfo("archive/data.pkl", (2026, 1, 1, 0, 0, second)), b"\x80\x04.")
    assert problem_of(archive.getvalue(), tmp_path).problem == "not_a_model"


@pytest.mark.parametrize("squeeze", [zlib.compress, gzip.compress, bz2.compress, lzma.compress])
def test_a_compressed_bomb_is_stopped_at_the_limit(squeeze: Callable[[bytes], bytes], tmp_path: Path) -> None:
    error = problem_of(squeeze(b"\x80\x04" + b"0" * (2 * LIMITS.bytes)), tmp_path)
    assert isinstance(error, LimitExceeded)
    assert error.problem == "model_too_large"


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(LimitExceeded):
        load(pickle.dumps(b"x" * 2000), tmp_path, limits=Limits(bytes=1000))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x80\x04" + b"(" * 300_000 + b".", id="marks"),
        pytest.param(b"\x80\x04" + b"]" * 300_000 + b".", id="lists"),
        pytest.param(b"\x80\x04]" + b"\x94" * 300_000 + b".", id="memo"),
        pytest.param(b"\x80\x04N" + b"2" * 300_000 + b".", id="duplicates"),
    ],
)
def test_endless_instructions_are_stopped(data: bytes, tmp_path: Path) -> None:
    assert problem_of(data, tmp_path).problem == "too_many_instructions"


def test_deep_nesting_does_not_overflow_the_stack(tmp_path: Path) -> None:
    deep = b"\x80\x04" + b"]" * 50_000 + b"a" * 49_999 + b"."
    assert type(load(deep, tmp_path)) is list


def test_a_laughing_memo_takes_no_time(tmp_path: Path) -> None:
    laughing = (
        b"\x80\x04]\x94"
        + b"".join(b"]\x94(h" + bytes([n]) * 1 + b"h" + bytes([n]) + b"e" for n in range(60))
        + b"."
    )
    with pytest.raises(UnsupportedModel) as caught:
        SklearnTarget(load(laughing, tmp_path))
    assert caught.value.problem == "not_a_model"


def test_a_model_inside_itself_is_no_trap(tmp_path: Path) -> None:
    model = make_pipeline(LogisticRegression()).fit(X, Y)
    model.steps.append(("again", model))
    with pytest.raises(UnsupportedModel):
        SklearnTarget(load(pickle.dumps(model), tmp_path))


class StatefulTree:
    """Pickles a tree with some entries of its state changed."""

    def __init__(self, tree: Any, change: Callable[[dict[str, Any]], None]) -> None:
        self.tree, self.change = tree, change

    def __reduce__(self) -> tuple[Any, ...]:
        kind, arguments, state = self.tree.__reduce__()
        state = {
            name: value.copy() if isinstance(value, np.ndarray) else value for name, value in state.items()
        }
        self.change(state)
        return kind, arguments, state


def _with(field: str, value: int) -> Callable[[dict[str, Any]], None]:
    def change(state: dict[str, Any]) -> None:
        state["nodes"][field][0] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_with("left_child", 10**6), id="child beyond the end"),
        pytest.param(_with("right_child", -7), id="negative child"),
        pytest.param(_with("left_child", 0), id="child is its own parent"),
        pytest.param(_with("feature", 10**6), id="feature beyond the end"),
        pytest.param(_with("feature", -2), id="negative feature"),
        pytest.param(lambda state: state.update(node_count=10**9), id="more nodes than there are"),
        pytest.param(lambda state: state.update(node_count=-1), id="negative number of nodes"),
        pytest.param(lambda state: state.update(values=state["values"][:1]), id="fewer values than nodes"),
        pytest.param(lambda state: state.update(nodes=state["nodes"][:0]), id="no nodes"),
        pytest.param(lambda state: state.update(nodes=state["values"]), id="nodes that are values"),
        pytest.param(lambda state: state.pop("values"), id="no values"),
    ],
)
def test_trees_with_bad_indices_are_refused(change: Callable[[dict[str, Any]], None], tmp_path: Path) -> None:
    model = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, Y)
    vars(model)["tree_"] = StatefulTree(model.tree_, change)
    assert problem_of(pickle.dumps(model), tmp_path).problem == "unreadable"


def test_the_depth_of_a_tree_is_counted_not_believed(tmp_path: Path) -> None:
    model = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, Y)
    depth = model.tree_.max_depth
    vars(model)["tree_"] = StatefulTree(model.tree_, lambda state: state.update(max_depth=0))
    loaded = load(pickle.dumps(model), tmp_path)
    assert loaded.tree_.max_depth == depth
    np.testing.assert_array_equal(loaded.decision_path(X).toarray().sum(axis=1) <= depth + 1, True)


def _forest_of_fewer_features() -> Any:
    model = RandomForestClassifier(2, random_state=0).fit(X, Y)
    model.n_features_in_ = 1
    return model


def _forest_of_other_trees() -> Any:
    model = RandomForestClassifier(2, random_state=0).fit(X, Y)
    model.estimators_[1] = LogisticRegression(max_iter=500).fit(X, Y)
    return model


def _boosting_of_fewer_classes() -> Any:
    model = GradientBoostingClassifier(n_estimators=2).fit(X, Y)
    model.classes_ = model.classes_[:2]
    return model


def _boosting_with_a_smaller_first_guess() -> Any:
    model = GradientBoostingClassifier(n_estimators=2).fit(X, Y)
    model.init_.classes_ = model.init_.classes_[:2]
    return model


def _histograms_with_bad_children() -> Any:
    model = HistGradientBoostingClassifier(max_iter=2).fit(X, Y)
    model._predictors[0][0].nodes["left"][0] = 10**6
    return model


def _histograms_with_a_loop() -> Any:
    model = HistGradientBoostingClassifier(max_iter=2).fit(X, Y)
    model._predictors[0][0].nodes["left"][0] = 0
    return model


def _histograms_with_bad_categories() -> Any:
    model = HistGradientBoostingClassifier(max_iter=2).fit(X, Y)
    model._predictors[0][0].nodes["is_categorical"][0] = 1
    model._predictors[0][0].nodes["bitset_idx"][0] = 10**6
    return model


def _neighbours_of_unknown_classes() -> Any:
    model = KNeighborsClassifier().fit(X, Y)
    model._y = model._y + 10**6
    return model


def _neighbours_of_another_table() -> Any:
    model = KNeighborsClassifier(algorithm="kd_tree").fit(X, Y)
    model._fit_X = model._fit_X[:5]
    return model


def _vectors_that_are_missing() -> Any:
    model = SVC().fit(X, Y)
    model.support_vectors_ = model.support_vectors_[:1]
    return model


def _vectors_of_more_classes() -> Any:
    model = SVC().fit(X, Y)
    model._n_support = np.array([10**6, 0, 0], dtype=np.int32)
    return model


@pytest.mark.parametrize(
    "make",
    [
        _forest_of_fewer_features,
        _forest_of_other_trees,
        _boosting_of_fewer_classes,
        _boosting_with_a_smaller_first_guess,
        _histograms_with_bad_children,
        _histograms_with_a_loop,
        _histograms_with_bad_categories,
        _neighbours_of_unknown_classes,
        _neighbours_of_another_table,
        _vectors_that_are_missing,
        _vectors_of_more_classes,
    ],
)
def test_parts_that_contradict_each_other_are_refused(make: Callable[[], Any], tmp_path: Path) -> None:
    assert problem_of(pickle.dumps(make()), tmp_path).problem == "unreadable"


def test_a_random_generator_out_of_its_bounds_is_refused(tmp_path: Path) -> None:
    state = np.random.RandomState(0)
    kind, arguments, inner = state.__reduce__()
    inner["state"]["pos"] = 10**6

    class Crafted:
        def __reduce__(self) -> tuple[Any, ...]:
            return kind, arguments, inner

    model = RandomForestClassifier(2, random_state=Crafted())
    assert problem_of(pickle.dumps(model), tmp_path).problem == "unreadable"


def test_a_search_tree_with_bad_rows_is_refused(tmp_path: Path) -> None:
    model = KNeighborsClassifier(algorithm="kd_tree", leaf_size=5).fit(X, Y)
    good = model._tree

    class Crafted:
        def __init__(self, place: int) -> None:
            self.place = place

        def __reduce__(self) -> tuple[Any, ...]:
            maker, arguments, state = good.__reduce__()
            parts = [part.copy() if isinstance(part, np.ndarray) else part for part in state]
            if self.place == 2:
                parts[2]["idx_end"][-1] = 10**6
            elif self.place == 1:
                parts[1][0] = 10**6
            else:
                parts[6] = 10**6
            return maker, arguments, tuple(parts)

    for place in (1, 2, 6):
        model._tree = Crafted(place)
        assert problem_of(pickle.dumps(model), tmp_path).problem == "unreadable"


def _saved_by(version: str) -> bytes:
    model = LogisticRegression(max_iter=500).fit(X, Y)
    return pickle.dumps(model).replace(text(sklearn.__version__), text(version))


@pytest.mark.parametrize(
    ("version", "problem"), [("99.0.0", "future_version"), ("0.22.1", "version_too_old")]
)
def test_versions_that_cannot_be_read_are_refused_by_name(version: str, problem: str, tmp_path: Path) -> None:
    error = problem_of(_saved_by(version), tmp_path)
    assert error.problem == problem
    assert version in error.message


HONEST = {
    "forest": pickle.dumps(FOREST),
    "boosting": pickle.dumps(GradientBoostingClassifier(n_estimators=2, max_depth=1).fit(X, Y)),
    "histograms": pickle.dumps(HistGradientBoostingClassifier(max_iter=2).fit(X, Y)),
    "neighbours": pickle.dumps(KNeighborsClassifier(algorithm="kd_tree").fit(X[:20], Y[:20])),
    "vectors": pickle.dumps(SVC().fit(X, Y)),
}


@settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    kind=st.sampled_from(sorted(HONEST)),
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4
    ),
    cut=st.floats(0.5, 1.0),
)
@example(kind="forest", changes=[(0.0, 0x80)], cut=1.0)
def test_a_changed_model_loads_or_is_refused_by_name(
    kind: str, changes: list[tuple[float, int]], cut: float, tmp_path: Path
) -> None:
    data = bytearray(HONEST[kind])
    for place, value in changes:
        data[int(place * len(data))] = value
    data = data[: int(cut * len(data))] if cut < 0.9 else data
    with contextlib.suppress(InputError):  # anything else fails the test
        target = SklearnTarget(load(bytes(data), tmp_path))
        answers = target.probabilities(X) if target.has_probabilities else target.labels(X)
        assert len(answers) == len(X)


def test_honest_files_are_not_refused(tmp_path: Path) -> None:
    for data in HONEST.values():
        assert SklearnTarget(load(data, tmp_path)).labels(X).shape == (len(X),)


def test_a_skops_file_is_told_from_other_archives(tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("schema.json", "{}")
    assert problem_of(archive.getvalue(), tmp_path).problem == "unreadable"


def test_a_future_version_that_moved_its_classes_is_told_by_its_version(tmp_path: Path) -> None:
    moved = _saved_by("99.0.0").replace(
        text("sklearn.linear_model._logistic"), text("sklearn.linear_model._moved___")
    )
    assert problem_of(moved, tmp_path).problem == "future_version"


def test_a_later_patch_is_read_with_a_warning(tmp_path: Path) -> None:
    major, minor, *_patch = sklearn.__version__.split(".")
    (tmp_path / "model.pkl").write_bytes(_saved_by(f"{major}.{minor}.999"))
    (warning,) = load_model(tmp_path / "model.pkl").warnings
    assert f"{major}.{minor}.999" in warning
