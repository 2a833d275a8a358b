"""Reads `.skops` files by the list, the constructors and the checks of pickles; skops itself is not asked.

A skops file is a zip: `schema.json` describes the model as a tree of nodes, and arrays lie beside it. Each
node names what it is (module and class) and how skops would make it. skops trusts every estimator and
every function of NumPy and SciPy by itself, believes a second name in files of its first versions, and
calls what stands as the type of a key. So nodes are made here instead (`skops_nodes`): what a pickle may
bring, with the functions that make it for a pickle. What is not on the list is named before anything is made.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

from leakgauge.errors import LeakgaugeError, UnsafeModel, UnsupportedModel
from leakgauge.targets.compression import too_large
from leakgauge.targets.libraries import NAMES, check_installed
from leakgauge.targets.pickles.allow_list import Pair, is_allowed, today
from leakgauge.targets.pickles.checks import printable, reject_unless
from leakgauge.targets.pickles.construction import Construction
from leakgauge.targets.pickles.refusals import refused
from leakgauge.targets.pickles.virtual_machine import Budget
from leakgauge.targets.sklearn.skops_nodes import REPEATED, WAYS, Node, Reader, check_parts, pair_of

_SCHEMA = "schema.json"
_VERSION = "_sklearn_version"
_PROTOCOLS = (0, 1, 2)
_LARGEST_SCHEMA = 1 << 26
"""Bytes; that of a forest of 1,000 trees has 16 million. Brackets take 30 times as many in memory."""


def load_skops(data: bytes, *, limit: int) -> tuple[Any, frozenset[str]]:
    """The model in a skops file, and the versions of scikit-learn that saved parts of it.

    Parameters
    ----------
    data
        the file.
    limit
        most bytes that its parts may unpack to.

    Raises
    ------
    UnsafeModel
        `refused_globals`, with the types that are not on the list.
    UnsupportedModel
        `unreadable`.
    LimitExceeded
        `model_too_large`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            check_parts(archive, limit)
            if archive.getinfo(_SCHEMA).file_size > _LARGEST_SCHEMA:
                raise too_large(_LARGEST_SCHEMA)
            schema = json.loads(archive.read(_SCHEMA))
            reject_unless(isinstance(schema, dict) and schema.get("protocol") in _PROTOCOLS, "its version")
            _refuse_unlisted(schema)
            packages = {str(node.get("__module__")).partition(".")[0] for node in _nodes(schema)}
            check_installed(packages & NAMES.keys())
            reader = Reader(archive, limit, Construction(Budget(0)))
            return reader.make(schema), frozenset(_versions(schema))
    except LeakgaugeError:
        raise
    except Exception as error:  # a file can make any step fail in any way; all of them mean the same
        raise UnsupportedModel(
            "unreadable",
            "The skops file is damaged, or written by a version of skops that is not known here.",
            hint="Save the model again, or use joblib.",
        ) from error


def _nodes(schema: object) -> Iterator[Node]:
    """Every node of the schema; without recursion, since a crafted file can nest deeply."""
    waiting = [schema]
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, dict):
            if "__loader__" in thing:
                yield thing
            waiting.extend(thing.values())
        elif isinstance(thing, list):
            waiting.extend(thing)


def _refuse_unlisted(schema: object) -> None:
    """Refuse a file with anything in it that a pickle may not bring, whether it would be made or not."""
    unlisted: dict[Pair, None] = {}
    for node in _nodes(schema):
        way, pair = node["__loader__"], pair_of(node)
        if way == REPEATED:
            continue
        if not isinstance(way, str) or way not in WAYS:
            content = node.get("content")
            method = content.get("func") if isinstance(content, dict) and way == "MethodNode" else None
            unlisted[(pair[0], f"{pair[1]}.{method}") if method else pair] = None
        elif today(*pair) not in WAYS[way][0]:
            unlisted[pair] = None
    if unlisted and all(is_allowed(*pair) for pair in unlisted):
        names = [printable(f"{module}.{name}", 120) for module, name in unlisted]
        raise UnsafeModel(
            "refused_globals",
            f"The skops file holds parts that are read from pickles alone: {', '.join(names[:5])}. It was "
            "not opened.",
            hint='Save the model with joblib.dump(model, "model.joblib") and send that.',
            details={"globals": [*names[:100]]},
        )
    if unlisted:
        raise refused(unlisted)


def _versions(schema: object) -> Iterator[str]:
    for node in _nodes(schema):
        content = node.get("content")
        saved_by = content.get(_VERSION) if isinstance(content, dict) else None
        if isinstance(saved_by, dict) and isinstance(saved_by.get("content"), str):
            version = json.loads(saved_by["content"])
            if isinstance(version, str):
                yield version
