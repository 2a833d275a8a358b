from __future__ import annotations

import io
import json
import logging
import logging.config

import pytest

from leakgauge import logs


@pytest.fixture
def written():
    """What a logger of the package writes under the configuration for collectors."""
    package, root = logging.getLogger("leakgauge"), logging.getLogger()
    before = package.level, root.level, root.handlers[:]
    logging.config.dictConfig(logs.settings(level=logging.INFO, console=False))
    stream = io.StringIO()
    (handler,) = [each for each in root.handlers if isinstance(each.formatter, logging.Formatter)][-1:]
    handler.setStream(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    package.level, root.level, root.handlers[:] = before


@pytest.mark.parametrize(
    ("environment", "level"),
    [
        ({}, logging.INFO),
        ({"SAGEMAKER_CONTAINER_LOG_LEVEL": "10"}, logging.DEBUG),
        ({"SAGEMAKER_CONTAINER_LOG_LEVEL": "10", "LEAKGAUGE_LOG_LEVEL": "error"}, logging.ERROR),
        ({"LEAKGAUGE_LOG_LEVEL": "loud", "SAGEMAKER_CONTAINER_LOG_LEVEL": "40"}, logging.ERROR),
    ],
)
def test_the_level_comes_from_the_environment(environment, level):
    assert logs.level(environment) == level


def test_a_line_is_json_with_its_facts_and_request(written):
    with logs.request_id("abc-1") as identifier:
        logging.getLogger("leakgauge.test").info("it happened", extra={"rows": 3})
    (line,) = written()
    assert identifier == "abc-1"
    assert (line["event"], line["rows"], line["request_id"]) == ("it happened", 3, "abc-1")
    assert (line["level"], line["logger"]) == ("info", "leakgauge.test")


def test_the_request_id_ends_with_the_request(written):
    with logs.request_id():
        pass
    logging.getLogger("leakgauge.test").info("afterwards")
    assert "request_id" not in written()[0]


def test_an_exception_is_named_and_its_text_dropped(written):
    try:
        raise KeyError("Alice,42")
    except KeyError:
        logging.getLogger("leakgauge.test").exception("it broke")
    (line,) = written()
    assert line["exception"] == "KeyError"
    assert "Alice" not in json.dumps(line)


def test_a_new_line_in_a_fact_cannot_forge_a_line(written):
    logging.getLogger("leakgauge.test").info("x", extra={"stage": 'a\n{"event": "forged"}'})
    assert len(written()) == 1


@pytest.mark.parametrize("offered", [None, "", "a b", "x" * 65, "a\nb", "ä"])
def test_a_request_id_that_is_not_sane_is_replaced(offered):
    with logs.request_id(offered) as identifier:
        assert identifier != offered
        assert len(identifier) == 32


def test_milestones_are_new_stages_and_tenths():
    told = []
    milestones = logs.Milestones(lambda *report: told.append(report))
    for hundredth in range(100):
        milestones.report("first", hundredth / 100)
    milestones.report("second", 0.995)
    assert len(told) == 11
    assert told[0] == ("first", 0.0)
    assert told[-1] == ("second", 0.995)
