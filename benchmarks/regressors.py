"""Models that predict numbers: what attacks find where there is something, and where there is nothing.

    python benchmarks/regressors.py targets [--seeds 3] [--first-seed 200] [--of boosters]
    python benchmarks/regressors.py null [--splits 40] [--of boosters]

`targets` trains each model on one half of its data and prints AUC / TPR at 1 % FPR of our attacks, with
16 reference models, and of the Adversarial Robustness Toolbox's `MembershipInferenceBlackBox` (its random
forest on the loss, all that it takes of a regressor) where that is installed. The toolbox learns from
90 % of both halves and is scored on the rest, as our attack models are.

`null` trains each model on a third of the data and audits it on the two others, of which it saw
neither: whatever an audit finds there is a false alarm.

`--of boosters` does either with XGBoost, LightGBM and CatBoost, whose models are saved and opened as an audit
opens them, in the place of scikit-learn's.

Constants of the attacks were chosen on the seeds 100 and 101.
"""

from __future__ import annotations

import argparse
import importlib.util
import pickle
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import catboost
import lightgbm
import numpy as np
import xgboost
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor

from leakgauge.attacks.row import Unsuited
from leakgauge.attacks.table import chosen_attacks
from leakgauge.estimates import area_under_roc, rate_within, step_roc
from leakgauge.membership.attacks import ATTACKS
from leakgauge.membership.audit import audit
from leakgauge.membership.held_out import fold_by_fold, held_out_scores
from leakgauge.membership.inputs import Inputs
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.membership.reference_models import Plan, ReferenceModels
from leakgauge.membership.training_sets import TrainingData
from leakgauge.parameters import MembershipParameters
from leakgauge.progress import Silent
from leakgauge.randomness import generator_for
from leakgauge.report.model import Severity
from leakgauge.targets.opening import open_table_model
from leakgauge.targets.protocol import BoolArray, FloatArray
from leakgauge.targets.sklearn.target import SklearnTarget

MODELS = 16
Data = tuple[np.ndarray, np.ndarray]
COLUMNS = ("loss", "learned_rf", "learned_gb", "rmia", "lira", "rmia_offline", "lira_offline")
FILES = ("leaf_counts", "bootstrap_replay", "boosting_equations")
SHOWN = (Severity.MODERATE, Severity.HIGH, Severity.CRITICAL)


def diabetes(_seed: int) -> Data:
    """(442, 10) measurements and a number that grows with a disease."""
    return load_diabetes(return_X_y=True)


def friedman(seed: int) -> Data:
    """(1000, 10) columns of a known function, with normal noise (Friedman 1991)."""
    return make_friedman1(1000, noise=2.0, random_state=seed)


def heavy(seed: int) -> Data:
    """The same exponentiated, with noise of two degrees of freedom that grows with a column."""
    rng = np.random.default_rng(seed)
    x, y = make_friedman1(1000, noise=0.5, random_state=seed)
    return x, np.exp(y / 5.0) + 0.5 * rng.standard_t(2, size=1000) * (1.0 + 3.0 * x[:, 0])


TARGETS: dict[str, tuple[Callable[[int], Data], Callable[[int], Any]]] = {
    "diabetes, random forest": (diabetes, lambda s: RandomForestRegressor(50, random_state=s)),
    "diabetes, forest, leaves of 5": (
        diabetes,
        lambda s: RandomForestRegressor(50, min_samples_leaf=5, random_state=s),
    ),
    "diabetes, gradient boosting": (diabetes, lambda s: GradientBoostingRegressor(random_state=s)),
    "diabetes, linear": (diabetes, lambda _: LinearRegression()),
    "noisy function, SVR, C=10": (friedman, lambda _: make_pipeline(StandardScaler(), SVR(C=10.0))),
    "noisy function, 3 neighbours": (friedman, lambda _: KNeighborsRegressor(3)),
    "noisy function, 1 neighbour": (friedman, lambda _: KNeighborsRegressor(1)),
    "heavy tails, decision tree": (heavy, lambda s: DecisionTreeRegressor(random_state=s)),
    "heavy tails, histogram boosting": (heavy, lambda s: HistGradientBoostingRegressor(random_state=s)),
}

BOOSTED: dict[str, tuple[Callable[[int], Data], Callable[[int], Any]]] = {
    "diabetes, XGBoost": (diabetes, lambda s: xgb(s)),
    "diabetes, LightGBM": (diabetes, lambda s: light(s)),
    "noisy function, XGBoost, depth 3": (friedman, lambda s: xgb(s, max_depth=3, learning_rate=0.1)),
    "noisy function, XGBoost, half the rows": (friedman, lambda s: xgb(s, subsample=0.5)),
    "noisy function, XGBoost, pseudo-Huber": (friedman, lambda s: xgb(s, objective="reg:pseudohubererror")),
    "noisy function, LightGBM": (friedman, lambda s: light(s)),
    "noisy function, LightGBM, Huber": (friedman, lambda s: light(s, objective="huber", alpha=1.0)),
    "diabetes, CatBoost": (diabetes, lambda s: cat(s)),
    "noisy function, CatBoost": (friedman, lambda s: cat(s)),
    "heavy tails, XGBoost, absolute error": (heavy, lambda s: xgb(s, objective="reg:absoluteerror")),
    "heavy tails, LightGBM, absolute error": (heavy, lambda s: light(s, objective="regression_l1")),
    "heavy tails, CatBoost, absolute error": (heavy, lambda s: cat(s, loss_function="MAE")),
}


def xgb(seed: int, **settings: Any) -> Any:
    """XGBoost's regressor."""
    return xgboost.XGBRegressor(**{"n_estimators": 50, "random_state": seed, "n_jobs": 1} | settings)


def light(seed: int, **settings: Any) -> Any:
    """LightGBM's regressor."""
    more = {"n_estimators": 100, "random_state": seed, "n_jobs": 1, "verbose": -1}
    return lightgbm.LGBMRegressor(**more | settings)


def cat(seed: int, **settings: Any) -> Any:
    """CatBoost's regressor."""
    more = {"iterations": 100, "random_seed": seed, "thread_count": 1, "verbose": 0}
    return catboost.CatBoostRegressor(**more | {"allow_writing_files": False} | settings)


INNOCENT: tuple[tuple[str, Callable[[int], Any]], ...] = (
    ("random forest", lambda s: RandomForestRegressor(30, random_state=s)),
    ("ridge", lambda _: Ridge()),
    ("3 neighbours", lambda _: KNeighborsRegressor(3)),
    ("gradient boosting", lambda s: GradientBoostingRegressor(n_estimators=40, random_state=s)),
    ("decision tree", lambda s: DecisionTreeRegressor(random_state=s)),
)
INNOCENT_BOOSTERS: tuple[tuple[str, Callable[[int], Any]], ...] = (
    ("XGBoost", lambda s: xgb(s)),
    ("LightGBM", lambda s: light(s)),
    ("XGBoost, absolute error", lambda s: xgb(s, objective="reg:absoluteerror")),
    ("LightGBM, Huber", lambda s: light(s, objective="huber", alpha=1.0)),
    ("XGBoost, half the rows", lambda s: xgb(s, subsample=0.5, max_depth=3)),
    ("CatBoost", lambda s: cat(s)),
)


def opened(model: Any) -> SklearnTarget:
    """A fitted model as an audit opens it: what the libraries make goes through its file."""
    if not isinstance(model, xgboost.XGBModel | lightgbm.LGBMModel | catboost.CatBoost):
        return SklearnTarget(model)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pkl"
        path.write_bytes(pickle.dumps(model))
        target: Any = open_table_model(path)
    return target


def halves(data: Data, seed: int, model: Any) -> tuple[SklearnTarget, Pool]:
    """A model trained on a random half of the data, and both halves."""
    x, y = data
    order = np.random.default_rng(seed).permutation(len(y))
    x, y = x[order], y[order].astype(np.float64)
    half = len(y) // 2
    model.fit(x[:half], y[:half])
    pool = Pool(x[: 2 * half], y[: 2 * half], np.arange(2 * half) < half, np.arange(2 * half) + 1)
    return opened(model), pool


def figures(scores: FloatArray, member: BoolArray) -> tuple[float, float]:
    """AUC, and TPR at 1 % FPR."""
    return area_under_roc(scores, member), rate_within(step_roc(scores, member), 0.01)


def attacked(target: SklearnTarget, pool: Pool, seed: int) -> dict[str, tuple[float, float]]:
    """The figures of each attack that could be run."""
    alone = SharedAnswers(target, pool)
    plan = Plan(
        target.estimator,
        target.classes,
        models=MODELS,
        seconds=None,
        seed=seed,
        form=target.form,
        error_scale=alone.error_scale,
    )
    shared = SharedAnswers(target, pool, references=ReferenceModels(plan, TrainingData.of(pool)))
    found = {}
    for attack in ATTACKS:
        if attack.name not in (*COLUMNS, *FILES):
            continue
        try:
            scores = attack.score(shared, pool, rng=generator_for(seed, attack.name), progress=Silent())
        except Unsuited:
            continue
        found[attack.name] = figures(scores, pool.member)
    if importlib.util.find_spec("art") is not None:
        found["toolbox"] = figures(of_toolbox(target, pool, seed), pool.member)
    return found


def of_toolbox(target: SklearnTarget, pool: Pool, seed: int) -> FloatArray:
    """(n,) what the toolbox's attack model makes of records that it did not learn from."""
    from art.attacks.inference.membership_inference import MembershipInferenceBlackBox
    from art.estimators.regression.scikitlearn import ScikitlearnRegressor

    regressor = ScikitlearnRegressor(target.estimator)

    def fit_and_score(known: FloatArray, member: BoolArray, unknown: FloatArray, *, seed: int) -> FloatArray:
        attack = MembershipInferenceBlackBox(regressor, input_type="loss", attack_model_type="rf")
        attack.attack_model.set_params(random_state=seed)
        inside, outside = known[member], known[~member]
        attack.fit(inside[:, :-1], inside[:, -1], outside[:, :-1], outside[:, -1])
        inferred = attack.infer(unknown[:, :-1], unknown[:, -1], probabilities=True)
        return np.asarray(inferred, dtype=np.float64)[:, -1]

    records = np.column_stack([pool.x, pool.y])
    rng = generator_for(seed, "toolbox")
    return held_out_scores(
        fold_by_fold(fit_and_score), records, pool.member, percentage=90, rng=rng, progress=Silent()
    )


def targets(seeds: range, table: dict[str, tuple[Callable[[int], Data], Callable[[int], Any]]]) -> None:
    """Print the table of attacks on each target."""
    names = (*COLUMNS, *FILES, "toolbox")
    print("| target | " + " | ".join(names) + " |\n" + "|---" * (1 + len(names)) + "|")
    for title, (data, model) in table.items():
        runs = [attacked(*halves(data(seed), seed, model(seed)), seed) for seed in seeds]
        cells = []
        for name in names:
            every = [run[name] for run in runs if name in run]
            mean = np.mean(every, axis=0) if every else None
            cells.append("–" if mean is None else f"{mean[0]:.3f} / {mean[1]:.2f}")
        print(f"| {title} | " + " | ".join(cells) + " |", flush=True)


def null(splits: int, innocent: tuple[tuple[str, Callable[[int], Any]], ...]) -> None:
    """Print what audits of innocent models find, and how many raise an alarm."""
    parameters = MembershipParameters(tradeoffs=False, proportions=[90])
    rows = chosen_attacks(None, ATTACKS)
    alarms = 0
    for seed in range(1_000, 1_000 + splits):
        title, model = innocent[seed % len(innocent)]
        data = (friedman, heavy)[seed // len(innocent) % 2]
        x, y = data(seed)
        third = len(y) // 3
        order = np.random.default_rng(seed).permutation(len(y))
        x, y = x[order], y[order]
        target = opened(model(seed).fit(x[2 * third :], y[2 * third :]))
        n = 2 * third
        pool = Pool(x[:n], y[:n], np.arange(n) < third, np.arange(n) + 1)
        inputs = Inputs(SharedAnswers(target, pool), pool, x.shape[1], ())
        report = audit(
            inputs,
            parameters=parameters.model_copy(update={"seed": seed}),
            attacks=rows,
            inputs_sha256={},
            progress=Silent(),
        )
        alarm = report.verdict.severity in SHOWN
        alarms += alarm
        areas = {a.name: a.metrics.auc.value for a in report.attacks if a.status == "measured"}
        top = max(areas, key=areas.__getitem__)
        cells = (seed, data.__name__, title, report.verdict.severity.value, f"{top} {areas[top]:.3f}")
        print(f"| {' | '.join(map(str, cells))} |", flush=True)
    print(f"\n{alarms} of {splits} raised an alarm.")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["targets", "null"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=200)
    parser.add_argument("--splits", type=int, default=40)
    parser.add_argument("--of", choices=["scikit-learn", "boosters"], default="scikit-learn")
    given = parser.parse_args()
    boosters = given.of == "boosters"
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    run = {
        "targets": partial(targets, seeds, BOOSTED if boosters else TARGETS),
        "null": partial(null, given.splits, INNOCENT_BOOSTERS if boosters else INNOCENT),
    }[given.what]
    run()
