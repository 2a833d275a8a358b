"""Models that workers train: the same answers as without them, whatever becomes of the workers."""

from __future__ import annotations

import math
import socket
import struct
from concurrent.futures import Future
from contextlib import closing

import pytest
from told_workers import Told, asking, fits, honest, later, refitting, trained

from leakgauge.membership.trainers import HERE, bytes_of
from leakgauge.socket_messages import read_message, write_message
from leakgauge.workers.dealer import Dealer


def here(count):
    return list(HERE.answers(refitting(), fits(count), batch=2))


def alike(found, expected):
    return [bytes_of(one) for one in found] == [bytes_of(one) for one in expected]


def test_workers_answer_what_the_audit_itself_would():
    workers = Told(honest)
    with asking(workers) as (trainers, dealer):
        assert trainers.at_once == 2
        found = list(trainers.answers(refitting(), fits(7), batch=2))
    assert alike(found, here(7))
    assert (dealer.trained, dealer.missed) == (7, 0)
    assert workers.prepared > 0


def test_answers_come_in_the_order_of_the_models():
    def first_is_last(number, future, fit):
        later(future, trained(fit)) if number == 0 else honest(number, future, fit)

    with asking(Told(first_is_last)) as (trainers, _):
        assert alike(list(trainers.answers(refitting(), fits(4), batch=2)), here(4))


def wrong(change):
    """A worker whose answers are changed on the way."""
    return lambda number, future, fit: future.set_result(change(trained(fit)))


def failing(error):
    return lambda number, future, fit: future.set_exception(error)


@pytest.mark.parametrize(
    "become",
    [
        lambda number, future, fit: future.set_result(None),
        failing(RuntimeError("lost")),
        failing(TimeoutError()),
        failing(MemoryError()),
        lambda number, future, fit: future.cancel(),
        wrong(lambda answers: answers[:-1]),
        wrong(lambda answers: answers + b"\0"),
        wrong(lambda answers: b""),
        wrong(lambda answers: struct.pack("<d", math.nan) + answers[8:]),
        wrong(lambda answers: struct.pack("<d", math.inf) + answers[8:]),
        wrong(lambda answers: answers[:-1] + b"\2"),
    ],
)
def test_what_no_worker_brings_the_audit_trains_itself(become):
    with asking(Told(become)) as (trainers, _):
        assert alike(list(trainers.answers(refitting(), fits(3), batch=2)), here(3))


def test_answers_that_come_while_nobody_looks_are_taken():
    """The wait for them ends for want of time, and a moment later they are there."""

    class Late(Future):
        def result(self, timeout):
            if not self.done():
                self.set_result(self.answers)
                raise TimeoutError
            return super().result(timeout)

    class Workers(Told):
        def submit(self, fit):
            future = Late()
            future.answers = trained(fit)
            return future

    with asking(Workers(honest)) as (trainers, dealer):
        assert alike(list(trainers.answers(refitting(), fits(3), batch=2)), here(3))
    assert dealer.missed == 0


def test_one_lost_worker_costs_its_models_and_no_more():
    def third_is_lost(number, future, fit):
        failing(RuntimeError())(number, future, fit) if number == 2 else honest(number, future, fit)

    with asking(Told(third_is_lost)) as (trainers, dealer):
        assert alike(list(trainers.answers(refitting(), fits(3), batch=2)), here(3))
    assert (dealer.trained, dealer.missed) == (2, 1)


def test_without_any_worker_the_audit_goes_on_alone():
    workers = Told(honest, workers=0)
    with asking(workers, patience=0.0) as (trainers, _):
        assert trainers.at_once == HERE.at_once
        assert alike(list(trainers.answers(refitting(), fits(3), batch=2)), here(3))
    assert workers.futures == []


def test_workers_that_all_go_are_not_waited_for(monkeypatch):
    monkeypatch.setattr("leakgauge.workers.dealer._LOOK_SECONDS", 0.01)

    def all_go(number, future, fit):
        if number == 0:
            future.set_result(trained(fit))
        else:
            workers.workers = 0

    workers = Told(all_go)
    with asking(workers, patience=0.0) as (trainers, dealer):
        assert alike(list(trainers.answers(refitting(), fits(6), batch=2)), here(6))
    assert dealer.trained == 1
    assert len(workers.futures) < 6  # the rest was never handed out
    assert all(future.cancelled() for future in workers.futures[1:])


def test_workers_that_come_late_are_waited_for():
    workers = Told(honest, workers=0)
    with asking(workers) as (trainers, dealer):
        assert trainers.at_once == 1
        assert alike(list(trainers.answers(refitting(), fits(3), batch=1)), here(3))
    assert dealer.trained == 3


def test_what_is_not_wanted_any_more_is_called_off():
    workers = Told(lambda number, future, fit: honest(number, future, fit) if number == 0 else None)
    with asking(workers) as (trainers, _):
        with closing(trainers.answers(refitting(), fits(9), batch=2)) as answered:
            next(answered)
        assert len(workers.futures) < 9
        assert all(future.cancelled() for future in workers.futures[1:])
        # and what is asked for next is not taken for it
        workers._become = honest
        assert alike(list(trainers.answers(refitting(), fits(3), batch=2)), here(3))


@pytest.mark.parametrize(
    "message",
    [
        {"train": {"change": "", "rows": "AAAAAA==", "queried": "AAAAAA=="}},
        {"train": {"rows": "AAAAAA==", "queried": "AAAAAA==", "seed": 1}},
        {"train": {"change": "x" * 201, "rows": "AAAAAA==", "queried": "AAAAAA==", "seed": 1}},
        {"train": {"change": None, "rows": "AAAAAA==", "queried": "AAAAAA==", "seed": 1}},
        {"train": {"change": "", "rows": "AAAAAA==", "queried": "AAAAAA==", "seed": -1}},
        {"train": {"change": "", "rows": "AAAAAA==", "queried": "AAAAAA==", "seed": True}},
        {"train": {"change": "", "rows": "AAAAAA==", "queried": "AAAAAA==", "seed": 2**31}},
        {"train": {"change": "", "rows": "AAAAAA==", "queried": "AAAAAA==", "seed": 1.5}},
        {"train": {"change": "", "rows": "AAAA", "queried": "AAAAAA==", "seed": 1}},
        {"train": {"change": "", "rows": "", "queried": "AAAAAA==", "seed": 1}},
        {"train": {"change": "", "rows": "AAAAAA==", "queried": "", "seed": 1}},
        {"train": {"change": "", "rows": "AAAAAA==\n", "queried": "AAAAAA==", "seed": 1}},
        {"train": {"change": "", "rows": "é", "queried": "AAAAAA==", "seed": 1}},
        {"train": {"change": "", "rows": [1], "queried": "AAAAAA==", "seed": 1}},
        {
            "train": {
                "change": "",
                "rows": "AAAAAA==",
                "queried": "AAAAAA==",
                "seed": 1,
                "path": "/etc",
            }
        },
        {"train": {"change": "", "rows": "AAAAAA==", "queried": "AAAAAA==", "seed": 1}, "next": True},
        {"next": True},
        {"forget": 1},
        {"workers": "all"},
        {"pickle": "gASVCQAAAAAAAACMBHRlc3SULg=="},
        {},
    ],
)
def test_an_audit_that_has_been_taken_over_is_broken_off(message):
    workers = Told(honest)
    ours, theirs = socket.socketpair()
    with theirs, Dealer(workers) as dealer:
        dealer.attach(ours)
        write_message(theirs.fileno(), message)
        assert read_message(theirs.fileno()) is None
    assert workers.futures == []


def test_rows_that_wait_are_bounded(monkeypatch):
    monkeypatch.setattr("leakgauge.workers.dealer._MOST_BYTES_AHEAD", 20)
    workers = Told(honest)
    ours, theirs = socket.socketpair()
    with theirs, Dealer(workers) as dealer:
        dealer.attach(ours)
        asked = {"train": {"change": "", "rows": "AAAAAA==", "queried": "AAAAAA==", "seed": 1}}
        replies = []
        while (reply := _exchange(theirs, asked)) is not None:
            replies.append(reply)
    assert len(replies) == len(workers.futures) == 2


def _exchange(connection, message):
    write_message(connection.fileno(), message)
    return read_message(connection.fileno())


def test_an_audit_that_ends_calls_off_what_it_asked_for():
    workers = Told(lambda number, future, fit: None)
    ours, theirs = socket.socketpair()
    with Dealer(workers) as dealer:
        dealer.attach(ours)
        with theirs:
            _exchange(theirs, {"train": {"change": "", "rows": "AAAAAA==", "queried": "AAAAAA==", "seed": 1}})
    assert [future.cancelled() for future in workers.futures] == [True]
