"""What was found in one attribute of a part, and of its copies in other parts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
from scipy import sparse

from leakgauge.model_contents.reach import Reached
from leakgauge.report.model import HeldField, Holds
from leakgauge.targets.protocol import BoolArray
from leakgauge.targets.sklearn.kept_data import KeptData
from leakgauge.targets.sklearn.model_graph import type_name

_EXAMPLES = 3
_UNKNOWN = "Look at why the model keeps it; a model that is released should not."
"""Remedy for an attribute that nothing is known of."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one attribute holds.

    Attributes
    ----------
    part
        the part, with the rows that reach it.
    size
        how many records, values or words it holds.
    known
        its row in the list of what estimators keep; None where it has none.
    there
        (n,) or (k,) which records, or different values of the table, stand in it; None where not known.
    common
        (n,) which records have equals there that may be chance; None for none.
    alone
        (k,) which values one record alone has; None where records are counted.
    in_order
        whether it follows the order of the table.
    values
        the different values of the table, one sequence a column.
    copies
        how many parts hold such an attribute.
    """

    part: Reached
    attribute: str
    holds: Holds
    size: int
    known: KeptData | None
    there: BoolArray | None = None
    common: BoolArray | None = None
    alone: BoolArray | None = None
    in_order: bool = False
    values: tuple[Iterable[Any], ...] = ()
    copies: int = 1

    @property
    def key(self) -> tuple[str, str, str, Holds]:
        """What copies of it share: all but the numbers in its path."""
        path = re.sub(r"\[[0-9]+\]", "[]", self.part.path)
        return path, type(self.part.part).__name__, self.attribute, self.holds

    def with_copy(self, other: Finding) -> Finding:
        """Both together: what stands in either."""
        return replace(
            self,
            size=max(self.size, other.size),
            there=_either(self.there, other.there),
            common=_either(self.common, other.common),
            in_order=self.in_order or other.in_order,
            copies=self.copies + other.copies,
        )

    def field(self, *, include_values: bool = False) -> HeldField:
        """The field of the report."""
        common = np.zeros(0, np.bool_) if self.common is None else self.common
        if self.there is not None and len(common) == len(self.there):
            common = common & ~self.there
        return HeldField(
            path=self.key[0] if self.copies > 1 else self.part.path,
            estimator=type_name(self.part.part),
            attribute=self.attribute,
            copies=self.copies,
            holds=self.holds,
            size=self.size,
            found=None if self.there is None else int(self.there.sum()),
            of=None if self.there is None else len(self.there),
            common=int(common.sum()),
            single=0 if self._single is None else int(self._single.sum()),
            in_order=self.in_order,
            as_given=self.part.as_given,
            all_columns=self.part.all_columns,
            answers_need_it=self.known is None or self.known.answers_need_it,
            remedy=_UNKNOWN if self.known is None else self.known.remedy,
            examples=self._examples() if include_values else (),
        )

    @property
    def _single(self) -> BoolArray | None:
        """(k,) which values stand in it that one record alone has."""
        if self.there is None or self.alone is None or len(self.there) != len(self.alone):
            return None
        return self.there & self.alone

    def _examples(self) -> tuple[str, ...]:
        """A few of the records or values that stand in it, those of one record alone first."""
        if self.there is None:
            return ()
        places = np.flatnonzero(
            self.there if self._single is None or not self._single.any() else self._single
        )
        if self.holds == "records":
            rows = self.part.x
            return tuple(_row(rows, place) for place in places[:_EXAMPLES])
        every = chain.from_iterable(self.values)
        wanted = set(places[:_EXAMPLES].tolist())
        return tuple(str(value) for place, value in enumerate(every) if place in wanted)


def _row(x: Any, place: int) -> str:
    row = x.iloc[place].tolist() if hasattr(x, "iloc") else x[[place]]
    return ", ".join(map(str, np.ravel(row.toarray() if sparse.issparse(row) else row).tolist()))


def _either(one: BoolArray | None, other: BoolArray | None) -> BoolArray | None:
    """What is in one or the other; where they are about different values, the one that has more."""
    if one is None or other is None:
        return other if one is None else one
    if len(one) == len(other):
        return one | other
    return max(one, other, key=lambda found: int(found.sum()))
