"""Two attackers: what each is given, what each finds, and how sure their figures are."""

from __future__ import annotations

import dataclasses
import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cases import audited, refusal
from doubles import NoModel
from pools import records, referenced
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier

from leakgauge.estimates import Estimate, RateAtLimit, area_under_roc, jackknife_error, with_drawn
from leakgauge.membership.attacks import ATTACKS, lira_offline, rmia_offline
from leakgauge.membership.measure import decide, measure
from leakgauge.membership.pool import Pool, ReferenceAnswers, SharedAnswers
from leakgauge.progress import Silent
from leakgauge.report import risk
from leakgauge.report.model import DrawError, MembershipMeasured, Severity

FOREST = RandomForestClassifier(20, random_state=0)
QUICK = {"attacks": ["gap", "rmia", "rmia_offline"], "reference_models": 4, "tradeoffs": False}


def write_bundle(folder: Path, n: int, *, others: int | None = None, **tables: pd.DataFrame) -> Path:
    x, y = records(4 * n, seed=1)
    frame = pd.DataFrame(x, columns=[f"c{k}" for k in range(x.shape[1])]).assign(label=y)
    made = {"train_mia": frame[:n], "test_mia": frame[n : 2 * n]}
    if others is not None:
        made["population"] = frame[2 * n : 2 * n + others]
    for name, table in (made | tables).items():
        table.to_csv(folder / f"{name}.csv", index=False)
    model = clone(FOREST).fit(made["train_mia"].drop(columns="label"), made["train_mia"].label)
    (folder / "model.pkl").write_bytes(pickle.dumps(model))
    return folder


# --- what each finds --------------------------------------------------------------------------------


def test_who_knows_the_candidates_finds_more_than_who_has_other_data() -> None:
    x, y = records(800, seed=2)
    target, pool = referenced(
        clone(FOREST).fit(x[:400], y[:400]), (x[:400], y[:400]), (x[400:], y[400:]), models=16
    )
    areas = {}
    for attack in ATTACKS:
        if attack.referenced:
            scores = attack.score(target, pool, rng=np.random.default_rng(0), progress=Silent())
            areas[attack.name] = area_under_roc(scores, pool.member)
    assert areas["rmia"] > areas["rmia_offline"] > 0.6
    assert areas["lira"] > areas["lira_offline"] > 0.6


def test_offline_scores_are_those_of_the_papers() -> None:
    rng = np.random.default_rng(0)
    n, models = 50, 6
    pool = Pool(np.zeros((n, 1)), np.zeros(n, int), np.arange(n) < n // 2, np.arange(n))
    p_y, of_references = rng.uniform(0.1, 0.9, n), rng.uniform(0.1, 0.9, (models, n))
    answers = ReferenceAnswers(of_references.astype(np.float32), np.zeros((models, n), bool), 1)

    class Stub(NoModel):
        classes, has_probabilities, queries = np.array([0, 1]), True, 0

        def probabilities(self, x):
            return np.column_stack([p_y, 1 - p_y])

    target = SharedAnswers(Stub(), pool, references=lambda progress, **attacker: answers)
    ratio = rmia_offline.score(target, pool, rng=rng, progress=Silent())
    out = of_references.mean(axis=0)
    np.testing.assert_allclose(ratio, p_y / ((1.3 * out + 0.7) / 2), rtol=1e-6)
    above = lira_offline.score(target, pool, rng=rng, progress=Silent())
    odds = np.log(of_references / (1 - of_references))
    sign = np.sign(np.log(p_y / (1 - p_y)) - odds.mean(axis=0))
    np.testing.assert_array_equal(np.sign(above), sign)


# --- a table of other records -------------------------------------------------------------------------


def test_other_records_make_models_of_full_size_and_the_warning_go_away(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    alone = audited(write_bundle(tmp_path / "a", 150), **QUICK)
    beside = audited(write_bundle(tmp_path / "b", 150, others=300), **QUICK)
    codes = [{notice.code for notice in report.warnings} for report in (alone, beside)]
    assert "small_reference_models" in codes[0]
    assert "small_reference_models" not in codes[1]
    assert "population.csv" in beside.inputs
    figures = [{attack.name: attack.metrics for attack in report.attacks} for report in (alone, beside)]
    assert figures[0]["rmia"].auc == figures[1]["rmia"].auc
    assert figures[0]["rmia_offline"].auc != figures[1]["rmia_offline"].auc
    assert [finding.attacker for finding in beside.attackers] == ["candidates", "population"]


def test_other_records_that_are_in_question_are_left_out_and_told(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path, 100, others=100)
    others, members = (pd.read_csv(bundle / f"{name}.csv") for name in ("population", "train_mia"))
    pd.concat([others, members[:30]]).to_csv(bundle / "population.csv", index=False)
    notices = {notice.code: notice.message for notice in audited(bundle, **QUICK).warnings}
    assert notices["population_in_question"].startswith("30 records")
    members.to_csv(bundle / "population.csv", index=False)
    error = refusal(bundle)
    assert error.problem == "population_in_question"


def test_other_records_without_a_column_of_the_model_are_refused_by_name(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path, 100, others=60)
    others = pd.read_csv(bundle / "population.csv")
    others.drop(columns="c3").to_csv(bundle / "population.csv", index=False)
    error = refusal(bundle)
    assert "population.csv" in error.message
    assert "c3" in error.message


# --- how sure the figures are -------------------------------------------------------------------------


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    values = np.random.default_rng(0).normal(size=12)
    without = [np.delete(values, k).mean() for k in range(12)]
    assert jackknife_error(without) == pytest.approx(values.std(ddof=1) / np.sqrt(12))


def test_the_draw_widens_intervals_by_squares_and_never_past_a_share() -> None:
    found = Estimate(0.6, 0.57, 0.64, 100)
    assert with_drawn(found, 0.0) == found
    wider = with_drawn(found, 0.02)
    assert 0.6 - wider.low == pytest.approx(np.hypot(0.03, 1.959964 * 0.02))
    assert wider.high - 0.6 == pytest.approx(np.hypot(0.04, 1.959964 * 0.02))
    assert with_drawn(Estimate(0.99, 0.98, 1.0, 100), 0.1).high == 1.0
    withheld = RateAtLimit(None, None, None, 10, 0, "too few")
    assert with_drawn(withheld, 0.1) == withheld


def test_few_rounds_that_disagree_make_wide_intervals() -> None:
    member = np.arange(400) < 200
    rng = np.random.default_rng(0)
    scores = rng.normal(size=400) + 0.3 * member
    pool = Pool(np.zeros((400, 1)), np.zeros(400, int), member, np.arange(400))
    decisions = decide(scores, pool, threshold=None, rng=rng)

    def width(replicates) -> float:
        found = measure(
            scores, decisions, pool, comparisons=1, rng=np.random.default_rng(1), replicates=replicates
        )
        assert (found.draw_error.auc > 0) == bool(replicates)
        return found.auc.high - found.auc.low

    agreeing = [scores + 0.01 * rng.normal(size=400) for _ in range(4)]
    differing = [scores + shift * member for shift in (-0.6, -0.2, 0.2, 0.6)]
    assert width([]) < width(agreeing) < 1.05 * width([])
    assert width(differing) > 1.5 * width([])


# --- borderline ---------------------------------------------------------------------------------------


def outcome(low: float, high: float, error: float) -> MembershipMeasured:
    from report_examples import measured

    made = measured("rmia", "Rmia", "probabilities", "someone", strength=0.1, n=60)
    rate = {"0.01": RateAtLimit(0.01, 0.0, 0.02, 400, 4)}
    metrics = dataclasses.replace(
        made.metrics,
        auc_corrected=Estimate((low + high) / 2, low, high, 800),
        tpr_at_fpr_corrected=rate,
        draw_error=DrawError(error, 0.0, {"0.01": 0.0}),
    )
    return dataclasses.replace(made, metrics=metrics)


@pytest.mark.parametrize(
    ("low", "error", "severity", "borderline"),
    [
        (0.72, 0.0, Severity.HIGH, None),
        (0.72, 0.005, Severity.HIGH, None),
        (0.72, 0.02, Severity.HIGH, Severity.MODERATE),
        (0.68, 0.02, Severity.MODERATE, Severity.HIGH),
        (0.68, 0.001, Severity.MODERATE, None),
        (0.88, 0.02, Severity.HIGH, Severity.CRITICAL),
    ],
)
def test_a_verdict_that_another_draw_may_change_is_borderline(low, error, severity, borderline) -> None:
    verdict = risk.verdict([outcome(low, low + 0.1, error)], shift=None)
    assert (verdict.severity, verdict.borderline) == (severity, borderline)
    if borderline is not None:
        assert borderline.value in verdict.reasons[-1]


def test_a_low_verdict_can_be_borderline_too() -> None:
    assert risk.verdict([outcome(0.5, 0.59, 0.02)], shift=None).borderline is Severity.INCONCLUSIVE
    assert risk.verdict([outcome(0.5, 0.55, 0.002)], shift=None).borderline is None


@pytest.mark.slow
def test_twenty_seeds_on_a_table_at_a_border_agree_or_say_borderline(tmp_path: Path) -> None:
    x, y = records(400, seed=5)
    frame = pd.DataFrame(x, columns=[f"c{k}" for k in range(x.shape[1])]).assign(label=y)
    model = RandomForestClassifier(30, min_samples_leaf=12, random_state=0).fit(
        frame[:200].drop(columns="label"), y[:200]
    )
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    asked = {
        "attacks": ["gap", "loss", "learned_gb", "rmia", "lira"],
        "tradeoffs": False,
        "proportions": [90],
    }
    found = []
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(200)
        frame[:200].iloc[order].to_csv(tmp_path / "train_mia.csv", index=False)
        frame[200:].iloc[order].to_csv(tmp_path / "test_mia.csv", index=False)
        found.append(audited(tmp_path, seed=seed, **asked).verdict)
    usual = max({one.severity for one in found}, key=[one.severity for one in found].count)
    agreeing = [one for one in found if one.severity is usual or one.borderline is not None]
    assert len(agreeing) >= 19, json.dumps([(one.severity.value, str(one.borderline)) for one in found])
