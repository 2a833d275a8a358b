"""What the code below scikit-learn's transformers trusts: indices of sparse columns, centres, labels.

Sparse matrices that a transformer makes are handed to SciPy's compiled code,
which takes their indices for granted. So a vocabulary must number its columns,
and an encoder's tables must stay inside its columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from leakgauge.targets.pickles.checks import an_array, reject_unless
from leakgauge.targets.sklearn.checks.contracts import ANY, Array, Contract, Rule, Sizes

_PLAIN = (str, bytes, int, float, complex, np.generic, type(None))


# --- columns by number --------------------------------------------------------------------------------


def _check_vocabulary(part: Any) -> None:
    if "vocabulary_" in vars(part):
        _check_numbering(part.vocabulary_)


def _check_label_numbers(part: Any) -> None:
    numbers = vars(part).get("_cached_dict")
    if numbers is not None:
        _check_numbering(numbers)


def _check_labels(part: Any) -> None:
    if "classes_" in vars(part):
        labels = list(part.classes_)
        # the cache is as wide as there are different ones
        reject_unless(len(dict.fromkeys(labels)) == len(labels), "a label stands twice")


def _check_numbering(columns_of: Any) -> None:
    reject_unless(type(columns_of) is dict, "columns are numbered by a mapping")
    columns = list(columns_of.values())
    reject_unless(all(isinstance(column, int | np.integer) for column in columns), "columns are numbers")
    reject_unless(sorted(columns) == list(range(len(columns))), "columns are numbered from the first on")


# --- encoders -----------------------------------------------------------------------------------------


def _check_all_categories(part: Any) -> None:
    categories = part.categories_
    reject_unless(type(categories) is list, "an encoder's columns")
    if "n_features_in_" in vars(part):
        reject_unless(len(categories) == part.n_features_in_, "an encoder's columns")
    for known in categories:
        _check_categories(known)


def _check_categories(known: object) -> None:
    """One column's categories, in order: a search among others may give a code behind the last."""
    values = an_array(known, "an encoder's categories", ndim=1)
    check_plain_values(values)
    reject_unless(values.dtype.kind in "biufSUO", "an encoder's categories")
    if values.dtype.kind != "O":
        numbers = values[~np.isnan(values)] if values.dtype.kind == "f" else values
        reject_unless(np.all(numbers[1:] > numbers[:-1]), "an encoder's categories are out of order")
        reject_unless(len(numbers) >= len(values) - 1, "an encoder's categories are out of order")


def _check_widths(part: Any) -> None:
    """Codes, less what is dropped or grouped, are the column indices of a sparse matrix."""
    widths = list(part._n_features_outs)
    dropped = part._drop_idx_after_grouping
    reject_unless(len(widths) == len(part.categories_), "an encoder's columns")
    reject_unless(dropped is None or np.shape(dropped) == (len(widths),), "an encoder's dropped columns")
    for place, (known, width) in enumerate(zip(part.categories_, widths, strict=True)):
        mapping = part._default_to_infrequent_mappings[place] if part._infrequent_enabled else None
        groups = len(known) if mapping is None else _groups(mapping, len(known))
        drop = None if dropped is None else dropped[place]
        if drop is not None:
            reject_unless(isinstance(drop, int | np.integer) and 0 <= drop < groups, "a dropped column")
        reject_unless(width == groups - (drop is not None), "an encoder's number of columns")


def _groups(mapping: object, n_categories: int) -> int:
    table = an_array(mapping, "an encoder's groups", ndim=1)
    reject_unless(table.dtype.kind in "iu" and len(table) == n_categories > 0, "an encoder's groups")
    reject_unless(table.min() >= 0 and table.max() < n_categories, "an encoder's groups")
    return int(table.max()) + 1


def _check_rare(part: Any) -> None:
    if not part._infrequent_enabled:
        return
    for rare, known in zip(part._infrequent_indices, part.categories_, strict=True):
        if rare is not None:
            places = an_array(rare, "an encoder's rare categories", ndim=1)
            reject_unless(np.all((places >= 0) & (places < len(known))), "an encoder's rare categories")


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


# --- rows against rows --------------------------------------------------------------------------------


def _check_centres(part: Any) -> None:
    # the length of nothing is what no array can be compared with
    reject_unless(np.size(vars(part).get("cluster_centers_", 1)) > 0, "centres must be there")


def _features(part: Any) -> Sizes:
    return {"features": part.n_features_in_}


def _check_degree(part: Any) -> None:
    for name in ("_min_degree", "_max_degree"):
        if name in vars(part):
            degree = vars(part)[name]
            reject_unless(isinstance(degree, int | np.integer) and 0 <= degree < 1000, "a degree")


def _check_interactions(part: Any) -> None:
    reject_unless(isinstance(part.interaction_only, bool | np.bool_), "interactions alone, or all products")


CONTRACTS: Mapping[str, Contract] = {
    "vectorizer": Contract(
        "The vocabulary numbers the columns of a sparse matrix.",
        rules=(Rule("vocabulary_", "numbers its words from the first on", _check_vocabulary),),
    ),
    "hasher": Contract("Hashes are taken modulo the number of columns, which is a setting."),
    "label_numbers": Contract(
        "A cache numbers the columns of a sparse matrix.",
        rules=(
            Rule("classes_", "different from each other", _check_labels),
            Rule("_cached_dict", "numbers its labels from the first on", _check_label_numbers),
        ),
    ),
    "one_hot": Contract(
        "Codes, less what is dropped or grouped, are the column indices of a sparse matrix.",
        fitted="categories_",
        rules=(
            Rule("categories_", "in order, for each feature", _check_all_categories),
            Rule("_n_features_outs", "the number of codes that are left", _check_widths),
            Rule("_drop_idx_after_grouping", "one of the codes, or none", _check_widths),
            Rule("_default_to_infrequent_mappings", "codes below their number", _check_widths),
            Rule("_infrequent_indices", "positions among the categories", _check_rare),
        ),
    ),
    "ordinal": Contract(
        "Codes are positions among sorted categories.",
        fitted="categories_",
        rules=(Rule("categories_", "in order, for each feature", _check_all_categories),),
    ),
    "agglomeration": Contract(
        "Counting makes room for the largest label.",
        fitted="labels_",
        sizes=_features,
        arrays=(Array("labels_", ("features",), "iu", below="features"),),
    ),
    "centres": Contract(
        "Lloyd's step reads as many numbers of a centre as a row has.",
        fitted="cluster_centers_",
        sizes=_features,
        arrays=(Array("cluster_centers_", (ANY, "features")),),
        rules=(Rule("cluster_centers_", "one at least", _check_centres),),
    ),
    "subclusters": Contract(
        "Distances to the nearest centre read as many numbers of it as a row has.",
        fitted="subcluster_centers_",
        sizes=_features,
        arrays=(Array("subcluster_centers_", (ANY, "features")),),
    ),
    "components": Contract(
        "Coordinate descent reads as many numbers of a component as a row has.",
        fitted="components_",
        sizes=_features,
        arrays=(Array("components_", (ANY, "features")),),
    ),
    "dictionary": Contract(
        "Coordinate descent reads as many numbers of an atom as a row has.",
        fitted="dictionary",
        arrays=(Array("dictionary", (ANY, ANY), "fiu"),),
    ),
    "polynomial": Contract(
        "The expansion of sparse rows knows degrees up to three, and takes them for small whole numbers.",
        rules=(
            Rule("_max_degree", "a small whole number", _check_degree),
            Rule("interaction_only", "yes or no", _check_interactions),
        ),
    ),
}
