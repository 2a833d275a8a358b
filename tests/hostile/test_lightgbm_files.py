"""Crafted LightGBM texts, each refused by name before LightGBM sees a byte of them."""

from __future__ import annotations

import functools
import pickle
import re
from collections.abc import Callable

import lightgbm
import numpy as np
import pytest
from sklearn.base import clone

from boosters import categories, numbers
from leakgauge.errors import LeakgaugeError, UnsupportedModel
from leakgauge.targets.boosters import lightgbm_opening
from leakgauge.targets.opening import open_table_model

Spoil = Callable[[str], str]


@functools.cache
def honest(kind: str) -> str:
    """The text of a small model."""
    if kind == "numbers":
        return fitted(*numbers()).booster_.model_to_string()
    if kind == "regression":
        settings = {"n_estimators": 2, "num_leaves": 6, "n_jobs": 1, "verbose": -1}
        return lightgbm.LGBMRegressor(**settings).fit(*numbers()).booster_.model_to_string()
    made = fitted(*categories(), min_data_per_group=1, cat_smooth=1.0, max_cat_to_onehot=1)
    return made.booster_.model_to_string()


def fitted(frame, y, **settings):
    settings = {"n_estimators": 2, "num_leaves": 6, "n_jobs": 1, "verbose": -1} | settings
    return lightgbm.LGBMClassifier(**settings).fit(frame, y)


def line(key: str, value: str) -> Spoil:
    """The first line of that key with another value."""
    return lambda text: re.sub(rf"^{key}=.*$", f"{key}={value}", text, count=1, flags=re.MULTILINE)


def number(key: str, place: int, value: str) -> Spoil:
    """The first line of that key with another number at one place."""

    def change(found: re.Match[str]) -> str:
        values = found[1].split(" ")
        values[place] = value
        return f"{key}={' '.join(values)}"

    return lambda text: re.sub(rf"^{key}=(.*)$", change, text, count=1, flags=re.MULTILINE)


def cut(key: str) -> Spoil:
    return lambda text: re.sub(rf"^({key}=.*) \S+$", r"\1", text, count=1, flags=re.MULTILINE)


def grown(key: str) -> Spoil:
    return lambda text: re.sub(rf"^({key}=.*)$", r"\1 1", text, count=1, flags=re.MULTILINE)


def gone(key: str) -> Spoil:
    return lambda text: re.sub(rf"^{key}=.*\n", "", text, count=1, flags=re.MULTILINE)


def categories_as(value: str) -> Spoil:
    return lambda text: re.sub(
        r"^pandas_categorical:.*$", f"pandas_categorical:{value}", text, flags=re.MULTILINE
    )


ARRAYS = (
    *("split_feature", "threshold", "decision_type", "left_child", "right_child", "leaf_value", "leaf_count"),
    *("internal_value", "internal_count"),
)
HIDDEN_TREE = "\rfeature_infos=none\rTree=0\rnum_leaves=1\rnum_cat=0\rleaf_value=7\rshrinkage=1"
"""A tree in lines that end as LightGBM takes them to."""
OF_NUMBERS: dict[str, Spoil] = {
    "child far outside": number("left_child", 0, "2147483647"),
    "child just outside": number("left_child", 0, "5"),
    "child of 64 bits": number("left_child", 0, str(2**40)),
    "child too large for 64 bits": number("left_child", 0, str(2**70)),
    "child is the root": number("right_child", 1, "0"),
    "child is its own": number("left_child", 1, "1"),
    "leaf outside": number("right_child", 0, "-7"),
    "leaf far outside": number("right_child", 0, "-2147483648"),
    "leaf twice": lambda text: line("right_child", "-1 -1 -1 -1 -1")(text),
    "child is a fraction": number("left_child", 0, "1.5"),
    "child is a word": number("left_child", 0, "one"),
    "child is spelled in other digits": number("left_child", 0, "\u0661"),
    "feature outside": number("split_feature", 0, "28"),
    "feature below zero": number("split_feature", 0, "-1"),
    "question of an unknown kind": number("decision_type", 0, "12"),
    "question below zero": number("decision_type", 0, "-1"),
    "set of categories without any": number("decision_type", 0, "1"),
    "threshold is none": number("threshold", 0, "nan"),
    "leaf is none": number("leaf_value", 0, "nan"),
    "leaf is infinite": number("leaf_value", 0, "inf"),
    "leaf is beyond numbers": number("leaf_value", 0, "1e999"),
    "weight is infinite": number("leaf_weight", 0, "inf"),
    "inner value is infinite": number("internal_value", 0, "-inf"),
    "leaf in hexadecimal": number("leaf_value", 0, "0x1p3"),
    **{f"{change.__name__} {key}": change(key) for key in ARRAYS for change in (cut, grown, gone)},
    "more leaves": line("num_leaves", "7"),
    "a billion leaves": line("num_leaves", "1000000000"),
    "no leaf": line("num_leaves", "0"),
    "leaves below zero": line("num_leaves", "-6"),
    "a billion sets": line("num_cat", "1000000000"),
    "sets without ends": line("num_cat", "1"),
    "linear leaves": line("is_linear", "1"),
    "shrinkage is none": line("shrinkage", "nan"),
    "trees in another order": lambda text: text.replace("Tree=1\n", "Tree=7\n"),
    "a tree twice": lambda text: text.replace("Tree=1\n", "Tree=0\n"),
    "a tree is missing": lambda text: text[: text.index("Tree=5")] + text[text.index("end of trees") :],
    "no tree": lambda text: text[: text.index("Tree=0")] + text[text.index("end of trees") :],
    "a key twice": lambda text: text.replace("num_leaves=6\n", "num_leaves=6\nnum_leaves=9\n", 1),
    "a billion classes": line("objective", "multiclass num_class:1000000000"),
    "classes of another number": line("objective", "multiclass num_class:4"),
    "classes of no number": line("objective", "multiclass"),
    "another number of scores": line("num_class", "2"),
    "another number of trees in a round": line("num_tree_per_iteration", "2"),
    "regression": line("objective", "regression"),
    "one against all": line("objective", "multiclassova num_class:3 sigmoid:1"),
    "an objective of one's own": gone("objective"),
    "a sigmoid of nothing": line("objective", "binary sigmoid:0"),
    "a billion features": line("max_feature_idx", "1000000000"),
    "features below zero": line("max_feature_idx", "-1"),
    "another number of features": line("max_feature_idx", "26"),
    "a name twice": lambda text: text.replace("feature_names=p0 p1", "feature_names=p0 p0"),
    "fewer names": line("feature_names", "a b"),
    "fewer ranges": line("feature_infos", "[0:1]"),
    "ranges that are none": number("feature_infos", 0, "[0:1;rm]"),
    "a version of the future": line("version", "v9"),
    "no version": gone("version"),
    "no end": lambda text: text.replace("end of trees", "end of tree"),
    "a name that goes on as another line": lambda text: text.replace(" p1 ", " p1\rmax_feature_idx=3 ", 1),
    "a name that goes on as a tree": lambda text: text.replace(" p1 ", f" p1{HIDDEN_TREE} ", 1),
    "a zero byte": lambda text: text.replace("num_leaves", "num\x00leaves", 1),
    "categories that are no list": categories_as("{}"),
    "categories that are no text": categories_as("[[["),
    "categories nested deep": categories_as("[" * 100_000),
    "categories of no column": categories_as('[["a"]]'),
}
OF_CATEGORIES: dict[str, Spoil] = {
    "set far outside": line("cat_boundaries", "0 1000000"),
    "sets fall": lambda text: re.sub(r"^cat_boundaries=0 1", "cat_boundaries=0 -1", text, flags=re.MULTILINE),
    "bits of 64": number("cat_threshold", 0, str(2**33)),
    "bits below zero": number("cat_threshold", 0, "-1"),
    "fewer bits": line("cat_threshold", ""),
    "categories of fewer columns": lambda text: re.sub(r", \[3, 5, 9\]\]", "]", text),
    "a category twice": lambda text: text.replace('"Bonn"', '"Aachen"'),
    "a category that is a list": lambda text: text.replace('"Bonn"', "[]"),
}
OF_REGRESSIONS: dict[str, Spoil] = {
    "child outside of a regression": number("left_child", 0, "2147483647"),
    "feature outside of a regression": number("split_feature", 0, "28"),
    "leaf of a regression is infinite": number("leaf_value", 0, "inf"),
    "two numbers at once": line("num_tree_per_iteration", "2"),
    "classes of a regression": line("num_class", "3"),
    "ranking": line("objective", "lambdarank"),
    "shares": line("objective", "cross_entropy"),
    "an objective of one's own for numbers": line("objective", "custom"),
    "a regression with something behind it": line("objective", "regression sqrt sqrt"),
    "a quantile with something behind it": line("objective", "quantile alpha:0.5"),
    "a root of another loss": line("objective", "huber sqrt"),
}
CRAFTED = [
    *(("numbers", name, spoil) for name, spoil in OF_NUMBERS.items()),
    *(("categories", name, spoil) for name, spoil in OF_CATEGORIES.items()),
    *(("regression", name, spoil) for name, spoil in OF_REGRESSIONS.items()),
]


@pytest.mark.parametrize("kind", ["numbers", "categories", "regression"])
def test_the_honest_models_are_read(kind):
    lightgbm_opening.read_file(honest(kind).encode())


@pytest.mark.parametrize(("kind", "name", "spoil"), CRAFTED, ids=[name for _, name, _ in CRAFTED])
def test_a_crafted_model_is_refused_before_lightgbm_sees_it(kind, name, spoil, monkeypatch):
    text = spoil(honest(kind))
    assert text != honest(kind)

    def refuse(*_arguments, **_settings):
        raise AssertionError("LightGBM was given the model")

    monkeypatch.setattr(lightgbm, "Booster", refuse)
    with pytest.raises(UnsupportedModel) as caught:
        lightgbm_opening.read_file(text.encode())
    assert caught.value.problem in {"damaged_booster", "unsupported_booster"}
    assert caught.value.hint


def test_a_tree_too_deep_for_recursion_is_refused():
    leaves = 6_000
    inner = leaves - 1
    lines = {
        "num_leaves": leaves,
        "split_feature": " ".join(["0"] * inner),
        "split_gain": " ".join(["0"] * inner),
        "threshold": " ".join(["0"] * inner),
        "decision_type": " ".join(["0"] * inner),
        "left_child": " ".join(str(place + 1) if place + 1 < inner else "-1" for place in range(inner)),
        "right_child": " ".join(str(-place - 2) for place in range(inner)),
        "leaf_value": " ".join(["0"] * leaves),
        "leaf_weight": " ".join(["0"] * leaves),
        "leaf_count": " ".join(["0"] * leaves),
        "internal_value": " ".join(["0"] * inner),
        "internal_weight": " ".join(["0"] * inner),
        "internal_count": " ".join(["0"] * inner),
    }
    text = honest("numbers")
    for key, value in lines.items():
        text = line(key, str(value))(text)
    with pytest.raises(UnsupportedModel, match="deeper than"):
        lightgbm_opening.read_file(text.encode())


@functools.cache
def pickled() -> bytes:
    return pickle.dumps(fitted(*numbers(), num_leaves=4))


@pytest.mark.parametrize("form", ["text", "pickle"])
def test_a_file_that_is_cut_short_anywhere_is_refused(form, tmp_path):
    text = honest("numbers").encode()
    # what stands behind the trees are settings, which a file may lack
    whole = pickled() if form == "pickle" else text[: text.index(b"end of trees")]
    for end in np.linspace(1, len(whole) - 1, 40).astype(int).tolist():
        (tmp_path / "model").write_bytes(whole[:end])
        with pytest.raises(LeakgaugeError):
            open_table_model(tmp_path / "model")


@pytest.mark.parametrize("form", ["text", "pickle"])
def test_a_file_with_a_changed_byte_is_refused_or_answers(form, tmp_path):
    whole = bytearray(pickled() if form == "pickle" else honest("numbers").encode())
    rng = np.random.default_rng(4)
    frame, _ = numbers()
    for place in rng.integers(0, len(whole), 100).tolist():
        changed = bytearray(whole)
        changed[place] ^= int(rng.integers(1, 128))
        (tmp_path / "model").write_bytes(changed)
        try:
            target = open_table_model(tmp_path / "model")
            target.probabilities(target.as_input(frame))
        except LeakgaugeError:
            continue


@pytest.mark.parametrize(
    "data", [b"tree\nversion=v4", b"tree\nversion=v4\n\nend of trees\n", b"\xff\xfe", b"tree\r\nversion=\r\n"]
)
def test_text_that_is_no_model_is_refused_by_name(data):
    with pytest.raises(UnsupportedModel) as caught:
        lightgbm_opening.read_file(data)
    assert caught.value.problem in {"damaged_booster", "unsupported_booster"}


@pytest.mark.parametrize("state", [{}, {"_handle": None}, {"_handle": 7}, {"_handle": "tree"}, None], ids=str)
def test_a_booster_in_a_pickle_goes_the_same_way(state):
    with pytest.raises(UnsupportedModel):
        lightgbm_opening.from_pickle("Booster", state)


def test_labels_other_than_the_boosters_are_refused():
    booster = lightgbm_opening.from_pickle("Booster", {"_handle": honest("numbers")})
    for labels in (np.arange(2), np.array([[0, 1, 2]]), None, np.array([0, {}, []], dtype=object)):
        with pytest.raises(UnsupportedModel) as caught:
            lightgbm_opening.from_pickle("LGBMClassifier", {"_Booster": booster, "_classes": labels})
        assert caught.value.problem == "damaged_booster"
    with pytest.raises(UnsupportedModel, match="best_iteration"):
        lightgbm_opening.from_pickle("Booster", {"_handle": honest("numbers"), "best_iteration": 9})


def test_settings_that_name_files_never_reach_the_library():
    text = honest("numbers").replace(
        "[boosting: gbdt]", "[boosting: gbdt]\n[forcedsplits_filename: /etc/hosts]"
    )
    classifier, _ = lightgbm_opening.read_file(text.encode())
    settings = classifier.get_params()
    assert not [name for name in settings if "file" in name or name in {"data", "valid", "machines"}]
    assert "hosts" not in classifier._Booster.model_to_string()


@pytest.mark.parametrize(
    "settings",
    [
        {"boosting_type": "gbdt forcedsplits_filename=/etc/hosts"},
        {"monotone_constraints_method": "basic\tmachines=10.0.0.1:80"},
        {"monotone_constraints": ["0", "1\nforcedbins_filename=/etc/hosts"]},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_texts_that_hold_further_settings_are_refused_with_the_file(settings, tmp_path):
    made = fitted(*numbers())
    made.set_params(**settings)
    (tmp_path / "model").write_bytes(pickle.dumps(made))
    with pytest.raises(UnsupportedModel) as caught:
        open_table_model(tmp_path / "model")
    assert caught.value.problem == "unsupported_booster"


@pytest.mark.parametrize(
    "settings", [{"forcedbins_filename": "/etc/hosts"}, {"objective": "binary machines=a"}]
)
def test_what_a_search_sets_is_refused_before_lightgbm_hears_of_it(settings, monkeypatch):
    def refuse(*_arguments, **_settings):
        raise AssertionError("LightGBM was told the setting")

    classifier = clone(lightgbm_opening.read_file(honest("numbers").encode())[0]).set_params(**settings)
    monkeypatch.setattr(lightgbm.sklearn, "train", refuse)
    with pytest.raises(UnsupportedModel) as caught:
        classifier.fit(*numbers())
    assert caught.value.problem == "unsupported_booster"
