"""Digits for the demo: scikit-learn's, and MNIST as people have it lying about."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from leakgauge.errors import BadBundle
from leakgauge.jobs.demo.digits import MOST_HELD_OUT, MOST_TRAINED, bundled_digits, mnist

N = 60


def pixels():
    labels = (np.arange(N) % 10).astype(np.uint8)
    images = np.random.default_rng(0).integers(0, 256, (N, 28, 28)).astype(np.uint8)
    return images, labels


def write_idx(folder, *, zipped=True, part=slice(None), name="t10k"):
    images, labels = (array[part] for array in pixels())
    for kind, header, array in (("images-idx3", 16, images), ("labels-idx1", 8, labels)):
        content = b"\0" * header + array.tobytes()
        path = folder / f"{name}-{kind}-ubyte{'.gz' if zipped else ''}"
        path.write_bytes(gzip.compress(content) if zipped else content)


def write_npz(folder, **changed):
    images, labels = pixels()
    arrays = {
        "x_train": images[:40],
        "y_train": labels[:40],
        "x_test": images[40:],
        "y_test": labels[40:],
    }
    np.savez(folder / "mnist.npz", **{**arrays, **changed})


def same_records(found):
    images, _ = pixels()
    kept = np.concatenate([found.images, found.held_out_images])
    return {image.tobytes() for image in kept} == {
        image.tobytes() for image in (images[..., None] / 255.0).astype(np.float32)
    }


def test_the_bundled_digits_are_split_in_halves_that_share_nothing():
    digits = bundled_digits(seed=1)
    assert len(digits.labels) + len(digits.held_out_labels) == 1_797
    assert digits.images.shape[1:] == (8, 8, 1)
    assert (digits.images.min(), digits.images.max()) == (0.0, 1.0)
    assert set(digits.labels) == set(range(10))
    other = bundled_digits(seed=2)
    assert not np.array_equal(digits.labels, other.labels)
    np.testing.assert_array_equal(digits.first_of(4), digits.images[np.argmax(digits.labels == 4)])


@pytest.mark.parametrize("zipped", [True, False])
def test_mnist_is_read_from_its_own_files(tmp_path, zipped):
    write_idx(tmp_path, zipped=zipped, part=slice(0, 50), name="train")
    write_idx(tmp_path, zipped=zipped, part=slice(50, None))
    found = mnist(tmp_path)
    assert found.images.dtype == np.float32
    assert len(found.labels) <= MOST_TRAINED
    assert len(found.held_out_labels) <= MOST_HELD_OUT
    assert same_records(found)


def test_mnist_is_read_from_the_archive_of_keras(tmp_path):
    write_npz(tmp_path)
    assert same_records(mnist(tmp_path))


def test_a_folder_without_digits_is_refused(tmp_path):
    with pytest.raises(BadBundle) as refused:
        mnist(tmp_path)
    assert refused.value.problem == "no_digits"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "mnist.npz").write_bytes(b"not a zip"),
        lambda folder: write_npz(folder, y_train=np.array([{"a": 1}] * 40, dtype=object)),
        lambda folder: write_npz(folder, y_test=np.zeros(20, dtype=np.uint8), y_train=np.zeros(40, np.uint8)),
        lambda folder: write_npz(folder, y_train=np.zeros(3, dtype=np.uint8)),
        lambda folder: write_npz(folder, x_train=np.zeros((40, 3), dtype=np.uint8)),
        lambda folder: np.savez(folder / "mnist.npz", other=np.zeros(3)),
        lambda folder: (folder / "t10k-images-idx3-ubyte.gz").write_bytes(b"no gzip"),
        lambda folder: (folder / "t10k-images-idx3-ubyte").write_bytes(b"\0" * 16 + b"x" * 28 * 28),
        lambda folder: write_idx(folder, part=slice(0, 5)),
        lambda folder: (folder / "t10k-images-idx3-ubyte.gz").write_bytes(
            gzip.compress(b"x" * 999)[:-20] + b"y" * 20
        ),
        lambda folder: (folder / "mnist.npz").write_bytes(b"PK\x03\x04 and then nothing"),
    ],
)
def test_files_that_are_not_mnists_are_refused_in_words(tmp_path, spoil):
    spoil(tmp_path)
    with pytest.raises(BadBundle) as refused:
        mnist(tmp_path)
    assert refused.value.problem == "digits_unreadable"
    assert str(tmp_path) not in str(refused.value)
