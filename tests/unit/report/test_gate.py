"""The gate's rule, and that nothing unknown passes it."""

from __future__ import annotations

import dataclasses
import functools

import pytest
from profile_reports import measured as profile_measured
from profile_reports import profiles_report
from report_examples import inversion_audited, measured, membership_report

from leakgauge.estimates import Estimate, RateAtLimit
from leakgauge.policy import (
    SHIPPED,
    InversionLimits,
    MembershipLimits,
    Policy,
    ProfilesLimits,
    read_policy,
)
from leakgauge.report.gate import gate, held_to
from leakgauge.report.json_document import from_json, to_json
from leakgauge.report.model import (
    AttackerFinding,
    Audited,
    Failed,
    GateOutcome,
    ModelContents,
    NotApplicable,
    Notice,
    RebuiltCompared,
    RebuiltTable,
    Severity,
    Verdict,
)

PASSED, FAILED, INCONCLUSIVE = GateOutcome.PASSED, GateOutcome.FAILED, GateOutcome.INCONCLUSIVE
FACTS = ("rmia", "Reference models", "probabilities", "someone")


@functools.cache
def some_attack():
    return measured("rmia", "Rmia", "probabilities", "someone", strength=0.1, n=60)


@functools.cache
def some_report():
    return membership_report(n=60)


def attack(low, high, *, name="rmia", threat_model="probabilities", rate=(0.01, 0.02), withheld=None):
    """A measured attack with the given ends of its corrected area and of its rate at 1 %."""
    made = dataclasses.replace(some_attack(), name=name, title=name.title(), threat_model=threat_model)
    middle = (low + high) / 2
    found = (
        RateAtLimit(sum(rate) / 2, *rate, 400, 4)
        if withheld is None
        else RateAtLimit(None, None, None, 400, 0, withheld)
    )
    metrics = dataclasses.replace(
        made.metrics,
        # the plain interval says another thing on purpose: it must not be read
        auc=Estimate(0.5, 0.5, 0.5, 800),
        auc_corrected=Estimate(middle, low, high, 800),
        accuracy_corrected=Estimate(middle, low, high, 800),
        tpr_at_fpr={"0.01": RateAtLimit(0.0, 0.0, 0.0, 400, 4)},
        tpr_at_fpr_corrected={"0.01": found},
    )
    return dataclasses.replace(made, metrics=metrics)


def report(*attacks, warnings=(), severity=Severity.LOW):
    made = some_report()
    verdict = dataclasses.replace(made.verdict, severity=severity)
    return dataclasses.replace(made, attacks=attacks, warnings=warnings, verdict=verdict)


def policy(**limits):
    return Policy(membership=MembershipLimits(**({"required_attacks": ()} | limits)))


def outcome_of(found, rule):
    return next(each for each in found.rules if each.rule == rule)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.50, 0.70, PASSED),
        (0.50, 0.701, INCONCLUSIVE),
        (0.70, 0.90, INCONCLUSIVE),
        (0.7001, 0.90, FAILED),
        (0.50, 1.0, INCONCLUSIVE),
    ],
)
def test_interval_ends_decide(low, high, expected):
    found = gate(report(attack(0.5, 0.55, name="loss"), attack(low, high)), policy(max_tpr_at_fpr={}))
    assert found.outcome is expected
    rule = outcome_of(found, "max_auc")
    assert (rule.outcome, rule.limit) == (expected, 0.7)
    assert (rule.attack, rule.low, rule.high) == ("rmia", low, high)
    assert "0.7" in rule.reason
    assert found.sentence.startswith(expected.value.capitalize())


def test_the_worst_rule_decides():
    wide, narrow = attack(0.5, 0.9), attack(0.5, 0.6, rate=(0.2, 0.3))
    assert gate(report(wide), policy()).outcome is INCONCLUSIVE
    both = gate(report(wide, narrow), policy())
    assert both.outcome is FAILED
    assert outcome_of(both, "max_auc").outcome is INCONCLUSIVE
    assert outcome_of(both, "max_tpr_at_fpr.0.01").outcome is FAILED
    assert "1 of 2 rules is broken" in both.sentence


def test_a_leak_that_was_shown_fails_even_where_another_attack_broke_off():
    broken = Failed(*FACTS, "ValueError in score")
    assert gate(report(attack(0.8, 0.9, name="loss"), broken), policy()).outcome is FAILED


@pytest.mark.parametrize(
    "unknown",
    [
        Failed(*FACTS, "ValueError in score"),
        attack(0.5, 0.6, withheld="20 non-members cannot resolve this rate"),
    ],
    ids=["failed", "withheld"],
)
def test_what_is_not_known_does_not_pass(unknown):
    found = gate(report(attack(0.5, 0.6, name="loss"), unknown), policy())
    assert found.outcome is INCONCLUSIVE
    assert any(word in outcome_of(found, "max_tpr_at_fpr.0.01").reason for word in ("failed", "withheld"))


def test_attacks_that_do_not_apply_are_neither_a_pass_nor_a_bar():
    other = NotApplicable("lira", "LiRA", "probabilities", "someone", "hard 0/1 trees")
    assert gate(report(attack(0.5, 0.6), other), policy()).outcome is PASSED
    alone = gate(report(other), policy())
    assert {rule.outcome for rule in alone.rules} == {INCONCLUSIVE}
    assert "says nothing about the risk" in alone.rules[0].reason


def test_a_report_without_attacks_or_a_policy_without_rules_is_inconclusive():
    assert gate(report()).outcome is INCONCLUSIVE
    nothing = gate(report(attack(0.5, 0.5)), policy(max_auc=None, max_tpr_at_fpr={}))
    assert (nothing.outcome, len(nothing.rules)) == (INCONCLUSIVE, 1)
    assert "switched off" in nothing.rules[0].reason


def test_a_rate_that_the_report_does_not_hold_is_inconclusive():
    found = gate(report(attack(0.5, 0.6)), policy(max_tpr_at_fpr={"0.05": 0.2}))
    assert outcome_of(found, "max_tpr_at_fpr.0.05").outcome is INCONCLUSIVE


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ((), "did not run rmia"),
        ((NotApplicable(*FACTS, "The model cannot be cloned"),), "is not applicable: The model cannot be"),
        ((Failed(*FACTS, "MemoryError in score"),), "failed: MemoryError"),
    ],
    ids=["not run", "not applicable", "failed"],
)
def test_required_attacks_must_have_been_measured(missing, told):
    found = gate(report(attack(0.5, 0.6, name="loss"), *missing), policy(required_attacks=("rmia", "loss")))
    assert found.outcome is INCONCLUSIVE
    assert told in outcome_of(found, "required_attacks.rmia").reason
    assert outcome_of(found, "required_attacks.loss").outcome is PASSED


def test_attacks_on_the_model_file_have_their_own_rule():
    leak = attack(0.95, 0.99, name="leaf_counts", threat_model="model_file")
    harmless = attack(0.5, 0.6)
    assert gate(report(harmless, leak), policy()).outcome is PASSED
    found = gate(report(harmless, leak), policy(max_model_file_auc=0.8))
    assert outcome_of(found, "max_model_file_auc").outcome is FAILED
    absent = gate(report(harmless), policy(max_model_file_auc=0.8))
    assert outcome_of(absent, "max_model_file_auc").outcome is INCONCLUSIVE
    # and a harmless file does not stand in for answers that nobody attacked
    hidden = dataclasses.replace(harmless, threat_model="model_file")
    assert outcome_of(gate(report(hidden), policy()), "max_auc").outcome is INCONCLUSIVE


def test_accuracy_is_held_when_asked_for():
    assert gate(report(attack(0.5, 0.6)), policy(max_accuracy=0.55)).outcome is INCONCLUSIVE
    assert gate(report(attack(0.56, 0.6)), policy(max_accuracy=0.55)).outcome is FAILED


@pytest.mark.parametrize(
    ("severity", "most", "expected"),
    [
        (Severity.LOW, "low", PASSED),
        (Severity.MODERATE, "low", FAILED),
        (Severity.HIGH, "high", PASSED),
        (Severity.CRITICAL, "high", FAILED),
        (Severity.INCONCLUSIVE, "high", INCONCLUSIVE),
    ],
)
def test_the_verdict_can_be_held_too(severity, most, expected):
    found = gate(report(attack(0.5, 0.6), severity=severity), policy(max_severity=most))
    assert outcome_of(found, "max_severity").outcome is expected


def test_tables_that_differ_take_the_conclusion_from_a_leak_that_they_may_feign():
    leak = attack(0.8, 0.9)
    warned = (Notice("tables_differ", "…"),)
    assert (
        gate(report(leak, warnings=warned, severity=Severity.INCONCLUSIVE), policy()).outcome is INCONCLUSIVE
    )
    # where the leak is larger than the difference can feign, the report itself says so
    assert gate(report(leak, warnings=warned, severity=Severity.HIGH), policy()).outcome is FAILED
    assert gate(report(leak, severity=Severity.INCONCLUSIVE), policy()).outcome is FAILED


def test_a_model_that_does_not_fit_its_members_never_passes():
    small, leak = attack(0.5, 0.52), attack(0.8, 0.9)
    assert gate(report(small), policy()).outcome is PASSED
    warned = (Notice("does_not_fit_members", "…"),)
    assert gate(report(small, warnings=warned), policy()).outcome is INCONCLUSIVE
    assert gate(report(leak, warnings=warned), policy()).outcome is FAILED


def with_leakage(low, high, *, warnings=()):
    made = inversion_audited().report
    attacks = tuple(
        dataclasses.replace(
            each,
            metrics=dataclasses.replace(each.metrics, leakage=Estimate((low + high) / 2, low, high, 3)),
        )
        if each.status == "measured"
        else each
        for each in made.attacks
    )
    return dataclasses.replace(made, attacks=attacks, warnings=warnings)


SPSA_ALONE = Policy(inversion=InversionLimits(required_attacks=("spsa",)))


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0.0, 0.3, PASSED), (0.0, 0.5, INCONCLUSIVE), (0.31, 0.5, FAILED)]
)
def test_inversion_is_held_to_its_leakage(low, high, expected):
    assert gate(with_leakage(low, high), SPSA_ALONE).outcome is expected


def test_by_default_an_inversion_without_an_evaluator_does_not_pass():
    unjudged = dataclasses.replace(
        with_leakage(0.0, 0.1), verdict=Verdict(Severity.INCONCLUSIVE, "One image rules nothing out.", ())
    )
    found = gate(unjudged, SPSA_ALONE)
    assert outcome_of(found, "max_severity").outcome is INCONCLUSIVE
    assert found.outcome is INCONCLUSIVE


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0.0, 0.2, PASSED), (0.0, 0.5, INCONCLUSIVE), (0.21, 0.5, FAILED)]
)
def test_class_profiles_are_held_to_how_much_nearer_attacks_come(low, high, expected):
    gain = Estimate((low + high) / 2, low, high, 400)
    limits = ProfilesLimits(required_attacks=("weighted_records",), max_severity=None)
    found = dataclasses.replace(
        profiles_report(), attacks=(measured_profile("weighted_records", "probabilities", gain),)
    )
    assert gate(found, Policy(profiles=limits)).outcome is expected
    assert outcome_of(gate(found, Policy(profiles=limits)), "max_gain").attack == "weighted_records"


def measured_profile(name, threat_model, gain):
    return profile_measured(name, threat_model, leakage=Estimate(0.5, 0.4, 0.6, 400), gain=gain)


def test_profiles_that_nobody_measured_do_not_pass():
    nothing = profile_measured("weighted_records", "probabilities", leakage=None, gain=None)
    found = dataclasses.replace(profiles_report(), attacks=(nothing,))
    limits = ProfilesLimits(max_leakage=0.5, max_severity=None, required_attacks=())
    assert {rule.outcome for rule in gate(found, Policy(profiles=limits)).rules} == {INCONCLUSIVE}


def test_the_default_policy_fails_profiles_that_are_called_high():
    assert gate(profiles_report()).outcome is FAILED


def test_an_image_of_another_class_takes_the_conclusion_from_a_dissimilar_reconstruction():
    warned = (Notice("other_class", "…"),)
    assert gate(with_leakage(0.0, 0.1, warnings=warned)).outcome is INCONCLUSIVE
    assert gate(with_leakage(0.5, 0.6, warnings=warned)).outcome is FAILED


def test_inversion_rules_about_the_file_and_missing_attacks():
    limits = Policy(inversion=InversionLimits(max_model_file_leakage=0.5, required_attacks=("cma",)))
    found = gate(with_leakage(0.0, 0.1), limits)
    assert outcome_of(found, "max_model_file_leakage").outcome is INCONCLUSIVE
    assert outcome_of(found, "required_attacks.cma").outcome is INCONCLUSIVE


def test_the_result_stands_in_the_report_and_survives_it():
    audited = Audited(report(attack(0.8, 0.9)))
    assert held_to(audited, None) is audited
    judged = held_to(audited, Policy()).report
    assert judged.gate.outcome is FAILED
    assert from_json(to_json(judged)).gate == judged.gate
    # a report that was written before there was a gate
    assert from_json(to_json(audited.report).replace(b'  "gate": null,\n', b"")).gate is None


def test_a_figure_is_never_rounded_onto_the_other_side_of_its_limit():
    found = gate(report(attack(0.70004, 0.9)), policy(max_tpr_at_fpr={}))
    assert "at least 0.70004" in found.rules[0].reason


# ---------------------------------------------------------------- attackers


def of_population(made):
    return dataclasses.replace(made, attacker="population")


def with_findings(made, candidates, population, *, borderline=None):
    empty = AttackerFinding("candidates", candidates, "", None, None, None, borderline)
    return dataclasses.replace(
        made,
        attackers=(
            empty,
            dataclasses.replace(empty, attacker="population", severity=population, borderline=None),
        ),
    )


def outcomes(made, **limits):
    return {rule.rule: rule.outcome for rule in gate(made, policy(**limits)).rules}


def test_a_policy_about_other_data_passes_over_attacks_that_know_the_candidates() -> None:
    made = report(attack(0.8, 0.9), of_population(attack(0.55, 0.6, name="rmia_offline")))
    made = with_findings(made, Severity.HIGH, Severity.LOW)
    assert outcomes(made)["max_auc"] is FAILED
    assert outcomes(made, attacker="population")["max_auc"] is PASSED
    assert outcomes(made, max_severity="moderate")["max_severity"] is FAILED
    assert outcomes(made, attacker="population", max_severity="moderate")["max_severity"] is PASSED


def test_what_an_attacker_with_other_data_can_do_counts_for_one_who_knows_the_candidates() -> None:
    made = report(attack(0.5, 0.6), of_population(attack(0.8, 0.9, name="loss")))
    assert outcomes(made)["max_auc"] is FAILED


def test_an_older_report_does_not_say_who_runs_its_attacks_and_cannot_pass() -> None:
    made = dataclasses.replace(report(attack(0.5, 0.6)), attackers=())
    assert gate(made, policy()).outcome is PASSED
    found = gate(made, policy(attacker="population"))
    assert found.outcome is INCONCLUSIVE
    assert "audit again" in found.sentence


def test_what_must_be_measured_follows_the_attacker() -> None:
    assert MembershipLimits().required_attacks == ("label_only", "rmia")
    assert MembershipLimits(attacker="population").required_attacks == ("gap", "rmia_offline")
    assert MembershipLimits(attacker="population", required_attacks=["loss"]).required_attacks == ("loss",)


@pytest.mark.parametrize(
    ("severity", "borderline", "most", "outcome"),
    [
        (Severity.HIGH, None, "moderate", FAILED),
        (Severity.HIGH, Severity.MODERATE, "moderate", INCONCLUSIVE),
        (Severity.MODERATE, Severity.HIGH, "moderate", INCONCLUSIVE),
        (Severity.MODERATE, Severity.HIGH, "high", PASSED),
        (Severity.CRITICAL, Severity.HIGH, "moderate", FAILED),
        (Severity.LOW, Severity.INCONCLUSIVE, "high", INCONCLUSIVE),
    ],
)
def test_a_borderline_verdict_decides_where_both_severities_do(severity, borderline, most, outcome) -> None:
    made = with_findings(report(attack(0.5, 0.6)), severity, severity, borderline=borderline)
    assert outcomes(made, max_severity=most)["max_severity"] is outcome


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.49, 0.52, PASSED),
        (0.50, 0.55, PASSED),
        (0.49, 0.551, INCONCLUSIVE),
        (0.501, 0.52, FAILED),  # within the margin, and yet shown to beat guessing
        (0.60, 0.65, FAILED),
    ],
)
def test_what_is_shown_to_beat_guessing_breaks_the_rule_within_the_margin_too(low, high, expected):
    found = outcome_of(gate(report(attack(low, high)), policy(guessing_margin=0.05)), "guessing_margin")
    assert found.outcome is expected
    assert found.limit == (0.5 if expected is FAILED else 0.55)


def contents(records, *, rebuilt=None, compared=60):
    of = None if rebuilt is None else RebuiltCompared(compared, rebuilt, None, 1.0, 0.5, 0.6, ())
    table = None if of is None else RebuiltTable("rebuilt", "It can be rebuilt.", compared=of)
    return ModelContents("What it holds.", compared, records, (), table)


@pytest.mark.parametrize(
    ("held", "most", "expected"),
    [
        (contents(0), 0, PASSED),
        (contents(3), 3, PASSED),
        (contents(1), 0, FAILED),
        (contents(0, rebuilt=0.5), 0, FAILED),
        (contents(0, rebuilt=0.0), 0, PASSED),
        (contents(None, compared=None), 0, INCONCLUSIVE),
        (None, 0, INCONCLUSIVE),
    ],
)
def test_records_in_the_file_are_counted_as_they_stand_and_as_they_were_rebuilt(held, most, expected):
    made = dataclasses.replace(report(attack(0.49, 0.52)), contents=held)
    assert outcome_of(gate(made, policy(max_records_in_file=most)), "max_records_in_file").outcome is expected


@pytest.mark.parametrize("name", SHIPPED)
def test_no_leak_passes_a_policy_that_comes_along(name):
    for made in (
        some_report(),
        inversion_audited(classes=1).report,
        profiles_report(),
    ):
        assert gate(made, read_policy(name)).outcome is not PASSED
