from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from inversion_bundles import QUICK, png, write_bundle
from PIL import Image
from template_target import SIDE, templates

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what ONNX Runtime's own imports warn about is not ours to fix
    import onnxruntime  # noqa: F401 - imported here so that the audit's import finds it done

from leakgauge.bundle import Limits, open_bundle
from leakgauge.inversion.audit import audit_bundle
from leakgauge.progress import Calling, Silent
from leakgauge.report.html import render
from leakgauge.report.model import Audited, InversionReport


def audited(tmp_path: Path, parameters: Mapping[str, object] = QUICK, **more: bytes) -> Audited:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    source = write_bundle(tmp_path / "bundle", parameters, **more)
    return audit_bundle(open_bundle(source, scratch, limits=Limits()), {}, Silent())


def report_of(tmp_path: Path, parameters: Mapping[str, object] = QUICK, **more: bytes) -> InversionReport:
    report = audited(tmp_path, parameters, **more).report
    assert isinstance(report, InversionReport)
    return report


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    return audited(tmp_path_factory.mktemp("quick"))


def test_the_reconstruction_of_a_template_is_called_a_leak(quick: Audited) -> None:
    report = quick.report
    assert report.verdict.severity in ("moderate", "high", "critical")
    assert "not this very image" in " ".join(report.verdict.reasons)
    assert report.target.output == "logits"
    assert report.target.input_shape == (SIDE, SIDE, 1)


def test_the_table_has_a_row_for_each_snapshot(quick: Audited) -> None:
    assert [row.iterations for row in quick.report.table] == [20, 200]
    assert [row.similarity for row in quick.report.table] == [
        shot.similarity.ssim for shot in quick.report.snapshots if shot.attack == quick.report.headline
    ]


def test_verdict_answers_table_and_page_are_about_one_attack(quick: Audited) -> None:
    report = quick.report
    assert isinstance(report, InversionReport)
    (attack,) = [one for one in report.attacks if one.name == report.headline]
    (reconstruction,) = [found for found in report.reconstructions if found.attack == attack.name]
    assert len(report.reconstructions) > 1
    assert report.verdict.reasons[0].startswith(f"{attack.title}: ")
    assert f"{reconstruction.queries:,} queries for {attack.threat_model}" in report.verdict.sentence
    assert all(insight.sentence.startswith(f"{attack.title}: ") for insight in report.insights)
    assert report.insights[0].figures["leakage"] == reconstruction.leakage_corrected
    last = report.table[-1]
    assert (last.iterations, last.similarity) == (reconstruction.iterations, reconstruction.similarity.ssim)
    text = " ".join(render(quick).split())
    assert f"are about <strong>{attack.title}</strong>" in text
    assert f"SSIM with your image, by {attack.title}" in text


def test_every_named_image_is_there_and_is_a_png_of_the_right_size(quick: Audited) -> None:
    report = quick.report
    named = {report.original, *(one.image for one in (*report.reconstructions, *report.snapshots))}
    assert named == set(quick.files)
    for content in quick.files.values():
        assert Image.open(io.BytesIO(content), formats=("PNG",)).size == (SIDE, SIDE)


def test_queries_are_counted(quick: Audited) -> None:
    spsa = next(attack for attack in quick.report.attacks if attack.name == "spsa")
    assert 0 < spsa.queries <= 3 * 2 * 200 * 3  # seeds, a pair, iterations, classes
    first, last = [shot.queries for shot in quick.report.snapshots if shot.attack == "spsa"]
    assert first == 120 < last <= 1_200


def test_the_same_bundle_gives_the_same_report(tmp_path: Path, quick: Audited) -> None:
    assert repr(audited(tmp_path)) == repr(quick)


def test_another_seed_gives_another_reconstruction(tmp_path: Path, quick: Audited) -> None:
    assert audited(tmp_path, {**QUICK, "seed": 1}).files != quick.files


def test_without_a_class_the_one_that_the_model_sees_is_reconstructed(tmp_path: Path) -> None:
    parameters = {"iterations": 20, "seeds": 1}
    assert {found.target_class for found in report_of(tmp_path, parameters).reconstructions} == {0}


def test_all_classes_make_a_strip_and_only_one_can_be_measured(tmp_path: Path) -> None:
    report = report_of(tmp_path, {**QUICK, "class_to_attack": "all", "attacks": ["spsa"]})
    assert [found.target_class for found in report.reconstructions] == [0, 1, 2]
    assert report.reconstructions[0].rank is None, "no references of all classes"
    assert all(found.leakage.value <= 0.01 for found in report.reconstructions[1:])
    assert "one_original" in {notice.code for notice in report.warnings}


def test_a_image_of_another_class_is_pointed_out(tmp_path: Path) -> None:
    report = report_of(tmp_path, {**QUICK, "class_to_attack": 2})
    assert "other_class" in {notice.code for notice in report.warnings}
    assert report.verdict.severity == "inconclusive"


def test_the_query_budget_holds_for_each_class_and_seed(tmp_path: Path) -> None:
    report = report_of(tmp_path, {**QUICK, "query_budget": 50, "attacks": "spsa"})
    assert [shot.queries for shot in report.snapshots if shot.attack == "spsa"] == [120, 150]
    assert "iterations_cut" in {notice.code for notice in report.warnings}


def test_the_attacks_share_one_budget(tmp_path: Path) -> None:
    report = report_of(tmp_path, {**QUICK, "query_budget": 300, "attacks": ["spsa", "cma_es", "label_only"]})
    last = {found.attack: found.queries for found in report.reconstructions}
    assert set(last) == {"spsa", "cma_es", "label_only"}
    assert all(0 < queries <= 100 * 3 for queries in last.values())  # a third each, for three seeds


def test_a_budget_of_one_query_leaves_nothing_to_say(tmp_path: Path) -> None:
    report = report_of(tmp_path, {**QUICK, "query_budget": 1})
    assert {attack.status for attack in report.attacks} == {"not_applicable"}
    assert report.verdict.severity == "inconclusive"
    assert report.table == ()


def test_reference_images_lower_the_ceiling(tmp_path: Path) -> None:
    near = np.clip(templates()[0] * 0.8 + 0.2 * templates()[2], 0, 1)
    report = report_of(tmp_path, QUICK, reference__one=png(near))
    assert all(found.ceiling < 1.0 for found in report.reconstructions)


@pytest.mark.parametrize("start", ["white", "black", "random", "average"])
def test_every_start_is_honoured_or_said_not_to_be(start: str, tmp_path: Path) -> None:
    report = report_of(tmp_path, {**QUICK, "initialization": start})
    said = "initialization" in {notice.code for notice in report.warnings}
    assert said == (start in ("random", "average"))


def test_one_seed_says_that_it_has_no_interval(tmp_path: Path) -> None:
    report = report_of(tmp_path, {**QUICK, "seeds": 1})
    assert "one_seed" in {notice.code for notice in report.warnings}
    assert report.reconstructions[0].leakage.low == 0.0
    assert report.reconstructions[0].leakage.high == 1.0


def test_progress_never_falls(tmp_path: Path) -> None:
    seen: list[float] = []
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    source = write_bundle(tmp_path / "bundle", QUICK)
    listener = Calling(lambda _, fraction: seen.append(fraction))
    audit_bundle(open_bundle(source, scratch, limits=Limits()), {}, listener)
    assert seen == sorted(seen)
    assert seen[0] >= 0.0
    assert seen[-1] <= 1.0
