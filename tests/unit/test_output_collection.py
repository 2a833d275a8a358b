"""Where a report goes: what is seen before an audit, and what becomes of a finished one."""

from __future__ import annotations

import errno
import functools
import json
import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from sandbox_runners import running

import leakgauge
from leakgauge.cli import _conclude, main
from leakgauge.errors import AuditFailed, BadParameters, LimitExceeded
from leakgauge.progress import Silent
from leakgauge.sandbox.output import check_destination, check_writable, collect_output, read_document
from leakgauge.sandbox.parent import Sandbox


def tried(output, **named):
    check_destination(output, **named)
    check_writable(output)


@pytest.fixture
def report(tmp_path):
    folder = tmp_path / "from-the-child"
    folder.mkdir()
    (folder / "report.json").write_text("{}")
    return folder


# --- output folders, seen beforehand ----------------------------------------------------------------


def everything_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("name", ["report", "deep/er/report", "Bericht für Müller/mit Leerzeichen"])
def test_trying_a_folder_leaves_nothing_behind(tmp_path, name):
    check_destination(tmp_path / name)
    check_writable(tmp_path / name)
    assert everything_below(tmp_path) == []


def test_trying_a_folder_leaves_an_earlier_report_alone(tmp_path):
    output = tmp_path / "report"
    output.mkdir()
    (output / "report.json").write_text("{}")
    before = (output.stat().st_ino, output.stat().st_mtime_ns)
    check_destination(output)
    check_writable(output)
    assert everything_below(tmp_path) == ["report", "report/report.json"]
    assert (output.stat().st_ino, output.stat().st_mtime_ns) == before


@pytest.mark.parametrize("below", ["", "report", "deep/er/report"])
def test_a_file_in_the_place_of_a_folder_is_seen_beforehand(tmp_path, below):
    (tmp_path / "file").write_text("precious")
    with pytest.raises(BadParameters) as raised:
        tried(tmp_path / "file" / below)
    assert raised.value.code == "bad_parameters.output_folder"
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.parametrize("where", ["new", "new/deep/er", "report"])
def test_a_folder_that_lets_nothing_in_is_seen_beforehand(tmp_path, where, monkeypatch):
    """As an ordinary user: for root, whom no mode keeps out, a system call says what it says to others."""
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "report.json").write_text("{}")
    made = os.mkdir

    def refuse(path, *rest, **named):
        if str(path).startswith(str(tmp_path)):
            raise PermissionError(errno.EACCES, "no")
        made(path, *rest, **named)

    monkeypatch.setattr("os.mkdir", refuse)
    with pytest.raises(BadParameters) as raised:
        check_writable(tmp_path / where)
    assert "Permission denied" in raised.value.message
    assert everything_below(tmp_path) == ["report", "report/report.json"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_a_disk_that_takes_nothing_is_seen_beforehand(tmp_path, number, monkeypatch):
    def full(_descriptor):
        raise OSError(number, "no")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(BadParameters) as raised:
        check_writable(tmp_path / "deep" / "report")
    assert os.strerror(number) in raised.value.message
    assert everything_below(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /proc and /dev of Linux")
@pytest.mark.parametrize("output", ["/proc/report", "/dev/null", "/dev/null/report", "/proc/self/fd/report"])
def test_places_of_the_system_that_take_no_report(output):
    with pytest.raises(BadParameters) as raised:
        tried(Path(output))
    assert raised.value.code == "bad_parameters.output_folder"


def test_a_link_in_a_circle_and_an_endless_name_are_told(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    for output in (tmp_path / "a", tmp_path / "a" / "x", tmp_path / ("x" * 300)):
        with pytest.raises(BadParameters) as raised:
            tried(output)
        assert raised.value.code == "bad_parameters.output_folder"


@pytest.mark.parametrize("source", [".", "bundle.zip", "in/bundle.zip", "in"])
def test_the_bundle_is_never_replaced_by_its_report(tmp_path, source):
    output = tmp_path / "out"
    (output / "in").mkdir(parents=True)
    for name in ("bundle.zip", "in/bundle.zip", "report.json"):
        (output / name).write_text("precious")
    with pytest.raises(BadParameters) as raised:
        check_destination(output, source=output / source)
    assert "bundle" in raised.value.message
    (tmp_path / "link").symlink_to(output)
    with pytest.raises(BadParameters):
        check_destination(output, source=tmp_path / "link" / source)
    check_destination(tmp_path / "elsewhere", source=output / source)


def test_other_peoples_files_beside_a_report_json_are_no_earlier_report(tmp_path):
    output = tmp_path / "out"
    output.mkdir()
    for name in ("report.json", "thesis.tex"):
        (output / name).write_text("precious")
    with pytest.raises(BadParameters):
        check_destination(output)


# --- a finished report is never lost ----------------------------------------------------------------


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Where a report is kept in need: first choice and second."""
    found = [tmp_path / "first", tmp_path / "second"]
    for place in found:
        place.mkdir()
    monkeypatch.setattr("leakgauge.sandbox.output._places_to_keep", lambda: list(map(str, found)))
    return found


def occupied(tmp_path):
    """An output that somebody took for something else while the audit ran."""
    output = tmp_path / "out"
    output.mkdir()
    (output / "thesis.tex").write_text("precious")
    return output


@pytest.mark.parametrize("kind", ["file above", "something else there"])
def test_a_report_that_finds_its_place_taken_is_kept_for_its_owner_alone(tmp_path, report, places, kind):
    if kind == "file above":
        (tmp_path / "file").write_text("")
        output = tmp_path / "file" / "report"
    else:
        output = occupied(tmp_path)
    with pytest.raises(BadParameters) as raised:
        collect_output(report, output, keep=True)
    (kept,) = places[0].iterdir()
    assert raised.value.code == "bad_parameters.output_folder"
    assert str(kept) in raised.value.hint
    assert raised.value.details["kept"] == str(kept)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert (kept / "report.json").read_text() == "{}"
    assert not list(places[1].iterdir())


def test_where_the_first_place_takes_nothing_the_next_one_does(tmp_path, report, places):
    places[0].rmdir()
    with pytest.raises(BadParameters) as raised:
        collect_output(report, occupied(tmp_path), keep=True)
    assert str(places[1]) in raised.value.hint
    places[1].rename(tmp_path / "gone")
    with pytest.raises(BadParameters) as raised:
        collect_output(report, tmp_path / "out", keep=True)
    assert "nowhere" in raised.value.message
    assert "kept" not in raised.value.details


def test_a_service_keeps_nothing(tmp_path, report, places):
    with pytest.raises(BadParameters) as raised:
        collect_output(report, occupied(tmp_path))
    assert "kept" not in raised.value.details
    assert not any(list(place.iterdir()) for place in places)


def test_what_a_hostile_child_left_is_not_kept(tmp_path, report, places):
    (report / "link").symlink_to("/etc/passwd")
    with pytest.raises(AuditFailed):
        collect_output(report, occupied(tmp_path), keep=True)
    assert not any(list(place.iterdir()) for place in places)


def test_a_folder_in_one_that_cannot_be_written_is_filled_in_place(tmp_path, report, monkeypatch):
    output = tmp_path / "closed" / "out"
    output.mkdir(parents=True)
    (output / "report.json").write_text("old")
    (output / "old.png").write_text("old")
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != output.parent)
    check_writable(output)
    before = output.stat().st_ino
    collect_output(report, output)
    assert output.stat().st_ino == before
    assert [(path.name, path.read_text()) for path in output.iterdir()] == [("report.json", "{}")]
    assert [path.name for path in output.parent.iterdir()] == ["out"]


# --- through the doors ------------------------------------------------------------------------------

PATHS = f"{Path(__file__).parents[2] / 'src'}:{Path(__file__).parents[1] / 'support'}"


@pytest.fixture
def no_audit(monkeypatch):
    """An audit that begins is a failure: what is wrong with its output was to be seen before."""

    def begun(*_, **__):
        raise AssertionError("an audit began")

    monkeypatch.setattr(Sandbox, "_follow", begun)


@pytest.fixture
def full_in_the_end(monkeypatch):
    """The disk of the output is full when the audit has ended."""

    def place(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setenv("PYTHONPATH", PATHS)
    monkeypatch.setattr("leakgauge.sandbox.output._place", place)


@pytest.fixture
def bundle(tmp_path):
    (tmp_path / "bundle.zip").write_bytes(b"PK")
    return tmp_path / "bundle.zip"


def called(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


@pytest.mark.usefixtures("no_audit")
def test_the_command_line_sees_it_before_the_audit(tmp_path, bundle):
    (tmp_path / "file").write_text("precious")
    occupied(tmp_path)
    for output in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / "out", tmp_path):
        result = called("audit", bundle, "-o", output)
        assert result.exit_code == 2
        assert "output" in result.stderr
    result = called("sanitize", bundle, "-o", tmp_path / "file")
    assert result.exit_code == 2
    assert "File exists" in result.stderr
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.usefixtures("no_audit")
@pytest.mark.parametrize("taken", ["before", "after", "before-2", "comparison is a file"])
def test_a_comparison_sees_all_its_folders_before_the_first_audit(tmp_path, bundle, taken):
    output = tmp_path / "comparison"
    if taken == "comparison is a file":
        output.write_text("precious")
    else:
        (output / taken).mkdir(parents=True)
        (output / taken / "thesis.tex").write_text("precious")
    with pytest.raises(BadParameters) as raised:
        leakgauge.compare_defence(bundle, ["rounding=2"], runs=2, output=output)
    assert raised.value.code == "bad_parameters.output_folder"


@pytest.mark.usefixtures("no_audit")
def test_the_python_door_sees_it_before_the_audit(tmp_path, bundle):
    with pytest.raises(BadParameters):
        leakgauge.audit(bundle, output=occupied(tmp_path))


@pytest.mark.usefixtures("full_in_the_end")
def test_a_finished_audit_is_kept_and_its_place_told(tmp_path, bundle, places, monkeypatch):
    monkeypatch.setattr("leakgauge.cli.Sandbox", functools.partial(Sandbox, job=running("echo")))
    result = called("audit", bundle, "-o", tmp_path / "report")
    (kept,) = places[0].iterdir()
    assert result.exit_code == 2
    assert "No space left" in result.stderr
    assert str(kept) in result.stderr
    assert sorted(path.name for path in kept.iterdir()) == ["output.csv", "report.html", "report.json"]


@pytest.mark.usefixtures("full_in_the_end")
def test_for_a_request_a_full_disk_is_a_limit_and_nothing_is_kept(tmp_path, bundle, places):
    with Sandbox(job=running("echo")) as sandbox, pytest.raises(LimitExceeded) as raised:
        sandbox.run(bundle, tmp_path / "report", overrides={}, progress=Silent())
    assert raised.value.code == "limit_exceeded.disk"
    assert not any(list(place.iterdir()) for place in places)


# --- documents -------------------------------------------------------------------------------------


def test_a_document_is_read(tmp_path):
    (tmp_path / "report.json").write_text('{"a": [1, 2.5, {"b": null}], "c": "\u00e9"}')
    assert read_document(tmp_path / "report.json") == {"a": [1, 2.5, {"b": None}], "c": "é"}


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"[]", b"1", b"{", b"\xff", b"{'a': 1}", b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": 1e999}'),
        b'{"a": %s}' % (b"9" * 4_000),
        b'{"a": %s}' % (b"9" * 100_000),
        b'{"a": %s}' % (b"[" * 100_000),
        b'{"a": %s%s}' % (b"[" * 300, b"]" * 300),
    ],
)
def test_a_document_that_is_none_is_not_believed(tmp_path, content):
    (tmp_path / "report.json").write_bytes(content)
    with pytest.raises(AuditFailed) as raised:
        read_document(tmp_path / "report.json")
    assert raised.value.problem == "untrusted_output"


def test_a_document_larger_than_any_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("leakgauge.sandbox.output._MAX_DOCUMENT_BYTES", 10)
    (tmp_path / "report.json").write_bytes(b'{"a": 12345}')
    with pytest.raises(AuditFailed):
        read_document(tmp_path / "report.json")


@pytest.mark.parametrize(
    "document",
    [
        *({}, {"verdict": None}, {"verdict": {}}, {"verdict": {"sentence": "x"}, "gate": 3}),
        {"verdict": {"sentence": "x"}, "gate": {"outcome": "perhaps", "sentence": ""}},
        {"verdict": {"sentence": "x"}, "attackers": 1},
        {"verdict": {"sentence": "x"}, "attackers": ["anybody"]},
        {"verdict": {"sentence": "x"}, "attackers": [{"attacker": "anybody", "severity": "low"}]},
    ],
)
def test_a_command_line_believes_no_report_of_another_form(tmp_path, document):
    (tmp_path / "report.json").write_text(json.dumps(document))
    with pytest.raises(AuditFailed) as raised:
        _conclude(tmp_path, as_json=False, quiet=False)
    assert raised.value.problem == "untrusted_output"
