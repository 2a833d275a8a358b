"""Two attackers, whatever the sizes, draws and orders.

    python benchmarks/attackers.py [--seeds 3] [--runs 20] [--into benchmarks/results]

Sizes: for one target and its 1,000 members the figures of the attacks with reference models beside
300 to 10,000 non-members, which should differ by no more than their intervals say.

Other data: the offline attacks, with a table of other records twice as large as that of members, beside a
plain script that knows nothing of Leakgauge but the papers' formulas and trains its own clones.

Draws: audits of one table near the border of a severity, by as many seeds and orders of rows; how many
give the usual verdict or say that they are borderline.

Seeds begin at 300, apart from those on which anything was chosen. `attackers.md` gets the tables.
"""

from __future__ import annotations

import argparse
import pickle
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logit
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

import leakgauge
from leakgauge.estimates import Estimate, RateAtLimit
from leakgauge.exhaustion import Time
from leakgauge.membership.attacks import ATTACKS
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.membership.reference_models import Plan, ReferenceModels
from leakgauge.membership.running import run_all
from leakgauge.membership.training_sets import TrainingData
from leakgauge.progress import Silent
from leakgauge.report.model import MembershipMeasured
from leakgauge.targets.sklearn.target import SklearnTarget
from membership_targets import categorical

FIRST_SEED = 300
MODELS = 16
REFERENCED = tuple(attack for attack in ATTACKS if attack.referenced)
Data = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Setting:
    """An untrained model, and records of its source."""

    name: str
    model: Any
    draw: Callable[[int, np.random.Generator], Data]
    members: int


def noisy(features: int, noise: float = 1.0) -> Callable[[int, np.random.Generator], Data]:
    """Records of two classes that a model can learn in part."""

    def draw(n: int, rng: np.random.Generator) -> Data:
        x = rng.normal(size=(n, features))
        return x, (x[:, 0] + x[:, 1] + noise * rng.normal(size=n) > 0).astype(np.int64)

    return draw


def from_table(x: np.ndarray, y: np.ndarray) -> Callable[[int, np.random.Generator], Data]:
    """Rows of a table, drawn without replacement."""

    def draw(n: int, rng: np.random.Generator) -> Data:
        rows = rng.permutation(len(y))[:n]
        return x[rows], y[rows]

    return draw


SIZES = (
    Setting("forest, leaves of 5", RandomForestClassifier(40, min_samples_leaf=5), noisy(8), 1_000),
    Setting("logistic regression, 200 features", LogisticRegression(max_iter=200), noisy(200), 1_000),
    Setting("forest on categories", RandomForestClassifier(50), from_table(*categorical()), 1_000),
)
OTHER_DATA = (
    Setting("digits, forest", RandomForestClassifier(100), from_table(*load_digits(return_X_y=True)), 440),
    Setting("categories, forest", RandomForestClassifier(50), from_table(*categorical()), 2_000),
    Setting("500 features, logistic regression", LogisticRegression(max_iter=500), noisy(500, 0.5), 1_000),
)


def seeded(model: Any, seed: int) -> Any:
    """An untrained copy with a seed, where it draws anything."""
    copy = clone(model)
    return copy.set_params(random_state=seed) if "random_state" in copy.get_params() else copy


def measured(target: Any, pool: Pool, data: TrainingData, seed: int) -> dict[str, MembershipMeasured]:
    """The attacks with reference models, measured as an audit does."""
    opened = SklearnTarget(target)
    plan = Plan(target, opened.classes, models=MODELS, seed=seed)
    answers = SharedAnswers(opened, pool, references=ReferenceModels(plan, data))
    runs = run_all(REFERENCED, answers, pool, seed=seed, progress=Silent(), time=Time())
    return {run.attack.name: run.outcome for run in runs}


def sizes(seeds: int) -> Iterator[str]:
    """A row for each target and number of non-members: means over seeds."""
    for setting in SIZES:
        for others in (300, 1_000, 3_000, 10_000):
            found: dict[str, list[tuple[Estimate, RateAtLimit]]] = {}
            for seed in range(FIRST_SEED, FIRST_SEED + seeds):
                rng = np.random.default_rng(seed)
                x, y = setting.draw(setting.members + others, rng)
                member = np.arange(len(y)) < setting.members
                target = seeded(setting.model, seed).fit(x[member], y[member])
                pool = Pool(x, np.searchsorted(target.classes_, y), member, np.arange(len(y)) + 1)
                for name, outcome in measured(target, pool, TrainingData.of(pool), seed).items():
                    metrics = outcome.metrics
                    found.setdefault(name, []).append((metrics.auc, metrics.tpr_at_fpr["0.01"]))
            cells = []
            for attack in REFERENCED:
                areas, rates = zip(*found[attack.name], strict=True)
                cells += [mean_of(areas), mean_of(rates)]
            yield f"| {setting.name} | {others:,} | {' | '.join(cells)} |"


def mean_of(found: tuple[Estimate | RateAtLimit, ...]) -> str:
    """Means of value, low and high; a dash where the figure is withheld."""
    if any(one.value is None for one in found):
        return "–"
    value, low, high = (np.mean([getattr(one, end) for one in found]) for end in ("value", "low", "high"))
    return f"{value:.3f} ({low:.3f}–{high:.3f})"


def other_data(seeds: int) -> Iterator[str]:
    """A row for each target: our offline attacks and those of a script, over the same records."""
    for setting in OTHER_DATA:
        ours: dict[str, list[float]] = {"rmia_offline": [], "lira_offline": []}
        theirs: dict[str, list[float]] = {"rmia_offline": [], "lira_offline": []}
        for seed in range(FIRST_SEED, FIRST_SEED + seeds):
            rng = np.random.default_rng(seed)
            m = setting.members
            x, y = setting.draw(4 * m, rng)
            target = seeded(setting.model, seed).fit(x[:m], y[:m])
            y = np.searchsorted(target.classes_, y)
            member = np.arange(2 * m) < m
            pool = Pool(x[: 2 * m], y[: 2 * m], member, np.arange(2 * m) + 1)
            data = TrainingData(x, y, np.arange(m), np.arange(m, 2 * m), np.arange(2 * m, len(y)), 2 * m)
            for name, outcome in measured(target, pool, data, seed).items():
                if name in ours:
                    ours[name].append(outcome.metrics.auc.value)
            for name, scores in script(target, setting.model, x, y, m, rng).items():
                theirs[name].append(roc_auc_score(member, scores))
        for name, areas in ours.items():
            apart = np.mean(areas) - np.mean(theirs[name])
            yield (
                f"| {setting.name} | `{name}` | {np.mean(areas):.3f} | {np.mean(theirs[name]):.3f} "
                f"| {apart:+.3f} |"
            )


def script(
    target: Any, model: Any, x: np.ndarray, y: np.ndarray, m: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Scores of the first 2 m records by the papers' offline formulas, from clones trained on the others."""
    asked, labels = x[: 2 * m], y[: 2 * m]
    probabilities = target.predict_proba(asked)
    own = probabilities[np.arange(2 * m), labels]
    of_clones = []
    for _ in range(MODELS // 2):
        rows = rng.choice(np.arange(2 * m, len(y)), m, replace=False)
        known = seeded(model, int(rng.integers(2**31))).fit(x[rows], y[rows])
        answers = np.zeros((2 * m, len(target.classes_)))
        answers[:, known.classes_] = known.predict_proba(asked)
        of_clones.append(answers[np.arange(2 * m), labels])
    out = np.array(of_clones)
    clip = 1e-2 if (probabilities == 0).mean() > 0.01 else 1e-5
    odds, own_odds = (logit(np.clip(values, clip, 1 - clip)) for values in (out, own))
    return {
        "rmia_offline": own / (0.65 * out.mean(axis=0) + 0.35),
        "lira_offline": (own_odds - odds.mean(axis=0)) / np.sqrt(odds.var(axis=0, ddof=1).mean()),
    }


def draws(runs: int) -> Iterator[str]:
    """A row for each table: its verdicts over seeds and orders of rows."""
    x, y = load_breast_cancer(return_X_y=True)
    rng = np.random.default_rng(FIRST_SEED)
    order = rng.permutation(len(y))
    frame = pd.DataFrame(x[order], columns=[f"c{k}" for k in range(x.shape[1])]).assign(label=y[order])
    half = len(frame) // 2
    for leaf in (1, 3, 5, 10, 20):
        model = RandomForestClassifier(100, min_samples_leaf=leaf, random_state=1)
        model.fit(frame[:half].drop(columns="label"), frame.label[:half])
        for what in ("seeds", "orders of rows"):
            verdicts = []
            for run in range(runs):
                shuffled = np.random.default_rng(run)
                sides = [
                    side.sample(frac=1, random_state=shuffled.integers(2**31))
                    for side in (frame[:half], frame[half:])
                ]
                with tempfile.TemporaryDirectory() as folder:
                    bundle = Path(folder)
                    (bundle / "model.pkl").write_bytes(pickle.dumps(model))
                    for name, side in zip(("train_mia", "test_mia"), sides, strict=True):
                        side.to_csv(bundle / f"{name}.csv", index=False)
                    report = leakgauge.audit(
                        bundle,
                        parameters={
                            "attacks": [
                                "gap",
                                "loss",
                                "learned_gb",
                                "rmia",
                                "lira",
                                "rmia_offline",
                                "lira_offline",
                            ],
                            "tradeoffs": False,
                            "proportions": [90],
                            "seed": run if what == "seeds" else 0,
                        },
                    )
                verdicts.append(report.verdict)
            counted = Counter(verdict.severity.value for verdict in verdicts)
            usual = counted.most_common(1)[0][0]
            near = np.array([verdict.borderline is not None for verdict in verdicts])
            stable = near | np.array([verdict.severity.value == usual for verdict in verdicts])
            words = ", ".join(f"{number} {name}" for name, number in counted.most_common())
            shares = f"{near.mean():.0%} | {stable.mean():.0%}"
            yield f"| leaves of {leaf} | {runs} {what} | {words} | {shares} |"


def main() -> None:
    """Run all three and write the tables."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--runs", type=int, default=20)
    arguments.add_argument("--into", type=Path, default=Path(__file__).parent / "results")
    asked = arguments.parse_args()
    warnings.simplefilter("ignore")
    heads = " | ".join(f"`{attack.name}` AUC | TPR at 1 % FPR" for attack in REFERENCED)
    sections = (
        (
            "# Two attackers\n",
            f"Written by `python benchmarks/attackers.py --seeds {asked.seeds} --runs {asked.runs}`, which "
            "says how.",
            "\n## One target, more or fewer non-members\n",
            f"1,000 members; means over {asked.seeds} seeds, with the mean ends of the 95 % intervals. "
            "Beside 300 non-members reference models are smaller than the target, which the report says.\n",
            f"| target | non-members | {heads} |",
            "|---|---|" + "---|---|" * len(REFERENCED),
        ),
        sizes(asked.seeds),
        (
            "\n## An attacker with other data, and a script of its own\n",
            f"AUC, means over {asked.seeds} seeds.\n",
            "| target | attack | ours | script | difference |\n|---|---|---|---|---|",
        ),
        other_data(asked.seeds),
        (
            "\n## Other seeds, other orders of rows\n",
            "Forests on the breast cancer table, halves. “Stable” is the share of audits that give the usual "
            "verdict or say that they are borderline.\n",
            "| target | audits | verdicts | borderline | stable |\n|---|---|---|---|---|",
        ),
        draws(asked.runs),
    )
    lines = []
    for section in sections:
        for line in section:
            print(line, flush=True)
            lines.append(line)
    (asked.into / "attackers.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
