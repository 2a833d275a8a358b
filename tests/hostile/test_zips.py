"""Zips that were made to hurt: each is refused by its own name, and nothing leaves the folder."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from leakgauge.bundle import Limits, unpack
from leakgauge.errors import BadBundle, InputError, LimitExceeded

Entry = tuple[str | zipfile.ZipInfo, bytes]
HONEST: list[Entry] = [
    ("model.pkl", b"\x80\x04N."),
    ("train_mia.csv", b"a,label\n1,0\n"),
    ("test_mia.csv", b"a,label\n2,0\n"),
]


def zipped(entries: list[Entry], *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


def with_mode(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    return info


def renamed(old: bytes, new: bytes) -> bytes:
    """An honest zip in which a name was exchanged behind the writer's back, in both places."""
    assert len(old) == len(new)
    data = zipped([*HONEST, (old.decode(), b"x")])
    assert data.count(old) == 2
    return data.replace(old, new)


def patched(data: bytes, signature: bytes, offset: int, new: bytes, *, which: int = 0) -> bytes:
    """`data` with the bytes at `offset` of the record `which` of that signature exchanged."""
    position = -1
    for _ in range(which + 1):
        position = data.index(signature, position + 1)
    start = position + offset
    return data[:start] + new + data[start + len(new) :]


CENTRAL, LOCAL, END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"


def overlapping() -> bytes:
    """Four directory entries that all point at the first entry's bytes, names matching."""
    data = zipped([("model.pkl", b"0" * 1000), *HONEST[1:]])
    end = data.index(END)
    first = data.index(CENTRAL)
    second = data.index(CENTRAL, first + 1)
    record = data[first:second]
    directory = data[first:end] + record
    counts = struct.pack("<4s4H2LH", END, 0, 0, 4, 4, len(directory), first, 0)
    return data[:first] + directory + counts


def lying_size(declared: int) -> bytes:
    """`train_mia.csv` really has 12 bytes; both headers state another size."""
    data = zipped(HONEST, compression=zipfile.ZIP_STORED)
    data = patched(data, CENTRAL, 24, struct.pack("<L", declared), which=1)
    return patched(data, LOCAL, 22, struct.pack("<L", declared), which=1)


def many_entries(count: int) -> bytes:
    return zipped([(f"{number}.txt", b"") for number in range(count)], compression=zipfile.ZIP_STORED)


def nested(entries: list[Entry]) -> bytes:
    return zipped([HONEST[0], ("data.zip", zipped(entries))])


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "bad_bundle.empty_upload"),
    "one byte": (lambda: b"P", "bad_bundle.not_a_zip"),
    "text": (lambda: b"hello, world\n", "bad_bundle.not_a_zip"),
    "no entries": (lambda: zipped([]), "bad_bundle.no_files"),
    "only folders": (lambda: zipped([("a/", b"")]), "bad_bundle.no_files"),
    "only junk": (
        lambda: zipped([("__MACOSX/._model.pkl", b"x"), (".DS_Store", b"")]),
        "bad_bundle.no_files",
    ),
    "truncated": (lambda: zipped(HONEST)[:-30], "bad_bundle.truncated_zip"),
    "end record cut": (lambda: zipped(HONEST)[:-1], "bad_bundle.truncated_zip"),
    "start missing": (lambda: zipped(HONEST)[10:], "bad_bundle.damaged_directory"),
    "bytes after": (lambda: zipped(HONEST) + b"\0", "bad_bundle.trailing_bytes"),
    "second zip after": (lambda: zipped(HONEST) + zipped(HONEST), "bad_bundle.leading_bytes"),
    "bytes before": (lambda: b"#!/bin/sh\n" + zipped(HONEST), "bad_bundle.leading_bytes"),
    "split": (lambda: patched(zipped(HONEST), END, 4, b"\1\0"), "bad_bundle.split_zip"),
    "count lies": (
        lambda: patched(zipped(HONEST), END, 8, struct.pack("<2H", 2, 2)),
        "bad_bundle.damaged_directory",
    ),
    "directory past the end": (
        lambda: patched(zipped(HONEST), END, 16, struct.pack("<L", 2**32 - 2)),
        "bad_bundle.damaged_directory",
    ),
    "directory signature": (
        lambda: zipped(HONEST).replace(CENTRAL, b"PK\x01\x03"),
        "bad_bundle.damaged_directory",
    ),
    "directory name is not UTF-8": (
        lambda: zipped([*HONEST, ("ä.txt", b"")]).replace("ä".encode(), b"\xff\xff"),
        "bad_bundle.damaged_directory",
    ),
    "needs a newer reader": (
        lambda: patched(zipped(HONEST), CENTRAL, 6, b"\xff\0"),
        "bad_bundle.damaged_directory",
    ),
    "declares more than its header can hold": (
        lambda: patched(zipped(HONEST), CENTRAL, 24, b"\xff\xff\xff\xff"),
        "limit_exceeded.unpacked_bytes",
    ),
    "parent": (lambda: zipped([*HONEST, ("../x", b"x")]), "bad_bundle.path_traversal"),
    "parent in the middle": (lambda: zipped([*HONEST, ("a/../../x", b"x")]), "bad_bundle.path_traversal"),
    "parent as junk": (lambda: zipped([*HONEST, ("../.DS_Store", b"x")]), "bad_bundle.path_traversal"),
    "parent as folder": (lambda: zipped([*HONEST, ("../", b"")]), "bad_bundle.path_traversal"),
    "absolute": (lambda: zipped([*HONEST, ("/etc/x", b"x")]), "bad_bundle.absolute_path"),
    "drive": (lambda: zipped([*HONEST, ("C:x", b"x")]), "bad_bundle.drive_letter"),
    "drive with a backslash": (lambda: renamed(b"C:/x", b"C:\\x"), "bad_bundle.drive_letter"),
    "drive behind a device": (lambda: renamed(b"//?/C:/x", b"\\\\?\\C:\\x"), "bad_bundle.absolute_path"),
    "network share": (lambda: renamed(b"//host/x", b"\\\\host\\x"), "bad_bundle.absolute_path"),
    "absolute by a backslash": (lambda: renamed(b"/etc/x", b"\\etc\\x"), "bad_bundle.absolute_path"),
    "parent by backslashes": (lambda: renamed(b"a/../../x", b"a\\..\\..\\x"), "bad_bundle.path_traversal"),
    "parent by one backslash": (lambda: renamed(b"../x", b"..\\x"), "bad_bundle.path_traversal"),
    "parent as a folder with backslashes": (
        lambda: renamed(b"a/../", b"a\\..\\"),
        "bad_bundle.path_traversal",
    ),
    "both separators": (lambda: renamed(b"a/b/x", b"a/b\\x"), "bad_bundle.mixed_separators"),
    "both separators and a parent": (lambda: renamed(b"a/../x", b"a\\../x"), "bad_bundle.mixed_separators"),
    "twins by either separator": (
        lambda: zipped([*HONEST, ("a/x", b"x"), ("a!x", b"y")]).replace(b"a!x", b"a\\x"),
        "bad_bundle.duplicate_name",
    ),
    "twin of the model by a backslash": (
        lambda: renamed(b"./model.pkl", b".\\model.pkl"),
        "bad_bundle.duplicate_name",
    ),
    "too deep by backslashes": (lambda: renamed(b"a/b/c.txt", b"a\\b\\c.txt"), "limit_exceeded.depth"),
    "NUL": (lambda: renamed(b"model.joblib!", b"model.joblib\0"), "bad_bundle.control_character"),
    "newline": (lambda: zipped([*HONEST, ("a\nb", b"x")]), "bad_bundle.control_character"),
    "C1 control": (lambda: zipped([*HONEST, ("a\x9bb", b"x")]), "bad_bundle.control_character"),
    "long part": (lambda: zipped([*HONEST, ("a" * 256, b"x")]), "bad_bundle.name_too_long"),
    "long path": (lambda: zipped([*HONEST, ("a/" * 600, b"")]), "bad_bundle.name_too_long"),
    "case twins": (lambda: zipped([*HONEST, ("MODEL.PKL", b"x")]), "bad_bundle.duplicate_name"),
    "exact twins": (lambda: renamed(b"model.pk!", b"model.pkl"), "bad_bundle.duplicate_name"),
    "dot twins": (lambda: zipped([*HONEST, ("./model.pkl", b"x")]), "bad_bundle.duplicate_name"),
    "Unicode twins": (
        lambda: zipped([*HONEST, ("\u00e9.txt", b"x"), ("e\u0301.txt", b"x")]),
        "bad_bundle.duplicate_name",
    ),
    "link": (
        lambda: zipped([*HONEST, (with_mode("auxiliary/x.png", stat.S_IFLNK | 0o777), b"/etc/passwd")]),
        "bad_bundle.link",
    ),
    "pipe": (
        lambda: zipped([*HONEST, (with_mode("x", stat.S_IFIFO | 0o666), b"")]),
        "bad_bundle.special_file",
    ),
    "device": (
        lambda: zipped([*HONEST, (with_mode("x", stat.S_IFBLK | 0o666), b"")]),
        "bad_bundle.special_file",
    ),
    "folder in disguise": (
        lambda: zipped([*HONEST, (with_mode("x", stat.S_IFDIR | 0o777), b"")]),
        "bad_bundle.special_file",
    ),
    "encrypted": (
        lambda: patched(patched(zipped(HONEST), CENTRAL, 8, b"\1\0"), LOCAL, 6, b"\1\0"),
        "bad_bundle.encrypted",
    ),
    "strongly encrypted": (lambda: patched(zipped(HONEST), CENTRAL, 8, b"\x40\0"), "bad_bundle.encrypted"),
    "masked headers": (lambda: patched(zipped(HONEST), CENTRAL, 8, b"\0\x20"), "bad_bundle.encrypted"),
    "bzip2": (lambda: zipped(HONEST, compression=zipfile.ZIP_BZIP2), "bad_bundle.unknown_compression"),
    "LZMA": (lambda: zipped(HONEST, compression=zipfile.ZIP_LZMA), "bad_bundle.unknown_compression"),
    "method 99": (lambda: patched(zipped(HONEST), CENTRAL, 10, b"\x63\0"), "bad_bundle.unknown_compression"),
    "overlap": (overlapping, "bad_bundle.overlapping_entries"),
    "offset into data": (
        lambda: patched(zipped(HONEST), CENTRAL, 42, struct.pack("<L", 3), which=0),
        "bad_bundle.damaged_entry",
    ),
    "packed size past the directory": (
        lambda: patched(zipped(HONEST), CENTRAL, 20, struct.pack("<L", 10_000), which=2),
        "bad_bundle.damaged_entry",
    ),
    "local name differs": (
        lambda: patched(zipped(HONEST), LOCAL, 30, b"nodel.pkl"),
        "bad_bundle.contradicting_headers",
    ),
    "checksum": (
        lambda: patched(zipped(HONEST, compression=zipfile.ZIP_STORED), b"a,label\n1", 0, b"b,label\n1"),
        "bad_bundle.checksum_mismatch",
    ),
    "broken deflate": (
        lambda: patched(
            zipped([("model.pkl", bytes(range(256)) * 9), *HONEST[1:]]), b"model.pkl", 9, b"\xff" * 9
        ),
        "bad_bundle.damaged_entry",
    ),
    "declares too little": (lambda: lying_size(5), "bad_bundle.size_mismatch"),
    "declares too much": (lambda: lying_size(500), "bad_bundle.size_mismatch"),
    "declares a terabyte": (lambda: lying_size(2**32 - 2), "limit_exceeded.unpacked_bytes"),
    "bomb": (
        lambda: zipped([HONEST[0], ("train_mia.csv", b"0" * 5_000_000), HONEST[2]]),
        "limit_exceeded.ratio",
    ),
    "bomb that nobody would open": (
        lambda: zipped([*HONEST, ("notes.txt", b"0" * 5_000_000)]),
        "limit_exceeded.ratio",
    ),
    "bomb in data.zip": (
        lambda: nested([("train_mia.csv", b"0" * 5_000_000), HONEST[2]]),
        "limit_exceeded.ratio",
    ),
    "too many entries": (lambda: many_entries(1_001), "limit_exceeded.entries"),
    "too deep": (lambda: zipped([*HONEST, ("a/b/c.txt", b"x")]), "limit_exceeded.depth"),
    "zip in data.zip": (
        lambda: nested([*HONEST[1:], ("data.zip", zipped(HONEST[1:]))]),
        "bad_bundle.nested_zip",
    ),
    "data.zip is not a zip": (lambda: zipped([HONEST[0], ("data.zip", b"junk")]), "bad_bundle.not_a_zip"),
    "data.zip is empty": (lambda: zipped([HONEST[0], ("data.zip", b"")]), "bad_bundle.empty_upload"),
    "slip in data.zip": (lambda: nested([*HONEST[1:], ("../x", b"x")]), "bad_bundle.path_traversal"),
    "link in data.zip": (
        lambda: nested([*HONEST[1:], (with_mode("x", stat.S_IFLNK | 0o777), b"/")]),
        "bad_bundle.link",
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder to unpack into, whose surroundings must stay as they are."""
    (tmp_path / "upload").write_bytes(b"")
    yield tmp_path / "outer" / "into"
    outside = {path.name for path in tmp_path.rglob("*") if (tmp_path / "outer" / "into") not in path.parents}
    assert outside <= {"upload", "outer", "into"}


def opening(data: bytes, folder: Path, limits: Limits | None = None) -> InputError:
    upload = folder.parent.parent / "upload"
    upload.write_bytes(data)
    with pytest.raises(InputError) as caught:
        unpack(upload, folder, limits=limits or Limits())
    return caught.value


@pytest.mark.parametrize("case", REFUSED)
def test_is_refused_by_its_own_name(case: str, folder: Path) -> None:
    build, code = REFUSED[case]
    error = opening(build(), folder)
    assert error.code == code
    assert error.message.isprintable()
    assert error.hint
    assert len(error.message) < 300
    assert str(folder.parent.parent) not in str(error.body())


def test_the_honest_zip_under_all_these_cases_is_taken(folder: Path) -> None:
    upload = folder.parent.parent / "upload"
    upload.write_bytes(zipped(HONEST))
    assert unpack(upload, folder, limits=Limits()).kind == "membership"


@pytest.mark.parametrize(
    ("head", "named"),
    [
        (b"\x1f\x8b\x08", "gzip"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"Rar!\x1a\x07\x01\0", "RAR"),
        (b"x" * 257 + b"ustar\0", "tar"),
        (b"\x80\x04\x95", "pickle"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b'\xef\xbb\xbf {"a": 1}', "JSON"),
        (b"<!doctype html>", "HTML"),
        (b"a,b\n1,2\n", "CSV"),
        (b'--x\r\nContent-Disposition: form-data; name="file"\r\n', "multipart"),
        (b"UEsDBBQAAAAI", "base64"),
    ],
)
def test_a_file_that_is_something_else_is_told_what_it_is(head: bytes, named: str, folder: Path) -> None:
    error = opening(head, folder)
    assert error.code == "bad_bundle.not_a_zip"
    assert named in error.message


def test_bytes_are_counted_over_all_entries_and_data_zip(folder: Path) -> None:
    # each part fits on its own; together with the nested archive they do not
    data = nested([("train_mia.csv", b"1,0\n" * 100), ("test_mia.csv", b"1,0\n" * 100)])
    upload = folder.parent.parent / "upload"
    upload.write_bytes(data)
    enough = 4 + 800 + len(zipped([("train_mia.csv", b"1,0\n" * 100), ("test_mia.csv", b"1,0\n" * 100)]))
    unpack(upload, folder / "enough", limits=replace(Limits(), unpacked_bytes=enough))
    with pytest.raises(LimitExceeded) as caught:
        unpack(upload, folder / "one byte less", limits=replace(Limits(), unpacked_bytes=enough - 1))
    assert caught.value.code == "limit_exceeded.unpacked_bytes"
    assert "LEAKGAUGE_MAX_UNPACKED_BYTES" in caught.value.hint


def test_a_stream_that_unpacks_to_more_than_declared_stops_at_what_was_declared(folder: Path) -> None:
    declared_small = zipped([HONEST[0], ("train_mia.csv", b"0" * 900_000), HONEST[2]])
    declared_small = patched(declared_small, CENTRAL, 24, struct.pack("<L", 10), which=1)
    declared_small = patched(declared_small, LOCAL, 22, struct.pack("<L", 10), which=1)
    assert opening(declared_small, folder).code == "bad_bundle.size_mismatch"
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 1_000


def test_the_upload_itself_is_measured_before_it_is_read(folder: Path) -> None:
    error = opening(zipped(HONEST), folder, replace(Limits(), upload_bytes=100))
    assert error.code == "limit_exceeded.upload_bytes"
    assert error.status == 413


def test_a_huge_table_of_contents_is_refused_before_it_is_parsed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parsed(*_: object) -> None:
        raise AssertionError("the table of contents was parsed")

    data = zipped(
        [(f"{number:04d}" + "n" * 250, b"") for number in range(200)], compression=zipfile.ZIP_STORED
    )
    data = patched(data, END, 8, struct.pack("<2H", 2, 2))
    monkeypatch.setattr(zipfile.ZipFile, "_RealGetContents", parsed)
    assert opening(data, folder, replace(Limits(), entries=3)).code == "limit_exceeded.entries"


def test_names_in_messages_are_escaped_and_shortened(folder: Path) -> None:
    error = opening(zipped([*HONEST, ("\x1b[2J" + "a" * 200 + "/../x", b"x")]), folder)
    assert isinstance(error, BadBundle)
    assert "\x1b" not in error.message
    assert "\\x1b" in error.message
    assert len(error.message) < 200
