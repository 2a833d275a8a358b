"""Regressors of boosting libraries that saw neither side raise no alarm; one that learned by heart does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from tests.support.cases import audited

from boosters import bundle_of
from regressors import numbers

ATTACKS = ["gap", "loss", "rmia", "lira", "leaf_counts", "boosting_equations"]
ALARMS = {"moderate", "high", "critical"}
MODELS = {
    "XGBoost": lambda seed: xgboost.XGBRegressor(n_estimators=30, random_state=seed, n_jobs=1),
    "XGBoost, absolute error": lambda seed: xgboost.XGBRegressor(
        n_estimators=30, objective="reg:absoluteerror", random_state=seed, n_jobs=1
    ),
    "LightGBM": lambda seed: lightgbm.LGBMRegressor(n_estimators=60, random_state=seed, n_jobs=1, verbose=-1),
}


def severity(model: Any, x: np.ndarray, y: np.ndarray, fitted: slice, folder: Path) -> str:
    """What the report on a model of some records says of the last two thirds of them."""
    frame = pd.DataFrame(x, columns=[f"f{place}" for place in range(x.shape[1])])
    model.fit(frame.iloc[fitted], y[fitted])
    own = (
        bytes(model.get_booster().save_raw("ubj"))
        if isinstance(model, xgboost.XGBModel)
        else model.booster_.model_to_string().encode()
    )
    third = len(y) // 3
    bundle_of(folder, "model.txt" if own.startswith(b"tree") else "model.ubj", own, frame[third:], y[third:])
    report = audited(folder, attacks=ATTACKS, reference_models=8, tradeoffs=False)
    assert {attack.status for attack in report.attacks} == {"measured"}
    return report.verdict.severity.value


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_other_records_raises_no_alarm(name, seed, tmp_path):
    x, y = numbers(750, seed=700 + seed)
    assert severity(MODELS[name](seed), x, y, slice(0, 250), tmp_path / "b") not in ALARMS


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_a_model_that_was_trained_on_the_members_raises_one(name, tmp_path):
    x, y = numbers(750, seed=800)
    assert severity(MODELS[name](0), x, y, slice(250, 500), tmp_path / "b") in ALARMS
