"""Write `requirements-*.txt` anew: every package that is installed, by version and by hash.

    make lock                          # pins stay as they are where they still fit
    make lock LOCK=--upgrade           # the newest of everything
    make lock LOCK="--upgrade-package flask"

TORCH_INDEX names the index of PyTorch's CPU wheels, whose hashes the package index does not know. Without
it, those that stand in `requirements-torch-cpu.txt` stay there, as long as the version does.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

CONTAINER = Path(__file__).parent
OLDEST_PYTHON = "3.11"
"""The pins hold for every later Python that is supported, and for all systems."""

# What PyTorch itself needs; `pip check` tells when something is missing.
AROUND_TORCH = ("filelock", "fsspec", "jinja2", "networkx", "setuptools", "sympy", "typing-extensions")
_TORCH_WITH_CUDA = re.compile(r"(torch|nvidia|cuda|triton)\b")


@dataclass(frozen=True)
class Lock:
    """A file of pins.

    Attributes
    ----------
    name
        of the file `requirements-<name>.txt`.
    about
        what it is for.
    extras
        of pyproject.toml; None for a file without Leakgauge's own needs.
    packages
        what is asked for besides.
    beside
        files whose versions are kept, since both go into one environment.
    """

    name: str
    about: str
    extras: tuple[str, ...] | None = ()
    packages: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """Where it stands."""
        return CONTAINER / f"requirements-{self.name}.txt"


LOCKS = (
    Lock(
        "membership",
        "The membership image, but for PyTorch.",
        ("membership", "dask", "serve", "pdf"),
        # from 10 on it brings lazy-importer, weeks old, which changes how Python imports
        (*AROUND_TORCH, "importlib-metadata<10; python_version < '3.12'"),
    ),
    Lock(
        "inversion",
        "The inversion image.",
        ("inversion", "membership", "serve", "pdf"),
        beside=("membership",),
    ),
    Lock("demo", "The demo page: its image, `make demo`.", ("demo",), beside=("membership", "inversion")),
    Lock("build", "What builds the package.", None, ("setuptools>=77",), beside=("inversion",)),
    Lock(
        "dev", "What tests and checks need.", ("dev", "endpoints"), beside=("membership", "inversion", "demo")
    ),
    Lock(
        "publish",
        "What publishes to the marketplace, and the tests of it.",
        None,
        ("boto3", "moto[s3]", "pyyaml", "regex"),
        beside=("membership", "inversion", "demo", "dev"),
    ),
    Lock(
        "sagemaker",
        "The SageMaker SDK (version 2), its local mode, what runs the notebook. An environment of its own.",
        None,
        ("sagemaker[local]<3", "nbclient", "ipykernel", "docker"),
    ),
    Lock(
        "sagemaker-v3",
        "The SageMaker SDK (version 3) and its local mode. An environment of its own.",
        None,
        ("sagemaker>=3", "docker"),
    ),
    Lock(
        "endpoints",
        "What endpoints and documents for other systems are tested with. An environment of its own.",
        None,
        ("mlserver", "mlserver-sklearn", "mlflow", "scikit-learn", "huggingface-hub", "schemathesis"),
    ),
    Lock(
        "site",
        "What builds the documentation site. An environment of its own.",
        packages=("sphinx", "furo", "myst-parser", "numpydoc"),
    ),
    Lock(
        "release",
        "What builds and scans a release, lists its packages, writes these files. An environment of its own.",
        None,
        ("build", "twine", "pip-audit", "cyclonedx-bom", "setuptools>=77", "uv"),
    ),
)
TORCH = Lock(
    "torch",
    "PyTorch of the package index; on Linux its build with CUDA, and what that needs.",
    None,
    ("torch>=2.4",),
)
TORCH_FOR_CPU = Lock("torch-cpu", "PyTorch's builds for CPUs, of Linux; they need nothing besides.", None)


def pinned(lock: Lock, *options: str) -> list[str]:
    """Have uv resolve what a file asks for; its pins, each with its hashes below it."""
    command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", OLDEST_PYTHON]
    command += ["--generate-hashes", "--no-header", "--no-annotate", *options]
    for name in lock.beside:
        command += ["--constraints", str(CONTAINER / f"requirements-{name}.txt")]
    for extra in lock.extras or ():
        command += ["--extra", extra]
    sources = ["pyproject.toml"] if lock.extras is not None else []
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as packages:
        packages.write("\n".join(lock.packages) + "\n")
        packages.flush()
        # what stands in the file is kept where it fits
        command += ["--output-file", str(lock.path), *sources, packages.name]
        subprocess.run(command, check=True, cwd=CONTAINER.parent)  # noqa: S603 - nothing of it is a stranger's
    return re.findall(r"^[^\s#].*(?:\n    .*)*", lock.path.read_text(), flags=re.M)


def write(lock: Lock, pins: list[str]) -> None:
    """The file, with what it is for above its pins."""
    head = f"# {lock.about}\n# Written by `make lock` from pyproject.toml and container/lock.py.\n"
    lock.path.write_text(head + "\n".join(pins) + "\n")


def version_of(pin: str) -> str:
    """What is pinned, as `name==version`."""
    return re.split(r"[\s;\\]", pin, maxsplit=1)[0]


def lock_torch(options: list[str]) -> None:
    """PyTorch in both its builds: that of the package index with what it needs, and those for CPUs."""
    pins = pinned(TORCH, *options)
    write(TORCH, [pin for pin in pins if _TORCH_WITH_CUDA.match(pin)])
    version = next(version_of(pin) for pin in pins if pin.startswith("torch=="))
    for_cpu = f"{version}+cpu"
    if index := os.environ.get("TORCH_INDEX"):
        asked = replace(TORCH_FOR_CPU, packages=(for_cpu,))
        write(asked, pinned(asked, "--index-url", index, "--no-deps", *options))
    elif f"{for_cpu} " not in TORCH_FOR_CPU.path.read_text():
        sys.exit(
            f"{version} is new. Set TORCH_INDEX: the package index has no hashes of its builds for CPUs."
        )


def main() -> None:
    """Write every file; options are handed to uv."""
    options = sys.argv[1:]
    for lock in LOCKS:
        write(lock, pinned(lock, *options))
    lock_torch(options)


if __name__ == "__main__":
    main()
