"""The samples are what their builder makes, and give what stands beside them."""

from __future__ import annotations

import csv
import importlib.util
import io
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import leakgauge

SAMPLES = Path(__file__).parents[2] / "sample-input"


def builder():
    """`build.py` as a module, wherever the tests are run from."""
    spec = importlib.util.spec_from_file_location("build", SAMPLES / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_rebuilding_the_membership_samples_gives_the_same_bytes() -> None:
    for name, content in builder().membership_bundles().items():
        assert content == (SAMPLES / name).read_bytes(), name


@pytest.mark.slow
def test_the_expected_output_is_what_an_audit_gives(tmp_path: Path) -> None:
    # that of the other sample is asked of the service, in tests/contract
    attacks = {"attacks": ["learned_nn", "learned_rf", "learned_gb"]}  # what output.csv is made of
    leakgauge.audit(SAMPLES / "membership-regularised.zip", output=tmp_path / "report", parameters=attacks)
    expected = (SAMPLES / "membership-regularised.output.csv").read_bytes()
    assert (tmp_path / "report" / "output.csv").read_bytes() == expected


# Keras itself trips over NumPy's new copy keyword when it trains
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_rebuilding_the_inversion_sample_gives_the_same_up_to_rounding(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(SAMPLES)
    import inversion_sample

    inversion_sample.build(tmp_path)
    with (
        zipfile.ZipFile(SAMPLES / "inversion.zip") as kept,
        zipfile.ZipFile(tmp_path / "inversion.zip") as rebuilt,
    ):
        assert kept.namelist() == rebuilt.namelist()
        for name in ("input_image.png", "parameters.json"):
            assert kept.read(name) == rebuilt.read(name)
        models = [io.BytesIO(archive.read("model.h5")) for archive in (kept, rebuilt)]
    with h5py.File(models[0]) as kept_file, h5py.File(models[1]) as rebuilt_file:
        found = []
        kept_file["model_weights"].visititems(
            lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None
        )
        assert len(found) == 6
        for name in found:
            # sums on another processor round differently, and forty passes carry that on
            np.testing.assert_allclose(
                rebuilt_file["model_weights"][name], kept_file["model_weights"][name], atol=0.05
            )


def test_the_inversion_sample_gives_what_stands_beside_it(tmp_path: Path) -> None:
    report = leakgauge.audit(SAMPLES / "inversion.zip", output=tmp_path / "report")
    kept, found = (
        list(csv.reader(io.StringIO(path.read_text())))
        for path in (SAMPLES / "inversion.output.csv", tmp_path / "report" / "output.csv")
    )
    assert found[0] == kept[0] == ["No of iterations", "Similarity"]
    assert [row[0] for row in found] == [row[0] for row in kept]
    for kept_row, found_row in zip(kept[1:], found[1:], strict=True):
        assert abs(float(kept_row[1]) - float(found_row[1])) < 0.05
    assert {path.name for path in (tmp_path / "report").glob("*.png")} == {
        report.original,
        *(snapshot.image for snapshot in report.snapshots),
    }
