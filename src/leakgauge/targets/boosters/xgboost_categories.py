"""The categories that XGBoost keeps since version 3.1, by which it codes those of a table."""

from __future__ import annotations

from itertools import chain, pairwise
from typing import Any, Final

import numpy as np

from leakgauge.targets.boosters.trees import whole_numbers
from leakgauge.targets.boosters.xgboost_fields import damaged, mapping
from leakgauge.targets.boosters.xgboost_model import Categories

_CATEGORY_TYPES: Final = {9: "int8", 10: "uint8", 11: "int16", 13: "int32", 15: "int64"}
"""XGBoost's numbers for the types of categories that are numbers."""


def read_categories(
    value: object, n_features: int
) -> tuple[tuple[Categories, ...] | None, dict[str, object] | None]:
    """The categories of each feature, and the document of them; None where the file has none."""
    if value is None:
        return None, None
    container = mapping(value, "cats")
    encodings = container.get("enc")
    if not isinstance(encodings, list):
        raise damaged("cats is no list")
    if not encodings:
        empty = np.zeros(0, dtype=np.int32)
        return None, {"enc": [], "feature_segments": empty, "sorted_idx": empty}
    if len(encodings) != n_features:
        raise damaged("cats and num_feature differ")
    read = [_encoding(mapping(encoding, "cats")) for encoding in encodings]
    sizes = [_size(encoding) for _, encoding in read]
    segments = whole_numbers(container.get("feature_segments"), refuse=damaged, what="cats has no segments")
    order = whole_numbers(container.get("sorted_idx"), refuse=damaged, what="cats has no order")
    if not np.array_equal(segments, np.cumsum([0, *sizes])) or len(order) != sum(sizes):
        raise damaged("cats has too many or too few categories")
    whole = list(chain.from_iterable(range(size) for size in sizes))
    for start, size in zip(segments[:-1].tolist(), sizes, strict=True):
        if sorted(order[start : start + size].tolist()) != whole[start : start + size]:
            raise damaged("cats has an order that is none")
    document: dict[str, object] = {
        "enc": [encoding for _, encoding in read],
        "feature_segments": segments.astype(np.int32),
        "sorted_idx": order.astype(np.int32),
    }
    return tuple(categories for categories, _ in read), document


def _size(encoding: dict[str, Any]) -> int:
    """Number of categories of one feature."""
    return len(encoding["values"]) if "type" in encoding else max(len(encoding["offsets"]) - 1, 0)


def _encoding(encoding: dict[str, Any]) -> tuple[Categories, dict[str, object]]:
    """The categories of one feature, none where they cannot be told apart, and the document of them."""
    if "type" in encoding:
        kind = _CATEGORY_TYPES.get(encoding["type"]) if type(encoding["type"]) is int else None
        numbers = whole_numbers(encoding.get("values"), refuse=damaged, what="cats has no values")
        if kind is None or not np.array_equal(numbers, numbers.astype(kind)):
            raise damaged("cats has categories of an unknown type")
        if len(set(numbers.tolist())) != len(numbers):
            raise damaged("cats has a category twice")
        return tuple(numbers.tolist()), {"type": int(encoding["type"]), "values": numbers.astype(kind)}
    offsets = whole_numbers(encoding.get("offsets"), refuse=damaged, what="cats has no offsets")
    values = whole_numbers(encoding.get("values"), refuse=damaged, what="cats has no values")
    if np.any(values < -128) or np.any(values > 127):
        raise damaged("cats has categories that are no text")
    document: dict[str, object] = {"offsets": offsets.astype(np.int32), "values": values.astype(np.int8)}
    if not len(offsets):
        if len(values):
            raise damaged("cats has text outside of its categories")
        return (), document
    if offsets[0] != 0 or offsets[-1] != len(values) or np.any(np.diff(offsets) < 0):
        raise damaged("cats has text outside of its categories")
    text, bounds = values.astype(np.int8).tobytes(), offsets.tolist()
    if not text.isascii():
        # XGBoost 3.2 counts characters where it writes bytes, so that other texts are cut somewhere
        return (), document
    texts = tuple(text[start:end].decode() for start, end in pairwise(bounds))
    if len(set(texts)) != len(texts):
        raise damaged("cats has a category twice")
    return texts, document
