"""What is in an image and, as important, what is not."""

from __future__ import annotations

import json
import tomllib

import pytest
from containers import ROOT, docker, image
from pins import installed

from leakgauge.version import __version__

pytestmark = pytest.mark.images

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
STRANGERS = {
    "membership": {"tensorflow", "keras", "tf2onnx", "h5py", "skimage"},
    "inversion": {"torch"},
}
NOWHERE = {"pip", "setuptools", "wheel", "boto3", "pytest", "playwright"}
MOST_MEGABYTES = {"membership": 1_350, "inversion": 1_700}
"""Of each image on top of its base, uncompressed: a guard against what slips in."""


def found_in(kind, script, *words):
    return docker("run", "--rm", "--entrypoint", "python3", image(kind), "-c", script, *words).stdout.decode()


def test_neither_image_can_import_what_belongs_to_the_other(kind):
    unwanted = sorted(STRANGERS[kind] | NOWHERE)
    script = "import importlib.util, sys; print([m for m in sys.argv[1:] if importlib.util.find_spec(m)])"
    assert found_in(kind, script, *unwanted).strip() == "[]"


def test_the_library_of_the_checkout_is_inside(kind):
    script = "import importlib.metadata as m; print(m.version('leakgauge'))"
    assert found_in(kind, script).strip() == __version__


def test_what_is_installed_is_what_is_pinned(kind):
    script = "import importlib.metadata as m; print(*(f'{d.name}=={d.version}' for d in m.distributions()))"
    pinned = {f"{name}=={version}" for name, version in installed(kind).items()}
    # Parts that the build trims away.
    trimmed = {pin for pin in pinned if pin.startswith(("libclang==", "setuptools==", "wheel=="))}
    found = {name.lower().replace("-", "_").partition("+")[0] for name in found_in(kind, script).split()}
    assert found == pinned - trimmed | {f"leakgauge=={__version__}"}


@pytest.mark.parametrize("program", ["gcc", "cc", "g++", "ld", "make", "pip", "pip3", "curl", "wget", "git"])
def test_no_tool_that_an_intruder_would_want(kind, program):
    done = docker(
        "run", "--rm", "--entrypoint", "sh", image(kind), "-c", f"command -v {program}", check=False
    )
    assert done.returncode != 0


def test_every_module_is_compiled_for_good_and_no_cache_is_left(kind):
    # Bytecode that is held against its source's date would be thrown away and made anew at every start.
    script = """
from pathlib import Path
packages = Path("/opt/leakgauge/lib/python3.11/site-packages")
unchecked = (1).to_bytes(4, "little")
compiled = {
    p.parent.parent / f"{p.stem.partition('.')[0]}.py"
    for p in packages.rglob("*.cpython-311.pyc") if p.read_bytes()[4:8] == unchecked
}
folders = map(Path, ("/root/.cache", "/var/lib/apt/lists", "/var/cache/apt/archives"))
left = [folder for folder in folders if folder.is_dir() and any(folder.iterdir())]
print(set(packages.rglob("*.py")) - compiled, left)
"""
    assert found_in(kind, script).strip() == "set() []"


def test_how_it_is_started(kind):
    configuration = json.loads(docker("image", "inspect", image(kind)).stdout)[0]["Config"]
    assert configuration["Entrypoint"] == ["/opt/program/container/entrypoint"]
    assert not configuration["Cmd"]
    assert configuration["User"] == ""
    assert configuration["Labels"] == {
        "com.amazonaws.sagemaker.capabilities.accept-bind-to-port": "true",
        "org.opencontainers.image.title": image(kind),
        "org.opencontainers.image.description": configuration["Labels"][
            "org.opencontainers.image.description"
        ],
        "org.opencontainers.image.licenses": PROJECT["license"],
        "org.opencontainers.image.version": __version__,
    }


def test_no_secret_and_no_setting_of_the_builder(kind):
    variables = json.loads(docker("image", "inspect", image(kind)).stdout)[0]["Config"]["Env"]
    assert {entry.partition("=")[0] for entry in variables} == {
        "PATH",
        "LANG",
        "LEAKGAUGE_AUDIT",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONUNBUFFERED",
    }


def test_size(kind):
    history = docker("history", "--no-trunc", "--human=false", "--format", "{{.Size}}", image(kind))
    total = json.loads(docker("image", "inspect", image(kind)).stdout)[0]["Size"]
    base = int(history.stdout.split()[-1])
    print(f"{kind}: {total / 1e6:,.0f} MB, of which {base / 1e6:,.0f} MB are the base image")
    assert (total - base) / 1e6 < MOST_MEGABYTES[kind]
