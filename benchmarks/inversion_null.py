"""False alarms of the inversion audit: networks that learned nothing have nothing to leak.

    python benchmarks/inversion_null.py [--networks 50] [--iterations 1500] [--seeds 5] [--auxiliary 0]

Every network has random weights, half of them are convolutional, half are not; the
image is one of scikit-learn's digits, another for each, and further digits are given
as labelled references, so that the drawings have a judge; with `--auxiliary` so many
more are given for a prior, of all classes. An audit is to find no leak: no verdict of
"moderate" or worse. Prints a Markdown table and, last, how many false alarms there were
and how many networks were called "low", with the interval that so many networks allow.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits

from leakgauge.bundle import Limits, open_bundle
from leakgauge.estimates import proportion
from leakgauge.images.files import to_png
from leakgauge.inversion.audit import audit_bundle
from leakgauge.progress import Silent
from leakgauge.report.model import InversionReport, Severity

SIDE, CLASSES = 8, 10
REFERENCES = 12
"""Labelled images of each class."""
ALARMS = (Severity.MODERATE, Severity.HIGH, Severity.CRITICAL)


def network(kind: str, rng: np.random.Generator) -> bytes:
    """A classifier of 8 × 8 images with weights as they are before training (He et al. 2015)."""
    stored: list[onnx.TensorProto] = []

    def weights(name: str, *shape: int) -> str:
        spread = np.sqrt(2.0 / np.prod(shape[1:]))
        stored.append(numpy_helper.from_array((spread * rng.standard_normal(shape)).astype(np.float32), name))
        return name

    if kind == "MLP":
        nodes = [
            helper.make_node("Flatten", ["x"], ["a"]),
            helper.make_node("Gemm", ["a", weights("w1", 64, SIDE * SIDE)], ["b"], transB=1),
            helper.make_node("Relu", ["b"], ["c"]),
            helper.make_node("Gemm", ["c", weights("w2", CLASSES, 64)], ["d"], transB=1),
        ]
    else:
        nodes = [
            helper.make_node("Conv", ["x", weights("k1", 16, 1, 3, 3)], ["a"]),
            helper.make_node("Relu", ["a"], ["b"]),
            helper.make_node("Flatten", ["b"], ["c"]),
            helper.make_node("Gemm", ["c", weights("w1", CLASSES, 16 * (SIDE - 2) ** 2)], ["d"], transB=1),
        ]
    nodes.append(helper.make_node("Softmax", ["d"], ["y"], axis=1))
    graph = helper.make_graph(
        nodes,
        "untrained",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, SIDE, SIDE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", CLASSES])],
        stored,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def audited(
    model: bytes,
    image: np.ndarray,
    labelled: dict[int, np.ndarray],
    auxiliary: np.ndarray,
    parameters: dict[str, Any],
) -> InversionReport:
    """The report on one network and one image."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, unpacked = Path(scratch, "bundle"), Path(scratch, "unpacked")
        folder.mkdir()
        unpacked.mkdir()
        (folder / "model.onnx").write_bytes(model)
        (folder / "input_image.png").write_bytes(to_png(image))
        known = {Path("reference", str(number)): images for number, images in labelled.items()}
        if len(auxiliary):
            known[Path("auxiliary")] = auxiliary
        for place, images in known.items():
            (folder / place).mkdir(parents=True)
            for count, one in enumerate(images):
                (folder / place / f"{count}.png").write_bytes(to_png(one))
        (folder / "parameters.json").write_text(json.dumps(parameters))
        report = audit_bundle(open_bundle(folder, unpacked, limits=Limits()), {}, Silent()).report
    if not isinstance(report, InversionReport):
        raise TypeError("the inversion audit gives inversion reports")
    return report


def main() -> None:
    """Audit every network, print the table and the rate."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--networks", type=int, default=50)
    arguments.add_argument("--iterations", type=int, default=1_500)
    arguments.add_argument("--seeds", type=int, default=5)
    arguments.add_argument("--auxiliary", type=int, default=0)
    asked = arguments.parse_args()
    digits = load_digits()
    every = (digits.images / 16.0).astype(np.float32)[..., None]
    # the images under audit come from the other half
    known, labels = every[: len(every) // 2], digits.target[: len(every) // 2]
    labelled = {number: known[labels == number][:REFERENCES] for number in range(CLASSES)}
    # the references are among the first, the rest serves a prior
    auxiliary = known[len(known) - asked.auxiliary :]
    images = every[len(every) // 2 :]
    found: Counter[Severity] = Counter()
    print("| network | verdict | worst attack | leakage | 95 % interval, corrected |\n|---|---|---|---|---|")
    for place in range(asked.networks):
        kind = "MLP" if place % 2 else "CNN"
        rng = np.random.default_rng([20, place])
        report = audited(
            network(kind, rng),
            images[rng.integers(len(images))],
            labelled,
            auxiliary,
            # which range a pixel has cannot be told from answers that mean nothing
            {"iterations": asked.iterations, "seeds": asked.seeds, "seed": place, "input_range": [0, 1]},
        )
        worst = max(report.reconstructions, key=lambda one: (one.leakage_corrected.low, one.leakage.value))
        corrected = worst.leakage_corrected
        found[report.verdict.severity] += 1
        print(
            f"| {place} {kind} | {report.verdict.severity} | {worst.attack} | {corrected.value:.2f} | "
            f"{corrected.low:.2f} to {corrected.high:.2f} |",
            flush=True,
        )
    alarms = proportion(sum(found[one] for one in ALARMS), asked.networks)
    print(f"\nverdicts: {', '.join(f'{count} {severity}' for severity, count in found.most_common())}")
    print(f"false alarms: {alarms.value:.3f} ({alarms.low:.3f} to {alarms.high:.3f})")
    low = proportion(found[Severity.LOW], asked.networks)
    print(f"called low: {low.value:.3f} ({low.low:.3f} to {low.high:.3f})")


if __name__ == "__main__":
    main()
