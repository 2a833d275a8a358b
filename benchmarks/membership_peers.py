"""Every attack that takes part in the membership benchmark: ours, and those of other tools.

A contestant is a function of a case and a number of reference models that yields what
each of its attacks made of the case. One that is not installed raises `ImportError`.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from sklearn.base import clone

from leakgauge.attacks.row import Unsuited
from leakgauge.estimates import area_under_roc, step_roc
from leakgauge.membership.attacks import ATTACKS
from leakgauge.membership.held_out import splits
from leakgauge.membership.pool import SharedAnswers, true_label_probability
from leakgauge.membership.reference_models import Plan, ReferenceModels
from leakgauge.membership.training_sets import TrainingData
from leakgauge.progress import Silent
from leakgauge.randomness import generator_for
from membership_targets import Case

LEFT_OUT = frozenset({"entropy", "modified_entropy"})
"""Ours that say no more than `loss` and would only lengthen the table."""
FEW = frozenset({"gap", "learned_nn", "label_only", "rmia", "lira"})
"""The strongest of ours on answers, and what each of them has to beat."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What an attack made of a case: area and members found at 1 %, None where it gave none; CPU seconds."""

    attack: str
    auc: float | None
    found: float | None
    cpu_seconds: float


Contestant = Callable[[Case, int], Iterator[Scored]]


def few_of_ours(of: Case, models: int) -> Iterator[Scored]:
    """Some of our attacks, for more seeds where all of them take long."""
    return ours(of, models, names=FEW)


def ours(of: Case, models: int, *, names: frozenset[str] | None = None) -> Iterator[Scored]:
    """Our attacks, the reference models that two of them share on a line of their own."""
    plan = Plan(of.target.estimator, of.target.classes, models=models, seed=of.seed)
    references = ReferenceModels(plan, TrainingData.of(of.pool))
    began = time.process_time()
    references(Silent())
    yield Scored("reference models, for both below", None, None, time.process_time() - began)
    answers = SharedAnswers(of.target, of.pool, references=references)
    answers.probabilities(of.pool.x)
    answers.labels(of.pool.x)
    for attack in (attack for attack in ATTACKS if attack.library is None):
        if attack.name in LEFT_OUT or (names is not None and attack.name not in names):
            continue
        began = time.process_time()
        try:
            scores = attack.score(
                answers, of.pool, rng=generator_for(of.seed, attack.name), progress=Silent()
            )
        except Unsuited:
            continue
        yield _scored(attack.name, scores, of, began)


def art(of: Case, models: int) -> Iterator[Scored]:  # noqa: ARG001 -- the contestants' signature
    """The Adversarial Robustness Toolbox's three attack models, in five folds as ours."""
    import torch
    from art.attacks.inference.membership_inference import MembershipInferenceBlackBox
    from art.estimators.classification.scikitlearn import SklearnClassifier

    x, y = of.pool.x, of.pool.y
    estimator = SklearnClassifier(of.target.estimator)
    for kind in ("nn", "rf", "gb"):
        scores = np.empty(len(of.pool))
        began = time.process_time()
        for split in splits(of.pool.member, percentage=80, rng=generator_for(of.seed, f"toolbox {kind}")):
            torch.manual_seed(split.seed)
            np.random.seed(split.seed)  # noqa: NPY002 -- the toolbox draws from the global generator
            attack = MembershipInferenceBlackBox(estimator, attack_model_type=kind)
            inside, outside = split.known_members, split.known_non_members
            attack.fit(x[inside], y[inside], x[outside], y[outside])
            found = np.asarray(attack.infer(x[split.test], y[split.test], probabilities=True))
            scores[split.test] = found[:, -1] if found.ndim == 2 else found
        yield _scored(f"ART {kind}", scores, of, began)


def sacro_worst_case(of: Case, models: int) -> Iterator[Scored]:  # noqa: ARG001 -- the contestants' signature
    """SACRO-ML's worst-case attack with its own settings, but for the trials on random numbers."""
    from sacroml.attacks.worst_case_attack import WorstCaseAttack

    with tempfile.TemporaryDirectory() as folder:
        attack = WorstCaseAttack(output_dir=folder, write_report=False, n_dummy_reps=0)
        yield _sacro("SACRO-ML worst case", attack, of)


SACRO_LIRA: dict[str, dict[str, Any]] = {
    "offline": {},
    "online": {"mode": "online-carlini", "fix_variance": True},
    "online, a variance each": {"mode": "online-carlini"},
}
"""SACRO-ML's likelihood-ratio attack by what we call it; its fourth mode does little better than guessing."""


def sacro_lira(of: Case, models: int) -> Iterator[Scored]:
    """SACRO-ML's likelihood-ratio attack, with as many shadow models as ours."""
    from sacroml.attacks.likelihood_attack import LIRAAttack

    with tempfile.TemporaryDirectory() as folder:  # which keeps the shadow models for all modes
        for mode, settings in SACRO_LIRA.items():
            attack = LIRAAttack(n_shadow_models=models, output_dir=folder, write_report=False, **settings)
            yield _sacro(f"SACRO-ML LiRA, {mode}", attack, of)


def lira_alone(of: Case, models: int) -> Iterator[Scored]:
    """Our attacks with reference models, and SACRO-ML's likelihood-ratio attack with the very same ones.

    It keeps its shadow models in a folder and trains none where it finds them there.
    """
    references = ReferenceModels(
        Plan(of.target.estimator, of.target.classes, models=models, seed=of.seed), of.pool
    )
    answers = SharedAnswers(of.target, of.pool, references=references)
    for attack in (attack for attack in ATTACKS if attack.name in ("rmia", "lira")):
        began = time.process_time()
        try:
            scores = attack.score(
                answers, of.pool, rng=generator_for(of.seed, attack.name), progress=Silent()
            )
        except Unsuited:
            continue
        yield _scored(attack.name, scores, of, began)

    from sacroml.attacks.likelihood_attack import LIRAAttack
    from sacroml.attacks.utils import save_shadow_model

    trained = references(Silent())
    with tempfile.TemporaryDirectory() as folder:
        for mode, settings in SACRO_LIRA.items():
            attack = LIRAAttack(n_shadow_models=models, output_dir=folder, write_report=False, **settings)
            for place, (p_y, trained_on) in enumerate(zip(trained.p_y, trained.trained_on, strict=True)):
                shadow = _Replayed(p_y, of.pool.y, len(of.target.classes))
                rows, others = np.flatnonzero(trained_on), np.flatnonzero(~trained_on)
                save_shadow_model(attack.shadow_path, place, shadow, rows, others)
            yield _sacro(f"SACRO-ML LiRA, {mode}", attack, of)


@dataclass(frozen=True, slots=True)
class _Replayed:
    """A model that has been asked about the whole pool, in its order: members, then the others."""

    p_y: np.ndarray
    y: np.ndarray
    classes: int

    def get_classes(self) -> list[int]:
        return list(range(self.classes))

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """The answers that were given, zero for all but the true label."""
        answers = np.zeros((len(x), self.classes))
        answers[np.arange(len(x)), self.y] = self.p_y
        return answers


def privacy_meter(folder: Path) -> Contestant:
    """Privacy Meter's offline RMIA from a checkout in `folder`; no release on PyPI has it.

    It takes the answers of models that others have trained: here the target, one on the other
    half, which it tunes its constant on, and our clones. Its comparison with a population needs
    records that no model saw; there are none, and as one threshold over one population does not
    change the order of the scores, the pool's own records stand in.
    """

    def attack(of: Case, models: int) -> Iterator[Scored]:
        theirs = _checkout(folder)
        began = time.process_time()
        plan = Plan(of.target.estimator, of.target.classes, models=models, seed=of.seed)
        references = ReferenceModels(plan, TrainingData.of(of.pool))(Silent())
        x, y, member = of.pool.x, of.pool.y, of.pool.member
        paired = clone(of.target.estimator).fit(x[~member], y[~member])
        signals = np.column_stack(
            [
                true_label_probability(of.target.probabilities(x), y),
                true_label_probability(paired.predict_proba(x), y),
                *references.p_y.astype(np.float64),
            ]
        )
        memberships = np.column_stack([member, ~member, *references.trained_on])
        constant, _, _ = theirs.tune_offline_a(0, signals, signals, memberships, _Muted())
        scores = theirs.run_rmia(0, signals, signals, memberships, models // 2, constant)
        yield _scored("Privacy Meter RMIA, offline", scores, of, began)

    return attack


class _Muted:
    """A logger that says nothing."""

    def info(self, *_: Any) -> None:
        """Say nothing."""


def _checkout(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("privacy_meter_attacks", folder / "attacks.py")
    if spec is None or spec.loader is None or not (folder / "attacks.py").is_file():
        raise ImportError(name="Privacy Meter's attacks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _sacro(title: str, attack: Any, of: Case) -> Scored:
    """Run an attack of SACRO-ML, which gives away no scores but every step of its curves."""
    from sacroml.attacks.target import Target

    x, y, member = of.pool.x, of.pool.y, of.pool.member
    target = Target(
        model=of.target.estimator,
        dataset_name="benchmark",
        X_train=x[member],
        y_train=y[member],
        X_test=x[~member],
        y_test=y[~member],
    )
    began = time.process_time()
    attack.attack(target)
    cpu_seconds = time.process_time() - began
    metrics = attack.attack_metrics
    repetitions = metrics if isinstance(metrics, list) else [metrics]
    found = [
        np.asarray(curve["tpr"])[np.asarray(curve["fpr"]) <= 0.01].max(initial=0.0) for curve in repetitions
    ]
    area = np.mean([curve["AUC"] for curve in repetitions])
    return Scored(title, float(area), float(np.mean(found)), cpu_seconds)


def _scored(attack: str, scores: np.ndarray, of: Case, began: float) -> Scored:
    cpu_seconds = time.process_time() - began
    scores = scores.astype(np.float64)
    area = area_under_roc(scores, of.pool.member)
    return Scored(attack, area, members_found(scores, of.pool.member), cpu_seconds)


def members_found(scores: np.ndarray, member: np.ndarray) -> float:
    """Share of members found at 1 % false alarms: the last step of the ROC within them."""
    roc = step_roc(scores, member)
    within = roc.true_positives[roc.false_positives <= 0.01 * roc.non_members]
    return float(within.max(initial=0)) / roc.members
