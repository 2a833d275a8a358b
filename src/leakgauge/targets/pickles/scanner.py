"""What a pickle asks for, found without making or calling anything of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO

from leakgauge.targets.libraries import NAMES
from leakgauge.targets.pickles import arrays
from leakgauge.targets.pickles.allow_list import (
    CHECK_ARRAY,
    DISTRIBUTIONS,
    GETATTR,
    PARTIAL,
    STRING_METHODS,
    Pair,
    is_allowed,
    today,
)
from leakgauge.targets.pickles.virtual_machine import Budget, VirtualMachine


@dataclass(frozen=True, slots=True, eq=False)
class Unmade:
    """Stands for what an instruction would have made, out of the global `pair`."""

    pair: Pair | None = None


@dataclass(slots=True)
class Scanner:
    """A builder that only takes notes.

    It makes no objects but array headers (a dtype and a shape), since in a
    joblib file one has to know how long an array is to find the instruction
    behind it.

    Attributes
    ----------
    also
        classes that are allowed beside those on the list.
    refused
        the globals that are not on the list, in the order of asking.
    instructions
        the names of instructions that no model file needs.
    versions
        scikit-learn versions that the estimators in the file were saved by.
    libraries
        packages beside scikit-learn that the file needs.
    """

    budget: Budget
    also: frozenset[Pair] = frozenset()
    refused: dict[Pair, None] = field(default_factory=dict)
    instructions: dict[str, None] = field(default_factory=dict)
    versions: set[str] = field(default_factory=set)
    libraries: set[str] = field(default_factory=set)

    def find(self, module: str, name: str) -> object:
        """Note the global; nothing is imported."""
        pair = today(module, name)
        if not is_allowed(module, name) and pair not in self.also:
            self.refused[(module, name)] = None
        if pair[0].partition(".")[0] in NAMES and is_allowed(module, name):
            self.libraries.add(pair[0].partition(".")[0])
        return arrays.HEADER_CONSTRUCTORS.get(pair, Unmade(pair))

    def call(self, function: object, arguments: object) -> object:
        """Make an array header; leave anything else unmade."""
        if isinstance(function, Unmade) and function.pair is not None and not _fits(function.pair, arguments):
            self.refused[function.pair] = None
        return self.make(function, arguments)

    def make(self, kind: object, arguments: object) -> object:
        """Make an array header; leave anything else unmade."""
        if isinstance(kind, arrays.Constructor):
            return kind.construct(arguments)
        return Unmade(kind.pair if isinstance(kind, Unmade) else None)

    def fill(self, instance: object, state: object, file: BinaryIO) -> object:
        """Note the version of an estimator; skip the bytes of an array in a joblib file."""
        if isinstance(instance, arrays.ArrayHeader):
            return self._skip(instance, state, file)
        if isinstance(state, dict):
            version = state.get("_sklearn_version")
            if isinstance(version, str):
                self.versions.add(version)
        return instance

    def extend(self, container: object, items: list[object]) -> None:
        """Add to real lists only; sets are not needed to see what is asked for."""
        if type(container) is list:
            container.extend(items)

    def put(self, container: object, pairs: list[tuple[object, object]]) -> None:
        """Keep what stands under text keys: states of estimators and headers of arrays."""
        if type(container) is dict:
            container.update({key: value for key, value in pairs if isinstance(key, str)})

    def refuse(self, instruction: str) -> object:
        """Note the instruction."""
        self.instructions[instruction] = None
        return Unmade()

    def _skip(self, header: arrays.ArrayHeader, state: object, file: BinaryIO) -> object:
        header.read_state(state)
        if header.holds_objects:
            return VirtualMachine(file, self, self.budget).run()
        header.read_bytes(file)
        return Unmade()


def _is(thing: object, pair: Pair) -> bool:
    return isinstance(thing, Unmade) and thing.pair == pair


def _fits(pair: Pair, arguments: object) -> bool:
    """Whether a conditional global is called in the one form that is allowed."""
    first, *others = arguments if isinstance(arguments, tuple) and arguments else (None,)
    if pair == PARTIAL:
        return _is(first, CHECK_ARRAY)
    if pair == GETATTR:
        of_a_distribution = isinstance(first, Unmade) and first.pair in DISTRIBUTIONS
        return of_a_distribution or (_is(first, ("builtins", "str")) and _is_method_of_text(others))
    return True


def _is_method_of_text(names: list[object]) -> bool:
    return len(names) == 1 and isinstance(names[0], str) and names[0] in STRING_METHODS
