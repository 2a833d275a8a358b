"""Settings of estimators that are dangerous by themselves, one row a setting.

They count before a model is fitted as well as after: its reference models are fitted
here. A search tries settings that stand in no estimator yet, so these go through the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

from leakgauge.targets.pickles.checks import printable, refused_setting, reject_unless
from leakgauge.targets.sklearn.checks.patterns import check_pattern
from leakgauge.targets.sklearn.checks.predictors import check_metric_settings

Setting: TypeAlias = Callable[[Any, Any], None]

_ANALYZERS = ("char", "char_wb", "word")
_ENCODINGS = frozenset(
    {"ascii", "cp1252", "iso-8859-1", "latin-1", "latin1", "us-ascii", "utf-16", "utf-8", "utf8", "utf_8"}
)


def _input(part: Any, way: object) -> None:
    if not (isinstance(way, str) and way == "content"):
        how = way if isinstance(way, str) else "?"
        raise refused_setting(
            part,
            f'input="{printable(how)}"',
            "which reads files that the table names",
            'Fit it with input="content", and put the texts themselves into the table.',
        )


def _analyzer(_part: Any, analyzer: object) -> None:
    reject_unless(callable(analyzer) or analyzer in _ANALYZERS, "an unknown analyzer")


def _encoding(part: Any, encoding: Any) -> None:
    reject_unless(isinstance(encoding, str), "an encoding's name")
    if encoding.lower() not in _ENCODINGS:
        raise refused_setting(
            part,
            f'encoding="{printable(encoding)}"',
            "which is not one of the usual encodings",
            'Fit it with encoding="utf-8": the cells of a table are text already.',
        )


def _token_pattern(part: Any, pattern: object) -> None:
    if pattern is not None:
        check_pattern(part, "token_pattern", pattern)


def _ngram_range(_part: Any, lengths: Any) -> None:
    reject_unless(isinstance(lengths, tuple | list) and len(lengths) == 2, "a range of n-grams")
    reject_unless(all(type(length) is int for length in lengths), "a range of n-grams")
    reject_unless(1 <= lengths[0] <= lengths[1], "a range of n-grams")


def _n_features(_part: Any, n_features: Any) -> None:
    # hashes are taken modulo the number of columns
    reject_unless(isinstance(n_features, int | np.integer), "a hasher's number of columns")
    reject_unless(1 <= n_features < 2**31, "a hasher's number of columns")


def _metric_params(_part: Any, settings: object) -> None:
    check_metric_settings(settings)


SETTINGS: Mapping[str, Setting] = {
    "analyzer": _analyzer,
    "encoding": _encoding,
    "input": _input,
    "metric_params": _metric_params,
    "n_features": _n_features,
    "ngram_range": _ngram_range,
    "token_pattern": _token_pattern,
}
"""What is checked of a setting of this name, whichever estimator has it."""


def check_settings(part: Any) -> None:
    """Refuse an estimator with a dangerous setting, or a search that would try one.

    Raises
    ------
    UnsafeModel
        `refused_settings`, naming estimator and setting.
    MalformedPickleError
        for a value that no estimator takes.
    """
    for name, value in vars(part).items():
        if name in SETTINGS:
            SETTINGS[name](part, value)
    for name, value in tried_by(part):
        if name in SETTINGS:
            SETTINGS[name](part, value)
        elif name == "memory" and value is not None:
            raise refused_setting(
                part,
                "a cache (memory) among the settings that it tries",
                "which keeps results in files and reads them back",
                "Leave memory out of the search.",
            )


def tried_by(part: Any) -> Iterator[tuple[str, Any]]:
    """The settings that a search would try: name, without the steps before it, and value.

    What is sampled from a distribution is a number and is not among them.
    """
    for attribute in ("param_grid", "param_distributions"):
        tried = vars(part).get(attribute, [])
        for grid in tried if isinstance(tried, list | tuple) else [tried]:
            reject_unless(isinstance(grid, dict), "a search tries settings by name")
            for name, values in grid.items():
                if isinstance(values, list | tuple | np.ndarray):
                    yield from ((str(name).rpartition("__")[2], value) for value in values)
