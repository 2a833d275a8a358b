"""What the classes are called: by the parameters, or by a text that lies in the bundle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from leakgauge.bundle import BundledFile, InversionBundle
from leakgauge.errors import BadBundle, BadParameters
from leakgauge.parameters import InversionParameters, inversion_parameters

_MOST_BYTES: Final = 1_000_000


def parameters_of(bundle: InversionBundle, overrides: Mapping[str, JsonValue]) -> InversionParameters:
    """The parameters of an audit, with the names of classes that the bundle brings unless they state some.

    Raises
    ------
    BadParameters
        for parameters that cannot be.
    BadBundle
        `class_names` for a file that does not name classes.
    """
    file = bundle.parameters.path if bundle.parameters else None
    parameters = inversion_parameters(file, overrides)
    if parameters.class_names is not None or bundle.class_names is None:
        return parameters
    names: list[JsonValue] = [*names_in(bundle.class_names)]
    try:
        return inversion_parameters(file, {**overrides, "class_names": names})
    except BadParameters:  # without the names they were right
        raise _no_names(
            bundle.class_names,
            "a line is empty or too long, or there are fewer than two or too many of them",
        ) from None


def names_in(file: BundledFile) -> list[str]:
    """A name for each line; where every line begins with its own number, what is behind it.

    Such numbers are written by Teachable Machine and others: "0 cat", "1 dog".

    Raises
    ------
    BadBundle
        `class_names`.
    """
    with file.path.open("rb") as opened:
        content = opened.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise _no_names(file, "it is larger than 1 MB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _no_names(file, "it is no text in UTF-8") from None
    if "\0" in text:
        raise _no_names(file, "it holds characters that are no text")
    lines = [line.strip() for line in text.rstrip().splitlines()]
    numbered = [line.split(maxsplit=1) for line in lines]
    if all(len(parts) == 2 and parts[0] == str(place) for place, parts in enumerate(numbered)):
        return [parts[1] for parts in numbered]
    return lines


def _no_names(file: BundledFile, why: str) -> BadBundle:
    return BadBundle(
        "class_names",
        f"{file.name} does not name the classes: {why}.",
        hint="Write the name of one class on each line, in the order of the model's outputs.",
    )
