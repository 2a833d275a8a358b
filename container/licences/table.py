"""Turns the bills of materials (CycloneDX) of both images into one table of packages and licences.

python3 container/licences/table.py container/licences/*.cdx.json > container/licences/README.md
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HEAD = """\
# What is in the images, and under which licences

Made by `make bill` from what is installed in the images; the same as CycloneDX stands beside this
page. Texts of the licences are in the images, in each package's `.dist-info` folder. Debian's own
packages (`dpkg -l` in an image) have theirs under `/usr/share/doc/*/copyright`.

| package | version | licence | in |
|---|---|---|---|"""
READ = {
    "keras": "Apache-2.0",
    "namex": "Apache-2.0",
    "partd": "BSD-3-Clause",
    "protobuf": "BSD-3-Clause",
    "skops": "MIT",
}
"""Of packages whose metadata names none in a form that the bill takes over: read from their licence texts."""
UNKNOWN = "not stated"
_CLASSIFIER = "License :: OSI Approved :: "


def rows(bills: Iterable[Path]) -> list[tuple[str, str, str, str]]:
    """(name, version, licence, images) of every package, sorted."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for bill in bills:
        image = bill.name.partition(".")[0]
        for component in json.loads(bill.read_text(encoding="utf-8"))["components"]:
            package = component["name"], component.get("version", ""), licence(component)
            found.setdefault(package, []).append(image)
    packages = sorted(found, key=lambda package: (package[0].lower(), package[1]))
    return [(*package, ", ".join(sorted(found[package]))) for package in packages]


def licence(component: dict[str, Any]) -> str:
    """What a component says of its licence, on one line.

    A package may state an expression, ids, and names, all at once and with the whole text in the
    place of a name; an expression is worth more than an id, an id more than a name.
    """
    stated = component.get("licenses", [])
    for field in ("expression", "id", "name"):
        told = [
            entry.get(field) or entry.get("license", {}).get(field)
            for entry in stated
            if field in entry or field in entry.get("license", {})
        ]
        short = {text.strip().removeprefix(_CLASSIFIER) for text in told if text and "\n" not in text.strip()}
        if short:
            return "; ".join(sorted(short))
    return READ.get(component["name"], UNKNOWN)


def without_addresses(part: Any) -> Any:
    """A bill, or a part of one, without external references at any depth."""
    if isinstance(part, list):
        return [without_addresses(entry) for entry in part]
    if isinstance(part, dict):
        kept = {name: value for name, value in part.items() if name != "externalReferences"}
        return {name: without_addresses(value) for name, value in kept.items()}
    return part


def main(bills: list[Path]) -> None:
    """Tidy the bills and print the page."""
    for path in bills:
        bill = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(without_addresses(bill), indent=2) + "\n", encoding="utf-8")
    print(HEAD)
    for row in rows(bills):
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
