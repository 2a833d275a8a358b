"""The OpenAPI document is what the tables of the service say, and names every address of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from leakgauge.errors import Busy, LeakgaugeError
from leakgauge.service import openapi
from leakgauge.service.answers import EVERY_TYPE, ZIP_TYPES
from leakgauge.service.app import create_app

DOCS = Path(__file__).parents[2] / "docs"


def test_the_copy_under_docs_is_up_to_date():
    assert (DOCS / "openapi.json").read_text() == openapi.text(), "run `make docs`"


def test_every_address_and_method_of_the_service_is_described_and_no_other():
    app = create_app(kind="membership")
    served = {
        (rule.rule, method.lower())
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert served == {
        (path, method) for path, methods in openapi.document()["paths"].items() for method in methods
    }


def test_what_is_sent_and_answered_is_that_of_the_tables():
    audit = openapi.document()["paths"]["/invocations"]["post"]
    assert tuple(audit["requestBody"]["content"]) == ZIP_TYPES
    assert tuple(audit["responses"]["200"]["content"]) == EVERY_TYPE
    assert "Retry-After" in audit["responses"][str(Busy.status)]["headers"]
    reference = audit["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    assert json.loads((DOCS / reference).read_text())["title"] == "Leakgauge report"


@pytest.mark.parametrize("kind", openapi.KINDS)
def test_every_error_that_an_audit_may_end_with_has_its_status(kind):
    assert issubclass(kind, LeakgaugeError)
    responses = openapi.document()["paths"]["/invocations"]["post"]["responses"]
    assert kind.__doc__.splitlines()[0] in responses[str(kind.status)]["description"]
