"""What the image tests share. They need an engine and both images; without them they fail, not skip."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

import pytest
from containers import KINDS, SAMPLES, docker, image, quick_bundle, serving


@pytest.fixture(scope="session", autouse=True)
def engine():
    """An engine that has both images. That it is missing is told once, and fails every test."""
    docker("version")
    for each in KINDS:
        docker("image", "inspect", image(each))


@pytest.fixture(scope="session", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="session")
def sample(kind):
    """The sample bundle as bytes."""
    return SAMPLES[kind].read_bytes()


@pytest.fixture(scope="session")
def quick(kind):
    """A function that makes the sample with parameters that end soon."""
    return partial(quick_bundle, kind)


@pytest.fixture(scope="session")
def expected(kind, tmp_path_factory):
    """The report folder that the command line of this checkout makes of the sample."""
    folder = tmp_path_factory.mktemp(kind) / "report"
    command = [sys.executable, "-m", "leakgauge", "audit", SAMPLES[kind], "-o", folder]
    done = subprocess.run(command, capture_output=True, timeout=600)
    assert done.returncode == 0, done.stderr.decode()
    return folder


@pytest.fixture(scope="module")
def server(kind, engine):
    """One serving container for a whole module."""
    with serving(kind) as container:
        yield container
