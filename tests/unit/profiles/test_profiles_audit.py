"""Audits of class profiles, whole: what is found where there is something, and nothing where there is not."""

from __future__ import annotations

import shutil
import zipfile

import numpy as np
import pandas as pd
import pytest
from onnx_tables import network
from profile_bundles import CITIES, COLUMNS, MEAN_AGES, SHARES, fitted, people, profiled, profiles_bundle
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC

from leakgauge.errors import BadBundle, BadParameters, LeakgaugeError, UnsupportedModel
from leakgauge.profiles import audit
from leakgauge.profiles.attacks import ATTACKS
from leakgauge.profiles.protocol import Attack, WeightedRecords
from leakgauge.report.html import render
from leakgauge.report.json_document import from_json, to_json
from leakgauge.report.model import Audited, Failed, NotApplicable, ProfilesMeasured, Severity

MODEL = fitted(*people(3_000, seed=0))
AUXILIARY = people(1_500, seed=1)[0]
REFERENCE = people(1_500, seed=2)
RANGES = pd.DataFrame(
    {
        "age": [15.0, 80.5, None],
        "debt": [0.0, 50_000.5, None],
        "kids": [0, 8, None],
        "city": CITIES,
        "shoes": [32.5, 52.5, None],
    }
)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return profiled(profiles_bundle(tmp_path_factory.mktemp("found"), MODEL, AUXILIARY, REFERENCE))


def of_class(report, attack, target_class="default"):
    (row,) = (row for row in report.attacks if row.name == attack)
    assert isinstance(row, ProfilesMeasured), row
    (found,) = (found for found in row.classes if found.target_class == target_class)
    return found.figures


def column_of(report, name, target_class="default"):
    (profile,) = (profile for profile in report.profiles if profile.target_class == target_class)
    (column,) = (column for column in profile.columns if column.name == name)
    return column


@pytest.mark.parametrize(
    "attack", [attack.name for attack in ATTACKS if attack.threat_model == "probabilities"]
)
def test_probabilities_lead_at_least_half_of_the_way_to_a_known_profile(report, attack):
    figures = of_class(report, attack)
    assert figures.error.value <= figures.chance.value / 2
    assert figures.error.high < figures.chance.low
    assert figures.leakage.value > 0.8


def test_the_profile_is_the_one_that_the_people_were_made_with(report):
    age, city = column_of(report, "age"), column_of(report, "city")
    assert age.attacker == pytest.approx(MEAN_AGES["default"], abs=1.0)
    assert age.real == pytest.approx(MEAN_AGES["default"], abs=1.0)
    assert age.everybody == pytest.approx(0.3 * MEAN_AGES["default"] + 0.7 * MEAN_AGES["paid"], abs=1.0)
    shares = {value.value: value.attacker for value in city.values}
    assert [shares[name] for name in CITIES] == pytest.approx(SHARES["default"], abs=0.06)


def test_the_sentence_names_what_sets_the_class_apart_and_nothing_else(report):
    (profile,) = (profile for profile in report.profiles if profile.target_class == "default")
    named = {column.name for column in profile.columns[:3]}
    assert named == {"age", "debt", "city"}
    assert all(name in profile.sentence for name in named)
    assert "shoes" not in profile.sentence
    assert "city more often “Pune”" in profile.sentence


def test_the_verdict_is_about_the_class_and_the_attack_that_showed_most(report):
    assert report.headline_class == "default"
    assert report.verdict.severity in (Severity.MODERATE, Severity.HIGH, Severity.CRITICAL)
    assert "class “default”" in report.verdict.sentence
    assert report.insights[0].question == "What does an attacker learn about class “default”?"
    assert report.inputs.keys() == {"model.joblib", "auxiliary.csv", "reference.csv"}


def test_the_same_bundle_gives_the_same_bytes_and_survives_its_own_json(report, tmp_path):
    again = profiled(profiles_bundle(tmp_path / "again", MODEL, AUXILIARY, REFERENCE))
    assert to_json(again) == to_json(report)
    assert to_json(from_json(to_json(report))) == to_json(report)
    assert "What an attacker learns about class “default”" in render(Audited(report, {}))


def test_a_model_that_answers_the_same_to_everybody_tells_nothing(tmp_path):
    model = fitted(*people(500, seed=0), DummyClassifier(strategy="prior"))
    found = profiled(profiles_bundle(tmp_path / "b", model, AUXILIARY, REFERENCE))
    figures = of_class(found, "weighted_records")
    assert "no auxiliary record this label" in found.attacks[2].classes[0].withheld
    assert figures.gain.low == pytest.approx(0.0, abs=1e-12)
    assert figures.gain.high == pytest.approx(0.0, abs=1e-12)
    assert (figures.leakage_corrected.low, figures.leakage_corrected.high) == pytest.approx((0.0, 0.0))
    assert found.verdict.severity is Severity.LOW


@pytest.mark.parametrize("seed", range(3))
def test_a_model_trained_on_shuffled_labels_gives_chance(tmp_path, seed):
    x, y = people(1_000, seed=seed)
    model = fitted(x, np.random.default_rng(seed).permutation(y), RandomForestClassifier(30, random_state=0))
    found = profiled(profiles_bundle(tmp_path / "b", model, AUXILIARY, REFERENCE))
    assert found.verdict.severity in (Severity.INCONCLUSIVE, Severity.LOW)
    figures = of_class(found, "weighted_records")
    assert figures.error.value > 0.8 * figures.chance.value


def test_a_class_that_is_like_everybody_has_nothing_to_be_learned_of(tmp_path):
    rng = np.random.default_rng(0)
    x, _ = people(6_000, seed=3)
    y = rng.choice(["heads", "tails"], len(x))
    model = fitted(x[:2_000], y[:2_000])
    found = profiled(
        profiles_bundle(tmp_path / "b", model, x[2_000:4_000], (x[4_000:].reset_index(drop=True), y[4_000:])),
        attacks="weighted_records",
    )
    assert of_class(found, "weighted_records", "heads").to_learn.high < 0.05
    assert found.verdict.severity is Severity.LOW
    assert all("like everybody" in profile.sentence for profile in found.profiles)


def test_defences_of_answers_move_the_profile_as_they_should(report, tmp_path):
    bundle = profiles_bundle(tmp_path / "b", MODEL, AUXILIARY, REFERENCE)
    labels = profiled(bundle, defences=["label_only"])
    by_probabilities = [row for row in labels.attacks if row.threat_model == "probabilities"]
    assert all(isinstance(row, NotApplicable) for row in by_probabilities)
    assert of_class(labels, "labelled_records") == of_class(report, "labelled_records")
    rounded = profiled(bundle, defences=["rounding=0"], attacks="weighted_records")
    assert of_class(rounded, "weighted_records").error == of_class(report, "labelled_records").error
    noisy = profiled(bundle, defences=["noise=3"], attacks="weighted_records")
    plain = of_class(report, "weighted_records")
    assert of_class(noisy, "weighted_records").error.value > 1.3 * plain.error.value
    undone = profiled(bundle, defences=["temperature=5"], attacks="weighted_records")
    assert of_class(undone, "weighted_records") == of_class(
        profiled(bundle, attacks="weighted_records"), "weighted_records"
    )


def test_without_reference_records_the_profile_is_shown_and_nothing_is_said_of_how_right_it_is(tmp_path):
    found = profiled(profiles_bundle(tmp_path / "b", MODEL, AUXILIARY))
    assert found.verdict.severity is Severity.INCONCLUSIVE
    assert any("reference.csv" in reason for reason in found.verdict.reasons)
    assert [row.metrics for row in found.attacks if isinstance(row, ProfilesMeasured)] == [None] * 4
    age = column_of(found, "age")
    assert (age.real, age.error) == (None, None)
    assert age.attacker < age.everybody
    assert found.profiles[0].attack == "weighted_records"
    assert "reference" in render(Audited(found, {}))


def test_too_few_reference_records_of_a_class_are_said_to_be_too_few(tmp_path):
    x, y = REFERENCE
    rows = np.r_[np.flatnonzero(y == "paid"), np.flatnonzero(y == "default")[:19]]
    few = (x.iloc[rows].reset_index(drop=True), y[rows])
    found = profiled(profiles_bundle(tmp_path / "b", MODEL, AUXILIARY, few), attacks="weighted_records")
    (row,) = found.attacks
    withheld = {one.target_class: one.withheld for one in row.classes}
    assert withheld["paid"] is None
    assert "19 reference records" in withheld["default"]
    assert found.verdict.severity is not Severity.LOW


def test_reference_records_of_one_class_are_enough_for_that_class(tmp_path):
    x, y = REFERENCE
    only = (x[y == "default"].reset_index(drop=True), y[y == "default"])
    bundle = profiles_bundle(tmp_path / "b", MODEL, AUXILIARY, only)
    found = profiled(bundle, class_to_attack="default", attacks="weighted_records")
    assert of_class(found, "weighted_records").leakage.low > 0.3
    assert [profile.target_class for profile in found.profiles] == ["default"]


def test_ranges_alone_lead_towards_the_class(tmp_path):
    found = profiled(profiles_bundle(tmp_path / "b", MODEL, RANGES, REFERENCE, name="ranges.csv"))
    assert found.auxiliary.source == "ranges"
    assert "ranges" in {notice.code for notice in found.warnings}
    figures = of_class(found, "copula_search")
    assert figures.error.value < figures.chance.value
    assert found.verdict.severity is not Severity.LOW
    assert column_of(found, "city").values[0].everybody == pytest.approx(1 / 3, abs=0.03)
    age = column_of(found, "age")
    assert age.attacker < age.everybody
    assert 15.0 <= age.attacker <= 80.5


def test_names_of_columns_and_their_order_are_the_models(tmp_path):
    auxiliary = AUXILIARY[COLUMNS[::-1]].assign(unused=1)
    x, y = REFERENCE
    found = profiled(
        profiles_bundle(tmp_path / "b", MODEL, auxiliary, (x[["kids", "city", "debt", "age", "shoes"]], y)),
        attacks="weighted_records",
    )
    assert of_class(found, "weighted_records").leakage.value > 0.8
    assert "unused_columns" in {notice.code for notice in found.warnings}


def test_a_model_of_arrays_takes_the_columns_in_their_order(tmp_path):
    x, y = people(2_000, seed=0)
    numbers = ["age", "debt", "kids", "shoes"]
    model = GaussianNB().fit(x[numbers].to_numpy(), y)
    for header in (True, False):
        bundle = profiles_bundle(
            tmp_path / f"b{header}",
            model,
            AUXILIARY[numbers],
            (REFERENCE[0][numbers], REFERENCE[1]),
            header=header,
        )
        found = profiled(bundle, attacks="weighted_records", header=header)
        assert of_class(found, "weighted_records").leakage.value > 0.7
        assert found.target.features == 4


def test_a_model_of_decision_scores_is_read_at_the_scale_of_the_reference_records(tmp_path):
    model = fitted(*people(2_000, seed=0), LinearSVC(random_state=0))
    found = profiled(profiles_bundle(tmp_path / "b", model, AUXILIARY, REFERENCE), attacks="weighted_records")
    assert "decision_scores" in {notice.code for notice in found.warnings}
    assert of_class(found, "weighted_records").leakage.value > 0.7
    alone = profiled(profiles_bundle(tmp_path / "alone", model, AUXILIARY))
    assert {row.name for row in alone.attacks if isinstance(row, ProfilesMeasured)} == {
        "labelled_records",
        "labelled_search",
    }


def test_an_onnx_model_has_classes_by_number(tmp_path):
    x, y = people(2_000, seed=0)
    weights = np.array([[0.2, 0.0], [0.0, 0.3]])
    table = pd.DataFrame({"age": (x["age"] - 42) / 9, "debt": (x["debt"] - 13_000) / 7_000})
    bundle = profiles_bundle(
        tmp_path / "b",
        network(weights * 4),
        table[:1_000],
        (table[1_000:], (y[1_000:] == "default").astype(int)),
    )
    found = profiled(bundle, class_to_attack=1, attacks="weighted_records")
    assert of_class(found, "weighted_records", "1").leakage.low > 0.2


def test_a_regressor_is_refused_for_what_it_is(tmp_path):
    model = LinearRegression().fit(AUXILIARY[["age", "debt"]], np.arange(len(AUXILIARY)))
    with pytest.raises(UnsupportedModel) as refused:
        profiled(profiles_bundle(tmp_path / "b", model, AUXILIARY[["age", "debt"]]))
    assert refused.value.problem == "no_classes"


@pytest.mark.parametrize(
    ("change", "problem", "parameters"),
    [
        (lambda x, y: (x.drop(columns="age"), x, y), "missing_columns", {}),
        (lambda x, y: (x, x.drop(columns="age"), y), "missing_columns", {}),
        (lambda x, y: (x[:19], x, y), "too_few_records", {}),
        (lambda x, y: (x, x, np.where(y == "paid", "PAID?", y)), "unknown_labels", {}),
        (lambda x, y: (x, x, np.where(y == "paid", "", y)), "unknown_labels", {}),
        (lambda x, y: (x, x, y), "unknown_class", {"class_to_attack": "bankrupt"}),
        (lambda x, y: (x, x, y), "unknown_column", {"label_column": "lable"}),
        (lambda x, y: (x.assign(age="old"), x, y), "text_in_numbers", {}),
        (lambda x, y: (x.assign(debt=np.nan), x, y), "missing_values", {}),
        (lambda x, y: (x, x, y), "unknown_attack", {"attacks": "weighed"}),
        (lambda x, y: (x, x, y), "unknown_defence", {"defences": ["ruonding"]}),
        (lambda x, y: (x, x, y), "invalid", {"iterations": 100}),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, change, problem, parameters):
    auxiliary, x, y = change(*REFERENCE)
    with pytest.raises((BadBundle, BadParameters)) as refused:
        profiled(profiles_bundle(tmp_path / "b", MODEL, auxiliary, (x, y)), **parameters)
    assert refused.value.problem == problem
    assert refused.value.hint


def test_records_and_ranges_are_two_attackers(tmp_path):
    bundle = profiles_bundle(tmp_path / "b", MODEL, AUXILIARY)
    shutil.copy(bundle / "auxiliary.csv", bundle / "ranges.csv")
    with pytest.raises(BadBundle) as refused:
        profiled(bundle)
    assert refused.value.problem == "two_auxiliaries"


def one_record(knowledge, target_class, *, budget, rng, progress):
    """The one record that the model is surest of."""
    weights = np.zeros(len(knowledge.frame))
    weights[knowledge.probabilities[:, target_class].argmax()] = 1.0
    return WeightedRecords(None, weights)


def breaking(*_given, **_settings):
    raise KeyError("what nobody may read")


def test_a_new_attack_is_one_function_and_one_row(tmp_path, monkeypatch):
    toys = (
        Attack("toy", "The surest record", "probabilities", "nobody 2026", one_record),
        Attack("broken", "A broken one", "labels", "nobody 2026", breaking),
    )
    monkeypatch.setattr(audit, "ATTACKS", (*ATTACKS, *toys))
    found = profiled(
        profiles_bundle(tmp_path / "b", MODEL, AUXILIARY, REFERENCE),
        attacks=["toy", "broken", "labelled_records"],
    )
    toy, broken = (next(row for row in found.attacks if row.name == name) for name in ("toy", "broken"))
    assert isinstance(toy, ProfilesMeasured)
    assert isinstance(broken, Failed)
    assert "what nobody may read" not in to_json(found).decode()
    # the surest record is an extreme, and far from what the class is like
    surest, typical = (of_class(found, name).error.value for name in ("toy", "labelled_records"))
    assert surest > typical
    assert "The surest record" in render(Audited(found, {}))


def test_every_attack_failing_ends_the_audit(tmp_path, monkeypatch):
    monkeypatch.setattr(audit, "ATTACKS", (Attack("broken", "A broken one", "labels", "nobody", breaking),))
    with pytest.raises(LeakgaugeError) as refused:
        profiled(profiles_bundle(tmp_path / "b", MODEL, AUXILIARY))
    assert refused.value.problem == "every_attack_failed"


def test_tables_without_header_and_in_data_zip_are_read_as_well(tmp_path):
    plain = profiles_bundle(tmp_path / "plain", MODEL, AUXILIARY, REFERENCE)
    expected = of_class(profiled(plain, attacks="weighted_records"), "weighted_records")
    bare = profiles_bundle(tmp_path / "bare", MODEL, AUXILIARY, REFERENCE, header=False)
    assert of_class(profiled(bare, attacks="weighted_records"), "weighted_records") == expected
    packed = tmp_path / "packed"
    packed.mkdir()
    shutil.copy(plain / "model.joblib", packed / "any name.joblib")
    with zipfile.ZipFile(packed / "data.zip", "w") as archive:
        archive.write(plain / "auxiliary.csv", "AUXILIARY.csv")
        archive.write(plain / "reference.csv", "reference.csv")
    assert of_class(profiled(packed, attacks="weighted_records"), "weighted_records") == expected


def test_records_beside_an_image_or_tables_of_members_could_mean_two_audits(tmp_path):
    for name in ("input_image.png", "train_mia.csv"):
        bundle = profiles_bundle(tmp_path / name, MODEL, AUXILIARY)
        shutil.copy(bundle / "auxiliary.csv", bundle / name)
        with pytest.raises(BadBundle) as refused:
            profiled(bundle)
        assert refused.value.problem == "two_kinds"


def test_hostile_names_of_classes_columns_and_values_reach_the_page_as_text(tmp_path):
    x, y = people(600, seed=0)
    evil = "<img src=x onerror=alert(1)>\x1b[31m"
    x = x.assign(city=x["city"].map({"Oslo": evil, "Lima": "=cmd()", "Pune": "b"}).astype(object))
    y = np.where(y == "paid", "<script>", y)
    model = fitted(x, y)
    found = profiled(profiles_bundle(tmp_path / "b", model, x, (x, y)), attacks="weighted_records")
    page = render(Audited(found, {}))
    assert "<script>" not in page
    assert "<img src=x" not in page
    assert "\x1b" not in to_json(found).decode()
