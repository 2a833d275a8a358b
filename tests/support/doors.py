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
    subprocess.run(
        [sys.executable, "-m", "leakgauge", "audit", str(bundle), "-o", str(folder)],
        check=True,
        env=ENVIRONMENT,
        capture_output=True,
    )
    return folder


def as_training_job(bundle: Path, folder: Path, **environment: str) -> tuple[Path, str]:
    """The model folder and the log of a training job with the bundle's files loose in its channel."""
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(folder / "input" / "data" / "training")
    done = subprocess.run(
        [sys.executable, str(ROOT / "train")],
        check=True,
        env=ENVIRONMENT | {"LEAKGAUGE_ML_ROOT": str(folder)} | environment,
        capture_output=True,
        text=True,
    )
    return folder / "model", done.stdout
