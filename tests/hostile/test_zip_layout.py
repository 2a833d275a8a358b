"""Zips in which different readers find different things are refused; those of usual tools are read."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from zip_writer import (
    STORED,
    ZIP64,
    Entry,
    deflated,
    extra,
    streamed,
    unicode_path,
    with_zip64_end,
    written,
)

from leakgauge.bundle import Limits, unpack
from leakgauge.errors import BadBundle, InputError

MODEL, TRAIN, TEST = b"\x80\x04N.", b"a,label\n1,0\n", b"a,label\n2,0\n"
OTHER = b"a,label\n9,9\n"
FULL = 0xFFFFFFFF
SAMPLES = Path(__file__).parents[1] / "data" / "zips"


def first(**changes: object) -> Entry:
    return Entry(name=b"model.pkl", content=MODEL, **changes)  # type: ignore[arg-type]


def around(entry: Entry, *more: Entry, **changes: bytes) -> bytes:
    """A bundle in which `entry` is the training table."""
    return written([first(), entry, Entry(name=b"test_mia.csv", content=TEST), *more], **changes)


def train(**changes: object) -> Entry:
    return Entry(name=b"train_mia.csv", content=TRAIN, **changes)  # type: ignore[arg-type]


def alone(entry: Entry) -> bytes:
    """The local header and data of an entry, as they would lie in a gap."""
    data = written([entry])
    return data[: data.index(b"PK\x01\x02")]


HIDDEN = Entry(name=b"train_mia.csv", content=OTHER)
SIZES_64 = {"packed": FULL, "unpacked": FULL}


def sizes_64(unpacked: int = len(TRAIN), packed: int = len(deflated(TRAIN))) -> bytes:
    return extra(ZIP64, struct.pack("<2Q", unpacked, packed))


def second_end_within() -> bytes:
    """A stored entry holds an end record whose comment is the rest of the file."""
    inner = written([first(), Entry(name=b"train_mia.csv", content=OTHER)])
    plain = around(train(), Entry(name=b"z.bin", content=inner, method=STORED))
    rest = len(plain) - plain.index(inner) - len(inner)
    return plain.replace(inner, inner[:-2] + struct.pack("<H", rest)).replace(
        struct.pack("<L", zlib.crc32(inner)),
        struct.pack("<L", zlib.crc32(inner[:-2] + struct.pack("<H", rest))),
    )


CONTRADICTING: dict[str, Callable[[], bytes]] = {
    "name": lambda: around(train(local={"name": b"train_mia.cs_"})),
    "name in another case": lambda: around(train(local={"name": b"Train_mia.csv"})),
    "shorter name": lambda: around(train(local={"name": b"train_mia"})),
    "name in another encoding": lambda: around(train(), Entry(name=b"\xc3\xa4", local={"flags": 0x800})),
    "checksum": lambda: around(train(local={"crc": zlib.crc32(OTHER)})),
    "no checksum": lambda: around(train(local={"crc": 0})),
    "unpacked size": lambda: around(train(local={"unpacked": 5})),
    "no unpacked size": lambda: around(train(local={"unpacked": 0})),
    "packed size": lambda: around(train(local={"packed": 3})),
    "method": lambda: around(train(local={"method": STORED})),
    "encrypted in front": lambda: around(train(local={"flags": 1})),
    "sizes behind, says the front": lambda: around(train(local={"flags": 8})),
    "sizes behind, says the directory": lambda: around(train(central={"flags": 8})),
    "descriptor missing": lambda: around(train(flags=8)),
    "checksum in the descriptor": lambda: around(
        train(flags=8, behind=Entry(name=b"", content=OTHER).descriptor())
    ),
    "size in the descriptor": lambda: around(
        train(flags=8, behind=struct.pack("<4s3L", b"PK\x07\x08", zlib.crc32(TRAIN), 1, len(TRAIN)))
    ),
    "front of a streamed entry": lambda: around(streamed(train(local={"unpacked": 5}))),
    "large unpacked size": lambda: around(train(local=SIZES_64 | {"extra": sizes_64(unpacked=5)})),
    "large packed size": lambda: around(train(local=SIZES_64 | {"extra": sizes_64(packed=3)})),
    "large sizes missing": lambda: around(train(local=SIZES_64)),
    "large sizes cut": lambda: around(train(local=SIZES_64 | {"extra": extra(ZIP64, sizes_64()[4:-8])})),
    "large sizes beside others": lambda: around(train(local={"extra": sizes_64(unpacked=5)})),
    "large sizes twice": lambda: around(train(local=SIZES_64 | {"extra": sizes_64() + sizes_64(5, 3)})),
    "large sizes in the directory": lambda: around(train(central={"extra": sizes_64(unpacked=5)})),
    "large offset in the directory": lambda: around(
        train(central={"extra": sizes_64() + extra(ZIP64, struct.pack("<Q", 0))})
    ),
    "folder that holds something": lambda: around(train(), Entry(name=b"a/", content=OTHER)),
}

REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    **{f"contradicting {name}": (build, "contradicting_headers") for name, build in CONTRADICTING.items()},
    "extra field past its end": (
        lambda: around(train(local={"extra": b"\x01\x00\xff\x00abc"})),
        "damaged_entry",
    ),
    "second name in front": (
        lambda: around(train(local={"extra": unicode_path(b"train_mia.csv", b"notes.txt")})),
        "two_names",
    ),
    "second name in the directory": (
        lambda: around(train(central={"extra": unicode_path(b"train_mia.csv", b"notes.txt")})),
        "two_names",
    ),
    "second name that is void": (
        lambda: around(train(extra=unicode_path(b"train_mia.cs_", b"train_mia.csv"))),
        "two_names",
    ),
    "entry in a gap": (lambda: around(train(behind=alone(HIDDEN))), "hidden_bytes"),
    "entry in a gap behind zeros": (
        lambda: around(train(behind=bytes(30) + alone(HIDDEN))),
        "hidden_bytes",
    ),
    "entry in a gap behind a descriptor": (
        lambda: around(streamed(train(behind=alone(HIDDEN)))),
        "hidden_bytes",
    ),
    "entry before the directory": (lambda: around(train(), before_directory=alone(HIDDEN)), "hidden_bytes"),
    "one byte in a gap": (lambda: around(train(behind=b"x")), "hidden_bytes"),
    "long padding": (lambda: around(train(behind=bytes(70_000))), "hidden_bytes"),
    "bytes behind the compressed data": (
        lambda: around(train(packed=deflated(TRAIN) + alone(HIDDEN))),
        "hidden_bytes",
    ),
    "bytes behind the compressed data of a folder": (
        lambda: around(train(), Entry(name=b"a/", packed=deflated(b"") + alone(HIDDEN))),
        "hidden_bytes",
    ),
    "bytes behind the compressed data of a file that nobody needs": (
        lambda: around(train(), Entry(name=b"__MACOSX/._x", packed=deflated(b"") + alone(HIDDEN))),
        "hidden_bytes",
    ),
    "second stream behind the compressed data": (
        lambda: around(train(packed=deflated(TRAIN) + deflated(OTHER))),
        "hidden_bytes",
    ),
    "compressed data without its end": (lambda: around(train(packed=deflated(TRAIN)[:-2])), "damaged_entry"),
    "compressed data that goes on": (lambda: around(train(packed=deflated(TRAIN + OTHER))), "size_mismatch"),
    "stored data that goes on": (
        lambda: around(train(method=STORED, packed=TRAIN + OTHER)),
        "size_mismatch",
    ),
    "bytes before the first entry": (
        lambda: written(
            [
                Entry(name=b"model.pkl", content=MODEL, central={"offset": len(alone(HIDDEN))}),
            ]
        ).replace(b"PK\x03\x04", alone(HIDDEN) + b"PK\x03\x04", 1),
        "leading_bytes",
    ),
    "one entry listed twice": (
        lambda: around(train(), Entry(name=b"train_mia.csv", content=TRAIN, central={"offset": 0})),
        "overlapping_entries",
    ),
    "entry on another disk": (lambda: around(train(central={"disk": 1})), "split_zip"),
    "end record in the comment": (lambda: around(train(), comment=written([HIDDEN])), "two_ends"),
    "end record in an entry": (second_end_within, "two_ends"),
    "large end record that counts fewer": (
        lambda: with_zip64_end(around(train()), count=2),
        "two_ends",
    ),
    "large end record somewhere else": (
        lambda: with_zip64_end(around(train()), offset=0),
        "two_ends",
    ),
    "large end record that is none": (
        lambda: with_zip64_end(around(train())).replace(b"PK\x06\x06", b"PK\x06\x05"),
        "damaged_directory",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_could_be_read_in_two_ways_is_refused_by_name(case: str, tmp_path: Path) -> None:
    build, problem = REFUSED[case]
    upload = tmp_path / "upload"
    upload.write_bytes(build())
    with pytest.raises(BadBundle) as caught:
        unpack(upload, tmp_path / "into", limits=Limits())
    assert caught.value.problem == problem
    assert caught.value.hint
    assert caught.value.message.isprintable()


def unseekable(compression: int, *, large: bool = False) -> bytes:
    """What the standard library writes into a pipe."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.data += data
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", compression) as archive:  # type: ignore[type-var]
        for name, content in (("model.pkl", MODEL), ("train_mia.csv", TRAIN), ("test_mia.csv", TEST)):
            info = zipfile.ZipInfo(name)
            info.compress_type = compression
            with archive.open(info, "w", force_zip64=large) as target:
                target.write(content)
    return bytes(pipe.data)


def on_a_mac() -> bytes:
    """As the Finder does: streamed, extra fields of other lengths in front, a shadow of each file."""
    files = ((b"model.pkl", MODEL), (b"train_mia.csv", TRAIN), (b"test_mia.csv", TEST))
    entries = [Entry(name=b"bundle/", method=STORED, extra=extra(0x7875, bytes(11)))]
    for name, content in files:
        for full in (b"bundle/" + name, b"__MACOSX/bundle/._" + name):
            entry = streamed(Entry(name=full, content=content))
            entry.local["extra"], entry.central["extra"] = extra(0x5855, bytes(12)), extra(0x5855, bytes(8))
            entries.append(entry)
    return written(entries)


def aligned(*, in_gaps: bool) -> bytes:
    """As Android's zipalign does it, which fills extra fields with zeros, or with zeros in between."""
    zeros = {"behind": bytes(3)} if in_gaps else {"local": {"extra": bytes(3)}}
    return written(
        [
            Entry(name=name, content=content, method=STORED, **zeros)
            for name, content in ((b"model.pkl", MODEL), (b"train_mia.csv", TRAIN), (b"test_mia.csv", TEST))
        ]
    )


GOOD: dict[str, Callable[[], bytes]] = {
    "plain": lambda: around(train()),
    "stored": lambda: around(train(method=STORED)),
    "a comment": lambda: around(train(), comment=b"made by hand"),
    "pipe": lambda: unseekable(zipfile.ZIP_DEFLATED),
    "pipe, stored": lambda: unseekable(zipfile.ZIP_STORED),
    "pipe, large": lambda: unseekable(zipfile.ZIP_DEFLATED, large=True),
    "a Mac": on_a_mac,
    "aligned by extra fields": lambda: aligned(in_gaps=False),
    "aligned by zeros": lambda: aligned(in_gaps=True),
    "large sizes in front": lambda: around(train(local=SIZES_64 | {"extra": sizes_64()})),
    "large sizes everywhere": lambda: around(train(extra=sizes_64(), local=SIZES_64, central=SIZES_64)),
    "large end record": lambda: with_zip64_end(around(train())),
    "streamed, large descriptor": lambda: around(streamed(train(), "<L2Q")),
    "streamed, descriptor without signature": lambda: around(streamed(train(), signature=b"")),
    "streamed, sizes in front all the same": lambda: around(train(flags=8, behind=train().descriptor())),
    "compressed folder": lambda: around(train(), streamed(Entry(name=b"META-INF/", content=b""))),
    "same name in Unicode": lambda: around(train(extra=unicode_path(b"train_mia.csv", b"train_mia.csv"))),
    "times": lambda: around(
        train(local={"extra": extra(0x5455, bytes(9))}, central={"extra": extra(0x5455, bytes(5))})
    ),
    "level in the flags": lambda: around(train(local={"flags": 2})),
    "data.zip": lambda: written([first(), Entry(name=b"data.zip", content=written(
        [train(), Entry(name=b"test_mia.csv", content=TEST)]), method=STORED)]),
    **{sample.name: sample.read_bytes for sample in sorted(SAMPLES.glob("*.zip"))},
}  # fmt: skip


@pytest.mark.parametrize("case", GOOD)
def test_what_usual_tools_write_is_read(case: str, tmp_path: Path) -> None:
    upload = tmp_path / "upload"
    upload.write_bytes(GOOD[case]())
    bundle = unpack(upload, tmp_path / "into", limits=Limits())
    assert bundle.kind == "membership"
    assert sorted(path.read_bytes() for path in (tmp_path / "into").rglob("*.csv")) == [TRAIN, TEST]


def test_there_are_samples_of_several_tools() -> None:
    assert len(list(SAMPLES.glob("*.zip"))) >= 8


def test_large_entries_are_read_piece_by_piece_and_exactly(tmp_path: Path) -> None:
    table = b"a,label\n" + b"".join(
        b"%d,%d\n" % (number * 7919 % 100_003, number % 2) for number in range(90_000)
    )
    for entry in (Entry(name=b"train_mia.csv", content=table, method=method) for method in (STORED, 8)):
        upload = tmp_path / f"upload-{entry.method}"
        upload.write_bytes(around(entry))
        into = tmp_path / f"into-{entry.method}"
        unpack(upload, into, limits=Limits())
        assert table in [path.read_bytes() for path in into.rglob("*.csv")]


def by_the_front(data: bytes) -> dict[bytes, bytes]:
    """What a reader finds that goes by the headers before the entries alone."""
    found, place = {}, 0
    while data.startswith(b"PK\x03\x04", place):
        _, _, _, method, _, _, _, packed, _, name, more = struct.unpack_from("<4s5H3L2H", data, place)
        start = place + 30 + name + more
        content = data[start : start + packed]
        with suppress(zlib.error):  # damaged, which is an error where the entry is needed
            found[data[place + 30 : place + 30 + name]] = (
                zlib.decompress(content, -zlib.MAX_WBITS) if method else content
            )
        place = start + packed
    return found


def test_a_changed_byte_is_refused_or_changes_nothing_or_is_seen_by_every_reader(tmp_path: Path) -> None:
    sound = around(train(), Entry(name=b"notes/", content=b""))
    refused = 0
    for place in range(len(sound)):
        for change in (0x08, 0x81):
            changed = bytearray(sound)
            changed[place] ^= change
            upload = tmp_path / "upload"
            upload.write_bytes(changed)
            into = tmp_path / f"{place}-{change}"
            try:
                unpack(upload, into, limits=Limits())
            except InputError:
                refused += 1
                continue
            told = sorted(path.read_bytes() for path in into.rglob("*") if path.is_file())
            front = by_the_front(bytes(changed))
            assert told == sorted(content for name, content in front.items() if not name.endswith(b"/"))
    assert refused > len(sound)  # most bytes carry meaning: only times, versions and attributes do not
