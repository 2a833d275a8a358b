"""The parts of the service that need no server; the rest stands in tests/contract."""

from __future__ import annotations

import socket
import threading

import pytest
from flask import Flask, request
from werkzeug.exceptions import NotAcceptable

from leakgauge.errors import AuditFailed, BadBundle, BadParameters, Busy
from leakgauge.parameters import MembershipParameters
from leakgauge.service import answers, error_handlers
from leakgauge.service.answers import negotiate
from leakgauge.service.batch import pieces_explained
from leakgauge.service.client_disconnect import Sender
from leakgauge.service.custom_attributes import time_budget_for, timeout_of
from leakgauge.service.settings import Settings
from leakgauge.service.slots import Slots

WAITING = threading.Event()  # never set: somebody still wants the answer


def settings(**environment):
    return Settings.from_environment(environment)


def test_defaults(monkeypatch):
    monkeypatch.setattr("leakgauge.service.settings.cpus_granted", lambda: 3)
    monkeypatch.setattr("leakgauge.service.settings.slots_in_memory", lambda: 9)
    found = settings()
    assert (found.slots, found.max_payload_mb, found.default_type) == (3, 100, "application/zip")
    assert found.audit_seconds is None


@pytest.mark.parametrize("text", ["0", "", "100"])
def test_no_limit_of_payload_means_the_default_one(text):
    assert settings(SAGEMAKER_MAX_PAYLOAD_IN_MB=text).max_payload_mb == 100


@pytest.mark.parametrize(
    ("environment", "slots"),
    [
        ({"SAGEMAKER_MODEL_SERVER_WORKERS": "5"}, 5),
        ({"SAGEMAKER_MODEL_SERVER_WORKERS": "5", "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "6"}, 6),
        ({"SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "6", "LEAKGAUGE_SLOTS": "7"}, 7),
        ({"LEAKGAUGE_SLOTS": "1000"}, 64),
    ],
)
def test_slots_have_three_names_in_order(environment, slots):
    assert settings(**environment).slots == slots


@pytest.mark.parametrize("slots", [1, 2, 3, 7, 50, 64])
@pytest.mark.parametrize("payload", [1, 6, 33, 50, 51, 100])
def test_batch_keeps_to_the_rule_for_payloads(slots, payload):
    found = settings(LEAKGAUGE_SLOTS=str(slots), SAGEMAKER_MAX_PAYLOAD_IN_MB=str(payload))
    assert 1 <= found.batch_concurrency <= slots
    assert found.batch_concurrency * found.max_payload_mb <= 100


def test_everything_that_cannot_be_read_is_named():
    with pytest.raises(BadParameters) as raised:
        settings(LEAKGAUGE_SLOTS="two", LEAKGAUGE_QUEUE="-1", SAGEMAKER_MAX_PAYLOAD_IN_MB="1e3")
    assert len(raised.value.details["problems"]) == 3


def test_audits_cannot_go_on_past_the_end_of_the_service():
    assert settings(LEAKGAUGE_STOP_SECONDS="600").stop_seconds == 20
    assert settings(LEAKGAUGE_STOP_SECONDS="0").stop_seconds == 0


def test_limits_of_slow_callers_can_be_set_and_are_never_none():
    defaults = settings()
    assert (defaults.head_seconds, defaults.silent_seconds, defaults.least_bytes_per_second) == (
        10,
        30,
        16_384,
    )
    found = settings(
        LEAKGAUGE_HEAD_SECONDS="1", LEAKGAUGE_SILENT_SECONDS="2", LEAKGAUGE_LEAST_BYTES_PER_SECOND="3"
    )
    assert (found.head_seconds, found.silent_seconds, found.least_bytes_per_second) == (1, 2, 3)
    zeros = settings(
        LEAKGAUGE_HEAD_SECONDS="0", LEAKGAUGE_SILENT_SECONDS="0", LEAKGAUGE_LEAST_BYTES_PER_SECOND="0"
    )
    assert zeros == defaults


def test_slots_admit_and_run_no_more_than_they_may():
    slots = Slots(slots=1, queue=1, wait_seconds=0.05)
    with slots.admitted(), slots.running(WAITING):
        with slots.admitted():
            with pytest.raises(Busy) as raised, slots.running(WAITING):
                pass
            assert raised.value.problem == "no_slot"
            with pytest.raises(Busy) as raised, slots.admitted():
                pass
            assert raised.value.problem == "queue_full"
        with slots.admitted():
            pass
    with slots.admitted(), slots.running(WAITING):
        pass


def test_an_error_gives_its_slot_back():
    slots = Slots(slots=1, queue=0, wait_seconds=0.05)
    for _ in range(3):
        with pytest.raises(KeyError), slots.admitted(), slots.running(WAITING):
            raise KeyError


def test_who_waits_gets_the_slot_that_becomes_free():
    slots = Slots(slots=1, queue=1, wait_seconds=10)
    got = threading.Event()

    def wait():
        with slots.admitted(), slots.running(WAITING):
            got.set()

    with slots.admitted(), slots.running(WAITING):
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert not got.wait(0.05)
    assert got.wait(10)
    waiting.join()


def test_who_hangs_up_while_waiting_leaves_the_queue():
    slots = Slots(slots=1, queue=1, wait_seconds=30)
    gone = threading.Event()
    gone.set()
    with slots.admitted(), slots.running(WAITING), slots.admitted():
        with pytest.raises(AuditFailed) as raised, slots.running(gone):
            pass
        assert raised.value.problem == "cancelled"


def test_nobody_waits_longer_for_a_slot_than_for_the_answer():
    slots = Slots(slots=1, queue=1, wait_seconds=30)
    with slots.admitted(), slots.running(WAITING), slots.admitted():
        with pytest.raises(Busy) as raised, slots.running(WAITING, within=0.05):
            pass
        assert raised.value.problem == "no_slot"


@pytest.mark.parametrize(
    ("attributes", "seconds"),
    [
        ("", None),
        ("trace=7", None),
        ("my_timeout=5", None),
        ("timeout=50", 50.0),
        ("trace=7; Timeout = 2.5;x=y", 2.5),
        ("a,timeout=86400", 86_400.0),
    ],
)
def test_how_long_a_caller_waits(attributes, seconds):
    assert timeout_of(attributes) == seconds


@pytest.mark.parametrize("said", ["", "soon", "-1", "0", "1e3", "nan", "inf", "86401", "9" * 400, "\u0665"])
def test_a_timeout_that_is_none_is_told(said):
    with pytest.raises(BadParameters) as raised:
        timeout_of(f"timeout={said}")
    assert raised.value.code == "bad_parameters.timeout"


def test_a_hurried_caller_gets_a_smaller_audit_and_a_patient_one_the_usual():
    assert time_budget_for(None) is None
    assert time_budget_for(50.0) == 35.0
    assert time_budget_for(0.0) == 1.0
    assert time_budget_for(50.0, afterwards=15.0) == 24.0, "a PDF is made of the finished report"
    assert time_budget_for(10.0, afterwards=15.0) == 1.0
    assert time_budget_for(3_600.0) == 2_520.0, "an hour is too short for the usual 3,000 and the rest"
    assert time_budget_for(4_500.0) is None
    usual = MembershipParameters().time_budget
    for waits in (10.0, 100.0, 3_000.0, 4_000.0, 10_000.0):
        assert 1.1 * (time_budget_for(waits) or usual) < waits


def test_memory_may_allow_fewer_audits_than_processors(monkeypatch):
    monkeypatch.setattr("leakgauge.service.settings.cpus_granted", lambda: 8)
    monkeypatch.setattr("leakgauge.service.settings.slots_in_memory", lambda: 2)
    assert settings().slots == 2
    assert settings(LEAKGAUGE_SLOTS="5").slots == 5


def test_a_sender_whose_connection_is_not_shown_never_hangs_up():
    with Flask(__name__).test_request_context("/invocations"):
        assert not Sender(request).is_set()


@pytest.mark.parametrize("how", ["close", "shut down"])
def test_a_sender_that_is_gone_is_noticed_also_behind_further_requests(how):
    ours, theirs = socket.socketpair()
    with ours, Flask(__name__).test_request_context(environ_overrides={"gunicorn.socket": ours}):
        sender = Sender(request)
        theirs.sendall(b"GET /ping HTTP/1.1\r\n\r\n")
        assert not sender.is_set()
        theirs.close() if how == "close" else theirs.shutdown(socket.SHUT_WR)
        assert sender.is_set()
    theirs.close()


# --- what is answered --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("application/json; charset=utf-8", "application/json"),
        ("application/json; verbose=true", "application/json"),
        ('application/json;a="b,c" ; q=0.3', "application/json"),
        ("text/csv; header=present", "text/csv"),
        ("TEXT/CSV ; Header=Present", "text/csv"),
        ("text/html; charset=latin-1", "text/html"),
        ("application/zip; version=1", "application/zip"),
        ("application/x-zip-compressed", "application/x-zip-compressed"),
        ("application/octet-stream", "application/octet-stream"),
        ("", "application/zip"),
        (" ", "application/zip"),
        ("*", "application/zip"),
        ("*/*;x=y", "application/zip"),
        ("application/*", "application/zip"),
        ("text/*", "text/csv"),
        ("image/png, */*;q=0.1", "application/zip"),
        ("application/json;q=0, */*", "application/zip"),
        ("application/zip;q=0, application/*", "application/json"),
        ("text/html;q=0.5, application/json;charset=utf-8;q=0.9", "application/json"),
        ("text/csv;header=absent;q=0.3, text/html;q=0.2", "text/csv"),
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", "text/html"),
        ("application/octet-stream;q=0.1, text/html", "text/html"),
        ("application/json,", "application/json"),
        ("image/png", None),
        ("json", None),
        ("application/json;q=0", None),
        ("application/jsonlines", None),
        ("application/x-recordio-protobuf", None),
        ("*/json", None),
        (";;;", None),
        ("a/b/c, \x00", None),
    ],
)
def test_which_type_is_answered(accept, answered):
    assert negotiate(accept, default_type="application/zip") == answered


@pytest.mark.parametrize("default", ["text/csv", "text/csv; header=present", "TEXT/CSV;q=0.5, image/png"])
def test_the_default_type_is_read_as_an_accept_header(default):
    found = settings(SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT=default).default_type
    assert [negotiate(accept, default_type=found) for accept in ("", "*/*", "text/html")] == [
        *("text/csv", "text/csv", "text/html")
    ]


def test_a_default_type_that_is_not_offered_is_told_at_the_start():
    with pytest.raises(BadParameters) as raised:
        settings(SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="application/x-npy")
    assert "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT" in raised.value.message
    assert "application/json" in raised.value.message


@pytest.mark.parametrize(("text", "batch"), [("true", True), ("True", True), ("", False), ("false", False)])
def test_a_batch_transform_is_known(text, batch):
    assert settings(SAGEMAKER_BATCH=text).batch is batch


@pytest.mark.parametrize("problem", ["not_a_zip", "truncated_zip", "damaged_directory"])
def test_a_piece_of_a_zip_is_explained_in_a_batch_transform_alone(problem):
    for batch in (True, False):
        with pytest.raises(BadBundle) as raised, pieces_explained(batch=batch):
            raise BadBundle(problem, "It is none.", hint="Make one.", details={"a": 1})
        assert ("SplitType=None" in raised.value.hint) is batch
        assert raised.value.hint.endswith("Make one.")
        assert (raised.value.message, raised.value.details) == ("It is none.", {"a": 1})


def test_what_no_splitting_brings_about_is_not_put_down_to_it():
    with pytest.raises(BadBundle) as raised, pieces_explained(batch=True):
        raise BadBundle("no_model", "There is none.", hint="Add one.")
    assert raised.value.hint == "Add one."


@pytest.mark.parametrize(
    ("accept", "with_extra", "without"),
    [
        ("application/pdf", "application/pdf", None),
        ("application/pdf, text/html;q=0.5", "application/pdf", "text/html"),
        ("*/*", "application/zip", "application/zip"),
        ("application/*", "application/zip", "application/zip"),
    ],
)
def test_a_pdf_is_offered_where_it_can_be_made(monkeypatch, accept, with_extra, without):
    for there, expected in ((True, with_extra), (False, without)):
        monkeypatch.setattr(answers, "installed", lambda module, there=there: there)
        assert negotiate(accept, default_type="application/zip") == expected


@pytest.mark.parametrize("there", [True, False])
def test_who_is_refused_hears_of_the_extra_for_pdfs_where_it_is_missing(monkeypatch, there):
    monkeypatch.setattr(answers, "installed", lambda _: there)
    app = Flask(__name__)
    error_handlers.install(app)

    @app.get("/")
    def refuse():
        raise NotAcceptable

    error = app.test_client().get("/", headers={"Accept": "image/png"}).json["error"]
    assert ("extra pdf" in error["hint"]) is not there
    assert ("application/pdf" in error["details"]["offered"]) is there
