"""Boosters in pickles: their state goes to the reader of their library, which makes them anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from leakgauge.targets.libraries import boosters
from leakgauge.targets.pickles.allow_list import BOOSTER_PAIRS, Pair
from leakgauge.targets.pickles.arrays import Constructor
from leakgauge.targets.pickles.checks import arguments_of
from leakgauge.targets.pickles.virtual_machine import Deferred


def _constructor(pair: Pair) -> Callable[[object], object]:
    package, name = pair[0].partition(".")[0], pair[1]

    def construct(arguments: object) -> object:
        arguments_of(arguments, least=0)
        return Deferred(lambda state, _file: boosters(package).from_pickle(name, state))

    return construct


BOOSTER_CONSTRUCTORS: Mapping[Pair, Constructor] = {
    pair: Constructor(_constructor(pair)) for pair in BOOSTER_PAIRS
}
"""All that boosting libraries add to a pickle."""
