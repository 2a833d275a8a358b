"""On what background reconstructions lie."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import onnx
import pytest
from inversion_bundles import QUICK, png, template_model, write_bundle
from onnx import helper
from template_target import templates

from leakgauge.bundle import Limits, open_bundle
from leakgauge.errors import BadParameters
from leakgauge.inversion.audit import audit_bundle
from leakgauge.inversion.priors.background import background_of
from leakgauge.progress import Silent
from leakgauge.report.model import InversionMeasured, InversionReport


def on(background: float, *, stroke: float) -> np.ndarray:
    image = np.full((6, 8, 3), background, dtype=np.float32)
    image[:, 3:5] = stroke  # reaches the rim, as strokes do
    return image


def test_a_dark_ground_needs_no_mention() -> None:
    for background in (0.0, 0.02):
        assert background_of(on(background, stroke=1.0), asked=None, input_range=(0, 1)) == (0.0, ())


@pytest.mark.parametrize(
    ("ends", "told"),
    [((0.0, 1.0), "tend to 0.75,"), ((0.0, 255.0), "tend to 191,"), ((-1.0, 1.0), "to 0.5,")],
)
def test_another_ground_is_that_of_the_rim_and_told_in_the_models_values(
    ends: tuple[float, float], told: str
) -> None:
    background, (notice,) = background_of(on(0.75, stroke=0.0), asked=None, input_range=ends)
    assert background == 0.75
    assert notice.code == "background"
    assert told in notice.message


def test_one_pixel_has_a_rim() -> None:
    assert background_of(np.ones((1, 1, 1), np.float32), asked=None, input_range=(0, 1))[0] == 1.0


def test_what_is_asked_for_goes_before_the_image() -> None:
    assert background_of(on(1.0, stroke=0.0), asked=-1.0, input_range=(-1.0, 1.0)) == (0.0, ())
    with pytest.raises(BadParameters, match="input range, 0 to 1"):
        background_of(on(1.0, stroke=0.0), asked=-1.0, input_range=(0.0, 1.0))


def mirrored_model() -> bytes:
    """The classifier of templates for images that are dark on white."""
    model = onnx.load(io.BytesIO(template_model()))
    one = helper.make_tensor("one", onnx.TensorProto.FLOAT, [1], [1.0])
    model.graph.initializer.append(one)
    model.graph.node.insert(0, helper.make_node("Sub", ["one", "x"], ["turned"]))
    model.graph.node[1].input[0] = "turned"
    return bytes(model.SerializeToString())


def test_a_leak_on_a_white_ground_is_seen_as_on_a_black_one(tmp_path: Path) -> None:
    def report(name: str, **files: bytes) -> InversionReport:
        folder = write_bundle(tmp_path / name, QUICK)
        for file, content in files.items():
            (folder / file.replace("__", ".")).write_bytes(content)
        unpacked = tmp_path / f"{name} unpacked"
        unpacked.mkdir()
        found = audit_bundle(open_bundle(folder, unpacked, limits=Limits()), {}, Silent()).report
        assert isinstance(found, InversionReport)
        return found

    black = report("black")
    white = report("white", model__onnx=mirrored_model(), input_image__png=png(1.0 - templates()[0]))
    assert "background" in {warning.code for warning in white.warnings}
    assert "background" not in {warning.code for warning in black.warnings}
    for usual, turned in zip(black.attacks, white.attacks, strict=True):
        assert type(usual) is type(turned)
        if isinstance(usual, InversionMeasured):
            assert abs(turned.metrics.pearson.value - usual.metrics.pearson.value) < 0.1
