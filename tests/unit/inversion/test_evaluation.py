from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from inversion_bundles import png, template_model, write_bundle
from sklearn.datasets import load_digits
from template_target import SIDE, templates

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what the libraries' own imports warn about is not ours to fix
    import keras
    import onnxruntime  # noqa: F401 - imported here so that the audit's import finds it done

from leakgauge.bundle import InversionBundle, Limits, open_bundle
from leakgauge.errors import BadBundle
from leakgauge.inversion.audit import audit_bundle
from leakgauge.inversion.evaluators import LEAST_EACH, TrainedEvaluator, train_evaluator
from leakgauge.progress import Silent
from leakgauge.report.model import InversionReport

# Keras and NumPy disagree on how arrays are handed over, which is not ours to fix either
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
QUICK = {"class_to_attack": [0, 1], "iterations": 200, "seeds": 2, "attacks": "spsa"}


def real(number: int, n: int, *, noise: float = 0.15) -> list[np.ndarray]:
    """Images of a class: its template, moved by a pixel and dimmed, with noise."""
    rng = np.random.default_rng([number, n])
    found = []
    for _ in range(n):
        moved = np.roll(templates()[number], rng.integers(-1, 2, 2), axis=(0, 1)) * rng.uniform(0.6, 1.0)
        found.append(np.clip(moved + noise * rng.standard_normal(moved.shape), 0, 1).astype(np.float32))
    return found


def report_of(
    folder: Path, files: Mapping[str, bytes], parameters: Mapping[str, object] = QUICK
) -> InversionReport:
    source = write_bundle(folder / "bundle", parameters)
    for name, content in files.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    report = audit_bundle(open_bundle(source, folder / "scratch", limits=Limits()), {}, Silent()).report
    assert isinstance(report, InversionReport)
    return report


def labelled(each: int, classes: tuple[int, ...] = (0, 1, 2), *, noise: float = 0.15) -> dict[str, bytes]:
    return {
        f"reference/{number}/{place}.png": png(image)
        for number in classes
        for place, image in enumerate(real(number, each, noise=noise))
    }


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> InversionReport:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return report_of(tmp_path_factory.mktemp("evaluated"), labelled(40))


def test_an_evaluator_is_trained_on_labelled_references_and_says_how_good_it_is(
    evaluated: InversionReport,
) -> None:
    assert evaluated.evaluator is not None
    assert evaluated.evaluator.source == "reference"
    assert evaluated.evaluator.accuracy is not None
    assert evaluated.evaluator.accuracy.n == 3 * 40  # few images: each of them is held out once
    assert evaluated.evaluator.accuracy.value > 0.9


def test_each_reconstruction_is_evaluated(evaluated: InversionReport) -> None:
    for found in evaluated.reconstructions:
        assert found.judgement is not None
        assert found.judgement.recognised
        assert found.judgement.feature_distance is not None
        assert found.judgement.real_distance is not None
        assert 0 < found.judgement.feature_distance < 1


def test_reconstructions_are_prototypes_between_chance_and_ceiling(evaluated: InversionReport) -> None:
    (found,) = evaluated.prototypes
    assert (found.attack, found.classes, found.accuracy.n) == ("spsa", 3, 120)
    assert found.chance == pytest.approx(1 / 3)
    assert found.accuracy.low > found.chance
    assert found.ceiling > 0.9


def test_references_of_the_images_class_lower_both_ceilings(evaluated: InversionReport) -> None:
    for found in evaluated.reconstructions:
        assert found.ceiling < 1.0
        assert found.ssim_ceiling is not None
        assert found.ssim_ceiling < 1.0
        assert found.ssim_chance is not None
        assert found.ssim_chance > 0.0


def test_an_evaluator_has_no_say_on_a_class_that_it_has_not_seen(tmp_path: Path) -> None:
    report = report_of(tmp_path, labelled(30, (0, 2)))
    by_class = {found.target_class: found.judgement for found in report.reconstructions}
    assert by_class[0] is not None
    assert by_class[1] is None
    assert report.prototypes[0].classes == 2


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (labelled(LEAST_EACH - 1), "at least 10"),
        (labelled(20, (0,)), "two classes"),
        (labelled(12, noise=5.0), "is right on"),
    ],
    ids=["few", "one class", "noise"],
)
def test_without_an_evaluator_the_report_says_why(files: dict[str, bytes], why: str, tmp_path: Path) -> None:
    report = report_of(tmp_path, files)
    assert report.evaluator is None
    assert all(found.judgement is None for found in report.reconstructions)
    said = {notice.code: notice.message for notice in report.warnings}
    assert why in said["no_evaluator"]


def evaluator(classes: int = 3, side: int = SIDE) -> bytes:
    """A Keras classifier that knows the templates, with a hidden layer."""
    layers = keras.layers
    flat = templates().reshape(3, -1)
    centred = flat - flat.mean(axis=1, keepdims=True)
    model = keras.Sequential(
        [
            keras.Input((side, side, 1)),
            layers.Flatten(),
            layers.Dense(3),
            layers.Dense(classes, activation="softmax"),
        ]
    )
    if side == SIDE and classes == 3:
        model.layers[-2].set_weights([centred.T.astype(np.float32), np.zeros(3, np.float32)])
        model.layers[-1].set_weights([np.eye(3, dtype=np.float32), np.zeros(3, np.float32)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "evaluator.keras")
        model.save(path)
        return path.read_bytes()


def test_an_evaluator_that_the_bundle_brings_comes_first(tmp_path: Path) -> None:
    report = report_of(tmp_path, {"evaluator.keras": evaluator(), **labelled(12, (0, 1))})
    assert report.evaluator is not None
    assert report.evaluator.source == "bundle"
    assert report.evaluator.accuracy is not None
    assert report.evaluator.accuracy.n == 24
    assert "evaluator.keras" in report.inputs
    assert all(found.judgement and found.judgement.recognised for found in report.reconstructions)


def test_without_references_distance_is_told_for_the_users_image_alone(tmp_path: Path) -> None:
    report = report_of(tmp_path, {"evaluator.keras": evaluator()})
    assert report.evaluator is not None
    assert report.evaluator.accuracy is None
    assert report.prototypes == ()
    own, other = (found.judgement for found in report.reconstructions)
    assert own is not None
    assert own.feature_distance is not None
    assert own.real_distance is None
    assert other is not None
    assert other.feature_distance is None


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (lambda: {"evaluator.keras": evaluator(classes=4)}, "evaluator_unlike"),
        (lambda: {"evaluator.keras": evaluator(side=8)}, "evaluator_unlike"),
        (lambda: {"evaluator.onnx": template_model()}, "evaluator_is_model"),
        (lambda: {"reference/3/a.png": png(templates()[0])}, "reference_class"),
    ],
    ids=["classes", "size", "the model itself", "beyond"],
)
def test_an_evaluator_that_cannot_be_is_refused_by_name(
    files: Callable[[], dict[str, bytes]], problem: str, tmp_path: Path
) -> None:
    with pytest.raises(BadBundle) as raised:
        report_of(tmp_path, files())
    assert raised.value.problem == problem


def test_the_evaluator_is_an_untrusted_file_like_the_model(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="nor a Keras HDF5 file") as raised:
        report_of(tmp_path, {"evaluator.keras": b"junk" * 100})
    assert raised.value.code.startswith("unsupported_model.")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("reference/2/a.png", [2]),
        ("REFERENCE/2/A.PNG", [2]),
        ("reference/02/a.png", []),
        ("reference/two/a.png", None),
        ("reference/2/model.onnx", []),
        ("auxiliary/2/a.png", None),
        ("reference/2/3/a.png", None),
    ],
)
def test_which_folders_hold_labelled_references(name: str, classes: list[int] | None, tmp_path: Path) -> None:
    source = write_bundle(tmp_path / "bundle", QUICK)
    path = source / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    if classes is None or (not classes and "02" in name):
        with pytest.raises(Exception, match="folders deep"):
            open_bundle(source, tmp_path / "scratch", limits=Limits())
        return
    opened = open_bundle(source, tmp_path / "scratch", limits=Limits())
    assert isinstance(opened, InversionBundle)
    assert [number for number, _ in opened.labelled] == classes


def test_the_same_seed_trains_the_same_evaluator_and_large_images_are_made_small() -> None:
    digits = load_digits()
    images = np.kron(digits.images[:200, :, :, None] / 16, np.ones((1, 9, 9, 1))).astype(np.float32)
    by_class = {number: list(images[digits.target[:200] == number]) for number in range(10)}
    first, accuracy = train_evaluator(by_class, n_classes=10, seed=4)
    again, _ = train_evaluator(by_class, n_classes=10, seed=4)
    assert np.array_equal(first.probabilities(images), again.probabilities(images))
    assert accuracy.value > 0.7
    features = first.features(images[:2])
    assert features is not None
    assert features.shape == (2, 64)


def test_images_of_any_shape_can_be_evaluated() -> None:
    wide = np.random.default_rng(0).random((4, 5, 67, 3)).astype(np.float32)
    classifier = TrainedEvaluator(wide, np.array([0, 1, 0, 1]), n_classes=2, seed=0)
    assert classifier.probabilities(wide).shape == (4, 2)
