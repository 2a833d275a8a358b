"""An image classifier and image sets are fitted to each other, or refused by name."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundle_files import laid_out
from image_bundles import CLASSES, N, arrays, bundle, folders, npy, onnx_model, png, sets

from leakgauge.bundle import ImageMembershipBundle, Limits, open_bundle
from leakgauge.errors import LeakgaugeError, LimitExceeded
from leakgauge.membership.image_inputs import read_image_inputs
from leakgauge.membership.image_perturbations import MOVES, ImagePerturbations
from leakgauge.membership.inputs import Inputs
from leakgauge.membership.shift import distribution_shift
from leakgauge.parameters import image_membership_parameters
from leakgauge.progress import Silent

X, Y, OTHER_X, OTHER_Y = sets()


def read(folder: Path, files: dict[str, bytes], **parameters: Any) -> Inputs:
    files = {name: content for name, content in files.items() if name != "parameters.json"}
    (folder / "scratch").mkdir(parents=True)
    found = open_bundle(laid_out(files, folder / "bundle"), folder / "scratch", limits=Limits())
    assert isinstance(found, ImageMembershipBundle)
    return read_image_inputs(found, image_membership_parameters(None, parameters))


def refused(folder: Path, files: dict[str, bytes], **parameters: Any) -> LeakgaugeError:
    with pytest.raises(LeakgaugeError) as caught:
        read(folder, files, **parameters)
    error = caught.value
    assert str(folder) not in error.message + error.hint
    assert len(error.hint) > 15
    return error


def memorised(inputs: Inputs) -> float:
    """The model is right about all its members exactly when images and labels line up."""
    right = inputs.target.labels(inputs.pool.x) == inputs.pool.y
    return float(right[inputs.pool.member].mean())


def codes(inputs: Inputs) -> list[str]:
    return [notice.code for notice in inputs.notices]


def test_arrays_of_bytes(tmp_path: Path) -> None:
    inputs = read(tmp_path, bundle())
    assert inputs.target.queries == 0
    assert memorised(inputs) == 1.0
    assert inputs.pool.x.shape == (2 * N, 8, 8, 1)
    assert inputs.pool.x.dtype == np.float32
    assert np.array_equal(inputs.pool.x[N:, ..., 0], OTHER_X / np.float32(255))
    assert list(inputs.pool.row[[0, N - 1, N]]) == [1, N, 1]
    assert (inputs.features, len(inputs.target.classes)) == (64, CLASSES)
    assert codes(inputs) == []


def test_folders_hold_the_same_images(tmp_path: Path) -> None:
    loose = read(tmp_path / "a", {"model.onnx": onnx_model(), **folders()})
    stacked = read(tmp_path / "b", bundle())
    assert memorised(loose) == 1.0

    def contents(inputs: Inputs) -> list[bytes]:
        records = zip(inputs.pool.x, inputs.pool.y, inputs.pool.member, strict=True)
        return sorted(x.tobytes() + bytes([int(y), int(member)]) for x, y, member in records)

    assert contents(loose) == contents(stacked)
    names = sorted(name for name in folders() if name.startswith("training/"))
    third = int(names[2].split("/")[1])
    assert loose.pool.y[2] == third


@pytest.mark.parametrize(
    "labels",
    [
        Y.astype(np.uint8),
        Y[:, None],
        Y.astype(np.float64),
        np.eye(CLASSES, dtype=np.float32)[Y],
        np.eye(CLASSES, dtype=bool)[Y],
        np.asfortranarray(np.eye(CLASSES)[Y]),
    ],
    ids=["bytes", "column", "floats", "one-hot", "flags", "fortran"],
)
def test_labels_in_every_usual_form(tmp_path: Path, labels: np.ndarray) -> None:
    assert memorised(read(tmp_path, bundle(training_labels__npy=labels))) == 1.0


@pytest.mark.parametrize(
    ("images", "parameters"),
    [
        (X[..., None], {}),
        (X[:, None], {}),
        (X / 255.0, {}),
        (X.astype(np.float32), {}),
        (X.astype(np.int64), {}),
        (X.astype(np.uint16) * 257, {}),
        (np.asfortranarray(X), {}),
        (X / 255.0, {"input_range": [0, 1]}),
        (np.repeat(X[..., None], 3, axis=3), {}),
        (np.kron(X, np.ones((1, 2, 2), dtype=np.uint8)), {"resize": True}),
    ],
    ids=["channel", "first", "unit", "floats", "whole", "deep", "fortran", "asked", "colour", "larger"],
)
def test_images_in_every_usual_form(tmp_path: Path, images: Any, parameters: Any) -> None:
    assert memorised(read(tmp_path, bundle(training_images__npy=images), **parameters)) > 0.97


@pytest.mark.parametrize(
    "form", [{"channels_first": True}, {"channels": 3}, {"channels": 3, "channels_first": True}]
)
def test_models_of_other_layouts(tmp_path: Path, form: dict[str, Any]) -> None:
    assert memorised(read(tmp_path, bundle(model__onnx=onnx_model(**form)))) == 1.0


def test_what_was_done_to_images_is_told_once_for_all(tmp_path: Path) -> None:
    colour = np.repeat(X[..., None], 3, axis=3)
    inputs = read(tmp_path, bundle(training_images__npy=colour))
    assert codes(inputs) == ["image_rgb_grey"]
    assert f"{N - 1} more" in inputs.notices[0].message


def test_images_in_both_sets_are_dropped_from_both(tmp_path: Path) -> None:
    files = {"model.onnx": onnx_model(), **folders()}
    # another file of the same pixels, among the subjects, and one with another label
    files[f"subject/{Y[0]}/copy.png"] = png(np.repeat(X[0][..., None], 3, axis=2))
    files[f"subject/{(Y[1] + 1) % CLASSES}/twin.png"] = png(X[1])
    inputs = read(tmp_path, files)
    assert inputs.pool.member.sum() == N - 1
    assert (~inputs.pool.member).sum() == N + 1
    told = next(notice for notice in inputs.notices if notice.code == "records_in_both_tables")
    assert "1 images of training and 1 of subject" in told.message
    assert memorised(inputs) == 1.0


def test_arrays_that_share_their_images_are_refused(tmp_path: Path) -> None:
    half = np.concatenate([X[: N - 10], OTHER_X[:10]]), np.concatenate([Y[: N - 10], OTHER_Y[:10]])
    error = refused(tmp_path, bundle(subject_images__npy=half[0], subject_labels__npy=half[1]))
    assert error.code == "bad_bundle.members_among_non_members"


def test_large_sets_are_sampled_and_it_is_said(tmp_path: Path) -> None:
    inputs = read(tmp_path, bundle(), max_records=200)
    assert inputs.pool.member.sum() == (~inputs.pool.member).sum() == 100
    assert codes(inputs) == ["sampled", "sampled"]
    assert "max_records" in inputs.notices[0].message
    assert np.array_equal(inputs.pool.x[:100, ..., 0] * 255, X[inputs.pool.row[:100] - 1])


def test_sets_too_large_for_memory_are_sampled_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leakgauge.membership.image_inputs.MOST_NUMBERS", 64 * 90)
    inputs = read(tmp_path, bundle())
    assert len(inputs.pool) == 90
    assert "memory" in inputs.notices[0].message


def test_more_images_than_a_table_may_have_rows(tmp_path: Path) -> None:
    found = open_bundle(laid_out(bundle(), tmp_path / "bundle"), tmp_path, limits=Limits(table_rows=N - 1))
    assert isinstance(found, ImageMembershipBundle)
    with pytest.raises(LimitExceeded) as caught:
        read_image_inputs(found, image_membership_parameters())
    assert caught.value.problem == "table_rows"


def test_a_model_asked_in_the_wrong_range_is_refused_until_the_range_is_stated(tmp_path: Path) -> None:
    bytes_wanted = bundle(model__onnx=onnx_model(scale=1 / 255))
    error = refused(tmp_path / "a", bytes_wanted)
    assert error.code == "bad_parameters.input_range"
    assert "[0, 255]" in error.hint
    assert memorised(read(tmp_path / "b", bytes_wanted, input_range=[0, 255])) == 1.0
    assert memorised(read(tmp_path / "c", bytes_wanted, input_range=[0, 1])) < 0.9


def test_labels_in_another_order_are_warned_about(tmp_path: Path) -> None:
    inputs = read(
        tmp_path,
        bundle(training_labels__npy=(Y + 3) % CLASSES, subject_labels__npy=(OTHER_Y + 3) % CLASSES),
    )
    assert "labels_do_not_fit" in codes(inputs)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"training_images__npy": X[:19], "training_labels__npy": Y[:19]}, "bad_bundle.too_few_records"),
        ({"training_images__npy": X[:0], "training_labels__npy": Y[:0]}, "bad_bundle.array_empty"),
        ({"training_labels__npy": Y[:-1]}, "bad_bundle.labels_do_not_match"),
        ({"training_labels__npy": np.where(Y == 3, CLASSES, Y)}, "bad_bundle.unknown_labels"),
        ({"training_labels__npy": Y.astype(np.uint64) + 2**63}, "bad_bundle.unknown_labels"),
        ({"subject_labels__npy": OTHER_Y - 1}, "bad_bundle.unknown_labels"),
        ({"training_labels__npy": Y + 0.5}, "bad_bundle.labels_not_whole"),
        ({"training_labels__npy": np.where(Y == 3, np.nan, Y)}, "bad_bundle.labels_not_whole"),
        ({"training_labels__npy": np.full(N, np.inf)}, "bad_bundle.labels_not_whole"),
        ({"training_labels__npy": np.zeros(N)}, "bad_bundle.one_label"),
        ({"training_labels__npy": np.ones((N, CLASSES))}, "bad_bundle.labels_shape"),
        ({"training_labels__npy": np.eye(CLASSES)[Y] * 0.9}, "bad_bundle.labels_shape"),
        ({"training_labels__npy": np.zeros((N, 1, 1))}, "bad_bundle.labels_shape"),
        ({"training_labels__npy": np.array(3)}, "bad_bundle.labels_shape"),
        ({"training_labels__npy": Y.astype(str)}, "bad_bundle.array_not_numbers"),
        ({"training_images__npy": np.array([*X, None], dtype=object)[:N]}, "bad_bundle.array_not_numbers"),
        ({"training_images__npy": X.astype(complex)}, "bad_bundle.array_not_numbers"),
        ({"training_images__npy": npy(X)[:-1]}, "bad_bundle.array_damaged"),
        ({"training_images__npy": npy(X) + b"\0"}, "bad_bundle.array_damaged"),
        ({"training_images__npy": b""}, "bad_bundle.array_damaged"),
        ({"training_images__npy": b"\x93NUMPY\x01\x00\xff\xff{"}, "bad_bundle.array_damaged"),
        ({"training_images__npy": X.reshape(N, 64)}, "bad_bundle.array_shape"),
        ({"training_images__npy": np.zeros((N, 8, 8, 2))}, "bad_bundle.array_shape"),
        ({"training_images__npy": np.where(X == 0, np.nan, X)}, "bad_bundle.array_not_finite"),
        ({"training_images__npy": X - 1.0}, "bad_bundle.array_range"),
        ({"training_images__npy": X * 2.0}, "bad_bundle.array_range"),
        ({"training_images__npy": np.kron(X, np.ones((1, 2, 2)))}, "bad_bundle.image_size"),
        ({"model__onnx": b"not a model"}, "unsupported_model.not_a_model"),
        ({"model__onnx": onnx_model(bias=float("nan"))}, "unsupported_model.outputs_not_finite"),
    ],
)  # fmt: skip
def test_what_does_not_fit_has_its_own_name(tmp_path: Path, changes: dict[str, Any], code: str) -> None:
    assert refused(tmp_path, bundle(**changes)).code == code


def test_an_array_that_declares_terabytes_is_refused_for_what_it_declares(tmp_path: Path) -> None:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000, 8, 8), }"
    crafted = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(64)
    error = refused(tmp_path, bundle(subject_images__npy=crafted))
    assert error.code == "bad_bundle.array_damaged"


def test_a_pickle_in_an_array_is_never_opened(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (pytest.fail, ("a pickle was opened",))

    crafted = np.empty(N, dtype=object)
    crafted[:] = Bomb()
    error = refused(tmp_path, bundle(training_labels__npy=crafted))
    assert error.code == "bad_bundle.array_not_numbers"


def test_images_of_mixed_sizes_name_the_one_that_does_not_fit(tmp_path: Path) -> None:
    files = {"model.onnx": onnx_model(), **folders()}
    odd = np.kron(X[0], np.ones((2, 1), dtype=np.uint8))
    files["training/3/odd.png"] = png(odd)
    error = refused(tmp_path / "a", files)
    assert error.code == "bad_bundle.image_size"
    assert "training/3/odd.png is 8 × 16 pixels" in error.message
    inputs = read(tmp_path / "b", files, resize=True)
    assert codes(inputs) == ["image_resized"]


def test_a_class_folder_that_the_model_does_not_have(tmp_path: Path) -> None:
    files = {"model.onnx": onnx_model(), **folders(), "subject/10/a.png": png(X[0])}
    error = refused(tmp_path, files)
    assert error.code == "bad_bundle.unknown_labels"
    assert "subject/10/a.png" in error.message


def test_a_image_that_is_none(tmp_path: Path) -> None:
    files = {"model.onnx": onnx_model(), **folders(), "subject/1/a.png": b"<svg/>"}
    assert refused(tmp_path, files).code == "bad_bundle.image_format"


@pytest.mark.parametrize("missing", ["keras", "tensorflow", "h5py"])
def test_a_keras_file_without_keras_is_told_how_to_be_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    files = {"model.h5": b"\x89HDF\r\n\x1a\n" + bytes(64), **arrays()}
    error = refused(tmp_path, files)
    assert error.code == "unsupported_model.keras_not_installed"
    assert 'model.export("model.onnx", format="onnx")' in error.hint
    assert memorised(read(tmp_path / "onnx", bundle())) == 1.0


def test_columns_of_tables_are_no_parameters_of_images(tmp_path: Path) -> None:
    assert refused(tmp_path, bundle(), label_column="y").code == "bad_parameters.invalid"


def test_sets_that_differ_in_brightness_are_told_apart_without_the_model(tmp_path: Path) -> None:
    same = read(tmp_path / "a", bundle()).pool
    assert distribution_shift(same, rng=np.random.default_rng(0), progress=Silent()) is None
    darker = read(tmp_path / "b", bundle(subject_images__npy=OTHER_X // 2)).pool
    found = distribution_shift(darker, rng=np.random.default_rng(0), progress=Silent())
    assert found is not None
    assert found.area.low > 0.9
    assert [name for name, _ in found.by_column] == ["the images"]


def test_copies_of_images_stay_images() -> None:
    x = (X / 255.0).astype(np.float32)[..., None]
    changed = ImagePerturbations.of(x).copy(0.1, rng=np.random.default_rng(0))
    inside = (changed > 0) & (changed < 1) & (x > 0.3) & (x < 0.7)
    assert np.isclose((changed - x)[inside].std(), 0.1 * x.std(), rtol=0.1)
    assert changed.dtype == np.float32
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert np.array_equal(ImagePerturbations.of(x).copy(0.0, rng=np.random.default_rng(0)), x)
    down = ImagePerturbations.of(x).moved((1, 0))
    assert np.array_equal(down[:, 1:], x[:, :-1])
    assert np.array_equal(down[:, 0], x[:, 0])
    assert all(np.any(ImagePerturbations.of(x).moved(move) != x) for move in MOVES)
