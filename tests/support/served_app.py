"""The service with a runner for tests instead of the audit, for gunicorn to load."""

from __future__ import annotations

import os
import sys
import time

from flask import request
from sandbox_runners import running

from leakgauge.sandbox.parent import Sandbox
from leakgauge.service.app import create_app

LARGE = 8 << 20
"""Bytes of an answer that no kernel takes off a server's hands for a receiver that does not read."""


def build():
    sandbox = Sandbox(only="membership", job=running("by_name"))
    app = create_app(kind="membership", sandbox=sandbox)

    @app.get("/bug")
    def bug():
        raise KeyError("Alice,42")

    @app.get("/large")
    def large():
        return bytes(LARGE)

    @app.get("/imported")
    def imported():
        return sorted({name.partition(".")[0] for name in sys.modules})

    return app


def build_with_a_jumping_clock():
    app = build()
    true, ahead = time.time, [0.0]
    time.time = lambda: true() + ahead[0]

    @app.post("/jump")
    def jump():
        ahead[0] += float(request.args["seconds"])
        return ""

    return app


def build_with_a_broken_server():
    app = build()
    os.environ["PYTHONPATH"] = os.environ["TEST_HOLLOW"]
    return app
