"""Zips as other people's tools and habits make them: what is in them is read as what it is."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest
from bundle_files import MEMBERSHIP, TABLES, laid_out, opened, refused, zipped
from cases import CASES, audited

from leakgauge.bundle import (
    ImageMembershipBundle,
    InversionBundle,
    Limits,
    MembershipBundle,
    open_bundle,
    open_images,
)
from leakgauge.errors import BadBundle, LimitExceeded

PICKLE = pickle.dumps([0] * 5_000)
HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(50)
ONNX = b"\x08\x08\x12\x07pytorch\x1a\x052.0.0"
IMAGE = {"input_image.png": b"\x89PNG"}


def with_names(data: bytes, old: bytes, new: bytes) -> bytes:
    """The zip with a piece of its names exchanged behind the writer's back."""
    assert len(old) == len(new)
    assert old in data
    return data.replace(old, new)


def backslashed(files: dict[str, bytes]) -> bytes:
    """A zip with a backslash wherever another tool writes a slash."""
    return zipped({name.replace("/", "\\"): content for name, content in files.items()})


def taken(data: bytes, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "upload").write_bytes(data)
    return open_bundle(tmp_path / "upload", tmp_path / "into", limits=Limits()).sha256


@pytest.fixture
def plain(tmp_path: Path) -> dict[str, str]:
    return opened(MEMBERSHIP, tmp_path / "plain").sha256


# --- names and zips of other tools ------------------------------------------------------------------


@pytest.mark.parametrize("top", ["", "bundle/", "My Bundle 2/", "a/b/", "./bundle/", "Übung/größer/"])
@pytest.mark.parametrize("written", [zipped, backslashed], ids=["slashes", "backslashes"])
def test_folders_around_everything_mean_nothing(
    written, top: str, plain: dict[str, str], tmp_path: Path
) -> None:
    files = {f"{top}{name}": content for name, content in MEMBERSHIP.items()}
    assert taken(written(files), tmp_path) == plain


def test_a_folder_with_a_folder_is_read_loose_as_well(plain: dict[str, str], tmp_path: Path) -> None:
    folder = laid_out({f"a/b/{name}": content for name, content in MEMBERSHIP.items()}, tmp_path / "loose")
    assert open_bundle(folder, tmp_path / "scratch", limits=Limits()).sha256 == plain


def test_a_third_folder_is_too_deep_however_it_came(tmp_path: Path) -> None:
    files = {f"a/b/c/{name}": content for name, content in MEMBERSHIP.items()}
    assert refused(files, tmp_path).code == "limit_exceeded.depth"
    with pytest.raises(LimitExceeded):
        open_bundle(laid_out(files, tmp_path / "loose"), tmp_path / "scratch", limits=Limits())


def test_folders_in_two_folders_are_as_deep_as_a_bundle_may_be(plain: dict[str, str], tmp_path: Path) -> None:
    files = {
        f"a/b/{'models' if name == 'model.pkl' else 'data'}/{name}": content
        for name, content in MEMBERSHIP.items()
    }
    assert taken(zipped(files), tmp_path) == plain
    folder = laid_out(files, tmp_path / "loose")
    assert open_bundle(folder, tmp_path / "scratch", limits=Limits()).sha256 == plain


@pytest.mark.parametrize("written", [zipped, backslashed], ids=["slashes", "backslashes"])
@pytest.mark.parametrize("top", ["", "x/", "x/y/"])
def test_image_sets_keep_their_folders(written, top: str, tmp_path: Path) -> None:
    files = {"model.onnx": ONNX, "training/3/a.png": b"1", "subject/3/b.png": b"2", "subject/": b""}
    (tmp_path / "upload").write_bytes(written({top + name: content for name, content in files.items()}))
    bundle = open_bundle(tmp_path / "upload", tmp_path / "into", limits=Limits())
    assert isinstance(bundle, ImageMembershipBundle)
    assert [file.name for file in bundle.members.files] == ["training/3/a.png"]
    assert [file.name for file in bundle.non_members.files] == ["subject/3/b.png"]


def test_the_zip_of_powershell_is_audited() -> None:
    report = audited(CASES / "tables" / "tab-powershell-backslash.zip")
    assert report.verdict.sentence
    assert "train_mia.csv" in report.inputs


def streamed(files: dict[str, bytes]) -> bytes:
    """Written to a pipe: sizes and checksums stand behind each entry."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.written = b""

        def writable(self) -> bool:
            return True

        def write(self, data) -> int:
            self.written += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return pipe.written


def as_zip64(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            with archive.open(name, "w", force_zip64=True) as entry:
                entry.write(content)
    return buffer.getvalue()


def stored(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def of_a_mac(files: dict[str, bytes]) -> bytes:
    extra = {f"__MACOSX/data/._{name}": b"\0\x05\x16\x07" for name in files}
    return streamed(
        {f"data/{name}": content for name, content in files.items()} | extra | {"data/.DS_Store": b""}
    )


def in_code_page_437(files: dict[str, bytes]) -> bytes:
    data = zipped({f"ordner!/{name}": content for name, content in files.items()})
    return with_names(data, b"ordner!", b"ordn\x84r!")  # ä, and no flag that says UTF-8


def of_windows(files: dict[str, bytes]) -> bytes:
    """Made by the Explorer: MS-DOS attributes in the place of a mode, a folder entry of its own."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {
            "data/": b"",
            **{f"data/{name}": content for name, content in files.items()},
        }.items():
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 0, 0x10 if name.endswith("/") else 0x20
            archive.writestr(info, content)
    return buffer.getvalue()


@pytest.mark.parametrize("made", [streamed, as_zip64, stored, of_a_mac, in_code_page_437, of_windows])
def test_zips_of_other_tools(made, plain: dict[str, str], tmp_path: Path) -> None:
    assert taken(made(MEMBERSHIP), tmp_path) == plain


# --- a model under any name -------------------------------------------------------------------------

MODELS = [
    ("clf.pkl", PICKLE),
    ("final_model_v2.joblib", PICKLE),
    ("rf.sav", PICKLE),
    ("model.sav", PICKLE),
    ("Pipeline.PICKLE", PICKLE),
    ("model.pkl.gz", gzip.compress(PICKLE)),
    ("clf.pkl.z", zlib.compress(PICKLE)),
    ("clf.bin", zlib.compress(PICKLE, 9)),
    ("clf.joblib.bz2", bz2.compress(PICKLE)),
    ("clf.xz", lzma.compress(PICKLE)),
    ("clf.bin", PICKLE),
    ("classifier", PICKLE),
    ("my model (1)", PICKLE),
    ("model.txt", PICKLE),
    ("old.dat", b"ccopy_reg\n_reconstructor\n"),
    ("clf.pkl", b""),
    ("models/clf.pkl", PICKLE),
    ("clf.bin", stored({"schema.json": b"{}"})),
    ("clf.zip", stored({"140234567890.npy": b"x", "schema.json": b"{}"})),
    ("model.onnx", PICKLE),  # what it is, not what it is called
]


@pytest.mark.parametrize(("name", "content"), MODELS, ids=[f"{n} {c[:4]!r}" for n, c in MODELS])
@pytest.mark.parametrize("door", ["zip", "loose"])
def test_a_lone_model_is_the_model_whatever_it_is_called(
    door: str, name: str, content: bytes, tmp_path: Path
) -> None:
    files = {name: content, **TABLES, "notes.txt": b"hello", "parameters.json": b"{}", "columns.json": b"[1]"}
    if door == "zip":
        bundle = opened(files, tmp_path)
    else:
        bundle = open_bundle(laid_out(files, tmp_path / "loose"), tmp_path / "into", limits=Limits())
    assert isinstance(bundle, MembershipBundle)
    assert bundle.model.path.read_bytes() == content
    assert bundle.model.name == name.rsplit("/", 1)[-1].lower()
    assert bundle.ignored == ("columns.json", "notes.txt")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("resnet.keras", stored({"metadata.json": b"", "config.json": b"", "model.weights.h5": b""})),
        ("resnet.h5", HDF5),
        ("net.hdf5", HDF5),
        ("net.bin", ONNX),
        ("export.onnx", ONNX),
        ("model.pkl", ONNX),
    ],
)
def test_a_lone_image_model_too(name: str, content: bytes, tmp_path: Path) -> None:
    bundle = opened({name: content, **IMAGE, "evaluator.h5": HDF5}, tmp_path / "inversion")
    assert isinstance(bundle, InversionBundle)
    assert bundle.model.name == name
    assert bundle.evaluator is not None
    sets = opened({name: content, "training/0/a.png": b"1", "subject/0/b.png": b"2"}, tmp_path / "membership")
    assert isinstance(sets, ImageMembershipBundle)
    assert sets.model.path.read_bytes() == content
    # and without data, the data for it are what is missing
    assert refused({name: content}, tmp_path / "alone").code == "bad_bundle.no_image"


def test_a_name_that_is_none_of_ours_never_reaches_the_disk(tmp_path: Path) -> None:
    bundle = opened({"so\u202etro.pkl": PICKLE, **TABLES}, tmp_path)
    assert isinstance(bundle, MembershipBundle)
    assert bundle.model.path == tmp_path / "into" / "model"
    assert bundle.model.name == "so\\u202etro.pkl"


def test_two_that_can_be_the_model_are_refused_by_their_names(tmp_path: Path) -> None:
    error = refused({"clf.pkl": PICKLE, "Scaler.joblib": PICKLE, **TABLES}, tmp_path)
    assert error.code == "bad_bundle.two_model"
    assert "Scaler.joblib, clf.pkl" in error.message
    assert "model.pkl" in error.hint


def test_a_known_name_wins_over_other_files_that_could_be_a_model(tmp_path: Path) -> None:
    bundle = opened({"model.pkl": PICKLE, "scaler.pkl": PICKLE, "booster.cbm": b"CBM1", **TABLES}, tmp_path)
    assert isinstance(bundle, MembershipBundle)
    assert bundle.model.name == "model.pkl"
    assert bundle.ignored == ("booster.cbm", "scaler.pkl")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.txt", b"tree\nversion=v4\nnum_class=1\n"),
        ("model.cbm", b"CBM1\0\0"),
        ("model.json", b'{"learner":{"attributes":{}}}'),
        ("model.json", b'{"ctr_data": {}, "features_info": {}}'),
        ("model.ubj", b"{L\0\0\0\0\0\0\0\x07learner{L\0"),
        ("model.xml", b'<?xml version="1.0"?>\n<PMML version="4.4">'),
        ("net.pt", stored({"net/data.pkl": b"x", "net/version": b"3"})),
        ("net.bin", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."),
        ("model.rds", gzip.compress(b"X\n\0\0\0\x03\0\x04")),
    ],
)
def test_a_model_of_another_library_goes_to_the_reader_that_names_it(
    name: str, content: bytes, tmp_path: Path
) -> None:
    bundle = opened({name: content, **TABLES}, tmp_path)
    assert isinstance(bundle, MembershipBundle)
    assert bundle.model.path.read_bytes() == content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b'{"version": "1.0", "model_info": {}}',
        b"<html>",
        b"a,b\n1,2\n",
        b"\0" * 99,
        b"PK\x03\x04",
    ],
)
def test_what_is_no_model_is_taken_for_none(content: bytes, tmp_path: Path) -> None:
    error = refused({"readme.txt": content, "extra.json": content, **TABLES}, tmp_path)
    assert error.code == "bad_bundle.no_model"
    assert "any name" in error.hint


def test_a_damaged_file_that_nobody_needs_is_no_fault(tmp_path: Path) -> None:
    data = zipped({"clf.pkl": PICKLE, **TABLES, "notes.bin": bytes(range(256)) * 9})
    at = data.index(b"notes.bin") + len(b"notes.bin")
    (tmp_path / "upload").write_bytes(data[:at] + b"\xff" * 9 + data[at + 9 :])
    bundle = open_bundle(tmp_path / "upload", tmp_path / "into", limits=Limits())
    assert bundle.model.name == "clf.pkl"


def test_a_pickle_beside_images_is_named(tmp_path: Path) -> None:
    error = refused({"clf.pkl": PICKLE, **IMAGE}, tmp_path)
    assert error.code == "bad_bundle.wrong_model"
    assert "pickle" in error.message
    assert "model.keras" in error.hint


# --- tables under unknown names ---------------------------------------------------------------------


@pytest.mark.parametrize("nested", [False, True])
def test_two_tables_under_other_names_are_listed_and_never_guessed(nested: bool, tmp_path: Path) -> None:
    tables = {"people.csv": b"a,label\n1,0\n", "Others.parquet": b"PAR1"}
    files = {"data.zip": zipped(tables)} if nested else tables
    error = refused({"clf.pkl": PICKLE, **files}, tmp_path)
    assert isinstance(error, BadBundle)
    assert error.code == "bad_bundle.no_members"
    for word in ("people.csv", "Others.parquet", "train_mia.csv", "test_mia.csv"):
        assert word in error.hint


def test_the_other_table_is_named_where_one_is_known(tmp_path: Path) -> None:
    error = refused({"clf.pkl": PICKLE, "train.csv": b"a\n1\n", "holdout.csv": b"a\n2\n"}, tmp_path)
    assert error.code == "bad_bundle.no_subjects"
    assert "holdout.csv" in error.hint


# --- one zip among other files ----------------------------------------------------------------------

BESIDE = [
    {},
    {"_SUCCESS": b""},
    {"_committed_123": b"", "_started_123": b"", "_temporary/0/x": b""},
    {"bundle.manifest": b"{}", "manifest": b"[]"},
    {"BUNDLE.ZIP.crc": b"crc", "x_$folder$": b""},
    {".hidden": b"", "__MACOSX/._x": b"", "Thumbs.db": b""},
    {"notes.txt": b"hello", "image.png": b"\x89PNG"},
]


@pytest.mark.parametrize("beside", BESIDE, ids=lambda files: ",".join(files) or "nothing")
@pytest.mark.parametrize("name", ["bundle.zip", "BUNDLE.ZIP", "data.zip", "in/a folder.zip"])
def test_one_zip_beside_what_is_no_part_of_a_bundle(
    name: str, beside: dict[str, bytes], plain: dict[str, str], tmp_path: Path
) -> None:
    folder = laid_out({name: zipped(MEMBERSHIP), **beside}, tmp_path / "channel")
    assert open_bundle(folder, tmp_path / "scratch", limits=Limits()).sha256 == plain


@pytest.mark.parametrize("beside", BESIDE[:-1], ids=lambda files: ",".join(files) or "nothing")
def test_what_programs_leave_behind_changes_no_report(beside: dict[str, bytes], tmp_path: Path) -> None:
    folder = laid_out({**MEMBERSHIP, **beside}, tmp_path / "channel")
    bundle = open_bundle(folder, tmp_path / "scratch", limits=Limits())
    assert bundle.ignored == opened({**MEMBERSHIP, **beside}, tmp_path / "zip").ignored == ()


def refused_folder(files: dict[str, bytes], tmp_path: Path) -> BadBundle:
    with pytest.raises(BadBundle) as caught:
        open_bundle(laid_out(files, tmp_path / "channel"), tmp_path / "scratch", limits=Limits())
    return caught.value


def test_two_zips_are_told_by_name(tmp_path: Path) -> None:
    error = refused_folder({"a.zip": zipped(MEMBERSHIP), "b.ZIP": b"", "_SUCCESS": b""}, tmp_path)
    assert error.code == "bad_bundle.two_zips"
    assert "a.zip, b.ZIP" in error.message


def test_zips_beside_a_loose_bundle_are_ignored_by_name(tmp_path: Path) -> None:
    folder = laid_out({**MEMBERSHIP, "a.zip": b"", "b.zip": b""}, tmp_path / "channel")
    assert open_bundle(folder, tmp_path / "scratch", limits=Limits()).ignored == ("a.zip", "b.zip")


def test_parameters_beside_the_zip_are_not_passed_over(tmp_path: Path) -> None:
    error = refused_folder({"a.zip": zipped(MEMBERSHIP), "parameters.json": b"{}"}, tmp_path)
    assert error.code == "bad_bundle.parameters_outside"


def tar(mode: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in MEMBERSHIP.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


ARCHIVES = {
    "model.tar.gz": (tar("w:gz"), "tar.gz"),
    "bundle.tgz": (tar("w:gz"), ".tgz"),
    "bundle.tar": (tar("w"), "tar archive"),
    "bundle.7z": (b"7z\xbc\xaf\x27\x1c", "7z archive"),
    "bundle.rar": (b"Rar!\x1a\x07\x01\0", "RAR archive"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_of_another_kind_is_told_by_name(name: str, tmp_path: Path) -> None:
    content, kind = ARCHIVES[name]
    error = refused_folder({name: content, "_SUCCESS": b""}, tmp_path)
    assert error.code == "bad_bundle.not_a_zip"
    assert name in error.message
    assert kind in error.message
    (tmp_path / "body").write_bytes(content)
    with pytest.raises(BadBundle) as caught:
        open_bundle(tmp_path / "body", tmp_path / "into", limits=Limits())
    assert caught.value.code == "bad_bundle.not_a_zip"
    assert kind in caught.value.message


def test_an_archive_in_the_place_of_the_model_is_told_by_name(tmp_path: Path) -> None:
    error = refused({"model.tar.gz": tar("w:gz"), **TABLES}, tmp_path)
    assert error.code == "bad_bundle.packed_model"
    assert "model.tar.gz" in error.message


def test_a_link_in_place_of_the_zip_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.zip").write_bytes(zipped(MEMBERSHIP))
    folder = tmp_path / "channel"
    folder.mkdir()
    (folder / "bundle.zip").symlink_to(tmp_path / "elsewhere.zip")
    (folder / "_SUCCESS").touch()
    with pytest.raises(BadBundle) as caught:
        open_bundle(folder, tmp_path / "scratch", limits=Limits())
    assert caught.value.code == "bad_bundle.link"


def test_images_for_a_prior_lie_loose_or_in_one_zip(tmp_path: Path) -> None:
    images = {"a.png": b"1", "b.png": b"2"}
    loose = laid_out(images, tmp_path / "loose")
    packed = laid_out({"p.zip": zipped(images), "_SUCCESS": b"", "n.txt": b""}, tmp_path / "packed")
    (tmp_path / "p.zip").write_bytes(zipped(images))
    for number, source in enumerate((loose, packed, tmp_path / "p.zip")):
        found = open_images(source, tmp_path / str(number), limits=Limits())
        assert [(file.name, file.path.read_bytes()) for file in found] == [("a.png", b"1"), ("b.png", b"2")]
    (tmp_path / "none").mkdir()
    with pytest.raises(BadBundle) as caught:
        open_images(tmp_path / "none", tmp_path / "3", limits=Limits())
    assert caught.value.code == "bad_bundle.no_files"


# --- pieces of a zip --------------------------------------------------------------------------------


def test_what_a_batch_transform_makes_of_a_zip_is_told_where_it_shows(tmp_path: Path) -> None:
    data = (CASES / "tables" / "tab-comment-lines.zip").read_bytes()
    pieces = data.split(b"\n")
    record = b"\x0a\x23\xd7\xce" + len(data).to_bytes(4, "little") + data
    for piece in (pieces[0], pieces[-1], record):
        (tmp_path / "body").write_bytes(piece)
        with pytest.raises(BadBundle) as caught:
            open_bundle(tmp_path / "body", tmp_path / "into", limits=Limits())
        assert "SplitType" in caught.value.message + caught.value.hint
