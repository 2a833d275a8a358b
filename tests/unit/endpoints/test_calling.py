"""When a service is asked again and when no more, with a transport that says what it is told to."""

from __future__ import annotations

from email.utils import formatdate
from time import time

import pytest

from leakgauge.endpoints.calling import LONGEST_WAIT, Caller
from leakgauge.endpoints.protocols.base import Rows
from leakgauge.endpoints.reading import read_endpoint
from leakgauge.endpoints.transport import NoReplyError, Reply
from leakgauge.errors import BadParameters, LimitExceeded, ServiceFailed
from leakgauge.row_pipe import Column

GOOD = Reply(200, b'{"predictions": [[0.5, 0.5]]}')
ROW = Rows((Column("a", "number"),), [[1.0]])


class Replies:
    """Says one thing after the other, and the last for ever."""

    def __init__(self, *said):
        self.said, self.sent = list(said), 0

    def send(self, request):
        self.sent += 1
        found = self.said.pop(0) if len(self.said) > 1 else self.said[0]
        if isinstance(found, str):
            raise NoReplyError(found)
        return Reply(found, b"a secret") if isinstance(found, int) else found

    def stop(self):
        pass


class Clock:
    """Moves when somebody sleeps."""

    def __init__(self):
        self.now, self.pauses = 100.0, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds


def caller(*said, **settings):
    endpoint = read_endpoint({"protocol": "mlflow", "url": "http://a.org", **settings})
    transport, clock = Replies(*said), Clock()
    return Caller(endpoint, transport, sleep=clock.sleep, clock=clock), transport, clock


@pytest.mark.parametrize("trouble", [429, 500, 502, 503, 504, 408, "unreachable", "timeout", "broken"])
def test_what_may_pass_is_tried_again(trouble):
    asking, transport, clock = caller(trouble, trouble, GOOD)
    assert asking.ask(ROW) == [[0.5, 0.5]]
    assert transport.sent == 3
    assert asking.account.retries == 2
    assert clock.pauses[1] > clock.pauses[0]
    assert asking.account.seconds == pytest.approx(sum(clock.pauses))


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (429, "service.busy"),
        (503, "service.busy"),
        (500, "service.error"),
        ("unreachable", "service.unreachable"),
        ("timeout", "service.timeout"),
        ("broken", "service.broken"),
    ],
)
def test_what_does_not_pass_is_the_service_s_side(trouble, code):
    asking, transport, _ = caller(trouble, requests={"retries": 3})
    with pytest.raises(ServiceFailed) as caught:
        asking.ask(ROW)
    assert caught.value.code == code
    assert "4 times" in caught.value.message
    assert transport.sent == 4
    assert "a secret" not in str(caught.value.body())


@pytest.mark.parametrize("trouble", ["certificate", "too_large", "packed"])
def test_what_stays_as_it_is_is_not_tried_again(trouble):
    asking, transport, _ = caller(trouble)
    with pytest.raises(ServiceFailed) as caught:
        asking.ask(ROW)
    assert (caught.value.problem, transport.sent) == (trouble, 1)


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (301, "service_redirect"),
        (307, "service_redirect"),
        (400, "service_refused"),
        (401, "service_access"),
        (403, "service_access"),
        (404, "service_not_found"),
        (413, "service_too_large"),
        (422, "service_refused"),
    ],
)
def test_a_refusal_is_the_caller_s_side_and_final(status, problem):
    asking, transport, _ = caller(status)
    with pytest.raises(BadParameters) as caught:
        asking.ask(ROW)
    assert (caught.value.problem, transport.sent) == (problem, 1)
    assert "a secret" not in str(caught.value.body())


def waits(value):
    return Reply(429, b"", {"retry-after": value})


def test_retry_after_is_honoured_in_seconds_and_as_a_date():
    asking, _, clock = caller(waits("7"), waits(formatdate(time() + 9, usegmt=True)), GOOD)
    asking.ask(ROW)
    assert clock.pauses[0] == 7.0
    assert 7.0 <= clock.pauses[1] <= 9.0


@pytest.mark.parametrize("value", ["soon", "-5", "", "1e3", "9" * 200, "Mon, 99 Foo 2026"])
def test_a_retry_after_that_says_nothing_is_no_pause_to_fear(value):
    asking, _, clock = caller(waits(value), GOOD)
    asking.ask(ROW)
    assert clock.pauses[0] < LONGEST_WAIT


def test_who_asks_to_come_back_tomorrow_is_not_waited_for():
    asking, _, clock = caller(waits("86400"))
    with pytest.raises(ServiceFailed, match="86,400 seconds"):
        asking.ask(ROW)
    assert clock.pauses == []


def test_requests_keep_their_pace():
    asking, _, clock = caller(GOOD, requests={"per_second": 4})
    for _ in range(9):
        asking.ask(ROW)
    assert clock.now - 100.0 == pytest.approx(2.0)


def test_rows_that_may_have_been_worked_on_count_each_time():
    asking, transport, _ = caller(500, "timeout", 429, "unreachable", GOOD)
    asking.ask(ROW)
    assert asking.account.rows == 3  # 429 and a connection that was never made are no work
    assert asking.account.requests == 5
    assert transport.sent == 5


def test_the_cap_on_rows_holds_for_what_is_sent_again():
    asking, transport, _ = caller(500, limits={"rows": 3}, requests={"retries": 20})
    with pytest.raises(LimitExceeded) as caught:
        asking.ask(ROW)
    assert (caught.value.problem, transport.sent) == ("service_rows", 3)


def test_the_cap_on_cost_holds_for_what_is_sent_again():
    asking, transport, _ = caller(
        429, limits={"cost": 0.5}, price={"per_request": 0.1}, requests={"retries": 20}
    )
    with pytest.raises(LimitExceeded) as caught:
        asking.ask(ROW)
    assert (caught.value.problem, transport.sent) == ("service_cost", 5)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"<html>", "answer_not_json"),
        (b'{"predictions": [[NaN, 1]]}', "answer_not_json"),
        (b'{"predictions": [[1e999, 1]]}', "answer_not_json"),
        (b'{"predictions": [[Infinity, 1]]}', "answer_not_json"),
        (b'{"predictions": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "answer_not_json"),
        (b'{"predictions": [' + b"9" * 5_000 + b"]}", "answer_not_json"),
        (b"\xff\xfe", "answer_not_json"),
        (b'{"answers": [1]}', "answer_form"),
        (b'{"predictions": {"a": 1}}', "answer_form"),
        (b'{"predictions": []}', "answer_rows"),
        (b'{"predictions": [1, 2]}', "answer_rows"),
        (b'{"predictions": [[]]}', "answer_form"),
        (b'{"predictions": [null]}', "answer_form"),
        (b'{"predictions": [[[1, 2], [3]]]}', "answer_form"),
        (b'{"predictions": [{"label": "a", "score": 1}]}', "answer_form"),
        (b'{"predictions": ["' + b"x" * 1_000 + b'"]}', "answer_form"),
        (b'{"predictions": [[' + b"0," * 20_000 + b"1]]}", "answer_form"),
    ],
)
def test_what_is_no_answer_is_refused(body, problem):
    asking, _, _ = caller(Reply(200, body))
    with pytest.raises(ServiceFailed) as caught:
        asking.ask(ROW)
    assert caught.value.problem == problem
