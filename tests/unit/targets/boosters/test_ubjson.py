"""Universal Binary JSON: what is written is read to the last bit, and nothing else is."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leakgauge.targets.boosters.ubjson import MalformedUbjsonError, dumps, loads

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(width=32, allow_nan=False)
    | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
    max_leaves=10,
)


@settings(max_examples=30, derandomize=True, deadline=None)
@given(VALUES)
def test_documents_are_read_as_they_were_written(value):
    assert loads(dumps(value)) == value


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "int32", "int64", "float32", "float64"])
def test_arrays_keep_their_type_and_every_bit(kind):
    array = np.frombuffer(np.random.default_rng(0).bytes(80), dtype=kind)
    read = loads(dumps(array))
    assert read.dtype == array.dtype
    assert read.tobytes() == array.tobytes()


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_document_or_refused(data):
    with contextlib.suppress(MalformedUbjsonError):
        loads(data)


@pytest.mark.parametrize("value", [{1, 2}, object(), np.zeros(2, dtype=complex)])
def test_other_values_are_not_written(value):
    with pytest.raises((TypeError, KeyError)):
        dumps(value)
