"""What answers of services are told to be, and what no answer may pass for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from leakgauge.errors import BadParameters, ServiceFailed, UnsupportedModel
from leakgauge.row_pipe import ServiceFacts
from leakgauge.targets.endpoints.forms import places_in, read_form, share_changed
from leakgauge.targets.endpoints.table import PROBED, REPEATED, EndpointTarget, cells_of

TWO, THREE = np.array(["no", "yes"]), np.array([0, 1, 2])
FULL = [[0.7, 0.2, 0.1], [0.15, 0.25, 0.6]]


def test_probabilities_are_told_and_sum_to_one():
    reading = read_form("auto", FULL, THREE)
    assert (reading.gives, reading.rows, reading.kept) == ("probabilities", "complete", None)
    assert reading.probabilities(FULL).sum(axis=1) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "answers", [[0.25, 0.75], [[0.25], [0.75]], [{"no": 0.75, "yes": 0.25}, {"yes": 0.75, "no": 0.25}]]
)
def test_of_two_classes_one_number_is_the_second_s(answers):
    found = read_form("auto", answers, TWO).probabilities(answers)
    assert found == pytest.approx(np.array([[0.75, 0.25], [0.25, 0.75]]))


@pytest.mark.parametrize(
    ("answers", "classes"),
    [
        (["no", "yes"], TWO),
        ([["no"], ["yes"]], TWO),
        ([0, 1], THREE),
        ([0.0, 1.0], THREE),
        (["0", "1"], THREE),
        ([False, True], np.array([False, True])),
        ([0, 1], np.array(["0", "1"])),
    ],
)
def test_labels_are_told_however_they_are_spelt(answers, classes):
    reading = read_form("auto", answers, classes)
    assert reading.gives == "labels"
    assert reading.labels(answers).tolist() == [0, 1]
    assert "labels alone" in reading.description()


def test_rounded_probabilities_are_told():
    rows = [[0.33, 0.33, 0.33], [0.12, 0.34, 0.55], [0.5, 0.25, 0.24]]
    reading = read_form("auto", rows, THREE)
    assert (reading.rows, reading.step) == ("complete", 0.01)
    assert "multiples of 0.01" in reading.description()
    assert reading.probabilities(rows).sum(axis=1) == pytest.approx(1.0)


def test_the_likeliest_classes_alone_are_told():
    classes = np.arange(5)
    rows = [[0.513, 0.301, 0, 0, 0], [0, 0.612, 0, 0.22, 0], [0, 0, 0.4, 0, 0.317]]
    reading = read_form("auto", rows, classes)
    assert (reading.rows, reading.kept) == ("truncated", 2)
    assert "2 likeliest of 5" in reading.description()
    found = reading.probabilities(rows)
    assert found.sum(axis=1) == pytest.approx(1.0)
    assert found[0, 2] == pytest.approx((1 - 0.814) / 3)


def test_scores_of_their_own_for_each_class_are_told():
    rows = [[0.9, 0.8, 0.1], [0.2, 0.3, 0.1]]
    reading = read_form("auto", rows, THREE)
    assert reading.rows == "independent"
    assert reading.probabilities(rows).sum(axis=1) == pytest.approx(1.0)


def test_logits_are_taken_where_the_settings_say_so():
    rows = [[800.0, -3.0, 0.5], [0.0, 0.0, 0.0]]
    found = read_form("logits", rows, THREE).probabilities(rows)
    assert found == pytest.approx(np.array([[1.0, 0.0, 0.0], [1 / 3] * 3]))
    with pytest.raises(ServiceFailed) as caught:
        read_form("auto", rows, THREE)
    assert caught.value.code == "service.not_probabilities"
    assert "logits" in caught.value.hint


def test_numbers_of_a_regressor_are_taken_where_the_settings_say_so():
    reading = read_form("predictions", [[1.5], [-2.0]], np.empty(0))
    assert reading.predictions([[1.5], [-2.0]]).tolist() == [1.5, -2.0]
    with pytest.raises(ServiceFailed):
        reading.predictions([1e200, 1.0])


@pytest.mark.parametrize(
    ("asked_for", "answers", "classes", "code"),
    [
        ("auto", [[0.5, 0.5], [0.1, 0.9]], THREE, "classes_do_not_fit"),
        ("auto", [{"maybe": 1.0}, {"no": 1.0}], TWO, "classes_do_not_fit"),
        ("auto", ["perhaps", "yes"], TWO, "service_answers"),
        ("auto", [0.5, 0.7], THREE, "service_answers"),
        ("labels", FULL, THREE, "service_answers"),
        ("predictions", FULL, np.empty(0), "service_answers"),
        ("predictions", ["a", "b"], np.empty(0), "service_answers"),
        ("predictions", [True, False], np.empty(0), "service_answers"),
        ("probabilities", ["no", "yes"], TWO, "service_answers"),
    ],
)
def test_what_is_not_as_the_settings_say_is_theirs_to_mend(asked_for, answers, classes, code):
    with pytest.raises(BadParameters) as caught:
        read_form(asked_for, answers, classes)
    assert caught.value.problem == code


@pytest.mark.parametrize(
    "later",
    [
        [[0.7, 0.2]],
        [[-0.4, 0.7, 0.7]],
        [[0.1, 0.1, 0.1]],
        [[1.9, 0.0, 0.0]],
        ["no"],
        [1],
        [{"a": 1.0}],
    ],
)
def test_a_later_answer_is_held_to_the_first_ones(later):
    reading = read_form("auto", FULL, THREE)
    with pytest.raises((ServiceFailed, BadParameters)):
        reading.probabilities(later)


def test_a_later_label_must_be_one():
    reading = read_form("auto", ["no", "yes"], TWO)
    with pytest.raises(ServiceFailed):
        reading.labels(["perhaps"])


def test_an_answer_that_changed_is_told_from_one_that_was_computed_in_another_order():
    assert share_changed([[0.5, 0.5], [0.1, 0.9]], [[0.5 + 1e-8, 0.5], [0.1, 0.9]]) == 0.0
    assert share_changed([[0.5, 0.5], [0.1, 0.9]], [[0.52, 0.48], [0.1, 0.9]]) == 0.5
    assert share_changed(["a", {"a": 1.0}], ["b", {"a": 1.0}]) == 0.5


def test_classes_of_the_same_spelling_keep_their_places():
    assert places_in(["1", 1], np.array([1, "1"], dtype=object)) is not None


def test_cells_are_what_json_has():
    frame = pd.DataFrame(
        {
            "i": [1, 2],
            "f": [0.5, np.nan],
            "t": ["a", None],
            "b": [True, False],
            "c": pd.Categorical(["x", "y"]),
        }
    )
    assert cells_of(frame) == [[1, 0.5, "a", True, "x"], [2, None, None, False, "y"]]
    with pytest.raises(UnsupportedModel) as caught:
        cells_of(pd.DataFrame({"f": [np.inf]}))
    assert caught.value.problem == "infinite_cells"


class Noisy:
    """A service whose answers change with every call, in the place of the pipe."""

    def __init__(self, rows, noise):
        self.facts = ServiceFacts("t", "a", rows=rows, rows_of_request=100)
        self.left, self.noise, self.asked = rows, noise, []

    def name_columns(self, columns):
        pass

    def ask(self, rows, *, repeat=0):
        self.asked.append((len(rows), repeat))
        self.left -= len(rows)
        shift = self.noise * (-1) ** repeat
        return [[0.4 + shift, 0.6 - shift] for _ in rows]


RECORDS = pd.DataFrame({"a": np.arange(100.0)})


def opened(service):
    target = EndpointTarget(service, TWO)
    return target, target.open(RECORDS)


def test_a_steady_service_is_asked_once_about_each_record():
    service = Noisy(10_000, 0.0)
    target, _ = opened(service)
    assert service.asked == [(PROBED, 0), (REPEATED, 1)]
    assert target.settle(100) == []
    target.probabilities(RECORDS)
    assert service.asked[2:] == [(100, 0)]


def test_answers_that_change_are_averaged_within_the_rows():
    service = Noisy(PROBED + REPEATED + 450, 0.1)
    target, _ = opened(service)
    (text,) = target.settle(100)
    assert "asked about 4 times" in text
    assert target.probabilities(RECORDS)[:, 0] == pytest.approx(0.4)
    assert service.asked[2:] == [(100, repeat) for repeat in range(4)]
    assert target.rows_left == 50 // 4


def test_answers_that_change_are_told_where_the_rows_do_not_last():
    target, _ = opened(Noisy(PROBED + REPEATED + 150, 0.1))
    (text,) = target.settle(100)
    assert "too few rows" in text


def test_a_service_that_may_hardly_be_asked_is_not_asked():
    service = Noisy(PROBED + REPEATED - 1, 0.0)
    with pytest.raises(BadParameters) as caught:
        opened(service)
    assert (caught.value.problem, service.asked) == ("service_rows", [])
