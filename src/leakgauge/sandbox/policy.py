"""What one audit may use of the machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

from leakgauge.errors import BadParameters, JsonValue

_PREFIX = "LEAKGAUGE_"


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits of one audit. Each is settable as `LEAKGAUGE_` plus its name in capitals.

    Attributes
    ----------
    memory_bytes:
        address space of the child. The frameworks map far more than they touch: about 3 GiB
        before the first byte of a bundle is read.
    cpu_seconds:
        processor time, summed over threads.
    wall_seconds:
        time from the call to the answer; just under the hour that a batch transform waits.
    file_bytes:
        size of any one file that the child writes.
    open_files:
        file descriptors open at once.
    threads:
        threads of the numerical libraries. One by default: sums then run in one order, and a
        report has the same bytes whatever the number of cores.
    """

    memory_bytes: int = 8 << 30
    cpu_seconds: int = 7_200
    wall_seconds: int = 3_500
    file_bytes: int = 2 << 30
    open_files: int = 256
    threads: int = 1

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """The policy that the environment asks for.

        Raises
        ------
        BadParameters
            `environment`, naming every variable that is not a positive whole number.
        """
        variables = os.environ if environment is None else environment
        values: dict[str, int] = {}
        problems: list[JsonValue] = []
        for field in fields(cls):
            name = _PREFIX + field.name.upper()
            text = variables.get(name, "").strip()
            if not text:
                continue
            if text.isascii() and text.isdigit() and int(text) > 0:
                values[field.name] = int(text)
            else:
                problems.append(f"{name} is not a positive whole number")
        if problems:
            raise BadParameters(
                "environment",
                f"The environment sets {len(problems)} limit(s) that cannot be read: {problems[0]}.",
                hint="Give a positive whole number, or leave the variable unset for the default.",
                details={"problems": problems},
            )
        return cls(**values)
