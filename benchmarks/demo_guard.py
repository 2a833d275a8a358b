"""What the demo's guard hides of its digits and faces, over seeds: what the page would say of every class.

    python benchmarks/demo_guard.py SET RESULTS.jsonl [--seeds 8]

SET is `digits` or `faces`. For each seed the demo's own jobs train its models and compare the open one with
that behind the guard of usual strength over all ten classes, as the page does it for its report. A class
counts as *read* where the page would say so of one of the attacks: the independent network takes a
reconstruction for its class and is at least 80 % sure. It counts as *recognised* where that network or a
support vector machine takes the worst attack's reconstruction for its class, however unsure; guessing
reaches 1.9 of ten. A seed is of training and of the guard's map.

Every seed is a line of RESULTS.jsonl, and what stands there is not run again. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from PIL import Image
from sklearn.svm import SVC

from digit_models import one_thread
from leakgauge.demo.worker import Effort
from leakgauge.jobs.demo.comparison import compare
from leakgauge.jobs.demo.invented import invented_digits, invented_faces
from leakgauge.jobs.demo.story import is_read
from leakgauge.jobs.demo.training import EVALUATORS_SHARE, train_both
from leakgauge.jobs.request import JobRequest
from leakgauge.progress import Silent
from leakgauge.report.files import read_report
from leakgauge.report.model import InversionMeasured, InversionReport

SETS = {"digits": invented_digits, "faces": invented_faces}


def measured(name: str, seed: int) -> dict[str, Any]:
    """One seed: accuracies, effects, and how many of ten classes are read and recognised on each side."""
    started, digits = time.process_time(), SETS[name]()
    known, labels = digits.held_out(0.0, EVALUATORS_SHARE)
    machine = SVC(C=10).fit(known.reshape(len(known), -1), labels)
    with tempfile.TemporaryDirectory() as place:
        models, scratch, report = (Path(place, each) for each in ("models", "scratch", "report"))
        for folder in (models, scratch, report):
            folder.mkdir()
        train_both(digits, (), models, epochs=None, seed=seed, display=Silent())
        trained, effort = time.process_time(), Effort()
        asked = {
            "request": {},
            "model": "guarded-usual",
            "output": [],
            "iterations": effort.iterations_of_all,
            "seeds": effort.seeds_of_all,
        }
        compare(
            JobRequest(source=models, scratch=scratch, report=report, overrides=asked, only="inversion"),
            Silent(),
        )
        found = json.loads((report / "compared.json").read_text())
        accuracy = json.loads(_entry(report, "comparison.json"))["accuracy"]
        row: dict[str, Any] = {
            "accuracy": [round(accuracy[side]["value"], 3) for side in ("before", "after")],
            "effects": {each["attacker"]: each["effect"] for each in found["attackers"]},
            "prototypes": {
                each["attacker"]: [round(each[side]["value"], 3) for side in ("before", "after")]
                for each in found["attackers"]
            },
            "seconds": [round(trained - started, 1), round(time.process_time() - trained, 1)],
        }
        with zipfile.ZipFile(report / "report.zip") as archive:
            archive.extractall(scratch / "unpacked")
        for side in ("before", "after"):
            row[side] = counts(scratch / "unpacked" / side, machine)
    return row


def counts(folder: Path, machine: SVC) -> dict[str, list[int]]:
    """By attacker, how many of ten classes are read, and how many the worst attack has recognised."""
    report = read_report(folder)
    if not isinstance(report, InversionReport):
        raise TypeError("the inversion audit gives inversion reports")
    priors = {each.name: each.with_prior for each in report.attacks if isinstance(each, InversionMeasured)}
    found = {}
    for attacker, taken in (("asks", (False,)), ("similar_images", (False, True))):
        read: set[int] = set()
        recognised: dict[str, int] = {}
        for one in report.reconstructions:
            if priors[one.attack] not in taken:
                continue
            if is_read(one):
                read.add(one.target_class)
            pixels = np.asarray(Image.open(folder / one.image).convert("L"), dtype=np.float32) / 255.0
            by_machine = int(machine.predict(pixels.reshape(1, -1))[0]) == one.target_class
            by_network = one.judgement is not None and one.judgement.recognised
            recognised[one.attack] = recognised.get(one.attack, 0) + int(by_machine or by_network)
        found[attacker] = [len(read), max(recognised.values())]
    return found


def table(rows: dict[int, dict[str, Any]]) -> None:
    """One row for each attacker and seed, and the means."""
    print(
        "| seed | accuracy | an attacker that | prototypes | read of 10 | recognised of 10 | effect |\n"
        "|---|---|---|---|---|---|---|"
    )
    for attacker in ("asks", "similar_images"):
        columns = []
        for seed, row in sorted(rows.items()):
            pairs = [row["accuracy"], row["prototypes"][attacker]]
            pairs += [[row[side][attacker][place] for side in ("before", "after")] for place in (0, 1)]
            columns.append(pairs)
            accuracy, *figures = (" → ".join(map(str, pair)) for pair in pairs)
            effect = row["effects"][attacker]
            print(f"| {seed} | {accuracy} | {attacker} | {' | '.join(figures)} | {effect} |")
        accuracy, *figures = (" → ".join(f"{each:.3g}" for each in pair) for pair in np.mean(columns, axis=0))
        print(f"| mean | {accuracy} | {attacker} | {' | '.join(figures)} | |")


def _entry(report: Path, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO((report / "report.zip").read_bytes())) as archive:
        return archive.read(name)


def main() -> None:
    """Measure what is missing, and print everything."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("set", choices=tuple(SETS))
    parser.add_argument("results", type=Path)
    parser.add_argument("--seeds", type=int, default=8)
    asked = parser.parse_args()
    one_thread()
    rows: dict[int, dict[str, Any]] = {}
    if asked.results.exists():
        rows = {row.pop("seed"): row for row in map(json.loads, asked.results.read_text().splitlines())}
    for seed in range(asked.seeds):
        if seed in rows:
            continue
        rows[seed] = measured(asked.set, seed)
        with asked.results.open("a") as file:
            file.write(json.dumps({"seed": seed, **rows[seed]}) + "\n")
    table(rows)


if __name__ == "__main__":
    main()
