"""What an installation may lack, and the line that installs it.

The package itself brings what the doors need; the libraries of an audit come with an extra of their own.
They are looked for before an audit, so that none of its parts breaks halfway, or is left out unseen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Final, Literal, TypeAlias

from leakgauge.errors import AuditFailed

Extra: TypeAlias = Literal["membership", "inversion", "demo"]

_IMAGES: Final = ("onnx", "onnxruntime", "PIL")
_INVERSION: Final = (*_IMAGES, "skimage", "cma", "threadpoolctl")
MODULES: Final[dict[Extra, tuple[str, ...]]] = {
    "membership": ("sklearn", "pandas", "pyarrow", "joblib", "threadpoolctl", "torch"),
    "inversion": _INVERSION,
    "demo": (*_INVERSION, "tensorflow", "keras", "h5py", "tf2onnx", "sklearn"),
}
"""Modules without which an extra does nothing. Further ones are told when they are missed."""

ACCOUNTANT: Final = "dp_accounting"
"""The one library of the demo that is needed only where a model is trained with DP-SGD."""


def check(extra: Extra, modules: Sequence[str] | None = None) -> None:
    """See that the modules of an extra can be imported; none is.

    Raises
    ------
    AuditFailed
        `missing_extra`, with those that cannot in `details["modules"]`.
    """
    absent = [module for module in modules or MODULES[extra] if not _is_there(module)]
    if absent:
        raise missing(extra, absent)


@contextmanager
def needed(extra: Extra) -> Iterator[None]:
    """What is done here needs an extra: said beforehand, and again for a module that was not looked for.

    Raises
    ------
    AuditFailed
        as `check` does.
    """
    check(extra)
    try:
        yield
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if not module or module == "leakgauge":
            raise
        raise missing(extra, [module]) from error


def missing(extra: Extra, modules: Sequence[str]) -> AuditFailed:
    """The error for an extra of which `modules` are not installed."""
    return AuditFailed(
        "missing_extra",
        f"This needs the extra {extra}, of which Python finds no {', '.join(modules)}.",
        hint=f"Install it with: {install_line(extra)}",
        details={"extra": extra, "modules": [*modules]},
    )


def install_line(extra: str) -> str:
    """The command that installs an extra."""
    return f"pip install 'leakgauge[{extra}]'"


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # a finder that refuses; a module that is barred from import
        return False
