"""Whatever runs out of memory or time in a membership audit, the rest of the report stands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cases import CASES, audited
from pools import inputs_of, records
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from leakgauge.errors import AuditFailed, AuditTimeout, UnsupportedModel
from leakgauge.exhaustion import OUT_OF_MEMORY, Time
from leakgauge.membership import audit as auditing
from leakgauge.membership import gathering, held_out, proportions, tradeoffs
from leakgauge.membership.attacks import ATTACKS
from leakgauge.membership.protocol import Attack
from leakgauge.membership.refitting import Refitting
from leakgauge.parameters import membership_parameters
from leakgauge.progress import Silent
from leakgauge.report.model import Failed, MembershipMeasured, NotApplicable, Severity
from leakgauge.threads import one_processor_each

pytestmark = pytest.mark.usefixtures("few_trees")


def rows(*names):
    return tuple(attack for attack in ATTACKS if attack.name in names)


def hog(score, name="hog") -> Attack:
    return Attack(name, "A hog", "probabilities", "nobody", score)


def run(attacks, *, model=None, time=None, **parameters):
    members, others = records(120, seed=0), records(120, seed=1)
    model = model or RandomForestClassifier(10, random_state=0).fit(*members)
    settings = {"reference_models": 4, "tradeoffs": False, "proportions": [90], **parameters}
    return auditing.audit(
        inputs_of(model, members, others),
        parameters=membership_parameters(None, settings),
        attacks=attacks,
        inputs_sha256={},
        progress=Silent(),
        time=time,
    )


@pytest.fixture(scope="module")
def alone():
    """The report of two attacks that need nothing."""
    return run(rows("gap", "loss"))


def at_once(target, pool, *, rng, progress):
    np.empty(1 << 48)


def little_by_little(target, pool, *, rng, progress):
    kept = [target.probabilities(pool.x)]
    while True:
        kept.append(np.empty(1 << 48 - len(kept)))


def in_a_thread(target, pool, *, rng, progress):
    with one_processor_each(2) as threads:
        return np.concatenate(list(threads.map(np.empty, [10, 1 << 48])))


def wrapped(target, pool, *, rng, progress):
    try:
        np.empty(1 << 48)
    except MemoryError as error:
        raise UnsupportedModel("cannot_predict", "The model does not answer.", hint="None.") from error


def by_a_framework(target, pool, *, rng, progress):
    raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes.")


@pytest.mark.parametrize("score", [at_once, little_by_little, in_a_thread, wrapped, by_a_framework])
def test_an_attack_out_of_memory_is_an_outcome_and_changes_no_other(score, alone) -> None:
    plain = rows("gap", "loss")
    report = run((plain[0], hog(score), plain[1]))
    first, failed, last = report.attacks
    assert isinstance(failed, Failed)
    assert failed.reason == OUT_OF_MEMORY
    assert [attack.metrics.auc.value for attack in (first, last)] == [
        attack.metrics.auc.value for attack in alone.attacks
    ]


def test_an_attack_out_of_memory_forbids_a_low() -> None:
    model = LogisticRegression().fit(*records(300, seed=5))
    attacks = rows("gap", "loss", "rmia")
    shown = [run(more, model=model).verdict for more in ((*attacks, hog(at_once)), attacks)]
    assert shown[0].severity is Severity.INCONCLUSIVE
    assert any(OUT_OF_MEMORY in reason for reason in shown[0].reasons)
    assert not any(OUT_OF_MEMORY in reason for reason in shown[1].reasons)


def test_where_nothing_else_ran_the_audit_says_that_memory_ran_out() -> None:
    with pytest.raises(MemoryError):
        run((hog(at_once), hog(in_a_thread, name="other")))


def test_where_nothing_ran_for_want_of_time_the_audit_says_so() -> None:
    clock = Clock(1_000.0)
    with pytest.raises(AuditTimeout, match="no attack came to its end"):
        run((hog(endless(clock)), hog(at_once, name="other")), time=Time(clock))
    with pytest.raises(AuditFailed, match="Every attack failed"):
        run((hog(lambda *_, **__: [][0]), hog(at_once, name="other")))


def test_what_the_user_must_mend_still_ends_the_audit() -> None:
    def damaged(target, pool, *, rng, progress):
        raise UnsupportedModel("outputs_not_finite", "Not a number.", hint="Check the weights.")

    with pytest.raises(UnsupportedModel):
        run((*rows("gap"), hog(damaged)))


def test_reference_models_out_of_memory_fail_all_that_use_them_and_are_tried_once(monkeypatch) -> None:
    tried = []

    def answers(self, rows, asked, *, seed, what):
        tried.append(what)
        np.empty(1 << 48)

    monkeypatch.setattr(Refitting, "answers", answers)
    report = run(rows("loss", "rmia", "lira"), tradeoffs=True)
    loss, rmia, lira = report.attacks
    assert isinstance(loss, MembershipMeasured)
    assert (rmia.status, rmia.reason) == (lira.status, lira.reason) == ("failed", OUT_OF_MEMORY)
    assert report.tradeoffs.withheld == OUT_OF_MEMORY
    assert len(tried) <= 4


def test_where_reference_models_ran_out_of_memory_the_verdict_says_so(monkeypatch) -> None:
    def answers(self, rows, asked, *, seed, what):
        raise MemoryError

    monkeypatch.setattr(Refitting, "answers", answers)
    report = run(rows("gap", "loss", "rmia"), model=LogisticRegression().fit(*records(300, seed=5)))
    assert report.verdict.severity is Severity.INCONCLUSIVE
    assert OUT_OF_MEMORY in " ".join(report.verdict.reasons)
    assert "No attack that uses them was asked for" not in " ".join(report.verdict.reasons)


def test_a_change_out_of_memory_is_left_out_of_the_trade_offs_alone(monkeypatch) -> None:
    answers = Refitting.answers

    def some(self, rows, asked, *, seed, what):
        if self.blank.get_params()["min_samples_leaf"] == 20:
            np.empty(1 << 48)
        return answers(self, rows, asked, seed=seed, what=what)

    monkeypatch.setattr(Refitting, "answers", some)
    found = run(rows("rmia"), tradeoffs=True).tradeoffs
    assert found.withheld is None
    assert [OUT_OF_MEMORY in left for left in found.left_out].count(True) == 1
    assert len(found.changes) > 2


def test_trade_offs_out_of_memory_are_withheld_and_the_attacks_stand(monkeypatch) -> None:
    def measure(*_, **__):
        raise MemoryError

    monkeypatch.setattr(tradeoffs, "_measure", measure)
    report = run(rows("rmia"), tradeoffs=True)
    assert isinstance(report.attacks[0], MembershipMeasured)
    assert report.tradeoffs.withheld == OUT_OF_MEMORY


def test_the_table_of_proportions_keeps_what_could_be_trained(monkeypatch) -> None:
    splits = held_out.splits

    def half(member, *, percentage, rng):
        if percentage == 50:
            np.empty(1 << 48)
        return splits(member, percentage=percentage, rng=rng)

    monkeypatch.setattr(held_out, "splits", half)
    report = run(rows("learned_gb"), proportions=[30, 50, 90])
    assert [row.percentage for row in report.table] == [30, 90]
    (notice,) = [notice for notice in report.warnings if notice.code == "shares_cut_short"]
    assert OUT_OF_MEMORY[1:] in notice.message
    assert "too few records" not in notice.message


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("std::bad_alloc")])
def test_without_memory_to_compare_the_tables_the_attacks_stand_and_the_report_says_so(
    monkeypatch, alone, error
) -> None:
    def full(pool, *, rng, progress):
        raise error

    monkeypatch.setattr(gathering, "distribution_shift", full)
    report = run(rows("gap", "loss"))
    assert report.attacks == alone.attacks
    (notice,) = [notice for notice in report.warnings if notice.code == "tables_not_compared"]
    assert OUT_OF_MEMORY in notice.message
    assert "tables_not_compared" not in {notice.code for notice in alone.warnings}


def test_another_error_while_the_tables_are_compared_is_no_want_of_memory(monkeypatch) -> None:
    def broken(pool, *, rng, progress):
        raise ZeroDivisionError

    monkeypatch.setattr(gathering, "distribution_shift", broken)
    with pytest.raises(ZeroDivisionError):
        run(rows("gap"))


def test_without_memory_for_the_table_of_proportions_the_attacks_stand(monkeypatch) -> None:
    def features(probabilities, y):
        return np.empty(1 << 48)

    monkeypatch.setattr(proportions, "attack_features", features)
    report = run(rows("learned_gb"))
    assert isinstance(report.attacks[0], MembershipMeasured)
    assert report.table == ()
    assert any(notice.code == "shares_cut_short" for notice in report.warnings)


class Clock:
    def __init__(self, seconds: float) -> None:
        self.left = seconds

    def __call__(self) -> float:
        return self.left


def endless(clock):
    def score(target, pool, *, rng, progress):
        while True:
            clock.left -= 1.0
            progress.report("searching", 0.5)

    return score


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_attack_without_an_end_is_an_outcome_and_the_others_are_all_there(place, alone) -> None:
    clock = Clock(1_000.0)
    attacks = list(rows("gap", "loss"))
    attacks.insert(place, hog(endless(clock)))
    report = run(tuple(attacks), time=Time(clock))
    failed = report.attacks[place]
    assert isinstance(failed, Failed)
    assert "used up its share of the audit's time, 600 seconds" in failed.reason
    others = [attack for attack in report.attacks if attack is not failed]
    assert [attack.metrics.auc for attack in others] == [attack.metrics.auc for attack in alone.attacks]
    assert report.verdict.severity is not Severity.LOW


def test_what_there_is_no_time_for_is_told_and_the_report_is_written() -> None:
    clock = Clock(1_000.0)

    def last(target, pool, *, rng, progress):
        clock.left = 50.0
        return target.probabilities(pool.x).max(axis=1)

    attacks = (hog(last), *rows("learned_gb", "rmia"))
    report = run(attacks, time=Time(clock), tradeoffs=True, proportions=[50, 90])
    assert isinstance(report.attacks[0], MembershipMeasured)
    assert all("before it could begin" in attack.reason for attack in report.attacks[1:])
    assert "before it could begin" in report.tradeoffs.withheld


def test_the_table_of_proportions_ends_when_its_time_does() -> None:
    clock = Clock(1_000.0)

    def last(target, pool, *, rng, progress):
        clock.left = 50.0
        return target.probabilities(pool.x).max(axis=1)

    slow = replace(hog(last), threat_model="model_file")  # which has its turn after those on answers
    report = run((*rows("learned_gb"), slow), time=Time(clock), proportions=[10, 50, 90])
    assert [row.percentage for row in report.table] == [90]
    assert any("before it could begin" in notice.message for notice in report.warnings)


def test_fewer_reference_models_are_trained_where_the_audit_has_less_time_than_they(monkeypatch) -> None:
    clock = Clock(100.0)
    answers = Refitting.answers

    def slowly(self, rows, asked, *, seed, what):
        clock.left -= 7.0
        return answers(self, rows, asked, seed=seed, what=what)

    monkeypatch.setattr(Refitting, "answers", slowly)
    report = run(rows("loss", "rmia"), time=Time(clock, clock=lambda: -clock.left), reference_models=16)
    rmia = report.attacks[1]
    assert isinstance(rmia, MembershipMeasured)
    (notice,) = [notice for notice in report.warnings if notice.code == "fewer_reference_models"]
    assert notice.message.startswith("Within 45 seconds ")
    assert "With more time" in notice.message
    assert "time_budget" not in notice.message


def test_a_forest_that_says_it_saw_half_a_million_rows_loses_no_attack_but_the_replay() -> None:
    report = audited(
        CASES / "tables" / "forest-500k-rows-1000-trees.zip",
        attacks=["gap", "loss", "leaf_counts", "bootstrap_replay"],
    )
    *others, replay = report.attacks
    assert all(isinstance(attack, MembershipMeasured) for attack in others)
    assert isinstance(replay, NotApplicable)
    assert "1,000 trees drew from 500,000 rows" in replay.reason
    assert "8.4 GiB of memory" in replay.reason
