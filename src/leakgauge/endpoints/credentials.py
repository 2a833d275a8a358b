"""Secrets: from the environment to the headers of requests, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping

from leakgauge.endpoints.settings import Endpoint
from leakgauge.errors import BadParameters
from leakgauge.sandbox.server import is_handed_on


class Secrets(dict[str, str]):
    """Headers that no message, log or traceback shows."""

    def __repr__(self) -> str:
        """Return the names of the headers alone."""
        return f"<Secrets: {', '.join(self)}>"

    __str__ = __repr__


def secrets_of(endpoint: Endpoint, environment: Mapping[str, str]) -> Secrets:
    """The headers that the settings want from the environment.

    Raises
    ------
    BadParameters
        `credentials` for a variable that is not set, holds what no header can, or comes into the sandbox.
    """
    found = Secrets()
    for place, credential in enumerate(endpoint.credentials, start=1):
        value = environment.get(credential.variable, "").strip()
        header = f"{credential.prefix}{value}"
        # the name is not told: it may be the secret itself, written in the wrong place
        if is_handed_on(credential.variable):
            raise _bad(place, credential.header, "has a name of those that are handed on to the sandbox")
        if not value:
            raise _bad(place, credential.header, "is not set")
        if not header.isascii() or not header.isprintable():
            raise _bad(place, credential.header, "holds characters that no header can")
        found[credential.header] = header
    return found


def _bad(place: int, header: str, what: str) -> BadParameters:
    return BadParameters.about(
        "credentials",
        f"the variable {what} (entry {place})",
        problem="credentials",
        message=f"The environment variable that is to hold the header {header} {what}.",
        hint="Set a variable of another name than LEAKGAUGE_…, SAGEMAKER_… or PYTHON… where the audit is "
        "started, and name it under credentials in the settings.",
    )
