"""The libraries themselves, imported when a file asks for one: an installation may lack them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Final

from leakgauge.errors import UnsupportedModel

NAMES: Final[Mapping[str, str]] = {"xgboost": "XGBoost", "lightgbm": "LightGBM"}
"""Packages, and how the libraries write themselves."""


def classifiers(package: str) -> Any:
    """Our module of a library's classifiers, which imports the library.

    Raises
    ------
    UnsupportedModel
        `<library>_not_installed` where it is not there, or its compiled part does not load.
    """
    try:
        return importlib.import_module(f"leakgauge.targets.boosters.{package}_classifier")
    except (ImportError, OSError) as error:
        name = NAMES[package]
        raise UnsupportedModel(
            f"{name.lower()}_not_installed",
            f"The model is of {name}, which does not load here ({type(error).__name__}).",
            hint=f"Install {name} again. Its compiled part needs the system's OpenMP: on Debian, "
            "apt-get install libgomp1.",
        ) from error
