"""A membership audit of an image classifier: the same report, and no more comfort than it has evidence."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundle_files import laid_out
from image_bundles import N, bundle, onnx_model, sets

from leakgauge.attacks.row import NOT_INSTALLED
from leakgauge.bundle import ImageMembershipBundle, Limits, open_bundle
from leakgauge.estimates import Estimate
from leakgauge.membership.audit import audit_bundle
from leakgauge.progress import Silent
from leakgauge.report import risk
from leakgauge.report.gate import gate
from leakgauge.report.html import render
from leakgauge.report.json_document import to_json
from leakgauge.report.model import (
    Audited,
    GateOutcome,
    MembershipMeasured,
    MembershipReport,
    NotApplicable,
    Severity,
)

pytestmark = pytest.mark.usefixtures("few_trees")


def audited(folder: Path, files: dict[str, bytes], **overrides: Any) -> MembershipReport:
    (folder / "scratch").mkdir(parents=True)
    found = open_bundle(laid_out(files, folder / "bundle"), folder / "scratch", limits=Limits())
    assert isinstance(found, ImageMembershipBundle)
    report = audit_bundle(found, overrides, Silent()).report
    assert isinstance(report, MembershipReport)
    return report


def by_name(report: MembershipReport) -> dict[str, Any]:
    return {attack.name: attack for attack in report.attacks}


def test_attacks_on_answers_run_and_those_that_train_the_model_again_say_why_not(tmp_path: Path) -> None:
    report = audited(tmp_path, bundle(parameters__json=json.dumps({"proportions": [50, 90]}).encode()))
    found = by_name(report)
    measured = {name for name, attack in found.items() if isinstance(attack, MembershipMeasured)}
    learned = {"learned_nn", "learned_rf", "learned_gb"}
    assert measured == {"gap", "loss", "entropy", "modified_entropy", "label_only", *learned}
    for name in ("rmia", "lira"):
        assert "cannot be trained again" in found[name].reason
    assert found["label_only"].queries > 20 * 2 * N
    assert found["loss"].metrics.auc.value > 0.6
    assert found["loss"].metrics.auc.low > 0.5
    assert report.target.train_accuracy.value == 1.0
    assert (report.target.members, report.target.non_members, report.target.features) == (N, N, 64)
    assert [row.percentage for row in report.table] == [50, 90]
    assert {part.by for part in report.slices} == {"class"}
    assert report.tradeoffs is not None
    assert report.tradeoffs.withheld
    assert report.verdict.severity is not Severity.LOW
    assert set(report.versions) >= {"onnxruntime", "pillow", "torch"}
    assert "keras" not in report.versions
    assert "training_images.npy" in report.inputs
    assert report.records
    assert "Numbers count your members" in render(Audited(report))


def test_reference_libraries_stand_beside_ours_here_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "art", None)
    found = by_name(audited(tmp_path, bundle(), attacks=["gap"], reference_libraries=True))
    assert isinstance(found["gap"], MembershipMeasured)
    assert isinstance(found["black_box_art"], NotApplicable)
    assert found["black_box_art"].reason == NOT_INSTALLED


def test_the_same_bundle_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (to_json(audited(tmp_path / name, bundle())) for name in ("a", "b"))
    assert first == second


def test_a_network_gets_advice_for_networks(tmp_path: Path) -> None:
    _, _, _, y = sets()
    badly = np.where(np.arange(N) % 3 == 0, (y + 1) % 10, y)
    report = audited(tmp_path, bundle(subject_labels__npy=badly), attacks=["gap"])
    advice = next(each for each in report.recommendations if "closely" in each.title)
    assert "DP-SGD" in advice.text
    assert "leaves" not in advice.text


def test_output_defences_stand_before_an_image_classifier_too(tmp_path: Path) -> None:
    found = by_name(audited(tmp_path, bundle(), defences=["label_only"]))
    assert isinstance(found["gap"], MembershipMeasured)
    assert "labels alone" in found["loss"].reason


def test_a_model_of_neither_set_leaks_nothing_and_is_still_not_called_safe(tmp_path: Path) -> None:
    """What small bounds look like, without the attacks that would have found more."""
    x, y, other_x, other_y = sets()
    mixed = np.random.default_rng(0).permutation(2 * N)
    images, labels = np.concatenate([x, other_x])[mixed], np.concatenate([y, other_y])[mixed]
    report = audited(
        tmp_path,
        bundle(
            model__onnx=onnx_model(scale=0.3),
            training_images__npy=images[:N],
            training_labels__npy=labels[:N],
            subject_images__npy=images[N:],
            subject_labels__npy=labels[N:],
        ),
        policy={},
    )
    assert report.verdict.severity is Severity.INCONCLUSIVE
    assert report.gate is not None
    assert report.gate.outcome is GateOutcome.INCONCLUSIVE


def test_leaving_the_attacks_out_that_cannot_run_earns_no_better_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(risk, "rules_out", lambda metrics: True)
    monkeypatch.setattr(risk, "severity_of", lambda metrics: None)
    report = audited(tmp_path / "a", bundle(), attacks=["gap", "loss"])
    assert report.verdict.severity is Severity.INCONCLUSIVE
    assert not any("more records" in advice.title for advice in report.recommendations)
    labels = audited(tmp_path / "b", bundle(), attacks=["gap"], defences=["label_only"])
    assert labels.verdict.severity is Severity.LOW


@pytest.fixture(scope="module")
def small_leak(tmp_path_factory: pytest.TempPathFactory) -> MembershipReport:
    """A report whose every measured attack is bounded tightly."""
    report = audited(tmp_path_factory.mktemp("small"), bundle(), attacks=["gap", "loss", "rmia"])

    def tight(attack: Any) -> Any:
        if not isinstance(attack, MembershipMeasured):
            return attack
        near = Estimate(0.51, 0.50, 0.52, 20_000)
        rates = {
            key: replace(rate, value=0.01, low=0.005, high=0.02)
            for key, rate in attack.metrics.tpr_at_fpr_corrected.items()
        }
        metrics = replace(
            attack.metrics, auc_corrected=near, accuracy_corrected=near, tpr_at_fpr_corrected=rates
        )
        return replace(attack, metrics=metrics)

    return replace(report, attacks=tuple(map(tight, report.attacks)))


def test_low_takes_reference_models_where_an_attack_wanted_them(small_leak: MembershipReport) -> None:
    assert risk.all_ruled_out(small_leak.attacks)
    assert risk.verdict(small_leak.attacks, shift=None).severity is Severity.LOW
    told = risk.verdict(small_leak.attacks, shift=None, without_references="It cannot be trained again.")
    assert told.severity is Severity.INCONCLUSIVE
    assert "a larger leak is not ruled out" in told.sentence
    assert "It cannot be trained again." in told.reasons[-1]
    found = replace(small_leak, verdict=told)
    assert any(isinstance(attack, NotApplicable) for attack in found.attacks)
    assert gate(found).outcome is GateOutcome.INCONCLUSIVE
