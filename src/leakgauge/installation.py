"""What an operator has set this installation up for: one kind of audit, SageMaker's folder, a prior."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, TypeAlias

from leakgauge.errors import BadParameters

Kind: TypeAlias = Literal["membership", "inversion"]

TRAINED_PRIOR: Final = "prior.npz"
"""What a training job with task=prior leaves, and a serving container with that model finds."""

_ROOT_VARIABLE = "LEAKGAUGE_ML_ROOT"


def installed_kind(environment: Mapping[str, str] | None = None) -> Kind | None:
    """The one kind of audit that this installation runs (`LEAKGAUGE_AUDIT`), or None for either.

    Raises
    ------
    BadParameters
        `environment` when the variable names no audit.
    """
    variables = os.environ if environment is None else environment
    match variables.get("LEAKGAUGE_AUDIT", "").strip().lower():
        case "":
            return None
        case "membership":
            return "membership"
        case "inversion":
            return "inversion"
        case _:
            raise BadParameters(
                "environment",
                "LEAKGAUGE_AUDIT names no audit.",
                hint="Set it to membership or inversion.",
            )


def ml_root(environment: Mapping[str, str] | None = None) -> Path:
    """The folder that SageMaker lays out: `LEAKGAUGE_ML_ROOT`, `/opt/ml` by default."""
    variables = os.environ if environment is None else environment
    return Path(variables.get(_ROOT_VARIABLE) or "/opt/ml")


def installed_prior(environment: Mapping[str, str] | None = None) -> Path | None:
    """The prior that came with the model that this container serves; None where none did. Not opened."""
    found = ml_root(environment) / "model" / TRAINED_PRIOR
    return found if found.is_file() else None
