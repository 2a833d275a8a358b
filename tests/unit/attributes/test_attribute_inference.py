"""Attribute inference tells what a model leaks of its own records from what anybody could guess."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from people import features, forest, inferred, measured, people
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC

from leakgauge.attributes import attacks as table
from leakgauge.attributes.attacks import ATTACKS
from leakgauge.attributes.combining import combined
from leakgauge.attributes.measure import Decided, measure
from leakgauge.errors import BadParameters
from leakgauge.estimates import Estimate, confidence_for
from leakgauge.progress import Silent
from leakgauge.report.model import AttributeMeasured, NotApplicable, Severity


def fitted(members: pd.DataFrame, **settings):
    return forest(**settings).fit(features(members), members.y)


def test_an_overfitted_forest_leaks_and_its_file_leaks_more():
    members, others = people(500, seed=0), people(500, seed=1)
    found = inferred(fitted(members), members, others, names=["smoker"], group=True)
    assert found is not None
    (column,) = found.columns
    assert column.verdict.severity in (Severity.MODERATE, Severity.HIGH, Severity.CRITICAL)
    assert found.verdict == dataclasses.replace(column.verdict)
    best = measured(found, "smoker")[column.strongest or ""]
    on_file = measured(found, "smoker")[column.strongest_on_file or ""]
    assert best.metrics.leakage_corrected.low > 0.0
    assert on_file.metrics.leakage_corrected.low > 0.05
    assert on_file.metrics.members.mcc.value > best.metrics.members.mcc.value
    # without the model, neither side can be guessed better
    assert best.metrics.members.imputation.low < best.metrics.non_members.imputation.value
    assert {(part.by, part.name) for part in column.parts} == {
        ("value", "yes"),
        ("value", "no"),
        ("group", "nurse"),
        ("group", "clerk"),
        ("group", "driver"),
    }
    assert "“smoker”" in found.verdict.sentence
    assert "“smoker”" in found.file_sentence


def test_the_same_seed_gives_the_same_figures_and_another_other_folds():
    members, others = people(120, seed=2), people(120, seed=3)
    model = fitted(members, n_estimators=10)
    once, again, other = (inferred(model, members, others, names=["smoker"], seed=seed) for seed in (0, 0, 1))
    assert once == again
    assert once != other


@pytest.mark.parametrize("seed", range(3))
def test_a_model_of_other_people_leaks_nothing(seed: int):
    model = fitted(people(300, seed=99 + seed), n_estimators=20)
    members, others = people(150, seed=seed), people(150, seed=50 + seed)
    found = inferred(model, members, others, names=["smoker"], seed=seed)
    assert found is not None
    assert found.verdict.severity in (Severity.LOW, Severity.INCONCLUSIVE)


def test_a_learned_correlation_is_no_leak():
    """A model knows of anybody what two hundred people do not tell; sides that it never saw are alike."""

    def table_of(n: int, seed: int) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        x = rng.random((n, 3))
        pattern = (np.floor(4 * x[:, 0]) + np.floor(4 * x[:, 1])) % 2 == 0
        sick = rng.random(n) < 0.5
        label = (pattern ^ sick).astype(int)
        return pd.DataFrame(
            {"a": x[:, 0], "b": x[:, 1], "sick": np.where(sick, "yes", "no"), "job": "any", "y": label}
        )

    many = table_of(6_000, 7)
    model = fitted(many, n_estimators=20, min_samples_leaf=2)
    found = inferred(model, table_of(200, 1), table_of(200, 2), names=["sick"], seed=3)
    assert found is not None
    metrics = measured(found, "sick")["confidence"].metrics
    assert metrics.adds_corrected.low > 0.15
    assert metrics.leakage_corrected.low < 0.0 < metrics.leakage_corrected.high
    assert found.verdict.severity in (Severity.LOW, Severity.INCONCLUSIVE)
    assert "adds to a guess" in found.adds_sentence


def test_figures_of_decisions_that_have_nothing_to_do_with_membership():
    """Two hundred draws of evidence, some of it telling, none of it about members: alarms and intervals."""
    rng = np.random.default_rng(5)
    alarms, covered, draws = 0, 0, 200
    for _ in range(draws):
        n, member = 200, np.arange(200) < 100
        truth = (rng.random(n) < 0.3).astype(np.int64)
        imputed = np.clip(rng.normal(0.3 + 0.2 * truth, 0.1), 0.05, 0.95)
        guess = np.stack([1.0 - imputed, imputed], axis=1)
        evidence = np.stack([np.zeros(n), rng.normal(truth, 2.0)], axis=1)[:, :, None]
        fold = rng.permutation(n) % 5
        posterior = combined(guess, evidence, truth, member, fold, rng=rng)
        metrics = measure(posterior, guess, None, truth, member, confidence=confidence_for(2))
        alarms += metrics.leakage_corrected.low > 0.0
        covered += metrics.leakage.low <= 0.0 <= metrics.leakage.high
    assert alarms <= 0.05 * draws
    assert covered >= 0.93 * draws


def test_rare_values_count_as_much_as_common_ones_in_the_balanced_figure():
    rng = np.random.default_rng(0)
    n = 2_000
    truth = (rng.random(n) < 0.1).astype(np.int64)
    member = np.arange(n) < n // 2
    guess = np.tile([0.9, 0.1], (n, 1))
    # the model names members' rare values, though never as the likeliest
    posterior = guess.copy()
    posterior[member & (truth == 1)] = [0.6, 0.4]
    decided = Decided.of(posterior, guess, truth, member)
    balanced = decided.leakage_balanced()
    assert decided.leakage().value == 0.0
    assert balanced is not None
    assert balanced.low > 0.3


def test_the_two_sides_may_differ_in_distribution_and_then_nothing_is_called_a_leak():
    members, others = people(200, seed=0), people(200, seed=1)
    model = fitted(members)
    found = inferred(
        model, members, others, names=["smoker"], shift=Estimate(0.7, 0.6, 0.8, 400), retrains=False
    )
    assert found is not None
    assert found.verdict.severity is Severity.INCONCLUSIVE
    assert "differ" in " ".join(found.verdict.reasons)
    (reason,) = [a.reason for a in found.columns[0].attacks if a.name == "reference_models"]
    assert reason == "there are none"


def test_columns_of_few_categories_are_chosen_and_others_told_why_not():
    members, others = people(100, seed=0), people(100, seed=1)
    members["one"], others["one"] = "same", "same"
    model = fitted(members, n_estimators=10)
    found = inferred(model, members, others, names=None)
    assert found is not None
    assert found.chosen
    assert {column.name for column in found.columns} == {"smoker", "job"}
    (one,) = inferred(model, members, others, names=["one"]).columns
    assert "Two values or more are needed" in one.withheld
    with pytest.raises(BadParameters) as refused:
        inferred(model, members, others, names=["smoker", "smokes"])
    assert "no column called smokes" in refused.value.message
    assert "smoker" in refused.value.hint


def test_numbers_are_cut_into_intervals_and_missing_cells_are_a_value():
    members, others = people(200, seed=0), people(200, seed=1)
    members.loc[::4, "job"], others.loc[::4, "job"] = None, None
    model = fitted(members, n_estimators=10)
    found = inferred(model, members, others, names=["age", "job"])
    age, job = found.columns
    assert age.intervals
    assert len(age.values) == 5
    assert age.values[0].startswith("up to ")
    assert "(missing)" in job.values
    assert not job.intervals


def test_what_other_columns_determine_is_not_measured():
    members, others = people(100, seed=0), people(100, seed=1)
    for side in (members, others):
        side["no_smoker"] = (side.smoker == "no").astype(int)
    found = inferred(fitted(members, n_estimators=10), members, others, names=["smoker"])
    assert "determine this one" in found.columns[0].withheld
    assert found.verdict.severity is Severity.INCONCLUSIVE


def test_labels_alone_leave_the_attacks_on_labels():
    members, others = people(150, seed=0), people(150, seed=1)
    model = forest()
    model.steps[-1] = ("svc", LinearSVC())
    found = inferred(model.fit(features(members), members.y), members, others, names=["smoker"])
    ran = measured(found, "smoker")
    assert {"map", "lomia"} <= set(ran)
    assert all(ran[name].threat_model == "labels" for name in ("map", "lomia"))
    others_of_it = [one for one in found.columns[0].attacks if not isinstance(one, AttributeMeasured)]
    assert all(isinstance(one, NotApplicable) for one in others_of_it)


def test_boosting_is_read_by_its_equations():
    members, others = people(150, seed=0), people(150, seed=1)
    model = forest()
    model.steps[-1] = ("gb", GradientBoostingClassifier(n_estimators=60, max_depth=4, random_state=0))
    found = inferred(model.fit(features(members), members.y), members, others, names=["smoker"])
    metrics = measured(found, "smoker")["file_equations"].metrics
    assert metrics.leakage_corrected.low > 0.0


def test_a_model_that_remembers_nobody_is_read_without_its_file():
    members, others = people(150, seed=0), people(150, seed=1)
    model = forest()
    model.steps[-1] = ("bayes", GaussianNB())
    found = inferred(model.fit(features(members), members.y), members, others, names=["smoker"])
    outcomes = {attack.name: attack for attack in found.columns[0].attacks}
    for name in ("file_counts", "file_replay", "file_equations"):
        assert isinstance(outcomes[name], NotApplicable)
    assert found.file_sentence == ""


def test_neither_membership_nor_the_own_value_enters_the_evidence():
    """Evidence of one record stays the same whatever its own value, and membership, are said to be."""
    seen = []

    def weigh(question, *, rng, progress):
        seen.append(question)
        return np.zeros(question.labels.shape)

    members, others = people(60, seed=0), people(60, seed=1)
    model = fitted(members, n_estimators=5)
    row = dataclasses.replace(ATTACKS[0], weigh=weigh)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("leakgauge.attributes.audit.ATTACKS", (row,))
        inferred(model, members, others, names=["smoker"])
    (question,) = seen
    for attack in table.ATTACKS:
        if attack.threat_model == "model_file" or attack.name in ("learned", "given_answer"):
            continue
        for place in (0, 70):
            told = []
            for flipped in (False, True):
                truth, member = question.column.truth.copy(), question.records.member.copy()
                if flipped:
                    truth[place], member[place] = 1 - truth[place], not member[place]
                asked = dataclasses.replace(
                    question,
                    column=dataclasses.replace(question.column, truth=truth),
                    records=dataclasses.replace(question.records, member=member),
                )
                told.append(attack.weigh(asked, rng=np.random.default_rng(0), progress=Silent())[place])
            np.testing.assert_array_equal(*told)
