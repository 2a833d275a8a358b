"""XGBoost's models, read from JSON, from UBJSON and from what its pickles hold, and checked.

XGBoost allocates by the numbers in a file and walks the trees that it describes. The model is
therefore taken apart here, every number is held against the others, and what is handed on is
written anew from the checked parts: no key of the file that is not named below gets any further.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.boosters import refusals, ubjson
from leakgauge.targets.boosters.trees import Ints, real_numbers, whole_numbers
from leakgauge.targets.boosters.xgboost_categories import read_categories
from leakgauge.targets.boosters.xgboost_fields import LIBRARY, count, damaged, mapping, texts
from leakgauge.targets.boosters.xgboost_model import Floats, XGBoostModel
from leakgauge.targets.boosters.xgboost_objectives import BINARY, Objective, named
from leakgauge.targets.boosters.xgboost_trees import read_tree

MOST_FEATURES: Final = 1_000_000
MOST_CLASSES: Final = 100_000
_MOST_ROUNDS: Final = 10_000_000
_MOST_CATEGORY_BITS: Final = 2**31
"""Bits of all sets of categories together, as XGBoost lays them out: 256 MB."""
_FEATURE_TYPES: Final = ("float", "int", "i", "q", "c")
_OLD_BINARY: Final = (b"CONFIG-offset:", b"binf", b"bs64")
_RESAVE: Final = 'Save it with model.save_model("model.json") and send that file; XGBoost 1.0 and later can.'


def loads(data: bytes, *, installed: str) -> XGBoostModel:
    """The model in JSON, in UBJSON, or in UBJSON beside its configuration, as pickles hold it.

    Parameters
    ----------
    installed
        the version of XGBoost that is to answer.

    Raises
    ------
    UnsupportedModel
        `damaged_booster`, `unsupported_booster`, `future_version`.
    """
    if data.startswith(_OLD_BINARY):
        raise refusals.unsupported(
            LIBRARY,
            "The XGBoost model is in the binary form of before XGBoost 2.1, which later versions do not read",
            _RESAVE,
        )
    try:
        document = ubjson.loads(data) if data[:2] == b"{L" else json.loads(data)
    except (ValueError, RecursionError) as error:
        what = str(error) if isinstance(error, ubjson.MalformedUbjsonError) else "it is no JSON text"
        raise damaged(what) from error
    config: Mapping[str, str] = {}
    if isinstance(document, dict) and document.keys() == {"Config", "Model"}:
        config = _settings(document["Config"])
        document = document["Model"]
    return _Document(mapping(document, "the file"), config, installed).model()


def _settings(config: object) -> dict[str, str]:
    """All plain settings in a configuration, however deep they lie, by name."""
    found: dict[str, str] = {}
    waiting = [config]
    while waiting:
        level = waiting.pop()
        if isinstance(level, dict):
            found |= {name: value for name, value in level.items() if isinstance(value, str)}
            waiting += [value for value in level.values() if isinstance(value, dict)]
    return found


@dataclass(frozen=True, slots=True)
class _Document:
    """A model as it stands in a file, with what is checked of it."""

    root: dict[str, Any]
    config: Mapping[str, str]
    installed: str

    def model(self) -> XGBoostModel:
        """The checked model."""
        version = self._version()
        learner = mapping(self.root.get("learner"), "learner")
        name, objective, n_classes, n_features = self._kind(learner)
        boosting, weight_drop = self._gradient_booster(learner)
        parameters = mapping(boosting.get("gbtree_model_param"), "gbtree_model_param")
        trees = boosting.get("trees")
        if not isinstance(trees, list) or not trees:
            raise damaged("it has no trees")
        if count(parameters.get("num_trees"), "num_trees", most=_MOST_ROUNDS) != len(trees):
            raise damaged("num_trees is not the number of its trees")
        groups = n_classes if name.startswith("multi:") else 1
        # before XGBoost 1.4 the number stood elsewhere, and 0 for one
        parallel = max(
            count(parameters.get("num_parallel_tree", "1"), "num_parallel_tree", most=len(trees)), 1
        )
        if len(trees) % (parallel * groups):
            raise damaged("its trees do not divide into rounds")
        read = tuple(read_tree(tree, number, n_features) for number, tree in enumerate(trees))
        bits = sum(int(tree.categories.max(initial=0)) * len(tree.category_nodes) for tree in read)
        if bits > _MOST_CATEGORY_BITS:
            raise damaged("its sets of categories are too large")
        names = self._names(learner, "feature_names", n_features)
        types = self._names(learner, "feature_types", n_features)
        if types is not None and not set(types) <= set(_FEATURE_TYPES):
            raise damaged("a feature has an unknown type")
        categories, category_document = read_categories(boosting.get("cats"), n_features)
        model_parameters = mapping(learner.get("learner_model_param"), "learner_model_param")
        made = XGBoostModel(
            version=version,
            n_features=n_features,
            n_classes=n_classes,
            objective=name,
            own_setting=objective.setting_in(learner["objective"]),
            base_score=_base_score(model_parameters.get("base_score"), groups, objective),
            boost_from_average=str(
                count(model_parameters.get("boost_from_average", "1"), "boost_from_average", most=1)
            ),
            feature_names=names,
            feature_types=types,
            trees=read,
            class_of_tree=self._classes_of_trees(boosting, len(trees), groups),
            parallel=parallel,
            weight_drop=None if weight_drop is None else _dropped(weight_drop, len(trees)),
            categories=categories,
            category_document=category_document,
            best_iteration=None,
            config=self.config,
        )
        return replace(made, best_iteration=_best_iteration(learner, made.rounds))

    def _version(self) -> tuple[int, int, int]:
        version = self.root.get("version")
        if (
            not isinstance(version, list)
            or len(version) != 3
            or not all(type(part) is int and 0 <= part < 1_000 for part in version)
        ):
            raise damaged("it states no version")
        own = tuple(int(part) for part in re.findall(r"[0-9]+", self.installed)[:2])
        if tuple(version[:2]) > own:
            saved_by = ".".join(map(str, version))
            raise UnsupportedModel(
                "future_version",
                f"The model was saved by XGBoost {saved_by}, and {self.installed} is installed here.",
                hint=f"Fit and save the model with XGBoost {self.installed} or earlier.",
                details={"saved_by": saved_by, "installed": self.installed},
            )
        return version[0], version[1], version[2]

    def _kind(self, learner: dict[str, Any]) -> tuple[str, Objective, int, int]:
        """Objective by its name, number of classes, which is 0 for a regression, and of features."""
        parameters = mapping(learner.get("learner_model_param"), "learner_model_param")
        stated = mapping(learner.get("objective"), "objective").get("name")
        if not isinstance(stated, str):
            raise damaged("it states no objective")
        name, objective = named(stated)
        if count(parameters.get("num_target", "1"), "num_target", most=MOST_CLASSES) > 1:
            raise refusals.unsupported(
                LIBRARY,
                "The XGBoost model predicts several labels at once, and an audit is of one label",
                "Train it on one label alone.",
            )
        n_features = count(parameters.get("num_feature"), "num_feature", most=MOST_FEATURES)
        n_classes = count(parameters.get("num_class"), "num_class", most=MOST_CLASSES)
        if n_features < 1:
            raise damaged("it has no feature")
        if (n_classes > 1) != name.startswith("multi:"):
            raise damaged("num_class and its objective differ")
        if objective.predicts == "numbers":
            return name, objective, 0, n_features
        return name, objective, 2 if name == BINARY else n_classes, n_features

    def _gradient_booster(self, learner: dict[str, Any]) -> tuple[dict[str, Any], object]:
        booster = mapping(learner.get("gradient_booster"), "gradient_booster")
        name, dropped = booster.get("name"), None
        if name == "dart":
            dropped = booster.get("weight_drop")
            booster = mapping(booster.get("gbtree"), "gbtree")
            if dropped is None:
                raise damaged("weight_drop is not there")
        elif name == "gblinear":
            raise refusals.unsupported(
                LIBRARY,
                "The XGBoost model is linear (gblinear), without a tree",
                "Fit scikit-learn's LogisticRegression on the same data, which can be audited.",
            )
        elif name != "gbtree":
            raise damaged("it states no booster that is known")
        return mapping(booster.get("model"), "model"), dropped

    def _names(self, learner: dict[str, Any], key: str, n_features: int) -> tuple[str, ...] | None:
        names = texts(learner.get(key, []), key)
        if not names:
            return None
        if len(names) != n_features:
            raise damaged(f"{key} and num_feature differ")
        return names

    def _classes_of_trees(self, boosting: dict[str, Any], n_trees: int, groups: int) -> Ints:
        classes = whole_numbers(boosting.get("tree_info"), refuse=damaged, what="tree_info is no list")
        if len(classes) != n_trees or np.any(classes < 0) or np.any(classes >= groups):
            raise damaged("tree_info names classes that are not there")
        return classes


def _base_score(value: object, groups: int, objective: Objective) -> str:
    """The text of a number, or of a list of one number for each score."""
    if not isinstance(value, str) or not re.fullmatch(r"\[?[-+0-9.eE, ]{1,10000000}\]?", value):
        raise damaged("base_score is no number")
    try:
        numbers = np.array([float(part) for part in value.strip("[]").split(",")])
    except ValueError as error:
        raise damaged("base_score is no number") from error
    if len(numbers) not in (1, groups) or not np.all(np.isfinite(numbers)):
        raise damaged("base_score and classes differ")
    if not objective.takes_base(numbers):
        raise damaged("base_score is no answer that its objective can give")
    return value


def _dropped(value: object, n_trees: int) -> Floats:
    weights = real_numbers(value, refuse=damaged, what="weight_drop is no list").astype(np.float32)
    if len(weights) != n_trees or not np.all(np.isfinite(weights)):
        raise damaged("weight_drop and trees differ")
    return weights


def _best_iteration(learner: dict[str, Any], rounds: int) -> int | None:
    value = mapping(learner.get("attributes", {}), "attributes").get("best_iteration")
    if value is None:
        return None
    best = count(value, "best_iteration", most=_MOST_ROUNDS)
    if best >= rounds:
        raise damaged("best_iteration is beyond its rounds")
    return best
