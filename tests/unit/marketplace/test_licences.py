"""The lists of packages and licences cover what the images install."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

CONTAINER = Path(__file__).parents[3] / "container"
TRIMMED = {"libclang", "wheel"}
"""Installed as dependencies, but taken out of the image again."""


def folded(name):
    return name.lower().replace("-", "_")


@pytest.mark.parametrize("kind", ["membership", "inversion"])
def test_every_pin_is_in_the_bill_with_its_version(kind):
    lines = (CONTAINER / f"requirements-{kind}.txt").read_text().splitlines()
    pins = dict(folded(line).split("==") for line in lines if line and not line.startswith("#"))
    bill = json.loads((CONTAINER / "licences" / f"{kind}.cdx.json").read_bytes())
    billed = {folded(each["name"]): each["version"].partition("+")[0] for each in bill["components"]}
    assert billed == {name: version for name, version in pins.items() if name not in TRIMMED}


def test_every_package_has_a_licence():
    rows = (CONTAINER / "licences" / "README.md").read_text(encoding="utf-8").splitlines()
    table = [row for row in rows if row.startswith("| ")][1:]
    assert len(table) > 40
    assert [row for row in table if "not stated" in row] == []
