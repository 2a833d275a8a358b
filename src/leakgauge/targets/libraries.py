"""Libraries that model files may need beside scikit-learn; an installation may lack them."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Any, Final

from leakgauge.errors import UnsupportedModel
from leakgauge.extras import install_line

NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "xgboost": ("XGBoost", "pip install xgboost-cpu, or xgboost, which brings CUDA"),
    "lightgbm": ("LightGBM", "pip install lightgbm"),
    "catboost": ("CatBoost", install_line("catboost")),
    "imblearn": ("imbalanced-learn", "pip install imbalanced-learn"),
}
"""Packages; how the libraries write themselves, and what installs them."""
_WITHOUT: Final[Mapping[str, str]] = {
    "catboost": (
        ' Without it, save a model of numbers alone as ONNX, model.save_model("model.onnx", format="onnx"); '
        "any model can be audited where it was made, with "
        "leakgauge.audit(model, X_train, y_train, X_test, y_test)."
    ),
}
"""What else can be done where one is missing; images hold all of them but these."""


def check_installed(packages: Iterable[str]) -> None:
    """See that packages, each of `NAMES`, can be imported; none is.

    Raises
    ------
    UnsupportedModel
        `<library>_not_installed`.
    """
    for package in sorted(packages):
        if find_spec(package) is None:
            name, _ = NAMES[package]
            raise UnsupportedModel(
                _problem(name),
                f"The model file holds a part of {name}, which is not installed here.",
                hint=to_install(package),
            )


def to_install(package: str) -> str:
    """What to do where a package of `NAMES` is missing."""
    return f"Install it beside Leakgauge: {NAMES[package][1]}.{_WITHOUT.get(package, '')}"


def boosters(package: str) -> Any:
    """Our module of a boosting library that opens its models, which imports the library.

    Raises
    ------
    UnsupportedModel
        `<library>_not_installed` where it, or its compiled part, does not load.
    """
    try:
        return importlib.import_module(f"leakgauge.targets.boosters.{package}_opening")
    except (ImportError, OSError) as error:
        name, install = NAMES[package]
        raise UnsupportedModel(
            _problem(name),
            f"The model is of {name}, which does not load here ({type(error).__name__}).",
            hint=f"Install it again: {install}. Its compiled part needs the system's OpenMP: on Debian, "
            "apt-get install libgomp1.",
        ) from error


def _problem(name: str) -> str:
    return f"{name.lower().replace('-', '_')}_not_installed"
