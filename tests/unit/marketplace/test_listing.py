"""The listing says what the products are: nothing missing, nothing that has gone stale."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from specifications import ANSWERS, INSTANCES, Publication, algorithm

import leakgauge

ROOT = Path(__file__).parents[3]
LISTING = (ROOT / "marketplace-listing" / "listing.md").read_text(encoding="utf-8")
MANDATORY = [
    *("Legal name", "Support contact", "Refund policy", "End user licence agreement", "Pricing", "Regions"),
    *("Title", "Short description", "Overview", "Highlights", "Categories", "Keywords", "Version title"),
    *("Release notes", "Input", "Output", "Samples", "Notebook", "Instances", "Latency", "Limitations"),
    *("Validation metrics", "Data", "Training job"),
]
SELLERS = [
    "Legal name",
    "Support contact",
    "Refund policy",
    "End user licence agreement",
    "Pricing",
    "Regions",
]


@pytest.mark.parametrize("field", MANDATORY)
def test_every_mandatory_field_is_there(field):
    assert re.search(rf"^(\| {field}|#+ {field}$)", LISTING, re.MULTILINE), field


@pytest.mark.parametrize("field", SELLERS)
def test_what_only_the_seller_knows_is_marked(field):
    (line,) = re.findall(rf"^\| {field}.*$", LISTING, re.MULTILINE)
    assert "**PLACEHOLDER**" in line


def test_nothing_but_the_sellers_fields_stays_open():
    sellers, _, rest = LISTING.partition("## Product")
    open_fields = [line for line in rest.splitlines() if "PLACEHOLDER" in line]
    assert sellers.count("| **PLACEHOLDER**") == 8
    assert open_fields == ["1. Fill in every **PLACEHOLDER** above."]


def test_every_validation_metric_stands_in_the_results_that_it_names():
    section = LISTING.partition("### Validation metrics\n")[2].partition("\n### ")[0]
    rows = re.findall(r"^\|.*\| (.*) \| `(benchmarks/results/.*)` \|$", section, re.MULTILINE)
    assert len(rows) >= 6
    for figure, page in rows:
        assert figure in (ROOT / page).read_text(), page


def test_types_and_instances_are_those_of_the_requests():
    for word in (*ANSWERS, *INSTANCES):
        assert f"`{word}`" in LISTING, word
    assert set(re.findall(r"ml\.\w+\.\w+", LISTING)) == set(INSTANCES)


def test_the_version_is_the_librarys():
    assert f"| Version title | {leakgauge.__version__} |" in LISTING


def test_every_file_that_it_names_is_there():
    named = re.findall(r"`((?:sample-input|docs|marketplace-listing)/[\w./-]+)`", LISTING)
    assert len(named) > 5
    assert [name for name in named if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("kind", ["membership", "inversion"])
def test_the_metrics_that_it_names_are_matched_in_the_log(kind):
    request = algorithm(
        Publication(kind=kind, version="1", image="i", role="r", samples="s3://b", output="s3://b")
    )
    for definition in request["TrainingSpecification"]["MetricDefinitions"]:
        assert f"`{definition['Name']}`" in LISTING
        assert re.match(definition["Regex"], f"{definition['Name']}=1.5e-05;").group(1) == "1.5e-05"


def test_the_notebook_is_stored_without_results():
    notebook = json.loads((ROOT / "marketplace-listing" / "usage.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
