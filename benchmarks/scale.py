"""How the cost of a membership audit grows: with records, columns, classes, trees and the model file.

    python benchmarks/scale.py RESULTS.jsonl [--axes records columns classes trees file] [--largest 64000]
        [--into benchmarks/results]

A default audit of a random forest on invented numbers, in a process of its own: CPU seconds by phase, as
the audit tells its progress, and the most memory beyond what this program takes before it. One axis is
changed, the others stay at 2,000 records a side, 10 columns, 2 classes and 20 trees. The least work there is
are sixteen bare fits of the forest on as many records and one pass of answers about all of them, timed beside
it. A large file holds copies of twenty trees, since training as many would take longer than all else.

Every case is a line of RESULTS.jsonl, and what stands there is not run again. `scale.md` gets what is there:
per case time, memory, the phase that takes most and the ratio to the least work, and for each phase the
exponent of its growth.
"""

from __future__ import annotations

import argparse
import copy
import json
import logging
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier

from leakgauge.bundle import Limits, MembershipBundle, open_bundle
from leakgauge.membership.audit import audit_bundle
from leakgauge.progress import Calling
from leakgauge.report.html import render
from leakgauge.report.json_document import to_json
from leakgauge.report.model import Failed

BASE = {"records": 2_000, "columns": 10, "classes": 2, "trees": 20, "file": 0}
AXES: dict[str, tuple[int, ...]] = {
    "records": (1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000),
    "columns": (10, 40, 160, 640),
    "classes": (2, 8, 32, 100),
    "trees": (20, 80, 320),
    "file": (50, 200, 400),
}
"""Values of each axis; `file` is the size of the model file in MB."""
MODELS = 16
BUDGET = 120.0
"""Seconds for the audit of a large file: what its attacks would take is another question than its memory."""
PHASES = {
    "reading and asking": ("opening", "reading", "querying"),
    "comparing the tables": ("auditing takes", "comparing members"),
    "reference models": ("training reference", "reference models", "models of other data"),
    "attacks on answers": ("correct label", "small", "low", "robust", "asking about changed"),
    "attack models": ("attack model", "training attack"),
    "attacks on the file": ("leaf", "bootstrap", "sampling the rows", "replaying", "residual"),
    "trade-offs": ("trying",),
    "attribute inference": ("inferring", "asking about", "imputing", "learning"),
    "contents of the file": ("comparing the file", "rebuilding", "passing"),
    "conclusions and report": ("writing",),
}
"""Phases by how the stages of their progress begin."""
FITS = "reference models", "trade-offs"
"""Phases that are nearly all fits of the model."""
SOME = 0.5
"""CPU seconds from which on a phase's growth is looked at: below, what is constant hides it."""


def data(case: Mapping[str, int], seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Numbers of which five columns say a noisy class, all classes alike often."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(case["records"], case["columns"]))
    score = x[:, :5].sum(axis=1) + 1.5 * rng.normal(size=len(x))
    edges = np.quantile(score, np.arange(1, case["classes"]) / case["classes"])
    return pd.DataFrame(x, columns=[f"c{place}" for place in range(x.shape[1])]), np.digitize(score, edges)


def write_bundle(case: Mapping[str, int], folder: Path) -> tuple[float, float]:
    """Write a bundle; the CPU seconds of the least work, and the size of the model file in MB."""
    (x, y), (others, their_y) = data(case, 0), data(case, 1)
    # columns that tell apart nothing more are added for large files alone
    forest = RandomForestClassifier(case["trees"], random_state=0)
    begun = time.process_time()
    forest.fit(x, y)
    fit = time.process_time() - begun
    begun = time.process_time()
    for rows in (x, others):
        forest.predict_proba(rows)
    least = MODELS * fit + time.process_time() - begun
    if case["file"]:
        enlarge(forest, case["file"])
    path = folder / "model.joblib"
    joblib.dump(forest, path)
    x.assign(label=y).to_csv(folder / "train_mia.csv", index=False)
    others.assign(label=their_y).to_csv(folder / "test_mia.csv", index=False)
    return least, path.stat().st_size / 1e6


def enlarge(forest: RandomForestClassifier, megabytes: int) -> None:
    """Copy the trees until the file has so many MB."""
    tree = forest.estimators_[0].tree_
    nodes, values = tree.__getstate__()["nodes"].nbytes, tree.value.nbytes
    copies = max(int(megabytes * 1e6 / (nodes + values)), 1)
    own = list(forest.estimators_)
    forest.estimators_ = [copy.deepcopy(own[place % len(own)]) for place in range(copies)]
    forest.n_estimators = copies


class Phases:
    """CPU seconds between two reports of progress, which belong to the stage of the first."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._stage, self._since = "opening", time.process_time()

    def report(self, stage: str, fraction: float) -> None:  # noqa: ARG002 -- a listener's signature
        """The stage before has ended, or goes on."""
        now = time.process_time()
        self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._since
        self._stage, self._since = stage, now


def run_one(case: Mapping[str, int], folder: Path) -> dict[str, Any]:
    """Audit the bundle in a folder, in this very process, and write its report."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    before = peak()
    phases, begun = Phases(), time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        opened = open_bundle(folder, Path(scratch) / "unpacked", limits=Limits())
        if not isinstance(opened, MembershipBundle):
            raise TypeError("not a bundle for a membership audit")
        limits = {"time_budget": BUDGET if case["file"] else None}
        audited = audit_bundle(opened, limits, Calling(phases.report))
        phases.report("writing the report", 1.0)
        to_json(audited.report)
        render(audited)
        phases.report("", 1.0)
    return {
        "cpu": sum(phases.seconds.values()),
        "clock": time.monotonic() - begun,
        "peak": peak() - before,
        "stages": phases.seconds,
        "auc": max(one.metrics.auc.value for one in audited.report.attacks if hasattr(one, "metrics")),
        "left_out": {one.title: one.reason for one in audited.report.attacks if isinstance(one, Failed)},
        "severity": audited.report.verdict.severity.value,
    }


def peak() -> float:
    """The most memory that this program has had, in MB.

    `getrusage` would count what its parent had when it started this process.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def cases(axes: Sequence[str], largest: int) -> Iterator[dict[str, int]]:
    """The base, then every axis from small to large, all of them side by side."""
    wanted = [(axis, value) for axis in axes for value in AXES[axis] if axis != "records" or value <= largest]
    known: list[dict[str, int]] = []
    for axis, value in sorted(wanted, key=lambda one: AXES[one[0]].index(one[1])):
        case = BASE | {axis: value}
        if axis == "file":
            case |= {"records": 20_000}
        if case not in known:
            known.append(case)
            yield case


def run_all(results: Path, axes: Sequence[str], largest: int) -> None:
    """Run what is not there, each case in a process of its own."""
    for case in cases(axes, largest):
        if any(line["case"] == case for line in lines(results)):
            continue
        with tempfile.TemporaryDirectory() as folder:
            least, megabytes = write_bundle(case, Path(folder))
            done = subprocess.run(  # noqa: S603 -- this very program
                [sys.executable, __file__, str(results), "--one", json.dumps(case), "--folder", folder],
                stdout=subprocess.PIPE,
                text=True,
                check=False,
            )
        if done.returncode:
            print(f"{case}: ended with {done.returncode}", file=sys.stderr)
            continue
        found = {"case": case, "least": least, "megabytes": megabytes} | json.loads(done.stdout)
        with results.open("a") as file:
            file.write(json.dumps(found) + "\n")
        print(f"{case}: {found['cpu']:.1f} CPU s, {found['cpu'] / least:.1f} × the least", file=sys.stderr)


def lines(results: Path) -> list[dict[str, Any]]:
    """What was found so far."""
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


def by_phase(line: Mapping[str, Any]) -> dict[str, float]:
    """CPU seconds of each phase."""
    found = dict.fromkeys((*PHASES, "other"), 0.0)
    for stage, seconds in line["stages"].items():
        name = next((phase for phase, begins in PHASES.items() if stage.startswith(begins)), "other")
        found[name] += seconds
    return found


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float | None:
    """The slope of a straight line through both as logarithms, from `SOME` seconds on; None without two."""
    kept = [(size, taken) for size, taken in zip(sizes, seconds, strict=True) if taken >= SOME]
    if len(kept) < 2:
        return None
    return float(np.polyfit(*np.log(np.array(kept)).T, 1)[0])


def table(found: Sequence[Mapping[str, Any]], axis: str) -> Iterator[str]:
    """The cases of an axis, and how each phase grows along it."""
    yield f"## {axis.capitalize()}\n"
    yield f"| {axis} | CPU s | × least work | most memory, MB | model file, MB | takes most | AUC |"
    yield "|---:|---:|---:|---:|---:|---|---:|"
    for line in found:
        phases = by_phase(line)
        most = max(phases, key=phases.__getitem__)
        yield (
            f"| {line['case'][axis]:,} | {line['cpu']:.1f} | {line['cpu'] / line['least']:.1f} | "
            f"{line['peak']:,.0f} | {line['megabytes']:,.1f} | {most} ({phases[most] / line['cpu']:.0%}) | "
            f"{line['auc']:.3f} |"
        )
    if axis == "file":
        yield "\nLeft out for lack of time, by name: " + "; ".join(
            f"{line['case'][axis]} MB: {', '.join(line['left_out']) or 'nothing'}" for line in found
        )
        return
    sizes = [line["case"][axis] for line in found]
    yield "\n| phase | CPU s | exponent |\n|---|---|---:|"
    every = [by_phase(line) for line in found]
    for phase in (*PHASES, "other"):
        seconds = [one[phase] for one in every]
        slope = exponent(sizes, seconds)
        if max(seconds) >= SOME:
            taken = ", ".join(f"{one:.1f}" for one in seconds)
            yield f"| {phase}{' (fits)' if phase in FITS else ''} | {taken} | {_number(slope)} |"
    besides = [sum(one.values()) - sum(one[phase] for phase in FITS) for one in every]
    taken = ", ".join(f"{one:.1f}" for one in besides)
    yield f"| all but the fits | {taken} | {_number(exponent(sizes, besides))} |"


def _number(slope: float | None) -> str:
    return "–" if slope is None else f"{slope:.2f}"


def page(results: Path) -> str:
    """The whole page."""
    found = lines(results)
    parts: list[Iterable[str]] = []
    for axis in AXES:
        others = {name: value for name, value in BASE.items() if name != axis}
        if axis == "file":
            others |= {"records": 20_000}
        of_axis = [line for line in found if others.items() <= line["case"].items()]
        of_axis = [line for line in of_axis if axis != "file" or line["case"]["file"]]
        of_axis.sort(key=lambda line: line["case"][axis])
        if len(of_axis) > 1:
            parts.append(table(of_axis, axis))
    head = (
        "# Growth of a membership audit\n\nWritten by `benchmarks/scale.py`, which says how; one run of each "
        "case on two cores\nthat other work shared, so CPU seconds vary by a fifth. Above 10,000 records a "
        "side attacks score a sample of 10,000.\n"
        f"Audits of large files had a time budget of {BUDGET:.0f} seconds.\n"
    )
    return "\n".join([head, *("\n".join(part) + "\n" for part in parts)])


def main() -> None:
    """Run what is missing and write the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("results", type=Path)
    parser.add_argument("--axes", nargs="*", choices=AXES, default=list(AXES))
    parser.add_argument("--largest", type=int, default=64_000, help="records a side")
    parser.add_argument("--into", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--one", type=json.loads, help="a case to run in this process")
    parser.add_argument("--folder", type=Path, help="of its bundle")
    asked = parser.parse_args()
    if asked.one is not None:
        print(json.dumps(run_one(asked.one, asked.folder)))
        return
    run_all(asked.results, asked.axes, asked.largest)
    (asked.into / "scale.md").write_text(page(asked.results))


if __name__ == "__main__":
    main()
