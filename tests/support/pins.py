"""What `container/requirements-*.txt` install."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.requirements import Requirement

CONTAINER = Path(__file__).parents[2] / "container"
IMAGES = {
    "python_version": "3.11",
    "python_full_version": "3.11.2",
    "sys_platform": "linux",
    "os_name": "posix",
}
"""What the images run on, as markers see it."""
LISTS = {
    "membership": ("membership", "torch-cpu"),
    "inversion": ("inversion",),
    "demo": ("demo",),
}
"""The files that go into each image."""


def folded(name):
    return name.lower().replace("-", "_")


def entries(name):
    """(requirement, hashes) of every pin in a file."""
    text = (CONTAINER / f"requirements-{name}.txt").read_text()
    for entry in re.findall(r"^[^\s#].*(?:\n    .*)*", text, flags=re.M):
        first, *rest = entry.split(" \\\n")
        yield Requirement(first), [each.strip().removeprefix("--hash=") for each in rest]


def versions(name, environment=None):
    """{folded name: version} of what a file installs there; without an environment, in the images."""
    return {
        folded(pin.name): next(iter(pin.specifier)).version.partition("+")[0]
        for pin, _hashes in entries(name)
        if pin.marker is None or pin.marker.evaluate(environment or IMAGES)
    }


def installed(kind):
    """{folded name: version} of what an image is built with."""
    return {name: version for each in LISTS[kind] for name, version in versions(each).items()}
