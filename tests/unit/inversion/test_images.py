from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leakgauge.bundle import BundledFile
from leakgauge.images.colormaps import NAMES, colormap
from leakgauge.images.files import read_image, to_png
from leakgauge.images.fitting import fit
from leakgauge.images.image import NamedImage

RAMP = np.linspace(0, 255, 64).round().astype(np.uint8).reshape(8, 8)


def read(tmp_path: Path, content: bytes, *, input_range: tuple[float, float] | None = None) -> NamedImage:
    path = tmp_path / "image"
    path.write_bytes(content)
    return read_image(BundledFile("input_image.png", path, "0" * 64), input_range=input_range)


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format=kind, **options)  # type: ignore[arg-type]  # Pillow takes any option
    return stream.getvalue()


def codes(image: NamedImage) -> list[str]:
    return [notice.code for notice in image.notices]


def test_a_grey_png_is_read_as_it_is(tmp_path: Path) -> None:
    image = read(tmp_path, saved(Image.fromarray(RAMP)))
    assert np.allclose(image.values[..., 0], RAMP / 255)
    assert codes(image) == []


def test_a_png_that_was_written_reads_the_same(tmp_path: Path) -> None:
    values = (RAMP / 255).astype(np.float32)[..., None]
    assert np.allclose(read(tmp_path, to_png(values)).values, values, atol=1e-6)
    assert to_png(values) == to_png(values)


@pytest.mark.parametrize("name", NAMES)
def test_a_colour_map_is_undone_and_named(tmp_path: Path, name: str) -> None:
    coloured = colormap(name)[RAMP].astype(np.uint8)
    rgba = np.dstack([coloured, np.full((8, 8), 255, dtype=np.uint8)])
    image = fit(read(tmp_path, saved(Image.fromarray(rgba))), (8, 8, 1), resize=False)
    assert np.abs(image.values[..., 0] - RAMP / 255).max() < 0.02
    assert codes(image) == ["image_alpha", "image_colormap"]
    assert name in image.notices[-1].message


def test_a_photograph_is_not_taken_for_a_colour_map(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    image = fit(read(tmp_path, saved(Image.fromarray(colours))), (8, 8, 1), resize=False)
    assert codes(image) == ["image_to_grey"]


def test_grey_stored_as_rgb_is_one_channel(tmp_path: Path) -> None:
    image = fit(read(tmp_path, saved(Image.fromarray(RAMP).convert("RGB"))), (8, 8, 1), resize=False)
    assert np.allclose(image.values[..., 0], RAMP / 255)
    assert codes(image) == ["image_rgb_grey"]


def test_a_palette_is_resolved(tmp_path: Path) -> None:
    opened = Image.fromarray(RAMP).convert("RGB").quantize(64)
    image = read(tmp_path, saved(opened))
    assert codes(image) == ["image_palette"]
    assert np.abs(image.values.mean(axis=2) - RAMP / 255).max() < 0.05


def test_sixteen_bits_are_all_used(tmp_path: Path) -> None:
    deep = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    image = read(tmp_path, saved(Image.fromarray(deep)))
    assert len(np.unique(image.values)) == 64
    assert image.values.max() == 1.0
    assert codes(image) == ["image_16_bit"]


def test_black_and_white_is_read(tmp_path: Path) -> None:
    image = read(tmp_path, saved(Image.fromarray(RAMP > 100)))
    assert set(np.unique(image.values)) == {0.0, 1.0}


def test_a_turned_jpeg_is_turned_back(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    opened = Image.fromarray(np.repeat(RAMP, 2, axis=1))
    image = read(tmp_path, saved(opened, "JPEG", exif=exif))
    assert image.values.shape == (16, 8, 1)
    assert codes(image) == ["image_turned"]


@pytest.mark.parametrize(
    ("array", "input_range"),
    [
        (RAMP, None),
        (RAMP / 255.0, None),
        (RAMP.astype(np.float32), None),
        (RAMP / 127.5 - 1.0, (-1.0, 1.0)),
        ((RAMP / 255.0)[None, ..., None], None),
        ((RAMP / 255.0)[None], None),
        ((RAMP.astype(np.uint16) * 257), None),
    ],
    ids=["bytes", "unit floats", "floats to 255", "asked range", "batch of one", "channels first", "16 bit"],
)
def test_arrays_are_brought_to_the_unit_range(
    tmp_path: Path, array: np.ndarray, input_range: tuple[float, float] | None
) -> None:
    stream = io.BytesIO()
    np.save(stream, array)
    image = read(tmp_path, stream.getvalue(), input_range=input_range)
    assert image.values.shape == (8, 8, 1)
    assert np.allclose(image.values[..., 0], RAMP / 255, atol=1e-5)


def test_a_image_is_resized_only_when_asked(tmp_path: Path) -> None:
    image = read(tmp_path, saved(Image.fromarray(RAMP)))
    larger = fit(image, (16, 12, 3), resize=True)
    assert larger.values.shape == (16, 12, 3)
    assert codes(larger) == ["image_grey", "image_resized"]
    assert 0.0 <= larger.values.min() <= larger.values.max() <= 1.0


def test_a_model_with_alpha_gets_an_opaque_image(tmp_path: Path) -> None:
    image = fit(read(tmp_path, saved(Image.fromarray(RAMP))), (8, 8, 4), resize=False)
    assert (image.values[..., 3] == 1.0).all()
