"""One attack's end is an outcome, and of its errors no word is repeated that may hold the user's data."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from leakgauge.attacks.row import Row, Stopped, Unsuited
from leakgauge.attacks.running import check_that_one_ran, run_one
from leakgauge.errors import AuditFailed, UnsupportedModel
from leakgauge.exhaustion import OUT_OF_MEMORY, OutOfTime
from leakgauge.report.model import Failed, NotApplicable

ROW = Row("toy", "Toy", "probabilities", "nobody", attacker="population")
TARGET = SimpleNamespace(has_probabilities=True)


def raising(error: BaseException):
    def attempt() -> None:
        raise error

    return attempt


def test_what_the_attempt_gives_is_handed_on():
    assert run_one(ROW, TARGET, lambda: 7) == 7


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (Unsuited("no leaves"), NotApplicable, "no leaves"),
        (Stopped("It asked too often."), Failed, "It asked too often."),
        (MemoryError(), Failed, OUT_OF_MEMORY),
        (OutOfTime("no time"), Failed, "no time"),
        (ValueError("a secret"), Failed, "It broke off with a ValueError in attempt."),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_end_is_an_outcome_with_the_rows_own_facts(error, kind, reason):
    assert run_one(ROW, TARGET, raising(error)) == kind(
        "toy", "Toy", "probabilities", "nobody", reason, attacker="population"
    )


def test_what_the_user_must_mend_and_what_ends_the_process_is_no_outcome():
    for error in (UnsupportedModel("x", "x", hint="x"), KeyboardInterrupt(), SystemExit()):
        with pytest.raises(type(error)):
            run_one(ROW, TARGET, raising(error))


def test_an_attack_on_answers_that_are_not_there_is_not_begun():
    outcome = run_one(ROW, SimpleNamespace(has_probabilities=False), raising(AssertionError("begun")))
    assert isinstance(outcome, NotApplicable)
    assert "labels alone" in outcome.reason


def test_an_attack_whose_library_is_missing_is_not_begun(monkeypatch):
    monkeypatch.setitem(sys.modules, "art", None)
    row = Row("toy", "Toy", "labels", "nobody", library="art")
    outcome = run_one(row, TARGET, raising(AssertionError("begun")))
    assert isinstance(outcome, NotApplicable)
    assert "leakgauge[reference]" in outcome.reason


def test_an_audit_of_failures_alone_is_none():
    failed, absent = ROW.failed("It broke off."), ROW.not_applicable("no leaves")
    check_that_one_ran([], hint="x")
    check_that_one_ran([failed, absent], hint="x")
    with pytest.raises(AuditFailed) as caught:
        check_that_one_ran([failed, failed], hint="Try another.")
    assert caught.value.hint == "Try another."
    with pytest.raises(MemoryError):
        check_that_one_ran([ROW.failed(OUT_OF_MEMORY)], hint="x")
    late = run_one(ROW, TARGET, raising(AssertionError))
    assert isinstance(late, Failed)
    with pytest.raises(AuditFailed):
        check_that_one_ran([ROW.failed(OUT_OF_MEMORY), late], hint="x")
