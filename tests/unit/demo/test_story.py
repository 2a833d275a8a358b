"""The sentence on the page follows from what was measured, and calls nothing safe."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_examples import inversion_audited

from leakgauge.estimates import Estimate
from leakgauge.jobs.demo.story import compared, is_read, sentence, side_of
from leakgauge.report.comparison import compare
from leakgauge.report.model import Judgement

ACCURACY = Estimate(0.9, 0.8, 0.95, 50)


@pytest.mark.parametrize(
    ("open_read", "defended_read", "similar", "guard", "said"),
    [
        (
            *(True, False, False, True),
            "The attacker reads the 3 from the open model. From the guarded one it gets noise.",
        ),
        (
            *(True, False, True, False),
            "With similar images the attacker reads the 3 from the open model. From the defended one it gets "
            "noise.",
        ),
        (
            *(True, True, True, True),
            "With similar images the attacker reads the 3 from both models. The guard hides; it does not "
            "remove.",
        ),
        (
            *(True, True, False, False),
            "The attacker reads the 3 from both models. This defence does not stop it.",
        ),
        (
            *(False, True, False, True),
            "The attacker reads the 3 from the guarded model, and not from the open one.",
        ),
        (
            *(False, False, False, True),
            "The attacker reads the 3 from neither model this time. That does not prove it safe.",
        ),
    ],
)
def test_what_was_read_is_said_and_nothing_more(open_read, defended_read, similar, guard, said):
    assert sentence("the 3", open_read, defended_read, similar=similar, guard=guard) == said


@pytest.mark.parametrize(
    ("recognised", "confidence", "read"),
    [(True, 0.8, True), (True, 0.79, False), (False, 0.99, False), (False, 0.0, False)],
)
def test_a_reconstruction_is_read_where_the_evaluator_is_sure_of_the_class(recognised, confidence, read):
    found = inversion_audited(classes=2).report.reconstructions[1]
    judged = replace(found, judgement=Judgement(recognised, confidence, None, None))
    assert is_read(judged) is read
    assert not is_read(replace(found, judgement=None))


def test_what_is_read_is_shown_before_what_is_merely_similar():
    audited = inversion_audited(classes=2)
    report = audited.report
    plain = replace(report.reconstructions[1], judgement=Judgement(True, 0.95, None, None))
    similar = replace(
        plain,
        attack="cma_es",
        similarity=replace(plain.similarity, pearson=0.99),
        judgement=Judgement(False, 0.0, None, None),
    )
    other = replace(report.attacks[0], name="cma_es", title="Another")
    changed = replace(report, attacks=(*report.attacks, other), reconstructions=(plain, similar))
    side = side_of(replace(audited, report=changed), 1, ACCURACY)
    assert side["read"] is True
    assert side["shown"]["attack"] == report.attacks[0].title
    assert [row["read"] for row in side["attacks"]][-1] is False
    assert set(side["curves"]) == {report.attacks[0].title}


def test_where_no_attack_ran_nothing_is_read():
    audited = inversion_audited(classes=2)
    empty = replace(audited.report, reconstructions=(), loss_curve=())
    side = side_of(replace(audited, report=empty), 1, ACCURACY)
    assert (side["read"], side["shown"], side["curves"]) == (False, None, {})


def test_a_comparison_is_told_for_each_attacker_with_its_figures():
    report = inversion_audited(classes=2).report
    knowing = replace(report.attacks[0], name="auxiliary_mean", with_prior=True)
    report = replace(report, attacks=(*report.attacks, knowing))
    found = compared(compare(report, report, accuracies=(ACCURACY, ACCURACY)))
    assert [each["attacker"] for each in found["attackers"][:2]] == ["asks", "similar_images"]
    for each in found["attackers"][:2]:
        assert each["before"] == each["after"] is not None
        assert each["effect"] == found["effect"] == "inconclusive"
        assert each["chance"] == 0.5  # of prototypes of two classes
    assert found["accuracy"]["value"] == 0.0
