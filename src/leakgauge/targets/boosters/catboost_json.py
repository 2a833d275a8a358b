"""CatBoost's models, read from JSON.

What is read here is no more than numbers and texts; `catboost_checks` says whether they fit. The library
itself loses some digits where it writes JSON and where it reads it. Nothing is lost here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from leakgauge.targets.boosters import refusals
from leakgauge.targets.boosters.catboost_cbm import NO_HASH, damaged, refuse_texts
from leakgauge.targets.boosters.catboost_info import read_info
from leakgauge.targets.boosters.catboost_model import (
    COUNTERS,
    MEANS,
    MISSING,
    STATISTICS,
    Base,
    CatBoostModel,
    CategoryColumn,
    NumberColumn,
    OneHot,
    Statistic,
    StatisticTable,
)
from leakgauge.targets.boosters.catboost_objectives import LIBRARY
from leakgauge.targets.boosters.trees import Ints

CONSTANTS: Final = ("prior_numerator", "prior_denomerator", "shift", "scale")
"""As the library spells them."""
CATEGORY: Final = "cat_feature_value"
NUMBER: Final = "float_feature"
VALUE: Final = "cat_feature_exact_value"


def loads(data: bytes) -> CatBoostModel:
    """The model in a JSON text, not yet checked.

    Raises
    ------
    UnsupportedModel
        `damaged_booster`, `unsupported_booster`.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise damaged("it is no JSON text") from error
    root = _Fields(document, "the file")
    features = root.mapping("features_info")
    for kind in ("text_features", "embedding_features", "estimated_features"):
        if features.values.get(kind):
            raise refuse_texts()
    info = root.mapping("model_info").values
    scale, bias = _scale_and_bias(root.values.get("scale_and_bias"))
    trees = _trees(root)
    read = read_info(info, trees.dimension)
    categories = features.mappings("categorical_features")
    return CatBoostModel(
        dimension=trees.dimension,
        questions=_whole(trees.questions),
        sizes=_whole(trees.sizes),
        steps=None if trees.steps is None else _whole(trees.steps).reshape(-1, 2),
        leaf_of_node=None if trees.steps is None else _whole(trees.leaf_of_node),
        leaf_values=np.array(trees.leaf_values, dtype=np.float64),
        leaf_weights=np.array(trees.leaf_weights, dtype=np.float64),
        numbers=tuple(map(_number_column, features.mappings("float_features"))),
        categories=tuple(
            CategoryColumn(
                one.whole("feature_index"), one.whole("flat_feature_index"), one.text("feature_id")
            )
            for one in categories
        ),
        one_hots=tuple(_one_hot(one) for one in categories if "values" in one.values),
        statistics=tuple(map(_statistic, features.mappings("ctrs"))),
        tables=tuple(_tables(root.values.get("ctr_data"))),
        scale=scale,
        bias=bias or (0.0,) * trees.dimension,
        objective=read.objective,
        labels=read.labels,
        threshold=read.threshold,
        parameters=read.parameters,
    )


@dataclass(frozen=True, slots=True)
class _Fields:
    """A mapping of a document."""

    values: dict[str, Any]
    of: str

    def __post_init__(self) -> None:
        if not isinstance(self.values, dict):
            raise damaged(f"{self.of} is no mapping")

    def mapping(self, key: str) -> _Fields:
        return _Fields(self.values.get(key), key)  # type: ignore[arg-type]  # looked at when it is made

    def mappings(self, key: str) -> list[_Fields]:
        return [_Fields(one, key) for one in self.list_of(key)]

    def list_of(self, key: str) -> list[Any]:
        found = self.values.get(key)
        if found is None:
            return []
        if not isinstance(found, list):
            raise damaged(f"{key} is no list")
        return found

    def whole(self, key: str) -> int:
        return _whole_number(self.values.get(key), key)

    def real(self, key: str) -> float:
        return _number(self.values.get(key), key)

    def reals(self, key: str) -> list[float]:
        return [_number(one, key) for one in self.list_of(key)]

    def borders(self) -> NDArray[np.float32]:
        with np.errstate(over="ignore"):
            return np.array(self.reals("borders"), dtype=np.float64).astype(np.float32)

    def text(self, key: str) -> str:
        found = self.values.get(key, "")
        if not isinstance(found, str):
            raise damaged(f"{key} is no text")
        return found


def _number(value: object, what: str) -> float:
    if type(value) not in (int, float):
        raise damaged(f"{what} is no number")
    try:
        return float(value)  # type: ignore[arg-type]  # one of the two
    except OverflowError as error:
        raise damaged(f"{what} is no number") from error


def _whole_number(value: object, what: str) -> int:
    if type(value) is not int or not -(2**31) <= value < 2**31:
        raise damaged(f"{what} is no whole number of 32 bits")
    return value


def _whole(numbers: list[int]) -> Ints:
    return np.array(numbers, dtype=np.int64)


def _scale_and_bias(value: object) -> tuple[float, tuple[float, ...]]:
    if value is None:
        return 1.0, ()
    if not isinstance(value, list) or len(value) != 2:
        raise damaged("scale_and_bias is no pair")
    scale, bias = value
    biases = bias if isinstance(bias, list) else [bias]
    return _number(scale, "scale_and_bias"), tuple(_number(one, "scale_and_bias") for one in biases)


def _number_column(one: _Fields) -> NumberColumn:
    treatment, has_missing = one.text("nan_value_treatment"), one.values.get("has_nans", False)
    if treatment not in MISSING or not isinstance(has_missing, bool):
        raise damaged("a column takes missing numbers in an unknown way")
    return NumberColumn(
        index=one.whole("feature_index"),
        place=one.whole("flat_feature_index"),
        name=one.text("feature_id"),
        borders=one.borders(),
        has_missing=has_missing,
        missing=MISSING.index(treatment),
    )


def _one_hot(one: _Fields) -> OneHot:
    texts = one.list_of("string_values")
    if not all(isinstance(text, str) for text in texts):
        raise damaged("string_values are no texts")
    values = [_whole_number(value, "values") for value in one.list_of("values")]
    return OneHot(one.whole("feature_index"), _whole(values), tuple(texts))


def _statistic(one: _Fields) -> Statistic:
    with np.errstate(over="ignore"):
        constants = tuple(float(np.float32(one.real(key))) for key in CONSTANTS)
    return Statistic(
        base=_base(one.text("ctr_type"), one.mappings("elements")),
        label=one.whole("target_border_idx"),
        constants=constants,  # type: ignore[arg-type]  # four of them
        borders=one.borders(),
    )


def _base(kind: str, elements: list[_Fields]) -> Base:
    if kind not in STATISTICS:
        raise damaged("it asks for statistics of an unknown kind")
    categories, numbers, values = [], [], []
    for one in elements:
        element = one.text("combination_element")
        if element == CATEGORY:
            categories.append(one.whole("cat_feature_index"))
        elif element == NUMBER:
            with np.errstate(over="ignore"):
                border = float(np.float32(one.real("border")))
            numbers.append((one.whole("float_feature_index"), border))
        elif element == VALUE:
            values.append((one.whole("cat_feature_index"), one.whole("value")))
        else:
            raise damaged("it asks for statistics of an unknown kind")
    return Base(STATISTICS.index(kind), tuple(categories), tuple(numbers), tuple(values))


def _tables(value: object) -> Iterator[StatisticTable]:
    if value is None:
        return
    for name, content in _Fields(value, "ctr_data").values.items():  # type: ignore[arg-type]  # looked at there
        try:
            described_as = _Fields(json.loads(name), "a table of statistics")
        except (ValueError, RecursionError) as error:
            raise damaged("a table of statistics has a name that is no JSON text") from error
        base = _base(described_as.text("type"), described_as.mappings("identifier"))
        yield _table(base, _Fields(content, "a table of statistics"))


def _table(base: Base, fields: _Fields) -> StatisticTable:
    if base.kind in MEANS:
        raise refusals.unsupported(
            LIBRARY,
            f"The CatBoost model has statistics of the kind {STATISTICS[base.kind]}, whose fractions "
            "CatBoost does not read back from JSON",
            'Save it with model.save_model("model.cbm") and send that file.',
        )
    stride, cells = fields.whole("hash_stride"), fields.list_of("hash_map")
    if not 2 <= stride <= max(len(cells), 2) or len(cells) % stride:
        raise damaged("a table of statistics has too many or too few numbers")
    hashes, rows = [], []
    for start in range(0, len(cells), stride):
        key = cells[start]
        if not isinstance(key, str) or not key.isascii() or not key.isdigit() or len(key) > 20:
            raise damaged("a table of statistics has a hash that is none")
        if int(key) == NO_HASH:  # the library writes its empty places too
            continue
        hashes.append(int(key))
        rows.append([_whole_number(cell, "a count") for cell in cells[start + 1 : start + stride]])
    if any(key > NO_HASH for key in hashes):
        raise damaged("a table of statistics has a hash that is none")
    order = np.argsort(np.array(hashes, dtype=np.uint64), kind="stable")
    return StatisticTable(
        base=base,
        hashes=np.array(hashes, dtype=np.uint64)[order],
        rows=np.array(rows, dtype=np.int32).reshape(-1, stride - 1)[order],
        total=fields.whole("counter_denominator") if "counter_denominator" in fields.values else 0,
        labels=0 if base.kind in COUNTERS else stride - 1,
    )


# --- trees --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Trees:
    """Trees, as they are read; attributes as in `CatBoostModel`."""

    dimension: int = 0
    questions: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    steps: list[int] | None = None
    leaf_of_node: list[int] = field(default_factory=list)
    leaf_values: list[float] = field(default_factory=list)
    leaf_weights: list[float] = field(default_factory=list)

    def add_levels(self, tree: _Fields) -> None:
        """Add a tree that asks one question a level."""
        questions = [one.whole("split_index") for one in tree.mappings("splits")]
        values = tree.reals("leaf_values")
        leaves = 1 << min(len(questions), 32)
        self.find_dimension(len(values) // leaves)
        self.questions += questions
        self.sizes.append(len(questions))
        self.leaf_values += values
        self.leaf_weights += tree.reals("leaf_weights")

    def find_dimension(self, found: int) -> None:
        """Note how many scores an answer has."""
        if found < 1 or self.dimension not in (0, found):
            raise damaged("its trees have answers of different lengths")
        self.dimension = found

    def add_nodes(self, tree: _Fields, steps: list[int]) -> None:
        """Add a tree of nodes: each stands before those below it, the left ones first."""
        first = len(self.questions)
        waiting: list[tuple[_Fields, int | None]] = [(tree, None)]
        while waiting:
            node, step = waiting.pop()
            number = len(self.questions)
            if step is not None:
                steps[step] = number - step // 2
            steps += [0, 0]
            if "value" in node.values:
                self.add_answer(node)
                continue
            self.questions.append(node.mapping("split").whole("split_index"))
            self.leaf_of_node.append(-1)
            waiting += [(node.mapping("right"), 2 * number + 1), (node.mapping("left"), 2 * number)]
        self.sizes.append(len(self.questions) - first)

    def add_answer(self, node: _Fields) -> None:
        """Add a node that answers."""
        self.questions.append(0)
        self.leaf_of_node.append(len(self.leaf_values))
        values = node.reals("value") if isinstance(node.values["value"], list) else [node.real("value")]
        self.find_dimension(len(values))
        self.leaf_values += values
        if "weight" in node.values:
            self.leaf_weights.append(node.real("weight"))


def _trees(root: _Fields) -> _Trees:
    found = _Trees()
    if "oblivious_trees" in root.values:
        for tree in root.mappings("oblivious_trees"):
            found.add_levels(tree)
    else:
        found.steps = []
        for tree in root.mappings("trees"):
            found.add_nodes(tree, found.steps)
    if not found.sizes:
        raise damaged("it has no trees")
    return found
