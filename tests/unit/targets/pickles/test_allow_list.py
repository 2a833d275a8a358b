from __future__ import annotations

import importlib
import inspect

import pytest

from leakgauge.targets.pickles.allow_list import (
    CLASSES,
    CONDITIONAL,
    CONSTRUCTORS,
    INERT,
    VALUES,
    is_allowed,
    today,
)
from leakgauge.targets.pickles.construction import Construction
from leakgauge.targets.pickles.virtual_machine import Budget


@pytest.mark.parametrize("pair", sorted(CLASSES | VALUES), ids=".".join)
def test_every_allowed_object_exists_today_under_its_name(pair: tuple[str, str]) -> None:
    module, name = pair
    found = getattr(importlib.import_module(module), name)
    assert inspect.isclass(found) or callable(found)


@pytest.mark.parametrize("pair", sorted(CLASSES), ids=".".join)
def test_every_class_is_a_class_that_can_be_made_empty(pair: tuple[str, str]) -> None:
    kind = getattr(importlib.import_module(pair[0]), pair[1])
    assert inspect.isclass(kind)
    construction = Construction(Budget(1))
    assert isinstance(construction.make(construction.find(*pair), ()), kind)


@pytest.mark.parametrize("pair", sorted(CONSTRUCTORS), ids=".".join)
def test_every_constructor_has_an_answer_of_our_own(pair: tuple[str, str]) -> None:
    assert not callable(Construction(Budget(1)).find(*pair))


def test_a_pair_has_one_role() -> None:
    assert not CLASSES & CONSTRUCTORS
    assert not CLASSES & INERT
    assert not VALUES & INERT
    assert not CONSTRUCTORS & INERT
    assert not CLASSES & VALUES
    assert CONDITIONAL.keys() <= CLASSES | CONSTRUCTORS | INERT


def test_no_name_has_a_dot_and_no_module_is_private_to_this_process() -> None:
    for module, name in CLASSES | VALUES | CONSTRUCTORS | INERT:
        assert "." not in name
        assert module.split(".")[0] not in {
            "os",
            "posix",
            "nt",
            "sys",
            "subprocess",
            "importlib",
            "pickle",
            "ctypes",
        }


@pytest.mark.parametrize(
    "pair",
    [
        ("os", "system"),
        ("sklearn.tree._classes", "os.system"),
        ("sklearn.tree._classes", "numbers"),
        ("sklearn", "show_versions"),
        ("sklearn.datasets._base", "fetch_file"),
        ("builtins", "eval"),
        ("__builtin__", "eval"),
        ("numpy", "load"),
        ("numpy.core.multiarray", "fromfile"),
        ("joblib", "load"),
        ("scipy.sparse._csr", "csr_matrix.__init__"),
        ("", ""),
    ],
)
def test_neighbours_of_allowed_pairs_are_refused(pair: tuple[str, str]) -> None:
    assert not is_allowed(*pair)


@pytest.mark.parametrize(
    ("earlier", "now"),
    [
        (("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct")),
        (("sklearn.utils", "Bunch"), ("sklearn.utils._bunch", "Bunch")),
        (("copy_reg", "_reconstructor"), ("copyreg", "_reconstructor")),
        (
            ("sklearn.neighbors._dist_metrics", "EuclideanDistance"),
            ("sklearn.metrics._dist_metrics", "EuclideanDistance64"),
        ),
        (
            ("sklearn.tree._classes", "DecisionTreeClassifier"),
            ("sklearn.tree._classes", "DecisionTreeClassifier"),
        ),
    ],
)
def test_moved_pairs_are_found(earlier: tuple[str, str], now: tuple[str, str]) -> None:
    assert today(*earlier) == now
    assert is_allowed(*earlier)
