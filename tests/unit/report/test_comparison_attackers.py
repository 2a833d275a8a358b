"""What a change does against each attacker, and what reconstructions of all classes decide."""

from __future__ import annotations

import dataclasses
import functools
import itertools

import pytest
from report_examples import inversion_audited

from leakgauge.estimates import Estimate, proportion
from leakgauge.report.comparison import compare
from leakgauge.report.comparison.model import Effect
from leakgauge.report.html import render_comparison
from leakgauge.report.model import InversionMeasured, Judgement, NotApplicable, Prototypes, Recognition

CLASSES, REFERENCES = 10, 400
SEES = {"label_only": "labels", "label_only_prior": "labels", "miface": "model_file"}


@functools.cache
def template():
    report = inversion_audited().report
    attack = next(each for each in report.attacks if isinstance(each, InversionMeasured))
    return report, attack, report.reconstructions[0]


def measured(name, leakage):
    figure = Estimate(leakage, max(leakage - 0.3, 0.0), min(leakage + 0.3, 1.0), 3)
    _, attack, _ = template()
    return dataclasses.replace(
        attack,
        name=name,
        title=name.upper(),
        threat_model=SEES.get(name, "probabilities"),
        with_prior=name.endswith("_prior"),
        metrics=dataclasses.replace(attack.metrics, leakage=figure),
    )


def report(*, iterations=250, recognised=None, leakage=0.5, **prototypes):
    """Accuracy as prototypes by attack, with as little said by the one image as is usual."""
    whole, _, one = template()
    shares = {} if recognised is None else recognised
    return dataclasses.replace(
        whole,
        parameters={**whole.parameters, "iterations": [iterations]},
        attacks=tuple(measured(name, leakage) for name in prototypes),
        prototypes=tuple(
            Prototypes(name, CLASSES, proportion(round(value * REFERENCES), REFERENCES), 0.1, 0.9)
            for name, value in prototypes.items()
            if value is not None
        ),
        recognition=tuple(
            Recognition(name, proportion(right, CLASSES, confidence=0.99), 0.1, resolves=True)
            for name, right in shares.items()
        ),
        reconstructions=tuple(
            dataclasses.replace(
                one,
                attack=name,
                target_class=number,
                judgement=Judgement(number < right, 0.5, None, None),
            )
            for (name, right), number in itertools.product(shares.items(), range(CLASSES))
        ),
    )


OPEN = {"spsa": 0.8, "label_only": 0.78}
WITH_PRIOR = {"spsa_prior": 0.82, "label_only_prior": 0.79}
SHUT = {"spsa": 0.12, "label_only": 0.15}


def effects(found):
    return {each.worst.scope: each.effect for each in found.attackers}


def test_where_one_image_says_nothing_reconstructions_of_all_classes_decide():
    found = compare(report(**OPEN), report(**SHUT))
    assert found.effect is Effect.REDUCES
    assert found.worst[0].measure == "prototypes"
    assert "prototypes" in found.sentence
    assert "No attacker with similar images was measured" in found.reasons[-1]
    assert {change.measure for change in found.worst} == {"prototypes", "leakage"}
    # without labelled images on both sides there is the one image alone
    for before, after in ((report(spsa=None, label_only=None), report(**SHUT)),):
        assert compare(before, after).worst[0].measure == "leakage"


def test_a_guard_reduces_for_who_only_asks_and_only_hides_once_there_is_a_prior():
    found = compare(report(**OPEN, **WITH_PRIOR), report(**SHUT, **WITH_PRIOR))
    assert found.effect is Effect.HIDES
    assert effects(found) == {"asks": Effect.REDUCES, "similar_images": Effect.HIDES}
    assert "one that has similar images" not in found.sentence
    assert "100 % of what it found before" in found.reasons[0]
    page = render_comparison(found)
    assert "Against whom" in page
    assert "The change only hides the leak" in page


def test_what_stops_both_reduces():
    found = compare(report(**OPEN, **WITH_PRIOR), report(**SHUT, spsa_prior=0.2, label_only_prior=0.2))
    assert found.effect is Effect.REDUCES
    assert set(effects(found).values()) == {Effect.REDUCES}
    assert not any("No attacker with similar" in reason for reason in found.reasons)


def test_ten_times_the_queries_are_an_attacker_of_their_own():
    near = (report(**OPEN), report(**SHUT))
    far = (report(iterations=2_500, **OPEN), report(iterations=2_500, spsa=0.79, label_only=0.7))
    found = compare([near[0], far[0]], [near[1], far[1]])
    assert found.runs == 1
    assert len(found.before) == len(found.after) == 2
    assert effects(found) == {"asks": Effect.REDUCES, "more_queries": Effect.HIDES}
    assert found.effect is Effect.HIDES
    # somewhat more is a run like the others
    some = report(iterations=2_499, **OPEN), report(iterations=2_499, **SHUT)
    assert compare([near[0], some[0]], [near[1], some[1]]).runs == 2


def test_the_model_file_is_told_and_does_not_decide():
    found = compare(report(**OPEN, miface=0.8), report(**SHUT, miface=0.8))
    assert found.effect is Effect.REDUCES
    assert effects(found) == {"asks": Effect.REDUCES, "model_file": Effect.NO_EFFECT}


@pytest.mark.parametrize("gone", ["spsa", "spsa_prior"])
def test_an_attack_that_could_not_be_run_is_not_one_that_found_nothing(gone):
    before = report(**OPEN, **WITH_PRIOR)
    after = report(**SHUT, spsa_prior=0.1, label_only_prior=0.1)
    lacking = tuple(
        NotApplicable(each.name, each.title, each.threat_model, "someone", "it does not apply")
        if each.name == gone
        else each
        for each in after.attacks
    )
    found = compare(before, dataclasses.replace(after, attacks=lacking))
    assert found.effect is Effect.INCONCLUSIVE
    known = effects(found)
    assert known["similar_images"] is Effect.INCONCLUSIVE
    assert known["asks"] is (Effect.INCONCLUSIVE if gone == "spsa" else Effect.REDUCES)


def test_recognition_is_paired_over_classes_and_seeds():
    before = report(recognised={"spsa": 9, "label_only": 5}, **OPEN)
    after = report(recognised={"spsa": 1, "label_only": 0}, **SHUT)
    one = compare(before, after)
    change = next(each for each in one.worst if (each.measure, each.scope) == ("recognition", "answers"))
    assert change.reduction.value == pytest.approx(0.8)
    assert change.reduction.n == CLASSES
    assert change.reduction.low > 0.4
    several = compare([before] * 3, [after] * 3)
    again = next(each for each in several.worst if (each.measure, each.scope) == ("recognition", "answers"))
    assert again.reduction.n == 3 * CLASSES
    assert change.reduction.low < again.reduction.low < 0.8
    # ten of ten against none of ten: no spread to go by, so the interval is that of two shares
    extreme = compare(
        report(recognised={"spsa": 10, "label_only": 10}, **OPEN),
        report(recognised={"spsa": 0, "label_only": 0}, **SHUT),
    )
    change = next(each for each in extreme.worst if (each.measure, each.scope) == ("recognition", "answers"))
    assert change.reduction.low < 0.9


def test_runs_may_be_of_different_data_and_the_sides_of_a_run_not():
    other = dataclasses.replace(report(**OPEN), inputs={"input_image.png": "11" * 32})
    found = compare([report(**OPEN), other], [report(**SHUT), dataclasses.replace(other, attacks=())])
    assert found.runs == 2
