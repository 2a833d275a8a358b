"""The trend against an earlier report: on the page, beside it, and never of another report."""

from __future__ import annotations

import functools
import hashlib
import json

import pytest
from click.testing import CliRunner
from report_examples import inversion_audited, release

from leakgauge.cli import main
from leakgauge.errors import BadBundle
from leakgauge.report.earlier import add_earlier, since, trend_in
from leakgauge.report.files import read_report
from leakgauge.report.history.model import Trend
from leakgauge.report.html import render
from leakgauge.report.json_document import to_json
from leakgauge.report.model import Audited
from leakgauge.results import result_of

report = functools.cache(release)


@pytest.fixture
def folders(tmp_path):
    """Folders of reports before and after a rise of .2, as an audit leaves them."""
    for name, area in (("before", 0.6), ("after", 0.8)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_bytes(to_json(report(area)))
        (tmp_path / name / "report.html").write_text(render(Audited(report(area))))
    return tmp_path / "before", tmp_path / "after"


def call(*words):
    return CliRunner().invoke(main, ["report", *map(str, words)])


@pytest.mark.parametrize(
    ("areas", "trend", "words"),
    [
        ((0.6, 0.8), Trend.MORE, "this model leaks more than the earlier model (AUC +0.200"),
        ((0.8, 0.6), Trend.LESS, "this model leaks less than the earlier model (AUC -0.200"),
        ((0.6, 0.61), Trend.NOT_SHOWN, "no change of the leak was shown"),
    ],
)
def test_what_became_of_the_leak_is_told(areas, trend, words):
    before, after = map(report, areas)
    found = since(before, after)
    assert found.trend is trend
    assert words in found.sentence


def test_reports_of_different_kinds_have_no_trend():
    with pytest.raises(BadBundle) as told:
        since(inversion_audited(classes=1).report, report(0.6))
    assert told.value.code == "bad_bundle.not_comparable"


def test_the_page_shows_the_trend_and_the_report_stays_what_it_was(folders):
    before, after = folders
    as_audited = (after / "report.json").read_bytes()
    done = call(after, "--earlier", before)
    assert done.exit_code == 0, done.output
    assert "Since the earlier report: From the earlier model to this model the leak rose" in done.stdout
    page = (after / "report.html").read_text()
    assert '<h2 id="earlier">' in page
    assert "+0.200" in page
    assert hashlib.sha256((before / "report.json").read_bytes()).hexdigest() in page
    assert (after / "report.json").read_bytes() == as_audited
    trend = trend_in(after, read_report(after))
    assert page == render(Audited(read_report(after)), trend=trend)
    # told again, without the earlier report at hand
    assert json.loads(call(after, "--json").stdout)["trend"] == trend.sentence
    assert json.loads(call(before, "--json").stdout)["trend"] is None


def test_without_an_earlier_report_the_page_says_nothing_of_one(folders):
    assert 'id="earlier"' not in (folders[0] / "report.html").read_text()
    assert trend_in(folders[0], report(0.6)) is None


def test_a_second_earlier_report_takes_the_place_of_the_first(folders):
    _, after = folders
    add_earlier(after, report(0.6))
    found = add_earlier(after, report(0.8))
    assert found.trend is Trend.NOT_SHOWN
    assert trend_in(after, report(0.8)).sentence == found.sentence


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(lambda found: b"{}", id="nothing"),
        pytest.param(lambda found: b"\xff not json", id="no JSON"),
        pytest.param(lambda found: found.replace(b'"+', b'"-')[:-40], id="cut short"),
    ],
)
def test_a_broken_history_beside_a_report_is_refused(folders, content):
    _, after = folders
    add_earlier(after, report(0.6))
    (after / "history.json").write_bytes(content((after / "history.json").read_bytes()))
    with pytest.raises(BadBundle, match="is not as it was written") as told:
        trend_in(after, report(0.8))
    assert told.value.code == "bad_bundle.not_a_history"


def test_a_history_of_another_report_is_refused_and_never_shown(folders):
    before, after = folders
    add_earlier(after, report(0.6))
    (after / "report.json").write_bytes(to_json(report(0.7)))
    with pytest.raises(BadBundle, match="about another report"):
        trend_in(after, read_report(after))
    done = call(after)
    assert done.exit_code == 2
    assert "about another report" in done.stderr
    assert done.stdout == ""
    # made anew, it is of this one
    assert call(after, "--earlier", before).exit_code == 0


def test_beside_a_report_of_another_name_nothing_is_looked_for(folders):
    _, after = folders
    add_earlier(after, report(0.6))
    (after / "v2.json").write_bytes(to_json(report(0.7)))
    said = json.loads(call(after / "v2.json", "--json").stdout)
    assert (said["trend"], said["files"]) == (None, [])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("after", "--earlier", "missing"), "does not exist"),
        (("after", "--earlier", "images"), "different kinds"),
        (("after", "--earlier", "note.txt"), "not JSON"),
        (("loose.json", "--earlier", "before"), "not called report.json"),
        (("loose.json", "--pdf"), "not called report.json"),
    ],
)
def test_bad_input_is_exit_code_2_and_changes_nothing(folders, monkeypatch, words, told):
    root = folders[0].parent
    monkeypatch.chdir(root)
    (root / "images").mkdir()
    (root / "images" / "report.json").write_bytes(to_json(inversion_audited(classes=1).report))
    (root / "note.txt").write_text("a note")
    (root / "loose.json").write_bytes(to_json(report(0.7)))
    page = (root / "after" / "report.html").read_bytes()
    done = call(*words)
    assert done.exit_code == 2
    assert told in done.stderr
    assert (root / "after" / "report.html").read_bytes() == page
    assert not (root / "after" / "history.json").exists()
    assert not (root / "report.html").exists()


@pytest.mark.parametrize("earlier", ["a path", "a report", "a result"])
def test_the_python_door_takes_a_path_a_report_or_a_result(folders, earlier):
    given = {"a path": folders[0], "a report": report(0.6), "a result": result_of(report(0.6), {})}[earlier]
    page = result_of(report(0.8), {}).to_html(earlier=given)
    add_earlier(folders[1], report(0.6))
    assert page == (folders[1] / "report.html").read_text()


def test_inversion_reports_have_a_trend_too():
    audited = inversion_audited(classes=1)
    page = render(audited, trend=since(audited.report, audited.report))
    assert "no change of the leak was shown" in page
