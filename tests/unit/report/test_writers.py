"""The folder, the zip and output.csv."""

from __future__ import annotations

import dataclasses
import io
import os
import zipfile
from pathlib import Path

import pytest
from profile_reports import profiles_report
from report_examples import inversion_audited, membership_report

from leakgauge.errors import AuditFailed
from leakgauge.estimates import Estimate
from leakgauge.report.model import Audited, InversionReport, ProfileRow, ProportionRow, SimilarityRow
from leakgauge.report.profiles_table import profiles_csv
from leakgauge.report.writers import folder_zip, from_json, to_csv, to_json, write, zip_folder


def test_membership_table_is_what_subscribers_parse() -> None:
    def around(value: float) -> Estimate:
        return Estimate(value, 0.0, 1.0, 100)

    rows = (
        ProportionRow(10, 40, "learned_nn", "NN", around(0.5), around(2 / 3), around(7 / 12)),
        ProportionRow(90, 360, "learned_gb", "GB", around(1.0), around(0.0), around(0.12345)),
    )
    assert to_csv(dataclasses.replace(membership_report(n=40), table=rows)) == (
        b"Percentage Data,Member Accuracy,Non-member Accuracy,Attack Accuracy,Attack Model\n"
        b"10,0.5000,0.6667,0.5833,NN\n"
        b"90,1.0000,0.0000,0.1235,GB\n"
    )


def test_inversion_table_is_what_subscribers_parse() -> None:
    report = inversion_audited(classes=1).report
    assert isinstance(report, InversionReport)
    rows = (SimilarityRow(1000, 0.2), SimilarityRow(20000, -0.00001))
    assert to_csv(dataclasses.replace(report, table=rows)) == (
        b"No of iterations,Similarity\n1000,0.2000\n20000,0.0000\n"
    )


def test_profiles_have_a_row_for_each_class_and_column_and_a_table_of_their_own() -> None:
    rows = (ProfileRow("paid", "age", 0.0649999, 0.9, 0.05), ProfileRow("=cmd()", "a,b", None, None, None))
    assert to_csv(dataclasses.replace(profiles_report(), table=rows)) == (
        b'Class,Column,Error,Chance,Ceiling\npaid,age,0.0650,0.9000,0.0500\n\'=cmd(),"a,b",,,\n'
    )
    lines = profiles_csv(profiles_report(classes=1)).decode().splitlines()
    assert lines[:2] == ["Class,Column,Value,Everybody,Attacker,Real", "class 0,column 0,,42,33.1,33"]
    assert "class 0,city,Pune,0.25,0.58,0.6" in lines


def test_csv_of_the_written_and_read_report_is_the_same() -> None:
    report = membership_report(n=77)
    assert to_csv(from_json(to_json(report))) == to_csv(report)


def test_the_folder_holds_every_view_and_every_file(tmp_path: Path) -> None:
    audited = inversion_audited(classes=1)
    write(audited, tmp_path / "new" / "folder")
    names = {path.name for path in (tmp_path / "new" / "folder").iterdir()}
    assert names == {"report.json", "report.html", "output.csv", *audited.files}


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write(inversion_audited(classes=1), tmp_path / name)
    assert folder_zip(tmp_path / "first") == folder_zip(tmp_path / "second")


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../up.png",
        "a/b.png",
        "a\\b.png",
        "/etc/x",
        ".hidden",
        "a\0b",
        "a\nb",
        "x" * 101,
        "report.json",
        "report.html",
        "output.csv",
        "a b",
        "é.png",
        "-rf",
    ],
)
def test_no_file_is_written_when_a_name_is_not_plain(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name for a further file"):
        write(Audited(membership_report(n=40), {"good.png": b"", name: b""}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_zip_knows_neither_time_nor_mode_nor_order(tmp_path: Path) -> None:
    for folder, names, mode in (("a", "abc", 0o600), ("b", "cba", 0o777)):
        (tmp_path / folder).mkdir()
        for name in names:
            path = tmp_path / folder / f"{name}.txt"
            path.write_bytes(name.encode() * 5_000)
            path.chmod(mode)
            os.utime(path, (1e9 + mode, 1e9))
    first = folder_zip(tmp_path / "a")
    assert first == folder_zip(tmp_path / "b")
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.namelist() == ["a.txt", "b.txt", "c.txt"]
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}
        assert archive.read("b.txt") == b"b" * 5_000
        assert archive.testzip() is None


def test_the_zip_can_go_to_a_stream_that_cannot_seek(tmp_path: Path) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: object) -> int:
            raise OSError("a pipe")

        def tell(self) -> int:
            raise OSError("a pipe")

    (tmp_path / "a.txt").write_text("one")
    pipe = Pipe()
    zip_folder(tmp_path, pipe)
    with zipfile.ZipFile(io.BytesIO(pipe.getvalue())) as archive:
        assert archive.read("a.txt") == b"one"


@pytest.mark.parametrize("kind", ["link", "dangling", "folder", "pipe", "name"])
def test_only_plain_files_are_packed(tmp_path: Path, kind: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("do not tell")
    folder = tmp_path / "report"
    folder.mkdir()
    match kind:
        case "link":
            (folder / "a.png").symlink_to(secret)
        case "dangling":
            (folder / "a.png").symlink_to(tmp_path / "nowhere")
        case "folder":
            (folder / "a.png").mkdir()
        case "pipe":
            os.mkfifo(folder / "a.png")
        case _:
            (folder / "a b.png").write_bytes(b"")
    with pytest.raises(AuditFailed) as caught:
        folder_zip(folder)
    assert caught.value.problem == "report_folder"
    assert str(tmp_path) not in caught.value.message
