"""The public names are these and no others: adding or losing one is a decision, not an accident."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import leakgauge
from leakgauge.errors import LeakgaugeError


def test_the_package_exports_what_its_types_promise() -> None:
    """What type checkers see is imported by name, what runs is found by name: both are the same."""
    source = ast.parse(Path(leakgauge.__file__).read_text())
    promised = {
        alias.name: node.module
        for node in ast.walk(source)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("leakgauge.")
        for alias in node.names
    }
    assert leakgauge.__all__ == sorted(promised)
    for name, module in promised.items():
        assert getattr(leakgauge, name) is getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("name", ["Policy", "errors_", "import_module_"])
def test_nothing_else_is_exported(name: str) -> None:
    assert not hasattr(leakgauge, name)


def test_an_error_brings_no_library_along() -> None:
    program = "import sys, leakgauge; leakgauge.BadBundle; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"numpy", "scipy", "pydantic"} & set(loaded.stdout.split())


def test_every_error_has_a_status_and_survives_the_wire() -> None:
    for name in ("BadBundle", "UnsupportedModel", "UnsafeModel", "BadParameters", "LimitExceeded"):
        kind = getattr(leakgauge, name)
        error = kind("some_problem", "What happened.", hint="What next.", details={"row": 3})
        again = LeakgaugeError.from_body(error.body())
        assert type(again) is kind
        assert again.body() == error.body()
        assert 400 <= kind.status < 500
        assert kind.exit_code == 2
