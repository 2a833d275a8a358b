"""The table of protocols: a new one is a file, a row and a section of the documentation."""

from __future__ import annotations

from pathlib import Path

import pytest
from service_protocols import PlainJson
from service_rows import answers_of_small_forest, rows_of, small_forest
from services import serving
from toy_protocol import ToyProtocol

from leakgauge.endpoints.calling import Caller
from leakgauge.endpoints.credentials import Secrets
from leakgauge.endpoints.protocols import PROTOCOLS
from leakgauge.endpoints.reading import read_endpoint
from leakgauge.extras import MODULES

PAGE = (Path(__file__).parents[3] / "docs" / "endpoints.md").read_text()


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_protocol_is_called_as_its_row_and_has_its_section(name):
    assert PROTOCOLS[name].model_fields["protocol"].default == name
    assert f"(`{name}`)" in PAGE
    assert PROTOCOLS[name].extra in MODULES


def test_a_new_protocol_is_a_file_and_a_row(monkeypatch):
    monkeypatch.setitem(PROTOCOLS, "toy", ToyProtocol)
    _, members, _ = small_forest()
    with serving(PlainJson(), answers_of_small_forest) as service:
        endpoint = read_endpoint({"protocol": "toy", "url": service.url})
        caller = Caller(endpoint, endpoint.transport(Secrets()))
        answers = caller.ask(rows_of(members.drop(columns="label").head(3)))
    assert [len(answer) for answer in answers] == [10] * 3
