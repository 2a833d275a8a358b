"""What is taken as a bundle, under which names, through which door."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import struct
import zipfile
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest
from bundle_files import INVERSION, MEMBERSHIP, TABLES, laid_out, opened, refused, zipped

from leakgauge.bundle import (
    InversionBundle,
    Limits,
    MembershipBundle,
    open_bundle,
    open_folder,
    unpack,
)
from leakgauge.errors import BadBundle, BadParameters, InputError, LimitExceeded, UnsupportedModel


def test_a_membership_bundle(tmp_path: Path) -> None:
    bundle = opened({**MEMBERSHIP, "parameters.json": b"{}", "notes.txt": b"x"}, tmp_path)
    assert isinstance(bundle, MembershipBundle)
    assert bundle.kind == "membership"
    assert bundle.model.path.read_bytes() == MEMBERSHIP["model.pkl"]
    assert bundle.members.path.read_bytes() == TABLES["train_mia.csv"]
    assert bundle.non_members.path.read_bytes() == TABLES["test_mia.csv"]
    assert bundle.parameters is not None
    assert bundle.ignored == ("notes.txt",)
    assert bundle.sha256["train_mia.csv"] == hashlib.sha256(TABLES["train_mia.csv"]).hexdigest()
    assert list(bundle.sha256) == ["model.pkl", "parameters.json", "test_mia.csv", "train_mia.csv"]
    assert not (tmp_path / "into" / "notes.txt").exists()


def test_unpacked_files_are_private_and_the_bundle_is_frozen(tmp_path: Path) -> None:
    bundle = opened(MEMBERSHIP, tmp_path)
    assert stat.S_IMODE(bundle.model.path.stat().st_mode) == 0o600
    with pytest.raises(FrozenInstanceError):
        bundle.root = tmp_path  # type: ignore[misc]  # the very assignment that must fail


def test_an_inversion_bundle_with_its_image_folders(tmp_path: Path) -> None:
    files = {**INVERSION, "auxiliary/B.png": b"2", "auxiliary/a.png": b"1", "reference/é.jpg": b"3"}
    bundle = opened({**files, "auxiliary/readme.txt": b"x"}, tmp_path)
    assert isinstance(bundle, InversionBundle)
    assert [image.name for image in bundle.auxiliary] == ["auxiliary/a.png", "auxiliary/b.png"]
    assert [image.path.read_bytes() for image in bundle.auxiliary] == [b"1", b"2"]
    assert [image.name for image in bundle.reference] == ["reference/é.jpg"]
    assert bundle.ignored == ("auxiliary/readme.txt",)


@pytest.mark.parametrize(
    "files", [MEMBERSHIP, {**INVERSION, "auxiliary/0.png": b"1"}], ids=["tables", "images"]
)
def test_a_top_folder_capitals_and_junk_change_nothing(files: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    plain = opened(files, tmp_path / "plain")
    moved = {f"./My Bundle/{name.title()}": content for name, content in files.items()}
    junk = {"__MACOSX/My Bundle/._model.pkl": b"x", "My Bundle/.DS_Store": b"x", "My Bundle/Thumbs.db": b"x"}
    (tmp_path / "moved").mkdir()
    other = opened({**moved, **junk, "My Bundle/.git/a/b/c/d": b"x"}, tmp_path / "moved")
    assert other.sha256 == plain.sha256
    assert other.ignored == plain.ignored == ()


def test_every_door_gives_the_same_names_and_digests(tmp_path: Path) -> None:
    data_zip = zipped({f"data/{name}": content for name, content in TABLES.items()})
    doors = {
        "zip": {"b.zip": zipped(MEMBERSHIP)},
        "data.zip": {"b.zip": zipped({"model.pkl": MEMBERSHIP["model.pkl"], "data.zip": data_zip})},
        "loose": MEMBERSHIP,
        "loose in a folder": {f"x/{name}": content for name, content in MEMBERSHIP.items()},
        "loose data.zip": {"MODEL.pkl": MEMBERSHIP["model.pkl"], "Data.ZIP": data_zip},
        "with hidden": {**MEMBERSHIP, ".ipynb_checkpoints/train_mia-checkpoint.csv": b"x"},
    }
    found = {}
    for number, (door, files) in enumerate(doors.items()):
        folder = laid_out(files, tmp_path / str(number))
        bundle = open_bundle(folder, tmp_path / f"scratch {number}", limits=Limits())
        found[door] = (bundle.sha256, bundle.ignored)
    straight = laid_out({"b.zip": zipped(MEMBERSHIP)}, tmp_path / "straight") / "b.zip"
    expected = open_bundle(straight, tmp_path / "scratch", limits=Limits())
    assert found == dict.fromkeys(doors, (expected.sha256, ()))


def test_a_folder_is_only_read(tmp_path: Path) -> None:
    files = {"model.pkl": b"x", "data.zip": zipped(TABLES)}
    folder = laid_out(files, tmp_path / "channel")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    bundle = open_folder(folder, tmp_path / "scratch", limits=Limits())
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert bundle.model.path == folder / "model.pkl"
    assert sorted(path.name for path in (tmp_path / "scratch").iterdir()) == sorted(TABLES)


def test_a_folder_may_itself_be_the_scratch_folder_and_keeps_its_data_zip(tmp_path: Path) -> None:
    folder = laid_out({"model.pkl": b"x", "data.zip": zipped(TABLES)}, tmp_path / "channel")
    open_folder(folder, folder, limits=Limits())
    assert (folder / "data.zip").is_file()


@pytest.mark.parametrize(
    ("files", "code"),
    [
        (TABLES, "bad_bundle.no_model"),
        ({"model.pkl": b"", **TABLES, "model.joblib": b""}, "bad_bundle.two_model"),
        ({**MEMBERSHIP, "old/model.pkl": b""}, "bad_bundle.two_model"),
        ({"model.pkl": b"", "model.h5": b"", **TABLES}, "bad_bundle.two_model"),
        ({"model.pkl": b"", "model.h5": b""}, "bad_bundle.two_model"),
        ({"model.pkl": b"", "test.csv": b""}, "bad_bundle.no_members"),
        ({"model.pkl": b"", "train.csv": b""}, "bad_bundle.no_subjects"),
        ({"model.pkl": b""}, "bad_bundle.no_members"),
        ({**MEMBERSHIP, "members.parquet": b""}, "bad_bundle.two_members"),
        ({**MEMBERSHIP, "data.zip": zipped(TABLES)}, "bad_bundle.two_members"),
        ({**MEMBERSHIP, "subject.csv": b""}, "bad_bundle.two_subjects"),
        ({"model.pkl": b"", "data.zip": zipped({"notes.txt": b""})}, "bad_bundle.no_members"),
        ({"model.pkl": b"", "data.zip": zipped(TABLES), "x/data.zip": b""}, "bad_bundle.two_data_zip"),
        ({**MEMBERSHIP, "parameters.json": b"", "x/parameters.json": b""}, "bad_bundle.two_parameters"),
        ({"model.keras": b""}, "bad_bundle.no_image"),
        ({**INVERSION, "input_image.npy": b""}, "bad_bundle.two_image"),
        ({"input_image.png": b""}, "bad_bundle.no_model"),
        ({**MEMBERSHIP, "input_image.png": b""}, "bad_bundle.two_kinds"),
        ({**INVERSION, "data.zip": zipped(TABLES)}, "bad_bundle.two_kinds"),
        ({"model.pkl": b"", "input_image.png": b""}, "bad_bundle.wrong_model"),
        ({"notes.txt": b"", "people.csv": b""}, "bad_bundle.unknown_kind"),
        ({"classifier.pkl": b"", "people.csv": b""}, "bad_bundle.no_members"),
        ({"a.pkl": b"", "b.joblib": b"", **TABLES}, "bad_bundle.two_model"),
        ({"data.pkl": b"\x80\x02.", "version": b"3", "data/0": b""}, "bad_bundle.bare_model"),
        ({"auxiliary/0.png": b"", "reference/0.png": b""}, "bad_bundle.unknown_kind"),
        ({"config.json": b"", "metadata.json": b"", "model.weights.h5": b""}, "bad_bundle.bare_model"),
        ({"schema.json": b"", "0.npy": b""}, "bad_bundle.bare_model"),
        ({"input_image.png": b"", "model.weights.h5": b""}, "unsupported_model.weights_only"),
        (
            {"input_image.png": b"", "m/saved_model.pb": b"", "m/variables/variables.index": b""},
            "unsupported_model.saved_model",
        ),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else str(value),
)
def test_missing_and_doubled_parts_have_their_own_names(
    files: dict[str, bytes], code: str, tmp_path: Path
) -> None:
    error = refused(files, tmp_path)
    assert error.code == code
    assert isinstance(error, BadBundle | UnsupportedModel)


def test_the_hint_for_a_missing_part_lists_its_names(tmp_path: Path) -> None:
    error = refused({"model.pkl": b"", "train.csv": b"", "holdout.csv": b""}, tmp_path)
    for name in ("test_mia.csv", "test.csv", "subject.csv", "test_mia.parquet"):
        assert name in error.hint
    assert error.details["found"] == ["model.pkl", "train.csv", "holdout.csv"]


@pytest.mark.parametrize("name", ["model.pickle", "MODEL.JOBLIB", "model.skops"])
@pytest.mark.parametrize(
    "members", ["train.csv", "Members.CSV", "train_mia.csv.gz", "train.parquet", "train.tsv"]
)
@pytest.mark.parametrize("subjects", ["test.csv", "subject.csv", "Subject.parquet"])
def test_other_accepted_names(name: str, members: str, subjects: str, tmp_path: Path) -> None:
    bundle = opened({name: b"m", members: b"i", subjects: b"o"}, tmp_path)
    assert isinstance(bundle, MembershipBundle)
    assert bundle.members.name == members.lower()
    assert bundle.non_members.path.read_bytes() == b"o"


def test_image_folders_of_a_membership_bundle_are_ignored_but_named(tmp_path: Path) -> None:
    bundle = opened({**MEMBERSHIP, "auxiliary/0.png": b""}, tmp_path)
    assert bundle.ignored == ("auxiliary/0.png",)
    assert "auxiliary/0.png" not in bundle.sha256


def test_a_zip64_archive_is_read_like_any_other(tmp_path: Path) -> None:
    data = zipped(MEMBERSHIP)
    end = data.index(b"PK\x05\x06")
    *_, count, size, start, _ = struct.unpack("<4s4H2LH", data[end:])
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    (tmp_path / "upload").write_bytes(data[:end] + record + locator + tail)
    bundle = unpack(tmp_path / "upload", tmp_path / "into", limits=Limits())
    assert len(bundle.sha256) == 3


def test_an_archive_comment_is_allowed(tmp_path: Path) -> None:
    buffer = io.BytesIO(zipped(MEMBERSHIP))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = b"made on a Tuesday"
    (tmp_path / "upload").write_bytes(buffer.getvalue())
    assert unpack(tmp_path / "upload", tmp_path / "into", limits=Limits()).kind == "membership"


def test_a_sparse_table_below_one_mebibyte_may_have_any_ratio(tmp_path: Path) -> None:
    table = b"0," * 500_000
    assert opened({**MEMBERSHIP, "train_mia.csv": table}, tmp_path).kind == "membership"


def test_exactly_as_many_entries_as_allowed(tmp_path: Path) -> None:
    assert opened(MEMBERSHIP, tmp_path, replace(Limits(), entries=3)).kind == "membership"
    with pytest.raises(LimitExceeded) as caught:
        unpack(tmp_path / "upload", tmp_path / "again", limits=replace(Limits(), entries=2))
    assert caught.value.details == {"limit": "entries", "allowed": 2}


def test_unpacking_over_an_existing_file_never_happens(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "into").mkdir()
    (tmp_path / "into" / "model.pkl").symlink_to(victim)
    with pytest.raises(FileExistsError):
        opened(MEMBERSHIP, tmp_path)
    assert victim.read_bytes() == b"precious"


class TestLooseFiles:
    def refused(self, folder: Path, tmp_path: Path, limits: Limits | None = None) -> InputError:
        with pytest.raises(InputError) as caught:
            open_folder(folder, tmp_path / "scratch", limits=limits or Limits())
        assert str(tmp_path) not in str(caught.value.body())
        return caught.value

    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(BadBundle) as caught:
            open_bundle(tmp_path / "nowhere", tmp_path / "scratch", limits=Limits())
        assert caught.value.code == "bad_bundle.not_found"

    def test_empty(self, tmp_path: Path) -> None:
        (tmp_path / "channel").mkdir()
        assert self.refused(tmp_path / "channel", tmp_path).code == "bad_bundle.no_files"

    def test_a_link_in_place_of_a_file(self, tmp_path: Path) -> None:
        folder = laid_out(TABLES, tmp_path / "channel")
        (folder / "model.pkl").symlink_to("/etc/passwd")
        assert self.refused(folder, tmp_path).code == "bad_bundle.link"

    def test_a_link_in_place_of_the_lone_zip(self, tmp_path: Path) -> None:
        folder = laid_out({}, tmp_path / "channel")
        folder.mkdir()
        (folder / "bundle.zip").symlink_to("/etc/passwd")
        assert self.refused(folder, tmp_path).code == "bad_bundle.link"

    def test_a_linked_folder_is_not_entered(self, tmp_path: Path) -> None:
        laid_out(MEMBERSHIP, tmp_path / "elsewhere")
        (tmp_path / "channel").mkdir()
        (tmp_path / "channel" / "x").symlink_to(tmp_path / "elsewhere")
        assert self.refused(tmp_path / "channel", tmp_path).code == "bad_bundle.unknown_kind"

    def test_a_pipe_does_not_block(self, tmp_path: Path) -> None:
        folder = laid_out(TABLES, tmp_path / "channel")
        os.mkfifo(folder / "model.pkl")
        assert self.refused(folder, tmp_path).code == "bad_bundle.special_file"

    def test_bytes_are_counted(self, tmp_path: Path) -> None:
        folder = laid_out(MEMBERSHIP, tmp_path / "channel")
        limits = replace(Limits(), unpacked_bytes=sum(map(len, MEMBERSHIP.values())))
        assert open_folder(folder, tmp_path / "scratch", limits=limits).kind == "membership"
        limits = replace(limits, unpacked_bytes=limits.unpacked_bytes - 1)
        assert self.refused(folder, tmp_path, limits).code == "limit_exceeded.unpacked_bytes"

    def test_entries_are_counted(self, tmp_path: Path) -> None:
        folder = laid_out({f"{number}": b"" for number in range(4)}, tmp_path / "channel")
        limits = replace(Limits(), entries=3)
        assert self.refused(folder, tmp_path, limits).code == "limit_exceeded.entries"

    @pytest.mark.parametrize("name", ["a/b/c.txt", "a/b/c/d/e/f.txt"])
    def test_depth(self, name: str, tmp_path: Path) -> None:
        folder = laid_out({**MEMBERSHIP, "a/b/c.txt": b"", name: b""}, tmp_path / "channel")
        assert self.refused(folder, tmp_path).code == "limit_exceeded.depth"

    def test_a_name_that_is_not_text(self, tmp_path: Path) -> None:
        folder = laid_out(MEMBERSHIP, tmp_path / "channel")
        Path(os.fsdecode(os.fsencode(folder) + b"/\xff\n.txt")).write_bytes(b"")
        bundle = open_folder(folder, tmp_path / "scratch", limits=Limits())
        assert bundle.ignored == ("\\udcff\\n.txt",)


class TestLimitsFromTheEnvironment:
    def test_defaults(self) -> None:
        limits = Limits.from_environment({"PATH": "/bin", "LEAKGAUGE_MAX_ENTRIES": " "})
        assert limits == Limits()
        assert (limits.upload_bytes, limits.unpacked_bytes) == (100 * 2**20, 2**30)

    def test_each_can_be_set(self) -> None:
        names = ("upload_bytes", "unpacked_bytes", "ratio", "entries", "depth", "table_rows", "table_columns")
        environ = {f"LEAKGAUGE_MAX_{name.upper()}": str(7 + k) for k, name in enumerate(names)}
        limits = Limits.from_environment(environ)
        assert [getattr(limits, name) for name in names] == list(range(7, 14))

    @pytest.mark.parametrize("text", ["0", "-1", "1.5", "1e9", "100MB", "1_000", "٣", "9" * 16, "nan"])
    def test_a_malformed_value_names_its_variable(self, text: str) -> None:
        environ = {"LEAKGAUGE_MAX_RATIO": text, "LEAKGAUGE_MAX_DEPTH": "x", "LEAKGAUGE_MAX_ENTRIES": "5"}
        with pytest.raises(BadParameters) as caught:
            Limits.from_environment(environ)
        assert "LEAKGAUGE_MAX_RATIO" in caught.value.message
        problems = caught.value.details["problems"]
        assert isinstance(problems, list)
        assert [problem["parameter"] for problem in problems if isinstance(problem, dict)] == [
            "LEAKGAUGE_MAX_RATIO",
            "LEAKGAUGE_MAX_DEPTH",
        ]
