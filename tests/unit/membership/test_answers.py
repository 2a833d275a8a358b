"""A table of answers in the place of a model: what it gives, and what it cannot give."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from cases import audited, refusal
from onnx_tables import network
from pools import records
from sklearn.ensemble import RandomForestClassifier

import leakgauge
from leakgauge.bundle import AnswersBundle, Limits, open_bundle
from leakgauge.errors import BadBundle, BadParameters, InputError
from leakgauge.membership.answers import read_answers
from leakgauge.membership.audit import audit_bundle
from leakgauge.membership.inputs import read_inputs
from leakgauge.membership.reference_models import ReferenceModels
from leakgauge.parameters import answers_parameters, membership_parameters
from leakgauge.progress import Silent
from leakgauge.report.html import render
from leakgauge.report.model import Audited

ROOT = Path(__file__).parents[3]


pytestmark = pytest.mark.usefixtures("few_trees")


def two_classes(n, seed):
    x, y = records(n, seed=seed)
    return x, np.where(y > 0, "yes", "no")


TRAIN, TEST = two_classes(150, 0), two_classes(140, 1)
FOREST = RandomForestClassifier(20, random_state=0).fit(*TRAIN)


def answers(x, y, model=FOREST):
    return pd.DataFrame(model.predict_proba(x), columns=model.classes_).assign(label=y)


MEMBERS, NON_MEMBERS = answers(*TRAIN), answers(*TEST)


def half(seed, other=False):
    """Which records of both tables a reference model was trained on."""
    chosen = np.random.default_rng(seed).permutation(290) < 145
    return ~chosen if other else chosen


def reference(in_training, seed=0):
    x, y = np.concatenate([TRAIN[0], TEST[0]]), np.concatenate([TRAIN[1], TEST[1]])
    model = RandomForestClassifier(20, random_state=seed).fit(x[in_training], y[in_training])
    return answers(x, y, model).assign(in_training=in_training.astype(int))


def pairs(number):
    return {
        f"{seed}{side}.csv": reference(half(seed, side == "b"), seed)
        for seed in range(number)
        for side in ("a", "b")
    }


def bundle(folder, members=MEMBERS, non_members=NON_MEMBERS, references=(), **parameters):
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in (("members_answers.csv", members), ("non_members_answers.csv", non_members)):
        if table is not None:
            table.to_csv(folder / name, index=False)
    for name, table in dict(references).items():
        (folder / "reference_answers").mkdir(exist_ok=True)
        table.to_csv(folder / "reference_answers" / name, index=False)
    if parameters:
        (folder / "parameters.json").write_text(json.dumps(parameters))
    return folder


def report_of(folder, **parameters):
    opened = open_bundle(folder, folder.parent / f"{folder.name} scratch", limits=Limits())
    assert isinstance(opened, AnswersBundle)
    return audit_bundle(opened, parameters, Silent()).report


def refused(folder, **parameters):
    with pytest.raises(InputError) as caught:
        report_of(folder, **parameters)
    return caught.value


def outcome(report, name):
    return next(one for one in report.attacks if one.name == name)


def areas(report):
    return {one.name: one.metrics.auc.value for one in report.attacks if one.status == "measured"}


def read(folder, **parameters):
    """The pool of a bundle: what every figure is made of."""
    opened = open_bundle(folder, folder.parent / f"{folder.name} scratch", limits=Limits())
    return read_answers(opened, answers_parameters(None, parameters)).pool


def assert_plain(pool, folder):
    """The pool holds what that of the tables as they are does."""
    plain = read(bundle(folder / "plain"))
    for attribute in ("x", "y", "member", "row"):
        np.testing.assert_array_equal(getattr(pool, attribute), getattr(plain, attribute))


QUICK = {"attacks": ["gap", "loss"]}
REFERENCED = {"attacks": ["gap", "loss", "rmia", "lira", "rmia_offline", "lira_offline"]}


def test_the_figures_are_those_of_the_file_audit(tmp_path, monkeypatch):
    """Acceptance: every figure of every attack that needs answers alone is the same, to the last digit."""
    seen = {}
    trained = ReferenceModels.__call__

    def noted(self, progress, *, attacker="candidates"):
        seen[attacker] = trained(self, progress, attacker=attacker)
        return seen[attacker]

    monkeypatch.setattr(ReferenceModels, "__call__", noted)
    files = tmp_path / "files"
    files.mkdir()
    joblib.dump(FOREST, files / "model.joblib")
    for name, (x, y) in (("train.csv", TRAIN), ("test.csv", TEST)):
        pd.DataFrame(x).assign(label=y).to_csv(files / name, index=False)
    named = [*REFERENCED["attacks"], "entropy", "modified_entropy", "learned_rf"]
    opened = open_bundle(files, tmp_path / "scratch", limits=Limits())
    parameters = {"attacks": named, "reference_models": 8, "tradeoffs": False, "proportions": [50]}
    by_file = audit_bundle(opened, parameters, Silent()).report

    # the answers in the order in which the file audit has its records
    pool = read_inputs(opened, membership_parameters(None, {})).pool
    asked = answers(pool.x, FOREST.classes_[pool.y])
    references = {}
    for attacker, given in seen.items():
        for p_y, in_training in zip(given.p_y, given.trained_on, strict=True):
            of_yes = np.where(pool.y == 1, p_y, 1.0 - p_y)
            of_no = np.where(pool.y == 0, p_y, 1.0 - p_y)
            table = pd.DataFrame({"no": of_no, "yes": of_yes, "in_training": in_training})
            references[f"{attacker} {len(references):02d}.csv"] = table
    folder = bundle(tmp_path / "answers", asked[pool.member], asked[~pool.member], references)
    alone = report_of(folder, attacks=named, proportions=[50])

    for attack in by_file.attacks:
        assert attack.status == "measured"
        assert outcome(alone, attack.name) == attack
    assert alone.verdict == by_file.verdict
    assert alone.attackers == by_file.attackers
    assert alone.table == by_file.table
    assert alone.slices == by_file.slices
    assert alone.target.train_accuracy == by_file.target.train_accuracy
    assert alone.target.test_accuracy == by_file.target.test_accuracy


def test_in_the_order_of_the_tables_areas_and_their_intervals_are_those_of_the_file_audit(tmp_path):
    files = tmp_path / "files"
    files.mkdir()
    joblib.dump(FOREST, files / "model.joblib")
    for name, (x, y) in (("train.csv", TRAIN), ("test.csv", TEST)):
        pd.DataFrame(x).assign(label=y).to_csv(files / name, index=False)
    named = ["gap", "loss", "entropy", "modified_entropy"]
    by_file = audited(files, attacks=named)
    alone = report_of(bundle(tmp_path / "answers"), attacks=named)
    for name in named:
        one, other = outcome(by_file, name), outcome(alone, name)
        assert one.metrics.auc == other.metrics.auc
        assert one.metrics.tpr_at_fpr == other.metrics.tpr_at_fpr
        assert one.roc == other.roc


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The report on answers alone, with every attack that runs by default but the slowest."""
    folder = tmp_path_factory.mktemp("alone") / "bundle"
    every = ["gap", "loss", "label_only", "rmia", "lira_offline", "leaf_counts", "bootstrap_replay"]
    return report_of(bundle(folder), attacks=every)


def test_what_cannot_be_said_without_the_model_is_told(alone):
    assert set(areas(alone)) == {"gap", "loss"}
    assert "changed copies" in outcome(alone, "label_only").reason
    assert "only answers" in outcome(alone, "leaf_counts").reason
    assert "reference_answers" in outcome(alone, "rmia").reason
    assert "no model" in alone.tradeoffs.withheld
    (notice,) = alone.warnings
    assert notice.code == "answers_alone"
    assert "not a model" in notice.message
    assert alone.target.type == "Table of answers"
    assert alone.verdict.severity is not leakgauge.Severity.LOW


def test_the_page_says_that_the_source_is_a_table_of_answers(alone):
    page = render(Audited(alone))
    assert "table of answers, not a model" in page
    assert "not known" in page


def test_no_sanitising_and_no_larger_leaves_are_recommended(alone):
    said = " ".join(f"{one.title} {one.text}" for one in alone.recommendations)
    assert "leaves" not in said
    assert "Fit the training data less closely" in said


def test_innocent_answers_show_nothing(tmp_path):
    rng = np.random.default_rng(0)

    def innocent(n):
        p = rng.random(n)
        return pd.DataFrame({"no": 1 - p, "yes": p, "label": np.where(rng.random(n) < p, "yes", "no")})

    report = report_of(bundle(tmp_path / "null", innocent(400), innocent(400)), attacks=["gap", "loss"])
    assert report.verdict.severity in (leakgauge.Severity.INCONCLUSIVE, leakgauge.Severity.LOW)


def test_records_that_are_answered_alike_all_count(tmp_path):
    same = MEMBERS.assign(no=0.0, yes=1.0, label=np.where(np.arange(150) < 75, "yes", "no"))
    other = same.head(140)
    report = report_of(bundle(tmp_path / "same", same, other), **QUICK)
    assert (report.target.members, report.target.non_members) == (150, 140)
    assert areas(report)["gap"] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("form", ["zip", "parquet", "data.zip", "semicolons", "gzip"])
def test_answers_come_in_every_form_in_which_tables_do(form, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    tables = {"members_answers": MEMBERS, "non_members_answers": NON_MEMBERS}
    for name, table in tables.items():
        if form == "parquet":
            table.to_parquet(folder / f"{name}.parquet")
        elif form == "semicolons":
            table.to_csv(folder / f"{name}.csv", index=False, sep=";", decimal=",")
        elif form == "gzip":
            table.to_csv(folder / f"{name}.csv.gz", index=False)
        else:
            table.to_csv(folder / f"{name}.csv", index=False)
    if form in ("zip", "data.zip"):
        target = tmp_path / "packed" / ("bundle.zip" if form == "zip" else "data.zip")
        target.parent.mkdir()
        with zipfile.ZipFile(target, "w") as archive:
            for path in sorted(folder.iterdir()):
                archive.write(path, path.name)
        folder = target if form == "zip" else target.parent
    assert_plain(read(folder), tmp_path)


PREFIXED = {"no": "p(no)", "yes": "p(yes)"}


@pytest.mark.parametrize(
    "rename",
    [PREFIXED, {"no": "prob_no", "yes": "prob_yes"}, {"label": "Label"}, {"no": " no", "yes": "yes "}],
)
def test_columns_are_called_like_their_classes_with_or_without_a_prefix(rename, tmp_path):
    renamed = (one.rename(columns=rename) for one in (MEMBERS, NON_MEMBERS))
    assert_plain(read(bundle(tmp_path / "b", *renamed)), tmp_path)


def test_classes_that_are_numbers_are_found_however_they_are_spelt(tmp_path):
    x, y = records(150, seed=0)
    model = RandomForestClassifier(5, random_state=0).fit(x, y)
    table = pd.DataFrame(model.predict_proba(x)).add_prefix("class_").assign(label=y.astype(float))
    other = (
        pd.DataFrame(model.predict_proba(TEST[0])).add_prefix("class_").assign(label=records(140, seed=1)[1])
    )
    pool = read(bundle(tmp_path / "b", table, other))
    right = pool.x[:, 0] == pool.y
    assert right[pool.member].mean() > 0.9
    assert set(pool.y) == {0, 1, 2}


def test_rounded_answers_are_taken_as_they_are(tmp_path):
    rounded = [one.round({"no": 1, "yes": 1}) for one in (MEMBERS, NON_MEMBERS)]
    rounded[0].loc[0, ["no", "yes"]] = 0.1, 0.8  # what rounding may leave of a sum
    assert "loss" in areas(report_of(bundle(tmp_path / "b", *rounded), **QUICK))


def test_predicted_labels_alone_are_attacked_by_labels(tmp_path):
    tables = [pd.DataFrame({"predicted": FOREST.predict(x), "label": y}) for x, y in (TRAIN, TEST)]
    report = report_of(bundle(tmp_path / "b", *tables), **REFERENCED)
    assert set(areas(report)) == {"gap"}
    assert "labels alone" in outcome(report, "loss").reason
    assert areas(report)["gap"] == areas(report_of(bundle(tmp_path / "plain"), **QUICK))["gap"]


def test_a_predicted_label_beside_probabilities_is_the_models_own(tmp_path):
    wrong = [
        one.assign(predicted=np.where(one.label == "yes", "no", "yes")) for one in (MEMBERS, NON_MEMBERS)
    ]
    report = report_of(bundle(tmp_path / "b", *wrong), **QUICK)
    assert report.target.train_accuracy.value == 0.0
    assert areas(report)["loss"] == areas(report_of(bundle(tmp_path / "plain"), **QUICK))["loss"]


def test_groups_and_an_index_are_known(tmp_path):
    tables = [
        one.assign(age=np.where(np.arange(len(one)) % 2, "old", "young")).reset_index(names="")
        for one in (MEMBERS, NON_MEMBERS)
    ]
    report = report_of(bundle(tmp_path / "b", *tables), group_column="age", **QUICK)
    assert {part.name for part in report.slices if part.by == "group"} == {"old", "young"}
    assert areas(report) == areas(report_of(bundle(tmp_path / "plain"), **QUICK))


def test_large_tables_are_sampled(tmp_path):
    tables = [pd.concat([one] * 3, ignore_index=True) for one in (MEMBERS, NON_MEMBERS)]
    report = report_of(bundle(tmp_path / "b", *tables), max_records=200, **QUICK)
    assert (report.target.members, report.target.non_members) == (100, 100)
    assert "sampled" in {one.code for one in report.warnings}


def changed(table, **columns):
    return table.assign(**columns)


BROKEN = {
    "no_label_column": (
        MEMBERS.rename(columns={"label": "truth"}),
        NON_MEMBERS.rename(columns={"label": "truth"}),
    ),
    "no_answers": (MEMBERS[["label"]].reset_index(names=""), NON_MEMBERS[["label"]].reset_index(names="")),
    "one_column": (MEMBERS[["yes", "label"]], NON_MEMBERS[["yes", "label"]]),
    "columns_differ": (MEMBERS, NON_MEMBERS.rename(columns={"yes": "ja"})),
    "classes_do_not_fit": (MEMBERS.replace({"label": {"no": "never"}}), NON_MEMBERS),
    "missing_labels": (changed(MEMBERS, label=[None, *MEMBERS.label[1:]]), NON_MEMBERS),
    "one_label": (changed(MEMBERS, label="yes"), NON_MEMBERS),
    "not_numbers": (changed(MEMBERS, yes=["much", *MEMBERS.yes[1:]]), NON_MEMBERS),
    "not_probabilities": (MEMBERS, changed(NON_MEMBERS, yes=NON_MEMBERS.yes * 7)),
    "too_few_records": (MEMBERS.head(10), NON_MEMBERS),
    "unknown_labels": (changed(MEMBERS, predicted="perhaps"), changed(NON_MEMBERS, predicted="yes")),
}


@pytest.mark.parametrize("problem", BROKEN)
def test_tables_that_do_not_fit_are_refused(problem, tmp_path):
    error = refused(bundle(tmp_path / "b", *BROKEN[problem]), **QUICK)
    assert error.code == f"bad_bundle.{problem}"
    assert error.hint


def test_missing_and_endless_probabilities_are_refused_by_line(tmp_path):
    for number, cell in enumerate([np.nan, np.inf, -np.inf]):
        table = MEMBERS.copy()
        table.loc[4, "yes"] = cell
        error = refused(bundle(tmp_path / str(number), table), **QUICK)
        assert error.code == "bad_bundle.not_numbers"
        assert "line 6" in error.message


def test_a_table_without_header_is_refused(tmp_path):
    folder = tmp_path / "b"
    folder.mkdir()
    for name, table in (("members_answers.csv", MEMBERS), ("non_members_answers.csv", NON_MEMBERS)):
        table.to_csv(folder / name, index=False, header=False)
    assert refused(folder, **QUICK).code == "bad_bundle.no_header"


def test_one_table_alone_is_refused_by_the_name_of_the_other(tmp_path):
    error = refusal(bundle(tmp_path / "b", MEMBERS, None))
    assert error.code == "bad_bundle.no_non_members_answers"
    assert "non_members_answers.csv" in error.hint


def test_answers_and_tables_in_one_bundle_could_mean_either(tmp_path):
    folder = bundle(tmp_path / "b")
    MEMBERS.to_csv(folder / "train_mia.csv", index=False)
    assert refusal(folder).code == "bad_bundle.two_kinds"


@pytest.mark.parametrize("name", ["reference_models", "tradeoffs"])
def test_parameters_that_would_do_nothing_are_refused(name, tmp_path):
    error = refused(bundle(tmp_path / "b"), **{name: 4})
    assert "nothing is trained" in str(error.details)


def test_reference_models_in_pairs(tmp_path):
    report = report_of(bundle(tmp_path / "b", references=pairs(3)), **REFERENCED)
    assert {"rmia", "lira"} <= set(areas(report))
    assert areas(report)["rmia"] > 0.8
    assert "none of them to train on" in outcome(report, "rmia_offline").reason
    assert outcome(report, "rmia").metrics.draw_error is not None
    assert "6 reference models were trained elsewhere" in report.warnings[-1].message


@pytest.mark.slow
def test_reference_models_that_are_no_pairs_do_as_well_and_all_of_them_count(tmp_path):
    """Each on its own random half: the records differ in how many models were trained on them."""
    folder = bundle(
        tmp_path / "b", references={f"{seed}.csv": reference(half(seed), seed) for seed in range(16)}
    )
    report = report_of(folder, **REFERENCED)
    assert {"rmia", "lira"} <= set(areas(report))
    paired = report_of(bundle(tmp_path / "paired", references=pairs(8)), **REFERENCED)
    for name in ("rmia", "lira"):
        assert abs(areas(report)[name] - areas(paired)[name]) < 0.06


def test_too_few_models_on_one_side_of_a_record_are_told(tmp_path):
    folder = bundle(
        tmp_path / "b", references={f"{seed}.csv": reference(half(seed), seed) for seed in range(3)}
    )
    report = report_of(folder, **REFERENCED)
    assert "It takes 1 reference models for each record that were" in outcome(report, "rmia").reason
    assert "It takes 2 reference models for each record that were" in outcome(report, "lira").reason


@pytest.mark.slow
def test_models_of_other_data_are_those_of_the_other_attacker(tmp_path):
    others = {}
    for seed in range(4):
        model = RandomForestClassifier(20, random_state=seed).fit(*two_classes(150, 10 + seed))
        x, y = np.concatenate([TRAIN[0], TEST[0]]), np.concatenate([TRAIN[1], TEST[1]])
        others[f"o{seed}.csv"] = answers(x, y, model).assign(in_training=0)
    report = report_of(bundle(tmp_path / "b", references=others), **REFERENCED)
    assert {"rmia_offline", "lira_offline"} <= set(areas(report))
    assert "trained on a record in question" in outcome(report, "rmia").reason
    both = report_of(bundle(tmp_path / "both", references=others | pairs(2)), **REFERENCED)
    assert {"rmia", "rmia_offline"} <= set(areas(both))
    assert areas(both)["rmia_offline"] == areas(report)["rmia_offline"]


def broken_references(name):
    table = reference(half(0))
    swapped = table.iloc[::-1].reset_index(drop=True)
    return {
        "lengths_differ": table.head(200),
        "no_in_training": table.drop(columns="in_training"),
        "classes_do_not_fit": table.drop(columns="no"),
        "rows_differ": swapped,
        "not_marks": table.assign(in_training=2),
        "not_probabilities": table.assign(yes=7.0),
        "not_numbers": table.assign(yes="much"),
    }[name]


@pytest.mark.parametrize(
    "problem",
    [
        *("lengths_differ", "no_in_training", "classes_do_not_fit", "rows_differ", "not_marks"),
        *("not_probabilities", "not_numbers"),
    ],
)
def test_reference_answers_that_do_not_fit_are_refused(problem, tmp_path):
    folder = bundle(tmp_path / "b", references={"one.csv": broken_references(problem)})
    error = refused(folder, **QUICK)
    assert error.code == f"bad_bundle.{problem}"
    assert "reference_answers/one.csv" in error.message


def test_reference_answers_beside_a_model_stand_in_for_models_trained_here(tmp_path):
    """In the order of the tables, though the audit has its records in another one and leaves copies out."""
    folder = tmp_path / "b"
    folder.mkdir()
    joblib.dump(FOREST, folder / "model.joblib")
    twice = np.append(np.arange(150), 3)
    for name, (x, y), rows in (("train.csv", TRAIN, twice), ("test.csv", TEST, np.arange(140))):
        pd.DataFrame(x[rows]).assign(label=y[rows]).to_csv(folder / name, index=False)
    (folder / "reference_answers").mkdir()
    for name, table in pairs(4).items():
        longer = pd.concat([table.iloc[:150], table.iloc[[3]], table.iloc[150:]])
        longer.to_csv(folder / "reference_answers" / name, index=False)
    report = audited(folder, attacks=["gap", "loss", "rmia", "leaf_counts"], tradeoffs=True)
    alone = report_of(bundle(tmp_path / "alone", references=pairs(4)), attacks=["rmia"])
    assert areas(report)["rmia"] == pytest.approx(areas(alone)["rmia"], abs=1e-9)
    assert "leaf_counts" in areas(report)
    assert "trained elsewhere" in report.tradeoffs.withheld
    assert "reference_answers/0a.csv" in report.inputs


def test_a_network_that_has_no_recipe_is_compared_with_reference_answers(tmp_path):
    """An ONNX file cannot be trained again, so nothing else brings it reference models."""
    weights = np.random.default_rng(0).normal(size=(8, 2))
    folder = tmp_path / "b"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(network(weights))
    for name, (x, y) in (("train.csv", TRAIN), ("test.csv", TEST)):
        pd.DataFrame(x).assign(label=(y == "yes").astype(int)).to_csv(folder / name, index=False)
    without = audited(folder, attacks=["gap", "loss", "rmia"])
    assert outcome(without, "rmia").status == "not_applicable"
    (folder / "reference_answers").mkdir()
    for name, table in pairs(2).items():
        numbered = table.drop(columns="label").rename(columns={"no": "0", "yes": "1"})
        numbered.to_csv(folder / "reference_answers" / name, index=False)
    assert "rmia" in areas(audited(folder, attacks=["gap", "loss", "rmia"]))


def test_other_files_in_the_folder_of_reference_answers_are_left_alone(tmp_path):
    folder = bundle(tmp_path / "b", references=pairs(1))
    (folder / "reference_answers" / "notes.txt").write_text("trained on Monday")
    opened = open_bundle(folder, tmp_path / "scratch", limits=Limits())
    assert [file.name for file in opened.reference_answers] == [
        "reference_answers/0a.csv",
        "reference_answers/0b.csv",
    ]
    assert opened.ignored == ("reference_answers/notes.txt",)


def test_defences_stand_before_the_answers_and_before_the_reference_models(tmp_path):
    folder = bundle(tmp_path / "b", references=pairs(2))
    plain, behind = report_of(folder, **REFERENCED), report_of(folder, defences=["rounding=1"], **REFERENCED)
    assert areas(plain)["rmia"] != areas(behind)["rmia"]
    assert "defended" in {one.code for one in behind.warnings}


def test_behind_labels_alone_reference_models_are_of_no_use(tmp_path):
    report = report_of(bundle(tmp_path / "b", references=pairs(1)), defences=["label_only"], **REFERENCED)
    assert set(areas(report)) == {"gap"}
    assert "labels alone" in outcome(report, "rmia").reason


@pytest.mark.parametrize("cell", [1e308, -0.5, 1.5])
def test_numbers_that_are_no_probabilities_are_refused_by_line(cell, tmp_path):
    table = MEMBERS.copy()
    table.loc[4, "yes"] = cell
    error = refused(bundle(tmp_path / "b", table), **QUICK)
    assert error.code == "bad_bundle.not_probabilities"
    assert "line 6" in error.message


def in_memory(**settings):
    both = [MEMBERS[["no", "yes"]], NON_MEMBERS[["no", "yes"]]]
    return leakgauge.audit_answers(
        both[0], TRAIN[1], both[1], TEST[1], **({"attacks": ["gap", "loss"]} | settings)
    )


def test_the_python_door_gives_the_figures_of_the_bundle(tmp_path):
    tables = pairs(2)
    given = [(table[["no", "yes"]], table.in_training) for table in tables.values()]
    report = in_memory(reference_answers=given, **REFERENCED)
    by_file = report_of(bundle(tmp_path / "b", references=tables), **REFERENCED)
    assert areas(report) == pytest.approx(areas(by_file), abs=1e-6)
    assert report.verdict.severity == by_file.verdict.severity
    assert len(report.inputs) == 6
    turned = [(answers[["yes", "no"]], marks) for answers, marks in given]
    assert areas(in_memory(reference_answers=turned, **REFERENCED)) == areas(report)
    assert isinstance(report, leakgauge.MembershipResult)


@pytest.mark.parametrize("name", ["label_column", "header", "reference_models"])
def test_what_does_nothing_for_answers_in_memory_is_refused(name):
    with pytest.raises(BadParameters) as caught:
        in_memory(**{name: None})
    assert "does nothing in this audit" in caught.value.message


def test_arrays_have_the_columns_of_the_sorted_labels():
    arrays = [FOREST.predict_proba(x) for x, _ in (TRAIN, TEST)]
    report = leakgauge.audit_answers(arrays[0], TRAIN[1], arrays[1], TEST[1], **QUICK)
    assert areas(report) == areas(in_memory())
    for order in (["yes", "no"], FOREST.classes_[::-1]):
        turned = leakgauge.audit_answers(
            arrays[0][:, ::-1], TRAIN[1], arrays[1][:, ::-1], TEST[1], classes=order, **QUICK
        )
        assert areas(turned)["loss"] == areas(report)["loss"]
    labels = leakgauge.audit_answers(
        FOREST.predict(TRAIN[0]), TRAIN[1], FOREST.predict(TEST[0]), TEST[1], **QUICK
    )
    assert areas(labels) == {"gap": areas(report)["gap"]}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (
            (MEMBERS[["no", "yes"]], TRAIN[1][:9], NON_MEMBERS[["no", "yes"]], TEST[1]),
            "bad_bundle.lengths_differ",
        ),
        (
            (np.ones((150, 3)) / 3, TRAIN[1], np.ones((140, 3)) / 3, TEST[1]),
            "bad_parameters.classes_do_not_fit",
        ),
        ((np.ones((150, 2)), TRAIN[1], np.ones((140, 2)), TEST[1]), "bad_bundle.not_probabilities"),
        (
            (np.ones((150, 2)), np.array([1, "one"] * 75, dtype=object), np.ones((140, 2)), TEST[1]),
            "bad_parameters.classes",
        ),
        ((np.ones((150, 2)), np.ones((150, 2)), np.ones((140, 2)), TEST[1]), "bad_bundle.labels_shape"),
        ((np.ones((150, 2, 2)), TRAIN[1], np.ones((140, 2)), TEST[1]), "bad_parameters.classes_do_not_fit"),
    ],
)
def test_answers_in_memory_that_do_not_fit_are_refused(arguments, code):
    with pytest.raises(InputError) as caught:
        leakgauge.audit_answers(*arguments, **QUICK)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ((np.ones((10, 2)) / 2, np.ones(10)), "lengths_differ"),
        ((np.ones((290, 2)) / 2, np.ones(10)), "lengths_differ"),
        ((np.ones((290, 2)) / 2, np.full(290, 7)), "not_marks"),
        ((np.ones((290, 2)), np.ones(290)), "not_probabilities"),
        ((pd.DataFrame(np.ones((290, 2)) / 2, columns=["no", "never"]), np.ones(290)), "classes_do_not_fit"),
    ],
)
def test_reference_answers_in_memory_that_do_not_fit_are_refused(given, problem):
    with pytest.raises(BadBundle) as caught:
        in_memory(reference_answers=[given])
    assert caught.value.problem == problem
    assert "reference_answers[0]" in caught.value.message


@pytest.mark.slow
def test_the_sample_of_answers_is_audited():
    report = leakgauge.audit(ROOT / "sample-input" / "membership-answers.zip")
    assert {"rmia", "lira", "learned_gb"} <= set(areas(report))
    assert report.verdict.severity.value == "critical"
