"""Image sets make a membership bundle: which layouts are taken, and how the others are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from bundle_files import INVERSION, MEMBERSHIP, TABLES, laid_out, opened, refused, zipped

from leakgauge.bundle import ImageArrays, ImageFolder, ImageMembershipBundle, Limits, open_folder

FOLDERS = {"training/3/b.png": b"b", "training/10/a.png": b"a", "subject/0/c.jpg": b"c"}
ARRAYS = {
    "training_images.npy": b"1",
    "training_labels.npy": b"2",
    "subject_images.npy": b"3",
    "subject_labels.npy": b"4",
}
MODEL = {"model.onnx": b"m"}


def bundle_of(files: dict[str, bytes], tmp_path: Path) -> ImageMembershipBundle:
    bundle = opened(files, tmp_path)
    assert isinstance(bundle, ImageMembershipBundle)
    assert bundle.kind == "membership"
    return bundle


def test_images_in_a_folder_for_each_class(tmp_path: Path) -> None:
    bundle = bundle_of({**MODEL, **FOLDERS, "parameters.json": b"{}", "notes.txt": b""}, tmp_path)
    assert isinstance(bundle.members, ImageFolder)
    assert [(number, file.name) for number, file in bundle.members.images] == [
        (10, "training/10/a.png"),
        (3, "training/3/b.png"),
    ]
    assert [file.path.read_bytes() for file in bundle.members.files] == [b"a", b"b"]
    assert isinstance(bundle.non_members, ImageFolder)
    assert bundle.non_members.name == "subject"
    assert bundle.ignored == ("notes.txt",)
    assert list(bundle.sha256) == sorted([*MODEL, *FOLDERS, "parameters.json"])


@pytest.mark.parametrize("model", ["model.keras", "Model.H5", "model.hdf5", "model.onnx"])
@pytest.mark.parametrize("members", ["training", "Train", "members"])
@pytest.mark.parametrize("subjects", ["subject", "subjects", "TEST"])
def test_other_accepted_folders(model: str, members: str, subjects: str, tmp_path: Path) -> None:
    bundle = bundle_of({model: b"m", f"{members}/0/a.png": b"", f"{subjects}/1/a.png": b""}, tmp_path)
    assert isinstance(bundle.members, ImageFolder)
    assert bundle.members.name == members.lower()


def test_arrays_and_folders_may_be_mixed_but_not_within_a_side(tmp_path: Path) -> None:
    subjects = {"x_test.npy": b"x", "y_test.npy": b"y"}
    bundle = bundle_of({**MODEL, "training/0/a.png": b"", **subjects}, tmp_path)
    assert isinstance(bundle.non_members, ImageArrays)
    assert [file.name for file in bundle.non_members.files] == ["x_test.npy", "y_test.npy"]


def test_sets_may_lie_in_data_zip_and_everything_below_one_folder(tmp_path: Path) -> None:
    inside = bundle_of({**MODEL, "data.zip": zipped(ARRAYS)}, tmp_path / "a")
    assert isinstance(inside.members, ImageArrays)
    below = bundle_of({f"mine/{name}": content for name, content in (MODEL | FOLDERS).items()}, tmp_path)
    assert list(below.sha256) == sorted([*MODEL, *FOLDERS])


def test_a_folder_called_training_may_still_hold_a_whole_bundle(tmp_path: Path) -> None:
    bundle = opened({f"training/{name}": content for name, content in MEMBERSHIP.items()}, tmp_path)
    assert bundle.sha256.keys() == MEMBERSHIP.keys()
    inside = bundle_of({f"training/{name}": b"" for name in (MODEL | FOLDERS)}, tmp_path / "b")
    assert isinstance(inside.members, ImageFolder)


def test_loose_files_stay_where_they_are_and_give_the_same_digests(tmp_path: Path) -> None:
    folder = laid_out({**MODEL, **FOLDERS}, tmp_path / "channel")
    loose = open_folder(folder, tmp_path / "scratch", limits=Limits())
    assert isinstance(loose, ImageMembershipBundle)
    assert isinstance(loose.members, ImageFolder)
    assert loose.members.files[0].path == folder / "training/10/a.png"
    assert loose.sha256 == bundle_of({**MODEL, **FOLDERS}, tmp_path).sha256


@pytest.mark.parametrize(
    ("files", "code"),
    [
        (FOLDERS, "bad_bundle.no_model"),
        ({**MODEL, "training/0/a.png": b""}, "bad_bundle.no_subjects"),
        ({**MODEL, "subject/0/a.png": b""}, "bad_bundle.no_members"),
        ({**MODEL, **ARRAYS, "train/0/a.png": b""}, "bad_bundle.two_members"),
        ({**MODEL, **FOLDERS, "members/0/a.png": b""}, "bad_bundle.two_members"),
        ({**MODEL, **FOLDERS, "x_test.npy": b"", "y_test.npy": b""}, "bad_bundle.two_subjects"),
        ({**MODEL, **ARRAYS, "x_train.npy": b""}, "bad_bundle.two_member_images"),
        ({**MODEL, **FOLDERS, "x_test.npy": b""}, "bad_bundle.no_subject_labels"),
        ({**MODEL, **FOLDERS, "y_train.npy": b""}, "bad_bundle.no_member_images"),
        ({**MODEL, **FOLDERS, "training/a.png": b""}, "bad_bundle.picture_without_class"),
        ({**MODEL, **FOLDERS, "training/cats/a.png": b""}, "bad_bundle.class_folder"),
        ({**MODEL, **FOLDERS, "training/03/a.png": b""}, "bad_bundle.class_folder"),
        ({**MODEL, **FOLDERS, "subject/-1/a.png": b""}, "bad_bundle.class_folder"),
        ({**MODEL, **FOLDERS, "subject/123456/a.png": b""}, "bad_bundle.class_folder"),
        ({**MODEL, **FOLDERS, "subject/0/1/a.png": b""}, "limit_exceeded.depth"),
        ({**MODEL, **FOLDERS, "Training/3/B.PNG": b""}, "bad_bundle.duplicate_name"),
        ({**MODEL, **FOLDERS, **TABLES}, "bad_bundle.two_kinds"),
        ({**INVERSION, **FOLDERS}, "bad_bundle.two_kinds"),
        ({**INVERSION, "data.zip": zipped(ARRAYS)}, "bad_bundle.two_kinds"),
        ({"model.pkl": b"", **FOLDERS}, "bad_bundle.wrong_model"),
        ({"model.pkl": b"", **MODEL, **FOLDERS}, "bad_bundle.two_model"),
        ({"model.weights.h5": b"", **FOLDERS}, "unsupported_model.weights_only"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else str(value),
)
def test_half_and_doubled_bundles_have_their_own_names(
    files: dict[str, bytes], code: str, tmp_path: Path
) -> None:
    assert refused(files, tmp_path).code == code
    assert not (tmp_path / "into" / "member_images").exists()
