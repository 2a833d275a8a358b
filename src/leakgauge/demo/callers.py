"""Who may ask the demo: pages of its own, by an address or by a name that is known to be its.

A page from elsewhere can have a name of its own lead to this machine (DNS rebinding), and its scripts then
count as ours. They ask by that name, so other names are refused, whatever address is listened on. An address
in place of a name cannot be rebound. Pages under other names can still send requests, whose answers they do
not see; browsers say where such a request comes from.

Source: Jackson et al., "Protecting Browsers from DNS Rebinding Attacks", CCS 2007; W3C, Fetch Metadata.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from flask import Request

from leakgauge.errors import BadParameters

_OWN_SITE = ("same-origin", "none")


def check(request: Request, names: Iterable[str]) -> None:
    """Refuse a request of somebody else's page.

    Parameters
    ----------
    names
        by which the demo may be asked, beside `localhost` and addresses.

    Raises
    ------
    BadParameters
        `host` for another name, `origin` for another page.
    """
    name = _name(request.host)
    if not _is_address(name) and name not in {"localhost", *(known.lower().rstrip(".") for known in names)}:
        raise BadParameters(
            "host",
            "The demo does not answer to that name.",
            hint="Ask by its address or for localhost, or start it with --name and the name that it has.",
        )
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site", "none")
    navigates = request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate"
    if (origin is not None and origin not in (f"http://{request.host}", f"https://{request.host}")) or (
        site not in _OWN_SITE and not navigates
    ):
        raise BadParameters("origin", "Another page asks in this one's place.", hint="Open / in a browser.")


def _name(host: str) -> str:
    """The name in a `Host` header, without port, or nothing where it holds none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
