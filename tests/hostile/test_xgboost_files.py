"""Crafted XGBoost files, each refused by name before XGBoost sees a byte of them."""

from __future__ import annotations

import copy
import functools
import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xgboost

from boosters import categories, numbers
from leakgauge.errors import LeakgaugeError, UnsupportedModel
from leakgauge.targets.boosters import xgboost_opening
from leakgauge.targets.opening import open_table_model

Spoil = Callable[[dict[str, Any]], object]


REGRESSIONS: dict[str, dict[str, Any]] = {
    "squares": {},
    "quantile": {"objective": "reg:quantileerror", "quantile_alpha": 0.3},
    "tweedie": {"objective": "reg:tweedie"},
    "gamma": {"objective": "reg:gamma"},
    "shares": {"objective": "reg:pseudohubererror", "huber_slope": 2.0},
}


@functools.cache
def honest(kind: str) -> str:
    """The JSON text of a small model."""
    frame, y = categories() if kind == "categories" else numbers()
    if kind in REGRESSIONS:
        regressor = xgboost.XGBRegressor(n_estimators=3, max_depth=3, n_jobs=1, **REGRESSIONS[kind])
        return bytes(regressor.fit(frame, y + 1.0).get_booster().save_raw("json")).decode()
    settings = {
        "numbers": {},
        "categories": {"enable_categorical": True, "max_cat_to_onehot": 1},
        "dart": {"booster": "dart", "rate_drop": 0.5},
        "pruned": {"gamma": 8.0, "tree_method": "exact"},
    }[kind]
    model = xgboost.XGBClassifier(n_estimators=3, max_depth=3, n_jobs=1, **settings).fit(frame, y)
    return bytes(model.get_booster().save_raw("json")).decode()


def tree(document: dict[str, Any], number: int = 0) -> dict[str, Any]:
    booster = document["learner"]["gradient_booster"]
    booster = booster.get("gbtree", booster)
    return booster["model"]["trees"][number]


def model_of(document: dict[str, Any]) -> dict[str, Any]:
    return document["learner"]["gradient_booster"]["model"]


def cats(document: dict[str, Any]) -> dict[str, Any]:
    return model_of(document)["cats"]


def put(key: str, place: int, value: object) -> Spoil:
    def spoil(document: dict[str, Any]) -> None:
        tree(document)[key][place] = value

    return spoil


def pruned(key: str, value: object) -> Spoil:
    """The first node that pruning took out of a tree, with another value."""

    def spoil(document: dict[str, Any]) -> None:
        for one in model_of(document)["trees"]:
            if 2**31 - 1 in one["split_indices"]:
                one[key][one["split_indices"].index(2**31 - 1)] = value
                return
        raise AssertionError("no node was pruned")

    return spoil


def cut(key: str) -> Spoil:
    return lambda document: tree(document)[key].pop()


def grow(key: str) -> Spoil:
    return lambda document: tree(document)[key].append(0)


def stated(key: str, value: object) -> Spoil:
    return lambda document: tree(document)["tree_param"].update({key: value})


def learner(path: str, value: object) -> Spoil:
    def spoil(document: dict[str, Any]) -> None:
        *parents, last = path.split("/")
        level = document["learner"]
        for parent in parents:
            level = level[parent]
        level[last] = value

    return spoil


def dropped(path: str) -> Spoil:
    def spoil(document: dict[str, Any]) -> None:
        *parents, last = path.split("/")
        level = document
        for parent in parents:
            level = level[int(parent) if isinstance(level, list) else parent]
        del level[last]

    return spoil


PARAMETERS = "gradient_booster/model/gbtree_model_param"
OF_NUMBERS: dict[str, Spoil] = {
    "child far outside": put("left_children", 0, 2**31 - 1),
    "child just outside": lambda document: put("left_children", 0, len(tree(document)["parents"]))(document),
    "child of 64 bits": put("left_children", 0, 2**40),
    "child too large for 64 bits": put("left_children", 0, 2**70),
    "child is the root": put("right_children", 1, 0),
    "child is its own": put("left_children", 1, 1),
    "cycle of two": lambda document: tree(document)["left_children"].__setitem__(slice(1, 3), [2, 1]),
    "two parents": lambda document: put("left_children", 0, tree(document)["right_children"][0])(document),
    "one child": put("right_children", 0, -1),
    "child is text": put("left_children", 0, "1"),
    "child is a fraction": put("left_children", 0, 1.5),
    "child is true": put("left_children", 0, True),
    "child is null": put("left_children", 0, None),
    "child is a list": put("left_children", 0, [1]),
    "root is a leaf with a tree below": lambda document: (
        put("left_children", 0, -1)(document),
        put("right_children", 0, -1)(document),
    ),
    "feature outside": put("split_indices", 0, 28),
    "feature far outside": put("split_indices", 0, 2**31 - 2),
    "feature below zero": put("split_indices", 0, -1),
    "reached node marked as deleted": put("split_indices", 0, 2**31 - 1),
    "deleted nodes stated": stated("num_deleted", "3"),
    "parent is another": put("parents", 1, 5),
    "root has a parent": put("parents", 0, 1),
    "leaf without a number": put("split_conditions", -1, float("nan")),
    "leaf of infinity": put("split_conditions", -1, float("inf")),
    "leaf too large for 32 bits": put("split_conditions", -1, 1e300),
    "cover is not a number": put("sum_hessian", 0, float("nan")),
    **{
        f"{value} as {key}": put(key, 0, value)
        for key in ("sum_hessian", "base_weights", "loss_changes")
        for value in (float("inf"), -1e300)
    },
    "side is 2": put("default_left", 0, 2),
    "kind of question is 7": put("split_type", 0, 7),
    "question by categories without any": put("split_type", 0, 1),
    **{
        f"{change.__name__} {key}": change(key)
        for key in ("left_children", "right_children", "parents", "split_indices", "split_conditions")
        for change in (cut, grow)
    },
    **{f"cut {key}": cut(key) for key in ("default_left", "split_type", "base_weights", "sum_hessian")},
    "more nodes stated": stated("num_nodes", "4000000000"),
    "fewer nodes stated": stated("num_nodes", "1"),
    "nodes stated as a number": stated("num_nodes", 15),
    "nodes stated below zero": stated("num_nodes", "-15"),
    "other features stated": stated("num_feature", "29"),
    "vectors in the leaves": stated("size_leaf_vector", "3"),
    "no node": lambda document: tree(document).update(
        {key: [] for key, value in tree(document).items() if isinstance(value, list)}
    ),
    "no arrays": lambda document: tree(document).clear(),
    "tree is a list": lambda document: model_of(document)["trees"].__setitem__(0, []),
    "no trees": lambda document: model_of(document).update(trees=[]),
    "trees are no list": lambda document: model_of(document).update(trees={}),
    "a tree is missing": lambda document: model_of(document)["trees"].pop(),
    "more trees stated": learner(f"{PARAMETERS}/num_trees", "1000000000"),
    "parallel trees do not divide": learner(f"{PARAMETERS}/num_parallel_tree", "2"),
    "parallel trees below zero": learner(f"{PARAMETERS}/num_parallel_tree", "-1"),
    "tree of a class that is not there": lambda document: model_of(document)["tree_info"].__setitem__(0, 3),
    "tree of a class below zero": lambda document: model_of(document)["tree_info"].__setitem__(0, -1),
    "classes of trees cut": lambda document: model_of(document)["tree_info"].pop(),
    "a billion classes": learner("learner_model_param/num_class", "1000000000"),
    "one class": learner("learner_model_param/num_class", "1"),
    "classes below zero": learner("learner_model_param/num_class", "-3"),
    "a billion features": learner("learner_model_param/num_feature", "1000000000"),
    "no feature": learner("learner_model_param/num_feature", "0"),
    "two targets": learner("learner_model_param/num_target", "2"),
    "base score is text": learner("learner_model_param/base_score", "a"),
    "base score is long": learner("learner_model_param/base_score", "[1,2,3,4,5]"),
    "base score is infinite": learner("learner_model_param/base_score", "1e999"),
    "base score is a number": learner("learner_model_param/base_score", 0.5),
    "names for other features": learner("feature_names", ["a"]),
    "names are numbers": learner("feature_names", [1] * 28),
    "types for other features": learner("feature_types", ["float"]),
    "type that is none": learner("feature_types", ["pointer"] * 28),
    "regression": learner("objective/name", "reg:squarederror"),
    "ranking": learner("objective/name", "rank:ndcg"),
    "objective of two classes": learner("objective/name", "binary:logistic"),
    "objective is missing": learner("objective", {}),
    "linear booster": learner("gradient_booster", {"name": "gblinear", "model": {"weights": [1.0]}}),
    "booster that is none": learner("gradient_booster/name", "gbforest"),
    "dart without weights": learner("gradient_booster/name", "dart"),
    "best round beyond the last": learner("attributes", {"best_iteration": "9"}),
    "best round below zero": learner("attributes", {"best_iteration": "-1"}),
    "learner is a list": lambda document: document.update(learner=[]),
    "version of the future": lambda document: document.update(version=[99, 0, 0]),
    "no version": dropped("version"),
    "version is text": lambda document: document.update(version="3.2.0"),
}
OF_CATEGORIES: dict[str, Spoil] = {
    "category of 31 bits": put("categories", 0, 2**31 - 1),
    "category below zero": put("categories", 0, -1),
    "set begins outside": put("categories_segments", 0, 1_000),
    "set is longer than all": put("categories_sizes", 0, 1_000),
    "set of a negative size": put("categories_sizes", 0, -1),
    "set of another node": put("categories_nodes", 0, 6),
    "set of no node": put("categories_nodes", 0, 10**9),
    "sets without categories": lambda document: tree(document).update(categories=[]),
    "offsets outside": lambda document: cats(document)["enc"][0]["offsets"].__setitem__(-1, 10**6),
    "offsets fall": lambda document: cats(document)["enc"][0]["offsets"].__setitem__(1, 10**6),
    "offset below zero": lambda document: cats(document)["enc"][0]["offsets"].__setitem__(0, -8),
    "type of a pointer": lambda document: cats(document)["enc"][3].update(type=12),
    "segments outside": lambda document: cats(document)["feature_segments"].__setitem__(-1, 10**6),
    "order outside": lambda document: cats(document)["sorted_idx"].__setitem__(0, 10**6),
    "order twice": lambda document: cats(document).update(sorted_idx=[0] * 7),
    "fewer encodings": lambda document: cats(document)["enc"].pop(),
    "category twice": lambda document: cats(document)["enc"][3].update(values=[3, 3, 9]),
}
OTHERS: dict[str, tuple[str, Spoil]] = {
    "dart weights cut": ("dart", learner("gradient_booster/weight_drop", [1.0])),
    "dart weight is none": ("dart", learner("gradient_booster/weight_drop", [float("nan")] * 9)),
    "fewer deleted nodes stated": ("pruned", stated("num_deleted", "0")),
    **{
        f"parent of a pruned node is {parent}": ("pruned", pruned("parents", parent))
        for parent in (-1, -(2**31), 2**31 - 1, 1_000)
    },
    "child of a pruned node": ("pruned", pruned("left_children", 1)),
}
OF_REGRESSIONS: dict[str, tuple[str, Spoil]] = {
    "child outside of a regression": ("squares", put("left_children", 0, 10**6)),
    "feature outside of a regression": ("squares", put("split_indices", 0, 28)),
    "leaf of infinity in a regression": ("squares", put("split_conditions", -1, float("inf"))),
    "classes of a regression": ("squares", learner("learner_model_param/num_class", "3")),
    "two numbers at once": ("squares", learner("learner_model_param/num_target", "2")),
    "two starting numbers": ("squares", learner("learner_model_param/base_score", "[1,2]")),
    "ranking of numbers": ("squares", learner("objective/name", "rank:pairwise")),
    "times that were cut off": ("squares", learner("objective/name", "survival:cox")),
    "hinge": ("squares", learner("objective/name", "binary:hinge")),
    "an objective of one's own": ("squares", learner("objective/name", "mine")),
    "weight that is none": ("squares", learner("objective/reg_loss_param/scale_pos_weight", "nan")),
    "weight that is a number": ("squares", learner("objective/reg_loss_param/scale_pos_weight", 1.0)),
    "tree of a second number": (
        "squares",
        lambda document: model_of(document)["tree_info"].__setitem__(0, 1),
    ),
    **{
        f"quantile {value}": ("quantile", learner("objective/quantile_loss_param/quantile_alpha", value))
        for value in ("[0]", "[1]", "[-0.5]", "[0.2,0.8]", "[nan]", "[]", "a", "[[0.5]]", ["0.5"])
    },
    "no quantile": ("quantile", dropped("learner/objective/quantile_loss_param")),
    **{
        f"power {value}": (
            "tweedie",
            learner("objective/tweedie_regression_param/tweedie_variance_power", value),
        )
        for value in ("0.5", "1", "2", "inf", "1.5 --save")
    },
    **{
        f"start of {value}": ("gamma", learner("learner_model_param/base_score", value))
        for value in ("0", "-1", "[0E0]")
    },
    "slope of nothing": ("shares", learner("objective/pseudo_huber_param/huber_slope", "0")),
}
CRAFTED = [
    *(("numbers", name, spoil) for name, spoil in OF_NUMBERS.items()),
    *(("categories", name, spoil) for name, spoil in OF_CATEGORIES.items()),
    *((kind, name, spoil) for name, (kind, spoil) in (OTHERS | OF_REGRESSIONS).items()),
]


@pytest.mark.parametrize("kind", ["numbers", "categories", "dart", "pruned", *REGRESSIONS])
def test_the_honest_models_are_read(kind):
    xgboost_opening.read_file(honest(kind).encode())


@pytest.mark.parametrize(("kind", "name", "spoil"), CRAFTED, ids=[name for _, name, _ in CRAFTED])
def test_a_crafted_model_is_refused_before_xgboost_sees_it(kind, name, spoil, monkeypatch):
    document = json.loads(honest(kind))
    spoil(document)

    def refuse(*_arguments, **_settings):
        raise AssertionError("XGBoost was given the model")

    monkeypatch.setattr(xgboost, "Booster", refuse)
    with pytest.raises(UnsupportedModel) as caught:
        xgboost_opening.read_file(json.dumps(document).encode())
    assert caught.value.problem in {"damaged_booster", "unsupported_booster", "future_version"}
    assert caught.value.hint


@functools.cache
def binary(form: str) -> bytes:
    frame, y = numbers()
    model = xgboost.XGBClassifier(n_estimators=2, max_depth=2, n_jobs=1).fit(frame, y)
    if form == "pickle":
        return pickle.dumps(model)
    return bytes(model.get_booster().save_raw("ubj"))


@pytest.mark.parametrize("form", ["ubj", "pickle"])
def test_a_file_that_is_cut_short_anywhere_is_refused(form, tmp_path):
    whole = binary(form)
    for end in np.linspace(1, len(whole) - 1, 40).astype(int).tolist():
        (tmp_path / "model").write_bytes(whole[:end])
        with pytest.raises(LeakgaugeError):
            open_table_model(tmp_path / "model")


@pytest.mark.parametrize("form", ["ubj", "pickle"])
def test_a_file_with_a_changed_byte_is_refused_or_answers(form, tmp_path):
    whole, rng = bytearray(binary(form)), np.random.default_rng(3)
    frame, _ = numbers()
    for place in rng.integers(0, len(whole), 150).tolist():
        changed = copy.copy(whole)
        changed[place] ^= int(rng.integers(1, 256))
        (tmp_path / "model").write_bytes(changed)
        try:
            target = open_table_model(tmp_path / "model")
            target.probabilities(target.as_input(frame))
        except LeakgaugeError:
            continue


LENGTH = b"L" + (2**62).to_bytes(8, "big")


@pytest.mark.parametrize(
    "data",
    [
        b"{L",
        b"{L" + b"\xff" * 8,
        b"{" + LENGTH,
        b"{L" + bytes(7) + b"\x07learner[$d#" + LENGTH,
        b"{L" + bytes(7) + b"\x07learner[#" + LENGTH,
        b"{L" + bytes(7) + b"\x07learner[$l#L" + b"\xff" * 8,
        b"{L" + bytes(7) + b"\x07learner[$Z#" + LENGTH,
        b"{L" + bytes(7) + b"\x07learnerS" + LENGTH,
        b"{L" + bytes(7) + b"\x07learner" + b"[" * 100_000,
        b"{L" + bytes(7) + b"\x07learner" + b"[#L" * 100_000,
        b"{L" + bytes(7) + b"\x07learnerN}",
        b"{L" + bytes(7) + b"\x07learnerZL" + bytes(7) + b"\x07learnerZ}",
        b"{L" + bytes(7) + b"\x01\xffZ}",
        b'{"learner":' + b"[" * 100_000,
        b'{"learner":{"attributes":',
        b'{"learner":' + b"9" * 10_000 + b"}",
    ],
)
def test_text_that_is_no_document_is_refused_by_name(data):
    with pytest.raises(UnsupportedModel) as caught:
        xgboost_opening.read_file(data)
    assert caught.value.problem == "damaged_booster"


@pytest.mark.parametrize(
    "state",
    [
        {"handle": b""},
        {"handle": None},
        {"handle": 7},
        {},
        {"handle": b"CONFIG-offset:" + bytes(100)},
        {"handle": bytearray(b"binf" + bytes(100))},
    ],
    ids=str,
)
def test_a_booster_in_a_pickle_goes_the_same_way(state):
    with pytest.raises(UnsupportedModel):
        xgboost_opening.from_pickle("Booster", state)


def test_a_classifier_that_holds_another_number_of_classes_is_refused():
    frame, y = numbers()
    model = xgboost.XGBClassifier(n_estimators=1, n_jobs=1).fit(frame, y)
    booster = xgboost_opening.from_pickle("Booster", model.get_booster().__getstate__())
    for held in ({"n_classes_": 2_000_000, "_Booster": booster}, {"_Booster": object()}, {"_Booster": model}):
        with pytest.raises(UnsupportedModel) as caught:
            xgboost_opening.from_pickle("XGBClassifier", held)
        assert caught.value.problem == "damaged_booster"


@pytest.mark.parametrize("setting", ["objective", "eval_metric", "tree_method"])
def test_functions_among_the_settings_are_refused(setting, tmp_path):
    frame, y = numbers()
    model = xgboost.XGBClassifier(n_estimators=1, n_jobs=1).fit(frame, y)
    setattr(model, setting, np.mean)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    with pytest.raises(LeakgaugeError) as caught:
        open_table_model(tmp_path / "model.pkl")
    assert caught.value.problem in {"unsupported_booster", "refused_globals"}
