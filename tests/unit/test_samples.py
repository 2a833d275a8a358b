"""The samples are what their builder makes, and give what stands beside them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import leakgauge

SAMPLES = Path(__file__).parents[2] / "sample-input"


def builder():
    spec = importlib.util.spec_from_file_location("build", SAMPLES / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_rebuilding_the_membership_samples_gives_the_same_bytes() -> None:
    for name, content in builder().membership_bundles().items():
        assert content == (SAMPLES / name).read_bytes(), name


@pytest.mark.parametrize("name", ["membership", "membership-regularised"])
def test_the_expected_output_is_what_an_audit_gives(name: str, tmp_path: Path) -> None:
    leakgauge.audit(SAMPLES / f"{name}.zip", output=tmp_path / "report")
    expected = (SAMPLES / f"{name}.output.csv").read_bytes()
    assert (tmp_path / "report" / "output.csv").read_bytes() == expected


def test_the_regularised_twin_leaks_less(tmp_path: Path) -> None:
    attacks = {"attacks": ["loss", "modified_entropy"]}
    leaky, regularised = (
        leakgauge.audit(SAMPLES / f"{name}.zip", parameters=attacks).attacks[0].metrics.auc
        for name in ("membership", "membership-regularised")
    )
    assert regularised.high < leaky.low
