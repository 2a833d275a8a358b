"""The door of audits of live services: settings and data in, a report folder out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from leakgauge.endpoints.broker import Broker
from leakgauge.endpoints.plan import described
from leakgauge.endpoints.reading import read_endpoint
from leakgauge.errors import BadParameters, JsonValue
from leakgauge.extras import check, needed
from leakgauge.progress import Progress
from leakgauge.sandbox.parent import LiveService, Sandbox


def audit_service(
    sandbox: Sandbox,
    endpoint: str | os.PathLike[str] | Mapping[str, Any],
    data: Path,
    output: Path,
    *,
    overrides: Mapping[str, JsonValue],
    progress: Callable[[], AbstractContextManager[Progress]],
    confirm: Callable[[str], bool],
    environment: Mapping[str, str],
    keep: bool = False,
) -> None:
    """Audit a live service with the data of a bundle without a model.

    Parameters
    ----------
    endpoint
        the settings: a YAML file, or names and values as it would hold them.
    confirm
        is told what is asked and what that may cost, before anything is; False calls the audit off.
    environment
        variables in which the secrets are that the settings name.
    progress
        makes who hears how far the audit is, once it is confirmed.
    keep, overrides
        as for `Sandbox.run`.

    Raises
    ------
    BadParameters
        for settings that do not fit; `not_confirmed`.
    ServiceFailed
        where the service, or the network, is at fault.
    LeakgaugeError
        whatever else the audit meets.
    """
    check("endpoints")
    service = read_endpoint(endpoint)
    check(service.extra)
    with needed(service.extra), Broker(service, environment) as broker:
        cache = None if broker.cache_path is None else str(broker.cache_path)
        if not confirm(described(service, cache=cache)):
            raise BadParameters(
                "not_confirmed",
                "The audit was not confirmed, so the service was asked nothing.",
                hint="Set limits in the settings to the rows and the cost that you want, and confirm "
                "them with --yes, or confirmed=True in Python.",
            )
        live = LiveService(broker.facts(), broker.attach)
        with progress() as listener:
            sandbox.run(data, output, overrides=overrides, progress=listener, peer=live, keep=keep)
