"""What each defence is worth against inversion: four seeds, ten digits, all attacks, one rule.

    python benchmarks/defences.py

scikit-learn's digits. For each of four seeds (of the split, the training and the attacks; nothing
was tuned on them) a baseline and one model per training defence are trained on one half. All
attacks that run by default draw all ten classes from each, and from the baseline behind each
output defence. What ten drawings are worth is their accuracy as 1-nearest-neighbour prototypes of
the held-out digits; the *leak* is the share of the way from a guess (.1) to the class means of
the training data. A defence is held to the worst of the attacks, by the rule of
`leakgauge compare` over the four pairs.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digit_models import one_thread, saved, trained
from leakgauge.bundle import InversionBundle, Limits, open_bundle
from leakgauge.estimates import Estimate
from leakgauge.images.files import to_png
from leakgauge.inversion.attacks import ATTACKS
from leakgauge.inversion.audit import audit
from leakgauge.inversion.inputs import Inputs, read_inputs
from leakgauge.inversion.measure import consensus
from leakgauge.inversion.running import Run, plan, run_attacks
from leakgauge.jobs.demo.digits import Digits, bundled_digits
from leakgauge.parameters import inversion_parameters
from leakgauge.progress import Silent
from leakgauge.report.comparison import compare
from leakgauge.report.model import InversionMeasured, InversionMetrics, InversionReport, NotApplicable

SEEDS = range(4)
ITERATIONS, RUNS = 250, 3
GUESS = 0.1
QUICK: dict[str, tuple[str, ...]] = {
    "negative label smoothing": ("negative_label_smoothing",),
    "label smoothing": ("label_smoothing",),
    "dropout + weight decay": ("dropout", "weight_decay"),
}
SLOW: dict[str, tuple[str, ...]] = {"DP-SGD": ("dp_sgd",)}
OUTPUTS: dict[str, tuple[str, ...]] = {
    "temperature 5": ("temperature=5",),
    "rounding to 2 decimals": ("rounding=2",),
    "top-1": ("top_k=1",),
    "label only": ("label_only",),
}
BASELINE = "baseline"


@dataclass(frozen=True, slots=True)
class Worth:
    """One variant under one seed: accuracy on held-out digits, and prototype accuracy by attack."""

    accuracy: Estimate
    by_attack: Mapping[str, float]
    report: InversionReport


def main() -> None:
    """Train, attack, and print one row for each variant."""
    one_thread()
    template = None
    found: dict[str, list[Worth]] = {}
    # the quick ones first, so that a table is there before the slow one ends
    for round_of in ({BASELINE: (), **QUICK}, SLOW):
        for seed in SEEDS:
            digits = bundled_digits(seed=seed)
            ceiling = prototype_accuracy(class_means(digits), digits)
            for name, defences in round_of.items():
                with tempfile.TemporaryDirectory() as folder:
                    bundle = bundled(Path(folder), trained(digits, defences, seed).model, digits)
                    if template is None:
                        template = any_report(bundle)
                    outputs = {name: (), **(OUTPUTS if name == BASELINE else {})}
                    for variant, spellings in outputs.items():
                        worth = attacked(bundle, spellings, digits, seed, ceiling, template)
                        found.setdefault(variant, []).append(worth)
                        print(seed, variant, dict(worth.by_attack), file=sys.stderr, flush=True)
        table(found)


def class_means(digits: Digits) -> NDArray[np.float32]:
    """(10, height, width, channels) mean training digit of each class: what a full leak would draw."""
    return np.stack([digits.images[digits.labels == digit].mean(axis=0) for digit in range(10)])


def bundled(folder: Path, model: object, digits: Digits) -> InversionBundle:
    """A bundle with the model and an image, as an audit is sent it."""
    loose, scratch = folder / "bundle", folder / "scratch"
    for made in (loose, scratch):
        made.mkdir()
    saved(model, digits, loose / "model.onnx")
    (loose / "input_image.png").write_bytes(to_png(digits.first_of(0)))
    bundle = open_bundle(loose, scratch, limits=Limits())
    if not isinstance(bundle, InversionBundle):
        raise TypeError("a model and an image are an inversion bundle")
    return bundle


def opened(bundle: InversionBundle, spellings: Sequence[str], *, iterations: int, seed: int) -> Inputs:
    """The bundle as attacks see it behind output defences."""
    asked = {
        "class_to_attack": 0,
        "defences": list(spellings),
        "iterations": iterations,
        "seeds": RUNS,
        "seed": seed,
    }
    return read_inputs(bundle, inversion_parameters(None, asked))


def any_report(bundle: InversionBundle) -> InversionReport:
    """Some report, whose attacks are exchanged for what is compared here."""
    report = audit(
        opened(bundle, (), iterations=1, seed=0),
        parameters=inversion_parameters(None, {"iterations": 1, "seeds": 1}),
        attacks=ATTACKS[:1],
        inputs_sha256=bundle.sha256,
        progress=Silent(),
    ).report
    if not isinstance(report, InversionReport):
        raise TypeError("the inversion audit gives inversion reports")
    return report


def attacked(
    bundle: InversionBundle,
    spellings: Sequence[str],
    digits: Digits,
    seed: int,
    ceiling: float,
    template: InversionReport,
) -> Worth:
    """All attacks on all classes of a model behind output defences."""
    inputs = opened(bundle, spellings, iterations=ITERATIONS, seed=seed)
    runs = run_attacks(
        plan([row for row in ATTACKS if row.by_default], inputs.settings, None),
        inputs.target,
        classes=range(10),
        controls=(),
        budget=None,
        seed=seed,
        progress=Silent(),
    )
    by_attack: dict[str, float] = {}
    rows: list[InversionMeasured | NotApplicable] = []
    for run in runs:
        if not isinstance(run, Run):
            rows.append(NotApplicable(run.name, run.title, run.threat_model, run.citation, run.reason))
            continue
        drawings = np.stack([consensus(run.reconstructed[digit]) for digit in range(10)])
        by_attack[run.attack.name] = reached = prototype_accuracy(drawings, digits)
        leak = float(np.clip((reached - GUESS) / (ceiling - GUESS), 0.0, 1.0))
        rows.append(measured(run, leak))
    right = inputs.target.labels(digits.held_out_images) == digits.held_out_labels
    share = float(right.mean())
    return Worth(Estimate(share, share, share, len(right)), by_attack, replace(template, attacks=tuple(rows)))


def measured(run: Run, leak: float) -> InversionMeasured:
    """An attack's row of a report; the interval comes from the seeds, so here it is none."""
    point = Estimate(leak, leak, leak, 10)
    attack = run.attack
    metrics = InversionMetrics(leakage=point, robustness=point, pearson=point, ssim=point)
    return InversionMeasured(
        attack.name, attack.title, attack.threat_model, attack.citation, run.queries, metrics
    )


def prototype_accuracy(drawings: NDArray[np.float32], digits: Digits) -> float:
    """Accuracy of ten drawings as 1-nearest-neighbour prototypes (by correlation) on held-out digits."""

    def centred(images: NDArray[np.float32]) -> NDArray[np.float32]:
        flat = images.reshape(len(images), -1)
        flat = flat - flat.mean(axis=1, keepdims=True)
        return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)

    nearest = (centred(digits.held_out_images) @ centred(drawings).T).argmax(axis=1)
    return float((nearest == digits.held_out_labels).mean())


def table(found: Mapping[str, Sequence[Worth]]) -> None:
    """Per variant: accuracy, every attack's mean, the worst, and what the comparison concludes."""
    attacks = [row.name for row in ATTACKS if row.by_default]
    heads = ["variant", "accuracy", *attacks, "worst", "verdict", "reduction of the leak"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for name, each in found.items():
        means = [
            f"{np.mean([one.by_attack[attack] for one in each]):.3f}"
            if all(attack in one.by_attack for one in each)
            else "–"
            for attack in attacks
        ]
        worst = np.mean([max(one.by_attack.values(), default=GUESS) for one in each])
        accuracy = np.mean([one.accuracy.value for one in each])
        verdict, reduction = "", ""
        if name != BASELINE:
            compared = compare([one.report for one in found[BASELINE]], [one.report for one in each])
            change = compared.worst[0].reduction
            verdict = compared.effect.value
            reduction = (
                "–" if change is None else f"{change.value:+.3f} ({change.low:+.3f} to {change.high:+.3f})"
            )
        cells = [name, f"{accuracy:.3f}", *means, f"{worst:.3f}", verdict, reduction]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
