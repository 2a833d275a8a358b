"""Whether an inversion audit ends in the time that it is given, on models of different speed.

    python benchmarks/inversion_budget.py --seconds 30 --out results/inversion_budget.md

The models are one function, a softmax over templates of digits, that takes a fixed time for each image
besides: it sleeps, as one that computes elsewhere, or counts on the processor for as long. Nothing else
differs. Eight auxiliary images of each class let every default attack run, searches with a prior included.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from leakgauge.inversion.in_memory import GivenImages, audit_image
from leakgauge.progress import Calling
from leakgauge.report.model import InversionMeasured, InversionReport

MILLISECONDS = (0.05, 0.5, 2.0, 10.0, 50.0)
SHARP = 40.0


class Delayed:
    """The softmax, `seconds` later for each image."""

    def __init__(self, seconds: float, *, sleeps: bool) -> None:
        images, labels = load_digits(return_X_y=True)
        means = np.stack([images[labels == number].mean(axis=0) for number in range(10)])
        centred = means - means.mean(axis=0)
        self._weights = SHARP * centred / np.linalg.norm(centred, axis=1, keepdims=True) / 8
        self._seconds = seconds
        self._sleeps = sleeps

    def __call__(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """(n, 10) probabilities of (n, 8, 8) images in [0, 1]."""
        pause = self._seconds * len(x)
        if self._sleeps:
            time.sleep(pause)
        else:
            begun = time.thread_time()
            while time.thread_time() - begun < pause:
                pass
        scores = np.reshape(x, (len(x), -1)) @ self._weights.T
        likelihood = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(likelihood / likelihood.sum(axis=1, keepdims=True), dtype=np.float64)


def row(milliseconds: float, seconds: float, *, sleeps: bool) -> str:
    """A row of the page: what an audit of such a model took, and what became of it."""
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).reshape(-1, 8, 8)
    auxiliary = np.concatenate([images[labels == number][:8] for number in range(10)])
    said: list[str] = []
    progress = Calling(lambda stage, _: said.append(stage) if "takes up to" in stage else None)
    given = GivenImages(image=images[labels == 3][20], auxiliary=auxiliary)
    overrides: dict[str, Any] = {"time_budget": seconds, "input_range": [0, 1]}
    begun = time.monotonic()
    report = audit_image(Delayed(milliseconds / 1_000, sleeps=sleeps), given, overrides, progress).report
    took = time.monotonic() - begun
    assert isinstance(report, InversionReport)  # noqa: S101 -- narrows the type
    ran = sum(isinstance(attack, InversionMeasured) for attack in report.attacks)
    notice = next((one.message for one in report.warnings if one.code == "fewer_iterations"), "")
    what = notice.partition(": ")[2].partition(". ")[0] or report.verdict.sentence
    return (
        f"| {milliseconds:g} | {'sleeps' if sleeps else 'computes'} | {seconds:g} | {took:.1f} | "
        f"{100 * (took / seconds - 1):+.0f} % | {ran} of {len(report.attacks)} | {what} | "
        f"{said[0].removeprefix('reconstructing takes ') if said else '—'} |"
    )


def main() -> None:
    """Audit every model, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, nargs="+", default=[30.0])
    parser.add_argument("--milliseconds", type=float, nargs="+", default=list(MILLISECONDS))
    parser.add_argument("--computes", action="store_true", help="on the processor, in place of sleeping")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    lines = [
        "| ms a query | the model | budget, s | took, s | off | attacks that ran | what was cut | estimate |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for seconds in given.seconds:
        for milliseconds in given.milliseconds:
            lines.append(row(milliseconds, seconds, sleeps=not given.computes))
            print(lines[-1], flush=True)
    print(f"load of the machine at the end: {os.getloadavg()[0]:.1f}")
    if given.out is not None:
        given.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
