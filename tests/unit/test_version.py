"""The version stands in one place, and everything that tells it takes it from there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import leakgauge
from leakgauge.cli import main
from leakgauge.report.versions import versions_of

ROOT = Path(__file__).parents[2]


def test_it_is_a_release_number():
    assert re.fullmatch(r"\d+\.\d+\.\d+", leakgauge.__version__)


def test_the_package_takes_it_from_the_code():
    # by what builds the package, which reads the attribute without importing the module
    pytest.importorskip("setuptools")
    program = (
        "from setuptools.config.pyprojecttoml import apply_configuration as read\n"
        "from setuptools.dist import Distribution\n"
        "print(read(Distribution(), 'pyproject.toml').get_version())"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == leakgauge.__version__, done.stderr


def test_the_images_take_it_from_the_code():
    listed = subprocess.run(
        ["make", "--dry-run", "images"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert set(re.findall(r"VERSION=(\S+)", listed)) == {leakgauge.__version__}


def test_command_line_and_reports_tell_it():
    assert leakgauge.__version__ in CliRunner().invoke(main, ["--version"]).output
    assert versions_of([])["leakgauge"] == leakgauge.__version__


def test_the_changelog_has_a_dated_section_for_it_below_what_is_unreleased():
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), flags=re.M)
    assert headings[0] == "Unreleased"
    assert re.fullmatch(rf"{re.escape(leakgauge.__version__)} - \d{{4}}-\d\d-\d\d", headings[1])
