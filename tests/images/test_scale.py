"""Many bundles over several containers: every one is answered, by all instances, with the same bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from containers import DOCKER, ROOT, image, quick_bundle

pytestmark = pytest.mark.images

BUNDLES = 6


def scale(kind, *words):
    return subprocess.run(
        [sys.executable, ROOT / "container" / "local_test" / "scale.py", image(kind), *words],
        capture_output=True,
        text=True,
        timeout=900,
        env=os.environ | {"DOCKER": DOCKER},
    )


def test_two_instances_do_what_one_does(tmp_path):
    bundle = tmp_path / "quick.zip"
    bundle.write_bytes(quick_bundle("membership"))
    many = ("--copies", str(BUNDLES), "--instances", "1", "2", "--cpus", "1")
    done = scale("membership", tmp_path / "out", bundle, *many)
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    header, _, *rows = done.stdout.splitlines()
    assert header.startswith("| instances | bundles |")
    assert [row.split(" | ")[:3] for row in rows] == [["| 1", "6", "0"], ["| 2", "6", "0"]]
    answers = [path.read_bytes() for path in sorted((tmp_path / "out").rglob("*.out"))]
    assert len(answers) == 2 * BUNDLES
    assert len(set(answers)) == 1
    assert json.loads(answers[0])["kind"] == "membership"


def test_a_bundle_that_fails_is_told_and_the_others_go_on(tmp_path):
    broken, sound = tmp_path / "a.zip", tmp_path / "b.zip"
    broken.write_bytes(b"not a zip")
    sound.write_bytes(quick_bundle("membership"))
    done = scale("membership", tmp_path / "out", broken, sound, "--instances", "1")
    assert done.returncode == 1
    assert "| 1 | 2 | 1 |" in done.stdout
    assert json.loads((tmp_path / "out" / "1" / "a.zip.out").read_bytes())["error"]["code"]
    assert json.loads((tmp_path / "out" / "1" / "b.zip.out").read_bytes())["kind"] == "membership"
