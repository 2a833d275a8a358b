from __future__ import annotations

import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inversion_bundles import QUICK, write_bundle
from template_target import SIDE, templates

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what the libraries' own imports warn about is not ours to fix
    import keras
    import onnxruntime  # noqa: F401 - imported here so that the audit's import finds it done

from leakgauge.attacks.row import NOT_INSTALLED
from leakgauge.bundle import Limits, open_bundle
from leakgauge.inversion.attacks import ATTACKS
from leakgauge.inversion.audit import audit_bundle
from leakgauge.inversion.priors.low_frequencies import low_frequencies
from leakgauge.inversion.protocol import AttackSettings, Reconstructed
from leakgauge.inversion.similarity import pearson
from leakgauge.progress import Silent
from leakgauge.report.model import InversionMeasured, InversionReport, NotApplicable
from leakgauge.targets.images.target import ImageTarget
from leakgauge.targets.opening import open_image_model

# Keras and NumPy disagree on how arrays are handed over, which is not ours to fix either
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
layers = keras.layers
BY_NAME = {attack.name: attack for attack in ATTACKS}


def template_network(*, activation: str | None = "softmax", shape: tuple[int, ...] = (SIDE, SIDE, 1)) -> Any:
    flat = templates().reshape(3, -1)
    centred = flat - flat.mean(axis=1, keepdims=True)
    weights = (40 * centred / np.linalg.norm(centred, axis=1, keepdims=True) / SIDE).T
    model = keras.Sequential(
        [keras.Input(shape), layers.Flatten(), layers.Dense(3, activation=activation)],
    )
    model.layers[-1].set_weights([weights.astype(np.float32), np.zeros(3, np.float32)])
    return model


def opened(model: Any, folder: Path, **told: Any) -> ImageTarget:
    path = folder / "model.keras"
    model.save(path)
    return open_image_model(path, image_size=(SIDE, SIDE), **told)


def two_classes() -> Any:
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [keras.Input((SIDE, SIDE, 1)), layers.Flatten(), layers.Dense(4), layers.Dense(1, "sigmoid")]
    )


def scores() -> Any:
    keras.utils.set_random_seed(2)
    return keras.Sequential(
        [keras.Input((SIDE, SIDE, 1)), layers.Flatten(), layers.Dense(3, activation="sigmoid")]
    )


def bytes_first() -> Any:
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((3, SIDE, SIDE)),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (template_network, {}),
        (lambda: template_network(activation=None), {}),
        (two_classes, {}),
        (scores, {}),
        (bytes_first, {"channel_order": "first"}),
        (lambda: template_network(shape=(SIDE, SIDE)), {"input_range": (-1.0, 1.0)}),
    ],
    ids=["softmax", "logits", "one sigmoid", "scores", "bytes, channels first", "no channels"],
)
def test_the_gradient_is_that_of_the_answers(
    make: Callable[[], Any], told: dict[str, Any], tmp_path: Path
) -> None:
    target = opened(make(), tmp_path, **told)
    assert target.network is not None
    rng = np.random.default_rng(4)
    images = rng.uniform(0.2, 0.8, (2, *target.facts.shape)).astype(np.float32)
    direction = rng.standard_normal(images.shape).astype(np.float32)
    for target_class in (0, 1):
        probability, gradient = target.network.probability_gradient(images, target_class)
        assert np.allclose(probability, target.probabilities(images)[:, target_class], atol=1e-5)
        ahead, behind = (
            target.probabilities(images + sign * np.float32(1e-2) * direction)[:, target_class]
            for sign in (1, -1)
        )
        slope = (gradient * direction).sum(axis=(1, 2, 3))
        assert np.allclose(slope, (ahead - behind) / 2e-2, rtol=0.05, atol=2e-3)
    weights = rng.standard_normal((2, target.facts.classes)).astype(np.float32)
    gradient = target.network.log_probability_gradient(images, weights)
    ahead, behind = (
        np.log(target.probabilities(images + sign * np.float32(1e-2) * direction)) for sign in (1, -1)
    )
    assert np.allclose(
        (gradient * direction).sum(axis=(1, 2, 3)),
        (weights * (ahead - behind)).sum(axis=1) / 2e-2,
        rtol=0.05,
        atol=5e-3,
    )
    assert np.allclose(
        target.network.log_probabilities(images), np.log(target.probabilities(images)), atol=1e-4
    )
    assert np.allclose(target.network.images(target.network.inputs(images)), images, atol=1e-5)


def settings_of(target: ImageTarget, **changes: Any) -> AttackSettings:
    start = low_frequencies(np.full((SIDE, SIDE, 1), 0.5, dtype=np.float32))
    told = {"space": start, "iterations": (5, 400), "seeds": 3, "network": target.network}
    return AttackSettings(**{**told, **changes})


def reconstructed(name: str, target: ImageTarget, told: AttackSettings) -> Reconstructed:
    return BY_NAME[name].reconstruct(
        target, 0, budget=1, rng=np.random.default_rng(0), progress=Silent(), settings=told
    )


def test_miface_climbs_and_stops_when_the_model_is_sure(tmp_path: Path) -> None:
    target = opened(template_network(), tmp_path)
    before = target.queries
    found = reconstructed("miface", target, settings_of(target))
    assert target.queries == before
    assert [frame.iterations for frame in found.frames] == [5, 400]
    assert [frame.queries for frame in found.frames] == [0, 0]
    assert found.curve[-1].iteration < 400
    assert found.curve[-1].confidence >= 0.99
    image = found.frames[-1].images[0]
    assert pearson(image, templates()[0]) > 0.5
    assert target.probabilities(image[None])[0, 0] >= 0.99


def test_miface_stops_when_a_whole_window_has_been_no_better(tmp_path: Path) -> None:
    """A model that answers alike to everything: nothing moves, and 100 equal costs end the run."""
    target = opened(template_network(), tmp_path)
    flat = keras.Sequential([keras.Input((SIDE, SIDE, 1)), layers.Flatten(), layers.Dense(3, "softmax")])
    flat.layers[-1].set_weights([np.zeros((SIDE * SIDE, 3), np.float32), np.zeros(3, np.float32)])
    target = opened(flat, tmp_path)
    found = reconstructed("miface", target, settings_of(target))
    assert found.curve[-1].iteration == 101
    assert np.array_equal(found.frames[-1].images[0], settings_of(target).space.start)


class MIFaceStub:
    """The toolbox's interface, with a step that can be recognised."""

    def __init__(self, classifier: Any, *, max_iter: int, **_: Any) -> None:
        self.classifier, self.iterations = classifier, max_iter

    def infer(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        low, high = self.classifier["clip_values"]
        return np.clip(x + self.iterations * (high - low) / 1_000, low, high)


def test_the_toolbox_is_run_on_the_models_own_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inversion = types.ModuleType("art.attacks.inference.model_inversion")
    inversion.MIFace = MIFaceStub  # type: ignore[attr-defined]  # a stand-in for the toolbox
    estimators = types.ModuleType("art.estimators.classification")
    estimators.TensorFlowV2Classifier = dict  # type: ignore[attr-defined]  # likewise
    for name in ("art", "art.attacks", "art.attacks.inference", "art.estimators"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, inversion.__name__, inversion)
    monkeypatch.setitem(sys.modules, estimators.__name__, estimators)
    target = opened(template_network(), tmp_path, input_range=(0.0, 255.0))
    found = reconstructed("miface_art", target, settings_of(target, iterations=(100, 300)))
    assert [frame.iterations for frame in found.frames] == [100, 300]
    for frame, level in zip(found.frames, (0.6, 0.8), strict=True):
        assert np.allclose(frame.images, level, atol=1e-5)


def report_of(folder: Path, names: list[str], *, keras_file: bool) -> InversionReport:
    source = write_bundle(folder / "bundle", {**QUICK, "attacks": names})
    if keras_file:
        (source / "model.onnx").unlink()
        template_network().save(source / "model.keras")
    report = audit_bundle(open_bundle(source, folder / "scratch", limits=Limits()), {}, Silent()).report
    assert isinstance(report, InversionReport)
    return report


def test_a_white_box_reference_never_decides_the_verdict(tmp_path: Path) -> None:
    report = report_of(tmp_path, ["miface"], keras_file=True)
    (found,) = report.attacks
    assert isinstance(found, InversionMeasured)
    assert found.threat_model == "model_file"
    assert found.queries == 0
    assert found.metrics.pearson.value > 0.5
    assert report.verdict.severity == "inconclusive"
    assert "No attack that only asks" in report.verdict.sentence
    assert len(report.table) == 2
    assert report.insights == ()


@pytest.mark.parametrize(
    ("keras_file", "name", "reason"),
    [
        (False, "miface", "ONNX"),
        (False, "miface_art", NOT_INSTALLED),
        (True, "miface_art", NOT_INSTALLED),
    ],
)
def test_a_reference_that_cannot_run_says_why(
    keras_file: bool, name: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "art", None)  # as if it were not installed
    report = report_of(tmp_path, [name], keras_file=keras_file)
    (found,) = report.attacks
    assert isinstance(found, NotApplicable)
    assert reason in found.reason


def test_references_run_only_when_they_are_named() -> None:
    assert not BY_NAME["miface"].by_default
    assert not BY_NAME["miface_art"].by_default
