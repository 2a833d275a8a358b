"""Opens `.skops` files, when the optional library skops is installed.

skops trusts every estimator of scikit-learn, and makes some objects by calling
what the file names. So the file is read here first: its schema must consist of
the same pairs that a pickle may bring, each made in the one way that skops writes
for it. What skops then makes goes through the same checks as a pickle's model.
"""

from __future__ import annotations

import importlib
import io
import json
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

from sklearn.exceptions import InconsistentVersionWarning

from leakgauge.errors import LeakgaugeError, UnsafeModel, UnsupportedModel
from leakgauge.targets.compression import too_large
from leakgauge.targets.formats import SKOPS
from leakgauge.targets.libraries import NAMES, check_installed
from leakgauge.targets.pickles.allow_list import CLASSES, INERT, VALUES, Pair, is_allowed, today
from leakgauge.targets.pickles.checks import printable
from leakgauge.targets.pickles.refusals import refused
from leakgauge.targets.pickles.trees import made_anew
from leakgauge.targets.sklearn.model_graph import parts_of

_SCHEMA = "schema.json"

_SCALARS = ("bool", "bytes", "complex", "float", "int", "str", "uint")
_NUMBERS = frozenset(
    pair for pair in VALUES if pair[0] == "numpy" and pair[1].rstrip("0123456789_") in _SCALARS
)
_SPARSE = frozenset(pair for pair in CLASSES if pair[0].startswith("scipy.sparse."))
_LOSSES = frozenset(
    pair for pair in INERT if pair[0] in ("_loss", "sklearn._loss._loss", "sklearn.linear_model._sgd_fast")
)
# plain objects of Python that hold numbers, and that nothing asks
_CARRIED = frozenset(
    pair
    for pair in INERT
    if pair[0]
    in (
        "sklearn._loss.link",
        "sklearn._loss.loss",
        "sklearn.neural_network._stochastic_optimizers",
        "sklearn.utils._metadata_requests",
    )
)

_WAYS: Mapping[str, frozenset[Pair]] = {
    "BytearrayNode": frozenset({("builtins", "bytearray")}),
    "BytesNode": frozenset({("builtins", "bytes")}),
    "DTypeNode": frozenset({("numpy", "dtype")}),
    "DictNode": frozenset(
        {("builtins", "dict"), ("collections", "OrderedDict"), ("sklearn.utils._bunch", "Bunch")}
    ),
    "FunctionNode": VALUES,
    "JsonNode": frozenset({("builtins", "str")}),
    "ListNode": frozenset({("builtins", "list")}),
    "LossNode": _LOSSES,
    "MaskedArrayNode": frozenset({("numpy.ma", "MaskedArray"), ("numpy.ma.core", "MaskedArray")}),
    "NdArrayNode": frozenset({("numpy", "ndarray")}) | _NUMBERS,
    "ObjectNode": (CLASSES - _SPARSE) | _CARRIED,
    "PartialNode": frozenset({("functools", "partial")}),
    "RandomGeneratorNode": frozenset({("numpy.random._generator", "Generator")}),
    "RandomStateNode": frozenset({("numpy.random", "RandomState"), ("numpy.random.mtrand", "RandomState")}),
    "SetNode": frozenset({("builtins", "set"), ("builtins", "frozenset")}),
    "SliceNode": frozenset({("builtins", "slice")}),
    "SparseMatrixNode": _SPARSE,
    "TreeNode": frozenset({("sklearn.tree._tree", "Tree")}),
    "TupleNode": frozenset({("builtins", "tuple"), ("sklearn.impute._iterative", "_ImputerTriplet")}),
    "TypeNode": VALUES | {("builtins", "NoneType"), ("builtins", "bytes")},
}
"""What each way of making an object may make. skops knows more ways; they call methods or constructors."""

# makes what a node before it made, and names nothing itself
_REPEATED = "CachedNode"


def load_skops(data: bytes, *, limit: int) -> tuple[Any, frozenset[str]]:
    """The model in a skops file, and the other versions of scikit-learn that saved parts of it.

    The file may ask for what a pickle may, and its trees are made anew with all checks.

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
        `skops_not_installed` or `unreadable`.
    LimitExceeded
        `model_too_large`.
    """
    SKOPS.check_installed()
    try:
        # zipfile reads no more of a part than its header says
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(part.file_size for part in archive.infolist()) > limit:
                raise too_large(limit)
            schema = json.loads(archive.read(_SCHEMA))
            _refuse_unlisted(schema)
            packages = {str(node.get("__module__")).partition(".")[0] for node in _nodes(schema)}
            check_installed(packages & NAMES.keys())
        skops_io = importlib.import_module("skops.io")
        asked = sorted(str(name) for name in skops_io.get_untrusted_types(data=data))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = skops_io.loads(data, trusted=asked)
        for part in parts_of(model):
            if "tree_" in vars(part):
                part.tree_ = made_anew(part.tree_)
        warnings_of_versions = [
            entry.message for entry in caught if isinstance(entry.message, InconsistentVersionWarning)
        ]
        return model, frozenset(str(message.original_sklearn_version) for message in warnings_of_versions)
    except LeakgaugeError:
        raise
    except Exception as error:  # a file can make any step fail in any way; all of them mean the same
        raise UnsupportedModel(
            "unreadable",
            "The skops file is damaged, or written by a version of skops that is not known here.",
            hint="Save the model again, or use joblib.",
        ) from error


def _refuse_unlisted(schema: object) -> None:
    unlisted: dict[Pair, None] = {}
    for node in _nodes(schema):
        way = node["__loader__"]
        pair = (str(node.get("__module__")), str(node.get("__class__")))
        if way == _REPEATED:
            continue
        if way not in _WAYS:
            content = node.get("content")
            method = content.get("func") if isinstance(content, dict) and way == "MethodNode" else None
            unlisted[(pair[0], f"{pair[1]}.{method}") if method else pair] = None
        # the name must be the one of today, since skops imports it as it stands
        elif today(*pair) not in _WAYS[way]:
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


def _nodes(schema: object) -> Iterator[Mapping[str, Any]]:
    """Every node of the schema; without recursion, since a crafted file can nest deeply."""
    waiting = [schema]
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, dict):
            if isinstance(thing.get("__loader__"), str):
                yield thing
            waiting.extend(thing.values())
        elif isinstance(thing, list):
            waiting.extend(thing)
