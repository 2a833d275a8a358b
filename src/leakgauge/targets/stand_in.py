"""Classes that stand in for a library's own, with a check or a habit of ours in front of it."""

from __future__ import annotations

import copy
import copyreg
from typing import Any, ClassVar


class StandIn:
    """Is saved as the class that it stands for, and copied as itself.

    Attributes
    ----------
    _stands_for
        the class of the library.
    _not_saved
        attributes that the library does not know.
    """

    _stands_for: ClassVar[type]
    _not_saved: ClassVar[tuple[str, ...]] = ()

    def _plain(self) -> Any:
        plain: Any = object.__new__(self._stands_for)
        vars(plain).update({name: value for name, value in vars(self).items() if name not in self._not_saved})
        return plain

    def __reduce_ex__(self, protocol: Any) -> Any:
        # the form that every protocol can write for another class than the object's own
        return copyreg._reconstructor, (self._stands_for, object, None), self._plain().__getstate__()  # type: ignore[attr-defined]

    def __copy__(self) -> Any:
        twin = object.__new__(type(self))
        vars(twin).update(vars(self))
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        twin = object.__new__(type(self))
        memo[id(self)] = twin
        vars(twin).update(copy.deepcopy(vars(self), memo))
        return twin


def stands_for(kind: type) -> type:
    """The library's own class where `kind` stands in for one, else `kind` itself."""
    return kind._stands_for if issubclass(kind, StandIn) else kind
