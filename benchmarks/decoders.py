"""Small variational autoencoders, and the space of images that a decoder makes of latent numbers.

Kingma & Welling 2014, "Auto-encoding variational Bayes", with one hidden layer on
either side, and Higgins et al. 2017, "beta-VAE", for the weight of the divergence.
They are trained with Keras; what a search asks of them is so little arithmetic that
it is done by NumPy.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.special import expit

from leakgauge.images.image import Images
from leakgauge.inversion.search_space import SearchSpace
from leakgauge.targets.protocol import FloatArray

BATCH, HIDDEN = 64, 256
LEARNING_RATE = 1e-3


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an autoencoder is made.

    Attributes
    ----------
    latent: length of z.
    beta: weight of the divergence from the standard normal, 1 in Kingma & Welling 2014.
    steps: batches that it is trained on.
    """

    latent: int
    beta: float
    steps: int


@dataclass(frozen=True, slots=True)
class Layer:
    """x W + b."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def __call__(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, outputs) of (n, inputs)."""
        return np.asarray(x @ self.weights + self.bias, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Autoencoder:
    """A trained autoencoder: two layers in, of which the second gives means and log variances, two out.

    `seconds` is the processor time of its training.
    """

    encoder: tuple[Layer, Layer]
    decoder: tuple[Layer, Layer]
    shape: tuple[int, int, int]
    seconds: float

    @property
    def latent(self) -> int:
        """Length of z."""
        return len(self.decoder[0].weights)

    def encode(self, images: Images) -> FloatArray:
        """(n, latent) means of (n, height, width, channels) images."""
        first, second = self.encoder
        inner = np.maximum(first(images.reshape(len(images), -1)), 0)
        return second(inner)[:, : self.latent].astype(np.float64)

    def decode(self, z: FloatArray) -> Images:
        """(n, height, width, channels) images between 0 and 1 of (n, latent) numbers."""
        return self._decode(z)[1].reshape(len(z), *self.shape)

    def pull(self, z: FloatArray, gradients: Images) -> FloatArray:
        """(n, latent) slope along z, at z, of a slope by pixel."""
        inner, made = self._decode(z)
        first, second = self.decoder
        by_output = gradients.reshape(len(z), -1) * made * (1 - made)
        by_inner = (by_output @ second.weights.T) * (inner > 0)
        return np.asarray(by_inner @ first.weights.T, dtype=np.float64)

    def _decode(self, z: FloatArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        first, second = self.decoder
        inner = np.maximum(first(z.astype(np.float32)), 0)
        return inner, np.asarray(expit(second(inner)), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Decoded(SearchSpace):
    """The images of a decoder: what is linear in other spaces is overridden here.

    A slope depends on where it is asked for, and attacks do not say; they ask right
    after the images there, so that those are remembered. The penalty of the latent
    numbers, w/2 |z|², which pixels do not tell, is part of every slope.
    """

    autoencoder: Autoencoder
    weight: float
    asked: list[FloatArray] = field(default_factory=list)

    def images(self, coefficients: FloatArray) -> Images:
        """Decoded, between 0 and 1 by themselves."""
        self.asked[:] = [coefficients]
        return self.autoencoder.decode(coefficients)

    def offsets(self, coefficients: FloatArray) -> Images:
        """Differences from the image of z = 0."""
        return self.autoencoder.decode(coefficients) - self.start

    def coefficients(self, offsets: Images) -> FloatArray:
        """Where the encoder puts the images."""
        return self.autoencoder.encode(offsets + self.start)

    def slope(self, gradients: Images) -> FloatArray:
        """Through the decoder at the images made last, with the slope of w/2 |z|²."""
        (z,) = self.asked
        return self.autoencoder.pull(z, gradients) + self.weight * z


def decoded(autoencoder: Autoencoder, *, weight: float) -> Decoded:
    """The space to search. Its axes are empty and only say how many numbers there are."""
    latent = autoencoder.latent
    start = autoencoder.decode(np.zeros((1, latent)))[0]
    return Decoded(start, np.empty((latent, 0), np.float32), np.ones(latent), autoencoder, weight)


def trained_autoencoder(images: Images, recipe: Recipe, *, seed: int) -> Autoencoder:
    """Adam on the evidence lower bound of (n, height, width, channels) images, pixels as Bernoulli."""
    started = time.process_time()
    keras.utils.set_random_seed(seed)
    flat = images.reshape(len(images), -1)
    encoder, decoder = _network(flat.shape[1], 2 * recipe.latent), _network(recipe.latent, flat.shape[1])
    weights = [*encoder.trainable_variables, *decoder.trainable_variables]
    optimizer = keras.optimizers.Adam(LEARNING_RATE)
    optimizer.build(weights)
    known = tf.constant(flat)

    @tf.function
    def train(steps: tf.Tensor) -> None:
        for _ in tf.range(steps):
            batch = tf.gather(known, tf.random.uniform([BATCH], maxval=len(flat), dtype=tf.int32))
            with tf.GradientTape() as tape:
                mean, log_variance = tf.split(encoder(batch), 2, axis=1)
                z = mean + tf.exp(log_variance / 2) * tf.random.normal(tf.shape(mean))
                errors = tf.nn.sigmoid_cross_entropy_with_logits(batch, decoder(z))
                divergence = (tf.square(mean) + tf.exp(log_variance) - 1.0 - log_variance) / 2
                loss = (tf.reduce_sum(errors) + recipe.beta * tf.reduce_sum(divergence)) / BATCH
            optimizer.apply(tape.gradient(loss, weights), weights)

    train(tf.constant(recipe.steps))
    height, width, channels = images.shape[1:]
    seconds = time.process_time() - started
    return Autoencoder(_layers(encoder), _layers(decoder), (height, width, channels), seconds)


def _network(inputs: int, outputs: int) -> keras.Model:
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((inputs,)), layers.Dense(HIDDEN, activation="relu"), layers.Dense(outputs)]
    )


def _layers(network: keras.Model) -> tuple[Layer, Layer]:
    first, second = (Layer(*layer.get_weights()) for layer in network.layers)
    return first, second
