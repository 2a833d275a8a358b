"""What the HTTP service takes and answers, as OpenAPI 3.1, made of the tables that the service goes by.

`python -m leakgauge.service.openapi > docs/openapi.json` brings the copy under `docs/` up to date.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from leakgauge.errors import (
    AuditFailed,
    AuditTimeout,
    BadBundle,
    BadParameters,
    Busy,
    LeakgaugeError,
    LimitExceeded,
    UnsafeModel,
    UnsupportedModel,
)
from leakgauge.service.answers import EVERY_TYPE, ZIP_TYPES
from leakgauge.service.custom_attributes import HEADER
from leakgauge.service.error_handlers import HTTP_ERRORS
from leakgauge.version import __version__

_HEADER_TEXT = "^[!-~]+$"
_BYTES = {"type": "string", "format": "binary"}
_REPORT = "report.schema.json"
"""Beside the document: what `application/json` holds."""
KINDS: tuple[type[LeakgaugeError], ...] = (
    *(BadBundle, UnsupportedModel, UnsafeModel, BadParameters, LimitExceeded),
    *(AuditTimeout, Busy, AuditFailed),
)
"""The errors that an audit may end with."""
_OF_OTHER_ADDRESSES = {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}
_ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "hint", "details"],
            "additionalProperties": False,
            "properties": {
                "code": {"type": "string", "pattern": r"^[a-z_]+\.[a-z0-9_]+$"},
                "message": {"type": "string", "description": "What happened, and where."},
                "hint": {"type": "string", "description": "What to do next."},
                "details": {"type": "object", "description": "Further facts for a program."},
            },
        }
    },
}


def document() -> dict[str, Any]:
    """The whole document, JSON-compatible."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Leakgauge",
            "version": __version__,
            "summary": "Privacy audits of uploaded models, as SageMaker's endpoints and jobs call them.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "http://localhost:8080"}],
        "paths": {
            "/ping": {"get": _ping()},
            "/execution-parameters": {"get": _execution_parameters()},
            "/invocations": {"post": _invocations()},
        },
        "components": {"schemas": {"Error": _ERROR}},
    }


def _ping() -> dict[str, Any]:
    return {
        "operationId": "ping",
        "summary": "Whether the service is up.",
        "responses": {"200": {"description": "It is."}},
    }


def _execution_parameters() -> dict[str, Any]:
    properties = {
        "MaxConcurrentTransforms": {"type": "integer", "minimum": 1},
        "BatchStrategy": {"const": "SINGLE_RECORD"},
        "MaxPayloadInMB": {"type": "integer", "minimum": 1},
    }
    schema = {"type": "object", "required": [*properties], "properties": properties}
    return {
        "operationId": "executionParameters",
        "summary": "How a batch transform should call this service.",
        "responses": {
            "200": {
                "description": "The settings of this installation.",
                "content": {"application/json": {"schema": schema}},
            }
        },
    }


def _invocations() -> dict[str, Any]:
    named = [
        {
            "name": HEADER,
            "in": "header",
            "description": "`timeout=50` says how many seconds the caller waits.",
            "schema": {"type": "string", "maxLength": 1024, "pattern": _HEADER_TEXT},
            "example": "timeout=50",
        },
        {
            "name": "X-Request-Id",
            "in": "header",
            "description": "Stands in the log, and is sent back.",
            "schema": {"type": "string", "pattern": _HEADER_TEXT},
        },
    ]
    return {
        "operationId": "audit",
        "summary": "Audit the bundle in the body.",
        "description": "`Accept` selects the answer. Without it the whole report folder is sent, as a zip. "
        "A PDF needs an extra, which not every installation has.",
        "parameters": named,
        "requestBody": {
            "required": True,
            "description": "A zip with a model and its data, or with answers. It is untrusted: nothing of it "
            "runs outside a sandbox.",
            "content": {name: {"schema": _BYTES} for name in ZIP_TYPES},
        },
        "responses": {
            "200": {
                "description": "The report, or the file of it that `Accept` names.",
                "headers": {
                    "X-Request-Id": {"schema": {"type": "string"}},
                    "X-Leakgauge-Sandbox": {
                        "description": "The layers of the sandbox that were in force.",
                        "schema": {"type": "string"},
                    },
                },
                "content": {name: _content(name) for name in EVERY_TYPE},
            },
            **_errors(*(HTTP_ERRORS.keys() - _OF_OTHER_ADDRESSES), *(kind.status for kind in KINDS)),
        },
    }


def _content(media_type: str) -> dict[str, Any]:
    return {"schema": {"$ref": _REPORT} if media_type == "application/json" else _BYTES}


def _errors(*statuses: int) -> dict[str, Any]:
    return {str(int(status)): _error(int(status)) for status in sorted(set(statuses))}


def _error(status: int) -> dict[str, Any]:
    response = _error_response(" ".join(_meanings(status)))
    if status == Busy.status:
        response["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return response


def _meanings(status: int) -> Iterable[str]:
    """What an error of a status means, each in a sentence."""
    if status in HTTP_ERRORS:
        yield HTTP_ERRORS[status][1].split(":")[0].rstrip(".") + "."
    for kind in KINDS:
        if kind.status == status:
            yield (kind.__doc__ or "").splitlines()[0]


def _error_response(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Error"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def text() -> str:
    """The document as it stands in `docs/openapi.json`."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
