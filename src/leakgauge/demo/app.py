"""The page and its few addresses. No logic of its own: the worker works, the script plots."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from flask import Flask, Response, jsonify, render_template, request, send_file
from werkzeug.exceptions import HTTPException

from leakgauge.demo import callers
from leakgauge.demo.cache import REPLAY, REPORT_HTML, REPORT_ZIP
from leakgauge.demo.choices import CLASSES, Choice, choices
from leakgauge.demo.state import Request
from leakgauge.demo.worker import Worker, nothing_attacked, nothing_compared
from leakgauge.errors import BadParameters, Busy, JsonValue, LeakgaugeError

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEARTBEAT_SECONDS = 15.0
_BETWEEN_STATES_SECONDS = 0.08
_MOST_BYTES = 10_000


def create_app(worker: Worker, *, names: Sequence[str] = ()) -> Flask:
    """The demo over a worker.

    Parameters
    ----------
    names
        by which it may be asked, beside `localhost` and addresses; see `callers`.
    """
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = _MOST_BYTES
    _frame(app, names)
    _work(app, worker)
    _downloads(app, worker)

    @app.get("/")
    def page() -> str:
        return render_template("page.html.j2", groups=_groups(), sets=worker.sets, classes=range(CLASSES))

    @app.get("/state")
    def state() -> Response:
        return jsonify(worker.state.read())

    @app.get("/events")
    def events() -> Response:
        stream = Response(_states(worker), mimetype="text/event-stream")
        stream.headers["X-Accel-Buffering"] = "no"
        return stream

    return app


def _groups() -> dict[str, list[Choice]]:
    """The defences to choose from, under the headings of the page."""
    groups: dict[str, list[Choice]] = {}
    for choice in choices():
        groups.setdefault(choice.group, []).append(choice)
    return groups


def _work(app: Flask, worker: Worker) -> None:
    """What the page may ask for."""

    @app.post("/show")
    def show() -> tuple[Response, int]:
        worker.show(_text(_asked(), "data"))
        return jsonify(started="showing"), 202

    @app.post("/train")
    def train() -> tuple[Response, int]:
        worker.train(_text(_asked(), "defence"))
        return jsonify(started="training"), 202

    @app.post("/attack")
    def attack() -> tuple[Response, int]:
        asked = _asked()
        target, similar = asked.get("target"), asked.get("similar", False)
        if isinstance(target, bool) or not isinstance(target, int):
            raise _unfit("target", "a whole number")
        if not isinstance(similar, bool):
            raise _unfit("similar", "true or false")
        worker.attack(Request(target, _text(asked, "defence"), _text(asked, "level"), similar))
        return jsonify(started="attacking"), 202

    @app.post("/compare")
    def compare() -> tuple[Response, int]:
        _asked()
        worker.compare()
        return jsonify(started="comparing"), 202

    @app.post("/customers")
    def customers() -> tuple[Response, int]:
        _asked()
        worker.ask_about_customers()
        return jsonify(started="answering"), 202

    @app.post("/cancel")
    def cancel() -> tuple[Response, int]:
        _asked()
        return jsonify(cancelled=worker.cancel()), 202


def _downloads(app: Flask, worker: Worker) -> None:
    """What the last attack and the last comparison left, to take away."""

    @app.get("/report.zip")
    def report() -> Response:
        return _download(worker, REPORT_ZIP, "leakgauge-before-after.zip")

    @app.get("/report.html")
    def report_page() -> Response:
        return _download(worker, REPORT_HTML, "leakgauge-before-after.html")

    @app.get("/report.pdf")
    def report_pdf() -> Response:
        return Response(
            worker.pdf(),
            mimetype="application/pdf",
            headers={"Content-Disposition": "attachment; filename=leakgauge-before-after.pdf"},
        )

    @app.get("/replay.json")
    def replay() -> Response:
        path = worker.left_behind(REPLAY)
        if path is None:
            raise nothing_attacked()
        return send_file(path, mimetype="application/json", max_age=0)


def _frame(app: Flask, names: Sequence[str]) -> None:
    """What holds for every request and every answer."""

    @app.before_request
    def known_caller() -> None:
        callers.check(request, names)

    @app.after_request
    def headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Cache-Control"] = "no-store"
        return response

    @app.errorhandler(LeakgaugeError)
    def refused(error: LeakgaugeError) -> tuple[Response, int]:
        return jsonify(error.body()), 409 if isinstance(error, Busy) else error.status

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> tuple[Response, int]:
        body = BadParameters("request", error.name + ".", hint="Open / in a browser.").body()
        return jsonify(body), error.code or 500


def _states(worker: Worker) -> Iterator[str]:
    """The state now and after every change, as server-sent events."""
    version = -1
    while not worker.state.closed:
        found = worker.state.newer_than(version, timeout=_HEARTBEAT_SECONDS)
        if found is None:
            yield ": nothing new\n\n"  # found out here: whether anybody still listens
            continue
        version, text = found
        yield f"data: {text}\n\n"
        time.sleep(_BETWEEN_STATES_SECONDS)


def _asked() -> dict[str, JsonValue]:
    """The request's JSON object. Anything but JSON is refused, which also keeps out forms of other sites."""
    try:
        found = request.get_json()
    except RecursionError:
        raise _unfit("request", "JSON of any depth that a page sends") from None
    if not isinstance(found, dict):
        raise _unfit("request", "a JSON object")
    return found


def _text(asked: dict[str, JsonValue], name: str) -> str:
    found = asked.get(name)
    if not isinstance(found, str):
        raise _unfit(name, "a name")
    return found


def _download(worker: Worker, name: str, called: str) -> Response:
    """A file that the last comparison left."""
    path = worker.left_behind(name)
    if path is None:
        raise nothing_compared()
    return send_file(path, as_attachment=True, download_name=called, max_age=0)


def _unfit(name: str, wanted: str) -> BadParameters:
    return BadParameters("request", f"{name} is not {wanted}.", hint="Reload the page and try again.")
