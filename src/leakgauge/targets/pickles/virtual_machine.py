"""A pickle's instructions, carried out by hands of our own.

`pickle.Unpickler` decides by itself what to call and whose methods to use; its
only gate is `find_class`. This virtual machine reads the instructions with the standard
library's `pickletools.genops`, keeps the stack and the memo, and leaves every
step that could touch an object to a `Builder`. Two builders run over the same
bytes: `scanner` makes nothing and notes what is asked for,
`construction` makes the model. So what was checked is what is loaded.

A joblib file is a pickle with the raw bytes of arrays between the instructions;
`genops` reads its file step by step, so a builder may take such bytes off the
file before the next instruction is read.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from leakgauge.errors import LimitExceeded


class MalformedPickleError(ValueError):
    """The instructions make no sense: a truncated, damaged or crafted file."""


class Builder(Protocol):
    """What becomes of the instructions that reach beyond plain data."""

    def find(self, module: str, name: str) -> object:
        """The object that a global stands for."""

    def call(self, function: object, arguments: object) -> object:
        """The result of calling a global, or a `Deferred` that waits for its state."""

    def make(self, kind: object, arguments: object) -> object:
        """An empty instance of a class."""

    def fill(self, instance: object, state: object, file: BinaryIO) -> object:
        """The instance with its state; may read an array's bytes off `file`."""

    def extend(self, container: object, items: list[object]) -> None:
        """Add items to a list or set."""

    def put(self, container: object, pairs: list[tuple[object, object]]) -> None:
        """Add key and value pairs to a mapping."""

    def refuse(self, instruction: str) -> object:
        """Answer an instruction that no model file needs."""


@dataclass(slots=True, eq=False)
class Deferred:
    """Something called into being that can only be made once its state is known.

    Parameters
    ----------
    finish
        takes the state and the file, gives the object.
    """

    finish: Callable[[object, BinaryIO], object]
    result: object = None
    finished: bool = False


@dataclass(slots=True)
class Budget:
    """Instructions left, shared by a pickle and the pickles nested in it."""

    instructions: int

    def spend(self) -> None:
        """Count one instruction.

        Raises
        ------
        LimitExceeded
            `too_many_instructions` when none is left.
        """
        self.instructions -= 1
        if self.instructions < 0:
            raise LimitExceeded(
                "too_many_instructions",
                "The model file holds more objects than this installation reads.",
                hint="Save a smaller model, or raise the limit on model instructions.",
            )


_PUSH_ARGUMENT = frozenset(
    {
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING"),
        *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
        *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    }
)
_PUSH_NEW: Mapping[str, Callable[[], object]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
    "EMPTY_SET": set,
}
_NOT_KEPT = object()
"""In the memo for what nothing fetches."""
_TUPLE_LENGTHS = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
# what these take off the stack before they would do what no model needs: registered extensions,
# references into the caller's program, classes called with arguments
_REFUSED_POPS = {
    "EXT1": 0,
    "EXT2": 0,
    "EXT4": 0,
    "PERSID": 0,
    "BINPERSID": 1,
    "NEWOBJ_EX": 3,
    "NEXT_BUFFER": 0,
}
_REFUSED_TO_MARK = frozenset({"INST", "OBJ"})


@dataclass(slots=True)
class VirtualMachine:
    """One run over one pickle.

    Parameters
    ----------
    file
        the bytes, at the first instruction; left behind the last one.
    builder
        what the instructions make.
    budget
        how many instructions may be carried out.
    fetched
        places in the memo that instructions fetch, as `fetches` of an earlier run has them; None for any.
        Pickles memoise nearly all they make, so that a memo that keeps everything holds the parts of
        a large model as often again.

    Attributes
    ----------
    fetches
        places in the memo that were fetched in this run.
    """

    file: BinaryIO
    builder: Builder
    budget: Budget
    fetched: frozenset[int] | None = None
    fetches: set[int] = field(default_factory=set)
    _stack: list[object] = field(default_factory=list)
    _marks: list[list[object]] = field(default_factory=list)
    _memo: dict[int, object] = field(default_factory=dict)

    def run(self) -> object:
        """The object that the pickle describes.

        Raises
        ------
        MalformedPickleError, ValueError, IndexError, KeyError, ...
            for instructions that make no sense; the caller gives all of them one name.
        LimitExceeded
            `too_many_instructions`.
        """
        for opcode, argument, _position in pickletools.genops(self.file):
            self.budget.spend()
            if opcode.name == "STOP":
                result = self._pop()
                if isinstance(result, Deferred):
                    raise MalformedPickleError("the object lacks its state")
                return result
            self._step(opcode.name, argument)
        raise MalformedPickleError("the pickle does not end")  # genops raises before; kept for its empty loop

    def _step(self, name: str, argument: object) -> None:
        if name in _PUSH_ARGUMENT:
            self._stack.append(argument)
        elif name in _PUSH_NEW:
            self._stack.append(_PUSH_NEW[name]())
        elif name in _TUPLE_LENGTHS:
            self._stack.append(tuple(self._pop_many(_TUPLE_LENGTHS[name])))
        else:
            self._act(name, argument)

    def _act(self, name: str, argument: object) -> None:
        match name:
            case "PROTO" | "FRAME" | "READONLY_BUFFER":
                pass
            case "MARK":
                self._marks.append(self._stack)
                self._stack = []
            case "POP":
                if self._stack:
                    self._stack.pop()
                else:
                    self._pop_mark()
            case "POP_MARK":
                self._pop_mark()
            case "DUP":
                self._stack.append(self._stack[-1])
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self._memoise(_index(argument))
            case "MEMOIZE":
                self._memoise(len(self._memo))
            case "GET" | "BINGET" | "LONG_BINGET":
                self._fetch(_index(argument))
            case "TUPLE":
                items = self._pop_mark()
                self._stack.append(tuple(items))
            case "LIST":
                items = self._pop_mark()
                self._stack.append(items)
            case "FROZENSET":
                items = self._pop_mark()
                gathered: set[object] = set()
                self.builder.extend(gathered, items)
                self._stack.append(frozenset(gathered))
            case "DICT":
                pairs = _pairs(self._pop_mark())
                mapping: dict[object, object] = {}
                self.builder.put(mapping, pairs)
                self._stack.append(mapping)
            case "APPEND":
                item = self._pop()
                self.builder.extend(self._stack[-1], [item])
            case "APPENDS" | "ADDITEMS":
                items = self._pop_mark()
                self.builder.extend(self._stack[-1], items)
            case "SETITEM":
                value, key = self._pop(), self._pop()
                self.builder.put(self._stack[-1], [(key, value)])
            case "SETITEMS":
                pairs = _pairs(self._pop_mark())
                self.builder.put(self._stack[-1], pairs)
            case _:
                self._ask_builder(name, argument)

    def _memoise(self, place: int) -> None:
        kept = self.fetched is None or place in self.fetched
        self._memo[place] = self._stack[-1] if kept else _NOT_KEPT

    def _fetch(self, place: int) -> None:
        value = self._memo[place]
        if value is _NOT_KEPT:
            raise MalformedPickleError("an object that the first run did not fetch")
        self.fetches.add(place)
        self._stack.append(_settled(value))

    def _ask_builder(self, name: str, argument: object) -> None:
        """The instructions that reach beyond plain data, and those that are refused."""
        match name:
            case "GLOBAL":
                module, _, qualified_name = str(argument).partition(" ")
                self._stack.append(self.builder.find(module, qualified_name))
            case "STACK_GLOBAL":
                qualified, module_name = self._pop(), self._pop()
                if not (isinstance(qualified, str) and isinstance(module_name, str)):
                    raise MalformedPickleError("a global must be named by text")
                self._stack.append(self.builder.find(module_name, qualified))
            case "REDUCE":
                arguments, function = self._pop(), self._pop()
                self._stack.append(self.builder.call(function, arguments))
            case "NEWOBJ":
                arguments, kind = self._pop(), self._pop()
                self._stack.append(self.builder.make(kind, arguments))
            case "BUILD":
                self._build()
            case _:
                self._refuse(name, argument)

    def _build(self) -> None:
        state, instance = self._pop(), self._pop()
        if isinstance(instance, Deferred):
            if instance.finished:
                raise MalformedPickleError("an object is given its state twice")
            instance.result = instance.finish(state, self.file)
            instance.finished = True
            self._stack.append(instance.result)
        else:
            self._stack.append(self.builder.fill(instance, state, self.file))

    def _refuse(self, name: str, argument: object) -> None:
        if name == "INST":
            module, _, qualified_name = str(argument).partition(" ")
            self.builder.find(module, qualified_name)
        if name in _REFUSED_TO_MARK:
            self._pop_mark()
        else:
            self._pop_many(_REFUSED_POPS[name])
        self._stack.append(self.builder.refuse(name))

    def _pop(self) -> object:
        return self._stack.pop()

    def _pop_many(self, count: int) -> list[object]:
        if count > len(self._stack):
            raise MalformedPickleError("the stack is empty")
        taken = self._stack[len(self._stack) - count :]
        del self._stack[len(self._stack) - count :]
        return taken

    def _pop_mark(self) -> list[object]:
        items = self._stack
        self._stack = self._marks.pop()
        return items


def _settled(value: object) -> object:
    return value.result if isinstance(value, Deferred) and value.finished else value


def _index(argument: object) -> int:
    if not isinstance(argument, int):
        raise MalformedPickleError("a memo index must be a number")
    return argument


def _pairs(items: list[object]) -> list[tuple[object, object]]:
    if len(items) % 2:
        raise MalformedPickleError("a key lacks its value")
    return list(zip(items[::2], items[1::2], strict=True))
