from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from inversion_bundles import QUICK, png, write_bundle
from template_target import SIDE, public_images, templates

from leakgauge.bundle import Limits, open_bundle
from leakgauge.inversion.audit import audit_bundle
from leakgauge.inversion.priors.file import to_bytes
from leakgauge.inversion.priors.pca import principal_components
from leakgauge.progress import Silent
from leakgauge.report.model import InversionMeasured, InversionReport, NotApplicable


def report_of(
    tmp_path: Path,
    auxiliary: Sequence[np.ndarray] = (),
    *,
    parameters: Mapping[str, object] = QUICK,
    trained: bytes | None = None,
) -> InversionReport:
    source = write_bundle(tmp_path / "bundle", parameters)
    (source / "auxiliary").mkdir()
    for number, image in enumerate(auxiliary):
        (source / "auxiliary" / f"{number}.png").write_bytes(png(image))
    prior = tmp_path / "prior.npz" if trained is not None else None
    if prior is not None:
        prior.write_bytes(trained)
    opened = open_bundle(source, tmp_path / "scratch", limits=Limits())
    report = audit_bundle(opened, {}, Silent(), trained_prior=prior).report
    assert isinstance(report, InversionReport)
    return report


def by_name(report: InversionReport) -> dict[str, InversionMeasured]:
    return {each.name: each for each in report.attacks if isinstance(each, InversionMeasured)}


@pytest.fixture(scope="module")
def informed(tmp_path_factory: pytest.TempPathFactory) -> InversionReport:
    return report_of(tmp_path_factory.mktemp("informed"), public_images(60))


def test_a_prior_adds_an_attack_and_changes_none(informed: InversionReport, tmp_path: Path) -> None:
    plain, found = by_name(report_of(tmp_path)), by_name(informed)
    looked_up = {"auxiliary_mean", "auxiliary_labels", "auxiliary_chain"}
    assert set(found) == {*plain, *(f"{name}_prior" for name in plain), *looked_up}
    assert all(found[name].with_prior for name in looked_up)
    assert all(found[name] == plain[name] for name in plain)
    assert found["spsa_prior"].with_prior
    assert found["spsa_prior"].metrics.pearson.value > found["spsa"].metrics.pearson.value


def test_the_report_says_which_prior(informed: InversionReport) -> None:
    assert informed.prior is not None
    assert (informed.prior.source, informed.prior.pictures) == ("bundle", 60)
    assert 10 < informed.prior.components <= 40
    assert "auxiliary/0.png" in informed.inputs
    assert "auxiliary_original" not in {notice.code for notice in informed.warnings}


def test_chance_is_what_the_prior_shows_by_itself(informed: InversionReport) -> None:
    mean = public_images(60).mean(axis=0)
    similarity = np.corrcoef(mean.ravel(), templates()[0].ravel())[0, 1]
    (found,) = (one for one in informed.reconstructions if one.attack == "spsa_prior")
    assert found.chance >= similarity - 0.01


def test_what_is_missing_for_a_verdict_is_said_in_one_sentence(tmp_path: Path) -> None:
    hurried = report_of(tmp_path, parameters={**QUICK, "iterations": [20]})
    assert hurried.verdict.severity == "inconclusive"
    (missing,) = [reason for reason in hurried.verdict.reasons if reason.startswith("What is missing")]
    assert "at least ten of each class as reference/CLASS" in missing


def test_the_users_own_image_among_the_auxiliary_ones_is_pointed_out(tmp_path: Path) -> None:
    report = report_of(tmp_path, [*public_images(30), templates()[0]])
    said = {notice.code: notice.message for notice in report.warnings}
    assert said["auxiliary_original"].startswith("1 of the auxiliary images is your image")


@pytest.mark.parametrize("images", [public_images(5), [templates()[1]] * 30], ids=["few", "alike"])
def test_images_that_make_no_prior_do_not_end_the_audit(images: Sequence[np.ndarray], tmp_path: Path) -> None:
    report = report_of(tmp_path, images)
    assert report.prior is None
    assert "prior_unusable" in {notice.code for notice in report.warnings}
    assert "spsa_prior" not in by_name(report)


def test_a_trained_prior_is_searched_in_the_place_of_images(
    informed: InversionReport, tmp_path: Path
) -> None:
    trained = to_bytes(principal_components(public_images(60)))
    report = report_of(tmp_path, trained=trained)
    assert report.prior is not None
    assert (report.prior.source, report.prior.pictures) == ("trained", 60)
    assert report.inputs["prior.npz"] == hashlib.sha256(trained).hexdigest()
    # it keeps the components of its images alone: what looks a class up among these is not run
    assert set(by_name(report)) == {name for name in by_name(informed) if "auxiliary" not in name}
    reasons = {one.name: one.reason for one in report.attacks if isinstance(one, NotApplicable)}
    assert "folder auxiliary" in reasons["auxiliary_mean"]


def test_the_bundles_own_images_come_before_a_trained_prior(tmp_path: Path) -> None:
    report = report_of(tmp_path, public_images(40), trained=b"not even opened")
    assert report.prior is not None
    assert report.prior.source == "bundle"


def test_a_trained_prior_of_another_size_is_left_out_and_named(tmp_path: Path) -> None:
    report = report_of(tmp_path, trained=to_bytes(principal_components(public_images(40, side=8))))
    assert report.prior is None
    said = {notice.code: notice.message for notice in report.warnings}
    assert "8 × 8 × 1" in said["prior_other_size"]
    assert f"{SIDE} × {SIDE} × 1" in said["prior_other_size"]
