"""What a report is evidence of: precision at priors, what it rests on, and which clause it answers."""

from __future__ import annotations

import dataclasses
import functools
import json
import re

import pytest
from click.testing import CliRunner
from profile_reports import profiles_report
from report_examples import inversion_audited, membership_report

from leakgauge.cli import main
from leakgauge.inversion.attacks import ATTACKS as INVERSION_ATTACKS
from leakgauge.membership.attacks import ATTACKS as MEMBERSHIP_ATTACKS
from leakgauge.report.evidence import findings
from leakgauge.report.evidence.clauses import AISVS, CLAUSES, answers
from leakgauge.report.evidence.findings import FINDERS
from leakgauge.report.evidence.origins import rests_on
from leakgauge.report.evidence.precision import PRIORS, precision_table
from leakgauge.report.html import render
from leakgauge.report.json_document import to_json
from leakgauge.report.model import (
    AttributeColumn,
    AttributeInference,
    Audited,
    Failed,
    InversionMeasured,
    MembershipMeasured,
    ModelContents,
    NotApplicable,
    RebuiltTable,
    ServiceUse,
    Severity,
    Verdict,
)


@functools.cache
def membership():
    """A report with every kind of evidence that a membership audit can give."""
    made = membership_report(n=400)
    first = next(attack for attack in made.attacks if isinstance(attack, MembershipMeasured))
    rebuilt = RebuiltTable("rebuilt", "The table can be rebuilt.")
    column = AttributeColumn("income", Verdict(Severity.LOW, "It tells nothing.", ()))
    return dataclasses.replace(
        made,
        attacks=(*made.attacks, dataclasses.replace(first, name="label_only")),
        contents=ModelContents("What it holds.", 400, 3, (), rebuilt),
        parameters={**made.parameters, "report": {"purpose": "credit <b>scoring</b>"}},
        attributes=AttributeInference(column.verdict, columns=(column,)),
    )


@functools.cache
def inversion():
    made = inversion_audited(classes=1).report
    first = next(attack for attack in made.attacks if isinstance(attack, InversionMeasured))
    on_file = dataclasses.replace(first, name="miface", threat_model="model_file")
    return dataclasses.replace(made, attacks=(first, on_file))


@functools.cache
def reports():
    return (membership(), inversion(), profiles_report())


def emptied(report, status=Failed):
    """The report of an audit of which nothing came: every attack and every further part is gone."""
    attacks = tuple(
        status(attack.name, attack.title, attack.threat_model, attack.citation, "it broke off")
        for attack in report.attacks
    )
    gone = {
        "contents": None,
        "attributes": None,
        "tradeoffs": None,
        "slices": (),
        "records": (),
        "evasion": None,
    }
    fields = {field.name for field in dataclasses.fields(report)}
    return dataclasses.replace(
        report, attacks=attacks, **{name: to for name, to in gone.items() if name in fields}
    )


@pytest.mark.parametrize("place", range(len(CLAUSES)))
def test_a_clause_is_answered_with_the_evidence_and_not_tested_without(place):
    clause = CLAUSES[place]
    answered = [answer for answer in (answers(report)[place] for report in reports()) if answer.findings]
    assert bool(answered) == bool(clause.findings)
    assert all(answer.words.startswith("answered by: ") for answer in answered)
    for report in reports():
        for status in (Failed, NotApplicable):
            without = answers(emptied(report, status))[place]
            # the model's accuracy is known before the first attack, and a purpose without any
            if clause.findings in (("accuracy",), ("purpose",)) and report.kind == "membership":
                continue
            assert without.words == f"not tested: {clause.otherwise}"


@pytest.mark.parametrize("name", sorted(FINDERS))
def test_every_finding_is_made_somewhere_stands_on_the_page_and_answers_a_clause(name):
    found = {report.kind: FINDERS[name](report) for report in reports()}
    assert any(found.values())
    assert any(name in clause.findings for clause in CLAUSES)
    for report, finding in zip(reports(), found.values(), strict=True):
        if finding is not None:
            assert f'id="{finding.anchor}"' in page(report.kind)
            assert f'href="#{finding.anchor}"' in page(report.kind)


@functools.cache
def page(kind):
    report = next(report for report in reports() if report.kind == kind)
    return render(Audited(report))


def test_no_answer_and_no_page_claims_that_anything_is_complied_with():
    for report in reports():
        said = " ".join(answer.words for answer in answers(report))
        assert not re.search(r"\bcompl(y|ies|iant|iance)\b", said, re.IGNORECASE)
        section = page(report.kind).partition('id="evidence"')[2].partition("</section>")[0]
        assert not re.search(r"\b(compliant|compliance|conform)", section, re.IGNORECASE)
        assert "never says that anything is complied with" in section
    assert "not tested" in section


def test_the_names_of_attacks_are_those_of_the_tables():
    known = {attack.name for attack in MEMBERSHIP_ATTACKS}
    for names in (findings.CONFIDENCE_ATTACKS, findings.REFERENCE_ATTACKS, findings.PERTURBATION_ATTACKS):
        assert names <= known
    assert {attack.name for attack in INVERSION_ATTACKS} >= findings.GRADIENT_ATTACKS
    assert {attack.name for attack in MEMBERSHIP_ATTACKS if attack.referenced} == findings.REFERENCE_ATTACKS


def test_guessing_is_told_by_the_accuracy_that_is_asked_for():
    answer = next(
        answer
        for answer in answers(membership())
        if answer.clause.framework is AISVS and answer.clause.number == "11.2.5"
    )
    assert "balanced accuracy" in answer.words
    assert "guessing gets 0.5 and 50 %" in answer.words


def test_a_purpose_is_told_as_declared_and_escaped():
    found = FINDERS["purpose"](membership())
    assert found.origin == "declared"
    assert "<b>scoring" not in page("membership")
    assert "scoring" in page("membership")
    for details in (None, {}, {"purpose": None}, {"purpose": 3}, "purpose", ["purpose"]):
        report = dataclasses.replace(membership(), parameters={"report": details})
        assert FINDERS["purpose"](report) is None
    assert FINDERS["purpose"](dataclasses.replace(membership(), parameters={})) is None


def test_precision_is_that_of_the_strongest_attack_threshold_by_threshold():
    table = precision_table(membership())
    worst = next(attack for attack in membership().attacks if attack.title == table.attack)
    rate = worst.metrics.tpr_at_fpr_corrected["0.01"]
    for prior in PRIORS:
        found = table.at("0.01", prior)
        by_hand = [
            prior * end / (prior * end + (1 - prior) * 0.01) for end in (rate.value, rate.low, rate.high)
        ]
        assert [found.value, found.low, found.high] == pytest.approx(by_hand)
    withheld = next(row for row in table.rows if row.limit == "0.001")
    assert withheld.precisions == ()
    assert "400 non-members" in withheld.withheld
    assert table.at("0.001", 0.5) is None
    assert precision_table(inversion()) is None
    assert precision_table(emptied(membership())) is None
    assert 'id="precision"' not in render(Audited(emptied(membership())))


def test_what_was_declared_is_kept_apart_from_what_was_measured():
    origins = [support.origin for support in rests_on(membership())]
    assert origins == sorted(origins, key=["measured", "declared", "combined"].index)
    assert set(origins) == {"measured", "declared", "combined"}
    answered = dataclasses.replace(membership(), inputs={"members_answers.csv": "0" * 64})
    assert any("no model was asked" in support.text for support in rests_on(answered))
    assert not any("no model was asked" in support.text for support in rests_on(membership()))
    service = ServiceUse("MLflow", "https://model.example", 10, 0, 1, 0, 10, 0.1)
    live = {
        support.text: support.origin
        for support in rests_on(dataclasses.replace(membership(), service=service))
    }
    in_use = "What was handed in is what is, or will be, in use."
    assert in_use not in live
    assert in_use in {support.text for support in rests_on(membership())}


def test_the_command_tells_the_same_as_the_page(tmp_path):
    (tmp_path / "report.json").write_bytes(to_json(membership()))
    told = CliRunner().invoke(main, ["clauses", str(tmp_path)])
    assert told.exit_code == 0
    as_json = CliRunner().invoke(main, ["clauses", str(tmp_path), "--json"])
    rows = json.loads(as_json.stdout)
    assert len(rows) == len(CLAUSES)
    for row, answer in zip(rows, answers(membership()), strict=True):
        assert answer.words in told.stdout
        assert row["answer"] == ("answered" if answer.findings else "not tested")
    assert CliRunner().invoke(main, ["clauses", str(tmp_path / "none")]).exit_code == 2
