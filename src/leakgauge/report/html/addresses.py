"""Contents that travel inside the page, as `data:` addresses."""

from __future__ import annotations

import base64

from markupsafe import Markup


def data_address(media_type: str, content: bytes) -> Markup:
    """`content` as an address; `media_type` is ours, such as `image/png`."""
    encoded = base64.b64encode(content).decode()
    return Markup(f"data:{media_type};base64,{encoded}")  # noqa: S704 - base64 needs no escaping
