"""The small scripts for people who know them from SageMaker's examples."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from containers import DOCKER, ROOT, image, quick_bundle, serving

pytestmark = pytest.mark.images

SCRIPTS = ROOT / "container" / "local_test"


def script(name, *words, folder):
    (folder / "bin").mkdir(exist_ok=True)
    engine = folder / "bin" / "docker"
    engine.unlink(missing_ok=True)
    engine.symlink_to(DOCKER)
    path = f"{engine.parent}:{os.environ['PATH']}"
    return subprocess.run(
        [SCRIPTS / name, *words], cwd=folder, env={"PATH": path}, capture_output=True, timeout=600
    )


def test_predict_prints_the_report(tmp_path):
    (tmp_path / "quick.zip").write_bytes(quick_bundle("membership"))
    with serving("membership") as container:
        done = script("predict.sh", "quick.zip", "application/json", str(container.port), folder=tmp_path)
        assert json.loads(done.stdout)["kind"] == "membership"
        (tmp_path / "quick.zip").write_bytes(b"not a zip")
        done = script("predict.sh", "quick.zip", "text/csv", str(container.port), folder=tmp_path)
        assert done.returncode != 0
        assert json.loads(done.stdout)["error"]["code"] == "bad_bundle.not_a_zip"


def test_train_leaves_the_report_or_tells_the_reason(tmp_path):
    (tmp_path / "quick.zip").write_bytes(quick_bundle("membership"))
    done = script("train_local.sh", image("membership"), "quick.zip", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert b"report.json" in done.stdout
    (tmp_path / "quick.zip").write_bytes(b"not a zip")
    done = script("train_local.sh", image("membership"), "quick.zip", folder=tmp_path)
    assert done.returncode == 2
    assert b"[bad_bundle.not_a_zip]" in done.stderr
