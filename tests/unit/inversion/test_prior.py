from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leakgauge.errors import BadBundle
from leakgauge.inversion.priors.file import read_prior, to_bytes
from leakgauge.inversion.priors.pca import evenly, principal_components


def images(n: int, shape: tuple[int, int, int] = (6, 5, 1), *, rank: int = 8) -> np.ndarray:
    rng = np.random.default_rng(n)
    patterns = rng.random((rank, *shape))
    return np.clip(np.tensordot(rng.dirichlet(np.ones(rank), n), patterns, 1), 0, 1).astype(np.float32)


@pytest.mark.parametrize("n", [25, 200])
@pytest.mark.parametrize("shape", [(6, 5, 1), (8, 8, 3)])
def test_components_are_those_of_a_singular_value_decomposition(n: int, shape: tuple[int, int, int]) -> None:
    given_images = images(n, shape)
    space = principal_components(given_images).space
    flat = given_images.reshape(n, -1).astype(np.float64)
    _, values, rows = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
    # images of rank 8 whose weights sum to 1 differ in 7 ways
    assert space.dimensions == 7
    assert np.allclose(space.spread, values[:7] / np.sqrt(n - 1), rtol=1e-3)
    assert np.allclose(np.abs((space.axes * rows[:7]).sum(axis=1)), 1.0, atol=1e-3)
    assert np.allclose(space.axes @ space.axes.T, np.eye(7), atol=1e-4)
    found = space.images(space.coefficients(given_images - space.start))
    assert np.allclose(found, given_images, atol=1e-3)


def test_at_most_forty_components() -> None:
    noise = np.random.default_rng(0).random((100, 8, 8, 1), dtype=np.float32)
    assert principal_components(noise).space.dimensions == 40


@pytest.mark.parametrize(
    ("given_images", "problem"),
    [(images(19), "auxiliary_too_few"), (np.ones((30, 4, 4, 1), np.float32), "auxiliary_alike")],
)
def test_images_that_make_no_prior_are_refused_by_name(given_images: np.ndarray, problem: str) -> None:
    with pytest.raises(BadBundle) as raised:
        principal_components(given_images)
    assert raised.value.problem == problem


@pytest.mark.parametrize(("n", "most", "kept"), [(5, 9, [0, 1, 2, 3, 4]), (9, 3, [0, 4, 8]), (4, 0, [0])])
def test_images_are_thinned_evenly(n: int, most: int, kept: list[int]) -> None:
    assert list(evenly(range(n), most=most)) == kept


def test_a_file_gives_back_what_was_written_and_the_same_bytes(tmp_path: Path) -> None:
    components = principal_components(images(60, (8, 8, 3)))
    path = tmp_path / "prior.npz"
    path.write_bytes(to_bytes(components))
    found = read_prior(path)
    assert found.images == 60
    for one, other in zip(
        (found.space.start, found.space.axes, found.space.spread),
        (components.space.start, components.space.axes, components.space.spread),
        strict=True,
    ):
        assert one.dtype == other.dtype
        assert np.array_equal(one, other)
    assert to_bytes(found) == path.read_bytes()
    assert np.load(path, allow_pickle=False)["pictures"] == 60


def rewritten(change: Callable[[dict[str, np.ndarray]], object]) -> bytes:
    with np.load(io.BytesIO(SOUND)) as loaded:
        arrays = dict(loaded)
    change(arrays)
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def declaring(shape: str) -> bytes:
    """A file whose axes declare a shape that its bytes do not have."""
    stream = io.BytesIO()
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    with zipfile.ZipFile(io.BytesIO(SOUND)) as given_file, zipfile.ZipFile(stream, "w") as changed:
        for name in given_file.namelist():
            lie = b"\x93NUMPY\x01\x00\x76\x00" + header.encode()
            changed.writestr(name, lie if name == "axes.npy" else given_file.read(name))
    return stream.getvalue()


def packed(content: bytes) -> bytes:
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as given_file,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as changed,
    ):
        for name in given_file.namelist():
            changed.writestr(name, given_file.read(name))
    return stream.getvalue()


SOUND = to_bytes(principal_components(images(30)))
HOSTILE = {
    "empty": b"",
    "no zip": b"PK\x03\x04",
    "cut short": SOUND[:-40],
    "without axes": rewritten(lambda arrays: arrays.pop("axes")),
    "objects": rewritten(lambda arrays: arrays.update(axes=np.array([[print]], dtype=object))),
    "text": rewritten(lambda arrays: arrays.update(spread=np.array(["a"] * 7))),
    "not a number": rewritten(lambda arrays: arrays["mean"].fill(np.nan)),
    "beyond an image": rewritten(lambda arrays: arrays["mean"].fill(1e30)),
    "no spread": rewritten(lambda arrays: arrays["spread"].fill(0)),
    "spread beyond an image": rewritten(lambda arrays: arrays["spread"].fill(1e200)),
    "spread of nothing": rewritten(lambda arrays: arrays["spread"].fill(1e-300)),
    "stretched axes": rewritten(lambda arrays: np.multiply(arrays["axes"], 1e6, out=arrays["axes"])),
    "other length": rewritten(lambda arrays: arrays.update(spread=np.ones(3))),
    "no images": rewritten(lambda arrays: arrays.update(pictures=np.int64(-1))),
    "many axes": rewritten(lambda arrays: arrays.update(axes=np.zeros((41, 30), np.float32))),
    "terabytes": declaring("(1000000, 1000000)"),
    "negative": declaring("(-1, 30)"),
    "compressed": packed(SOUND),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_prior_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "prior.npz"
    path.write_bytes(content)
    with pytest.raises(BadBundle) as raised:
        read_prior(path)
    assert raised.value.problem == "prior_damaged"


@settings(max_examples=60, derandomize=True, deadline=None)
@given(place=st.integers(0, len(SOUND) - 1), change=st.integers(1, 255))
def test_a_changed_byte_is_refused_or_harmless(
    place: int, change: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bytearray(SOUND)
    content[place] ^= change
    path = tmp_path_factory.getbasetemp() / "changed.npz"
    path.write_bytes(bytes(content))
    try:
        found = to_bytes(read_prior(path))
    except BadBundle:
        return
    # only what the arrays do not hang on, as a date, can change unseen
    assert found == SOUND
