"""What an installation may lack, and the line that installs it.

The package itself brings what the command line needs; the libraries of an audit and of the HTTP service
come with extras of their own. They are looked for before anything is begun, so that no part of an audit
breaks halfway, or is left out unseen.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Final, Literal, NamedTuple, TypeAlias

from leakgauge.errors import AuditFailed

Extra: TypeAlias = Literal[
    "membership",
    "membership-nn",
    "catboost",
    "inversion",
    "reference",
    "endpoints",
    "sagemaker-endpoints",
    "mlflow",
    "dask",
    "serve",
    "pdf",
    "demo",
]

_IMAGES: Final = ("onnx", "onnxruntime", "PIL")
_INVERSION: Final = (*_IMAGES, "skimage", "cma", "threadpoolctl")
MODULES: Final[dict[Extra, tuple[str, ...]]] = {
    "membership": ("sklearn", "pandas", "pyarrow", "joblib", "threadpoolctl"),
    "catboost": ("catboost", "flatbuffers"),
    "inversion": _INVERSION,
    "endpoints": ("urllib3", "jmespath"),
    "sagemaker-endpoints": ("boto3", "botocore"),
    "dask": ("distributed",),
    "serve": ("flask", "gunicorn"),
    "pdf": ("weasyprint",),
    "demo": (*_INVERSION, "tensorflow", "keras", "h5py", "tf2onnx", "sklearn", "pandas", "pyarrow", "flask"),
}
"""Modules without which an extra does nothing. Further ones are told when they are missed."""


class Library(NamedTuple):
    """What single attacks need; without it the others run.

    Attributes
    ----------
    extra
        the extra that brings it.
    distribution
        what package indexes know it by; its version stands in reports of these attacks.
    """

    extra: Extra
    distribution: str


LIBRARIES: Final = {
    "torch": Library("membership-nn", "torch"),
    "art": Library("reference", "adversarial-robustness-toolbox"),
    "secmlt": Library("reference", "secml-torch"),
}
"""By the module that is imported."""

ACCOUNTANT: Final = "dp_accounting"
"""The one library of the demo that is needed only where a model is trained with DP-SGD."""


def check(extra: Extra, modules: Sequence[str] | None = None) -> None:
    """See that the modules of an extra can be imported; none is.

    Raises
    ------
    AuditFailed
        `missing_extra`, with those that cannot in `details["modules"]`.
    """
    absent = [module for module in modules or MODULES[extra] if not installed(module)]
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


def not_installed(library: str) -> str:
    """Why an attack of which the library, one of `LIBRARIES`, is not there was not run."""
    extra = LIBRARIES[library].extra
    return f'extra "{extra}" not installed; to install it: {install_line(extra)}'


def installed(module: str) -> bool:
    """Whether a module is there to be imported; it is not imported, which may take seconds.

    One that is there and breaks when it is imported counts as installed: the failure is told where it
    happens, and as what it is.
    """
    if sys.modules.get(module) is not None:
        return True
    try:
        spec = find_spec(module)
        return spec is not None and spec.origin is not None  # a folder of that name is no module
    except (ImportError, ValueError):  # a finder that refuses; a module that is barred from import
        return False


def keep_triton_out() -> None:
    """Let PyTorch do without Triton in this process; to be called before PyTorch is imported.

    Its CUDA wheels bring Triton, and its optimisers load it. Loaded after TensorFlow, in whose process image
    classifiers are audited, it ends that process. It compiles for GPUs alone, which no audit uses.
    """
    sys.modules.setdefault("triton", None)  # type: ignore[arg-type]  # what Python keeps for "not there"
