"""The same bundle through the command line and as a training job, for comparing what comes out."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from served import ROOT

ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src")}


def by_command_line(bundle: Path, folder: Path) -> Path:
    """The report folder that `leakgauge audit` makes of `bundle`."""
    done = run_command_line("audit", str(bundle), "-o", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


def run_command_line(*words: str) -> subprocess.CompletedProcess[str]:
    """`leakgauge` with these words."""
    command = [sys.executable, "-m", "leakgauge", *words]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)


def as_training_job(bundle: Path, folder: Path, **environment: str) -> tuple[Path, str]:
    """The model folder and the log of a training job with the bundle's files loose in its channel."""
    done = run_training_job(bundle, folder, **environment)
    assert done.returncode == 0, done.stderr
    return folder / "model", done.stdout


def run_training_job(bundle: Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A training job with the bundle's files loose in its channel."""
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(folder / "input" / "data" / "training")
    return subprocess.run(
        [sys.executable, str(ROOT / "train")],
        env=ENVIRONMENT | {"LEAKGAUGE_ML_ROOT": str(folder)} | environment,
        capture_output=True,
        text=True,
    )
