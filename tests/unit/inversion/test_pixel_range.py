"""The range of a pixel is found by the model's answers, or the report says that it is not known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inversion_bundles import QUICK, write_bundle

from leakgauge.bundle import Limits, open_bundle
from leakgauge.errors import BadBundle, BadParameters
from leakgauge.inversion.audit import audit_bundle
from leakgauge.inversion.class_names import parameters_of
from leakgauge.inversion.pixel_range import NOT_KNOWN, settle_range
from leakgauge.progress import Silent
from leakgauge.report.html import render
from leakgauge.targets.images.facts import IMAGENET, InputRange, InputSettings, scaling
from leakgauge.targets.images.function import open_image_function

RNG = np.random.default_rng(0)
TEMPLATES = RNG.permuted(np.tile([0.0, 1.0], (5, 96)), axis=1).reshape(5, 8, 8, 3).astype(np.float32)
IMAGES = {
    number: [
        np.clip(TEMPLATES[number] + RNG.normal(0, 0.1, (8, 8, 3)), 0, 1).astype(np.float32) for _ in range(6)
    ]
    for number in range(5)
}
RANGES: list[InputRange] = [(0.0, 1.0), (0.0, 255.0), (-1.0, 1.0), IMAGENET]


def model_of(trained_on: InputRange) -> Any:
    """It knows the templates in one range of a pixel, and is pushed to class 0 by pixels far from it."""
    low, span = scaling(trained_on)

    def answer(pixels: np.ndarray) -> np.ndarray:
        images = (pixels - low) / span
        distance = np.square(images[:, None] - TEMPLATES[None]).mean(axis=(2, 3, 4))
        scores = -20 * distance
        scores[:, 0] += np.maximum(300 * np.abs(images.mean(axis=(1, 2, 3)) - 0.5) - 12, 0)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    return answer


def target_of(trained_on: InputRange, source: Any = "assumed") -> Any:
    return open_image_function(
        model_of(trained_on), (8, 8, 3), InputSettings(image_size=(8, 8)), range_source=source
    )


@pytest.mark.parametrize("trained_on", RANGES)
def test_labels_decide(trained_on: InputRange) -> None:
    target = target_of(trained_on)
    notices = settle_range(target, IMAGES[3][0], (), labelled=IMAGES, class_is_asked=False)
    assert target.facts.scale == trained_on
    assert target.labels(IMAGES[3][0][None])[0] == 3
    found = [notice.code for notice in notices if notice.code.startswith("input_range")]
    assert found == ([] if trained_on == (0.0, 1.0) else ["input_range_found"])


@pytest.mark.parametrize("trained_on", [(0.0, 1.0), (0.0, 255.0)])
def test_without_labels_and_variety_nothing_is_attacked_by_a_guess(trained_on: InputRange) -> None:
    target = target_of(trained_on)
    (notice, *_) = settle_range(target, IMAGES[3][0], (), labelled={}, class_is_asked=False)
    assert notice.code == NOT_KNOWN
    assert "imagenet" in notice.message
    assert target.facts.range_source == "assumed"


def test_a_class_that_is_asked_for_is_attacked_with_a_word() -> None:
    target = target_of((0.0, 255.0))
    (notice, *_) = settle_range(target, IMAGES[3][0], (), labelled={3: IMAGES[3][:1]}, class_is_asked=True)
    assert notice.code == "input_range"
    assert "could not be told" in notice.message
    assert "right about more of them from 0 to 255" in notice.message


def test_a_range_that_was_asked_for_stays() -> None:
    target = target_of((0.0, 255.0), source="asked")
    assert settle_range(target, IMAGES[3][0], (), labelled=IMAGES, class_is_asked=False) == ()
    assert target.facts.scale == (0.0, 1.0)


def test_labels_contradict_the_entrance_aloud() -> None:
    target = target_of((0.0, 255.0), source="rescaling layer")
    (notice, *_) = settle_range(target, IMAGES[3][0], (), labelled=IMAGES, class_is_asked=False)
    assert notice.code == "input_range"
    assert "[0, 255]" in notice.message
    assert target.facts.scale == (0.0, 1.0)


def test_variety_of_answers_about_images_without_a_class_decides() -> None:
    target = target_of((0.0, 255.0))
    others = [image for images in IMAGES.values() for image in images]
    (notice, *_) = settle_range(target, IMAGES[3][0], others, labelled={}, class_is_asked=False)
    assert notice.code == "input_range_found"
    assert target.facts.scale == (0.0, 255.0)


def test_names_of_classes_are_as_many_as_classes(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle", {**QUICK, "class_names": ["one", "two"]})
    opened = open_bundle(bundle, tmp_path / "unpacked", limits=Limits())
    with pytest.raises(BadParameters) as caught:
        audit_bundle(opened, {}, Silent())
    assert caught.value.problem == "class_names"
    assert "2 names" in str(caught.value)


@pytest.mark.parametrize("text", ["cat\ndog\n cow\n\n", "\ufeff0 cat\r\n1 dog\r\n2 cow"])
def test_a_file_may_name_the_classes(text, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle", {**QUICK, "seeds": 1})
    (bundle / "labels.txt").write_text(text, encoding="utf-8", newline="")
    opened = open_bundle(bundle, tmp_path / "unpacked", limits=Limits())
    assert "labels.txt" in opened.sha256
    assert parameters_of(opened, {}).class_names == ("cat", "dog", "cow")
    assert parameters_of(opened, {"class_names": ["a", "b", "c"]}).class_names == ("a", "b", "c")


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00",
        b"a\0\nb",
        b"a\n" * 600_000,
        b"a\n" * 20_000,
        b"",
        b"one",
        b"a\n\nb",
        b"a\n" + b"b" * 9_999,
    ],
)
def test_a_file_that_names_no_classes_is_refused(content, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle", QUICK)
    (bundle / "labels.txt").write_bytes(content)
    opened = open_bundle(bundle, tmp_path / "unpacked", limits=Limits())
    with pytest.raises(BadBundle) as caught:
        parameters_of(opened, {})
    assert caught.value.problem == "class_names"


def test_names_of_classes_stand_in_the_report(tmp_path: Path) -> None:
    names = ["cat", "<b>dog</b>", "cow"]
    bundle = write_bundle(tmp_path / "bundle", {**QUICK, "class_names": names, "seeds": 1})
    opened = open_bundle(bundle, tmp_path / "unpacked", limits=Limits())
    audited = audit_bundle(opened, {"class_to_attack": 1, "attacks": ["nes"], "iterations": 20}, Silent())
    page = render(audited)
    assert "Class 1 (&lt;b&gt;dog&lt;/b&gt;)" in page
