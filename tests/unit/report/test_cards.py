"""Model cards: what the services take, with the figures of the report, and nothing that it may inject."""

from __future__ import annotations

import dataclasses
import gzip
import json
import re
from pathlib import Path

import botocore
import botocore.session
import jsonschema
import pytest
import yaml
from botocore.validate import ParamValidator
from click.testing import CliRunner
from profile_reports import profiles_report
from report_examples import inversion_audited, membership_report, with_every_text

from leakgauge.cli import main
from leakgauge.report.cards.figures import main_figures
from leakgauge.report.cards.huggingface import huggingface_card
from leakgauge.report.cards.sagemaker import sagemaker_card
from leakgauge.report.json_document import to_json

REPORTS = (membership_report(n=60), inversion_audited(classes=1).report, profiles_report())
HOSTILE = 'a|b "c" \n---\n- x: &a *a\r\n<script>[l](javascript:1)' + "\u202e\x1b" + "é" * 3_000
NAME = {"type": "string", "pattern": "^.{1,255}$"}
AXIS = {"type": "string", "maxLength": 63}
METRIC = {
    "name": NAME,
    "notes": {"type": "string", "maxLength": 1024},
    "x_axis_name": AXIS,
    "y_axis_name": AXIS,
}


def metric(kinds, value):
    return {
        "type": "object",
        "required": ["name", "type", "value"],
        "additionalProperties": False,
        "properties": METRIC | {"type": {"enum": kinds}, "value": value},
    }


PAIR = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
SHORT_NAME = {"type": "string", "pattern": "^.{1,63}$"}
SIMPLE = {"anyOf": [{"type": "number"}, {"type": "string", "maxLength": 63}, {"type": "boolean"}]}
EVALUATION = {
    "name": SHORT_NAME,
    "evaluation_observation": {"type": "string", "maxLength": 2096},
    "metadata": {
        "type": "object",
        "propertyNames": {"pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$"},
        "additionalProperties": {"type": "string", "maxLength": 1024},
    },
    "metric_groups": {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["name", "metric_data"],
            "properties": {
                "name": SHORT_NAME,
                "metric_data": {
                    "type": "array",
                    "items": {
                        "anyOf": [
                            metric(["number", "string", "boolean"], SIMPLE),
                            metric(["linear_graph"], {"type": "array", "items": PAIR, "minItems": 1}),
                        ]
                    },
                },
            },
        },
    },
}
MODEL_CARD = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "evaluation_details": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name"],
                "additionalProperties": False,
                "properties": EVALUATION,
            },
        },
        "additional_information": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"caveats_and_recommendations": {"type": "string", "maxLength": 2048}},
        },
    },
}
"""Those parts of the schema in the SageMaker developer guide that a card of ours has, with their limits."""


def shapes():
    """What botocore knows of SageMaker's API."""
    folder = Path(botocore.__file__).parent / "data" / "sagemaker" / "2017-07-24"
    return json.loads(gzip.decompress((folder / "service-2.json.gz").read_bytes()))["shapes"]


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.kind)
@pytest.mark.parametrize("hostile", [False, True])
def test_sagemaker_takes_the_card(report, hostile):
    card = sagemaker_card(with_every_text(report, lambda _: HOSTILE) if hostile else report)
    jsonschema.validate(json.loads(card), MODEL_CARD)
    operation = (
        botocore.session.get_session().get_service_model("sagemaker").operation_model("CreateModelCard")
    )
    asked = {"ModelCardName": "some-model", "Content": card, "ModelCardStatus": "Draft"}
    assert not ParamValidator().validate(asked, operation.input_shape).has_errors()
    content = shapes()["ModelCardContent"]
    assert len(card) <= content["max"]
    # a point matches no line break, so that the card must be one line
    assert re.fullmatch(content["pattern"], card)


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.kind)
def test_both_cards_hold_the_main_figures(report):
    figures = main_figures(report)
    assert len({figure.name for figure in figures}) == len(figures) >= 1
    evaluation = json.loads(sagemaker_card(report))["evaluation_details"][0]
    values = {one["name"]: one["value"] for one in evaluation["metric_groups"][0]["metric_data"]}
    metadata = yaml.safe_load(huggingface_card(report, name="m").split("---\n")[1])
    metrics = {one["type"]: one for one in metadata["model-index"][0]["results"][0]["metrics"]}
    for figure in figures:
        assert (
            values[figure.name]
            == metrics[figure.name]["value"]
            == pytest.approx(figure.estimate.value, abs=1e-6)
        )
        assert metrics[figure.name]["args"]["low"] == pytest.approx(figure.estimate.low, abs=1e-6)
    assert values["severity"].startswith(report.verdict.severity.value)


def test_a_report_without_a_figure_makes_no_result():
    report = inversion_audited(classes=1).report
    empty = dataclasses.replace(report, attacks=())
    metadata = yaml.safe_load(huggingface_card(empty, name="m").split("---\n")[1])
    assert metadata["model-index"] == [{"name": "m", "results": []}]
    jsonschema.validate(json.loads(sagemaker_card(empty)), MODEL_CARD)


def test_what_a_report_says_stays_text_in_yaml_and_markdown():
    card = huggingface_card(with_every_text(REPORTS[0], lambda _: HOSTILE), name=HOSTILE)
    _, metadata, section = re.split(r"^---\n", card, maxsplit=2, flags=re.M)
    assert [*yaml.safe_load(metadata)] == ["model-index"]
    assert yaml.safe_load(metadata)["model-index"][0]["name"] == HOSTILE
    assert "<script>" not in section
    assert "\x1b" not in card
    rows = [line for line in section.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}


def test_the_command_prints_either(tmp_path):
    (tmp_path / "report.json").write_bytes(to_json(REPORTS[0]))
    for system in ("huggingface", "sagemaker"):
        done = CliRunner().invoke(main, ["card", str(tmp_path), "--for", system])
        assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["evaluation_details"]
    named = CliRunner().invoke(main, ["card", str(tmp_path), "--for", "huggingface", "--name", "mine"])
    assert "- name: mine" in named.stdout
    assert CliRunner().invoke(main, ["card", str(tmp_path)]).exit_code == 2
