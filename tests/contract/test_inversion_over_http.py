"""The real inversion audit over a real server: every door gives the same report."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from bad_inputs import bundle
from doors import as_training_job, by_command_line
from profile_bundles import fitted, people, profiles_bundle
from served import ROOT, Server, running

SAMPLE = ROOT / "sample-input" / "inversion.zip"


def quick_sample() -> bytes:
    """The sample with fewer iterations."""
    packed = io.BytesIO()
    with zipfile.ZipFile(SAMPLE) as archive, zipfile.ZipFile(packed, "w") as changed:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "parameters.json":
                content = json.dumps(json.loads(content) | {"iterations": [5, 10], "seeds": 1}).encode()
            changed.writestr(zipfile.ZipInfo(name), content)
    return packed.getvalue()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("inversion")
    with running(folder, app=None, LEAKGAUGE_AUDIT="inversion") as up:
        yield up


def test_every_door_gives_the_same_report(server: Server, tmp_path: Path) -> None:
    source = tmp_path / "sample.zip"
    source.write_bytes(quick_sample())
    first = server.invoke(quick_sample(), Accept="application/json").body
    assert json.loads(first)["kind"] == "inversion"
    assert server.invoke(quick_sample(), Accept="application/json").body == first
    assert (by_command_line(source, tmp_path / "cli") / "report.json").read_bytes() == first
    model, log = as_training_job(source, tmp_path / "ml", LEAKGAUGE_AUDIT="inversion")
    assert (model / "report.json").read_bytes() == first
    assert (model / "output.csv").exists()
    assert "attack_leakage=" in log
    with zipfile.ZipFile(io.BytesIO(server.invoke(quick_sample()).body)) as archive:
        assert archive.read("report.json") == first
        assert "original.png" in archive.namelist()


def test_class_profiles_go_through_both_doors_of_the_image(server: Server, tmp_path: Path) -> None:
    model, auxiliary, reference = (people(400, seed=seed) for seed in range(3))
    folder = profiles_bundle(tmp_path / "folder", fitted(*model), auxiliary[0], reference)
    (folder / "parameters.json").write_text(json.dumps({"query_budget": 200}))
    source = tmp_path / "profiles.zip"
    with zipfile.ZipFile(source, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, file.name)
    first = server.invoke(source.read_bytes(), Accept="application/json").body
    assert json.loads(first)["kind"] == "profiles"
    made, log = as_training_job(source, tmp_path / "ml", LEAKGAUGE_AUDIT="inversion")
    assert (made / "report.json").read_bytes() == first
    assert "attack_leakage=" in log
    with zipfile.ZipFile(io.BytesIO(server.invoke(source.read_bytes()).body)) as archive:
        assert set(archive.namelist()) == {"report.json", "report.html", "output.csv", "profiles.csv"}
        assert archive.read("report.json") == first
        assert archive.read("output.csv").startswith(b"Class,Column,Error,Chance,Ceiling\n")


def test_csv_and_page(server: Server) -> None:
    table = server.invoke(quick_sample(), Accept="text/csv").body.decode()
    assert table.startswith("No of iterations,Similarity\n5,")
    assert len(table.splitlines()) == 3
    page = server.invoke(quick_sample(), Accept="text/html").body
    assert len(page) < 250_000
    assert b"data:image/png" in page


def test_a_bundle_for_the_other_audit_is_told_where_to_go(server: Server) -> None:
    reply = server.invoke(bundle())
    assert (reply.status, reply.code) == (400, "bad_bundle.other_kind")
    assert "membership" in reply.json["error"]["hint"]
