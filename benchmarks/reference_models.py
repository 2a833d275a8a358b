"""How many reference models pay: RMIA and LiRA with the first 2, 4, 8, 16, 32 of the same clones.

    python benchmarks/reference_models.py [--seeds 2] [--targets digits-forest ...]
        [--into benchmarks/results]

What the default of `reference_models`, 16, costs, and what more would find. Its seeds begin at
100, apart from those of `membership.py`. `reference_models.md` gets the table: mean over seeds
of the area under the ROC curve and of the members found at 1 % false alarms, and CPU seconds
of training.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np

from leakgauge.attacks.row import Unsuited
from leakgauge.estimates import area_under_roc
from leakgauge.membership.attacks import lira, rmia
from leakgauge.membership.pool import ReferenceAnswers, SharedAnswers
from leakgauge.membership.reference_models import Plan, ReferenceModels
from leakgauge.membership.training_sets import TrainingData
from leakgauge.progress import Silent
from leakgauge.randomness import generator_for
from membership_peers import members_found
from membership_targets import recipes

NUMBERS = (2, 4, 8, 16, 32)
TARGETS = ("digits-forest", "digits-forest-leaf-5", "cancer-forest", "categorical-forest", "digits-boosting")
FIRST_SEED = 100


def main() -> None:
    """Print the rows of a target as soon as they are known, and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--targets", nargs="*", default=TARGETS)
    parser.add_argument("--into", type=Path, default=Path(__file__).parent / "results")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    known = recipes(None)
    rows = [
        "| target | models | RMIA AUC | found | LiRA AUC | found | CPU s |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name in asked.targets:
        figures = np.full((asked.seeds, len(NUMBERS), 4), np.nan)
        seconds = 0.0
        for place in range(asked.seeds):
            of = known[name].case(FIRST_SEED + place)
            plan = Plan(of.target.estimator, of.target.classes, models=max(NUMBERS), seed=of.seed)
            began = time.process_time()
            every = ReferenceModels(plan, TrainingData.of(of.pool))(Silent())
            seconds += (time.process_time() - began) / asked.seeds
            for row, number in enumerate(NUMBERS):
                some = ReferenceAnswers(every.p_y[:number], every.trained_on[:number])
                target = SharedAnswers(of.target, of.pool).compared_with(some)
                for column, attack in enumerate((rmia, lira)):
                    try:
                        scores = attack.score(
                            target, of.pool, rng=generator_for(of.seed, "sweep"), progress=Silent()
                        )
                    except Unsuited:
                        continue
                    figures[place, row, 2 * column] = area_under_roc(scores, of.pool.member)
                    figures[place, row, 2 * column + 1] = members_found(scores, of.pool.member)
        for number, means in zip(NUMBERS, figures.mean(axis=0), strict=True):
            cells = " | ".join("–" if np.isnan(mean) else f"{mean:.3f}" for mean in means)
            rows.append(f"| {name} | {number} | {cells} | {seconds * number / max(NUMBERS):.1f} |")
            print(rows[-1], flush=True)
    head = (
        "# How many reference models\n\n"
        f"Written by `benchmarks/reference_models.py` on {asked.seeds} seeds from {FIRST_SEED}.\n\n"
    )
    (asked.into / "reference_models.md").write_text(head + "\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
