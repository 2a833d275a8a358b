"""Bundles of regressors."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

REFERENCED = {"attacks": ["gap", "loss", "rmia", "lira"], "reference_models": 8, "tradeoffs": False}


def numbers(n: int, *, seed: int, features: int = 6, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """`n` records with a number that a model can predict but not well."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, features))
    return x, 3.0 * x[:, 0] + x[:, 1] ** 2 + noise * rng.normal(size=n)


def bundle_of(
    folder: Path,
    model: Any,
    x: np.ndarray,
    y: Any,
    *,
    names: bool = True,
    label: str = "label",
    fit: bool = True,
) -> Path:
    """A bundle whose members are the first half of the records, on which the model is fitted."""
    folder.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(x, columns=[f"f{column}" for column in range(x.shape[1])])
    half = len(x) // 2
    if fit:
        features = table.iloc[:half] if names else table.iloc[:half].to_numpy()
        model.fit(features, np.asarray(y)[:half])
    (folder / "model.pkl").write_bytes(pickle.dumps(model))
    table[label] = y
    table.iloc[:half].to_csv(folder / "train_mia.csv", index=False)
    table.iloc[half:].to_csv(folder / "test_mia.csv", index=False)
    return folder
