"""Attribute inference in every view of the report: page, CSV, gate, comparison."""

from __future__ import annotations

import csv
import dataclasses
import functools
import io

import pytest
from people import features, forest, inferred, people
from report_examples import membership_report

from leakgauge.estimates import Estimate
from leakgauge.policy import MembershipLimits, Policy
from leakgauge.report.comparison import compare
from leakgauge.report.csv_table import attributes_to_csv, to_csv
from leakgauge.report.gate import gate
from leakgauge.report.html import render, render_comparison
from leakgauge.report.json_document import from_json, to_json
from leakgauge.report.model import AttributeMeasured, Audited, GateOutcome, Severity, Verdict
from leakgauge.report.writers import write


@functools.cache
def found():
    members, others = people(150, seed=0), people(150, seed=1)
    model = forest(n_estimators=20).fit(features(members), members.y)
    return inferred(model, members, others, names=["smoker"], group=True)


def report(attributes):
    return dataclasses.replace(membership_report(n=60), attributes=attributes)


def with_leakage(low: float, high: float, *, balanced: float | None = None):
    """Every attack with such an interval, and with this upper end of the mean over values."""
    (column,) = found().columns
    middle = (low + high) / 2

    def changed(attack):
        if not isinstance(attack, AttributeMeasured):
            return attack
        metrics = dataclasses.replace(
            attack.metrics,
            leakage=Estimate(0.0, 0.0, 0.0, 300),
            leakage_corrected=Estimate(middle, low, high, 300),
            leakage_balanced_corrected=None if balanced is None else Estimate(middle, low, balanced, 300),
        )
        return dataclasses.replace(attack, metrics=metrics)

    attacks = tuple(map(changed, column.attacks))
    return dataclasses.replace(found(), columns=(dataclasses.replace(column, attacks=attacks),))


def outcome(attributes, **limits):
    held = gate(
        report(attributes), Policy(membership=MembershipLimits(**({"required_attacks": ()} | limits)))
    )
    return next(rule.outcome for rule in held.rules if rule.rule == next(iter(limits)))


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (with_leakage(0.0, 0.04), GateOutcome.PASSED),
        (with_leakage(0.06, 0.2), GateOutcome.FAILED),
        (with_leakage(0.01, 0.2), GateOutcome.INCONCLUSIVE),
        (with_leakage(0.0, 0.04, balanced=0.2), GateOutcome.INCONCLUSIVE),
        (None, GateOutcome.INCONCLUSIVE),
    ],
)
@pytest.mark.parametrize("rule", ["max_attribute_leakage", "max_model_file_attribute_leakage"])
def test_a_policy_limits_what_is_leaked_of_columns(attributes, expected, rule):
    assert outcome(attributes, **{rule: 0.05}) is expected


def test_a_column_that_was_not_measured_passes_nothing():
    withheld = dataclasses.replace(
        found().columns[0], name="diagnosis", attacks=(), withheld="There was no time."
    )
    both = with_leakage(0.0, 0.01)
    both = dataclasses.replace(both, columns=(*both.columns, withheld))
    assert outcome(both, max_attribute_leakage=0.05) is GateOutcome.INCONCLUSIVE


def test_the_figures_without_a_limit_move_no_gate():
    names = {rule.rule for rule in gate(report(with_leakage(0.5, 0.6))).rules}
    assert not any("attribute" in name for name in names)


def test_the_page_tells_both_findings_and_nothing_of_a_hostile_name():
    (column,) = found().columns
    hostile = dataclasses.replace(
        column,
        name="<script>x</script>",
        values=("</td><b>", *column.values[1:]),
        parts=tuple(dataclasses.replace(part, name="<i>") for part in column.parts),
    )
    page = render(Audited(report(dataclasses.replace(found(), columns=(hostile,)))))
    assert "<script" not in page
    assert "<i>" not in page.split('<h2 id="attributes"')[1].split("</section>")[0]
    assert "without the model" in page
    plain = render(Audited(report(found())))
    assert found().verdict.sentence.split("“")[0].strip() in plain
    assert found().adds_sentence.split("“")[0].strip() in plain
    assert plain.count("<svg") == render(Audited(report(None))).count("<svg") + 1


def test_the_page_says_why_nothing_was_measured():
    reason = "The model predicts numbers."
    nothing = dataclasses.replace(
        found(),
        verdict=Verdict(Severity.INCONCLUSIVE, f"Attribute inference was not measured. {reason}", ()),
        columns=(),
        adds_sentence="",
        file_sentence="",
        withheld=reason,
    )
    assert reason in render(Audited(report(nothing)))


def test_the_table_has_a_row_for_each_attack_that_ran_and_output_csv_is_as_it_was(tmp_path):
    rows = list(csv.DictReader(io.StringIO(attributes_to_csv(found()).decode())))
    ran = [attack for attack in found().columns[0].attacks if isinstance(attack, AttributeMeasured)]
    assert [row["Attack"] for row in rows] == [attack.name for attack in ran]
    assert float(rows[0]["Leakage"]) == pytest.approx(ran[0].metrics.leakage.value, abs=5e-5)
    assert to_csv(report(found())) == to_csv(report(None))
    write(Audited(report(found())), tmp_path / "with")
    write(Audited(report(None)), tmp_path / "without")
    assert {file.name for file in (tmp_path / "with").iterdir()} - {
        file.name for file in (tmp_path / "without").iterdir()
    } == {"attributes.csv"}


def test_a_formula_in_a_name_is_none_in_the_table():
    (column,) = found().columns
    risky = dataclasses.replace(found(), columns=(dataclasses.replace(column, name="=1+1"),))
    assert b"\n=1+1" not in attributes_to_csv(risky)


def test_a_report_is_read_as_it_was_written():
    made = from_json(to_json(report(found())))
    assert to_json(made) == to_json(report(found()))


def test_a_comparison_tells_what_a_change_does_to_each_column():
    made = compare(report(with_leakage(0.2, 0.3)), report(with_leakage(-0.01, 0.01)))
    assert [change.title for change in made.attributes] == ["smoker: answers", "smoker: model file"]
    for change in made.attributes:
        assert change.reduction is not None
        assert change.reduction.low > 0.15
    assert "smoker: answers" in render_comparison(made)
    assert compare(report(None), report(None)).attributes == ()
    (one, _) = compare(report(None), report(found())).attributes
    assert one.before.status == "absent"
    assert one.reduction is None
