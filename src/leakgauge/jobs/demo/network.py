"""The networks of the demo: small enough to be trained while one looks on."""

from __future__ import annotations

from typing import Any

import keras

_SMALL = 16


def digit_network(shape: tuple[int, int, int], *, classes: int = 10) -> Any:
    """A convolutional network for (height, width, channels) images that gives probabilities.

    One layer of 3 × 3 filters for images below 16 pixels, two with a stride of 2 for larger ones.
    """
    layers = keras.layers
    if min(shape[:2]) < _SMALL:
        convolutions = [layers.Conv2D(16, 3, activation="relu")]
    else:
        convolutions = [
            layers.Conv2D(16, 5, strides=2, activation="relu"),
            layers.Conv2D(32, 3, strides=2, activation="relu"),
        ]
    return keras.Sequential(
        [
            keras.Input(shape, name="image"),
            *convolutions,
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def evaluator_network(shape: tuple[int, int, int], *, classes: int = 10) -> Any:
    """A network of another make, which says what a reconstruction shows; it gives probabilities."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(shape, name="image"),
            layers.Conv2D(24, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(96, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(classes, activation="softmax"),
        ]
    )
