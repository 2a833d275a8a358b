"""Our membership attacks beside those of other tools, on the same targets in one run.

    python benchmarks/membership.py [--seeds 10] [--targets digits-forest ...]
        [--location FOLDER] [--peers art sacro] [--peer-seeds 10] [--models 16]

For every target and seed the data are split into halves, the target is trained on
one, and every attack scores all records. Prints a Markdown table: mean and standard
deviation over seeds of the area under the ROC curve and of the members found at 1 %
false alarms (step ROC, ties against the attacker), and CPU seconds over all threads.
The line "reference models" is what RMIA and LiRA pay once between them.

Peers, each skipped aloud where it is not installed: `MembershipInferenceBlackBox` of
the Adversarial Robustness Toolbox (`adversarial-robustness-toolbox`; attack models
trained on four fifths of the records and scored on the rest, in five folds, as ours)
and the likelihood-ratio attack of SACRO-ML (`sacroml`, as many shadow models as ours).

`--location` names the folder that holds Location30 (Shokri et al. 2017) as
`location30.tgz`; without it its targets are skipped. The constants of the attacks were
chosen on splits with seeds from 100; the seeds here begin at 0.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tarfile
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier

from leakgauge.estimates import area_under_roc, step_roc
from leakgauge.membership.attacks import ATTACKS
from leakgauge.membership.held_out import splits
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.membership.protocol import Unsuited
from leakgauge.membership.reference_models import Plan, ReferenceModels
from leakgauge.progress import Silent
from leakgauge.randomness import generator_for
from leakgauge.targets.sklearn_target import SklearnTarget

CARDINALITIES = (3, 5, 4, 4, 3, 2, 3, 3)
OURS = ("gap", "loss", "learned_nn", "learned_rf", "learned_gb", "label_only", "rmia", "lira")
PEERS = ("art", "sacro")

Data = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, slots=True)
class Case:
    """A target trained on the first half of its data, and the pool of both halves."""

    target: SklearnTarget
    pool: Pool
    seed: int

    @property
    def labels(self) -> np.ndarray:
        """(n,) the labels themselves."""
        return self.target.classes[self.pool.y]


@dataclass(frozen=True, slots=True)
class Scored:
    """What an attack made of a case: area and members found, None where it gave none, and its cost."""

    attack: str
    figures: tuple[float, float] | None
    cpu_seconds: float


def location(folder: Path) -> Data:
    """Location30: (5010, 446) binary features and thirty classes."""
    with tarfile.open(folder / "location30.tgz") as archive:
        rows = np.loadtxt(archive.extractfile("bangkok"), delimiter=",", dtype=str)
    return rows[:, 1:].astype(float), np.char.strip(rows[:, 0], '"').astype(int)


def categorical(n: int = 13_000) -> Data:
    """(n, 8) small integers and four classes, one of them rare, with noise in the labels."""
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.integers(0, k, n) for k in CARDINALITIES])
    score = sum(rng.normal(size=k)[x[:, j]] for j, k in enumerate(CARDINALITIES)) + 0.7 * rng.normal(size=n)
    return x.astype(float), np.digitize(score, np.quantile(score, [0.33, 0.66, 0.95]))


def targets(folder: Path | None) -> dict[str, tuple[Callable[[], Data], Callable[[int], Any]]]:
    """Every target by name: where its data come from, and the untrained model for a seed."""

    def forest(**settings: Any) -> Callable[[int], Any]:
        return lambda seed: RandomForestClassifier(random_state=seed, **settings)

    def digits() -> Data:
        return load_digits(return_X_y=True)

    def cancer() -> Data:
        return load_breast_cancer(return_X_y=True)

    found = {
        "digits-forest": (digits, forest()),
        "digits-forest-leaf-5": (digits, forest(min_samples_leaf=5)),
        "digits-forest-depth-5": (digits, forest(max_depth=5)),
        "digits-tree": (digits, lambda seed: DecisionTreeClassifier(random_state=seed)),
        "digits-boosting": (digits, lambda seed: GradientBoostingClassifier(random_state=seed)),
        "cancer-forest": (cancer, forest()),
        "categorical-forest": (categorical, forest()),
    }
    if folder is not None:

        def places() -> Data:
            return location(folder)

        found["location-forest-leaf-5"] = (places, forest(min_samples_leaf=5))
        found["location-forest-depth-8"] = (places, forest(max_depth=8))
        found["location-tree"] = (places, lambda seed: DecisionTreeClassifier(random_state=seed))
    return found


def case(data: Data, model: Any, seed: int) -> Case:
    """Split, train, and join the halves into a pool."""
    x, y = data
    known, unknown, known_y, unknown_y = train_test_split(x, y, test_size=0.5, random_state=seed, stratify=y)
    target = SklearnTarget(model.fit(known, known_y))
    n = len(y)
    pool = Pool(
        np.concatenate([known, unknown]),
        np.searchsorted(target.classes, np.concatenate([known_y, unknown_y])),
        np.arange(n) < len(known),
        np.arange(n) + 1,
    )
    return Case(target, pool, seed)


def ours(of: Case, models: int) -> Iterator[Scored]:
    """Our attacks, the reference models on a line of their own."""
    plan = Plan(of.target.estimator, of.target.classes, models=models, seconds=None, seed=of.seed)
    references = ReferenceModels(plan, of.pool)
    began = time.process_time()
    references(Silent())
    yield Scored(f"reference models, {models}", None, time.process_time() - began)
    answers = SharedAnswers(of.target, of.pool, references=references)
    answers.probabilities(of.pool.x)
    answers.labels(of.pool.x)
    for attack in ATTACKS:
        if attack.name in OURS:
            began = time.process_time()
            result = None
            try:
                scores = attack.score(
                    answers, of.pool, rng=generator_for(of.seed, attack.name), progress=Silent()
                )
                result = figures(scores, of.pool.member)
            except Unsuited:
                pass  # its line then stands without figures
            yield Scored(attack.name, result, time.process_time() - began)


def art(of: Case, models: int) -> Iterator[Scored]:  # noqa: ARG001 -- the peers' common signature
    """The toolbox's three attack models."""
    import torch
    from art.attacks.inference.membership_inference import MembershipInferenceBlackBox
    from art.estimators.classification.scikitlearn import SklearnClassifier

    estimator = SklearnClassifier(of.target.estimator)
    for kind in ("nn", "rf", "gb"):
        scores = np.empty(len(of.pool))
        began = time.process_time()
        for split in splits(of.pool.member, percentage=80, rng=generator_for(of.seed, f"toolbox {kind}")):
            torch.manual_seed(split.seed)
            np.random.seed(split.seed)  # noqa: NPY002 -- the toolbox draws from the global generator
            attack = MembershipInferenceBlackBox(estimator, attack_model_type=kind)
            attack.fit(
                of.pool.x[split.known_members],
                of.labels[split.known_members],
                of.pool.x[split.known_non_members],
                of.labels[split.known_non_members],
            )
            found = np.asarray(attack.infer(of.pool.x[split.test], of.labels[split.test], probabilities=True))
            scores[split.test] = found[:, -1] if found.ndim == 2 else found
        yield Scored(f"ART {kind}", figures(scores, of.pool.member), time.process_time() - began)


def sacro(of: Case, models: int) -> Iterator[Scored]:
    """SACRO-ML's likelihood-ratio attack, in both of its modes."""
    from sacroml.attacks.likelihood_attack import LIRAAttack
    from sacroml.attacks.target import Target

    member = of.pool.member
    target = Target(
        model=of.target.estimator,
        dataset_name="benchmark",
        X_train=of.pool.x[member],
        y_train=of.labels[member],
        X_test=of.pool.x[~member],
        y_test=of.labels[~member],
    )
    for title, settings in (("offline", {}), ("online", {"mode": "online-carlini", "fix_variance": True})):
        with tempfile.TemporaryDirectory() as folder:
            attack = LIRAAttack(n_shadow_models=models, output_dir=folder, **settings)
            began = time.process_time()
            attack.attack(target)
            cpu_seconds = time.process_time() - began
            metrics = attack.attack_metrics
        metrics = metrics[0] if isinstance(metrics, list) else metrics
        # it gives away no scores, but every step of its curve
        within = np.asarray(metrics["fpr"]) <= 0.01
        result = float(metrics["AUC"]), float(np.asarray(metrics["tpr"])[within].max(initial=0.0))
        yield Scored(f"SACRO-ML LiRA {title}, {models}", result, cpu_seconds)


def figures(scores: np.ndarray, member: np.ndarray) -> tuple[float, float]:
    """Area under the ROC curve, and members found at 1 % false alarms."""
    roc = step_roc(scores.astype(np.float64), member)
    within = roc.true_positives[roc.false_positives <= 0.01 * roc.non_members]
    return area_under_roc(scores.astype(np.float64), member), float(within.max(initial=0)) / roc.members


def main() -> None:
    """Run everything that was asked for and print the table, a line as soon as it is known."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--peer-seeds", type=int, default=10, help="fewer for peers, which take their time")
    parser.add_argument("--models", type=int, default=16)
    parser.add_argument("--targets", nargs="*")
    parser.add_argument("--location", type=Path)
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    known = targets(asked.location)
    if asked.location is None:
        print("skipped: the targets on Location30, whose folder was not given", file=sys.stderr)

    print("| target | attack | seeds | AUC | found at 1 % false alarms | CPU s |")
    print("|---|---|---|---|---|---|")
    for name in asked.targets or known:
        data, model = known[name][0](), known[name][1]
        found: dict[str, list[tuple[float, float]]] = defaultdict(list)
        cost: dict[str, list[float]] = defaultdict(list)
        skipped = set()
        for seed in range(asked.seeds):
            of = case(data, model(seed), seed)
            peers = [{"art": art, "sacro": sacro}[peer] for peer in asked.peers]
            for who in (ours, *(peers if seed < asked.peer_seeds else ())):
                try:
                    for scored in who(of, asked.models):
                        cost[scored.attack].append(scored.cpu_seconds)
                        if scored.figures is not None:
                            found[scored.attack].append(scored.figures)
                except ImportError as missing:
                    skipped.add(f"skipped: {who.__name__}, for want of {missing.name}")
        for attack, seconds in cost.items():
            cells = ["", ""]
            if found[attack]:
                mean, spread = np.mean(found[attack], axis=0), np.std(found[attack], axis=0)
                cells = [f"{m:.3f} ± {s:.3f}" for m, s in zip(mean, spread, strict=True)]
            print(f"| {name} | {attack} | {len(seconds)} | {' | '.join(cells)} | {np.mean(seconds):.1f} |")
        print(*sorted(skipped), sep="\n", file=sys.stderr, flush=True)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
