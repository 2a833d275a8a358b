"""The networks that the inversion benchmark attacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from mnist import Half

CLASSES = 10
IMAGES_SEEN = 40_000
"""Over all epochs, so that small sets are learnt as well as large ones."""
SETTLED = 120_000
"""As many until the running means of batch normalisation have settled."""


def cnn(shape: tuple[int, int, int]) -> keras.Model:
    """Two convolutions with pooling and a dense layer: at 28 × 28 the 225,034 weights of `mnist`."""
    layers = keras.layers
    padding = "same" if shape[0] < 16 else "valid"
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Conv2D(32, 3, activation="relu", padding=padding),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu", padding=padding),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def mlp(shape: tuple[int, int, int]) -> keras.Model:
    """Two dense layers on plain pixels."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def resnet(shape: tuple[int, int, int]) -> keras.Model:
    """Three residual blocks with batch normalisation (He et al. 2016), 16 to 64 channels."""
    layers = keras.layers
    entry = keras.Input(shape)
    found = layers.Conv2D(16, 3, padding="same", activation="relu")(entry)
    for channels, stride in ((16, 1), (32, 2), (64, 2)):
        found = _block(found, channels, stride)
    pooled = layers.GlobalAveragePooling2D()(found)
    return keras.Model(entry, layers.Dense(CLASSES, activation="softmax")(pooled))


def _block(entry: Any, channels: int, stride: int) -> Any:
    layers = keras.layers
    found = layers.Conv2D(channels, 3, strides=stride, padding="same", use_bias=False)(entry)
    found = layers.ReLU()(layers.BatchNormalization()(found))
    found = layers.Conv2D(channels, 3, padding="same", use_bias=False)(found)
    found = layers.BatchNormalization()(found)
    short = layers.Conv2D(channels, 1, strides=stride)(entry)
    return layers.ReLU()(layers.Add()([found, short]))


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a network is made of, and how many images it sees in training, over all epochs."""

    build: Callable[[tuple[int, int, int]], keras.Model]
    images_seen: int = IMAGES_SEEN


NETWORKS = {
    "CNN": Recipe(cnn),
    "MLP": Recipe(mlp),
    "ResNet": Recipe(resnet),
    "ResNet, settled": Recipe(resnet, SETTLED),
    "ResNet, untrained": Recipe(resnet, 0),
}


def trained(name: str, half: Half, *, seed: int = 0) -> keras.Model:
    """A network of that name, always the same one for the same half and seed."""
    height, width, channels = half.images.shape[1:]
    keras.utils.set_random_seed(seed)
    recipe = NETWORKS[name]
    model = recipe.build((height, width, channels))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    epochs = -(-recipe.images_seen // len(half.images))
    model.fit(half.images, half.labels, epochs=epochs, batch_size=64, verbose=0)
    return model
