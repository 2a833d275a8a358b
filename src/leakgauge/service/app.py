"""The Flask application: three addresses, no state but the sandbox and its slots."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import NotAcceptable, UnsupportedMediaType

from leakgauge.installation import Kind, installed_kind, installed_prior
from leakgauge.jobs.table import PDF as PDF_JOB
from leakgauge.logs import Milestones, request_id
from leakgauge.progress import Silent
from leakgauge.sandbox.parent import Sandbox
from leakgauge.sandbox.resources import ResourceLimits
from leakgauge.service import error_handlers, upload
from leakgauge.service.answers import PDF, ZIP_TYPES, answer, negotiate
from leakgauge.service.batch import pieces_explained
from leakgauge.service.client_disconnect import Sender
from leakgauge.service.connection import begun
from leakgauge.service.custom_attributes import HEADER, echoed, time_budget_for, timeout_of
from leakgauge.service.settings import Settings
from leakgauge.service.slots import Slots

_log = logging.getLogger(__name__)

_EXTENSION = "leakgauge.sandbox"
_LAYERS = "X-Leakgauge-Sandbox"
_PDF_SECONDS = 15.0
"""What it takes to make a PDF of a usual report, its own sandbox included."""


def create_app(*, kind: Kind, sandbox: Sandbox | None = None, settings: Settings | None = None) -> Flask:
    """The service for one kind of audit.

    Parameters
    ----------
    kind
        the audit that this installation runs.
    sandbox
        where audits run; by default a new one with the libraries of `kind` preloaded, and with the
        prior that lies in the folder of the served model, if one does. It is started with the
        first request or by whoever calls `sandbox_of(app).start()`.
    settings
        by default those of the environment.
    """
    settings = Settings.from_environment() if settings is None else settings
    if sandbox is None:
        limits = ResourceLimits.from_environment().shared(settings.slots)
        sandbox = Sandbox(only=kind, limits=limits, preload=True, trained_prior=installed_prior())
    slots = Slots(slots=settings.slots, queue=settings.queue, wait_seconds=settings.wait_seconds)
    app = Flask(__name__, static_folder=None)
    app.extensions[_EXTENSION] = sandbox
    error_handlers.install(app)
    _frame_requests(app)

    @app.get("/ping")
    def ping() -> Response:
        return Response(status=200)

    @app.get("/execution-parameters")
    def execution_parameters() -> Response:
        return jsonify(
            MaxConcurrentTransforms=settings.batch_concurrency,
            BatchStrategy="SINGLE_RECORD",
            MaxPayloadInMB=settings.max_payload_mb,
        )

    @app.post("/invocations")
    def invocations() -> Response:
        if request.mimetype and request.mimetype not in ZIP_TYPES:
            raise UnsupportedMediaType
        media_type = negotiate(request.headers.get("Accept", ""), default_type=settings.default_type)
        if media_type is None:
            raise NotAcceptable
        return _audited(kind, sandbox, settings, slots, media_type)

    return app


def from_environment() -> Flask:
    """The service for the audit that `LEAKGAUGE_AUDIT` names, `membership` by default.

    Raises
    ------
    BadParameters
        `environment` when it names no audit, or another setting cannot be read.
    """
    return create_app(kind=installed_kind() or "membership")


def sandbox_of(app: Flask) -> Sandbox:
    """The sandbox of an application that `create_app` made."""
    sandbox = app.extensions[_EXTENSION]
    assert isinstance(sandbox, Sandbox)  # noqa: S101 - narrows the type of what create_app put there
    return sandbox


def _audited(kind: Kind, sandbox: Sandbox, settings: Settings, slots: Slots, media_type: str) -> Response:
    """The report on the bundle that the current request uploads."""
    upload.check_length(request, limit=settings.max_payload_bytes)
    waits = timeout_of(request.headers.get(HEADER, ""))
    sender = Sender(request)
    with ExitStack() as stack:
        folder = stack.enter_context(sandbox.private_folder())
        bundle, report = folder / "bundle.zip", folder / "report"
        size = upload.save(request, bundle, limit=settings.max_payload_bytes)
        # who has not sent a whole body takes no place from others
        stack.enter_context(slots.admitted())
        stack.enter_context(pieces_explained(batch=settings.batch))
        with slots.running(sender, within=_left(waits)), _timed(kind, size) as facts:
            remaining = _left(waits)
            facts["layers"] = sandbox.run(
                bundle,
                report,
                overrides={},
                time_budget=time_budget_for(remaining, afterwards=_PDF_SECONDS if media_type == PDF else 0.0),
                progress=Milestones(_log_progress),
                timeout=_shorter(settings.audit_seconds, remaining),
                cancelled=sender,
            )
            if media_type == PDF:
                audited, report = report, folder / "pdf"
                remaining = _left(waits)
                sandbox.run(
                    audited,
                    report,
                    overrides={},
                    progress=Silent(),
                    timeout=_shorter(settings.audit_seconds, remaining),
                    cancelled=sender,
                    job=PDF_JOB,
                )
        response = answer(report, media_type)
        response.headers[_LAYERS] = ", ".join(facts["layers"])
        return response


def _frame_requests(app: Flask) -> None:
    """Give every request its id, its log line, its echoed attributes and a clean end."""

    @app.before_request
    def enter() -> None:
        g.stack = ExitStack()
        g.request_id = g.stack.enter_context(request_id(request.headers.get("X-Request-Id")))
        g.begun = begun(request.environ)

    @app.after_request
    def end(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.request_id
        attributes = request.headers.get(HEADER)
        if attributes is not None and request.path == "/invocations":
            response.headers[HEADER] = echoed(attributes)
        _log.log(
            logging.DEBUG if request.path == "/ping" else logging.INFO,
            "request",
            extra={
                "method": request.method,
                "route": str(request.url_rule) if request.url_rule else None,
                "status": response.status_code,
                "seconds": round(time.monotonic() - g.begun, 3),
            },
        )
        return response

    @app.teardown_request
    def leave(_error: BaseException | None) -> None:
        stack = g.pop("stack", None)
        if stack is not None:
            stack.close()


@contextmanager
def _timed(kind: Kind, size: int) -> Iterator[dict[str, Any]]:
    """Log the begin and the end of an audit; what is put into the dictionary stands in the latter."""
    _log.info("audit begins", extra={"kind": kind, "bytes": size})
    begun = time.monotonic()
    facts: dict[str, Any] = {}
    yield facts
    _log.info("audit ends", extra={"kind": kind, "seconds": round(time.monotonic() - begun, 3), **facts})


def _left(waits: float | None) -> float | None:
    """Of the seconds that the sender waits, from the first byte of its request, those that are left."""
    return None if waits is None else max(waits - math.floor(time.monotonic() - g.begun), 0.0)


def _shorter(first: float | None, second: float | None) -> float | None:
    given = [each for each in (first, second) if each is not None]
    return min(given) if given else None


def _log_progress(stage: str, fraction: float) -> None:
    _log.info("progress", extra={"stage": stage, "fraction": round(fraction, 3)})
