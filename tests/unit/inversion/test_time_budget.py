"""An inversion audit that must end in time: what it costs is known, and searches watch the clock."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from template_target import SIDE, TemplateTarget

from leakgauge.estimates import Estimate
from leakgauge.exhaustion import NOT_AUDITED, Deadline
from leakgauge.inversion.attacks import ATTACKS
from leakgauge.inversion.evaluation import Evaluation
from leakgauge.inversion.inputs import Inputs
from leakgauge.inversion.masking import Examined, masking_of
from leakgauge.inversion.pace import FEWEST_ITERATIONS
from leakgauge.inversion.priors.choice import ChosenPrior
from leakgauge.inversion.priors.low_frequencies import low_frequencies
from leakgauge.inversion.probing import NOT_EXAMINED, too_slow
from leakgauge.inversion.protocol import AttackSettings
from leakgauge.inversion.running import Run, run_attacks
from leakgauge.inversion.time_budget import SENSIBLE, not_everything, within
from leakgauge.inversion.verdict import verdict
from leakgauge.progress import Calling, Silent
from leakgauge.report.model import InversionMeasured, InversionMetrics, NotApplicable, Recognition, Severity

SILENT = Silent()
SECONDS_A_QUERY = 0.01
SEEDS = 3
SECONDS_AN_ITERATION = 2 * SEEDS * SECONDS_A_QUERY
SPSA, CMA_ES, LABEL_ONLY = ATTACKS[:3]


class Clock:
    """A clock that stands still but for the queries that are answered."""

    def __init__(self):
        self.now = 0.0
        self.rate = 1.0

    def __call__(self):
        return self.now


class SlowTarget(TemplateTarget):
    """A target of so many classes whose every query takes a hundredth of a second."""

    def __init__(self, clock):
        super().__init__()
        self._clock = clock

    def probabilities(self, x):
        self._clock.now += SECONDS_A_QUERY * len(x) * self._clock.rate
        return super().probabilities(x)

    def labels(self, x):
        return self.probabilities(x).argmax(axis=1)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    """The clock is every thread's, so there is one."""
    monkeypatch.setattr("leakgauge.inversion.running.processors", lambda: 1)


def settings(*iterations):
    space = low_frequencies(np.full((SIDE, SIDE, 1), 0.5, dtype=np.float32))
    return AttackSettings(space=space, iterations=iterations, seeds=SEEDS)


def inputs(clock, *iterations, classes=10):
    """One class to reconstruct and up to nine to compare with."""
    return Inputs(
        target=SlowTarget(clock),
        facts=SimpleNamespace(classes=classes),
        original=np.zeros((SIDE, SIDE, 1), np.float32),
        original_class=0,
        classes=(0,),
        references=(),
        settings=settings(*iterations),
        prior=ChosenPrior(),
        evaluation=Evaluation(None, None, {}),
        examined=Examined((), 1e-30, 1.0),
        notices=(),
    )


def planned(given, attacks, clock, *, seconds, told=SILENT):
    deadline = Deadline(seconds, clock() + seconds, clock)
    return within(given, attacks, deadline=deadline, progress=told)


def run(clock, *iterations, seconds, attacks=(SPSA,), controls=(1, 2)):
    return run_attacks(
        [(attack, settings(*iterations)) for attack in attacks],
        SlowTarget(clock),
        classes=(0,),
        controls=controls,
        budget=None,
        seed=0,
        progress=Silent(),
        deadline=None if seconds is None else Deadline(seconds, clock() + seconds, clock),
    )


def test_the_cost_is_told_before_it_is_paid_with_a_budget_or_without(clock):
    told = []
    listener = Calling(lambda stage, _: told.append(stage))
    whole = 10 * 1_000 * SECONDS_AN_ITERATION
    found = planned(inputs(clock, 1_000), [SPSA], clock, seconds=2 * whole, told=listener)
    assert told == ["reconstructing takes up to 10 minutes"]
    assert clock.now < 0.01 * whole, "as good as paid"
    assert found.attacks == (SPSA,)
    assert found.controls == 9
    within(inputs(clock, 1_000), [SPSA], deadline=None, progress=listener)
    assert len(told) == 2


def test_what_a_verdict_does_not_need_is_left_out_before_reconstructions_show_nothing(clock):
    needed = SENSIBLE * SECONDS_AN_ITERATION
    twin = replace(SPSA, name="twin")
    every = planned(inputs(clock, 1_000), [SPSA, twin], clock, seconds=1.1 * 20 * needed)
    assert every.controls == 9
    fewer_classes = planned(inputs(clock, 1_000), [SPSA, twin], clock, seconds=1.1 * 10 * needed)
    assert fewer_classes.controls == 4
    assert fewer_classes.attacks == (SPSA, twin)
    one_search = planned(inputs(clock, 1_000), [SPSA, twin], clock, seconds=1.1 * 5 * needed)
    assert one_search.attacks[0] is SPSA
    assert "time_budget" in one_search.attacks[1].left_out


def test_below_a_sensible_number_nothing_is_audited_and_the_verdict_is_why(clock):
    found = planned(inputs(clock, 1_000), [SPSA], clock, seconds=1.0)
    (reason,) = [attack.left_out for attack in found.attacks]
    assert reason.startswith(NOT_AUDITED)
    told = verdict([SPSA.not_applicable(reason)], [], recognised=True)
    assert told.severity == "inconclusive"
    assert told.sentence == reason


def test_a_short_run_that_was_asked_for_is_run(clock):
    assert planned(inputs(clock, 5), [SPSA], clock, seconds=10.0).attacks == (SPSA,)


@pytest.mark.parametrize("attack", [SPSA, CMA_ES, LABEL_ONLY], ids=lambda attack: attack.name)
@pytest.mark.parametrize("slower_from", [None, 10.0, 25.0])
def test_searches_end_in_time_and_all_classes_at_the_same_step(clock, monkeypatch, attack, slower_from):
    answer = SlowTarget.probabilities

    def answer_more_slowly(self, x):
        clock.rate = 2.0 if slower_from is not None and clock.now > slower_from else 1.0
        return answer(self, x)

    monkeypatch.setattr(SlowTarget, "probabilities", answer_more_slowly)
    (found,) = run(clock, 50, 10_000, seconds=40.0, attacks=[attack])
    assert isinstance(found, Run)
    assert found.stopped
    assert clock.now <= 40.0
    assert clock.now >= (28.0 if slower_from is None else 20.0), "time was left lying"
    steps = {len(one.curve) for one in found.every.values()}
    ends = {(one.frames[-1].iterations, one.frames[-1].queries) for one in found.every.values()}
    assert len(steps) == 1
    assert len(ends) == 1 or attack is LABEL_ONLY  # which looks for a start as long as it takes
    assert found.reconstructed[0].frames[0].iterations == 50


def test_a_search_that_was_stopped_gives_what_a_shorter_one_would_have(clock):
    (stopped,) = run(clock, 10_000, seconds=30.0)
    after = stopped.reconstructed[0].frames[-1].iterations
    (short,) = run(clock, after, seconds=None)
    for number in (0, 1, 2):
        last, expected = stopped.every[number].frames[-1], short.every[number].frames[-1]
        assert last.iterations == expected.iterations
        assert np.array_equal(last.images, expected.images)


def test_nothing_depends_on_a_clock_that_does_not_bind(clock):
    (free,), (timed,) = (run(clock, 20, 60, seconds=seconds) for seconds in (None, 1_000.0))
    assert not timed.stopped
    for number in (0, 1, 2):
        assert [frame.iterations for frame in timed.every[number].frames] == [
            frame.iterations for frame in free.every[number].frames
        ]
        assert np.array_equal(timed.every[number].frames[-1].images, free.every[number].frames[-1].images)


def test_the_time_goes_to_the_attacks_evenly_and_what_one_leaves_to_the_next(clock):
    left_out = replace(SPSA, name="other").without("not now")
    twin = replace(SPSA, name="twin")
    first, none, second = run(clock, 10_000, seconds=40.0, attacks=[SPSA, left_out, twin])
    assert isinstance(none, NotApplicable)
    assert none.reason == "not now"
    assert 30.0 <= clock.now <= 40.0
    assert second.reconstructed[0].frames[-1].iterations >= first.reconstructed[0].frames[-1].iterations


def test_too_few_iterations_are_no_reconstruction(clock):
    seconds = 0.5 * 3 * FEWEST_ITERATIONS * SECONDS_AN_ITERATION
    (found,) = run(clock, 10_000, seconds=seconds)
    assert isinstance(found, NotApplicable)
    assert found.reason.startswith(NOT_AUDITED)
    (nothing,) = run(clock, 10_000, seconds=0.0, attacks=[LABEL_ONLY])
    assert isinstance(nothing, NotApplicable)
    assert nothing.reason.startswith(NOT_AUDITED)
    assert clock.now < 2 * seconds


def test_the_report_says_what_was_cut_and_nothing_is_ruled_out_by_it(clock):
    deadline = Deadline(40.0, clock() + 40.0, clock)
    (found,) = run(clock, 10_000, seconds=40.0)
    (notice,) = not_everything([found], [SPSA, SPSA.without("no")], controls=4, deadline=deadline)
    assert notice.code == "fewer_iterations"
    for part in ("iterations", "at most 4 other classes", "1 attacks were left out", "time_budget"):
        assert part in notice.message
    assert not_everything([], [SPSA.without("no")], controls=9, deadline=deadline) == ()
    assert not_everything([replace(found, stopped=False)], [SPSA], controls=9, deadline=deadline) == ()


def test_a_short_search_that_shows_nothing_rules_nothing_out():
    estimate = Estimate(0.0, 0.0, 0.05, 3)
    measured = InversionMeasured(
        "spsa", "Spsa", "probabilities", "", 100, InversionMetrics(estimate, estimate, estimate, estimate)
    )
    nothing = SimpleNamespace(
        attack="spsa",
        target_class=0,
        queries=100,
        similarity=SimpleNamespace(pearson=0.1),
        chance=0.1,
        chance_source="others",
        ceiling=1.0,
        leakage=estimate,
        leakage_corrected=estimate,
        judgement=None,
    )
    seen = Recognition("spsa", Estimate(0.0, 0.0, 0.05, 50), 0.1, resolves=True)
    found = {
        in_full: verdict([measured], [nothing], recognised=True, recognition=[seen], in_full=in_full)
        for in_full in (True, False)
    }
    assert found[True].severity is Severity.LOW
    assert found[False].severity is Severity.INCONCLUSIVE
    assert any("time_budget" in reason for reason in found[False].reasons)


def test_a_model_too_slow_to_be_probed_is_not_asked_and_the_report_says_why(clock):
    target = SlowTarget(clock)
    target.facts = SimpleNamespace(shape=(SIDE, SIDE, 1))
    assert too_slow(target, 100, None) == ()
    assert target.queries == 0
    assert too_slow(target, 0, Deadline(60.0, clock() + 60.0, clock)) == ()
    (notice,) = too_slow(target, 100, Deadline(20.0, clock() + 20.0, clock))
    assert clock.now < 1.0
    given = replace(inputs(clock, 1_000), notices=(notice,))
    asked = clock.now
    found = planned(given, [SPSA, CMA_ES], clock, seconds=20.0)
    assert {attack.left_out for attack in found.attacks} == {notice.message}
    assert notice.message.startswith(NOT_AUDITED)
    assert clock.now == asked
    assert "not looked for" in masking_of(NOT_EXAMINED, Severity.INCONCLUSIVE).sentence
