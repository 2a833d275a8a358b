"""What each defence is worth against inversion: whole audits before and after, over seeds.

    python benchmarks/defences.py audit SET FOLDER RESULTS [--seeds 8] [--defences guard decoys+guard]
    python benchmarks/defences.py table SET RESULTS

SET is `digits8` (scikit-learn's digits), `digits28` (MNIST's test digits, in idx format in FOLDER) or
`faces32` (ten invented people). A seed is of the split, the training and the attacks; nothing was tuned
on these. For each seed a baseline and one model a defence are trained on one half and audited, all ten
classes at once, with a bundle as a user sends it. The other half is split again: one part is the images
of the attacker that has similar ones, and trains two evaluators; the other part is the reference images.
A name may hold several joined by `+`; output defences are those of the audit's own parameter.
`--more-queries` audits with ten times the iterations besides, as the same attacker with more patience.

RESULTS keeps one folder for each audit; what is there already is not run again. `table` prints one row
for each defence and attacker, with the effect that `leakgauge compare` finds over the pairs, and how many
reconstructions of ten either evaluator recognises.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.svm import SVC

from digit_models import one_thread, saved, trained
from leakgauge.bundle import InversionBundle, Limits, open_bundle
from leakgauge.defences.training import TRAINING_DEFENCES
from leakgauge.images.files import to_png
from leakgauge.inversion.audit import audit_bundle
from leakgauge.jobs.demo.digits import Digits, bundled_digits, mnist
from leakgauge.jobs.demo.invented import invented_faces
from leakgauge.progress import Silent
from leakgauge.report.comparison import compare
from leakgauge.report.files import read_report
from leakgauge.report.json_document import to_json
from leakgauge.report.model import Audited, InversionMeasured, InversionReport
from leakgauge.targets.opening import open_image_model

BASELINE = "baseline"
_TRAINING = {row.name for row in TRAINING_DEFENCES}
DEFENCES = (
    *("guard", "decoys", "decoys+guard", "anti_adversarial", "random_erasing"),
    *("negative_label_smoothing", "label_smoothing", "dropout+weight_decay", "dp_sgd"),
    *("temperature=5", "rounding=2", "top_k=1", "label_only"),
)
ATTACKS = ("spsa", "cma_es", "label_only", "auxiliary_mean", "auxiliary_labels", "miface")
"""Those that run by default, without the costliest look-up, and one that reads the file."""
ITERATIONS, RUNS, MORE = 250, 3, 10
REPORT, FIGURES = "report.json", "figures.json"
MOST = 400
"""Files of similar and of reference images in a bundle, at most."""
EVALUATOR = "evaluator"
FAR = "10x"
"""Suffix of the folder of an audit with more queries."""
SETS: Mapping[str, Callable[[Path, int], Digits]] = {
    "digits8": lambda _, seed: bundled_digits(seed=seed),
    "digits28": lambda folder, seed: mnist(folder, seed=seed),
    "faces32": lambda _, seed: invented_faces(seed=seed),
}


def main() -> None:
    """Audit, or print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("step", choices=("audit", "table"))
    parser.add_argument("set", choices=tuple(SETS))
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--defences", nargs="+", default=DEFENCES)
    parser.add_argument("--more-queries", action="store_true")
    asked = parser.parse_args()
    results = asked.folders[-1] / asked.set
    if asked.step == "table":
        table(results, asked.defences)
        return
    one_thread()
    for seed in range(asked.seeds):
        waiting = [
            name
            for name in (BASELINE, *asked.defences)
            if any(
                not (folder / FIGURES).exists()
                for folder in _folders(results, name, seed, more=asked.more_queries)
            )
        ]
        if waiting:
            audited_seed(
                SETS[asked.set](asked.folders[0], seed), seed, waiting, results, more=asked.more_queries
            )


def _folders(results: Path, name: str, seed: int, *, more: bool) -> Sequence[Path]:
    near = results / name / str(seed)
    return (near, near.with_name(f"{seed}-{FAR}")) if more else (near,)


def audited_seed(digits: Digits, seed: int, names: Sequence[str], results: Path, *, more: bool) -> None:
    """Train and audit what is missing of one seed."""
    similar, references = np.array_split(np.arange(len(digits.held_out_labels)), 2)
    known = digits.held_out_images[similar], digits.held_out_labels[similar]
    other = trained(
        Digits("similar", *known, digits.held_out_images[references], digits.held_out_labels[references]),
        (),
        1_000 + seed,
    ).model
    evaluator = results / EVALUATOR / f"{seed}.onnx"
    if not evaluator.exists():  # the same bytes for all audits of a seed
        evaluator.parent.mkdir(parents=True, exist_ok=True)
        saved(other, digits, evaluator)
    machine = SVC(C=10).fit(known[0].reshape(len(similar), -1), known[1])
    for name in names:
        started = time.process_time()
        parts = () if name == BASELINE else tuple(name.split("+"))
        in_training = tuple(part for part in parts if part in _TRAINING)
        model = trained(digits, in_training, seed).model
        seconds = time.process_time() - started
        for place, folder in enumerate(_folders(results, name, seed, more=more)):
            if (folder / FIGURES).exists():
                continue
            with tempfile.TemporaryDirectory() as scratch:
                bundle = bundled(Path(scratch), model, evaluator, digits, seed, similar, references)
                accuracy = _accuracy(Path(scratch, "bundle", "model.keras"), digits)
                audited = audit_bundle(
                    bundle,
                    {
                        "class_to_attack": "all",
                        "attacks": list(ATTACKS),
                        "defences": [part for part in parts if part not in in_training],
                        "iterations": ITERATIONS * (MORE if place else 1),
                        "seeds": RUNS,
                        "seed": seed,
                    },
                    Silent(),
                )
            folder.mkdir(parents=True, exist_ok=True)
            (folder / REPORT).write_bytes(to_json(audited.report))
            figures = {
                "accuracy": accuracy,
                "recognised": recognised(audited, machine),
                "training seconds": round(seconds, 1),
                "seconds": round(time.process_time() - started, 1),
            }
            (folder / FIGURES).write_text(json.dumps(figures))
            print(seed, name, FAR if place else "", figures, file=sys.stderr, flush=True)


def bundled(
    folder: Path,
    model: object,
    evaluator: Path,
    digits: Digits,
    seed: int,
    similar: NDArray[np.int64],
    references: NDArray[np.int64],
) -> InversionBundle:
    """A bundle with model, image, evaluator, similar images and labelled ones."""
    loose, scratch = folder / "bundle", folder / "scratch"
    for made in (loose / "auxiliary", scratch, *(loose / "reference" / str(each) for each in range(10))):
        made.mkdir(parents=True)
    model.save(loose / "model.keras")  # type: ignore[attr-defined]  # a Keras model
    shutil.copyfile(evaluator, loose / "evaluator.onnx")
    (loose / "input_image.png").write_bytes(to_png(digits.first_of(seed % 10)))
    for number in similar[:MOST]:
        (loose / "auxiliary" / f"{number}.png").write_bytes(to_png(digits.held_out_images[number]))
    for number in references[:MOST]:
        place = loose / "reference" / str(digits.held_out_labels[number]) / f"{number}.png"
        place.write_bytes(to_png(digits.held_out_images[number]))
    bundle = open_bundle(loose, scratch, limits=Limits())
    if not isinstance(bundle, InversionBundle):
        raise TypeError("a model and an image are an inversion bundle")
    return bundle


def _accuracy(path: Path, digits: Digits) -> float:
    height, width = digits.images.shape[1:3]
    labels = open_image_model(path, image_size=(height, width)).labels(digits.held_out_images)
    return float((labels == digits.held_out_labels).mean())


def recognised(audited: Audited, machine: SVC) -> Mapping[str, int]:
    """By attack, how many of ten reconstructions one of the two evaluators, or both, take for theirs."""
    report = audited.report
    if not isinstance(report, InversionReport):
        raise TypeError("the inversion audit gives inversion reports")
    found: dict[str, int] = {}
    for one in report.reconstructions:
        pixels = np.asarray(Image.open(io.BytesIO(audited.files[one.image])).convert("L"), dtype=np.float32)
        by_machine = int(machine.predict(pixels.reshape(1, -1) / 255.0)[0]) == one.target_class
        by_network = one.judgement is not None and one.judgement.recognised
        found[one.attack] = found.get(one.attack, 0) + int(by_machine or by_network)
    return found


def table(results: Path, names: Sequence[str]) -> None:
    """One row for each defence and attacker, over all seeds that are there on both sides."""
    print(
        "| defence | seeds | accuracy | attacker | prototypes before | after | recognised before | after "
        "| effect |\n|---|---|---|---|---|---|---|---|---|"
    )
    for name in names:
        seeds = sorted(
            folder.name
            for folder in (results / name).glob("*")
            if (folder / FIGURES).exists() and (results / BASELINE / folder.name / FIGURES).exists()
        )
        if not seeds:
            continue
        sides = [[_read(results / side / seed) for seed in seeds] for side in (BASELINE, name)]
        compared = compare(*([report for report, _ in side] for side in sides))
        accuracies = [f"{np.mean([each['accuracy'] for _, each in side]):.3f}" for side in sides]
        for found in compared.attackers:
            worst = [worst_of(side, found.worst.scope) for side in sides]
            cells = (
                *(name, str(len(seeds)), " → ".join(accuracies), found.worst.scope),
                *(f"{accuracy:.3f}" for accuracy, _ in worst),
                *(f"{count:.1f}" for _, count in worst),
                found.effect.value,
            )
            print(f"| {' | '.join(cells)} |")


def worst_of(runs: Sequence[tuple[InversionReport, Mapping[str, Any]]], attacker: str) -> tuple[float, float]:
    """Means over runs, of an attacker's worst accuracy as prototypes and most recognised reconstructions."""
    accuracies, counts = [], []
    for report, figures in runs:
        names = {
            attack.name
            for attack in report.attacks
            if isinstance(attack, InversionMeasured)
            and (attack.threat_model == "model_file") == (attacker == "model_file")
            and (attacker != "asks" or not attack.with_prior)
        }
        accuracies.append(max(each.accuracy.value for each in report.prototypes if each.attack in names))
        counts.append(max(count for name, count in figures["recognised"].items() if name in names))
    return float(np.mean(accuracies)), float(np.mean(counts))


def _read(folder: Path) -> tuple[InversionReport, Mapping[str, Any]]:
    report = read_report(folder)
    if not isinstance(report, InversionReport):
        raise TypeError("the inversion audit gives inversion reports")
    figures: Mapping[str, Any] = json.loads((folder / FIGURES).read_text())
    return report, figures


if __name__ == "__main__":
    main()
