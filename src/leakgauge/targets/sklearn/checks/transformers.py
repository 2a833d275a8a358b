"""What the code below scikit-learn's transformers trusts, checked: indices of sparse columns, texts, labels.

Sparse matrices that a transformer makes are handed to SciPy's compiled code,
which takes their indices for granted. So a vocabulary must number its columns,
and an encoder's tables must stay inside its columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from re import _constants as opcodes  # type: ignore[attr-defined]  # typeshed knows neither
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import numpy as np

from leakgauge.targets.pickles.checks import an_array, printable, refused_setting, reject_unless

_ENCODINGS = frozenset(
    {"ascii", "cp1252", "iso-8859-1", "latin-1", "latin1", "us-ascii", "utf-16", "utf-8", "utf8", "utf_8"}
)
_PLAIN = (str, bytes, int, float, complex, np.generic, type(None))
_ANALYZERS = ("char", "char_wb", "word")

# how often a pattern may repeat something before a search can take long
_MOST_REPEATS = 3
_MOST_OPTIONS = 10
_LONGEST_PATTERN = 500


def check_vectorizer(part: Any) -> None:
    """Vectorisers of text: no files, no functions, no pattern that never ends, columns by number.

    Raises
    ------
    UnsafeModel
        `refused_settings` for `input="filename"` and for patterns that may take exponential time.
    MalformedPickleError
        for a vocabulary that does not number its columns.
    """
    if part.input != "content":
        how = part.input if isinstance(part.input, str) else "?"
        raise refused_setting(
            part,
            f'input="{printable(how)}"',
            "which reads files that the table names",
            'Fit it with input="content", and put the texts themselves into the table.',
        )
    reject_unless(callable(part.analyzer) or part.analyzer in _ANALYZERS, "an unknown analyzer")
    reject_unless(isinstance(part.encoding, str), "an encoding's name")
    if part.encoding.lower() not in _ENCODINGS:
        raise refused_setting(
            part,
            f'encoding="{printable(part.encoding)}"',
            "which is not one of the usual encodings",
            'Fit it with encoding="utf-8": the cells of a table are text already.',
        )
    if part.token_pattern is not None:
        check_pattern(part, "token_pattern", part.token_pattern)
    low, high = part.ngram_range
    reject_unless(type(low) is int and type(high) is int and 1 <= low <= high, "a range of n-grams")
    if "n_features" in vars(part):
        check_hasher(part)
    elif "vocabulary_" in vars(part):
        _check_vocabulary(part.vocabulary_)


def check_hasher(part: Any) -> None:
    """Hashes are taken modulo the number of columns."""
    n_features = part.n_features
    reject_unless(isinstance(n_features, int | np.integer), "a hasher's number of columns")
    reject_unless(1 <= n_features < 2**31, "a hasher's number of columns")


def check_dict_vectorizer(part: Any) -> None:
    """The vocabulary numbers the columns of a sparse matrix."""
    if "vocabulary_" in vars(part):
        _check_vocabulary(part.vocabulary_)


def _check_vocabulary(vocabulary: object) -> None:
    reject_unless(type(vocabulary) is dict, "a vocabulary must be a mapping")
    assert isinstance(vocabulary, dict)  # noqa: S101 (for the type checker alone)
    columns = list(vocabulary.values())
    reject_unless(all(isinstance(column, int | np.integer) for column in columns), "a vocabulary's columns")
    reject_unless(sorted(columns) == list(range(len(columns))), "a vocabulary's columns")


def check_one_hot(part: Any) -> None:
    """Codes, less what is dropped or grouped, are the column indices of a sparse matrix."""
    if "categories_" not in vars(part):
        return
    categories = part.categories_
    reject_unless(type(categories) is list and len(categories) == part.n_features_in_, "an encoder's columns")
    widths = list(part._n_features_outs)
    reject_unless(len(widths) == len(categories), "an encoder's columns")
    dropped = part._drop_idx_after_grouping
    reject_unless(dropped is None or np.shape(dropped) == (len(categories),), "an encoder's dropped columns")
    grouped = bool(part._infrequent_enabled)
    for place, (known, width) in enumerate(zip(categories, widths, strict=True)):
        check_categories(known)
        mapping = part._default_to_infrequent_mappings[place] if grouped else None
        groups = len(known) if mapping is None else _groups(mapping, len(known))
        if mapping is not None:
            rare = an_array(part._infrequent_indices[place], "an encoder's rare categories", ndim=1)
            reject_unless(np.all((rare >= 0) & (rare < len(known))), "an encoder's rare categories")
        drop = None if dropped is None else dropped[place]
        if drop is not None:
            reject_unless(isinstance(drop, int | np.integer) and 0 <= drop < groups, "a dropped column")
        reject_unless(width == groups - (drop is not None), "an encoder's number of columns")


def check_ordinal(part: Any) -> None:
    """Codes are looked up among sorted categories."""
    for known in vars(part).get("categories_", ()):
        check_categories(known)


def check_categories(known: object) -> None:
    """One column's categories, as `numpy.searchsorted` needs them.

    Raises
    ------
    MalformedPickleError
        for numbers out of order: a code could then lie behind the last one.
    """
    values = an_array(known, "an encoder's categories", ndim=1)
    check_plain_values(values)
    if values.dtype.kind in "biufSU":
        numbers = values[~np.isnan(values)] if values.dtype.kind == "f" else values
        reject_unless(np.all(numbers[1:] > numbers[:-1]), "an encoder's categories are out of order")
        reject_unless(len(numbers) >= len(values) - 1, "an encoder's categories are out of order")


def check_plain_values(values: object) -> None:
    """What a model looks up by value must be numbers and text.

    Hashing a tuple of tuples can take exponential time.

    Raises
    ------
    MalformedPickleError
        when an array of objects holds anything else.
    """
    if isinstance(values, np.ndarray) and values.dtype == object:
        reject_unless(all(isinstance(value, _PLAIN) for value in values.ravel()), "values that are no values")


def _groups(mapping: object, n_categories: int) -> int:
    table = an_array(mapping, "an encoder's groups", ndim=1)
    reject_unless(table.dtype.kind in "iu" and len(table) == n_categories > 0, "an encoder's groups")
    reject_unless(table.min() >= 0 and table.max() < n_categories, "an encoder's groups")
    return int(table.max()) + 1


def check_agglomeration(part: Any) -> None:
    """`numpy.bincount` makes room for the largest label."""
    if "labels_" not in vars(part):
        return
    labels = an_array(part.labels_, "clusters of features", ndim=1)
    reject_unless(labels.dtype.kind in "iu" and len(labels) == part.n_features_in_, "clusters of features")
    reject_unless(np.all((labels >= 0) & (labels < len(labels))), "clusters of features")


def check_centres(part: Any) -> None:
    """Lloyd's step reads as many numbers of a centre as a row has."""
    for name in ("cluster_centers_", "subcluster_centers_"):
        if name in vars(part):
            centres = an_array(vars(part)[name], "centres must be a table", ndim=2)
            reject_unless(
                centres.dtype.kind == "f" and centres.shape[1] == part.n_features_in_,
                "centres and features differ",
            )


def check_components(part: Any) -> None:
    """Coordinate descent reads as many numbers of a component as a row has."""
    table = vars(part).get("components_", vars(part).get("dictionary"))
    if table is None:
        return
    components = an_array(table, "components must be a table", ndim=2)
    reject_unless(components.dtype.kind == "f", "components must be numbers")
    if "n_features_in_" in vars(part):
        reject_unless(components.shape[1] == part.n_features_in_, "components and features differ")


def check_polynomial(part: Any) -> None:
    """The expansion of sparse rows knows degrees up to three, and takes them for small whole numbers."""
    for name in ("_min_degree", "_max_degree"):
        if name in vars(part):
            degree = vars(part)[name]
            reject_unless(isinstance(degree, int | np.integer) and 0 <= degree < 1000, "a degree")


def check_pattern(part: Any, setting: str, pattern: object) -> None:
    """Refuse a regular expression that could take exponential time on a text.

    What is repeated may hold neither a repeat nor a choice, and no more than a
    few repeats may follow each other; the time of a search then grows with a
    small power of the text's length, and the audit's time limit bounds it.

    Raises
    ------
    UnsafeModel
        `refused_settings`.
    MalformedPickleError
        when it is no pattern.
    """
    reject_unless(isinstance(pattern, str), "a pattern must be text")
    assert isinstance(pattern, str)  # noqa: S101 (for the type checker alone)
    if len(pattern) <= _LONGEST_PATTERN:
        try:
            repeats = list(_repeats(parser.parse(pattern)))
        except (re.error, RecursionError, OverflowError):
            reject_unless(False, "a pattern that cannot be read")
        if (
            not any(unsafe for _many, unsafe in repeats)
            and sum(many for many, _unsafe in repeats) <= _MOST_REPEATS
            and len(repeats) <= _MOST_OPTIONS
        ):
            return
    raise refused_setting(
        part,
        f'{setting}="{printable(pattern)}"',
        "a pattern that can take exponential time on some texts",
        "Fit it with the default pattern, or with one that repeats single characters or classes of them.",
    )


def _repeats(parsed: Any) -> Iterator[tuple[bool, bool]]:
    """For each repeat: whether it may run on, and whether what it repeats makes it unsafe."""
    for operator, argument in parsed:
        if operator in (opcodes.MAX_REPEAT, opcodes.MIN_REPEAT, opcodes.POSSESSIVE_REPEAT):
            least, most, inner = argument
            within = list(_repeats(inner))
            unsafe = int(most) > 1 and (bool(within) or _chooses(inner))
            if unsafe or least != most:
                yield int(most) > 1, unsafe
            yield from within
        elif operator in (opcodes.GROUPREF, opcodes.GROUPREF_EXISTS):
            yield True, True
        else:
            for inner in _patterns_in(argument):
                yield from _repeats(inner)


def _chooses(parsed: Any) -> bool:
    return any(
        operator is opcodes.BRANCH or any(_chooses(inner) for inner in _patterns_in(argument))
        for operator, argument in parsed
    )


def _patterns_in(argument: Any) -> Iterator[Any]:
    if isinstance(argument, parser.SubPattern):
        yield argument
    elif isinstance(argument, list | tuple):
        for item in argument:
            yield from _patterns_in(item)
