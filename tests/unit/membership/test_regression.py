"""Models that predict numbers: read, attacked and reported by their errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import RandomForestRegressor, StackingRegressor, VotingRegressor
from sklearn.linear_model import LassoLars, LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputRegressor, RegressorChain
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor
from tests.support.cases import audited, refusal
from tests.support.regressors import REFERENCED, bundle_of, numbers

import leakgauge
from leakgauge.errors import BadBundle, BadParameters, UnsupportedModel
from leakgauge.membership.attacks import ATTACKS, gap
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.membership.residuals import BANDS, ErrorScale, bands, tolerance_of
from leakgauge.membership.training_sets import TrainingData, of_candidates, of_population
from leakgauge.policy import policy_from
from leakgauge.progress import Silent
from leakgauge.report.comparison import compare
from leakgauge.report.gate import ABOUT_CLASSES, gate
from leakgauge.report.html import render
from leakgauge.report.json_document import from_json, to_json
from leakgauge.report.model import Audited, GateOutcome, MembershipMeasured, MembershipReport, Severity
from leakgauge.report.writers import to_csv
from leakgauge.targets.sklearn.target import SklearnTarget

LEAKING = (Severity.HIGH, Severity.CRITICAL)


@pytest.fixture(scope="module")
def forest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    x, y = numbers(400, seed=1)
    return bundle_of(tmp_path_factory.mktemp("forest"), RandomForestRegressor(20, random_state=0), x, y)


@pytest.fixture(scope="module")
def report(forest: Path) -> MembershipReport:
    return audited(forest, attacks=["gap", "loss", "entropy", "learned_gb", "label_only", "rmia", "lira"])


# ---------------------------------------------------------------- what is found


def test_an_overfitted_forest_is_found(report: MembershipReport) -> None:
    assert report.verdict.severity in LEAKING
    assert "the numbers that the model predicts" in report.verdict.sentence
    areas = {a.name: a.metrics.auc.value for a in report.attacks if isinstance(a, MembershipMeasured)}
    assert set(areas) == {"gap", "loss", "learned_gb", "rmia", "lira"}
    assert areas["rmia"] > areas["loss"] > 0.7  # what reference models add is what they are trained for
    assert areas["lira"] > areas["loss"]


def test_a_nearest_neighbour_is_found(tmp_path: Path) -> None:
    x, y = numbers(200, seed=2)
    report = audited(bundle_of(tmp_path, KNeighborsRegressor(1), x, y), **REFERENCED)
    assert report.verdict.severity is Severity.CRITICAL
    assert report.target.errors is not None
    assert report.target.errors.train_rmse.value == 0.0


def test_a_line_through_many_points_shows_no_leak(tmp_path: Path) -> None:
    x, y = numbers(1500, seed=3)
    report = audited(bundle_of(tmp_path, LinearRegression(), x, y), **REFERENCED)
    assert report.verdict.severity in (Severity.LOW, Severity.INCONCLUSIVE)


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), Ridge()),
        LassoLars(0.01),  # whose class has a value for one of its settings
        GridSearchCV(DecisionTreeRegressor(random_state=0), {"max_depth": [None]}, cv=2),
        TransformedTargetRegressor(KNeighborsRegressor(2), transformer=StandardScaler()),
        VotingRegressor([("a", KNeighborsRegressor(1)), ("b", Ridge())]),
        StackingRegressor([("a", KNeighborsRegressor(1))], final_estimator=Ridge(), cv=2),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.parametrize("names", [True, False])
def test_models_that_hold_regressors_are_audited(model: Any, names: bool, tmp_path: Path) -> None:
    x, y = numbers(120, seed=4)
    report = audited(bundle_of(tmp_path, model, x, y, names=names), **(REFERENCED | {"reference_models": 4}))
    assert report.target.errors is not None
    assert {attack.status for attack in report.attacks} <= {"measured", "not_applicable"}
    assert report.attacks[2].status == "measured"  # its clones were trained


def test_a_dictionary_with_one_regressor_is_read(tmp_path: Path) -> None:
    x, y = numbers(100, seed=5)
    model = LinearRegression().fit(x[:50], y[:50])
    saved = {"model": model, "features": ["a", "b"]}
    report = audited(bundle_of(tmp_path, saved, x, y, fit=False), **REFERENCED)
    assert "LinearRegression" in report.target.type
    both = {"a": model, "b": Ridge().fit(x[:50], y[:50])}
    error = refusal(bundle_of(tmp_path / "both", both, x, y, fit=False))
    assert error.problem == "several_models"
    assert "2 regressors" in error.message


# ---------------------------------------------------------------- what an error is measured in


def test_the_unit_of_the_labels_changes_no_score() -> None:
    _, y = numbers(100, seed=6)
    rng = np.random.default_rng(0)
    predictions = y + rng.standard_t(2, size=100)
    for factor in (2.0**-200, 1.0, 2.0**200):
        scale = ErrorScale.of(factor * predictions, factor * y)
        found = scale.likelihood(factor * predictions, factor * y)
        expected = ErrorScale.of(predictions, y).likelihood(predictions, y)
        assert np.array_equal(found, expected)
        assert np.array_equal(
            scale.right(factor * predictions, factor * y), ErrorScale.of(predictions, y).right(predictions, y)
        )


def test_densities_are_finite_whatever_the_errors() -> None:
    y = np.array([0.0, 1.0, 2.0, 1e100, -1e100])
    for predictions in (y, y + 1e-300, -y, np.zeros(5)):
        scale = ErrorScale.of(predictions, y)
        density = scale.likelihood(predictions, y)
        assert scale.unit > 0.0
        assert np.all((density > 0.0) & (density <= 1.0))
    assert np.all(ErrorScale.of(y, y).likelihood(y, y) == 1.0)


def test_a_few_huge_errors_do_not_set_the_unit() -> None:
    y = np.zeros(100)
    errors = np.ones(100)
    errors[:20] = 1e50
    assert ErrorScale.of(errors, y).unit == 1.0


def test_the_tolerance_depends_on_the_labels_alone() -> None:
    y = np.arange(101.0)
    assert tolerance_of(y) == 12.5
    assert tolerance_of(np.append(np.zeros(100), 202.0)) == 1.0  # mostly the same number
    assert ErrorScale.of(y, y).tolerance == ErrorScale.of(-y, y).tolerance


def test_bands_are_fifths_and_equal_numbers_share_one() -> None:
    y = np.random.default_rng(0).permutation(np.arange(100.0))
    assert np.bincount(bands(y)).tolist() == [20] * len(BANDS)
    many = np.append(np.zeros(90), np.arange(10.0))
    assert len(set(bands(many)[:90].tolist())) == 1


@pytest.mark.parametrize("draw", [of_candidates, of_population])
def test_training_sets_of_numbers_differ_and_are_balanced(draw: Any) -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=200)
    data = TrainingData.of(Pool(np.zeros((200, 1)), y, np.arange(200) < 100, np.arange(200)))
    design = draw(data, rounds=4, rng=rng)
    rows = {tuple(one.rows) for sets in design.rounds for one in sets}
    assert len(rows) == 8
    for one in (one for sets in design.rounds for one in sets):
        drawn_from = np.arange(200) if draw is of_candidates else data.non_members
        share = len(one.rows) / len(drawn_from)
        counts, of_all = (
            np.bincount(data.strata[rows], minlength=len(BANDS)) for rows in (one.rows, drawn_from)
        )
        assert np.abs(counts - share * of_all).max() <= 1.5


class _Says:
    """A target that predicts what it is given."""

    classes = np.empty(0)
    has_probabilities = False
    gives = "predictions"
    estimator = recipe = form = None
    type_name, packages, queries = "Says", (), 0

    def __init__(self, predictions: np.ndarray) -> None:
        self._predictions = predictions

    def predictions(self, x: Any) -> np.ndarray:
        return self._predictions


def test_gap_calls_errors_within_the_training_error_members() -> None:
    rng = np.random.default_rng(0)
    errors = rng.standard_t(2, size=60)
    member = np.arange(60) < 30
    pool = Pool(np.zeros((60, 1)), np.zeros(60), member, np.arange(60))
    called = gap.score(SharedAnswers(_Says(errors), pool), pool, rng=rng, progress=Silent())
    training_error = np.sqrt(np.mean(errors[member] ** 2))
    assert np.array_equal(called == 1.0, np.abs(errors) <= training_error)
    for record in np.flatnonzero(member):  # its own error decides nothing
        others = member & (np.arange(60) != record)
        assert (abs(errors[record]) <= np.sqrt(np.mean(errors[others] ** 2))) == (called[record] == 1.0)


# ---------------------------------------------------------------- what the report says


def test_what_is_about_classes_is_not_applicable_and_says_why(report: MembershipReport) -> None:
    reasons = {a.name: a.reason for a in report.attacks if a.status == "not_applicable"}
    assert set(reasons) == {"entropy", "label_only"}
    assert all("predicts" in reason for reason in reasons.values())
    titles = {a.name: a.title for a in report.attacks}
    assert titles["gap"] == "Error within the training error"
    assert not any("label" in title.lower() for name, title in titles.items() if name not in reasons)
    assert {row.name for row in ATTACKS if row.needs_classes is not None} == ABOUT_CLASSES


def test_the_report_speaks_of_errors(report: MembershipReport) -> None:
    errors = report.target.errors
    assert errors is not None
    assert errors.train_rmse.value < errors.test_rmse.low
    assert errors.train_mae.value < errors.train_rmse.value
    assert [part.name for part in report.slices] == list(BANDS)
    assert {part.by for part in report.slices} == {"band"}
    page = render(Audited(report))
    assert "Test error (RMSE)" in page
    assert "a threshold per fifth of the labels" in page
    assert "Exposure of each fifth of the labels" in page
    assert "The attacker sees predictions" in page
    for word in ("Classes", "per class", "predicted class", "probability of every class"):
        assert word not in page
    document = json.loads(to_json(report))
    assert document["target"]["classes"] == []
    assert document["target"]["errors"]["test_rmse"]["n"] == 200
    assert from_json(to_json(report)).target.errors is not None
    assert to_csv(report).startswith(b"Percentage Data,Member Accuracy,")
    assert to_csv(report).count(b"\n") > 5


def test_errors_in_a_tiny_unit_are_not_rounded_away(tmp_path: Path) -> None:
    x, y = numbers(100, seed=7)
    report = audited(bundle_of(tmp_path, KNeighborsRegressor(3), x, 1e-12 * y), **REFERENCED)
    errors = from_json(to_json(report)).target.errors
    assert errors is not None
    assert 0.0 < errors.test_rmse.low < errors.test_rmse.value < 1e-11
    assert "e−1" in render(Audited(report))


def test_a_gate_asks_nothing_about_classes(report: MembershipReport) -> None:
    limits = {"max_auc": 1.0, "max_tpr_at_fpr": {}}
    found = gate(report, policy_from({"membership": limits}))
    assert found.outcome is GateOutcome.PASSED
    assert {rule.rule for rule in found.rules} == {"max_auc", "required_attacks.rmia"}
    assert (
        gate(report, policy_from({"membership": {"max_auc": 0.6, "max_tpr_at_fpr": {}}})).outcome
        is GateOutcome.FAILED
    )


def test_a_rounded_regressor_is_compared_with_the_bare_one(forest: Path, report: MembershipReport) -> None:
    rounded = audited(forest, attacks=["loss", "rmia"], defences=["rounding=0"])
    assert any("Rounded answers (0 decimals)" in notice.message for notice in rounded.warnings)
    found = compare([report], [rounded])
    assert found.accuracy is not None
    with pytest.raises(BadParameters) as caught:
        audited(forest, defences=["top_k"])
    assert caught.value.problem == "defence_of_classes"
    assert "rounding" in (caught.value.hint or "")


def test_trade_offs_train_regressors_with_larger_leaves(forest: Path) -> None:
    found = audited(forest, attacks=["rmia"], tradeoffs=True).tradeoffs
    assert found is not None
    assert {"as it is", "min_samples_leaf=5"} <= {change.name for change in found.changes}
    assert {change.kind for change in found.changes} == {"as_it_is", "training"}


def test_a_model_without_a_setting_to_change_says_so(tmp_path: Path) -> None:
    x, y = numbers(100, seed=8)
    report = audited(bundle_of(tmp_path, LinearRegression(), x, y), **(REFERENCED | {"tradeoffs": True}))
    assert report.tradeoffs is not None
    assert "no setting" in (report.tradeoffs.withheld or "")


def test_a_model_of_other_records_does_not_fit(tmp_path: Path) -> None:
    x, y = numbers(200, seed=9)
    model = RandomForestRegressor(10, random_state=0).fit(x[:100, ::-1], y[:100])
    report = audited(bundle_of(tmp_path, model, x, y, fit=False), **REFERENCED)
    assert "does_not_fit_members" in {notice.code for notice in report.warnings}
    constant = audited(bundle_of(tmp_path / "constant", DummyRegressor(), x, y), **REFERENCED)
    assert constant.verdict.severity is not Severity.LOW


# ---------------------------------------------------------------- the label column


def test_the_label_is_found_by_what_the_model_predicts(tmp_path: Path) -> None:
    x, y = numbers(100, seed=10)
    bundle = bundle_of(tmp_path, LinearRegression(), x, y, names=False, label="price")
    report = audited(bundle, **REFERENCED)
    assert any("“price” was taken for the label" in notice.message for notice in report.warnings)


def test_a_label_called_otherwise_is_found_by_the_names_of_features(tmp_path: Path) -> None:
    x, y = numbers(100, seed=11)
    assert audited(bundle_of(tmp_path, LinearRegression(), x, y, label="price"), **REFERENCED)


@pytest.mark.parametrize(
    ("cells", "problem", "told"),
    [
        (["low", "high"], "labels_not_numbers", "label_column"),
        (["52,310", "1.5"], "labels_not_numbers", "thousands separators"),
        (["2024-01-01", "2.5"], "labels_not_numbers", "LinearRegression predicts numbers"),
        (["", "1"], "missing_labels", "Fill in"),
        (["NaN", "1"], "missing_labels", "Fill in"),
        (["inf", "1"], "labels_out_of_range", "another unit"),
        (["-1e308", "1e308"], "labels_out_of_range", "another unit"),
        (["7.5", "7.50"], "one_label", "different numbers"),
    ],
)
def test_labels_that_are_no_numbers_are_refused_by_name(
    cells: list[str], problem: str, told: str, tmp_path: Path
) -> None:
    x, y = numbers(100, seed=12)
    bundle = bundle_of(tmp_path, LinearRegression(), x, y)
    for name in ("train_mia.csv", "test_mia.csv"):
        table = pd.read_csv(bundle / name, dtype=str)
        table["label"] = (cells * 50)[:50]
        table.to_csv(bundle / name, index=False)
    error = refusal(bundle)
    assert isinstance(error, BadBundle)
    assert error.problem == problem
    assert told in (error.hint or "")
    assert "train_mia.csv" in error.message
    if problem != "one_label":
        assert "line 2" in error.message or "line 3" in error.message
    assert not any(cell in error.message for cell in cells if len(cell) > 3)


def test_one_word_among_numbers_is_told_by_its_line(tmp_path: Path) -> None:
    x, y = numbers(100, seed=13)
    bundle = bundle_of(tmp_path, LinearRegression(), x, y)
    table = pd.read_csv(bundle / "train_mia.csv", dtype=str)
    table.loc[7, "label"] = "unknown"
    table.to_csv(bundle / "train_mia.csv", index=False)
    error = refusal(bundle)
    assert error.problem == "labels_not_numbers"
    assert "has 1 records" in error.message
    assert "line 9" in error.message


def test_decimal_commas_and_parquet_numbers_are_read(tmp_path: Path) -> None:
    x, y = numbers(100, seed=14)
    bundle = bundle_of(tmp_path, KNeighborsRegressor(1), x, y)
    expected = audited(bundle, **REFERENCED)
    for name in ("train_mia", "test_mia"):
        table = pd.read_csv(bundle / f"{name}.csv")
        table.to_csv(bundle / f"{name}.csv", index=False, sep=";", decimal=",")
    assert audited(bundle, **REFERENCED).target == expected.target
    for name in ("train_mia", "test_mia"):
        table = pd.read_csv(bundle / f"{name}.csv", sep=";", decimal=",")
        (bundle / f"{name}.csv").unlink()
        table.to_parquet(bundle / f"{name}.parquet")
    assert audited(bundle, **REFERENCED).target == expected.target


def test_dates_in_parquet_are_refused(tmp_path: Path) -> None:
    x, y = numbers(100, seed=15)
    bundle = bundle_of(tmp_path, LinearRegression(), x, y)
    for name in ("train_mia", "test_mia"):
        table = pd.read_csv(bundle / f"{name}.csv")
        table["label"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(50), unit="D")
        (bundle / f"{name}.csv").unlink()
        table.to_parquet(bundle / f"{name}.parquet")
    assert refusal(bundle).problem == "unsupported_column"


# ---------------------------------------------------------------- hostile and broken models


def _two(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.column_stack([y, x[:, 0]])


@pytest.mark.parametrize(
    "model",
    [
        RandomForestRegressor(2),
        LinearRegression(),
        KNeighborsRegressor(2),
        MLPRegressor(hidden_layer_sizes=(2,), max_iter=20),
        MultiOutputRegressor(Ridge()),
        RegressorChain(Ridge()),
        make_pipeline(StandardScaler(), Ridge()),
        TransformedTargetRegressor(Ridge()),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_model_of_several_numbers_is_refused(model: Any, tmp_path: Path) -> None:
    x, y = numbers(60, seed=16)
    fitted = model.fit(x[:30], _two(x, y)[:30])
    error = refusal(bundle_of(tmp_path, fitted, x, y, fit=False))
    assert isinstance(error, UnsupportedModel)
    assert error.problem == "multi_output"
    assert "several numbers" in error.message


class _Answers(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    def __init__(self, answer: Any = None) -> None:
        self.answer = answer

    def fit(self, x: Any, y: Any) -> _Answers:
        self.fitted_ = True
        return self

    def predict(self, x: Any) -> Any:
        return self.answer(len(x))


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda n: np.zeros((n, 2)), "multi_output"),
        (lambda n: np.zeros((n, 1, 1)), "prediction_failed"),
        (lambda n: np.zeros(n + 1), "prediction_failed"),
        (lambda n: 1.0, "prediction_failed"),
        (lambda n: np.zeros(n, complex), "prediction_failed"),
        (lambda n: np.full(n, "a"), "prediction_failed"),
        (lambda n: np.full(n, None), "not_finite"),
        (lambda n: np.full(n, np.inf), "not_finite"),
        (lambda n: np.full(n, np.nan), "not_finite"),
        (lambda n: np.full(n, 1e101), "not_finite"),
    ],
)
def test_answers_that_are_no_numbers_are_refused(answer: Any, problem: str) -> None:
    target = SklearnTarget(_Answers(answer).fit([[0.0]], [0.0]))
    with pytest.raises(UnsupportedModel) as caught:
        target.predictions(np.zeros((5, 1)))
    assert caught.value.problem == problem


def test_a_column_of_answers_is_a_vector() -> None:
    target = SklearnTarget(_Answers(lambda n: np.ones((n, 1), np.float32)).fit([[0.0]], [0.0]))
    assert np.array_equal(target.predictions(np.zeros((3, 1))), np.ones(3))
    assert target.predictions(np.zeros((0, 1))).shape == (0,)
    assert target.gives == "predictions"
    with pytest.raises(UnsupportedModel):
        target.probabilities(np.zeros((3, 1)))


def test_infinite_coefficients_are_refused_by_what_they_predict(tmp_path: Path) -> None:
    x, y = numbers(60, seed=17)
    model = LinearRegression().fit(x[:30], y[:30])
    model.coef_[0] = np.inf
    assert refusal(bundle_of(tmp_path, model, x, y, fit=False)).problem == "not_finite"


def test_an_unfitted_regressor_and_a_clusterer_are_refused(tmp_path: Path) -> None:
    x, y = numbers(60, seed=18)
    assert refusal(bundle_of(tmp_path / "a", Ridge(), x, y, fit=False)).problem == "not_fitted"
    error = refusal(bundle_of(tmp_path / "b", StandardScaler().fit(x), x, y, fit=False))
    assert error.problem == "not_a_classifier"
    assert "neither a classifier nor a regressor" in error.message


def test_huge_labels_within_the_range_are_audited(tmp_path: Path) -> None:
    x, y = numbers(100, seed=19)
    report = audited(bundle_of(tmp_path, KNeighborsRegressor(1), x, 1e98 * y), **REFERENCED)
    assert report.verdict.severity in LEAKING
    assert json.loads(to_json(report))["target"]["errors"]["test_rmse"]["value"] > 1e97


# ---------------------------------------------------------------- in the caller's memory


def test_a_regressor_in_memory_gives_the_figures_of_its_file(tmp_path: Path) -> None:
    x, y = numbers(160, seed=20)
    bundle = bundle_of(tmp_path, KNeighborsRegressor(2), x, y, names=False)
    of_file = audited(bundle, **REFERENCED)
    model = KNeighborsRegressor(2).fit(x[:80], y[:80])
    in_memory = leakgauge.audit(model, x[:80], y[:80], x[80:], y[80:], parameters=REFERENCED)
    assert in_memory.target == from_json(to_json(of_file)).target
    areas = [attack.metrics.auc for attack in in_memory.attacks]
    assert areas == [attack.metrics.auc for attack in from_json(to_json(of_file)).attacks]


@pytest.mark.parametrize(
    ("labels", "problem"),
    [(["a", "b"], "labels_not_numbers"), ([np.inf, 1.0], "labels_not_numbers"), ([2.0, 2.0], "one_label")],
)
def test_labels_in_memory_that_are_no_numbers_are_refused(labels: list[Any], problem: str) -> None:
    x, y = numbers(80, seed=21)
    model = Ridge().fit(x[:40], y[:40])
    with pytest.raises(BadBundle) as caught:
        leakgauge.audit(model, x[:40], labels * 20, x[40:], labels * 20, parameters=REFERENCED)
    assert caught.value.problem == problem
    with pytest.raises(BadParameters):
        leakgauge.audit(model, x[:40], y[:40], x[40:], y[40:], parameters={"defences": ["top_k"]})
