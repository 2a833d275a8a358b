"""However an honest zip is bent, it gives a bundle or one of our errors, and writes only where it may."""

from __future__ import annotations

import io
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from leakgauge.bundle import ImageMembershipBundle, InversionBundle, Limits, MembershipBundle, unpack
from leakgauge.errors import LeakgaugeError

LIMITS = replace(Limits(), unpacked_bytes=100_000)


def zipped(files: dict[str, bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


TABLES = {"train_mia.csv": b"a,label\n1,0\n" * 5, "test_mia.csv": b"a,label\n2,0\n" * 5}
HONEST = [
    zipped({"model.pkl": b"\x80\x04N.", **TABLES}),
    zipped({"model.pkl": b"\x80\x04N.", **TABLES}, compression=zipfile.ZIP_STORED),
    zipped({"x/model.pkl": b"m", "x/data.zip": zipped(TABLES)}, compression=zipfile.ZIP_STORED),
    zipped({"model.h5": b"m", "input_image.png": b"p", "auxiliary/ä.png": b"q"}),
    zipped({"model.h5": b"m", "training/0/ä.png": b"p", "x_test.npy": b"q", "y_test.npy": b"r"}),
]


def check(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "upload").write_bytes(data)
        into = place / "outer" / "into"
        try:
            bundle = unpack(place / "upload", into, limits=LIMITS)
        except LeakgaugeError as refusal:
            told = refusal.message
        else:
            told = bundle.kind
            assert isinstance(bundle, MembershipBundle | ImageMembershipBundle | InversionBundle)
            assert into in bundle.model.path.parents
        assert told.isprintable()
        written = [path for path in place.rglob("*") if path.is_file() or path.is_symlink()]
        assert all(path == place / "upload" or into in path.parents for path in written)
        assert not any(path.is_symlink() for path in written)
        assert sum(path.stat().st_size for path in into.rglob("*") if path.is_file()) <= LIMITS.unpacked_bytes


@settings(max_examples=300, derandomize=True, deadline=None)
@given(
    base=st.sampled_from(HONEST),
    edits=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=4)), max_size=6
    ),
)
def test_overwritten_bytes(base: bytes, edits: list[tuple[float, bytes]]) -> None:
    data = bytearray(base)
    for place, new in edits:
        start = int(place * len(data))
        data[start : start + len(new)] = new
    check(bytes(data))


@settings(max_examples=200, derandomize=True, deadline=None)
@given(
    base=st.sampled_from(HONEST),
    start=st.floats(0, 1),
    length=st.integers(0, 60),
    put=st.binary(max_size=30),
)
def test_cut_and_inserted_bytes(base: bytes, start: float, length: int, put: bytes) -> None:
    position = int(start * len(base))
    check(base[:position] + put + base[position + length :])


@settings(max_examples=150, derandomize=True, deadline=None)
@given(
    names=st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12),
        max_size=4,
    )
)
def test_any_names(names: list[str]) -> None:
    files = {"model.pkl": b"m", **TABLES}
    check(zipped(files | dict.fromkeys(names, b"x")))
    check(zipped(files | {f"auxiliary/{name}.png": b"x" for name in names}))


@settings(max_examples=200, derandomize=True, deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    check(data)
    check(data + HONEST[0][-22:])
