"""Models in the own formats of boosting libraries, opened as classifiers of scikit-learn's kind."""

from __future__ import annotations

from pathlib import Path

from leakgauge.targets.compression import content_of, decompress
from leakgauge.targets.libraries import boosters
from leakgauge.targets.sklearn.reading import Limits
from leakgauge.targets.sklearn.target import SklearnTarget


def open_xgboost(path: Path) -> SklearnTarget:
    """The classifier in a file of XGBoost, JSON or UBJSON; see `formats.Format`."""
    return _opened("xgboost", path)


def open_lightgbm(path: Path) -> SklearnTarget:
    """The classifier in a text of LightGBM; see `formats.Format`."""
    return _opened("lightgbm", path)


def open_catboost(path: Path) -> SklearnTarget:
    """The classifier in a file of CatBoost, its own format or JSON; see `formats.Format`."""
    return _opened("catboost", path)


def _opened(package: str, path: Path) -> SklearnTarget:
    classifier, remarks = boosters(package).read_file(booster_content(path))
    return SklearnTarget(classifier, remarks=remarks)


def booster_content(path: Path) -> bytes:
    """The bytes of a model file, unpacked.

    Raises
    ------
    UnsupportedModel
        `empty_file`, `unreadable`, `lz4_not_installed`.
    LimitExceeded
        `model_too_large`.
    """
    most = Limits().bytes
    return decompress(content_of(path, limit=most), limit=most)
