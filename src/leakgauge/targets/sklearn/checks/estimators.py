"""Checks that the parts of a model fit each other before any of it is asked.

scikit-learn's compiled code believes what `fit` left behind. A file can say
anything: a forest of 4 features with trees that read the 1,000th, neighbours of
classes that do not exist, support vectors that are not there. Such a model must
be refused here, since asking it would end the process.

`pickles.estimators` names for every estimator its contract: what stands between a file and
compiled code. An estimator without one is refused, and cannot be allowed by its name alone.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType, MethodType
from typing import Any

import numpy as np
from scipy import sparse
from scipy.interpolate import BSpline
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_selector
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch, check_array

from leakgauge.targets.pickles.allow_list import (
    ARRAY_FUNCTIONS,
    BOOSTER_PAIRS,
    LOOKED_AT_CLASSES,
    METRICS,
    SCORE_FUNCTIONS,
    STRING_METHODS,
    Pair,
)
from leakgauge.targets.pickles.checks import (
    an_array,
    is_method,
    printable,
    refused_setting,
    reject_unless,
)
from leakgauge.targets.pickles.estimators import ESTIMATORS
from leakgauge.targets.pickles.virtual_machine import MalformedPickleError
from leakgauge.targets.sklearn.checks import predictors, transformers
from leakgauge.targets.sklearn.checks.compositions import check_named_parts
from leakgauge.targets.sklearn.checks.contracts import Contract
from leakgauge.targets.sklearn.checks.patterns import check_pattern
from leakgauge.targets.sklearn.checks.settings import check_settings, tried_by
from leakgauge.targets.sklearn.checks.structure import check_structure
from leakgauge.targets.sklearn.model_graph import objects_of
from leakgauge.targets.stand_in import stands_for

_NOT_LED_ASTRAY: Mapping[str, Contract] = {
    "handed_on": Contract("Hands rows to its parts, and each part has its own row."),
    "looked_up": Contract("Looks values up by NumPy, which compares every position with the range."),
    "rows_compared": Contract(
        "Compares rows by scikit-learn's pairwise functions, which compare shapes first."
    ),
    "made_anew": Contract(
        "SciPy's splines, sparse matrices and interpolations, each checked in full by itself."
    ),
    "arithmetic": Contract("Adds and multiplies by NumPy and SciPy, which compare shapes first."),
    "sampler": Contract("Is trained again and never asked."),
}
"""Families that reach compiled code through public functions only. What they get from an estimator that
stands before is checked in that one's row."""

CONTRACTS: Mapping[str, Contract] = {**predictors.CONTRACTS, **transformers.CONTRACTS, **_NOT_LED_ASTRAY}
"""What compiled code trusts, family by family."""

ROWS: Mapping[Pair, Contract] = {
    (module, name): CONTRACTS[family]
    for family, modules in ESTIMATORS.items()
    for module, names in modules.items()
    for name in names.split()
} | dict.fromkeys(BOOSTER_PAIRS, predictors.BOOSTER)
"""The contract of each estimator. One that is not here is refused."""

_FUNCTION_KINDS = (
    type,
    np.ufunc,
    FunctionType,
    BuiltinFunctionType,
    MethodType,
    MethodDescriptorType,
    functools.partial,
    type(np.mean),
)

# which functions an attribute may hold; types of numbers may stand wherever a name says `dtype`
_FUNCTIONS: Mapping[str, frozenset[Pair]] = {
    "_score_func": METRICS,
    "func": ARRAY_FUNCTIONS,
    "inverse_func": ARRAY_FUNCTIONS,
    "pooling_func": ARRAY_FUNCTIONS,
    "score_func": SCORE_FUNCTIONS,
    "strategy": ARRAY_FUNCTIONS,
}
_OF_TEXT = frozenset({"analyzer", "preprocessor", "tokenizer"})


def check(model: object) -> None:
    """Check every part of a model.

    Raises
    ------
    MalformedPickleError
        when two parts contradict each other.
    UnsafeModel
        `refused_settings` for a part in a form that reads files, calls what it should not or
        may never end.
    """
    for thing in objects_of(model):
        if isinstance(thing, BaseEstimator):
            name = _name_of(type(thing))
            contract = ROWS.get(name)
            if contract is None and not (name in LOOKED_AT_CLASSES and _is_last(thing, model)):
                raise MalformedPickleError("an estimator without a row in the table of checks")
            check_named_parts(thing)
            check_structure(thing)
            check_settings(thing)
            if contract is not None:
                contract.check(thing)
        elif sparse.issparse(thing):
            _check_sparse(thing)
        elif isinstance(thing, np.random.RandomState | np.random.Generator):
            _check_generator(thing)
        elif isinstance(thing, BSpline):
            _check_spline(thing)
        elif isinstance(thing, make_column_selector) and vars(thing).get("pattern") is not None:
            check_pattern(thing, "pattern", thing.pattern)
        if type(thing).__module__.partition(".")[0] in ("sklearn", "imblearn", "leakgauge"):
            _check_functions(thing)


def _is_last(thing: object, model: Any) -> bool:
    """Whether a part is the model itself, or the last step of its Pipeline: none of the others asks it."""
    while isinstance(model, Pipeline) and model is not thing:
        model = model.steps[-1][1]
    return thing is model


def _name_of(kind: type) -> Pair:
    """The class with a row that it is or stands for, else the first class of scikit-learn that it is."""
    kind = stands_for(kind)
    if (kind.__module__, kind.__name__) in ROWS:
        return kind.__module__, kind.__name__
    for base in kind.__mro__:
        if base.__module__.startswith("sklearn."):
            return base.__module__, base.__name__
    return kind.__module__, kind.__name__


def _check_functions(thing: Any) -> None:
    kind: Any = type(thing)
    attributes = getattr(thing, "__dict__", {})
    for name in attributes:
        # as it was when a pickle was read; a skops file comes here only
        reject_unless(isinstance(thing, Bunch) or not is_method(kind, name), "a method replaced")
    for name, value in [*attributes.items(), *(tried_by(thing) if isinstance(thing, BaseEstimator) else ())]:
        if not isinstance(value, _FUNCTION_KINDS) or ("dtype" in name and isinstance(value, type)):
            continue
        if not _may_hold(name, value):
            called = printable(str(getattr(value, "__name__", type(value).__name__)))
            raise refused_setting(
                thing,
                f"{called} as its {printable(name)}",
                "which is not on the list of functions for that",
                "Use a setting that has a name, or one of NumPy's own functions of one array, such as "
                "numpy.log1p; or apply the function to the tables before the audit.",
            )


def _may_hold(name: str, value: object) -> bool:
    if isinstance(value, functools.partial):
        return name == "func" and value.func is check_array
    if name in _OF_TEXT:
        return any(value is method for method in _methods_of_text())
    return any(value is function for function in _found(_FUNCTIONS.get(name, frozenset())))


@functools.cache
def _found(pairs: frozenset[Pair]) -> tuple[object, ...]:
    return tuple(getattr(importlib.import_module(module), name) for module, name in sorted(pairs))


@functools.cache
def _methods_of_text() -> tuple[object, ...]:
    return tuple(getattr(str, name) for name in sorted(STRING_METHODS))


def _check_sparse(matrix: Any) -> None:
    """SciPy's compiled code takes row starts and column numbers for granted."""
    reject_unless(matrix.format in ("csc", "csr"), "an unusual sparse matrix")
    matrix.check_format(full_check=True)


def _check_generator(generator: Any) -> None:
    """NumPy reads past the end of a twister's key when its position lies outside."""
    bits = (
        generator._bit_generator if isinstance(generator, np.random.RandomState) else generator.bit_generator
    )
    inner = bits.state.get("state")
    if isinstance(inner, dict) and "pos" in inner:
        reject_unless(0 <= inner["pos"] <= 624, "a random generator's position")


def _check_spline(spline: Any) -> None:
    """The compiled evaluation takes knots and coefficients to fit each other; the constructor checks."""
    knots = an_array(spline.t, "a spline needs knots", ndim=1)
    coefficients = spline.c
    reject_unless(isinstance(coefficients, np.ndarray), "a spline needs coefficients")
    for table in (knots, coefficients):
        reject_unless(table.dtype == np.float64 and table.flags.c_contiguous, "a spline needs numbers")
    BSpline(knots, coefficients, spline.k, spline.extrapolate, spline.axis)
