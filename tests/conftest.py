"""What all tests share."""

from __future__ import annotations


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes make no name: they may hold a clock, and two workers must collect the same names."""
    return argname if isinstance(val, bytes) else None
