"""Everything that is installed is pinned by version and hash."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile

import pytest
from packaging.requirements import Requirement
from pins import CONTAINER, IMAGES, entries, folded, versions

ROOT = CONTAINER.parent
FILES = sorted(path.stem.removeprefix("requirements-") for path in CONTAINER.glob("requirements-*.txt"))
TOGETHER = ("membership", "inversion", "demo", "dev", "publish")
PYTHONS = ("3.11", "3.12", "3.13")


@pytest.mark.parametrize("name", FILES)
def test_a_pin_is_one_version_with_its_hashes(name):
    pins = list(entries(name))
    assert pins
    for pin, hashes in pins:
        assert [each.operator for each in pin.specifier] == ["=="], pin
        assert hashes, pin
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes), pin


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_files_of_one_environment_agree(python, platform):
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.4",
        "sys_platform": platform,
        "os_name": "posix",
    }
    found: dict[str, str] = {}
    for name in TOGETHER:
        for package, version in versions(name, environment).items():
            assert found.setdefault(package, version) == version, (name, package)


def test_servers_of_models_read_the_pickles_of_the_tests():
    """A pickle of scikit-learn is only as good as the versions that read it."""
    here, there = versions("membership"), versions("endpoints")
    assert {name: there[name] for name in ("scikit_learn", "numpy", "joblib")} == {
        name: here[name] for name in ("scikit_learn", "numpy", "joblib")
    }


@pytest.mark.parametrize(
    ("name", "extras"),
    [
        ("membership", ("membership", "serve")),
        ("inversion", ("inversion", "membership", "serve")),
        ("demo", ("demo", "inversion")),
        ("dev", ("dev",)),
    ],
)
def test_the_pins_fit_what_the_package_asks_for(name, extras):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [
        *project["dependencies"],
        *(each for x in extras for each in project["optional-dependencies"][x]),
    ]
    pins = versions(name)
    for requirement in map(Requirement, asked):
        applies = requirement.marker is None or requirement.marker.evaluate(IMAGES)
        if applies and requirement.name != "leakgauge":
            assert requirement.specifier.contains(pins[folded(requirement.name)]), requirement


@pytest.mark.parametrize("name", ["Makefile", "Dockerfile", ".github/workflows/release.yml"])
def test_nothing_is_installed_but_by_hash(name):
    text = (ROOT / name).read_text().replace("\\\n", " ")
    code = [line for line in text.splitlines() if not line.startswith("#")]
    installs = [line for line in code if re.search(r"pip\b.* install|PIP\) install", line)]
    assert installs
    own = ("--no-deps --editable .", "--no-deps /source")
    assert [
        line for line in installs if "--require-hashes" not in line and not any(map(line.__contains__, own))
    ] == []


# ------------------------------------------------------------------ PyTorch


def wheel(folder, version):
    """A wheel called torch; its hash."""
    path = folder / f"torch-{version}-py3-none-any.whl"
    info = f"torch-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("torch.py", f"__version__ = {version!r}\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(
            f"{info}/RECORD", f"torch.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n"
        )
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def install_torch(tmp_path):
    """Run `install-torch` where only these wheels can be had, and these hashes are known."""
    lists, wheels, target = tmp_path / "lists", tmp_path / "wheels", tmp_path / "target"
    lists.mkdir()
    wheels.mkdir()
    shutil.copy(CONTAINER / "install-torch", lists)
    pip = tmp_path / "pip"
    pip.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pip "$@" --target "{target}"\n')
    pip.chmod(0o755)

    def run(for_cpu, of_the_index, **further):
        for name, (version, digest) in {"torch-cpu": for_cpu, "torch": of_the_index}.items():
            (lists / f"requirements-{name}.txt").write_text(f"torch=={version} --hash=sha256:{digest}\n")
        environment = {"PATH": os.environ["PATH"], "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
        environment |= {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **further}
        done = subprocess.run(
            [lists / "install-torch", pip], env=environment, capture_output=True, text=True, check=False
        )
        found = target / "torch.py"
        return done.returncode, found.read_text() if found.exists() else "", done.stderr

    return wheels, run


def test_pytorch_for_cpus_is_preferred(install_torch):
    wheels, run = install_torch
    code, found, _ = run(("1.0+cpu", wheel(wheels, "1.0+cpu")), ("1.0", wheel(wheels, "1.0")))
    assert (code, found) == (0, "__version__ = '1.0+cpu'\n")


def test_pytorch_of_the_package_index_is_taken_where_there_is_no_other(install_torch):
    wheels, run = install_torch
    code, found, _ = run(("1.0+cpu", "0" * 64), ("1.0", wheel(wheels, "1.0")))
    assert (code, found) == (0, "__version__ = '1.0'\n")


def test_constraints_of_the_user_do_not_hide_that_there_is_no_other(install_torch, tmp_path):
    wheels, run = install_torch
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("torch<2\n")
    code, found, _ = run(
        ("1.0+cpu", "0" * 64), ("1.0", wheel(wheels, "1.0")), PIP_CONSTRAINT=str(constraints)
    )
    assert (code, found) == (0, "__version__ = '1.0'\n")


def test_a_wheel_of_another_hash_is_not_installed_and_no_other_in_its_place(install_torch):
    wheels, run = install_torch
    wheel(wheels, "1.0+cpu")
    code, found, error = run(("1.0+cpu", "0" * 64), ("1.0", wheel(wheels, "1.0")))
    assert code != 0
    assert found == ""
    assert "DO NOT MATCH THE HASHES" in error
