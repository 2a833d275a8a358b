"""What all tests share."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator

import numpy as np
import pytest

# as in the sandbox: on small matrices several threads wait for each other most of the time
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


np.random.seed(0)  # noqa: NPY002 - for models that are fitted while tests are collected


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """A test sees the same chance in every run: estimators without a seed take NumPy's own."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes make no name: they may hold a clock, and two workers must collect the same names."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(autouse=True)
def _commands_leave_logs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting up logs closes all other handlers, and that of absl closes the stream that pytest captures."""
    if "leakgauge.cli" in sys.modules:
        monkeypatch.setattr("leakgauge.cli.configure", lambda **_: None)


@pytest.fixture
def few_trees() -> Iterator[None]:
    """As `cases.few_trees`, for tests that audit in a way of their own."""
    from cases import few_trees as in_cases  # at need, since it loads the libraries of an audit

    with in_cases():
        yield
