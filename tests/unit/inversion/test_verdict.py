"""The rule of the inversion verdict: what shows a leak, what rules one out, and what does neither."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from report_examples import inversion_audited

from leakgauge.estimates import Estimate, proportion
from leakgauge.inversion.conclusions import insights
from leakgauge.inversion.verdict import headline, verdict
from leakgauge.report.html import render
from leakgauge.report.html.inversion import InversionPage
from leakgauge.report.model import (
    InversionMeasured,
    Judgement,
    Recognition,
    Reconstruction,
    Severity,
    Verdict,
)

NOTHING = Estimate(0.0, 0.0, 0.05, 3)


def evaluated(
    *,
    leakage=NOTHING,
    corrected=NOTHING,
    recognised=True,
    recognition=(),
    reconstruction_read=None,
    misled=False,
    with_prior=False,
) -> Verdict:
    report = inversion_audited().report
    attacks = [
        replace(attack, with_prior=with_prior)
        for attack in report.attacks
        if isinstance(attack, InversionMeasured)
    ]
    judgement = None if reconstruction_read is None else Judgement(reconstruction_read, 0.5, None, None)
    reconstructed = replace(
        report.reconstructions[0], leakage=leakage, leakage_corrected=corrected, judgement=judgement
    )
    return verdict(attacks, [reconstructed], recognised=recognised, recognition=recognition, misled=misled)


def read(right: int, n: int = 10, attack: str = "spsa") -> Recognition:
    return Recognition(attack, proportion(right, n), 1 / n, proportion(n, n).low > 1 / n)


@pytest.mark.parametrize(
    ("low", "severity"),
    [(0.6, Severity.CRITICAL), (0.3, Severity.HIGH), (0.1, Severity.MODERATE), (0.09, Severity.INCONCLUSIVE)],
)
def test_a_leak_is_read_from_the_lower_end_of_the_corrected_interval(low: float, severity: Severity) -> None:
    found = Estimate(0.7, low, 0.9, 3)
    assert evaluated(leakage=Estimate(0.7, 0.65, 0.9, 3), corrected=found).severity is severity


def test_unlikeness_to_one_image_alone_is_not_low() -> None:
    found = evaluated()
    assert found.severity is Severity.INCONCLUSIVE
    assert "cannot rule out" in found.sentence
    assert any("reference/CLASS" in reason for reason in found.reasons)


def test_unlike_and_unreadable_is_low() -> None:
    assert evaluated(recognition=[read(1)]).severity is Severity.LOW


def test_attackers_with_images_of_the_same_kind_are_covered_or_it_is_said_that_they_are_not() -> None:
    assert any("not covered" in reason for reason in evaluated(recognition=[read(1)]).reasons)
    covered = evaluated(recognition=[read(1)], with_prior=True)
    assert not any("not covered" in reason for reason in covered.reasons)


def test_where_answers_differ_away_from_data_nothing_is_low_without_images_of_the_same_kind() -> None:
    misled = evaluated(recognition=[read(1)], misled=True)
    assert misled.severity is Severity.INCONCLUSIVE
    assert "differently away from data" in misled.sentence
    assert evaluated(recognition=[read(1)], misled=True, with_prior=True).severity is Severity.LOW


def test_a_leak_is_a_leak_however_misleading_the_answers_are() -> None:
    assert evaluated(recognition=[read(8)], misled=True).severity is Severity.MODERATE
    found = Estimate(0.7, 0.6, 0.9, 3)
    assert evaluated(leakage=found, corrected=found, misled=True).severity is Severity.CRITICAL


def test_reconstructions_that_an_evaluator_reads_are_a_leak_however_unlike_the_image() -> None:
    found = evaluated(recognition=[read(8)])
    assert found.severity is Severity.MODERATE
    assert "recognises 8 of 10, where guessing reaches one in 10" in found.sentence


def test_what_was_read_is_told_with_the_queries_of_the_attack_that_drew_it() -> None:
    report = inversion_audited().report
    spsa = report.attacks[0]
    labels = replace(spsa, name="label_only", threat_model="labels")
    unlike = replace(report.reconstructions[0], leakage=NOTHING, leakage_corrected=NOTHING, queries=100)
    reconstructions = [unlike, replace(unlike, attack="label_only", queries=7_000)]
    found = verdict(
        [spsa, labels], reconstructions, recognised=True, recognition=[read(8, attack="label_only")]
    )
    assert found.sentence.startswith("With 7,000 queries for labels ")


ALIKE = Estimate(0.9, 0.8, 1.0, 3)


def test_similarity_that_no_evaluator_can_read_may_be_luck() -> None:
    found = evaluated(leakage=ALIKE, corrected=ALIKE, recognition=[read(1)], reconstruction_read=False)
    assert found.severity is Severity.INCONCLUSIVE
    assert "by luck" in found.sentence


@pytest.mark.parametrize(
    "seen",
    [
        {"recognition": [read(1)], "reconstruction_read": True},  # this very reconstruction is read
        {"recognition": [read(8)], "reconstruction_read": False},  # those of other classes are
        {"recognition": [read(0, n=2)], "reconstruction_read": False},  # too few to say
        {"recognition": [read(1, attack="another")], "reconstruction_read": False},  # another attack's
        {},
    ],
)
def test_similarity_stands_where_no_evaluator_speaks_against_it(seen) -> None:
    assert evaluated(leakage=ALIKE, corrected=ALIKE, **seen).severity is Severity.CRITICAL


def test_an_attack_that_may_be_lucky_takes_nothing_from_one_that_is_not() -> None:
    report = inversion_audited().report
    spsa = report.attacks[0]
    lucky = replace(
        report.reconstructions[0],
        leakage=ALIKE,
        leakage_corrected=ALIKE,
        judgement=Judgement(False, 0.5, None, None),
    )
    shown = Estimate(0.5, 0.4, 0.6, 3)
    plain = replace(lucky, attack="label_only", leakage=shown, leakage_corrected=shown, judgement=None)
    found = verdict(
        [spsa, replace(spsa, name="label_only", threat_model="labels")],
        [lucky, plain],
        recognised=True,
        recognition=[read(0)],
    )
    assert found.severity is Severity.HIGH


def test_too_few_classes_to_evaluate_by_are_not_low() -> None:
    assert evaluated(recognition=[read(0, n=2)]).severity is Severity.INCONCLUSIVE


def test_every_attack_must_have_been_evaluated() -> None:
    assert evaluated(recognition=[read(0, attack="another")]).severity is Severity.INCONCLUSIVE


def test_a_image_that_the_model_takes_for_another_class_rules_nothing_out() -> None:
    assert evaluated(recognised=False, recognition=[read(0)]).severity is Severity.INCONCLUSIVE


def test_a_wide_interval_rules_nothing_out() -> None:
    wide = Estimate(0.0, 0.0, 0.5, 3)
    assert evaluated(leakage=wide, corrected=wide, recognition=[read(0)]).severity is Severity.INCONCLUSIVE


def test_of_two_that_show_as_much_the_one_that_an_evaluator_confirms_carries_the_verdict() -> None:
    report = inversion_audited().report
    spsa = report.attacks[0]
    much, less = Estimate(0.55, 0.5, 0.6, 3), Estimate(0.45, 0.4, 0.5, 3)
    unread = replace(report.reconstructions[0], leakage=much, leakage_corrected=much, judgement=None)
    recognised = replace(
        unread,
        attack="label_only",
        leakage=less,
        leakage_corrected=less,
        judgement=Judgement(True, 0.9, None, None),
    )
    attacks = [spsa, replace(spsa, name="label_only", threat_model="labels")]
    found = headline(attacks, [unread, recognised], recognition=[read(9, attack="label_only")])
    assert found is not None
    assert (found.reconstruction.attack, found.shown) == ("label_only", Severity.HIGH)
    # an attack that shows more is the worse one, confirmed or not
    worse = Estimate(0.8, 0.7, 0.9, 3)
    worst = replace(unread, leakage=worse, leakage_corrected=worse)
    found = headline(attacks, [worst, recognised], recognition=[read(9, attack="label_only")])
    assert found is not None
    assert (found.reconstruction.attack, found.shown) == ("spsa", Severity.CRITICAL)


def test_similarity_that_no_evaluator_confirms_gives_way_to_what_one_reads() -> None:
    report = inversion_audited().report
    spsa = report.attacks[0]
    little = Estimate(0.2, 0.15, 0.25, 3)
    alike = replace(report.reconstructions[0], leakage=little, leakage_corrected=little, judgement=None)
    unlike = replace(alike, attack="label_only", leakage=NOTHING, leakage_corrected=NOTHING)
    attacks = [spsa, replace(spsa, name="label_only", threat_model="labels")]
    found = headline(attacks, [alike, unlike], recognition=[read(10, attack="label_only")])
    assert found is not None
    assert found.read is not None
    assert found.reconstruction.attack == "label_only"


def test_an_inconclusive_verdict_without_an_evaluator_says_what_is_missing() -> None:
    wide = Estimate(0.0, 0.0, 0.5, 3)
    for found in (evaluated(), evaluated(leakage=wide, corrected=wide)):
        assert found.severity is Severity.INCONCLUSIVE
        assert sum("at least ten of each class as reference/CLASS" in reason for reason in found.reasons) == 1
    told = evaluated(leakage=wide, corrected=wide, recognition=[read(0)])
    assert not any("reference/CLASS" in reason for reason in told.reasons)


# --- one attack carries it all ----------------------------------------------------------------------

THREE = (("spsa", "probabilities"), ("cma_es", "probabilities"), ("label_only", "labels"))


def three_attacks(rng: np.random.Generator) -> tuple[list[InversionMeasured], list[Reconstruction]]:
    """Three attacks whose figures are drawn at random, alike at times, and one that read the file."""
    report = inversion_audited().report
    attacks, reconstructions = [], []
    for place, (name, threat_model) in enumerate((*THREE, ("miface", "model_file"))):
        value = float(rng.choice([0.0, 0.05, 0.2, 0.4, 0.7, 0.99]))
        leakage = Estimate(value, max(value - 0.03, 0.0), min(value + float(rng.choice([0.03, 0.5])), 1.0), 3)
        corrected = Estimate(value, max(value - float(rng.choice([0.05, 0.5])), 0.0), leakage.high, 3)
        judgement = rng.choice([None, Judgement(True, 0.5, None, None), Judgement(False, 0.5, None, None)])
        attacks.append(
            replace(
                report.attacks[0],
                name=name,
                title=f"Attack {name}",
                threat_model=threat_model,
                metrics=replace(report.attacks[0].metrics, leakage=leakage),
            )
        )
        reconstructions.append(
            replace(
                report.reconstructions[0],
                attack=name,
                queries=1_000 * (place + 1) + 7,
                leakage=leakage,
                leakage_corrected=corrected,
                judgement=judgement,
            )
        )
    return attacks, reconstructions


@pytest.mark.parametrize("seed", range(200))
def test_sentence_figures_answers_and_page_name_the_attack_that_carries_the_verdict(seed: int) -> None:
    rng = np.random.default_rng(seed)
    attacks, reconstructions = three_attacks(rng)
    recognition = [read(int(rng.integers(11)), attack=name) for name, _ in THREE if rng.random() < 0.7]
    found = headline(attacks, reconstructions, recognition=recognition)
    told = verdict(attacks, reconstructions, recognised=bool(rng.random() < 0.8), recognition=recognition)
    assert found is not None
    (attack,) = [one for one in attacks if one.name == found.reconstruction.attack]
    assert attack.threat_model != "model_file"
    assert told.reasons[0].startswith(f"{attack.title}: ")
    assert told.sentence.startswith(
        f"With {found.reconstruction.queries:,} queries for {attack.threat_model} "
    )
    if found.shown is not None:
        assert told.severity is found.shown
    answers = insights(found.reconstruction, [], {one.name: one for one in attacks})
    assert all(answer.sentence.startswith(f"{attack.title}: ") for answer in answers)
    assert answers[0].figures["leakage"] == found.reconstruction.leakage_corrected


@pytest.mark.parametrize("name", [name for name, _ in THREE])
def test_the_page_shows_the_attack_that_carries_the_verdict_first(name: str) -> None:
    attacks, reconstructions = three_attacks(np.random.default_rng(0))
    audited = inversion_audited()
    report = replace(
        audited.report,
        attacks=tuple(attacks),
        reconstructions=tuple(reconstructions),
        snapshots=(),
        headline=name,
    )
    page = InversionPage.of(report, audited.files)
    title = f"Attack {name}"
    assert page.headline == title
    assert page.reconstructions[0].attack == page.strip[0][0].attack == name
    assert page.runs[0].title == title
    (group,) = [group for group in page.groups if title in [one.title for one in group.measured]]
    assert group.measured[0].title == title
    text = " ".join(render(replace(audited, report=report)).split())
    assert f"are about <strong>{title}</strong>" in text
    assert f"SSIM with your image, by {title}" in text


def test_a_report_of_before_names_no_attack_it_does_not_know() -> None:
    audited = inversion_audited()
    assert audited.report.headline is None
    assert "are about" not in render(audited)


def test_without_an_attack_that_asks_none_carries_the_verdict() -> None:
    attacks, reconstructions = three_attacks(np.random.default_rng(0))
    assert headline([attacks[-1]], reconstructions) is None
    assert insights(None, [], {}) == ()
