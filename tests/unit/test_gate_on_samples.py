"""The samples at the gate: a leaky model fails, its regularised twin passes, few records tell nothing."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from junitparser import JUnitXml

from leakgauge.cli import main

SAMPLES = Path(__file__).parents[2] / "sample-input"
QUICK = [
    argument
    for parameter in (
        'attacks=["label_only", "rmia"]',
        "reference_models=4",
        "tradeoffs=false",
        "max_records=1200",
    )
    for argument in ("--parameter", parameter)
]


@pytest.fixture
def verdicts(tmp_path):
    """Exit code, JUnit's count of broken and of open rules, and SARIF's levels, for one bundle."""

    def of(bundle):
        run = CliRunner()
        report, junit, sarif = (str(tmp_path / name) for name in ("report", "gate.xml", "gate.sarif"))
        audited = run.invoke(main, ["audit", str(bundle), "-o", report, *QUICK])
        assert audited.exit_code == 0, audited.output
        gated = run.invoke(main, ["gate", report, "--junit", junit, "--sarif", sarif])
        suites = JUnitXml.fromfile(junit)
        levels = {each["level"] for each in json.loads(Path(sarif).read_text())["runs"][0]["results"]}
        return gated.exit_code, bool(suites.failures), bool(suites.errors), levels

    return of


def test_the_leaky_sample_fails_and_its_regularised_twin_passes(verdicts):
    exit_code, broken, _, levels = verdicts(SAMPLES / "membership.zip")
    assert (exit_code, broken) == (1, True)
    assert "error" in levels
    assert verdicts(SAMPLES / "membership-regularised.zip") == (0, False, False, {"none"})


def test_too_little_data_is_inconclusive_whatever_the_model(verdicts, tmp_path):
    few = tmp_path / "few"
    few.mkdir()
    with zipfile.ZipFile(SAMPLES / "membership-regularised.zip") as sample:
        (few / "model.pkl").write_bytes(sample.read("model.pkl"))
        for name in ("train_mia.csv", "test_mia.csv"):
            (few / name).write_bytes(b"".join(sample.read(name).splitlines(keepends=True)[:61]))
    exit_code, broken, unknown, levels = verdicts(few)
    assert (exit_code, broken, unknown) == (3, False, True)
    assert levels == {"warning", "none"}
