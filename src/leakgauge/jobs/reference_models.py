"""Training reference models for an audit that runs elsewhere."""

from __future__ import annotations

import json
import os

from leakgauge.bundle import Limits, MembershipBundle, open_bundle
from leakgauge.errors import BadBundle
from leakgauge.extras import needed
from leakgauge.jobs.request import JobRequest
from leakgauge.progress import Display


def train(request: JobRequest, display: Display) -> None:
    """Train what is asked for through the socket of `request`, with the bundle that is audited.

    Raises
    ------
    LeakgaugeError
        whatever the bundle, its parameters or its model deserve; `bad_bundle.no_reference_models` for one
        whose audit trains none.
    """
    limits = Limits.from_environment(os.environ)
    bundle = open_bundle(request.source, request.scratch, limits=limits)
    if not isinstance(bundle, MembershipBundle) or request.models is None:
        raise BadBundle(
            "no_reference_models",
            "The bundle holds no model of tables with members and non-members, so nothing is trained again.",
            hint="Audit it without workers.",
        )
    display.opened("model")
    with needed("membership"):
        # imported late: an image for inversion holds none of it
        from leakgauge.membership.worker import work

        trained = work(bundle, request.overrides, request.models)
    (request.report / "trained.json").write_text(json.dumps({"trained": trained}), encoding="utf-8")
