"""Do the intervals hold what they promise, and how often is an innocent model accused?

    python benchmarks/calibration.py [--splits 200]

Coverage: a forest is trained on 4,000 records; the leak of two attacks on all of
them, against 20,000 others, is taken for the truth. Then small pools are drawn
again and again, and it is counted how often their 95 % interval holds the truth.

False alarms: the same forest is audited with pools that it has never seen, by
attacks from the table that train nothing and by one that does; it is counted how
often the verdict is "moderate" or worse, and how often any attack's corrected
interval lies above guessing.
"""

from __future__ import annotations

import argparse

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from leakgauge.estimates import area_estimate, area_under_roc, balanced_accuracy
from leakgauge.membership.attacks import ATTACKS
from leakgauge.membership.audit import audit
from leakgauge.membership.inputs import Inputs
from leakgauge.membership.pool import Pool, SharedAnswers, true_label_probability
from leakgauge.parameters import membership_parameters
from leakgauge.progress import Silent
from leakgauge.report.model import MembershipMeasured, Severity
from leakgauge.targets.sklearn_target import SklearnTarget

FEATURES = 8
MEMBERS, OTHERS = 4_000, 20_000
SIDE = 300
ACCUSED_BY = ("gap", "loss", "entropy", "modified_entropy", "learned_gb")


def records(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(n, 8) features and (n,) labels of three classes that can be learned in part."""
    x = rng.normal(size=(n, FEATURES))
    return x, np.digitize(x[:, 0] + x[:, 1] + 1.5 * rng.normal(size=n), [-1.0, 1.0])


def coverage(target: SklearnTarget, members, others, *, splits: int, rng: np.random.Generator) -> None:
    """Print how often the intervals of small pools hold the figure of the whole."""
    scores, right = [], []
    for x, y in (members, others):
        scores.append(true_label_probability(target.probabilities(x), y))
        right.append(target.labels(x) == y)
    whole = np.repeat([True, False], [MEMBERS, OTHERS])
    true_area = area_under_roc(np.concatenate(scores), whole)
    true_accuracy = (right[0].mean() + (~right[1]).mean()) / 2
    member = np.repeat([True, False], SIDE)
    held_area = held_accuracy = 0
    for _ in range(splits):
        chosen = [rng.choice(len(side), SIDE, replace=False) for side in scores]
        drawn = np.concatenate([side[rows] for side, rows in zip(scores, chosen, strict=True)])
        called = np.concatenate([side[rows] for side, rows in zip(right, chosen, strict=True)])
        area = area_estimate(drawn, member, rng=rng)
        accuracy = balanced_accuracy(called, member)
        held_area += area.low <= true_area <= area.high
        held_accuracy += accuracy.low <= true_accuracy <= accuracy.high
    print(f"| loss, AUC | {true_area:.3f} | {held_area / splits:.1%} |")
    print(f"| gap, balanced accuracy | {true_accuracy:.3f} | {held_accuracy / splits:.1%} |")


def false_alarms(target: SklearnTarget, *, splits: int, rng: np.random.Generator) -> None:
    """Print how often a model is accused by pools that it has never seen."""
    accused = above_guessing = low = 0
    attacks = [attack for attack in ATTACKS if attack.name in ACCUSED_BY]
    for split in range(splits):
        x, y = records(2 * SIDE, rng)
        pool = Pool(x, y.astype(np.int64), np.repeat([True, False], SIDE), np.arange(2 * SIDE))
        inputs = Inputs(SharedAnswers(target, pool), pool, target.type_name, FEATURES, ())
        parameters = membership_parameters(None, {"seed": split, "proportions": [90]})
        report = audit(inputs, parameters=parameters, attacks=attacks, inputs_sha256={}, progress=Silent())
        accused += report.verdict.severity not in (Severity.LOW, Severity.INCONCLUSIVE)
        low += report.verdict.severity is Severity.LOW
        above_guessing += any(
            attack.metrics.auc_corrected.low > 0.5
            for attack in report.attacks
            if isinstance(attack, MembershipMeasured)
        )
    print(f"| called moderate or worse | {accused / splits:.1%} |")
    print(f"| some attack's corrected interval lies above guessing | {above_guessing / splits:.1%} |")
    print(f"| called low | {low / splits:.1%} |")


def main() -> None:
    """Run both and print Markdown tables."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--splits", type=int, default=200)
    splits = arguments.parse_args().splits
    rng = np.random.default_rng(2026)
    members, others = records(MEMBERS, rng), records(OTHERS, rng)
    target = SklearnTarget(RandomForestClassifier(100, min_samples_leaf=5, random_state=0).fit(*members))
    print(f"pools of {SIDE} + {SIDE} records; {5 * splits} for coverage, {splits} for alarms\n")
    print("| figure | truth | 95 % interval holds it |\n|---|---|---|", flush=True)
    coverage(target, members, others, splits=5 * splits, rng=rng)
    print("\n| a model that has seen neither table | of audits |\n|---|---|", flush=True)
    false_alarms(target, splits=splits, rng=rng)


if __name__ == "__main__":
    main()
