"""A target that reads edges alone is asked high-contrast queries."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from inversion_bundles import QUICK, template_model, write_bundle
from onnx import helper, numpy_helper
from template_target import SIDE, TemplateTarget, templates

from leakgauge.bundle import Limits, open_bundle
from leakgauge.images.image import Images
from leakgauge.inversion.attacks import ATTACKS
from leakgauge.inversion.audit import audit_bundle
from leakgauge.inversion.evaluation import Evaluation, recognition
from leakgauge.inversion.high_contrast import as_queried, in_high_contrast, needs_high_contrast
from leakgauge.inversion.priors.low_frequencies import coarse_images, low_frequencies
from leakgauge.inversion.protocol import AttackSettings, Frame, Reconstructed
from leakgauge.inversion.running import Run, informed, plan
from leakgauge.progress import Silent
from leakgauge.report.model import Evaluator, InversionMeasured, InversionReport
from leakgauge.targets.protocol import FloatArray

SHAPE = (SIDE, SIDE, 1)
GREY = np.full(SHAPE, 0.5, dtype=np.float32)
COARSE = coarse_images(GREY, 200, rng=np.random.default_rng(0))
MIDDLE, ALLOWED = 0.3, 0.008
"""How near ½ a pixel is half way between black and white, and how much of that an image may have."""
BLIND = np.array([0.01, 0.01, 0.98])


class EdgeReader(TemplateTarget):
    """Gives one answer, the last class, to every image with many pixels half way."""

    def probabilities(self, x: Any) -> FloatArray:
        answers = super().probabilities(x)
        half_way = np.maximum(MIDDLE - np.abs(np.asarray(x) - 0.5), 0).mean(axis=(1, 2, 3))
        answers[half_way > ALLOWED] = BLIND
        return answers


def edge_reader_model() -> bytes:
    """The same as an ONNX classifier."""
    model = onnx.load(io.BytesIO(template_model()))
    numbers = {"half": 0.5, "middle": MIDDLE, "allowed": ALLOWED, "blind": np.log(BLIND)}
    for name, number in numbers.items():
        model.graph.initializer.append(numpy_helper.from_array(np.atleast_1d(np.float32(number)), name))
    model.graph.node[-1].output[0] = "similarity"
    model.graph.node.extend(
        [
            helper.make_node("Sub", ["flat", "half"], ["off"]),
            helper.make_node("Abs", ["off"], ["away"]),
            helper.make_node("Sub", ["middle", "away"], ["near"]),
            helper.make_node("Relu", ["near"], ["half_way"]),
            helper.make_node("ReduceMean", ["half_way"], ["share"], axes=[1], keepdims=1),
            helper.make_node("Greater", ["share", "allowed"], ["too_many"]),
            helper.make_node("Where", ["too_many", "blind", "similarity"], ["y"]),
        ]
    )
    return bytes(model.SerializeToString())


def test_high_contrast_keeps_what_is_brighter_and_what_is_half_way() -> None:
    brightness = np.linspace(0, 1, 101, dtype=np.float32)
    found = in_high_contrast(brightness)
    assert found.dtype == np.float32
    assert (np.diff(found) >= 0).all()
    assert found[50] == pytest.approx(0.5)
    assert found[[0, 40]].max() < 0.02
    assert found[[60, 100]].min() > 0.98
    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_allclose(found + found[::-1], 1.0, atol=1e-6)


@pytest.mark.parametrize("spread", [1.0, 7.0])
def test_scattered_images_have_the_contrast_asked_for(spread: float) -> None:
    plain = low_frequencies(GREY)
    space = replace(plain, spread=spread * np.linspace(0.1, 2.0, plain.dimensions))
    for found in (plain, space):
        z = found.scattered(2_000, contrast=0.1, rng=np.random.default_rng(0))
        assert z.shape == (2_000, found.dimensions)
        assert found.offsets(z).std() == pytest.approx(0.1, rel=0.02)


def test_who_reads_smooth_images_is_shown_smooth_images() -> None:
    for seed in range(5):
        assert not needs_high_contrast(TemplateTarget(), SHAPE, rng=np.random.default_rng(seed))
        assert needs_high_contrast(EdgeReader(), SHAPE, rng=np.random.default_rng(seed))


def test_who_tells_nothing_apart_is_not_asked_in_high_contrast_for_it() -> None:
    class Stubborn(TemplateTarget):
        def probabilities(self, x: Any) -> FloatArray:
            return np.tile([1.0, 0.0, 0.0], (len(x), 1))

    assert not needs_high_contrast(Stubborn(), SHAPE, rng=np.random.default_rng(0))


def test_a_target_asked_in_high_contrast_counts_and_answers_as_itself() -> None:
    target = EdgeReader()
    shown = as_queried(target, high_contrast=True)
    np.testing.assert_array_equal(
        shown.probabilities(COARSE), EdgeReader().probabilities(in_high_contrast(COARSE))
    )
    np.testing.assert_array_equal(shown.labels(COARSE), EdgeReader().labels(in_high_contrast(COARSE)))
    assert shown.queries == target.queries == 2 * len(COARSE)
    assert as_queried(target, high_contrast=False) is target


@pytest.mark.parametrize("name", ["spsa", "cma_es", "label_only", "nes"])
def test_in_high_contrast_every_attack_reconstructs_what_it_cannot_without(name: str) -> None:
    (attack,) = (one for one in ATTACKS if one.name == name)
    told = AttackSettings(space=low_frequencies(GREY), iterations=(400,), seeds=2)

    def similarity(*, high_contrast: bool) -> float:
        reconstructed = attack.reconstruct(
            as_queried(EdgeReader(), high_contrast=high_contrast),
            0,
            budget=10_000,
            rng=np.random.default_rng(3),
            progress=Silent(),
            settings=replace(told, high_contrast=high_contrast),
        )
        image = reconstructed.frames[-1].images.mean(axis=0)
        return float(np.corrcoef(image.ravel(), templates()[0].ravel())[0, 1])

    assert similarity(high_contrast=True) > similarity(high_contrast=False) + 0.2
    assert similarity(high_contrast=True) > 0.5


@pytest.mark.parametrize("high_contrast", [False, True])
def test_an_evaluator_reads_what_the_target_read(high_contrast: bool) -> None:
    seen: list[Images] = []

    class EvaluatorModel:
        def probabilities(self, images: Images) -> FloatArray:
            seen.append(images)
            return np.eye(3)[: len(images)]

        def features(self, images: Images) -> None:
            return None

    told = AttackSettings(space=low_frequencies(GREY), iterations=(1,), seeds=1, high_contrast=high_contrast)
    reconstructed = [Reconstructed((Frame(1, 2, COARSE[place : place + 2]),), ()) for place in range(3)]
    run = Run(ATTACKS[0], told, {1: reconstructed[1]}, {0: reconstructed[0], 2: reconstructed[2]}, 12)
    evaluation = Evaluation(EvaluatorModel(), Evaluator("bundle", None), {})
    (found,) = recognition([run], evaluation)
    assert found.share.value == 1.0
    means = np.stack([COARSE[place : place + 2].mean(axis=0) for place in range(3)])
    np.testing.assert_array_equal(seen[0], in_high_contrast(means) if high_contrast else means)


def test_an_attack_that_reads_the_file_has_no_use_for_high_contrast() -> None:
    told = AttackSettings(space=low_frequencies(GREY), iterations=(1,), seeds=1, high_contrast=True)
    for attack, settings in plan(ATTACKS, told, low_frequencies(GREY)):
        assert settings.high_contrast == (attack.threat_model != "model_file")


def test_in_high_contrast_the_prior_counts_in_full() -> None:
    told = AttackSettings(space=low_frequencies(GREY), iterations=(1,), seeds=1)
    unlike = templates()[:1]

    def familiarity(*, high_contrast: bool) -> float:
        prior = informed(replace(told, high_contrast=high_contrast), told.space).prior
        return float(prior.penalty(unlike)[0] - told.prior.penalty(unlike)[0])

    assert familiarity(high_contrast=True) == pytest.approx(10 * familiarity(high_contrast=False))
    assert familiarity(high_contrast=True) == pytest.approx(
        np.square(told.space.coefficients(unlike - GREY)).sum() / 2
    )


def audited(folder: Path, model: bytes) -> InversionReport:
    written = write_bundle(folder, QUICK)
    (written / "model.onnx").write_bytes(model)
    unpacked = folder.parent / f"{folder.name} unpacked"
    unpacked.mkdir()
    report = audit_bundle(open_bundle(written, unpacked, limits=Limits()), {}, Silent()).report
    assert isinstance(report, InversionReport)
    return report


def test_an_audit_says_that_its_queries_were_high_contrast_and_finds_the_leak(tmp_path: Path) -> None:
    usual, edged = (
        audited(tmp_path / name, model)
        for name, model in (("usual", template_model()), ("edged", edge_reader_model()))
    )
    assert "edges" not in {warning.code for warning in usual.warnings}
    assert "edges" in {warning.code for warning in edged.warnings}
    found = {one.name: one for one in edged.attacks if isinstance(one, InversionMeasured)}
    assert found["spsa"].metrics.leakage.value > 0.3
    (reconstructed,) = (one for one in edged.reconstructions if one.attack == "spsa")
    assert reconstructed.confidence > 0.9
