"""Audits of services: what the report says of them, and what becomes of one that fails on the way."""

from __future__ import annotations

import json

import joblib
import numpy as np
import pandas as pd
import pytest
from brokered import HTTP, PROTOCOLS, SECRET, audited_live
from cases import audited
from service_faults import Changed, Dropped, Says, labels, noisy, rounded, too_many, top
from service_protocols import OpenInference, PlainJson
from service_rows import answers_of_small_forest, small_forest
from services import serving

from leakgauge.errors import LeakgaugeError

QUICK = {"attacks": ["gap", "loss", "entropy"], "proportions": [50]}


pytestmark = pytest.mark.usefixtures("few_trees")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The tables of the small forest, without a model."""
    folder = tmp_path_factory.mktemp("data")
    _, members, non_members = small_forest()
    members.to_csv(folder / "members.csv", index=False)
    non_members.to_csv(folder / "non_members.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def by_file(data, tmp_path_factory):
    """The figures of the same forest in a file."""
    folder = tmp_path_factory.mktemp("file")
    for path in data.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    joblib.dump(small_forest()[0], folder / "model.joblib")
    report = audited(folder, **QUICK, tradeoffs=False)
    return {each.name: each.metrics.auc.value for each in report.attacks if each.status == "measured"}


def of_forest(name, data, *faults, protocol=None, settings=None, **parameters):
    """An audit of the forest behind a service with faults, and the service."""
    with serving(protocol or PROTOCOLS[name](), answers_of_small_forest, *faults) as service:
        return audited_live(name, service, data, settings or {}, **QUICK | parameters), service


def refused(*words, **settings):
    with pytest.raises(LeakgaugeError) as caught:
        of_forest(*words, **settings)
    return caught.value


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_figures_are_those_of_the_file(name, data, by_file):
    found, service = of_forest(name, data)
    assert found.areas() == by_file
    assert found.account["rows"] == len(service.rows) == 250  # ten of them twice
    assert found.report.target.train_accuracy.value > 0.9


@pytest.mark.parametrize("name", HTTP)
def test_labels_alone_are_recognised(name, data, by_file):
    protocol = OpenInference(by_default="predict") if name == "open-inference" else None
    settings = {"output": "predict"} if name == "open-inference" else {}
    found, _ = of_forest(name, data, labels(), protocol=protocol, settings=settings)
    assert found.areas() == {"gap": by_file["gap"]}
    assert "labels alone" in found.told()


def test_names_of_classes_are_recognised(tmp_path):
    names = np.array([f"digit {number}" for number in range(10)])
    for name, table in zip(("members.csv", "non_members.csv"), small_forest()[1:], strict=True):
        table.assign(label=names[table["label"]]).to_csv(tmp_path / name, index=False)
    found, _ = of_forest("json", tmp_path, labels(names))
    assert found.report.target.train_accuracy.value > 0.9


def test_a_service_that_rounds_is_recognised(data):
    found, _ = of_forest("json", data, rounded(1))
    assert "rounded to multiples of 0.1" in found.told()


def test_a_service_that_gives_the_likeliest_alone_is_recognised(data):
    found, _ = of_forest("json", data, top(3))
    assert "3 likeliest of 10 classes" in found.told()


def test_the_likelier_of_two_classes_alone_is_recognised(tmp_path):
    for name, table in zip(("members.csv", "non_members.csv"), small_forest()[1:], strict=True):
        table.assign(label=table["label"] > 4).to_csv(tmp_path / name, index=False)

    def model(rows):
        second = answers_of_small_forest(rows)[:, 5:].sum(axis=1)
        return np.column_stack([1 - second, second])

    with serving(PlainJson(), model, top(1)) as service:
        found = audited_live("json", service, tmp_path, {}, **QUICK)
    assert "the 1 likeliest of 2 classes" in found.told()


def test_answers_that_change_are_recognised_and_averaged(data, by_file):
    found, service = of_forest("json", data, noisy(0.02))
    assert "change between calls" in found.told()
    assert "averaged" in found.told()
    assert max(service.times_asked().values()) > 2
    assert len(service.rows) == found.account["rows"] <= 10_000
    once, _ = of_forest("json", data, noisy(0.02), settings={"limits": {"rows": 300}})
    assert "more than once" in once.told()
    assert abs(found.areas()["loss"] - by_file["loss"]) <= 0.05


def test_rows_beyond_the_limit_are_left_out_and_told(data):
    found, service = of_forest("json", data, settings={"limits": {"rows": 120}})
    assert len(service.rows) <= 120
    target = found.report.target
    assert target.members + target.non_members < 120
    assert "all 240 records" in found.told()


def test_a_limit_that_no_audit_fits_is_refused(data):
    error = refused("json", data, settings={"limits": {"rows": 15}})
    assert error.code == "bad_parameters.service_rows"


def test_a_limit_on_cost_is_one_on_rows(data):
    settings = {"price": {"per_1000_rows": 10}, "limits": {"cost": 1.2}}
    found, service = of_forest("json", data, settings=settings)
    assert len(service.rows) <= 120
    assert found.account["cost"] == pytest.approx(len(service.rows) / 100)


# ------------------------------------------------------------------ services that fail on the way


FAULTS = {
    "500": Says(500, range(2, 99)),
    "429": too_many(range(2, 99)),
    "dropped": Dropped(True, range(2, 99)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_audit_goes_on_where_it_was_cut_off(fault, data, tmp_path):
    """The service fails for good on the third request; after that it is well."""
    settings = {"cache": str(tmp_path), "requests": {"retries": 1, "rows": 50, "timeout": 10}}
    with serving(PlainJson(), answers_of_small_forest, FAULTS[fault]) as service:
        with pytest.raises(LeakgaugeError) as caught:
            audited_live("json", service, data, settings, **QUICK)
        assert caught.value.family == "service"
        answered = sum(answer is not None for answer in service.rows)
        service.faults.clear()
        resumed = audited_live("json", service, data, settings, **QUICK)
        afterwards = len(service.rows) - answered
    whole, undisturbed = of_forest("json", data, settings={"requests": settings["requests"]})
    assert resumed.areas() == whole.areas()
    assert resumed.account["rows"] == afterwards
    assert resumed.account["rows_from_cache"] > 0
    if fault != "dropped":  # those were answered, and the answer was lost on the way
        assert service.times_asked() == undisturbed.times_asked()
    assert resumed.account["rows"] + resumed.account["rows_from_cache"] == len(undisturbed.rows)


def after(requests, change):
    """A fault that sets in after so many requests."""
    seen = []

    def changed(answers):
        seen.append(len(answers))
        return change(answers) if len(seen) > requests else answers

    return Changed(changed)


@pytest.mark.parametrize(
    "change",
    [
        lambda answers: answers[:, :-1],
        lambda answers: answers.argmax(axis=1),
        lambda answers: answers * 3,
        lambda answers: np.log(answers + 1e-9),
        lambda answers: -answers,
        lambda answers: answers * 0,
        lambda answers: np.full(answers.shape, "no", dtype=object),
        lambda answers: np.full(answers.shape, 1e300),
    ],
    ids=["narrower", "labels", "beyond_1", "logits", "below_0", "zeros", "text", "huge"],
)
def test_answers_of_another_form_than_the_first_are_refused(change, data):
    error = refused("json", data, after(2, change))
    assert error.family == "service", error.code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda answers: answers[:, :-1], "bad_parameters.classes_do_not_fit"),
        (lambda answers: answers * 3, "service.not_probabilities"),
        (lambda answers: answers - 1, "service.not_probabilities"),
        (lambda answers: answers * 0, "service.not_probabilities"),
        (lambda answers: np.full(len(answers), "no"), "bad_parameters.service_answers"),
        (lambda answers: np.full(len(answers), 77), "bad_parameters.service_answers"),
        (lambda answers: answers[:, 0], "bad_parameters.service_answers"),
    ],
    ids=["narrower", "beyond_1", "below_0", "zeros", "no_label", "no_class", "one_number"],
)
def test_answers_that_do_not_fit_the_classes_are_refused(change, code, data):
    assert refused("json", data, Changed(change)).code == code


# ------------------------------------------------------------------ tables


def test_cells_reach_the_service_as_they_are(tmp_path):
    """Text stays text, whole numbers whole, what is missing null; a row that stands twice is asked once."""
    frame = pd.DataFrame(
        {
            "age": range(40),
            "income": [0.5 + each for each in range(40)],
            "city": ["Köln", "01", 'a "b", c', "$columns"] * 10,
            "smokes": [True, False] * 20,
            "label": ["no", "yes"] * 20,
        }
    )
    frame.loc[5, "income"] = np.nan
    twice = pd.concat([frame, frame[:3]])
    twice.to_csv(tmp_path / "members.csv", index=False)
    frame.assign(age=frame["age"] + 100).to_csv(tmp_path / "non_members.csv", index=False)
    asked = []

    def model(rows):
        asked.extend(rows)
        return np.full((len(rows), 2), 0.5)

    settings = {"request": {"rows": "$records"}}
    with serving(PlainJson(), model) as service:
        audited_live("json", service, tmp_path, settings, attacks=["gap"], proportions=[50])
    cells = frame.drop(columns="label").astype(object).where(frame.notna(), None).to_numpy().tolist()
    assert {tuple(row) for row in cells} <= set(asked)
    row = next(row for row in asked if row[0] == 5)
    assert row == (5, None, "01", False)
    assert type(row[0]) is int
    assert type(row[3]) is bool
    assert max(service.times_asked().values()) <= 2


@pytest.mark.parametrize("kind", [int, float])
def test_changed_copies_that_are_no_others_are_not_asked_about_again(kind, tmp_path):
    """Noise on whole numbers leaves many as they are, or makes a zero of -0.0; either is the same row."""
    rng = np.random.default_rng(0)
    for name in ("members.csv", "non_members.csv"):
        cells = pd.DataFrame(rng.integers(0, 20, (30, 2)), columns=["a", "b"]).astype(kind)
        cells.assign(label=rng.integers(0, 2, 30)).to_csv(tmp_path / name, index=False)
    with serving(PlainJson(), lambda rows: np.full((len(rows), 2), 0.5)) as service:
        settings = {"limits": {"rows": 2_000}}
        audited_live("json", service, tmp_path, settings, attacks=["gap", "label_only"], proportions=[50])
    asked = service.times_asked()
    assert len(asked) > 100
    assert max(asked.values()) <= 2
    assert sum(times == 2 for times in asked.values()) <= 10


def test_no_secret_is_in_a_report_or_a_cache(data, tmp_path):
    found, service = of_forest("json", data, settings={"cache": str(tmp_path)})
    assert any(headers.get("Authorization") == f"Bearer {SECRET}" for headers in service.headers)
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert SECRET.encode() not in kept
    assert SECRET not in json.dumps(found.account)
    assert SECRET not in repr(found.report)
