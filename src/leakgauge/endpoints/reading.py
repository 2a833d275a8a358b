"""From a settings file, or the same as names and values, to a protocol that is ready to be spoken."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from leakgauge.endpoints.protocols import PROTOCOLS
from leakgauge.endpoints.protocols.base import Protocol
from leakgauge.errors import BadParameters
from leakgauge.strict_yaml import MAX_BYTES, parse
from leakgauge.validation import explained, listed, shown, summary, unknown

_HINT = "docs/endpoints.md has an example for each protocol and describes every setting."


def read_endpoint(source: str | os.PathLike[str] | Mapping[str, Any]) -> Protocol:
    """The settings of a service.

    Parameters
    ----------
    source
        a YAML file, or names and values as it would hold them.

    Raises
    ------
    BadParameters
        `endpoint_file` for a file that cannot be read or is no YAML of names and values; `endpoint` for
        settings that do not fit, all of them at once. Neither holds a value.
    """
    return _checked(dict(source) if isinstance(source, Mapping) else _document(Path(source)))


def _document(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as handle:
            data = handle.read(MAX_BYTES + 1)
    except OSError as error:
        raise _bad_file(f"cannot be read ({os.strerror(error.errno or 0)})") from None
    try:
        return parse(data)
    except ValueError as error:
        raise _bad_file(str(error)) from None


def _checked(document: dict[str, Any]) -> Protocol:
    name = document.get("protocol")
    kind = PROTOCOLS.get(name) if isinstance(name, str) else None
    if kind is None:
        problem = f"must be one of {', '.join(PROTOCOLS)}"
        if isinstance(name, str):
            problem = unknown(shown(name), PROTOCOLS)
        raise _bad_settings([("protocol", problem)])
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        raise _bad_settings(explained(error, kind, whole="settings")) from None


def _bad_settings(problems: list[tuple[str, str]]) -> BadParameters:
    return BadParameters("endpoint", summary(problems), hint=_HINT, details={"problems": listed(problems)})


def _bad_file(what: str) -> BadParameters:
    return BadParameters("endpoint_file", f"The settings file {what}.", hint=_HINT)
