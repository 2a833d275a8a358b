"""CatBoost's own format (.cbm): read within its bounds, and written anew.

    CBM1 · size · a FlatBuffers buffer: features, trees, answers, texts about the training
         · where the model asks for statistics, their number and a buffer for each table

What is read here is no more than numbers and texts; `catboost_checks` says whether they fit.
The scheme is that of catboost/libs/model/flatbuffers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.boosters import refusals
from leakgauge.targets.boosters.catboost_buffers import Buffer, Table, Writer
from leakgauge.targets.boosters.catboost_info import described, read_info
from leakgauge.targets.boosters.catboost_model import (
    COUNTERS,
    MEANS,
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

SIGN: Final = b"CBM1"
NO_HASH: Final = 2**64 - 1
"""The hash in an empty place of a table."""
NO_LEAF: Final = 2**32 - 1
_VERSION: Final = "FlabuffersModel_v1"
_STATISTICS: Final = "static_provider_v1"
_BUCKET: Final = np.dtype([("hash", "<u8"), ("row", "<u4")])
_MOST_TABLES: Final = 100_000


def damaged(what: str) -> UnsupportedModel:
    """The error for a file that contradicts itself in this."""
    return refusals.damaged(LIBRARY, what)


def loads(data: bytes) -> CatBoostModel:
    """The model in a file, not yet checked.

    Raises
    ------
    UnsupportedModel
        `damaged_booster`, `unsupported_booster`.
    """
    core, rest = _sized(data[len(SIGN) :])
    root = Buffer.root(core, refuse=damaged)
    if root.text(0) != _VERSION:
        raise damaged("it is of an unknown version")
    parts = root.texts(3)
    if parts not in ([], [_STATISTICS]):
        raise refuse_texts()
    tables: tuple[StatisticTable, ...] = ()
    if parts:
        tables, rest = _tables(rest)
    if rest:
        raise damaged("something stands behind its end")
    return _model(root, tables)


def refuse_texts() -> UnsupportedModel:
    """The error for a model of texts or embeddings."""
    return refusals.unsupported(
        LIBRARY,
        "The CatBoost model reads columns of texts or of embeddings, whose parts are not checked here",
        "Audit it from memory: leakgauge.audit(model, X_train, y_train, X_test, y_test). Or train it without "
        "text_features and embedding_features.",
    )


def _sized(data: bytes) -> tuple[bytes, bytes]:
    """What a size announces, and what is behind it."""
    if len(data) < 4:
        raise damaged("it ends too early")
    size = struct.unpack_from("<I", data)[0]
    if size > len(data) - 4:
        raise damaged("it ends too early")
    return data[4 : 4 + size], data[4 + size :]


def _model(root: Table, tables: tuple[StatisticTable, ...]) -> CatBoostModel:
    trees = root.table(1)
    if trees.tables(12) or trees.tables(13) or trees.tables(18):
        raise refuse_texts()
    dimension = int(trees.number(0, "i", 0))
    info: dict[str, Any] = {entry.text(0): entry.text(1) for entry in root.tables(2)}
    read = read_info(info, dimension)
    steps, leaf_of_node = _whole(trees.vector(10, "u2,u2")), _whole(trees.vector(11, "u4"))
    is_plain = not len(steps) and not len(leaf_of_node)
    sizes = _whole(trees.vector(2, "i4"))
    if not np.array_equal(trees.vector(3, "i4"), np.cumsum(sizes) - sizes):
        raise damaged("its trees do not follow one another")
    one_bias = float(trees.number(15, "d", 0.0))
    bias = tuple(trees.vector(16, "f8").tolist()) or (one_bias,) * min(
        dimension, 1 if one_bias else dimension
    )
    return CatBoostModel(
        dimension=dimension,
        questions=_whole(trees.vector(1, "i4")),
        sizes=sizes,
        steps=None if is_plain else steps,
        leaf_of_node=None if is_plain else np.where(leaf_of_node == NO_LEAF, -1, leaf_of_node),
        leaf_values=trees.vector(8, "f8").astype(np.float64),
        leaf_weights=trees.vector(9, "f8").astype(np.float64),
        numbers=tuple(map(_number_column, trees.tables(5))),
        categories=tuple(
            CategoryColumn(int(one.number(0, "i", -1)), int(one.number(1, "i", -1)), one.text(2))
            for one in trees.tables(4)
        ),
        one_hots=tuple(
            OneHot(int(one.number(0, "i", -1)), _whole(one.vector(1, "i4")), tuple(one.texts(2)))
            for one in trees.tables(6)
        ),
        statistics=tuple(map(_statistic, trees.tables(7))),
        tables=tables,
        scale=float(trees.number(14, "d", 1.0)),
        bias=bias,
        objective=read.objective,
        labels=read.labels,
        threshold=read.threshold,
        parameters=read.parameters,
    )


def _whole(numbers: NDArray[Any]) -> Ints:
    if numbers.dtype.names:
        return np.stack([numbers[name] for name in numbers.dtype.names], axis=-1).astype(np.int64)
    return numbers.astype(np.int64)


def _number_column(one: Table) -> NumberColumn:
    return NumberColumn(
        index=int(one.number(1, "i", -1)),
        place=int(one.number(2, "i", -1)),
        name=one.text(4),
        borders=one.vector(3, "f4").astype(np.float32),
        has_missing=bool(one.number(0, "b", 0)),
        missing=int(one.number(5, "b", 0)),
    )


def _statistic(one: Table) -> Statistic:
    asked = one.table(0)
    constants = tuple(
        float(asked.number(field, "f", default))
        for field, default in ((2, 0.0), (3, 1.0), (4, 0.0), (5, 1.0))
    )
    return Statistic(
        base=_base(asked.table(0)),
        label=int(asked.number(1, "i", 0)),
        constants=constants,  # type: ignore[arg-type]  # four of them
        borders=one.vector(1, "f4").astype(np.float32),
    )


def _base(one: Table) -> Base:
    combination = one.table(0)
    numbers = combination.vector(1, "i4,f4")
    values = combination.vector(2, "i4,i4")
    return Base(
        kind=int(one.number(1, "b", 0)),
        categories=tuple(combination.vector(0, "i4").tolist()),
        numbers=tuple(numbers.tolist()),
        values=tuple(values.tolist()),
    )


def _tables(data: bytes) -> tuple[tuple[StatisticTable, ...], bytes]:
    """The tables behind the model, and what is behind them."""
    if len(data) < 4:
        raise damaged("it ends too early")
    count = struct.unpack_from("<I", data)[0]
    if count > min(_MOST_TABLES, len(data)):
        raise damaged("it ends too early")
    rest, found = data[4:], []
    for _ in range(count):
        content, rest = _sized(rest)
        found.append(_table(Buffer.root(content, refuse=damaged)))
    return tuple(found), rest


def _table(one: Table) -> StatisticTable:
    base, labels = _base(one.table(0)), int(one.number(4, "i", 0))
    words = one.vector(2, "u1")
    width = 2 if base.kind in MEANS else 1 if base.kind in COUNTERS else labels
    raw = one.vector(1, "u1")
    if width < 1 or len(words) % (4 * width) or len(raw) % _BUCKET.itemsize:
        raise damaged("a table of statistics has too many or too few numbers")
    rows = words.view("<i4").reshape(-1, width)
    buckets = raw.view(_BUCKET)
    buckets = np.sort(buckets[buckets["hash"] != NO_HASH], order="hash")
    if np.any(buckets["row"] >= len(rows)):
        raise damaged("a table of statistics names rows that are not there")
    return StatisticTable(
        base=base,
        hashes=buckets["hash"].astype(np.uint64),
        rows=rows[buckets["row"]].astype(np.int32),
        total=int(one.number(3, "i", 0)),
        labels=labels,
    )


# --- writing ------------------------------------------------------------------------------------------


def dumps(model: CatBoostModel) -> bytes:
    """The file of a checked model, written from its parts alone."""
    core = _core(model)
    parts = [SIGN, struct.pack("<I", len(core)), core]
    if model.tables:
        parts.append(struct.pack("<I", len(model.tables)))
        for table in model.tables:
            content = _written_table(table)
            parts += [struct.pack("<I", len(content)), content]
    return b"".join(parts)


def _core(model: CatBoostModel) -> bytes:
    writer = Writer.new()
    info = [
        writer.table({0: writer.text(key), 1: writer.text(value)}, {})
        for key, value in sorted(described(model).items())
    ]
    parts = {0: writer.text(_VERSION), 1: _written_trees(writer, model), 2: writer.several(info)}
    if model.tables:
        parts[3] = writer.several([writer.text(_STATISTICS)])
    return writer.finished(writer.table(parts, {}))


def _written_trees(writer: Writer, model: CatBoostModel) -> int:
    starts = np.cumsum(model.sizes) - model.sizes
    vectors: dict[int, NDArray[Any]] = {
        1: model.questions.astype(np.int32),
        2: model.sizes.astype(np.int32),
        3: starts.astype(np.int32),
        8: model.leaf_values,
        9: model.leaf_weights,
        16: np.array(model.bias, dtype=np.float64),
    }
    if model.steps is not None and model.leaf_of_node is not None:
        vectors[10] = _together([*zip(*model.steps.T.tolist(), strict=True)], "<u2,<u2", "<u4")
        vectors[11] = np.where(model.leaf_of_node < 0, NO_LEAF, model.leaf_of_node).astype(np.uint32)
    parts = {field: writer.vector(numbers) for field, numbers in vectors.items()}
    parts[4] = writer.several(
        [
            writer.table({2: writer.text(one.name)}, {0: ("i", one.index), 1: ("i", one.place), 3: ("b", 1)})
            for one in model.categories
        ]
    )
    parts[5] = writer.several([_written_column(writer, one) for one in model.numbers])
    parts[6] = writer.several([_written_one_hot(writer, one) for one in model.one_hots])
    parts[7] = writer.several([_written_statistic(writer, one) for one in model.statistics])
    return writer.table(parts, {0: ("i", model.dimension), 14: ("d", model.scale), 15: ("d", 0.0)})


def _together(pairs: Sequence[tuple[Any, Any]], kind: str, whole: str) -> NDArray[Any]:
    """Pairs as one number each: a vector of structures counts those."""
    return np.array(list(pairs), dtype=kind).view(whole)


def _written_column(writer: Writer, one: NumberColumn) -> int:
    parts = {3: writer.vector(one.borders)}
    if one.name:
        parts[4] = writer.text(one.name)
    return writer.table(
        parts,
        {0: ("b", one.has_missing), 1: ("i", one.index), 2: ("i", one.place), 5: ("b", one.missing)},
    )


def _written_one_hot(writer: Writer, one: OneHot) -> int:
    parts = {1: writer.vector(one.values.astype(np.int32))}
    if one.texts:
        parts[2] = writer.several([writer.text(text) for text in one.texts])
    return writer.table(parts, {0: ("i", one.index)})


def _written_statistic(writer: Writer, one: Statistic) -> int:
    prior, total, shift, scale = one.constants
    asked = writer.table(
        {0: _written_base(writer, one.base)},
        {1: ("i", one.label), 2: ("f", prior), 3: ("f", total), 4: ("f", shift), 5: ("f", scale)},
    )
    return writer.table({0: asked, 1: writer.vector(one.borders)}, {})


def _written_base(writer: Writer, base: Base) -> int:
    combination = writer.table(
        {
            0: writer.vector(np.array(base.categories, dtype=np.int32)),
            1: writer.vector(_together(base.numbers, "<i4,<f4", "<u8")),
            2: writer.vector(_together(base.values, "<i4,<i4", "<u8")),
        },
        {},
    )
    return writer.table({0: combination}, {1: ("b", base.kind)})


def _written_table(table: StatisticTable) -> bytes:
    writer = Writer.new()
    parts = {
        0: _written_base(writer, table.base),
        1: writer.vector(_buckets(table.hashes).view(np.uint8)),
        2: writer.vector(np.ascontiguousarray(table.rows, dtype="<i4").view(np.uint8).ravel()),
    }
    return writer.finished(writer.table(parts, {3: ("i", table.total), 4: ("i", table.labels)}))


def _buckets(hashes: NDArray[np.uint64]) -> NDArray[Any]:
    """The hashes where CatBoost looks for them: each in the first free place from its last bits on."""
    size = 1 << max(1, (2 * len(hashes)).bit_length())
    buckets = np.zeros(size, dtype=_BUCKET)
    buckets["hash"] = NO_HASH
    for row, place in _places(hashes.tolist(), size):
        buckets[place] = (hashes[row], row)
    return buckets


def _places(hashes: list[int], size: int) -> Iterator[tuple[int, int]]:
    taken = bytearray(size)
    for row, value in enumerate(hashes):
        place = value & (size - 1)
        while taken[place]:
            place = (place + 1) & (size - 1)
        taken[place] = 1
        yield row, place
