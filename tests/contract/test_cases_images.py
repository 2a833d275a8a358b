"""The model files of `tests/data/cases/images`: each opens, and answers as tf.keras 2.15 did."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.cases import CASES

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what TensorFlow's own imports warn about is not ours to fix
    import keras  # noqa: F401

from leakgauge.bundle import InversionBundle, Limits, open_bundle
from leakgauge.inversion.audit import audit_bundle
from leakgauge.progress import Silent
from leakgauge.report.model import InversionReport
from leakgauge.targets.opening import open_image_model

pytestmark = pytest.mark.filterwarnings("ignore")

FOLDER = CASES / "images"
ANSWERS: dict[str, Any] = json.loads((FOLDER / "answers.json").read_text())
BUNDLES = sorted(path.name for path in FOLDER.glob("*.zip"))


def bundle(name: str, folder: Path) -> InversionBundle:
    opened = open_bundle(FOLDER / name, folder / "unpacked", limits=Limits())
    assert isinstance(opened, InversionBundle)
    return opened


def test_the_cases_are_there() -> None:
    assert len(BUNDLES) == 8
    assert set(BUNDLES) == set(ANSWERS)


@pytest.mark.parametrize("name", BUNDLES)
def test_it_answers_as_the_version_that_saved_it(name: str, tmp_path: Path) -> None:
    model = bundle(name, tmp_path).model
    assert model is not None
    target = open_image_model(model.path, image_size=(8, 8), input_range=(0.0, 255.0))
    images = np.random.RandomState(7).randint(0, 256, (4, *target.facts.shape)) / np.float32(255)
    expected = np.array(ANSWERS[name])
    assert np.abs(target.probabilities(images) - expected).max() <= 1e-5


def test_convolutions_by_depth_with_one_group_open() -> None:
    target = open_image_model(FOLDER / "depthwise_groups.h5", image_size=(32, 32))
    assert np.isfinite(target.probabilities(np.zeros((1, *target.facts.shape), dtype=np.float32))).all()


@pytest.mark.parametrize("name", ["uint8-input-keras.zip", "l-bnorm-keras.zip"])
def test_it_is_audited(name: str, tmp_path: Path) -> None:
    quick = {"iterations": 10, "seeds": 1, "attacks": ["nes"]}
    report = audit_bundle(bundle(name, tmp_path), quick, Silent()).report
    assert isinstance(report, InversionReport)
