"""MNIST's 10,000 test digits, split into halves, and the network that the benchmarks attack."""

from __future__ import annotations

import gzip
import sys
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

IMAGES, LABELS = "mnist-t10k-images-idx3-ubyte.gz", "mnist-t10k-labels-idx1-ubyte.gz"


@dataclass(frozen=True, slots=True)
class Half:
    """(n, 28, 28, 1) digits between 0 and 1 with their (n,) labels."""

    images: NDArray[np.float32]
    labels: NDArray[np.int64]

    def first_of(self, digit: int) -> NDArray[np.float32]:
        """The first image of a class: no choice is made."""
        return self.images[self.labels == digit][0]


def halves(folder: Path) -> tuple[Half, Half]:
    """Training and held-out half. Ends the program, loudly, where the files are missing."""
    if not (folder / IMAGES).exists():
        sys.exit(f"SKIPPED: {folder} holds no {IMAGES}; nothing was measured.")
    pixels = np.frombuffer(gzip.decompress((folder / IMAGES).read_bytes())[16:], dtype=np.uint8)
    images = (pixels.reshape(-1, 28, 28, 1) / 255.0).astype(np.float32)
    labels = np.frombuffer(gzip.decompress((folder / LABELS).read_bytes())[8:], dtype=np.uint8).astype(
        np.int64
    )
    order = np.random.default_rng(0).permutation(len(images))
    first, second = np.array_split(order, 2)
    return Half(images[first], labels[first]), Half(images[second], labels[second])


def train_network(half: Half) -> keras.Model:
    """A convolutional network of 225,034 weights, 8 epochs."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(half.images, half.labels, epochs=8, batch_size=64, verbose=0)
    return model


def prototype_accuracy(drawings: NDArray[np.float32], half: Half, *, records: int = 2_000) -> float:
    """Accuracy of ten drawings as 1-nearest-neighbour prototypes (by correlation) on real digits."""

    def centred(images: NDArray[np.float32]) -> NDArray[np.float32]:
        flat = images.reshape(len(images), -1)
        flat = flat - flat.mean(axis=1, keepdims=True)
        return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)

    nearest = (centred(half.images[:records]) @ centred(drawings).T).argmax(axis=1)
    return float((nearest == half.labels[:records]).mean())
