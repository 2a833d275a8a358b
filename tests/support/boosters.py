"""Small models of boosting libraries, and bundles of them."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits

ROWS = 240
CLASSES = 3


@functools.cache
def numbers() -> tuple[pd.DataFrame, np.ndarray]:
    """Rows of three digits, half of them to train on, and their labels."""
    x, y = load_digits(n_class=CLASSES, return_X_y=True)
    kept = np.random.default_rng(0).permutation(len(x))[:ROWS]
    return pd.DataFrame(x[kept][:, 18:46], columns=[f"p{place}" for place in range(28)]), y[kept]


@functools.cache
def categories() -> tuple[pd.DataFrame, np.ndarray]:
    """Rows with two columns of pandas categories, missing values and labels that follow from them."""
    rng = np.random.default_rng(1)
    town = rng.choice(["Aachen", "Bonn", "Celle", "Dortmund"], ROWS)
    size = rng.choice([3, 5, 9], ROWS)
    number = rng.normal(size=ROWS)
    label = ((town > "Bonn").astype(int) + (size > 4) + (number > 0) + (rng.random(ROWS) < 0.2)) % 2
    number[::7] = np.nan
    frame = pd.DataFrame(
        {
            "town": pd.Categorical(town),
            "number": number,
            "amount": rng.random(ROWS),
            "size": pd.Categorical(size),
        }
    )
    return frame, label


def halves(frame: pd.DataFrame, y: np.ndarray) -> tuple[Any, Any, Any, Any]:
    """Members and their labels, non-members and theirs."""
    half = len(frame) // 2
    return frame.iloc[:half], y[:half], frame.iloc[half:], y[half:]


def bundle_of(folder: Path, name: str, content: bytes, frame: pd.DataFrame, y: np.ndarray) -> Path:
    """A bundle of a model file and both halves of the rows."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    members, of_members, others, of_others = halves(frame, y)
    members.assign(label=of_members).to_csv(folder / "train.csv", index=False)
    others.assign(label=of_others).to_csv(folder / "test.csv", index=False)
    return folder
