"""`leakgauge compare`, on two reports and on one bundle with a defence, and the Python door beside it."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from pypdf import PdfReader
from report_examples import inversion_audited, membership_report
from sandbox_runners import running

import leakgauge
from leakgauge.cli import main
from leakgauge.errors import BadBundle
from leakgauge.report.comparison.document import comparison_from_json
from leakgauge.report.json_document import to_json
from leakgauge.sandbox.parent import Sandbox

HERE = Path(__file__).parent
PATHS = f"{HERE.parents[1] / 'src'}:{HERE.parent / 'support'}"


@functools.cache
def example():
    return to_json(membership_report(n=60))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", PATHS)
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_bytes(example())
    (tmp_path / "bundle.zip").write_bytes(b"PK")
    return tmp_path


@pytest.fixture
def audits(monkeypatch):
    """Sandboxes whose audits write a report that holds the parameters they were told."""
    replaced = functools.partial(Sandbox, job=running("told_parameters"))
    monkeypatch.setattr("leakgauge.comparison_commands.Sandbox", replaced)
    monkeypatch.setattr("leakgauge.api.Sandbox", replaced)


def call(*arguments):
    return CliRunner().invoke(main, ["compare", *arguments])


def test_two_reports_give_one_line_and_two_files(folder):
    done = call("one", "two/report.json", "-o", "out")
    assert done.exit_code == 0, done.output
    line, page, document = done.stdout.splitlines()
    assert line.startswith("No effect was found: worst AUC over attacks")
    assert (page, document) == ("out/comparison.html", "out/comparison.json")
    found = comparison_from_json(Path(document).read_bytes())
    assert found.effect is leakgauge.Effect.NO_EFFECT
    assert found.sentence == line
    assert "same model file" in done.stderr
    again = Path(document).read_bytes()
    assert call("one", "two", "-o", "out").exit_code == 0
    assert Path(document).read_bytes() == again


def test_a_bundle_is_audited_as_it_is_and_behind_the_defence(audits):
    done = call("bundle.zip", "--defence", "rounding=2", "--runs", "2", "--seed", "5", "-o", "out")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "after",
        "after-2",
        "before",
        "before-2",
        "comparison.html",
        "comparison.json",
    ]
    told = {
        path.name: json.loads((path / "report.json").read_bytes())["parameters"]
        for path in Path("out").iterdir()
        if path.is_dir()
    }
    assert {name: (each["defences"], each["seed"]) for name, each in told.items()} == {
        "before": ([], 5),
        "after": (["rounding=2"], 5),
        "before-2": ([], 6),
        "after-2": (["rounding=2"], 6),
    }
    assert all(each["reference_libraries"] is True for each in told.values())
    found = comparison_from_json(Path("out/comparison.json").read_bytes())
    assert (found.runs, found.defences, found.warnings) == (2, ("rounding=2",), ())
    # a second comparison takes the place of the first
    without = ("--parameter", "reference_libraries=false")
    assert call("bundle.zip", "--defence", "top_k=1", "-o", "out", *without).exit_code == 0
    for side in ("before", "after"):
        report = json.loads(Path("out", side, "report.json").read_bytes())
        assert report["parameters"]["reference_libraries"] is False


def test_one_json_object_says_what_the_lines_say(folder):
    lines = call("one", "two", "-o", "out")
    done = call("one", "two", "-o", "out", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert [said["sentence"], *said["files"]] == lines.stdout.splitlines()
    assert said["effect"] == "no effect found"
    assert len(said["warnings"]) == lines.stderr.count("note: ")


@pytest.mark.slow
def test_a_comparison_is_written_as_a_pdf_too(folder):
    done = call("one", "two", "-o", "out", "--pdf", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["files"][-1] == "out/comparison.pdf"
    made = PdfReader("out/comparison.pdf")
    assert made.metadata.title == "Before and after · Leakgauge"
    assert made.outline
    text = " ".join(" ".join(page.extract_text() for page in made.pages).split())
    assert comparison_from_json(Path("out/comparison.json").read_bytes()).sentence in text


@pytest.mark.slow
def test_the_trend_is_in_the_pdf_of_a_report_too(folder):
    done = CliRunner().invoke(main, ["report", "one", "--earlier", "two", "--pdf", "-o", "out/one.pdf"])
    assert done.exit_code == 0, done.output
    made = PdfReader("out/one.pdf")
    assert "Since the earlier report" in " ".join(page.extract_text() for page in made.pages)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["one"], "two reports, or one bundle with a --defence"),
        (["one", "two", "--defence", "rounding=2"], "two reports, or one bundle"),
        (["one", "bundle.zip"], "not JSON"),
        (["one", "other"], "different kinds"),
        (["bundle.zip", "--defence", "rounding=2", "--runs", "0"], "--runs"),
        (["bundle.zip", "--defence", "rounding=2", "--parameter", "x"], "NAME=VALUE"),
        (["missing", "two"], "does not exist"),
    ],
)
def test_bad_input_is_exit_code_2(folder, arguments, told):
    (folder / "other").mkdir()
    (folder / "other" / "report.json").write_bytes(to_json(inversion_audited().report))
    done = call(*arguments)
    assert done.exit_code == 2
    assert told in done.stderr
    assert done.stdout == ""
    assert not (folder / "leakgauge-comparison").exists()


def test_the_python_door(folder, audits):
    found = leakgauge.compare("one", "two")
    assert isinstance(found, leakgauge.Comparison)
    assert leakgauge.compare([membership_report(n=60)], [membership_report(n=60)]).effect is found.effect
    defended = leakgauge.compare_defence("bundle.zip", ["label_only"], output="kept")
    assert defended.defences == ("label_only",)
    assert Path("kept/comparison.html").is_file()
    with pytest.raises(BadBundle):
        leakgauge.compare("one", "elsewhere")
