"""What a model knows of each column that it takes, whatever kind of model it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["numbers", "text", "categories", "anything"]


@dataclass(frozen=True, slots=True)
class InputColumn:
    """What the model knows of one input column.

    Attributes
    ----------
    kind
        `categories` where an encoder keeps its values, `text` where it is cut into words, `numbers`
        where nothing else can be read, `anything` where the model does not tell.
    categories
        the values that encoders keep, in their own types; `None` or NaN among them stands for
        no value. Empty for other kinds.
    is_categorical_dtype
        whether training held it as pandas' `category` dtype.
    is_read
        False where every part of the model leaves it out.
    is_whole
        whether it takes whole numbers alone, none of them missing.
    """

    kind: Kind = "anything"
    categories: tuple[Any, ...] = ()
    is_categorical_dtype: bool = False
    is_read: bool = True
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """Columns that `fit` chose by name or dtype, as `make_column_selector` does.

    Attributes
    ----------
    selector
        the rule, which gives the names of the columns that it chooses from a table.
    columns
        input columns that it chose among those that it was shown.
    shown
        input columns that it was shown.
    """

    selector: Callable[[Any], Sequence[Any]]
    columns: frozenset[int]
    shown: frozenset[int]


@dataclass(frozen=True, slots=True)
class InputColumns:
    """What the model knows of all of its input columns.

    Attributes
    ----------
    columns
        one for each, in the order of the model's input.
    selections
        rules by which parts of the model chose among them.
    """

    columns: tuple[InputColumn, ...]
    selections: tuple[Selection, ...] = ()
