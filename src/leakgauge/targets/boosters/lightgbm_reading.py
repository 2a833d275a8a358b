"""LightGBM's models, read from their text and checked.

LightGBM sizes its arrays by the numbers in the text and follows children, features and sets of
categories without a look at their bounds. So every line is read here by its key, held against the
others, and written anew; a key that is not named below gets no further.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.boosters import refusals
from leakgauge.targets.boosters.lightgbm_model import LightGBMModel, Tree
from leakgauge.targets.boosters.lightgbm_objectives import (
    BINARY,
    LIBRARY,
    MULTICLASS,
    REGRESSIONS,
    refusal,
)
from leakgauge.targets.boosters.losses import Floats
from leakgauge.targets.boosters.trees import Ints, check_walk

MOST_FEATURES: Final = 1_000_000
MOST_CLASSES: Final = 100_000
_MOST_LEAVES: Final = 10_000_000
_MOST_SETTINGS: Final = 1_000
_VERSIONS: Final = ("v2", "v3", "v4")
_BY_CATEGORY: Final = 1
_MOST_DECISION: Final = 11
"""All bits of a question: categories, side of missing values, and one of three kinds of missing value."""
_COLUMNS: Final = "categorical_feature"
_INFO: Final = re.compile(r"none|\[[-+0-9.eainf]{1,60}:[-+0-9.eainf]{1,60}\]|-?[0-9]{1,12}(:-?[0-9]{1,12})*")
_WHOLE: Final = re.compile(r"[-0-9 ]*")
_REAL: Final = re.compile(r"[-+0-9.eainf ]*")


def loads(text: str) -> LightGBMModel:
    """The model in a text.

    Raises
    ------
    UnsupportedModel
        `damaged_booster`, `unsupported_booster`.
    """
    return _Text.of(text).model()


def _damaged(what: str) -> UnsupportedModel:
    return refusals.damaged(LIBRARY, what)


@dataclass(frozen=True, slots=True)
class _Lines:
    """Lines `key=value` of the head or of one tree.

    Attributes
    ----------
    of
        whose they are, for messages.
    """

    values: Mapping[str, str]
    of: str

    @classmethod
    def read(cls, lines: list[str], of: str) -> _Lines:
        values: dict[str, str] = {}
        for line in filter(None, lines):
            key, _, value = line.partition("=")
            if key in values:
                raise _damaged(f"{of} has {key} twice")
            values[key] = value
        return cls(values, of)

    def refuse(self, what: str) -> UnsupportedModel:
        return _damaged(f"{self.of} {what}")

    def text(self, key: str) -> str:
        if key not in self.values:
            raise self.refuse(f"has no {key}")
        return self.values[key]

    def count(self, key: str, *, most: int) -> int:
        value = self.text(key)
        if not re.fullmatch(r"[0-9]{1,12}", value) or int(value) > most:
            raise self.refuse(f"has no {key} up to {most:,}")
        return int(value)

    def whole(self, key: str, n: int) -> Ints:
        """(n,) whole numbers."""
        found: Ints = self._numbers(key, n, _WHOLE, np.int64)
        return found

    def real(self, key: str, n: int) -> Floats:
        """(n,) numbers, none of them NaN."""
        found: Floats = self._numbers(key, n, _REAL, np.float64)
        if np.isnan(found).any():
            raise self.refuse(f"has {key} that are no numbers")
        return found

    def _numbers(self, key: str, n: int, form: re.Pattern[str], kind: Any) -> Any:
        value = self.text(key)
        if not form.fullmatch(value):
            raise self.refuse(f"has {key} that are no numbers")
        try:
            found = np.array(value.split(), dtype=kind) if value.strip() else np.empty(0, dtype=kind)
        except (ValueError, OverflowError) as error:
            raise self.refuse(f"has {key} that are no numbers") from error
        if len(found) != n:
            raise self.refuse(f"has too many or too few {key}")
        return found


@dataclass(frozen=True, slots=True)
class _Text:
    """The parts of a model's text."""

    head: _Lines
    trees: list[list[str]]
    config: Mapping[str, str]
    categories: tuple[tuple[Any, ...], ...] | None

    @classmethod
    def of(cls, text: str) -> _Text:
        text = text.replace("\r\n", "\n")
        # LightGBM ends its lines at a carriage return too, so that a name with one would go on as lines that
        # nobody has looked at here
        if "\x00" in text or "\r" in text:
            raise _damaged("it holds a carriage return or a zero byte inside of a line")
        body, end, tail = text.partition("\nend of trees\n")
        if not end:
            raise _damaged("its trees do not end")
        head, *trees = re.split(r"\n(?=Tree=)", body)
        lines = head.split("\n")
        if lines[0] != "tree":
            raise _damaged("it does not begin with the word tree")
        return cls(
            _Lines.read(lines[1:], "the head"),
            [tree.split("\n") for tree in trees],
            dict(_settings(tail)),
            _pandas_categories(tail),
        )

    def model(self) -> LightGBMModel:
        head = self.head
        if head.text("version") not in _VERSIONS:
            raise refusals.unsupported(
                LIBRARY,
                f"The LightGBM model is of the version {head.text('version')} of the format, and "
                f"{', '.join(_VERSIONS)} are read",
                "Save it with LightGBM 2.1 or later.",
            )
        n_features = head.count("max_feature_idx", most=MOST_FEATURES - 1) + 1
        objective, n_classes, sharpness = self._objective()
        groups = n_classes if objective == MULTICLASS else 1
        for key in ("num_class", "num_tree_per_iteration"):
            if head.count(key, most=MOST_CLASSES) != groups:
                raise head.refuse(f"has a {key} that is not the objective's")
        if not self.trees or len(self.trees) % groups:
            raise _damaged("its trees do not divide into rounds")
        names, infos = head.text("feature_names").split(" "), head.text("feature_infos").split(" ")
        if len(names) != n_features or len(set(names)) != n_features or "" in names:
            raise head.refuse("has other feature_names than features")
        if len(infos) != n_features or not all(map(_INFO.fullmatch, infos)):
            raise head.refuse("has other feature_infos than features")
        made_up = names == [f"Column_{place}" for place in range(n_features)]
        return LightGBMModel(
            version=head.text("version"),
            n_features=n_features,
            objective=objective,
            n_classes=n_classes,
            sharpness=sharpness,
            feature_names=None if made_up else tuple(names),
            feature_infos=tuple(infos),
            averages="average_output" in head.values,
            trees=tuple(_tree(tree, number, n_features) for number, tree in enumerate(self.trees)),
            categories=self.categories or None,
            categorical=self._categorical(infos),
            config={name: value for name, value in self.config.items() if name != _COLUMNS},
        )

    def _objective(self) -> tuple[str, int, float]:
        """Its name, the number of classes, which is 0 for a regression, and the sharpness of two."""
        words = self.head.values.get("objective", "none")
        if words in REGRESSIONS:
            return words, 0, 1.0
        name, *settings = words.split(" ")
        stated = dict(setting.partition(":")[::2] for setting in settings)
        if name == MULTICLASS:
            classes = stated.get("num_class", "")
            if not re.fullmatch(r"[0-9]{1,6}", classes) or not 3 <= int(classes) <= MOST_CLASSES:
                raise self.head.refuse("has an objective without classes")
            return name, int(classes), 1.0
        if name != BINARY:
            raise refusal(words)
        sharpness = stated.get("sigmoid", "1")
        if not re.fullmatch(r"[0-9.]{1,20}(e[-+]?[0-9]{1,3})?", sharpness) or not 0 < float(sharpness) < 1e6:
            raise self.head.refuse("has an objective without a sigmoid")
        return name, 2, float(sharpness)

    def _categorical(self, infos: list[str]) -> tuple[int, ...]:
        """Features whose categories pandas held, in the order in which the file lists them."""
        if not self.categories:
            return ()
        stated = self.config.get(_COLUMNS, "")
        listed = [int(part) for part in stated.split(",") if re.fullmatch(r"[0-9]{1,7}", part)]
        shown = [place for place, info in enumerate(infos) if info != "none" and not info.startswith("[")]
        for found in (listed, shown):
            places = sorted(place for place in set(found) if place < len(infos))
            if len(places) == len(self.categories):
                return tuple(places)
        raise _damaged("it does not tell which columns its categories belong to")


def _settings(tail: str) -> Iterator[tuple[str, str]]:
    """The settings at the end of a text."""
    _, found, section = tail.partition("parameters:\n")
    if found:
        section = section.partition("\nend of parameters")[0]
        lines = re.findall(r"^\[([a-z_0-9]{1,60}): (.*)\]$", section, re.MULTILINE)
        yield from lines[:_MOST_SETTINGS]


def _pandas_categories(tail: str) -> tuple[tuple[Any, ...], ...] | None:
    """The categories of each column of pandas' categories; None without any."""
    found = re.search(r"^pandas_categorical:(.*)$", tail, re.MULTILINE)
    if found is None:
        return None
    try:
        categories = json.loads(found[1])
    except (ValueError, RecursionError) as error:
        raise _damaged("pandas_categorical is no JSON text") from error
    if categories is None:
        return None
    if not isinstance(categories, list) or not all(isinstance(column, list) for column in categories):
        raise _damaged("pandas_categorical is no list of lists")
    for column in categories:
        if not all(isinstance(value, str | int | float | bool) for value in column):
            raise _damaged("pandas_categorical holds something else than texts and numbers")
        if len(set(column)) != len(column):
            raise _damaged("pandas_categorical has a category twice")
    return tuple(map(tuple, categories))


def _tree(lines: list[str], number: int, n_features: int) -> Tree:
    """The checked tree of its lines."""
    fields = _Lines.read(lines, f"tree {number}")
    if fields.text("Tree") != str(number):
        raise fields.refuse("stands at another place")
    if fields.values.get("is_linear", "0") != "0":
        raise refusals.unsupported(
            LIBRARY,
            "The LightGBM model has linear models in its leaves (linear_tree)",
            "Train it without linear_tree.",
        )
    leaves = fields.count("num_leaves", most=_MOST_LEAVES)
    if leaves < 1:
        raise fields.refuse("has no leaf")
    n = leaves - 1
    ends, bits = _sets(fields)
    if n == 0:
        return _stump(fields, ends, bits)
    made = Tree(
        feature=fields.whole("split_feature", n),
        gain=fields.real("split_gain", n),
        threshold=fields.real("threshold", n),
        decision=fields.whole("decision_type", n),
        left=fields.whole("left_child", n),
        right=fields.whole("right_child", n),
        leaf_value=_finite(fields, "leaf_value", leaves),
        leaf_weight=_if_there(fields, "leaf_weight", leaves),
        leaf_count=fields.whole("leaf_count", leaves),
        inner_value=_finite(fields, "internal_value", n),
        inner_weight=_if_there(fields, "internal_weight", n),
        inner_count=fields.whole("internal_count", n),
        category_ends=ends,
        category_bits=bits,
        shrinkage=float(_finite(fields, "shrinkage", 1)[0]),
    )
    _check(made, fields, n_features)
    return made


def _stump(fields: _Lines, ends: Ints, bits: Ints) -> Tree:
    """A tree of one leaf, whose other lines LightGBM leaves empty or out."""
    none, nothing = np.empty(0, dtype=np.int64), np.empty(0)
    return Tree(
        feature=none,
        gain=nothing,
        threshold=nothing,
        decision=none,
        left=none,
        right=none,
        leaf_value=_finite(fields, "leaf_value", 1),
        leaf_weight=np.zeros(1),
        leaf_count=np.zeros(1, dtype=np.int64),
        inner_value=nothing,
        inner_weight=nothing,
        inner_count=none,
        category_ends=ends,
        category_bits=bits,
        shrinkage=float(_finite(fields, "shrinkage", 1)[0]),
    )


def _if_there(fields: _Lines, key: str, n: int) -> Floats:
    """(n,) numbers that LightGBM before version 3 did not write."""
    return _finite(fields, key, n) if key in fields.values else np.zeros(n)


def _finite(fields: _Lines, key: str, n: int) -> Floats:
    found = fields.real(key, n)
    if not np.isfinite(found).all():
        raise fields.refuse(f"has {key} that are infinite")
    return found


def _sets(fields: _Lines) -> tuple[Ints, Ints]:
    """The sets of categories, by their ends and their bits."""
    count = fields.count("num_cat", most=_MOST_LEAVES)
    none = np.empty(0, dtype=np.int64)
    if count == 0:
        return none, none
    ends = fields.whole("cat_boundaries", count + 1)
    if ends[0] != 0 or np.any(np.diff(ends) <= 0):
        raise fields.refuse("has sets of categories that lie outside of it")
    bits = fields.whole("cat_threshold", len(fields.text("cat_threshold").split()))
    if ends[-1] != len(bits) or np.any(bits < 0) or np.any(bits >= 2**32):
        raise fields.refuse("has sets of categories that lie outside of it")
    return ends, bits


def _check(tree: Tree, fields: _Lines, n_features: int) -> None:
    """Check that a walk stays inside the tree, its features and its sets of categories."""
    n, leaves = len(tree.left), len(tree.leaf_value)
    for children in (tree.left, tree.right):
        if np.any(children < -leaves) or np.any(children >= n):
            raise fields.refuse("has a child outside of the tree")
    # leaves stand behind the inner nodes here, so that all have a number
    behind = np.full(leaves, -1, dtype=np.int64)
    both = (np.where(side < 0, n - 1 - side, side) for side in (tree.left, tree.right))
    reached = check_walk(*(np.concatenate([side, behind]) for side in both), refuse=fields.refuse)
    if not reached.all():
        raise fields.refuse("has nodes that no walk reaches")
    if np.any(tree.feature < 0) or np.any(tree.feature >= n_features):
        raise fields.refuse("asks for a feature that is not there")
    if np.any(tree.decision < 0) or np.any(tree.decision > _MOST_DECISION):
        raise fields.refuse("has a question of an unknown kind")
    by_set = tree.threshold[(tree.decision & _BY_CATEGORY) != 0]
    if not np.all(np.isin(by_set, np.arange(tree.sets))):
        raise fields.refuse("asks for a set of categories that is not there")
