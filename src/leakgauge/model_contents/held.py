"""All numbers and texts that a part of a model keeps, attribute by attribute."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.neighbors import BallTree, KDTree
from sklearn.tree._tree import Tree

from leakgauge.targets.boosters.estimator import BoosterEstimator

Numbers: TypeAlias = "NDArray[Any] | sparse.csr_array"

_LARGEST = 2**63
_LIBRARIES = frozenset({"sklearn", "imblearn"})
"""Libraries whose helper objects are looked into; of others nothing is known but their estimators."""


@dataclass(frozen=True, slots=True)
class Held:
    """What one attribute of a part holds.

    Attributes
    ----------
    attribute
        its name in the part.
    numbers
        arrays, dense or sparse, in whatever shape.
    columns
        where the attribute is a list with an array for each column, these arrays; empty elsewhere.
    texts
        all texts, each once.
    """

    attribute: str
    numbers: tuple[Numbers, ...]
    columns: tuple[NDArray[Any], ...]
    texts: frozenset[str]

    def shape(self) -> tuple[int, ...]:
        """The shape of its largest array; of texts their number."""
        largest = max(self.numbers, key=lambda table: table.shape[0] if table.ndim else 0, default=None)
        return (len(self.texts),) if largest is None else tuple(largest.shape)


def held_by(part: Any) -> Iterator[Held]:
    """What each attribute of an estimator holds, without the estimators inside it."""
    if isinstance(part, BoosterEstimator):
        yield from _held_by_booster(part)
        return
    for attribute, value in vars(part).items():
        if attribute == "feature_names_in_":
            continue  # names of columns are no data
        numbers: list[Numbers] = []
        texts: set[str] = set()
        _gather(value, numbers, texts)
        columns = (
            tuple(value)
            if isinstance(value, list) and value and all(isinstance(one, np.ndarray) for one in value)
            else ()
        )
        if numbers or texts:
            yield Held(attribute, tuple(numbers), columns, frozenset(texts))


def _held_by_booster(part: BoosterEstimator) -> Iterator[Held]:
    """What a booster's file keeps, through what was read of it."""
    if not part.is_read:
        return
    categories = [np.asarray(known or (), dtype=object) for known in part.input_categories()]
    numbers: list[Numbers] = []
    texts: set[str] = set()
    _gather(categories, numbers, texts)
    if numbers or texts:
        yield Held("categories", tuple(numbers), tuple(categories), frozenset(texts))
    yield Held("thresholds", (part.thresholds(),), (), frozenset())
    yield Held("feature_infos", (part.kept_ranges(),), (), frozenset())


def _gather(value: object, numbers: list[Numbers], texts: set[str]) -> None:
    """Gather what lies in a value, without recursion: a file can nest deeper than Python's stack."""
    waiting = [value]
    seen: dict[int, object] = {}  # holds the objects, so that no number is given twice
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, str):
            texts.add(thing)
        elif isinstance(thing, BaseEstimator | bytes | type) or thing is None or id(thing) in seen:
            continue
        elif sparse.issparse(thing):
            numbers.append(sparse.csr_array(thing))
        elif isinstance(thing, np.ndarray) and thing.dtype.kind in "fiub":
            numbers.append(thing)
        else:
            seen[id(thing)] = thing
            waiting.extend(_inside(thing, numbers))


def _inside(thing: Any, numbers: list[Numbers]) -> Iterable[object]:
    """The values inside a container; plain numbers among them become one array."""
    if isinstance(thing, KDTree | BallTree):
        return (np.asarray(thing.data),)
    if isinstance(thing, Tree):
        nodes = thing.__getstate__()["nodes"]
        return (nodes["threshold"][nodes["left_child"] != -1], thing.value[nodes["left_child"] == -1])
    if isinstance(thing, np.ndarray):
        if thing.dtype.names:
            return [thing[name] for name in thing.dtype.names]
        items: list[object] = thing.ravel().tolist() if thing.dtype.kind in "OUS" else []
    elif isinstance(thing, dict):
        items = [*thing.keys(), *thing.values()]
    elif isinstance(thing, list | tuple | set | frozenset):
        items = list(thing)
    elif type(thing).__module__.partition(".")[0] in _LIBRARIES:
        items = list(getattr(thing, "__dict__", {}).values())
    else:
        return ()
    plain = [item for item in items if _is_number(item)]
    if plain:
        numbers.append(np.asarray(plain, dtype=np.float64))
        items = [item for item in items if not _is_number(item)]
    return items


def _is_number(item: Any) -> bool:
    return isinstance(item, int | float | np.number) and bool(abs(float(item)) < _LARGEST)
