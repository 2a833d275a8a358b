"""Every regressor of the installed scikit-learn is audited, or refused by name with a way in.

A new release of scikit-learn fails here until its new regressors are one of the two.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import StackingRegressor, VotingRegressor
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor, RadiusNeighborsRegressor
from sklearn.utils import all_estimators
from tests.support.cases import audited, refusal
from tests.support.regressors import bundle_of, numbers

from leakgauge.targets.pickles.refusals import REFUSED_PARTS

SEVERAL = {"MultiOutputRegressor", "RegressorChain"}
"""These predict several numbers by what they are."""
MADE: dict[str, Any] = {
    "IsotonicRegression": IsotonicRegression(out_of_bounds="clip"),  # NaN is no prediction
    "RadiusNeighborsRegressor": RadiusNeighborsRegressor(radius=5.0),  # nor is that of no neighbour
    "StackingRegressor": StackingRegressor([("a", KNeighborsRegressor(2))], Ridge(), cv=2),
    "VotingRegressor": VotingRegressor([("a", KNeighborsRegressor(2)), ("b", Ridge())]),
}
TABLES_OF_NUMBERS = {"MultiTaskElasticNet", "MultiTaskElasticNetCV", "MultiTaskLasso", "MultiTaskLassoCV"}
"""These take a table of one column or more."""
FOUND = {name: kind for name, kind in all_estimators(type_filter="regressor") if name not in REFUSED_PARTS}


def _fitted(name: str, x: np.ndarray, y: np.ndarray) -> Any:
    kind = FOUND[name]
    if name in SEVERAL:
        return kind(Ridge()).fit(x, np.column_stack([y, y]))
    model = MADE.get(name) or kind()
    if "max_iter" in model.get_params() and name == "MLPRegressor":
        model.set_params(max_iter=50)
    if name in ("CCA", "PLSCanonical", "PLSRegression"):
        model.set_params(n_components=1)
    return model.fit(x, y[:, None] if name in TABLES_OF_NUMBERS else y)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")  # of models on their way out, when they are cloned
@pytest.mark.parametrize("name", sorted(FOUND))
def test_a_regressor_is_audited_or_refused_by_name(name: str, tmp_path: Path) -> None:
    features = 1 if name == "IsotonicRegression" else 4
    x, y = numbers(120, seed=1, features=max(features, 2))
    x, y = x[:, :features], np.exp(y / 4.0)  # positive, as some of them ask for
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = _fitted(name, x[:60], y[:60])
    bundle = bundle_of(tmp_path, model, x, y, fit=False)
    if name in SEVERAL:
        assert refusal(bundle).problem == "multi_output"
        return
    report = audited(bundle, attacks=["gap", "loss", "rmia"], reference_models=2)
    assert report.target.errors is not None
    assert report.target.errors.train_rmse.value >= 0.0
    assert [attack.status for attack in report.attacks[:2]] == ["measured", "measured"]
    rmia = report.attacks[2]
    assert rmia.status == "measured" or "trained again" in rmia.reason, rmia.reason
