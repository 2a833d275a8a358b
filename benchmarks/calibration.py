"""Do the intervals hold what they promise, and how often is an innocent model accused?

    python benchmarks/calibration.py [--splits 200] [--into benchmarks/results]

Coverage: a forest is trained on 4,000 records; the leak of two attacks on all of
them, against 20,000 others, is taken for the truth. Then small pools are drawn
again and again, and it is counted how often their 95 % interval holds the truth.

False alarms: the same forest is audited with pools that it has never seen, by
every attack of the table that applies; it is counted how often the verdict is
"moderate" or worse, and how often any attack's corrected interval lies above
guessing. `calibration.md` gets the tables.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from leakgauge.attack_table import chosen_attacks
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


def records(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(n, 8) features and (n,) labels of three classes that can be learned in part."""
    x = rng.normal(size=(n, FEATURES))
    return x, np.digitize(x[:, 0] + x[:, 1] + 1.5 * rng.normal(size=n), [-1.0, 1.0])


def coverage(
    target: SklearnTarget, members, others, *, splits: int, rng: np.random.Generator
) -> Iterator[str]:
    """Rows on how often the intervals of small pools hold the figure of the whole."""
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
    yield f"| loss, AUC | {true_area:.3f} | {held_area / splits:.1%} |"
    yield f"| gap, balanced accuracy | {true_accuracy:.3f} | {held_accuracy / splits:.1%} |"


def false_alarms(target: SklearnTarget, *, splits: int, rng: np.random.Generator) -> Iterator[str]:
    """Rows on how often a model is accused by pools that it has never seen."""
    accused = above_guessing = low = 0
    measured: set[str] = set()
    for split in range(splits):
        x, y = records(2 * SIDE, rng)
        pool = Pool(x, y.astype(np.int64), np.repeat([True, False], SIDE), np.arange(2 * SIDE))
        inputs = Inputs(SharedAnswers(target, pool), pool, target.type_name, FEATURES, ())
        parameters = membership_parameters(None, {"seed": split, "proportions": [90], "tradeoffs": False})
        report = audit(
            inputs,
            parameters=parameters,
            attacks=chosen_attacks(None, ATTACKS),
            inputs_sha256={},
            progress=Silent(),
        )
        accused += report.verdict.severity not in (Severity.LOW, Severity.INCONCLUSIVE)
        low += report.verdict.severity is Severity.LOW
        ran = [attack for attack in report.attacks if isinstance(attack, MembershipMeasured)]
        measured |= {attack.name for attack in ran}
        above_guessing += any(attack.metrics.auc_corrected.low > 0.5 for attack in ran)
    yield f"| called moderate or worse | {accused / splits:.1%} |"
    yield f"| some attack's corrected interval lies above guessing | {above_guessing / splits:.1%} |"
    yield f"| called low | {low / splits:.1%} |"
    yield f"\nAttacks: {', '.join(sorted(measured))}."


def main() -> None:
    """Run both and write their tables."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--splits", type=int, default=200)
    arguments.add_argument("--into", type=Path, default=Path(__file__).parent / "results")
    asked = arguments.parse_args()
    splits = asked.splits
    rng = np.random.default_rng(2026)
    members, others = records(MEMBERS, rng), records(OTHERS, rng)
    target = SklearnTarget(RandomForestClassifier(100, min_samples_leaf=5, random_state=0).fit(*members))
    lines = [
        "# Calibration of membership audits\n",
        f"Written by `python benchmarks/calibration.py --splits {splits}`, which says how: pools of "
        f"{SIDE} + {SIDE} records, {5 * splits:,} for coverage and {splits:,} for alarms.\n",
        "| figure | truth | 95 % interval holds it |\n|---|---|---|",
        *coverage(target, members, others, splits=5 * splits, rng=rng),
        "\n| a model that has seen neither table | of audits |\n|---|---|",
        *false_alarms(target, splits=splits, rng=rng),
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    (asked.into / "calibration.md").write_text(text)


if __name__ == "__main__":
    main()
