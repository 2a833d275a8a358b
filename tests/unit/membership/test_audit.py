"""The audit tells a model that memorises from one that has seen nothing, and says how sure it is."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from pools import inputs_of, records
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OutputCodeClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from leakgauge.attacks.row import NOT_INSTALLED, Unsuited
from leakgauge.attacks.table import chosen_attacks
from leakgauge.errors import AuditFailed, BadParameters
from leakgauge.estimates import for_cross_fitting, proportion
from leakgauge.extras import installed
from leakgauge.membership.attacks import ATTACKS
from leakgauge.membership.audit import audit
from leakgauge.membership.held_out import folds_for
from leakgauge.membership.protocol import Attack
from leakgauge.parameters import membership_parameters
from leakgauge.progress import Calling, Silent
from leakgauge.report.model import Failed, MembershipMeasured, MembershipReport, NotApplicable, Severity

pytestmark = pytest.mark.usefixtures("few_trees")

SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 5))]
QUICK = tuple(attack for attack in ATTACKS if attack.trains_nothing)


def run(inputs, attacks=QUICK, progress=None, **parameters) -> MembershipReport:
    return audit(
        inputs,
        # changes are tried by a test of their own, since they take as long as all the rest
        parameters=membership_parameters(None, {"reference_models": 4, "tradeoffs": False, **parameters}),
        attacks=attacks,
        inputs_sha256={"model.pkl": "0" * 64},
        progress=progress or Silent(),
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_a_model_that_has_seen_neither_table_is_not_called_leaky(seed: int) -> None:
    model = RandomForestClassifier(30, random_state=seed).fit(*records(800, seed=100 + seed))
    report = run(
        inputs_of(model, records(800, seed=200 + seed), records(800, seed=300 + seed)),
        attacks=ATTACKS,
        proportions=[90],
        seed=seed,
    )
    assert report.verdict.severity in (Severity.LOW, Severity.INCONCLUSIVE)
    measured = [attack for attack in report.attacks if isinstance(attack, MembershipMeasured)]
    assert {"gap", "loss", "learned_rf", "label_only", "rmia", "lira"} <= {attack.name for attack in measured}
    for attack in measured:
        assert attack.metrics.auc_corrected.low <= 0.5
        assert attack.metrics.empirical_epsilon == 0.0
    assert all(row.attack_accuracy.low <= 0.52 for row in report.table)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_model_that_memorises_is_called_leaky(seed: int) -> None:
    members = records(600, seed=seed)
    report = run(
        inputs_of(
            RandomForestClassifier(30, random_state=seed).fit(*members), members, records(600, seed=50 + seed)
        ),
        attacks=ATTACKS,
        proportions=[90],
        seed=seed,
    )
    assert report.verdict.severity in (Severity.HIGH, Severity.CRITICAL)
    assert "guessing gives 50" in report.verdict.sentence
    assert report.target.train_accuracy.value > report.target.test_accuracy.value + 0.2
    assert any("closely" in advice.title for advice in report.recommendations)


def test_a_few_records_never_earn_a_low() -> None:
    x, y = records(60, seed=0)
    model = LogisticRegression().fit(*records(500, seed=1))
    report = run(inputs_of(model, (x[:30], y[:30]), (x[30:], y[30:])))
    assert report.verdict.severity is Severity.INCONCLUSIVE
    assert any("more records" in advice.title for advice in report.recommendations)
    for attack in report.attacks:
        assert isinstance(attack, MembershipMeasured)
        assert attack.metrics.tpr_at_fpr["0.01"].value is None
        assert "cannot resolve" in (attack.metrics.tpr_at_fpr["0.01"].withheld or "")


def test_tables_from_different_sources_do_not_pass_for_a_leak() -> None:
    x, y = records(500, seed=0)
    other, other_y = records(500, seed=1)
    model = LogisticRegression().fit(*records(500, seed=2))
    report = run(inputs_of(model, (x, y), (other + 2.0, other_y)))
    assert "tables_differ" in [notice.code for notice in report.warnings]
    assert report.verdict.severity is Severity.INCONCLUSIVE
    assert any("differ" in reason for reason in report.verdict.reasons)


def test_labels_alone_are_attacked_by_labels_and_the_rest_says_why_not() -> None:
    members = records(400, seed=0)
    model = OutputCodeClassifier(LinearSVC(), random_state=0).fit(*members)
    report = run(inputs_of(model, members, records(400, seed=1)), attacks=ATTACKS)
    outcomes = {attack.name: attack for attack in report.attacks}
    for outcome in outcomes.values():
        if outcome.threat_model == "labels":
            assert isinstance(outcome, MembershipMeasured)
        elif outcome.threat_model == "probabilities":
            assert isinstance(outcome, NotApplicable)
            library = next(attack.library for attack in ATTACKS if attack.name == outcome.name)
            absent = library is not None and not installed(library)
            assert (NOT_INSTALLED if absent else "labels alone") in outcome.reason
    assert report.table == ()


def test_the_same_seed_gives_the_same_report_and_another_seed_another() -> None:
    members, non_members = records(120, seed=0), records(120, seed=1)
    model = RandomForestClassifier(10, random_state=0).fit(*members)
    first, second, other = (
        run(inputs_of(model, members, non_members), attacks=ATTACKS, proportions=[90], seed=seed)
        for seed in (7, 7, 8)
    )
    assert first == second
    assert first.attacks != other.attacks


def test_the_order_of_attacks_changes_no_figure() -> None:
    members, non_members = records(300, seed=0), records(300, seed=1)
    model = RandomForestClassifier(10, random_state=0).fit(*members)
    forward = run(inputs_of(model, members, non_members), attacks=QUICK)
    backward = run(inputs_of(model, members, non_members), attacks=QUICK[::-1])
    assert {a.name: a for a in forward.attacks} == {a.name: a for a in backward.attacks}


def test_unequal_tables_do_not_tilt_the_scales() -> None:
    model = RandomForestClassifier(20, random_state=0).fit(*records(500, seed=9))
    report = run(
        inputs_of(model, records(1500, seed=1), records(300, seed=2)), attacks=ATTACKS, proportions=[50, 90]
    )
    for row in report.table:
        assert row.attack_accuracy.low <= 0.52
        assert abs(row.member_accuracy.value + row.non_member_accuracy.value - 1) < 0.15


def test_one_class_or_group_that_leaks_is_found() -> None:
    members, non_members = records(1200, seed=0), records(1200, seed=1)
    group = np.where(np.arange(2400) % 3 == 0, "small", "large")
    memorised = np.arange(1200) % 3 == 0
    model = DecisionTreeClassifier(random_state=0).fit(members[0][memorised], members[1][memorised])
    report = run(inputs_of(model, members, non_members, group), attacks=QUICK)
    slices = {(part.by, part.name): part for part in report.slices}
    assert slices["group", "small"].auc.low > slices["group", "large"].auc.high
    assert any("group that leaks most" in advice.title for advice in report.recommendations)


def test_small_slices_are_withheld_by_name() -> None:
    members, non_members = records(200, seed=0), records(200, seed=1)
    group = np.array(["rare"] * 5 + ["common"] * 395)
    report = run(inputs_of(LogisticRegression().fit(*members), members, non_members, group))
    rare = next(part for part in report.slices if part.name == "rare")
    assert rare.auc is None
    assert "5 members" in (rare.withheld or "")


def test_a_constant_model_gives_nothing_away() -> None:
    members, non_members = records(800, seed=0), records(800, seed=1)
    report = run(inputs_of(DummyClassifier(strategy="prior").fit(*members), members, non_members))
    assert report.verdict.severity in (Severity.LOW, Severity.INCONCLUSIVE)


def test_an_attack_that_fails_is_told_and_forbids_a_low() -> None:
    def broken(target, pool, *, rng, progress):
        raise ZeroDivisionError("secret value 4711")

    def unsuited(target, pool, *, rng, progress):
        raise Unsuited("needs a forest")

    members, non_members = records(900, seed=0), records(900, seed=1)
    inputs = inputs_of(LogisticRegression().fit(*records(900, seed=2)), members, non_members)
    rows = (
        *QUICK,
        Attack("broken", "Broken", "probabilities", "-", broken),
        Attack("unsuited", "Unsuited", "model_file", "-", unsuited),
    )
    report = run(inputs, attacks=rows)
    assert isinstance(report.attacks[-2], Failed)
    assert "ZeroDivisionError" in report.attacks[-2].reason
    assert "secret value" not in repr(report)
    assert isinstance(report.attacks[-1], NotApplicable)
    assert report.attacks[-1].reason == "needs a forest"
    assert report.verdict.severity is Severity.INCONCLUSIVE
    with pytest.raises(AuditFailed, match="Every attack failed"):
        run(inputs, attacks=rows[-2:-1])


def test_leaving_out_the_attacks_with_reference_models_earns_no_low() -> None:
    members, non_members = records(900, seed=0), records(900, seed=1)
    inputs = inputs_of(LogisticRegression().fit(*records(900, seed=2)), members, non_members)
    report = run(inputs, attacks=QUICK)
    assert report.verdict.severity is Severity.INCONCLUSIVE
    assert "No attack that uses them was asked for" in report.verdict.reasons[-1]


def test_attacks_on_the_model_file_do_not_enter_the_verdict() -> None:
    def perfect(target, pool, *, rng, progress):
        return pool.member.astype(float)

    def broken(target, pool, *, rng, progress):
        raise ZeroDivisionError

    members, non_members = records(900, seed=0), records(900, seed=1)
    inputs = inputs_of(LogisticRegression().fit(*records(900, seed=2)), members, non_members)
    rows = (
        *QUICK,
        *(attack for attack in ATTACKS if attack.name == "rmia"),
        Attack("perfect", "Perfect", "model_file", "-", perfect),
        Attack("broken", "Broken", "model_file", "-", broken),
    )
    report = run(inputs, attacks=rows)
    assert report.attacks[-2].metrics.auc.value == 1.0
    assert isinstance(report.attacks[-1], Failed)
    assert report.verdict.severity is Severity.LOW
    assert "perfect" not in repr(report.verdict).lower()
    assert {record.attack for record in report.records} <= {attack.name for attack in rows[:-2]}
    alone = run(inputs, attacks=rows[-2:-1])
    assert alone.verdict.severity is Severity.INCONCLUSIVE


def test_attacks_share_their_reference_models_and_say_when_there_are_none() -> None:
    members, non_members = records(300, seed=0), records(300, seed=1)
    model = RandomForestClassifier(10, random_state=0).fit(*members)
    both = [attack for attack in ATTACKS if attack.name in ("rmia", "lira")]
    trained: list[str] = []
    progress = Calling(lambda stage, fraction: trained.append(stage))
    together = run(inputs_of(model, members, non_members), attacks=both, progress=progress)
    assert trained.count("training reference models") == 4
    alone = run(inputs_of(model, members, non_members), attacks=both[1:])
    assert together.attacks[1].roc == alone.attacks[0].roc
    none = run(inputs_of(model, members, non_members), attacks=[*QUICK, *both], reference_models=0)
    assert all(isinstance(attack, NotApplicable) for attack in none.attacks[-2:])
    assert "reference_models is 0" in none.attacks[-1].reason


def test_changes_are_tried_where_reference_models_are_wanted_anyway() -> None:
    members, non_members = records(300, seed=0), records(300, seed=1)
    inputs = inputs_of(RandomForestClassifier(10, random_state=0).fit(*members), members, non_members)
    rmia = [attack for attack in ATTACKS if attack.name == "rmia"]
    found = run(inputs, attacks=rmia, tradeoffs=True)
    assert found.tradeoffs is not None
    assert any(found.tradeoffs.sentence == advice.because for advice in found.recommendations)
    assert not any("closely" in advice.title for advice in found.recommendations)
    assert run(inputs, attacks=rmia, tradeoffs=False).tradeoffs is None
    assert run(inputs, attacks=QUICK, tradeoffs=True).tradeoffs is None


def test_unknown_attacks_are_refused_by_name() -> None:
    with pytest.raises(BadParameters, match="tarot") as caught:
        chosen_attacks(["gap", "tarot"], ATTACKS)
    assert "loss" in caught.value.hint
    assert [attack.name for attack in chosen_attacks(["loss", "gap"], ATTACKS)] == ["gap", "loss"]


def test_progress_never_falls_and_ends_near_one() -> None:
    told: list[float] = []
    members, non_members = records(200, seed=0), records(200, seed=1)
    run(
        inputs_of(LogisticRegression().fit(*members), members, non_members),
        attacks=ATTACKS,
        proportions=[50, 90],
        progress=Calling(lambda stage, fraction: told.append(fraction)),
    )
    assert told == sorted(told)
    assert told[-1] > 0.9


def test_the_insights_follow_from_figures() -> None:
    members = records(400, seed=0)
    model = RandomForestClassifier(10, random_state=0).fit(*members)
    report = run(inputs_of(model, members, records(400, seed=1)), attacks=ATTACKS)
    ease, difficulty, exposed_to_all = report.insights
    assert {"attack_accuracy", "auc"} <= set(ease.figures)
    assert {"gain_of_more_data", "gain_of_attack_model"} <= set(difficulty.figures)
    assert exposed_to_all.name == "exposed_to_all"
    assert any(record.draw_error is not None for record in report.records)
    assert [row.percentage for row in report.table] == list(range(10, 100, 10))
    assert len(report.leak_by_proportion) == 27
    for row in report.table:
        same = [other for other in report.leak_by_proportion if other.percentage == row.percentage]
        # chosen on other records than it is judged on: never better than the best by more than luck allows
        assert row.attack_accuracy.value <= max(other.attack_accuracy.value for other in same) + 0.01
    for row in report.leak_by_proportion:  # all are scored out of fold
        for share in (row.member_accuracy, row.non_member_accuracy):
            independent = proportion(round(share.value * share.n), share.n)
            assert share == for_cross_fitting(independent, folds_for(row.percentage))
    assert dataclasses.is_dataclass(report)
