"""CatBoost's models, written in JSON from their checked parts alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leakgauge.targets.boosters.catboost_info import described
from leakgauge.targets.boosters.catboost_json import CATEGORY, CONSTANTS, NUMBER, VALUE
from leakgauge.targets.boosters.catboost_model import (
    MISSING,
    STATISTICS,
    Base,
    CatBoostModel,
    StatisticTable,
)
from leakgauge.targets.boosters.losses import Floats


def dumps(model: CatBoostModel) -> bytes:
    """The text of a checked model, written from its parts alone."""
    info: dict[str, Any] = {
        key: json.loads(text) if key.endswith("params") else text for key, text in described(model).items()
    }
    questions = list(_questions(model))
    made: Iterator[dict[str, Any]]
    made, kind = (
        (_levels(model, questions), "oblivious_trees")
        if model.steps is None
        else (_nodes(model, questions), "trees")
    )
    document = {
        "model_info": info,
        "features_info": _features(model),
        kind: list(made),
        "scale_and_bias": [model.scale, list(model.bias)],
    }
    if model.tables:
        document["ctr_data"] = {
            _identified(table.base): {
                "hash_map": list(_cells(table)),
                "hash_stride": table.rows.shape[1] + 1,
                "counter_denominator": table.total,
            }
            for table in model.tables
        }
    return json.dumps(document).encode()


def _features(model: CatBoostModel) -> dict[str, Any]:
    one_hots = {one.index: one for one in model.one_hots}
    categories: list[dict[str, Any]] = [
        {"feature_index": one.index, "flat_feature_index": one.place, "feature_id": one.name}
        for one in model.categories
    ]
    for column in categories:
        if (one := one_hots.get(column["feature_index"])) is not None:
            column |= {"values": one.values.tolist()} | ({"string_values": [*one.texts]} if one.texts else {})
    return {
        "float_features": [
            {
                "feature_index": one.index,
                "flat_feature_index": one.place,
                "feature_id": one.name,
                "borders": _floats(one.borders),
                "has_nans": one.has_missing,
                "nan_value_treatment": MISSING[one.missing],
            }
            for one in model.numbers
        ],
        "categorical_features": categories,
        "ctrs": [
            {
                "identifier": _identified(one.base),
                "elements": _elements(one.base),
                "ctr_type": STATISTICS[one.base.kind],
                "target_border_idx": one.label,
                "borders": _floats(one.borders),
                **dict(zip(CONSTANTS, one.constants, strict=True)),
            }
            for one in model.statistics
        ],
    }


def _floats(borders: NDArray[np.float32]) -> list[float]:
    return [float(border) for border in borders]


def _elements(base: Base) -> list[dict[str, Any]]:
    return [
        *({"cat_feature_index": one, "combination_element": CATEGORY} for one in base.categories),
        *(
            {"border": border, "combination_element": NUMBER, "float_feature_index": one}
            for one, border in base.numbers
        ),
        *(
            {"cat_feature_index": one, "combination_element": VALUE, "value": value}
            for one, value in base.values
        ),
    ]


def _identified(base: Base) -> str:
    """How the library names a table."""
    named = {"identifier": _elements(base), "type": STATISTICS[base.kind]}
    return json.dumps(named, separators=(",", ":"))


def _cells(table: StatisticTable) -> Iterator[Any]:
    for key, row in zip(table.hashes.tolist(), table.rows.tolist(), strict=True):
        yield str(key)
        yield from row


def _questions(model: CatBoostModel) -> Iterator[Mapping[str, Any]]:
    """Every question by its number."""
    for column in model.numbers:
        for border in _floats(column.borders):
            yield {"split_type": "FloatFeature", "float_feature_index": column.index, "border": border}
    for one in model.one_hots:
        for value in one.values.tolist():
            yield {"split_type": "OneHotFeature", "cat_feature_index": one.index, "value": value}
    for statistic in model.statistics:
        for border in _floats(statistic.borders):
            yield {
                "split_type": "OnlineCtr",
                "ctr_target_border_idx": statistic.label,
                "border": border,
            }


def _levels(model: CatBoostModel, questions: list[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    end, leaf = 0, 0
    for size, leaves in zip(model.sizes.tolist(), model.leaf_counts.tolist(), strict=True):
        asked = model.questions[end : end + size].tolist()
        end += size
        made: dict[str, Any] = {"splits": [{**questions[one], "split_index": one} for one in asked]}
        made["leaf_values"] = _answers(model, leaf, leaf + leaves).tolist()
        if len(model.leaf_weights):
            made["leaf_weights"] = model.leaf_weights[leaf : leaf + leaves].tolist()
        leaf += leaves
        yield made


def _answers(model: CatBoostModel, start: int, end: int) -> Floats:
    return model.leaf_values[start * model.dimension : end * model.dimension]


def _nodes(model: CatBoostModel, questions: list[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    assert model.steps is not None  # noqa: S101 (for mypy: these trees are of nodes)
    start = 0
    for size in model.sizes.tolist():
        made: list[dict[str, Any]] = [{} for _ in range(size)]
        # each stands before those below it, so that all below are made when it is their turn
        for place in reversed(range(size)):
            node = start + place
            left, right = model.steps[node].tolist()
            if not left and not right:
                made[place] = _answer(model, node)
                continue
            asked = int(model.questions[node])
            made[place] = {
                "split": {**questions[asked], "split_index": asked},
                "left": made[place + left] if left else _answer(model, node),
                "right": made[place + right] if right else _answer(model, node),
            }
        start += size
        yield made[0]


def _answer(model: CatBoostModel, node: int) -> dict[str, Any]:
    assert model.leaf_of_node is not None  # noqa: S101 (as above)
    leaf = int(model.leaf_of_node[node]) // model.dimension
    values = _answers(model, leaf, leaf + 1).tolist()
    made = {"value": values[0] if model.dimension == 1 else values}
    if len(model.leaf_weights):
        made["weight"] = float(model.leaf_weights[leaf])
    return made
