"""What the Python of a page takes for granted, such as a fitted `model`, and how a page's snippets are run.

    python page_names.py PAGE

runs all of them in order, in one namespace, as somebody who reads along would.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np

N = 120


def records() -> dict[str, Any]:
    """A small forest of digits with its members and non-members, and names that pages give its parts."""
    from service_rows import DIGITS, small_forest

    model, members, non_members = small_forest()
    x_train, x_test = members[DIGITS].to_numpy(), non_members[DIGITS].to_numpy()
    y_train, y_test = members["label"].to_numpy(), non_members["label"].to_numpy()
    return {
        "model": model,
        "X_train": x_train,
        "y_train": y_train,
        "X_test": x_test,
        "y_test": y_test,
        "x": x_train,
        "y": y_train,
        "p_train": model.predict_proba(x_train),
        "p_test": model.predict_proba(x_test),
        "references": [],
    }


def images() -> dict[str, Any]:
    """An image classifier of four classes that has `predict` as Keras models do, and images."""
    from template_target import public_images, templates

    of_classes = np.concatenate([templates(), templates()[2:, ::-1]])
    flat = of_classes.reshape(4, -1)
    weights = 40 * (flat - flat.mean(1, keepdims=True)) / np.linalg.norm(flat, axis=1, keepdims=True) / 12

    class Model:
        def predict(self, asked: np.ndarray, verbose: int) -> np.ndarray:
            assert verbose == 0
            return asked.reshape(len(asked), -1) @ weights.T

    def some(seed: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, 4, N)
        return np.clip(of_classes[labels] + rng.normal(0, 0.2, (N, 12, 12, 1)), 0, 1).astype(
            np.float32
        ), labels

    (x_train, y_train), (x_test, y_test) = some(1), some(2)
    return {
        "model": Model(),
        "X_train": x_train,
        "y_train": y_train,
        "X_test": x_test,
        "y_test": y_test,
        "public_images": public_images(40),
    }


def network() -> dict[str, Any]:
    """How a small network of PyTorch is made and trained."""
    import torch

    def make_network() -> torch.nn.Module:
        torch.manual_seed(0)
        return torch.nn.Linear(64, 10)

    def train(made: torch.nn.Module, rows: np.ndarray, labels: np.ndarray) -> None:
        optimiser = torch.optim.Adam(made.parameters(), lr=0.05)
        for _ in range(20):
            optimiser.zero_grad()
            answers = made(torch.tensor(rows, dtype=torch.float32))
            torch.nn.functional.cross_entropy(answers, torch.as_tensor(labels)).backward()
            optimiser.step()

    return {"torch": torch, "make_network": make_network, "train": train} | records()


def keras_model() -> dict[str, Any]:
    """A Keras classifier and images to train it with."""
    import keras

    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 400)
    model = keras.Sequential(
        [keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")]
    )
    lit = rng.uniform(0, 0.5, (400, 6, 6, 1)).astype(np.float32)
    lit[labels == 1, :3] += 0.5
    return {"model": model, "images": lit, "labels": labels, "secret": 7}


BEFORE: Mapping[str, Callable[[], dict[str, Any]]] = {
    "make_network()": network,
    "audit_images(": images,
    "TrainingPlan.of(": keras_model,
    "MITIGATIONS[0]": records,
    "p_train": records,
    "predict_proba(X_train)": records,
    "X_train, y_train": records,
}
"""By what stands in a snippet, what it takes for granted; the first that fits."""
NEEDED = {
    "sagemaker.": "sagemaker",
    "import mlflow": "mlflow",
    "make_network()": "torch",
    "TrainingPlan.of(": "keras",
}
"""By what stands in a snippet, the library of an extra without which it cannot run."""


def run(page: str) -> int:
    """Run the snippets of a page; how many ran."""
    from snippets import python

    names: dict[str, Any] = {"__name__": "__main__"}
    ran = 0
    for line, source in python(page):
        if any(phrase in source and find_spec(library) is None for phrase, library in NEEDED.items()):
            print(f"left out {page}:{line}")
            continue
        given = next((make for phrase, make in BEFORE.items() if phrase in source), None)
        names |= given() if given else {}
        exec(compile(source, f"{page}:{line}", "exec"), names)
        ran += 1
    return ran


if __name__ == "__main__":
    print(run(sys.argv[1]))
