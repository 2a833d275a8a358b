"""The model files of `tests/data/cases/models`: each gives what its table says.

Those that are told by a file's own name (`model.txt`) stand with the tests of bundles, networks with
those of their formats, and the frozen scaler with those of reference models.
"""

from __future__ import annotations

import pytest
from tests.support.cases import CASES, audited, refusal

from leakgauge.errors import UnsafeModel

MODELS = CASES / "models"

# the share of members that the model itself predicts right, asked by the scikit-learn that saved it
# (those called "old": by today's)
AUDITED = {
    "CT_Tfidf": 1.0,
    "CT_log1p_names": 0.6925,
    "Calibrated_temperature": 0.87,
    "IterativeImputer": 0.855,
    "KMeans": 0.68,
    "RadiusNeighborsClassifier": 0.9675,
    "Tfidf_1d_NB": 1.0,
    "TunedThresholdClassifierCV": 0.8625,
    "Tuned_f1": 0.87,
    "catboost_pickle": 0.9075,
    "imblearn_pipeline_smote": 1.0,
    "lgbm_pickle": 0.9375,
    "lgbm_txt": 0.9375,
    "old-imblearn-smote": 0.9933,
    "old-iterative-imputer": 0.7267,
    "old-lightgbm": 0.7267,
    "old-nystroem": 0.7333,
    "old-sequential-selector": 0.72,
    "old-xgboost": 0.94,
    "tab-tfidf-pipeline": 0.5917,
    "xgb_pickle": 1.0,
}

REFUSED = {
    "skorch_pickle": "skorch",
}


@pytest.mark.parametrize(("name", "accuracy"), AUDITED.items())
def test_a_model_of_the_cases_is_audited(name: str, accuracy: float) -> None:
    attacks = ["gap", "loss", "rmia"]
    report = audited(MODELS / f"{name}.zip", attacks=attacks, reference_models=2)
    outcomes = {attack.name: attack for attack in report.attacks}
    for attack in attacks:
        assert outcomes[attack].status == "measured", outcomes[attack]
    assert report.target.train_accuracy.value == pytest.approx(accuracy, abs=1e-3)


def test_a_model_without_an_answer_for_some_records_says_so() -> None:
    report = audited(MODELS / "RadiusNeighborsClassifier.zip", attacks=["gap"])
    assert any("without neighbours" in warning.message for warning in report.warnings)


@pytest.mark.parametrize(("name", "library"), REFUSED.items())
def test_a_model_of_another_library_is_refused_by_its_name(name: str, library: str) -> None:
    error = refusal(MODELS / f"{name}.zip")
    assert isinstance(error, UnsafeModel)
    assert error.problem == "refused_globals"
    assert library in error.message
    assert "torch.onnx.export" in (error.hint or "")
    assert error.details["globals"]


def test_a_regressor_is_audited_by_its_errors() -> None:
    report = audited(MODELS / "RandomForestRegressor.zip")
    assert report.target.errors is not None
    assert report.target.classes == ()
    assert {attack.threat_model for attack in report.attacks} == {"predictions"}
    assert all(attack.status == "measured" for attack in report.attacks)
