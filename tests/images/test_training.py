"""Training jobs, with `/opt/ml` laid out as SageMaker does it."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
from containers import docker, image, serving
from PIL import Image

pytestmark = pytest.mark.images


@pytest.fixture
def job(kind, tmp_path):
    """Run a job over files in its channel; (exit code, what it printed)."""
    for name in ("input/config", "input/data/training", "model", "output/data"):
        (tmp_path / name).mkdir(parents=True)

    def run(files, **hyperparameters):
        for name, content in files.items():
            path = tmp_path / "input" / "data" / "training" / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        config = tmp_path / "input" / "config"
        config.joinpath("hyperparameters.json").write_text(json.dumps(hyperparameters))
        config.joinpath("inputdataconfig.json").write_text(
            '{"training": {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated"}}'
        )
        config.joinpath("resourceconfig.json").write_text('{"current_host": "algo-1", "hosts": ["algo-1"]}')
        done = docker(
            *("run", "--rm", "--network", "none"),
            *("--volume", f"{tmp_path}:/opt/ml", "--volume", f"{tmp_path}/input/data:/opt/ml/input/data:ro"),
            *(image(kind), "train"),
            check=False,
        )
        return done.returncode, done.stdout.decode()

    return run


def loose(bundle):
    with zipfile.ZipFile(io.BytesIO(bundle)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


@pytest.mark.parametrize("form", ["zipped", "loose"])
def test_a_job_leaves_the_report_and_prints_its_metrics(job, quick, tmp_path, form):
    files = {"zipped": {"bundle.zip": quick()}, "loose": loose(quick())}[form]
    code, printed = job(files)
    assert code == 0, printed
    for folder in ("model", "output/data"):
        assert {"report.json", "report.html", "output.csv"} <= {
            path.name for path in (tmp_path / folder).iterdir()
        }
    assert any(line.startswith("attack_") and line.endswith(";") for line in printed.splitlines())
    assert not (tmp_path / "output" / "failure").exists()


def test_hyperparameters_are_strings_and_win(job, quick, tmp_path):
    code, printed = job({"bundle.zip": quick()}, seed="11")
    assert code == 0, printed
    assert json.loads((tmp_path / "model" / "report.json").read_bytes())["seed"] == 11


def test_a_prior_is_trained_and_served(kind, job, quick, tmp_path):
    channel = tmp_path / "input" / "data" / "auxiliary"
    channel.mkdir()
    for number in range(25):
        (channel / f"{number}.png").write_bytes(noise(seed=number))
    code, printed = job({}, task="prior")
    if kind == "membership":
        assert code == 2
        assert "[bad_parameters.other_kind]" in (tmp_path / "output" / "failure").read_text()
        return
    assert code == 0, printed
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["prior.npz"]
    with serving(kind, options=("--volume", f"{tmp_path / 'model'}:/opt/ml/model:ro")) as container:
        report = container.invoke(quick(), Accept="application/json")
        assert json.loads(report.body)["prior"] == {"source": "trained", "pictures": 25, "components": 24}


def noise(*, seed):
    """A PNG of the size that the sample model takes."""
    packed = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8), dtype=np.uint8)
    Image.fromarray(pixels).save(packed, format="PNG")
    return packed.getvalue()


def test_a_failed_job_says_why(job, tmp_path):
    code, _ = job({"bundle.zip": b"not a zip"})
    assert code == 2
    assert "[bad_bundle.not_a_zip]" in (tmp_path / "output" / "failure").read_text()
    assert not any((tmp_path / "model").iterdir())
