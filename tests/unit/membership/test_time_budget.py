"""A membership audit within a `time_budget`: it knows its length, ends in time and says what it lacks."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pools import inputs_of, records
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from leakgauge.exhaustion import NOT_AUDITED
from leakgauge.membership import audit as auditing
from leakgauge.membership.attacks import ATTACKS
from leakgauge.membership.duration import FEWEST, SECOND_PART, SOON, carried_on
from leakgauge.membership.refitting import Refitting
from leakgauge.parameters import membership_parameters
from leakgauge.progress import Calling
from leakgauge.report.model import Failed, MembershipMeasured, Severity
from leakgauge.terminal import shown_progress

pytestmark = pytest.mark.usefixtures("few_trees")
QUICK = ("gap", "loss", "learned_gb", "rmia", "lira", "rmia_offline")


class Clock:
    """Stands still but for what the test says that work takes."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@cache
def small():
    members, others = records(60, seed=0), records(60, seed=1)
    return inputs_of(DecisionTreeClassifier(random_state=0).fit(*members), members, others)


def audited(clock, *, seconds, told=None, reading=0.0, inputs=None, attacks=QUICK, step=0.0, **parameters):
    """The report within a budget; every report of progress, so every step, takes `step` seconds."""

    def read():
        clock.now += reading
        return inputs or small()

    def listen(stage, fraction):
        clock.now += step
        if told is not None:
            told.append(stage)

    asked = {"reference_models": 8, "proportions": [50, 90], "attacks": list(attacks), **parameters}
    return auditing.conduct(
        read,
        membership_parameters(None, asked | {"time_budget": seconds}),
        {},
        Calling(listen),
        clock=clock,
    ).report


@cache
def whole():
    """The report with all the time there is, and how many steps it took."""
    clock = Clock()
    return audited(clock, seconds=None, step=1.0), clock.now


def outcome(report, name):
    return next(attack for attack in report.attacks if attack.name == name)


def left_out(report):
    return [notice.message for notice in report.warnings if notice.code == "no_time_for_everything"]


@pytest.mark.parametrize("share", [0.3, 0.8])
def test_the_whole_audit_keeps_to_its_time_and_names_what_it_left_out(share):
    full, steps = whole()
    clock = Clock()
    report = audited(clock, seconds=share * steps, step=1.0)
    assert clock.now <= 1.1 * share * steps
    (message,) = left_out(report)
    assert message.startswith(NOT_AUDITED)
    assert message.endswith("Raise time_budget to allow for it.")
    assert "only have shown more leakage" in message
    late = [attack for attack in report.attacks if isinstance(attack, Failed)]
    assert all(attack.reason.startswith(NOT_AUDITED) and attack.title in message for attack in late)
    assert not late or report.verdict.severity is not Severity.LOW
    for attack in report.attacks:
        if isinstance(attack, MembershipMeasured) and not attack.name.startswith(("rmia", "lira")):
            assert attack.metrics.auc == outcome(full, attack.name).metrics.auc


def test_with_time_for_all_the_budget_leaves_no_trace():
    full, steps = whole()
    report = audited(Clock(), seconds=2 * steps, step=1.0)
    told = {"time_budget": None}
    assert report.parameters | told == full.parameters | told
    for part in ("attacks", "verdict", "warnings", "table", "tradeoffs", "attributes", "records"):
        assert getattr(report, part) == getattr(full, part)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(0.02, 1.5), st.floats(0.0, 0.3), st.randoms(use_true_random=False))
def test_whatever_steps_take_the_audit_ends_in_time_and_is_never_low_without_all(share, reading, random):
    """Steps of any length up to a twentieth of the budget, and reading that takes up to a third of it."""
    _, steps = whole()
    seconds = share * steps / 2
    clock = Clock()

    class Uneven(float):
        def __radd__(self, other):
            return other + random.random() * min(1.0, seconds / 20)

    report = audited(clock, seconds=seconds, reading=reading * seconds, step=Uneven())
    assert clock.now <= 1.1 * seconds
    late = [attack for attack in report.attacks if isinstance(attack, Failed)]
    assert all(attack.reason.startswith(NOT_AUDITED) for attack in late)
    assert not late or report.verdict.severity is not Severity.LOW
    assert bool(left_out(report)) >= bool(late)


def test_reading_counts_and_without_any_time_nothing_is_audited_and_the_report_says_so():
    clock = Clock()
    report = audited(clock, seconds=10.0, reading=11.0)
    assert all(isinstance(attack, Failed) for attack in report.attacks)
    assert report.verdict.severity is Severity.INCONCLUSIVE
    assert all(attack.title in left_out(report)[0] for attack in report.attacks)


def test_what_it_takes_is_told_before_it_is_done_with_a_budget_and_without(monkeypatch):
    clock, told = Clock(), []
    answers = Refitting.answers

    def slowly(self, rows, queried, *, seed, what):
        clock.now += 0.5 * len(rows)
        return answers(self, rows, queried, seed=seed, what=what)

    monkeypatch.setattr(Refitting, "answers", slowly)
    monkeypatch.setattr("leakgauge.membership.duration.processors", lambda: 1)
    audited(clock, seconds=None, told=told, attacks=("loss", "rmia"), tradeoffs=False)
    said = [stage for stage in told if stage.startswith("auditing ")]
    # eight models of sixty records each, half a second a record, and a third on top
    assert set(said) == {"auditing takes about 5 minutes: comparing members and non-members"}
    assert told.index(said[-1]) < told.index("training reference models")
    told.clear()
    audited(clock, seconds=100.0, told=told, attacks=("loss", "rmia"), tradeoffs=False)
    assert any(stage.startswith("auditing would take about 5 minutes and has ") for stage in told)


def test_the_command_line_says_what_it_takes_where_nobody_watches_a_bar(capsys):
    with shown_progress() as lines:
        auditing.audit(
            small(),
            parameters=membership_parameters(None, {"attacks": ["loss"], "tradeoffs": False}),
            attacks=tuple(attack for attack in ATTACKS if attack.name == "loss"),
            inputs_sha256={},
            progress=lines,
        )
    assert " 10% auditing takes about " in capsys.readouterr().err


def test_a_pair_of_models_that_would_not_end_in_time_is_not_begun(monkeypatch):
    clock, trained = Clock(), []
    answers = Refitting.answers

    def slowly(self, rows, queried, *, seed, what):
        clock.now += 0.01 * len(rows)
        trained.append(len(rows))
        return answers(self, rows, queried, seed=seed, what=what)

    monkeypatch.setattr(Refitting, "answers", slowly)
    members, others = records(1_600, seed=0), records(1_600, seed=1)
    inputs = inputs_of(DecisionTreeClassifier(random_state=0).fit(*members), members, others)
    report = audited(clock, seconds=16.0, inputs=inputs, attacks=("loss", "rmia", "lira"))
    assert max(trained) <= 400, "a full model takes 16 seconds"
    assert "reference models take about 16.0 seconds" in outcome(report, "rmia").reason
    assert "reference models take about" in outcome(report, "lira").reason
    assert clock.now <= 1.1 * 16.0
    assert report.verdict.severity is not Severity.LOW


def test_too_few_models_for_an_attack_are_no_reason_for_a_low_verdict(monkeypatch):
    """There is time for one pair: RMIA runs on it, LiRA takes two."""
    clock = Clock()
    answers = Refitting.answers

    def slowly(self, rows, queried, *, seed, what):
        clock.now += 1.0
        return answers(self, rows, queried, seed=seed, what=what)

    monkeypatch.setattr(Refitting, "answers", slowly)
    members, others = records(200, seed=0), records(200, seed=1)
    model = DecisionTreeClassifier(max_depth=1, random_state=0).fit(*members)
    limits = {"inputs": inputs_of(model, members, others), "attacks": ("loss", "rmia", "lira")}
    report = audited(clock, seconds=9.0, reference_models=4, tradeoffs=False, **limits)
    assert isinstance(outcome(report, "rmia"), MembershipMeasured)
    reason = outcome(report, "lira").reason
    assert reason.startswith(NOT_AUDITED)
    assert "2 of 4 reference models were trained" in reason
    assert report.verdict.severity is not Severity.LOW


@pytest.mark.parametrize(("power", "constant"), [(1.0, 0.0), (1.0, 5.0), (2.0, 0.0), (3.0, 0.0), (0.0, 5.0)])
@pytest.mark.parametrize("records", [20, 1_000, 30_000, 1_000_000])
def test_small_fits_tell_what_a_full_one_takes_however_it_grows(power, constant, records):
    clock, asked = Clock(), []

    def seconds(n):
        return constant + 0.01 * n**power

    def fit(n):
        asked.append(n)
        clock.now += seconds(n)

    found = carried_on(fit, records, clock=clock)
    assert found == pytest.approx(seconds(records), rel=0.01)
    assert records < FIRST_LARGE or sum(asked) < 0.35 * records
    assert len(asked) <= 2


FIRST_LARGE = 16 * FEWEST


def test_a_fit_that_takes_no_time_is_made_once_unless_it_must_be_the_same_number():
    clock, asked = Clock(), []
    assert carried_on(asked.append, 1_000, clock=clock) < SOON
    assert asked == [62]
    carried_on(asked.append, 1_000, clock=clock, always=True)
    assert asked[1:] == [62, SECOND_PART * 62]


@pytest.mark.parametrize("power", [0.3, 1.7])
def test_growth_between_is_bounded_by_its_neighbours(power):
    clock = Clock()

    def fit(n):
        clock.now += n**power

    found = carried_on(fit, 10_000, clock=clock)
    assert found >= 10_000**power * 0.99
    assert np.isfinite(found)


def test_estimating_changes_no_figure(monkeypatch):
    members, others = records(80, seed=0), records(80, seed=1)
    inputs = inputs_of(RandomForestClassifier(5, random_state=0).fit(*members), members, others)
    limits = {"inputs": inputs, "attacks": ("loss", "rmia"), "tradeoffs": False}
    before = audited(Clock(), seconds=None, **limits)
    monkeypatch.setattr("leakgauge.membership.gathering.seconds_a_model", lambda *_, **__: 0.0)
    assert audited(Clock(), seconds=None, **limits).attacks == before.attacks
