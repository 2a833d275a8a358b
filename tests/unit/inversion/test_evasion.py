"""The curve of robustness: honest about what was tried, no part of the verdict, absent where it must be."""

from __future__ import annotations

import dataclasses
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inversion_bundles import png, write_bundle
from template_target import SIDE, templates

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what the libraries' own imports warn about is not ours to fix
    import keras
    import onnxruntime  # noqa: F401 - imported here so that the audit's import finds it done
    import torch

from leakgauge.attacks.row import NOT_INSTALLED
from leakgauge.bundle import Limits, open_bundle
from leakgauge.errors import UnsupportedModel
from leakgauge.inversion.audit import audit_bundle
from leakgauge.inversion.evasion import RADII, Evade, labelled_images, robustness_curve
from leakgauge.inversion.inputs import Inputs, read_inputs
from leakgauge.jobs.audit import audit as audit_job
from leakgauge.jobs.request import JobRequest
from leakgauge.parameters import inversion_parameters
from leakgauge.progress import Silent
from leakgauge.report.model import EvasionMeasured, Failed, InversionReport, NotApplicable

# Keras and NumPy disagree on how arrays are handed over, which is not ours to fix either
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
ASKED = {
    "class_to_attack": 0,
    "iterations": 5,
    "seeds": 1,
    "attacks": ["spsa"],
    "reference_libraries": True,
}

ROOM = "leakgauge.reference.secml_torch"


def weights() -> Any:
    """(3, pixels) of a linear model that likes what resembles its templates."""
    flat = templates().reshape(3, -1)
    centred = flat - flat.mean(axis=1, keepdims=True)
    return 40 * centred / np.linalg.norm(centred, axis=1, keepdims=True) / SIDE


def exact(images: Any, labels: Any, radius: float) -> float:
    """Share of images that no change within the radius makes the linear model mistake."""
    right = 0
    for image, own in zip(images.reshape(len(images), -1), labels, strict=True):
        ahead = [weights()[own] - weights()[other] for other in range(3) if other != own]
        right += all(way @ np.clip(image - radius * np.sign(way), 0, 1) > 0 for way in ahead)
    return right / len(labels)


def bundle_of(folder: Path, *, keras_file: bool = True, images: int = 3) -> Path:
    """Templates as a model, and each class's template with less or more of the next one's as its images."""
    known = templates()
    more = {
        f"reference__{number}__{place}": png(share * known[number] + (1 - share) * known[(number + 1) % 3])
        for number in range(3)
        for place, share in enumerate((0.9, 0.75, 0.6)[:images])
    }
    source = write_bundle(folder / "bundle", ASKED)
    for name, content in more.items():
        path = source / f"{name.replace('__', '/')}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    if keras_file:
        (source / "model.onnx").unlink()
        layers = keras.layers
        model = keras.Sequential(
            [keras.Input((SIDE, SIDE, 1)), layers.Flatten(), layers.Dense(3, activation="softmax")]
        )
        model.layers[-1].set_weights([weights().T.astype(np.float32), np.zeros(3, np.float32)])
        model.save(source / "model.keras")
    return source


def inputs_of(folder: Path, **facts: Any) -> Inputs:
    opened = open_bundle(bundle_of(folder, **facts), folder / "scratch", limits=Limits())
    return read_inputs(opened, inversion_parameters(None, {"class_to_attack": 0}))  # type: ignore[arg-type]  # an inversion bundle by its contents


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return inputs_of(tmp_path_factory.mktemp("evasion"))


def towards_another(network: Any, images: Any, labels: Any, *, radius: float, seed: int) -> Any:
    """The whole way to the next class's template, radius or not."""
    del network, radius, seed
    return templates()[(labels + 1) % 3].astype(np.float32)


def nowhere(network: Any, images: Any, labels: Any, *, radius: float, seed: int) -> Any:
    del network, labels, radius, seed
    return images


def measured(inputs: Inputs, evade: Evade) -> EvasionMeasured:
    found = robustness_curve(inputs, evade, seed=0, progress=Silent())
    assert isinstance(found, EvasionMeasured)
    return found


def test_the_users_images_are_taken_once_each_and_class_by_class(inputs: Inputs) -> None:
    images, labels = labelled_images(inputs)
    assert labels.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]
    assert len({image.tobytes() for image in images}) == 10
    assert np.array_equal(images[0], inputs.original)
    again = dataclasses.replace(inputs, references=(*inputs.references, inputs.original))
    assert len(labelled_images(again)[1]) == 10


def test_what_a_library_does_is_held_to_the_radius(inputs: Inputs) -> None:
    """A search that leaves the ball breaks every image at once, were it believed."""
    found = measured(inputs, towards_another)
    right = [point.right.value for point in found.curve]
    assert [point.radius for point in found.curve] == [0.0, *RADII]
    assert right[:2] == [1.0, 1.0]
    assert right == sorted(right, reverse=True)
    assert all(point.right.low <= point.right.value <= point.right.high for point in found.curve)
    assert (found.pictures, found.classes, found.curve[0].right.n) == (10, 3, 10)
    assert found.queries == 80 if right[-1] == 1 else found.queries < 80


def test_a_image_that_was_lost_stays_lost_when_a_search_does_worse_further_out(inputs: Inputs) -> None:
    tried: list[int] = []

    def near_only(network: Any, images: Any, labels: Any, *, radius: float, seed: int) -> Any:
        tried.append(len(images))
        changed = images.copy()
        if radius == RADII[0]:
            changed[0, 0, 0] = 0.5
        return changed

    class Wary:
        """Knows the user's own images and mistakes every other."""

        queries = 0

        def labels(self, x: Any) -> Any:
            known = {image.tobytes(): label for image, label in zip(*labelled_images(inputs), strict=True)}
            return np.array([known.get(image.tobytes(), -1) for image in x])

    found = measured(dataclasses.replace(inputs, target=Wary()), near_only)  # type: ignore[arg-type]  # all that is asked of it
    assert [point.right.value for point in found.curve] == [1.0] + [0.9] * 7
    assert tried == [10] + [9] * 6


@pytest.mark.parametrize(
    ("keras_file", "evade", "reason"),
    [
        (True, None, NOT_INSTALLED),
        (False, None, NOT_INSTALLED),
        (False, nowhere, "It follows the model's gradient, which an ONNX file does not give."),
    ],
)
def test_where_there_is_no_curve_the_row_says_why(
    keras_file: bool, evade: Evade | None, reason: str, tmp_path: Path
) -> None:
    found = robustness_curve(inputs_of(tmp_path, keras_file=keras_file), evade, seed=0, progress=Silent())
    assert isinstance(found, NotApplicable)
    assert (found.name, found.reason) == ("pgd_secml_torch", reason)


def test_a_library_that_breaks_does_not_take_the_audit_with_it(inputs: Inputs) -> None:
    def broken(network: Any, images: Any, labels: Any, *, radius: float, seed: int) -> Any:
        raise KeyError("a value of the user's")

    found = robustness_curve(inputs, broken, seed=0, progress=Silent())
    assert isinstance(found, Failed)
    assert found.reason == "It broke off with a KeyError."


def test_what_the_user_must_mend_is_no_failure_of_the_library(inputs: Inputs) -> None:
    def refused(network: Any, images: Any, labels: Any, *, radius: float, seed: int) -> Any:
        raise UnsupportedModel("outputs_not_finite", "No number.", hint="Another model.")

    with pytest.raises(UnsupportedModel):
        robustness_curve(inputs, refused, seed=0, progress=Silent())


def report_of(source: Path, scratch: Path, evade: Evade | None, **overrides: Any) -> InversionReport:
    opened = open_bundle(source, scratch, limits=Limits())
    report = audit_bundle(opened, overrides, Silent(), evade=evade).report  # type: ignore[arg-type]  # an inversion bundle by its contents
    assert isinstance(report, InversionReport)
    return report


def test_it_changes_nothing_else_in_the_report_and_comes_only_when_asked_for(tmp_path: Path) -> None:
    source = bundle_of(tmp_path, images=1)
    without = report_of(source, tmp_path / "one", towards_another, reference_libraries=False, policy={})
    asked = report_of(source, tmp_path / "two", towards_another, policy={})
    assert without.evasion is None
    assert isinstance(asked.evasion, EvasionMeasured)
    assert [attack.name for attack in asked.attacks] == ["spsa", "miface_art"]
    assert asked.attacks[0] == without.attacks[0]
    assert (asked.verdict, asked.gate, asked.table) == (without.verdict, without.gate, without.table)


def request_of(folder: Path) -> JobRequest:
    (folder / "report").mkdir()
    (folder / "scratch").mkdir()
    return JobRequest(
        source=bundle_of(folder, images=1),
        scratch=folder / "scratch",
        report=folder / "report",
        overrides={},
        only="inversion",
    )


@pytest.mark.parametrize("there", [False, True])
def test_the_child_hands_the_search_over_where_the_library_is_installed(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "art", None)
    monkeypatch.setitem(sys.modules, "secmlt", types.ModuleType("secmlt") if there else None)
    room = types.ModuleType(ROOM)
    room.evade = towards_another  # type: ignore[attr-defined]  # a stand-in for the library
    monkeypatch.setitem(sys.modules, room.__name__, room)
    request = request_of(tmp_path)
    audit_job(request, Silent())
    written = (request.report / "report.json").read_text(encoding="utf-8")
    page = (request.report / "report.html").read_text(encoding="utf-8")
    assert '"pgd_secml_torch"' in written
    assert (
        '"extra \\"reference\\" not installed; to install it: ' in written
    )  # the toolbox's row, and ours where it is not there
    assert ("Accuracy under attack" in page) is there
    assert (
        "Evasion by SecML-Torch: projected gradient descent.</strong> Not applicable: extra" in page
    ) is not there


# --------------------------------------------------- the bridge between PyTorch and the network


class OneStep:
    """The library's interface, with one step along the sign of the gradient."""

    def __init__(self, **told: Any) -> None:
        self.told = told

    def __call__(self, model: Any, batches: Any) -> Any:
        for images, labels in batches:
            followed = images.clone().requires_grad_()
            torch.nn.functional.cross_entropy(model(followed), labels, reduction="sum").backward()
            yield images + self.told["epsilon"] * followed.grad.sign(), labels


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Evade]:
    names = {
        "secmlt.adv.backends": {"Backends": types.SimpleNamespace(NATIVE="native")},
        "secmlt.adv.evasion.perturbation_models": {
            "LpPerturbationModels": types.SimpleNamespace(LINF="linf")
        },
        "secmlt.adv.evasion.pgd": {"PGD": OneStep},
    }
    for name in ("secmlt", "secmlt.adv", "secmlt.adv.evasion"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    for name, contents in names.items():
        module = types.ModuleType(name)
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, name, module)
    usual = sys.modules.pop(ROOM, None)
    from leakgauge.reference.secml_torch import evade

    yield evade
    del sys.modules[ROOM]  # the room as it is with a stand-in, which no other test may find
    if usual is not None:
        sys.modules[ROOM] = usual


def test_pytorch_follows_the_networks_own_slope(inputs: Inputs, stand_in: Evade) -> None:
    network = inputs.settings.network
    assert network is not None
    images, labels = labelled_images(inputs)
    changed = stand_in(network, images, labels, radius=0.1, seed=0)
    assert changed.shape == images.shape
    before, after = (
        network.log_probabilities(found)[np.arange(len(labels)), labels] for found in (images, changed)
    )
    # the first is so sure that its probability rounds to 1, and still it has a slope
    assert before[0] == 0
    assert np.abs(changed - images)[0].max() > 0.09
    assert (after[1:] < 5 * before[1:] - 1e-7).all()


def test_the_real_library_stays_near_repeats_itself_and_finds_all_there_is_on_a_linear_model(
    inputs: Inputs,
) -> None:
    pytest.importorskip("secmlt", reason="needs the optional extra “reference”")
    from leakgauge.reference.secml_torch import evade

    network = inputs.settings.network
    assert network is not None
    images, labels = labelled_images(inputs)
    state = torch.get_rng_state()
    once, twice = (evade(network, images, labels, radius=0.2, seed=1) for _ in range(2))
    assert np.array_equal(once, twice)
    assert torch.equal(state, torch.get_rng_state())
    assert np.abs(once - images).max() <= 0.2 + 1e-6
    assert once.min() >= 0
    assert once.max() <= 1
    found = measured(inputs, evade)
    assert [point.right.value for point in found.curve] == [
        exact(images, labels, point.radius) for point in found.curve
    ]
    assert found.curve[-1].right.value == 0.5
    assert found == measured(inputs, evade)
