"""The page and its few addresses. No logic of its own: the worker works, the script plots."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from flask import Flask, Response, jsonify, render_template, request, send_file
from werkzeug.exceptions import HTTPException

from leakgauge.defences import output
from leakgauge.defences.training import TRAINING_DEFENCES
from leakgauge.demo import callers
from leakgauge.demo.worker import Worker
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

TRAINING_CHOICES = (
    ("negative_label_smoothing",),
    ("dropout", "weight_decay"),
    ("label_smoothing",),
    ("dp_sgd",),
)


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

    @app.get("/")
    def page() -> str:
        return render_template("page.html.j2", training=_training_choices(), outputs=_output_choices())

    @app.get("/state")
    def state() -> Response:
        return jsonify(worker.state.read())

    @app.get("/events")
    def events() -> Response:
        stream = Response(_states(worker), mimetype="text/event-stream")
        stream.headers["X-Accel-Buffering"] = "no"
        return stream

    @app.post("/train")
    def train() -> tuple[Response, int]:
        worker.train(_texts(_asked(), "defences"))
        return jsonify(started="training"), 202

    @app.post("/attack")
    def attack() -> tuple[Response, int]:
        asked = _asked()
        digit = asked.get("digit")
        if isinstance(digit, bool) or not isinstance(digit, int):
            raise _unfit("digit", "a whole number")
        worker.attack(digit, _texts(asked, "output"))
        return jsonify(started="attacking"), 202

    @app.post("/cancel")
    def cancel() -> tuple[Response, int]:
        _asked()
        return jsonify(cancelled=worker.cancel()), 202

    @app.get("/report.zip")
    def report() -> Response:
        path = worker.report()
        if path is None:
            raise BadParameters(
                "no_report",
                "Nothing has been attacked yet.",
                hint="Choose a digit, and wait for its reconstruction.",
            )
        return send_file(path, as_attachment=True, download_name="leakgauge-before-after.zip", max_age=0)

    return app


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


def _texts(asked: dict[str, JsonValue], name: str) -> list[str]:
    found = asked.get(name, [])
    if not isinstance(found, list) or len(found) > len(TRAINING_DEFENCES):
        raise _unfit(name, "a short list")
    texts = [each for each in found if isinstance(each, str)]
    if len(texts) != len(found):
        raise _unfit(name, "a list of names")
    return texts


def _unfit(name: str, wanted: str) -> BadParameters:
    return BadParameters("request", f"{name} is not {wanted}.", hint="Reload the page and try again.")


def _training_choices() -> list[dict[str, str]]:
    rows = {row.name: row for row in TRAINING_DEFENCES}
    return [
        {
            "value": " ".join(names),
            "title": " with ".join(
                rows[name].title if place == 0 else rows[name].title.lower()
                for place, name in enumerate(names)
            ),
            "cost": " ".join(rows[name].cost for name in names),
        }
        for names in TRAINING_CHOICES
    ]


def _output_choices() -> list[dict[str, str]]:
    """Every output defence, at the strength that shows most of it."""
    choices = []
    for row in output.OUTPUT_DEFENCES:
        strength = "" if row.demonstrated is None else f"={row.demonstrated:g}"
        (setting,) = output.settings_of([f"{row.name}{strength}"])
        choices.append({"value": str(setting), "title": setting.title, "cost": row.cost})
    return choices
