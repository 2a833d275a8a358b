"""Services that answer slowly, wrongly, without an end, or with what should not be believed."""

from __future__ import annotations

import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pytest
from brokered import HTTP, PROTOCOLS, SECRET, asked_of, brokered
from service_faults import (
    BAD_BODIES,
    BAD_HTTP,
    WRONG_SHAPES,
    Changed,
    Dropped,
    Endless,
    Says,
    Slow,
    Spoiled,
    compressed,
    dripping,
    redirected,
    too_many,
    with_value,
)
from service_rows import DIGITS, answers_of_small_forest, small_forest
from services import serving

from leakgauge.errors import LeakgaugeError

EVERY = pytest.mark.parametrize("name", PROTOCOLS)
OVER_HTTP = pytest.mark.parametrize("name", HTTP)
EITHER_WAY = pytest.mark.parametrize("name", ["json", "sagemaker-json"])
"""Requests go out in two ways, whatever the protocol: by HTTP, and by the SDK of AWS."""


def refusal(reply):
    """The error in what the broker said, which quotes nothing."""
    assert reply is not None, "the broker hung up"
    error = LeakgaugeError.from_body(reply)
    assert SECRET not in json.dumps(reply)
    return error


def right(reply, rows=20):
    """Whether these are the forest's answers about the first rows."""
    asked = small_forest()[1][DIGITS][:rows].to_numpy()
    return np.array_equal(reply["answers"], answers_of_small_forest(list(asked)))


@EVERY
def test_a_service_without_a_fault_is_believed(name):
    with asked_of(name) as (service, asker):
        assert right(asker.ask())
        assert len(service.rows) == 20


# ------------------------------------------------------------------ answers that are none


@OVER_HTTP
@pytest.mark.parametrize("body", BAD_BODIES)
def test_a_body_that_holds_no_answers_is_refused(name, body):
    with asked_of(name, Spoiled(BAD_BODIES[body])) as (_, asker):
        assert refusal(asker.ask()).code.startswith("service.answer_")


@EVERY
@pytest.mark.parametrize(
    "shape", [each for each in WRONG_SHAPES if each not in ("a_column_less", "a_column_more")]
)
def test_answers_of_another_shape_than_the_rows_are_refused(name, shape):
    if name == "sagemaker-csv" and shape == "an_axis_more":
        pytest.skip("CSV has two axes")
    if name == "open-inference" and shape in ("an_axis_more", "turned"):
        pytest.skip("a tensor is as its shape says")
    with asked_of(name, Changed(WRONG_SHAPES[shape])) as (_, asker):
        assert refusal(asker.ask()).code.startswith("service.answer_")


@EVERY
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(name, value):
    with asked_of(name, with_value(value)) as (_, asker):
        assert refusal(asker.ask()).code.startswith("service.answer_")


@EITHER_WAY
def test_an_answer_that_unpacks_to_megabytes_is_not_unpacked(name):
    with asked_of(name, compressed()) as (_, asker):
        assert refusal(asker.ask()).code == "service.packed"


@EITHER_WAY
def test_a_body_without_an_end_is_cut_off(name):
    endless = Endless()
    with asked_of(name, endless) as (_, asker):
        assert refusal(asker.ask()).code == "service.too_large"
    assert endless.sent < 200 << 20


@EITHER_WAY
@pytest.mark.parametrize("fault", [dripping(), Slow(1.5)], ids=["drips", "slow"])
def test_an_answer_has_to_be_whole_in_time(name, fault):
    with asked_of(name, fault, requests={"retries": 0, "timeout": 0.5}) as (_, asker):
        begun = time.monotonic()
        assert refusal(asker.ask()).code == "service.timeout"
        assert time.monotonic() - begun < 60  # and not for ever


@EITHER_WAY
@pytest.mark.parametrize("http", BAD_HTTP)
def test_what_is_not_http_is_refused(name, http):
    with asked_of(name, BAD_HTTP[http], requests={"retries": 0, "timeout": 0.5}) as (_, asker):
        error = refusal(asker.ask())
        assert error.code.startswith(("service.", "bad_parameters.service_"))


# ------------------------------------------------------------------ statuses


@EITHER_WAY
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (429, "service.busy"),
        (503, "service.busy"),
        (500, "service.error"),
        (502, "service.error"),
        (400, "bad_parameters.service_refused"),
        (401, "bad_parameters.service_access"),
        (403, "bad_parameters.service_access"),
        (404, "bad_parameters.service_not_found"),
        (413, "bad_parameters.service_too_large"),
        (422, "bad_parameters.service_refused"),
    ],
)
def test_a_status_tells_whose_side_it_is(name, status, code):
    with asked_of(name, Says(status)) as (_, asker):
        assert refusal(asker.ask()).code == code


@EITHER_WAY
@pytest.mark.parametrize("status", [400, 403, 500])
def test_a_body_that_quotes_the_request_goes_nowhere(name, status):
    words = f"no: Bearer {SECRET}, row 0.0, 5.0, Alice"
    body = json.dumps({"error": words, "message": words, "Message": words, "Code": words}).encode()
    with asked_of(name, Says(status, body=body)) as (_, asker):
        error = refusal(asker.ask())
        assert "Alice" not in json.dumps(error.body())


@EITHER_WAY
@pytest.mark.parametrize("fault", [too_many([0]), Says(500, [0]), Says(503, [0], {"Retry-After": "0"})])
def test_a_request_is_sent_again(name, fault):
    with asked_of(name, fault, requests={"retries": 1, "timeout": 10}) as (service, asker):
        assert right(asker.ask())
        assert service.requests == 2
        account = asker.say({"account": True})["account"]
        assert (account["requests"], account["retries"]) == (2, 1)


@EITHER_WAY
@pytest.mark.parametrize("in_body", [False, True])
def test_a_dropped_connection_is_made_again(name, in_body):
    with asked_of(name, Dropped(in_body, at=[0]), requests={"retries": 1, "timeout": 10}) as (service, asker):
        assert right(asker.ask())
        assert service.requests == 2


@EITHER_WAY
def test_a_pause_that_a_service_asks_for_is_kept(name):
    fault = too_many([0], retry_after=1)
    with asked_of(name, fault, requests={"retries": 1, "timeout": 10}) as (service, asker):
        begun = time.monotonic()
        assert right(asker.ask())
        assert time.monotonic() - begun >= 1
        assert service.requests == 2


@EITHER_WAY
@pytest.mark.parametrize(
    "pause", ["1000000", "1e99", "-5", "inf", "nan", "soon", "Fri, 31 Dec 9999 23:59:59 GMT"]
)
def test_a_pause_without_sense_is_not_waited_for(name, pause):
    fault = Says(429, None, {"Retry-After": pause})
    with asked_of(name, fault, requests={"retries": 1, "timeout": 10}) as (service, asker):
        begun = time.monotonic()
        assert refusal(asker.ask()).code == "service.busy"
        assert time.monotonic() - begun < 30
        assert service.requests <= 2


# ------------------------------------------------------------------ elsewhere


@EITHER_WAY
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(name, status):
    with (
        serving(PROTOCOLS[name](), answers_of_small_forest) as elsewhere,
        asked_of(name, redirected(elsewhere.infer_url, status)) as (_, asker),
    ):
        assert refusal(asker.ask()).code == "bad_parameters.service_redirect"
        assert elsewhere.headers == []


# ------------------------------------------------------------------ what it costs


@EITHER_WAY
@pytest.mark.parametrize("fault", [Says(500), Dropped(in_body=False), Dropped(in_body=True)])
def test_no_fault_brings_a_service_more_rows_than_the_limit(name, fault):
    """A service that fails after its work has charged for it: rows that are sent again count."""
    settings = {"requests": {"retries": 3, "timeout": 10, "rows": 20}, "limits": {"rows": 50}}
    with asked_of(name, fault, **settings) as (service, asker):
        error = refusal(asker.ask())
        assert error.code in ("limit_exceeded.service_rows", "service.error", "service.broken")
        assert service.requests * 20 <= 50


@EITHER_WAY
def test_the_account_never_says_less_than_the_service(name):
    faults = Dropped(in_body=True, at=[1]), Says(500, [3]), too_many([4])
    with asked_of(name, *faults, requests={"retries": 2, "timeout": 10, "rows": 10}) as (service, asker):
        for start in range(0, 40, 20):
            assert len(asker.ask(start, start + 20)["answers"]) == 20
        account = asker.say({"account": True})["account"]
        assert account["requests"] == service.requests
        assert account["rows"] >= len(service.rows) == 50


@EVERY
def test_no_row_is_asked_twice(name):
    with asked_of(name) as (service, asker):
        first, second = asker.ask(0, 20), asker.ask(10, 30)
        assert first["answers"][10:] == second["answers"][:10]
        assert set(service.times_asked().values()) == {1}
        assert len(service.rows) == 30


@EITHER_WAY
def test_answers_that_were_kept_are_not_asked_again(name, tmp_path):
    settings = {"cache": str(tmp_path / "kept")}
    with serving(PROTOCOLS[name](), answers_of_small_forest) as service:
        with brokered(name, service, **settings) as asker:
            first = asker.ask(0, 20)
        with brokered(name, service, **settings) as asker:
            assert asker.ask(0, 20)["answers"] == first["answers"]
            assert asker.say({"account": True})["account"]["rows"] == 0
        assert len(service.rows) == 20


@EVERY
def test_requests_hold_no_more_rows_than_they_may(name):
    with asked_of(name, requests={"retries": 0, "timeout": 10, "rows": 7}) as (service, asker):
        assert right(asker.ask())
        assert service.largest_request == 7
        assert service.requests == 3


def test_two_audits_at_once_share_what_was_answered(tmp_path):
    settings = {"cache": str(tmp_path), "requests": {"retries": 0, "timeout": 10, "rows": 1}}
    with (
        serving(PROTOCOLS["json"](), answers_of_small_forest) as service,
        brokered("json", service, **settings) as one,
        brokered("json", service, **settings) as other,
        ThreadPoolExecutor() as threads,
    ):
        asked = [threads.submit(each.ask) for each in (one, other)]
        assert all(right(each.result()) for each in asked)
        before = len(service.rows)
        assert right(one.ask())
        assert right(other.ask())
        assert len(service.rows) == before <= 40


@pytest.mark.parametrize("spoilt", [b"no database", b"SQLite format 3\0" + bytes(4_000)])
def test_a_spoilt_cache_is_told(spoilt, tmp_path):
    settings = {"cache": str(tmp_path)}
    with serving(PROTOCOLS["json"](), answers_of_small_forest) as service:
        with brokered("json", service, **settings) as asker:
            assert right(asker.ask())
        (path,) = tmp_path.glob("*.sqlite")
        path.write_bytes(spoilt)
        with pytest.raises(LeakgaugeError) as caught, brokered("json", service, **settings):
            pass
        assert caught.value.code == "bad_parameters.cache"


def test_answers_that_somebody_put_into_the_cache_are_held_to_what_answers_are(tmp_path):
    settings = {"cache": str(tmp_path)}
    with serving(PROTOCOLS["json"](), answers_of_small_forest) as service:
        with brokered("json", service, **settings) as asker:
            assert right(asker.ask())
        (path,) = tmp_path.glob("*.sqlite")
        for said in ("[" * 100_000, "null", "[NaN]", "[[1]]x", '{"a": "b"}', "9" * 5_000):
            with closing(sqlite3.connect(path)) as database, database:
                database.execute("UPDATE answers SET answer = ?", (said,))
            with brokered("json", service, **settings) as asker:
                assert right(asker.ask())
