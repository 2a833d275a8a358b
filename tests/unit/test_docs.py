"""What is generated into docs/ is up to date."""

from __future__ import annotations

import importlib.util
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from leakgauge.bundle import Limits
from leakgauge.policy import InversionLimits, MembershipLimits, Policy, ProfilesLimits, policy_of
from leakgauge.sandbox.resources import ResourceLimits

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", ["parameters", "supported_models", "contents", "clauses"])
def test_a_generated_page_is_what_the_code_says(page: str) -> None:
    spec = importlib.util.spec_from_file_location(f"make_{page}", DOCS / f"make_{page}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (DOCS / f"{page.replace('_', '-')}.md").read_text() == module.document(), "run `make docs`"


def test_the_page_of_policies_shows_the_default_one_and_names_every_limit() -> None:
    page = (DOCS / "policy.md").read_text()
    shown = page.partition("```yaml\n")[2].partition("```")[0]
    assert policy_of(shown.encode()) == Policy()
    assert yaml.safe_load(shown) == Policy().model_dump(mode="json")
    for limits in (MembershipLimits, InversionLimits, ProfilesLimits):
        assert all(f"`{name}`" in page for name in limits.model_fields)


def test_the_page_for_operators_names_every_limit() -> None:
    page = (DOCS / "operating.md").read_text()
    for limits, prefix in ((ResourceLimits, "LEAKGAUGE_"), (Limits, "LEAKGAUGE_MAX_")):
        assert all(f"`{prefix}{field.name.upper()}`" in page for field in fields(limits))
