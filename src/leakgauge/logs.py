"""Logs as JSON lines on standard error, for people in colour when that is a terminal.

The command line, which is for people, writes text throughout, and leaves the errors that it ends with
to the message that it prints anyway.

The package logs through the standard library, with facts in `extra`; only a door (the service,
the training job, the command line) calls `configure`, nothing does at import. No data value of a
user is ever logged, and so no exception text: see `leakgauge.redacted_traceback`.
"""

from __future__ import annotations

import logging
import logging.config
import os
import re
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog

_VARIABLES = ("LEAKGAUGE_LOG_LEVEL", "SAGEMAKER_CONTAINER_LOG_LEVEL")
_STEP = 0.1
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def level(environment: Mapping[str, str] | None = None) -> int:
    """The level that the environment asks for, by number (SageMaker's way) or by name; else INFO."""
    variables = os.environ if environment is None else environment
    for name in _VARIABLES:
        text = variables.get(name, "").strip().upper()
        if text.isascii() and text.isdigit():
            return int(text)
        if text in logging.getLevelNamesMapping():
            return logging.getLevelNamesMapping()[text]
    return logging.INFO


def settings(*, level: int, console: bool, most: int = logging.CRITICAL) -> dict[str, Any]:
    """A configuration for `logging.config.dictConfig`, for gunicorn too.

    Parameters
    ----------
    console
        lines for a person, coloured on a terminal, instead of JSON for a collector.
    most
        what is above this level is left out.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Tracebacks end with the text of an exception, which may quote what somebody uploaded.
    renderers: list[Any] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        _drop_exception,
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if console
        else structlog.processors.JSONRenderer(),
    ]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": renderers,
            }
        },
        "filters": {"most": {"()": _AtMost, "level": most}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stderr",
                "formatter": "structured",
                "filters": ["most"],
            }
        },
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "leakgauge": {"level": level},
            "gunicorn.error": {"level": level, "handlers": ["stderr"], "propagate": False},
            "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
        },
    }


def configure(*, quiet: bool = False) -> None:
    """Send this process's logs to standard error as the environment asks.

    Parameters
    ----------
    quiet
        for a command line, which tells its story and its errors itself: text, and warnings alone unless
        the environment asks for a level.
    """
    asked = any(os.environ.get(name) for name in _VARIABLES)
    only_warnings = quiet and not asked
    logging.config.dictConfig(
        settings(
            level=logging.WARNING if only_warnings else level(),
            most=logging.WARNING if only_warnings else logging.CRITICAL,
            console=quiet or sys.stderr.isatty(),
        )
    )


class _AtMost(logging.Filter):
    """Lets pass what is no more severe than a level."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self._level = level

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno <= self._level


class Milestones:
    """A `Progress` for logs: passes on a new stage, and each further tenth of the work.

    Parameters
    ----------
    tell
        called with the stage and the fraction.
    """

    def __init__(self, tell: Callable[[str, float], None]) -> None:
        self._tell = tell
        self._stage: str | None = None
        self._next = 0.0

    def report(self, stage: str, fraction: float) -> None:
        """Pass the report on when it is worth a line."""
        if stage == self._stage and fraction < self._next:
            return
        self._stage, self._next = stage, fraction + _STEP
        self._tell(stage, fraction)


@contextmanager
def request_id(offered: str | None = None) -> Iterator[str]:
    """Bind a request id to every log line of the context; the offered one when it is sane."""
    identifier = offered if offered is not None and _SANE_ID.fullmatch(offered) else secrets.token_hex(16)
    with structlog.contextvars.bound_contextvars(request_id=identifier):
        yield identifier


def _drop_exception(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    information = event.pop("exc_info", None)
    if isinstance(information, tuple) and information[0] is not None:
        event["exception"] = information[0].__name__
    return event
