"""Checks a request against AWS's own description of an operation, which comes with botocore.

botocore itself, and every imitation of the service, lets through what the service then refuses:
unknown words for an enumeration, names with characters that they may not have, numbers out of
range. The description knows all of these; this module holds a request to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.model import Shape
from botocore.session import Session
from installed import library

regex = library("regex")  # the service's patterns use Unicode properties, which `re` does not know

BATCH_TOTAL_MB = 100
"""Concurrent requests of a batch transform may not carry more than this together."""

_INTEGERS = {"integer", "long"}
_NUMBERS = _INTEGERS | {"float", "double"}


def problems(operation: str, request: Mapping[str, Any], *, service: str = "sagemaker") -> list[str]:
    """Everything that the service would refuse, one sentence each, beginning with where it stands.

    Parameters
    ----------
    operation:
        as the service calls it, for example `CreateModelPackage`.
    request:
        the keyword arguments of the client's method.

    Raises
    ------
    botocore.exceptions.OperationNotFoundError
        when the service has no such operation.
    """
    shape = Session().get_service_model(service).operation_model(operation).input_shape
    return [*_of(shape, request, operation), *_of_payloads(request, operation)]


def _of(shape: Any, value: Any, where: str) -> Iterator[str]:
    match shape.type_name:
        case "structure":
            yield from _of_structure(shape, value, where)
        case "list":
            yield from _of_list(shape, value, where)
        case "map":
            yield from _of_map(shape, value, where)
        case "string":
            yield from _of_string(shape, value, where)
        case "boolean":
            if not isinstance(value, bool):
                yield f"{where}: must be true or false"
        case number if number in _NUMBERS:
            yield from _of_number(shape, value, where)


def _of_structure(shape: Any, value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{where}: must be an object"
        return
    for name in shape.required_members:
        if name not in value:
            yield f"{where}.{name}: is missing"
    for name, member in value.items():
        if name in shape.members:
            yield from _of(shape.members[name], member, f"{where}.{name}")
        else:
            yield f"{where}.{name}: the service knows no such field"


def _of_list(shape: Any, value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, list | tuple):
        yield f"{where}: must be a list"
        return
    yield from _within(shape, len(value), where, "entries")
    for position, entry in enumerate(value):
        yield from _of(shape.member, entry, f"{where}[{position}]")


def _of_map(shape: Any, value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{where}: must be an object"
        return
    yield from _within(shape, len(value), where, "entries")
    for name, entry in value.items():
        yield from _of(shape.key, name, f"{where}: the name {name}")
        yield from _of(shape.value, entry, f"{where}[{name}]")


def _of_string(shape: Any, value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{where}: must be text"
        return
    yield from _within(shape, len(value), where, "characters")
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        yield f"{where}: {value} is not one of the {len(allowed)} words that the service knows"
    pattern = shape.metadata.get("pattern")
    if pattern and not regex.fullmatch(pattern, value):
        yield f"{where}: does not match {pattern}"


def _of_number(shape: Any, value: Any, where: str) -> Iterator[str]:
    types = (int,) if shape.type_name in _INTEGERS else (int, float)
    if isinstance(value, bool) or not isinstance(value, types):
        yield f"{where}: must be a {'whole ' if shape.type_name in _INTEGERS else ''}number"
        return
    yield from _within(shape, value, where, "")


def _within(shape: Shape, size: float, where: str, unit: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    measured = f"{size} {unit}".strip()
    if least is not None and size < least:
        yield f"{where}: {measured}, at least {least} are asked for"
    if most is not None and size > most:
        yield f"{where}: {measured}, at most {most} are taken"


def _of_payloads(value: Any, where: str) -> Iterator[str]:
    """The rule that stands in the documentation only: concurrent requests times payload."""
    if isinstance(value, list | tuple):
        for position, entry in enumerate(value):
            yield from _of_payloads(entry, f"{where}[{position}]")
    if not isinstance(value, Mapping):
        return
    concurrent, payload = value.get("MaxConcurrentTransforms"), value.get("MaxPayloadInMB")
    if isinstance(concurrent, int) and isinstance(payload, int) and concurrent * payload > BATCH_TOTAL_MB:
        yield (
            f"{where}: {concurrent} requests at once of {payload} MB each are more than the "
            f"{BATCH_TOTAL_MB} MB that a batch transform allows"
        )
    for name, entry in value.items():
        yield from _of_payloads(entry, f"{where}.{name}")
