"""Every error of the service in one form: the JSON of `LeakgaugeError.body()`."""

from __future__ import annotations

import json
import logging
import secrets
from http import HTTPStatus

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, NotAcceptable

from leakgauge.errors import AuditFailed, Busy, JsonValue, LeakgaugeError
from leakgauge.extras import install_line
from leakgauge.redacted_traceback import redacted_traceback
from leakgauge.service.answers import PDF, offered
from leakgauge.text import Sink, printable

_log = logging.getLogger(__name__)

# What proxies log for a request whose sender did not wait for the answer, who never gets to see it.
_SENDER_GONE = 499
_ACCEPT_CHARACTERS = 200
_CANCELLED = "audit_failed.cancelled"

# What HTTP itself finds wrong; the code of each is "http." and its word.
HTTP_ERRORS: dict[int, tuple[str, str, str]] = {
    400: ("bad_request", "The request cannot be read.", "Send it again as HTTP/1.1."),
    404: (
        "not_found",
        "There is nothing at this address.",
        "POST a bundle to /invocations; GET /ping tells whether the service is up.",
    ),
    405: (
        "method_not_allowed",
        "This address does not know that method.",
        "POST bundles to /invocations; GET /ping and /execution-parameters.",
    ),
    406: (
        "not_acceptable",
        "None of the types in the Accept header is offered: {accept}.",
        "Accept one of {offered}; parameters and weights may stand behind it.",
    ),
    408: (
        "request_timeout",
        "The request did not arrive in time: it paused for too long, or came more slowly than any line.",
        "Send it again without pauses; a proxy in front should collect a request before it passes it on.",
    ),
    415: (
        "unsupported_media_type",
        "A bundle is sent as a zip, and the Content-Type says otherwise.",
        "Send the header Content-Type: application/zip; a batch transform with ContentType=application/zip "
        "and SplitType=None does.",
    ),
    431: (
        "head_too_large",
        "The head of the request is larger than any that is accepted.",
        "Send fewer or shorter headers.",
    ),
}
_OTHER_HTTP = ("bad_request", "The request cannot be answered.", "Send a bundle by POST to /invocations.")


def raw_answer(error: LeakgaugeError | HTTPStatus) -> tuple[int, str, bytes]:
    """The answer to a request that never gets to the application, as bytes, and its status and code.

    Parameters
    ----------
    error
        what happened; a status stands for what HTTP itself finds wrong.
    """
    if isinstance(error, LeakgaugeError):
        status, code, body = HTTPStatus(error.status), error.code, error.body()
    else:
        status = error
        word, message, hint = HTTP_ERRORS.get(status, HTTP_ERRORS[400])
        code = f"http.{word}"
        body = _body(code, message, hint, {"status": int(status)})
    content = json.dumps(body).encode() + b"\n"
    head = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
    ]
    if isinstance(error, Busy):
        head.append(f"Retry-After: {error.retry_after}")
    return status.value, code, "\r\n".join([*head, "", ""]).encode() + content


def install(app: Flask) -> None:
    """Make `app` answer every error in the one form, and never with a traceback."""
    app.register_error_handler(LeakgaugeError, _ours)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def _ours(error: LeakgaugeError) -> Response:
    status = error.status if error.code != _CANCELLED else _SENDER_GONE
    _log.info("refused", extra={"code": error.code, "status": status})
    response = _response(error.body(), status)
    if isinstance(error, Busy):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    word, message, hint = HTTP_ERRORS.get(status, _OTHER_HTTP)
    accept = printable(request.headers.get("Accept", ""), Sink.MESSAGE, longest=_ACCEPT_CHARACTERS)
    message = message.replace("{accept}", accept)
    details: dict[str, JsonValue] = {"status": status}
    if status == NotAcceptable.code:
        known = offered()
        details["offered"] = [*known]
        hint = hint.replace("{offered}", ", ".join(known))
        if PDF not in known:
            hint += f" {PDF} needs the extra pdf: {install_line('pdf')}."
    body = _body(f"http.{word}", message, hint, details)
    _log.info("refused", extra={"code": f"http.{word}", "status": status})
    response = _response(body, status)
    for name, value in error.get_headers(request.environ):
        if name.lower() == "allow":
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    failure = unexpected(error)
    return _response(failure.body(), failure.status)


def unexpected(error: BaseException) -> AuditFailed:
    """What is told of an error that nobody foresaw; the log gets its type and places, and the same id."""
    identifier = secrets.token_hex(8)
    found = redacted_traceback(error)
    _log.error("unexpected", extra={"id": identifier, "type": found.type, "frames": found.frames})
    return AuditFailed(
        "unexpected",
        "The service met a situation that it was not written for.",
        hint="Report it with the id, which stands in the log; the input has not been kept.",
        details={"id": identifier},
    )


def _body(code: str, message: str, hint: str, details: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {"error": {"code": code, "message": message, "hint": hint, "details": details}}


def _response(body: dict[str, JsonValue], status: int) -> Response:
    return Response(json.dumps(body) + "\n", status=status, content_type="application/json")
