"""The lists of packages and licences cover what the images install."""

from __future__ import annotations

import json

import pytest
from pins import CONTAINER, folded, installed

TRIMMED = {"libclang", "setuptools", "wheel"}
"""Installed as dependencies, but taken out of the image again."""


@pytest.mark.parametrize("kind", ["membership", "inversion"])
def test_every_pin_is_in_the_bill_with_its_version(kind):
    bill = json.loads((CONTAINER / "licences" / f"{kind}.cdx.json").read_bytes())
    billed = {folded(each["name"]): each["version"].partition("+")[0] for each in bill["components"]}
    assert billed == {name: version for name, version in installed(kind).items() if name not in TRIMMED}


def test_every_package_has_a_licence():
    rows = (CONTAINER / "licences" / "README.md").read_text(encoding="utf-8").splitlines()
    table = [row for row in rows if row.startswith("| ")][1:]
    assert len(table) > 40
    assert [row for row in table if "not stated" in row] == []
