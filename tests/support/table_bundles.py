"""Bundles of a model file and two tables, from frames."""

from __future__ import annotations

from pathlib import Path

import pandas as pd


def table_bundle(
    folder: Path,
    model: bytes | Path,
    members: pd.DataFrame,
    others: pd.DataFrame,
    *,
    name: str = "model.onnx",
) -> Path:
    """A folder with the model under `name` and both tables as CSV, labels in the column `label`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(model if isinstance(model, bytes) else model.read_bytes())
    members.to_csv(folder / "train_mia.csv", index=False)
    others.to_csv(folder / "test_mia.csv", index=False)
    return folder
