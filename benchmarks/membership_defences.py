"""What DP-SGD does to membership inference on a Keras classifier of digits.

    python benchmarks/membership_defences.py > benchmarks/results/membership_dp.md

scikit-learn's digits, 400 members and 400 subjects for each of three seeds (of the split, the
training and the attacks) that nothing was tuned on, and a network with one hidden layer: DP-SGD
takes every example's own gradient, which is slow where layers are convolutions. The model goes
into a membership bundle as ONNX with its two image sets, and the audit runs the attacks that need
nothing but answers.
`rmia` and `lira` need reference models: here they are trained by the target's own plan, DP-SGD
included, as an attacker who knows the plan would do; the audit cannot, since a model file does
not tell how it was trained.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from digit_models import one_thread, saved
from leakgauge.bundle import ImageMembershipBundle, Limits, open_bundle
from leakgauge.defences.training import dp_sgd
from leakgauge.defences.training.classifier import Trained, train
from leakgauge.defences.training.plan import TrainingPlan
from leakgauge.estimates import Estimate, RateAtLimit, area_estimate, step_roc, true_positive_rate_at
from leakgauge.jobs.demo.digits import Digits, bundled_digits
from leakgauge.membership.attacks import lira, rmia
from leakgauge.membership.audit import audit_bundle
from leakgauge.membership.image_inputs import read_image_inputs
from leakgauge.membership.pool import Pool, ReferenceAnswers, SharedAnswers, true_label_probability
from leakgauge.membership.reference_models import paired_halves
from leakgauge.parameters import image_membership_parameters
from leakgauge.progress import Silent
from leakgauge.randomness import generator_for
from leakgauge.report.model import MembershipMeasured, MembershipReport

SEEDS = range(3)
RECORDS = 400
REFERENCE_MODELS = 4
EPOCHS = 60
ANSWERS_ALONE = ("gap", "loss", "label_only")
NOISE: Mapping[str, float | None] = {"baseline": None, "DP-SGD, noise 2": 2.0, "DP-SGD, noise 1": 1.0}
"""Noise multipliers of the models, None for ordinary training."""


@dataclass(frozen=True, slots=True)
class Row:
    """One attack on one model."""

    attack: str
    area: Estimate
    rate: RateAtLimit


@dataclass(frozen=True, slots=True)
class Attacked:
    """One model under one seed: its ε, how often it is right about each side, and every attack."""

    epsilon: float
    train_accuracy: float
    test_accuracy: float
    severity: str
    rows: tuple[Row, ...]


def main() -> None:
    """Train, audit, attack with reference models, and print both tables."""
    one_thread()
    found: dict[str, list[Attacked]] = {name: [] for name in NOISE}
    for name, noise in NOISE.items():
        for seed in SEEDS:
            attacked = attack(noise, seed)
            found[name].append(attacked)
            print(name, seed, attacked, file=sys.stderr, flush=True)
    print("\n".join(page(found)))


def attack(noise: float | None, seed: int) -> Attacked:
    """One model, audited as a bundle and compared with reference models."""
    digits = smaller(bundled_digits(seed=seed))
    plan = TrainingPlan.of(network(), epochs=EPOCHS)
    if noise is not None:
        plan = dp_sgd.harden(plan, noise_multiplier=noise)
    model = train(plan, digits.images, digits.labels, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        bundle = bundled(Path(folder), model, digits)
        asked = {"attacks": list(ANSWERS_ALONE), "seed": seed}
        report = audit_bundle(bundle, asked, Silent()).report
        if not isinstance(report, MembershipReport):
            raise TypeError("the membership audit gives membership reports")
        inputs = read_image_inputs(bundle, image_membership_parameters(None, asked))
    references = reference_answers(inputs.pool, plan, seed)
    shared = SharedAnswers(inputs.target, inputs.pool, references=lambda _: references)
    of_audit = [
        Row(outcome.name, outcome.metrics.auc, outcome.metrics.tpr_at_fpr["0.01"])
        for outcome in report.attacks
        if isinstance(outcome, MembershipMeasured)
    ]
    return Attacked(
        epsilon=model.privacy.epsilon if model.privacy else float("inf"),
        train_accuracy=report.target.train_accuracy.value,
        test_accuracy=report.target.test_accuracy.value,
        severity=report.verdict.severity.value,
        rows=(*of_audit, *with_references(shared, inputs.pool, seed)),
    )


def network() -> keras.Model:
    """A classifier of 8 × 8 digits with one hidden layer of 128 units."""
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def smaller(digits: Digits) -> Digits:
    """The first members and subjects of a random split."""
    return Digits(
        digits.name,
        digits.images[:RECORDS],
        digits.labels[:RECORDS],
        digits.held_out_images[:RECORDS],
        digits.held_out_labels[:RECORDS],
    )


def bundled(folder: Path, model: Trained, digits: Digits) -> ImageMembershipBundle:
    """A bundle with the model and both image sets, as an audit is sent it."""
    loose, scratch = folder / "bundle", folder / "scratch"
    for made in (loose, scratch):
        made.mkdir()
    saved(model.model, digits, loose / "model.onnx")
    for name, array in (
        ("training_images", digits.images),
        ("training_labels", digits.labels),
        ("subject_images", digits.held_out_images),
        ("subject_labels", digits.held_out_labels),
    ):
        np.save(loose / f"{name}.npy", array)
    bundle = open_bundle(loose, scratch, limits=Limits())
    if not isinstance(bundle, ImageMembershipBundle):
        raise TypeError("a model and two image sets are a membership bundle")
    return bundle


def reference_answers(pool: Pool, plan: TrainingPlan, seed: int) -> ReferenceAnswers:
    """What models trained by the target's own plan on paired halves of the pool say of it."""
    halves = paired_halves(pool.y, pairs=REFERENCE_MODELS // 2, rng=generator_for(seed, "reference models"))
    p_y = []
    trained_on: NDArray[np.bool_] = np.zeros((len(halves), len(pool)), dtype=np.bool_)
    for number, half in enumerate(halves):
        trained_on[number, half] = True
        clone = train(plan, pool.x[half], pool.y[half], seed=1_000 * (seed + 1) + number).model
        answers = np.asarray(clone(pool.x), dtype=np.float64)
        p_y.append(true_label_probability(answers, pool.y))
    return ReferenceAnswers(np.stack(p_y), trained_on)


def with_references(target: SharedAnswers, pool: Pool, seed: int) -> Iterator[Row]:
    """The attacks that compare the target with reference models."""
    for module in (rmia, lira):
        name = module.__name__.rpartition(".")[2]
        rng = generator_for(seed, name)
        scores = module.score(target, pool, rng=rng, progress=Silent())
        yield Row(
            name,
            area_estimate(scores, pool.member),
            true_positive_rate_at(step_roc(scores, pool.member), 0.01),
        )


def page(found: Mapping[str, Sequence[Attacked]]) -> Iterator[str]:
    """The tables in Markdown."""
    yield "# DP-SGD and membership"
    yield ""
    yield "Made by `python benchmarks/membership_defences.py`, which says what was done."
    yield ""
    yield (
        f"Means over {len(SEEDS)} seeds with Student's 95 % interval over seeds; ε at δ = 1 / n², from the "
        "accountant of `dp-accounting`."
    )
    yield ""
    attacks = [row.attack for row in next(iter(found.values()))[0].rows]
    heads = ["model", "ε", "right, members", "right, subjects", *(f"AUC `{name}`" for name in attacks)]
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for name, each in found.items():
        cells = [
            name,
            epsilon(each[0]),
            f"{np.mean([one.train_accuracy for one in each]):.3f}",
            f"{np.mean([one.test_accuracy for one in each]):.3f}",
            *(over_seeds([one.rows[place].area.value for one in each]) for place in range(len(attacks))),
        ]
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield "Seed by seed, with 95 % intervals over records, and the verdict of the audit, which has no"
    yield "reference models:"
    yield ""
    yield "| model | ε | seed | verdict | attack | AUC | TPR at 1 % FPR |"
    yield "|---|---|---|---|---|---|---|"
    for name, each in found.items():
        for seed, one in zip(SEEDS, each, strict=True):
            for row in one.rows:
                area = f"{row.area.value:.3f} ({row.area.low:.3f} to {row.area.high:.3f})"
                cells = [name, epsilon(one), str(seed), one.severity, f"`{row.attack}`", area, rate(row.rate)]
                yield f"| {' | '.join(cells)} |"


def epsilon(attacked: Attacked) -> str:
    """The ε of a model, ∞ for ordinary training."""
    return "∞" if np.isinf(attacked.epsilon) else f"{attacked.epsilon:.2f}"


def over_seeds(values: Sequence[float]) -> str:
    """Mean and Student's interval over seeds."""
    half = t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return f"{np.mean(values):.3f} (± {half:.3f})"


def rate(found: RateAtLimit) -> str:
    """A true-positive rate with its interval, or why there is none."""
    if found.value is None or found.low is None or found.high is None:
        return f"withheld: {found.withheld}"
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


if __name__ == "__main__":
    main()
