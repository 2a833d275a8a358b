"""The trend over releases: a rise is shown where there is one, luck is not, and what is missing is told."""

from __future__ import annotations

import dataclasses
import json
import os

import pytest
from click.testing import CliRunner
from report_examples import REACH, inversion_audited, release

from leakgauge.cli import main
from leakgauge.errors import BadBundle
from leakgauge.report.files import read_reports
from leakgauge.report.history import history_of
from leakgauge.report.history.document import history_from_json, history_to_json
from leakgauge.report.history.model import Trend
from leakgauge.report.html import render_history
from leakgauge.report.json_document import to_json
from leakgauge.report.model import NotApplicable, Notice

AREAS = (0.61, 0.60, 0.62, 0.78, 0.77)
"""Of five releases; the fourth is worse than the one before, and nothing else differs beyond luck."""


def history(*areas, **changed):
    return history_of((f"v{number + 1}", release(area, **changed)) for number, area in enumerate(areas))


def test_five_releases_show_the_one_that_leaks_more():
    found = history(*AREAS)
    assert found.worse == ("v4",)
    assert found.trend is Trend.MORE
    assert "v4 leaks more than v3 (AUC +0.160" in found.sentence
    (step,) = [step for step in found.steps if step.trend is Trend.MORE]
    assert (step.before, step.after, step.measure) == ("v3", "v4", "auc")
    assert step.rise.value == pytest.approx(0.16)
    # by hand: two ends of .03 in quadrature, further out for ten comparisons (2.807 for 1.960)
    assert step.rise.low == pytest.approx(0.16 - 2**0.5 * REACH * 2.8070 / 1.9600, abs=1e-4)
    assert {step.trend for step in found.steps if step.after != "v4"} == {Trend.NOT_SHOWN}


def test_many_releases_that_differ_by_luck_show_nothing():
    found = history(*[0.60 + 0.02 * (number % 3) for number in range(20)])
    assert found.worse == ()
    assert found.trend is Trend.NOT_SHOWN
    assert "no change" in found.sentence


def test_a_rise_too_slow_for_any_step_is_shown_from_the_first_to_the_last():
    found = history(0.60, 0.64, 0.68, 0.72, 0.76)
    assert found.worse == ()
    assert found.trend is Trend.MORE
    assert "v5 leaks more than v1" in found.sentence


def test_a_leak_that_was_mended_is_told_as_that():
    found = history(0.80, 0.60)
    assert found.trend is Trend.LESS
    assert "fell" in found.sentence


def test_members_found_count_where_the_area_stands_still():
    found = history_of([("a", release(0.6, rate=0.05)), ("b", release(0.6, rate=0.4))])
    assert found.worse == ("b",)
    assert "members found" in found.sentence


def test_what_was_not_measured_is_neither_a_rise_nor_its_absence():
    gone = NotApplicable("rmia", "Rmia", "probabilities", "someone", "no answers")
    found = history_of([("a", release(0.6)), ("b", dataclasses.replace(release(0.6), attacks=(gone,)))])
    assert found.trend is Trend.UNKNOWN
    assert "was not measured" in found.sentence
    assert [notice.code for notice in found.warnings] == ["attacks_missing"]
    assert "rmia" in found.warnings[0].message
    # a rate that is withheld takes nothing from the area
    assert history(0.6, 0.9, rate=None).worse == ("v2",)


def test_other_data_and_another_version_are_told():
    moved = release(0.6, inputs={"train_mia.csv": "1" * 64}, versions={"leakgauge": "9.9"})
    found = history_of([("a", release(0.6)), ("b", moved)])
    assert {notice.code for notice in found.warnings} == {"data_differ", "versions_differ"}
    assert [one.new_data for one in found.releases] == [False, True]


@pytest.mark.parametrize(
    ("reports", "code"),
    [
        ([], "no_history"),
        (["membership"], "no_history"),
        (["membership", "inversion"], "not_comparable"),
        (["membership"] * 4, "no_history"),
    ],
)
def test_what_is_no_history_is_refused(reports, code, monkeypatch):
    monkeypatch.setattr("leakgauge.report.history.MOST_REPORTS", 3)
    made = {"membership": release(0.6), "inversion": inversion_audited(classes=1).report}
    with pytest.raises(BadBundle) as told:
        history_of((str(place), made[kind]) for place, kind in enumerate(reports))
    assert told.value.code == f"bad_bundle.{code}"


def test_inversion_reports_have_a_history_too():
    report = inversion_audited(classes=1).report
    found = history_of([("a", report), ("b", report)])
    assert found.measures == ("leakage",)
    assert found.trend is Trend.NOT_SHOWN


def test_the_page_has_a_chart_marks_the_rise_and_escapes_names():
    found = history_of([(f"<b>{number}</b>", release(area)) for number, area in enumerate(AREAS)])
    page = render_history(found)
    assert 'id="history-auc-title"' in page
    assert "rise shown" in page
    assert "leaks more</strong>" in page
    assert "<b>3</b>" not in page
    assert "://" not in page
    assert history_from_json(history_to_json(found)).releases[3].severity is found.releases[3].severity


def test_the_command_reads_a_folder_in_the_order_of_its_numbers(tmp_path):
    releases = tmp_path / "releases"
    for number, area in zip((1, 2, 9, 10, 11), AREAS, strict=True):
        (releases / f"v{number}").mkdir(parents=True)
        (releases / f"v{number}" / "report.json").write_bytes(to_json(release(area)))
    (releases / "notes.txt").write_text("no report")
    assert [name for name, _ in read_reports(releases)] == ["v1", "v2", "v9", "v10", "v11"]
    done = CliRunner().invoke(main, ["history", str(releases), "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "v10: high  leaks more" in done.stdout
    assert "v10 leaks more than v9" in done.stdout
    document = json.loads((tmp_path / "out" / "history.json").read_text())
    assert document["history_version"] == "1.0"
    assert "v10" in (tmp_path / "out" / "history.html").read_text()


def test_a_folder_with_something_broken_says_what(tmp_path):
    (tmp_path / "v1.json").write_bytes(to_json(release(0.6)))
    (tmp_path / "v2.json").write_text("{}")
    done = CliRunner().invoke(main, ["history", str(tmp_path), "-o", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "v2.json" in done.stderr
    assert not (tmp_path / "out").exists()


def broken_link(folder):
    (folder / "v2.json").symlink_to("nowhere.json")


def link_to_nothing_in_a_folder(folder):
    (folder / "v2").mkdir()
    (folder / "v2" / "report.json").symlink_to("nowhere.json")


def pipe(folder):
    os.mkfifo(folder / "v2.json")


def folder_for_a_file(folder):
    (folder / "v2" / "report.json").mkdir(parents=True)


@pytest.mark.parametrize("spoil", [broken_link, link_to_nothing_in_a_folder, pipe, folder_for_a_file])
def test_a_release_that_cannot_be_read_is_never_left_out(tmp_path, spoil):
    for name in ("v1", "v3"):
        (tmp_path / f"{name}.json").write_bytes(to_json(release(0.6)))
    spoil(tmp_path)
    with pytest.raises(BadBundle) as told:
        history_of(read_reports(tmp_path))
    assert told.value.code == "bad_bundle.no_report"
    assert told.value.__notes__[0].startswith("in v2")


def test_names_may_hold_any_digits(tmp_path):
    for name in ("v²", "v1", "v01", "v٣", "9", "a"):
        (tmp_path / f"{name}.json").write_bytes(to_json(release(0.6)))
    assert [name for name, _ in read_reports(tmp_path)] == ["a", "v01", "v1", "v²", "v٣", "9"]


def test_two_reports_of_one_name_are_refused(tmp_path):
    (tmp_path / "v1").mkdir()
    for file in ("v1.json", "v1/report.json"):
        (tmp_path / file).write_bytes(to_json(release(0.6)))
    with pytest.raises(BadBundle, match="Two reports are called v1"):
        history_of(read_reports(tmp_path))


def with_another(report, area):
    """The same with a second attack."""
    other = dataclasses.replace(release(area).attacks[0], name="lira", title="Lira")
    return dataclasses.replace(report, attacks=(*report.attacks, other))


def test_a_leak_does_not_fall_where_the_attack_that_showed_it_is_missing():
    found = history_of([("a", with_another(release(0.6), 0.9)), ("b", release(0.6))])
    assert found.trend is Trend.UNKNOWN
    assert "fell" not in found.sentence
    assert "differ in attacks" in found.sentence


def test_a_leak_does_not_rise_by_an_attack_that_is_new():
    found = history_of([("a", release(0.6)), ("b", with_another(release(0.6), 0.9))])
    assert found.worse == ()
    assert found.trend is Trend.UNKNOWN
    assert [notice.code for notice in found.warnings] == ["attacks_added"]
    # whatever is new, an attack that both had is held to the one before
    assert history_of([("a", release(0.6)), ("b", with_another(release(0.9), 0.7))]).worse == ("b",)


def test_an_audit_that_was_cut_short_neither_fell_nor_is_the_next_one_worse():
    short = release(0.6, warnings=(Notice("fewer_reference_models", "there was no time"),))
    for names in ([("a", release(0.8)), ("b", short)], [("a", short), ("b", release(0.8))]):
        found = history_of(names)
        assert found.trend is Trend.UNKNOWN
        assert found.worse == ()
        assert "cut short" in found.warnings[0].message
