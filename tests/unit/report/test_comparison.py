"""The rule by which a change is said to lower a leak, and reports that cannot be compared."""

from __future__ import annotations

import dataclasses
import functools

import pytest
from profile_reports import measured as profile_measured
from profile_reports import profiles_report
from report_examples import inversion_audited, measured, membership_report

from leakgauge.errors import BadBundle
from leakgauge.estimates import Estimate, RateAtLimit
from leakgauge.report.comparison import compare
from leakgauge.report.comparison.comparable import finds_less
from leakgauge.report.comparison.model import Effect
from leakgauge.report.model import Failed, InversionMeasured, NotApplicable, Notice


@functools.cache
def some_attack():
    return measured("x", "X", "probabilities", "someone", strength=0.1, n=60)


@functools.cache
def some_report():
    return membership_report(n=60)


def attack(name, value, *, sees="probabilities", half=0.02, rate=0.05):
    area = Estimate(value, value - half, value + half, 800)
    found = RateAtLimit(rate, max(rate - 0.01, 0), rate + 0.01, 400, 4)
    made = some_attack()
    metrics = dataclasses.replace(made.metrics, auc_corrected=area, tpr_at_fpr_corrected={"0.01": found})
    return dataclasses.replace(made, name=name, title=name.upper(), threat_model=sees, metrics=metrics)


def label(value, **facts):
    return attack("label_only", value, sees="labels", **facts)


def gone(name, sees="probabilities"):
    return NotApplicable(name, name.upper(), sees, "someone", "it does not apply")


def report(*attacks, accuracy=0.9, **facts):
    target = dataclasses.replace(
        some_report().target, test_accuracy=Estimate(accuracy, accuracy - 0.01, accuracy + 0.01, 900)
    )
    return dataclasses.replace(some_report(), attacks=attacks, target=target, **facts)


BEFORE = report(attack("loss", 0.8), attack("rmia", 0.95), label(0.6))


@pytest.mark.parametrize(
    ("after", "expected", "told"),
    [
        ((attack("loss", 0.55), attack("rmia", 0.60), label(0.52)), Effect.REDUCES, "22 % of the leak"),
        ((attack("loss", 0.79), attack("rmia", 0.95), label(0.60)), Effect.NO_EFFECT, "ruled out"),
        ((attack("loss", 0.50), attack("rmia", 0.95), label(0.60)), Effect.HIDES_THE_SLOPE, "as much"),
        ((attack("loss", 0.50), attack("rmia", 0.70), label(0.95)), Effect.HIDES_THE_SLOPE, "as much"),
        ((attack("loss", 0.90), attack("rmia", 0.99), label(0.60)), Effect.INCREASES, "finds more"),
        (
            (attack("loss", 0.5, half=0.3), attack("rmia", 0.8, half=0.3), label(0.6)),
            Effect.INCONCLUSIVE,
            "wide",
        ),
        # the labels alone: what read probabilities is gone for good, and labels were looked at
        ((gone("loss"), gone("rmia"), label(0.60)), Effect.REDUCES, "22 % of the leak"),
        # a broken attack is not a harmless one
        (
            (attack("loss", 0.55), gone("rmia"), label(0.55)),
            Effect.INCONCLUSIVE,
            "RMIA could not be measured",
        ),
        (
            (attack("loss", 0.55), Failed("rmia", "RMIA", "probabilities", "x", "y"), label(0.55)),
            Effect.INCONCLUSIVE,
            "RMIA could not be measured",
        ),
        ((attack("loss", 0.55), attack("rmia", 0.6)), Effect.INCONCLUSIVE, "LABEL_ONLY could not"),
        ((gone("loss"), gone("rmia"), gone("label_only", "labels")), Effect.INCONCLUSIVE, "No attack gave"),
        ((), Effect.INCONCLUSIVE, "No attack gave"),
        (
            (attack("loss", 0.55, rate=0.4), attack("rmia", 0.6), label(0.52)),
            Effect.INCONCLUSIVE,
            "members found at 1 % false positives rose",
        ),
        # a new attack counts too
        (
            (attack("loss", 0.5), attack("rmia", 0.6), attack("lira", 0.95), label(0.6)),
            Effect.HIDES_THE_SLOPE,
            "as much",
        ),
    ],
)
def test_the_rule(after, expected, told):
    found = compare(BEFORE, report(*after))
    assert found.effect is expected, found.reasons
    assert told in found.reasons[0]


def test_what_is_left_to_labels_tells_hiding_from_reducing():
    """As with rounded answers of an image classifier: the slope is gone, the leak to labels is not."""
    before = report(attack("loss", 0.85), label(0.78))
    hidden = compare(before, report(attack("loss", 0.60), label(0.78)))
    assert hidden.effect is Effect.HIDES_THE_SLOPE
    assert "80 % of what the worst found before" in hidden.reasons[0]
    gone_too = compare(before, report(attack("loss", 0.60), label(0.60)))
    assert gone_too.effect is Effect.REDUCES


def test_scores_count_as_probabilities_do():
    """A model with decision scores, and what became of it: scores, a softmax of them, or labels alone."""
    before = report(attack("loss", 0.8, sees="scores"), attack("rmia", 0.95, sees="scores"), label(0.6))
    for sees in ("scores", "probabilities"):
        after = report(attack("loss", 0.5, sees=sees), attack("rmia", 0.95, sees=sees), label(0.6))
        found = compare(before, after)
        assert found.effect is Effect.HIDES_THE_SLOPE
        scope = next(change for change in found.worst if change.scope == "probabilities")
        assert (scope.before.estimate.value, scope.after.estimate.value) == (0.95, 0.95)
        assert scope.threat_model == "probabilities"
    alone = compare(before, report(gone("loss"), gone("rmia"), label(0.60)))
    assert alone.effect is Effect.REDUCES


def test_without_attacks_on_labels_nothing_is_called_reduced():
    found = compare(report(attack("loss", 0.9)), report(attack("loss", 0.6)))
    assert found.effect is Effect.INCONCLUSIVE
    assert "sees labels alone" in found.reasons[0]


def test_no_leak_before_is_nothing_to_lower():
    quiet = report(attack("loss", 0.51), label(0.5))
    assert compare(quiet, quiet).effect is Effect.INCONCLUSIVE


def test_figures_costs_and_the_one_line():
    after = report(attack("loss", 0.55), attack("rmia", 0.60), label(0.52), accuracy=0.85)
    found = compare(BEFORE, after)
    everything, labels, probabilities = found.worst[:3]
    assert [change.scope for change in found.worst] == ["answers", "labels", "probabilities"] * 2
    assert (everything.before.attack, everything.before.estimate.value) == ("rmia", 0.95)
    assert everything.reduction.value == pytest.approx(0.35)
    assert everything.reduction.low == pytest.approx(0.35 - 0.02 * 2**0.5)
    assert labels.threat_model == "labels"
    assert probabilities.after.estimate.high == pytest.approx(0.62)
    assert found.accuracy.cost.value == pytest.approx(0.05)
    assert (
        "0.950 before, 0.600 after (reduction 0.350, 0.322 to 0.378); accuracy cost 5.0 points."
        in found.sentence
    )
    assert {change.scope for change in found.attacks} == {"loss", "rmia", "label_only"}


def test_the_file_is_told_and_does_not_decide():
    leak = attack("leaf_counts", 0.99, sees="model_file")
    before = report(attack("rmia", 0.9), label(0.6), leak)
    found = compare(before, report(attack("rmia", 0.6), label(0.52), leak))
    assert found.effect is Effect.REDUCES
    assert next(c for c in found.worst if c.scope == "model_file").reduction.value == 0


def test_several_runs_are_taken_by_their_worst_and_by_how_much_they_agree():
    befores = [report(attack("rmia", value), label(0.6)) for value in (0.88, 0.90, 0.92, 0.90)]
    agreeing = [report(attack("rmia", value), label(0.52)) for value in (0.60, 0.62, 0.64, 0.62)]
    found = compare(befores, agreeing)
    everything = found.worst[0]
    assert (found.runs, found.effect) == (4, Effect.REDUCES)
    assert everything.before.estimate.value == 0.92
    assert everything.after.estimate.value == 0.64
    assert everything.reduction.value == pytest.approx(0.28)
    # the same records in every run: repetition does not narrow the interval over records
    assert everything.reduction.high - everything.reduction.value >= 0.02 * 2**0.5
    scattered = [report(attack("rmia", value), label(0.6)) for value in (0.55, 0.95, 0.60, 0.95)]
    assert compare(befores, scattered).effect is Effect.INCONCLUSIVE
    assert "4 runs" in found.sentence


def test_a_figure_that_one_run_lacks_is_lacking():
    befores = [BEFORE, BEFORE]
    afters = [report(attack("rmia", 0.6), label(0.5)), report(gone("rmia"), label(0.5))]
    found = compare(befores, afters)
    rmia = next(change for change in found.attacks if change.scope == "rmia")
    assert rmia.reduction is None
    assert found.effect is Effect.INCONCLUSIVE


def drawn(leakage, **attacks):
    made = inversion_audited().report
    found = []
    for name, (sees, value) in ({"spsa": ("probabilities", leakage)} | attacks).items():
        template = next(each for each in made.attacks if isinstance(each, InversionMeasured))
        figure = Estimate(value, max(value - 0.05, 0.0), min(value + 0.05, 1.0), 3)
        metrics = dataclasses.replace(template.metrics, leakage=figure)
        found.append(dataclasses.replace(template, name=name, threat_model=sees, metrics=metrics))
    # one image alone: no labelled ones that would tell more
    return dataclasses.replace(made, attacks=tuple(found), prototypes=(), recognition=())


def told(**attacks):
    found = tuple(
        profile_measured(
            name,
            sees,
            leakage=Estimate(value, max(value - 0.05, 0.0), min(value + 0.05, 1.0), 400),
            gain=Estimate(0.2, 0.1, 0.3, 400),
        )
        for name, (sees, value) in attacks.items()
    )
    return dataclasses.replace(profiles_report(), attacks=found)


def test_class_profiles_are_compared_by_their_leakage():
    before = told(weighted_records=("probabilities", 0.9), labelled_records=("labels", 0.8))
    less = told(weighted_records=("probabilities", 0.2), labelled_records=("labels", 0.2))
    assert compare(before, less).effect is Effect.REDUCES
    assert compare(before, less).kind == "profiles"
    hidden = told(weighted_records=("probabilities", 0.2), labelled_records=("labels", 0.8))
    assert compare(before, hidden).effect is Effect.HIDES_THE_SLOPE
    with pytest.raises(BadBundle, match="different kinds"):
        compare(before, inversion_audited().report)


def test_inversion_is_compared_by_its_leakage():
    before = drawn(0.6, label_only=("labels", 0.45))
    assert compare(before, drawn(0.1, label_only=("labels", 0.1))).effect is Effect.REDUCES
    hidden = compare(before, drawn(0.1, label_only=("labels", 0.45)))
    assert hidden.effect is Effect.HIDES_THE_SLOPE
    assert hidden.accuracy is None
    assert "accuracy was not measured" in hidden.sentence
    told = compare(
        before, before, accuracies=(Estimate(0.9, 0.88, 0.92, 500), Estimate(0.8, 0.78, 0.82, 500))
    )
    assert told.accuracy.cost.value == pytest.approx(0.1)
    # runs of an inversion audit share nothing: their agreement is all there is to the interval
    several = compare([before] * 4, [drawn(0.1, label_only=("labels", 0.1))] * 4)
    assert several.worst[0].reduction.low == several.worst[0].reduction.high


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (lambda: BEFORE, lambda: drawn(0.1), "different kinds: inversion and membership"),
        (lambda: [BEFORE], lambda: [BEFORE, BEFORE], "1 reports before the change and 2 after"),
        (list, list, "0 reports"),
        (
            lambda: BEFORE,
            lambda: dataclasses.replace(BEFORE, inputs=BEFORE.inputs | {"train_mia.csv": "00" * 32}),
            "different data: train_mia.csv",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(before, after, told):
    with pytest.raises(BadBundle) as refused:
        compare(before(), after())
    assert refused.value.problem == "not_comparable"
    assert told in refused.value.message


def test_the_same_table_by_another_name_and_another_model_are_comparable():
    inputs = {"model.pkl": "ff" * 32, "members.csv": BEFORE.inputs["train_mia.csv"]}
    inputs["subject.csv"] = BEFORE.inputs["test_mia.csv"]
    assert compare(BEFORE, dataclasses.replace(BEFORE, inputs=inputs)).warnings == ()


def test_what_a_reader_must_know_is_warned_of_by_name():
    after = dataclasses.replace(
        BEFORE,
        parameters=BEFORE.parameters | {"proportions": [50], "seed": 7, "policy": {}},
        versions=BEFORE.versions | {"numpy": "9"},
        schema_version="1.0",
    )
    found = compare(BEFORE, after)
    assert [notice.code for notice in found.warnings] == [
        "versions_differ",
        "schemas_differ",
        "parameters_differ",
        "same_model",
    ]
    assert "numpy" in found.warnings[0].message
    assert "proportions" in found.warnings[2].message
    defended = dataclasses.replace(BEFORE, parameters=BEFORE.parameters | {"defences": ["rounding=2"]})
    found = compare(BEFORE, defended)
    assert (found.warnings, found.defences) == ((), ("rounding=2",))


FELL = (attack("loss", 0.55), attack("rmia", 0.60), label(0.52))


def cut(made, code="fewer_reference_models"):
    return dataclasses.replace(made, warnings=(Notice(code, "there was no time"),))


def asking(made, **parameters):
    return dataclasses.replace(made, parameters={**made.parameters, **parameters})


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (lambda: cut(report(*FELL)), "cut short by its time"),
        (lambda: cut(report(*FELL), "does_not_fit_members"), "does not fit the members"),
        (lambda: asking(report(*FELL), reference_models=8), "fewer reference_models (8, and the other 64)"),
    ],
)
def test_what_a_weaker_audit_did_not_find_is_not_gone(after, why):
    before = asking(BEFORE, reference_models=64)
    found = compare(before, after())
    assert found.effect is Effect.INCONCLUSIVE
    assert why in found.reasons[0]
    # neither does the leak rise where it is the audit before the change that was weaker
    turned = compare(after(), before)
    assert turned.effect is Effect.INCONCLUSIVE
    # and what both had takes nothing from the conclusion
    assert compare(cut(before), cut(asking(report(*FELL), reference_models=64))).effect is Effect.REDUCES


@pytest.mark.parametrize(("least", "most"), [(100, 1_000), ([50, 100], [50, 1_000]), (100, None)])
def test_more_iterations_are_more_effort(least, most):
    before = asking(drawn(0.6, label_only=("labels", 0.45)), iterations=most)
    after = asking(drawn(0.1, label_only=("labels", 0.1)), iterations=least)
    assert compare(before, after).effect is Effect.INCONCLUSIVE
    assert compare(asking(before, iterations=least), asking(after, iterations=most)).effect is Effect.REDUCES


def test_an_image_of_another_class_matters_where_it_decides():
    before = drawn(0.6, label_only=("labels", 0.45))
    after = cut(drawn(0.1, label_only=("labels", 0.1)), "other_class")
    found = compare(before, after)
    assert found.effect is Effect.INCONCLUSIVE
    assert "assigns the image to another class" in found.reasons[0]
    known = inversion_audited(classes=2).report.prototypes
    assert known
    assert finds_less(after, before) is not None
    assert finds_less(dataclasses.replace(after, prototypes=known), before) is None


def test_an_attack_that_only_the_later_audit_had_raises_nothing():
    old = report(attack("loss", 0.6), label(0.55))
    new = report(attack("loss", 0.6), attack("rmia", 0.9), label(0.55))
    found = compare(old, new)
    assert found.effect is Effect.INCONCLUSIVE
    assert "RMIA was not measured before" in found.reasons[0]
    risen = report(attack("loss", 0.8), attack("rmia", 0.9), label(0.55))
    assert compare(old, risen).effect is Effect.INCREASES, "an attack that both had finds more"
    labels_alone = report(gone("loss"), gone("rmia"), label(0.55))
    assert compare(labels_alone, new).effect is Effect.INCREASES, "probabilities are what was added"


def test_reports_about_other_classes_are_not_compared():
    def of(number):
        made = drawn(0.6 - 0.1 * number, label_only=("labels", 0.4))
        found = tuple(dataclasses.replace(each, target_class=number) for each in made.reconstructions)
        return dataclasses.replace(made, reconstructions=found)

    with pytest.raises(BadBundle, match="different classes: 1 before the change and 5 after"):
        compare(of(1), of(5))
    profiles = profiles_report()
    other = tuple(
        dataclasses.replace(each, classes=each.classes[:1]) if hasattr(each, "classes") else each
        for each in profiles.attacks
    )
    with pytest.raises(BadBundle, match="different classes"):
        compare(profiles, dataclasses.replace(profiles, attacks=other))
