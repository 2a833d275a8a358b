"""A Keras classifier opened up: its gradient, and what its last hidden layer sees.

For what owns the model file: white-box references, and evaluators of reconstructions. Attacks
that only ask never get one.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from leakgauge.targets.images.facts import ImageModelFacts, scaling
from leakgauge.targets.images.target import AxisOrder
from leakgauge.targets.protocol import FloatArray


class KerasNetwork:
    """The network behind an image target; takes images as the target does.

    Parameters
    ----------
    model
        a built Keras model with one input and one output.
    facts, layout
        what was found out about it when it was opened.
    """

    def __init__(self, model: keras.Model, facts: ImageModelFacts, layout: AxisOrder) -> None:
        self.model = model
        self.facts = facts
        self._layout = layout
        self._gradient = tf.function(self._differentiated, reduce_retracing=True, autograph=False)
        self._logs = tf.function(self._log_probabilities, reduce_retracing=True, autograph=False)
        self._pulled = tf.function(self._pulled_back, reduce_retracing=True, autograph=False)

    def probability_gradient(
        self, images: NDArray[np.float32], target_class: int
    ) -> tuple[FloatArray, NDArray[np.float32]]:
        """The class's probability and its gradient with respect to every pixel.

        Parameters
        ----------
        images
            (n, height, width, channels) in [0, 1].

        Returns
        -------
        (n,) probabilities and (n, height, width, channels) gradients.
        """
        inputs = self.inputs(images)
        chosen = tf.constant(target_class, tf.int32)
        probability, gradient = (part.numpy() for part in self._gradient(tf.constant(inputs), chosen))
        _, span = scaling(self.facts.scale)
        return probability.astype(np.float64), span * self._layout.restore(gradient)

    def log_probabilities(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, n_classes) log probabilities of (n, height, width, channels) images in [0, 1]."""
        return np.asarray(self._logs(tf.constant(self.inputs(images))).numpy(), dtype=np.float32)

    def log_probability_gradient(
        self, images: NDArray[np.float32], weights: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The gradient of each image's weighted sum of log probabilities with respect to its pixels.

        Parameters
        ----------
        images
            (n, height, width, channels) in [0, 1].
        weights
            (n, n_classes).

        Returns
        -------
        (n, height, width, channels) gradients.
        """
        gradient = self._pulled(tf.constant(self.inputs(images)), tf.constant(weights)).numpy()
        _, span = scaling(self.facts.scale)
        return np.asarray(span * self._layout.restore(gradient), dtype=np.float32)

    def features(self, images: NDArray[np.float32]) -> FloatArray | None:
        """(n, n_features) input of the last layer with weights; None where the graph does not show it."""
        weighted = [layer for layer in self.model.layers if layer.weights]
        if len(weighted) < 2 or isinstance(weighted[-1], keras.Model):
            return None
        hidden = keras.Model(self.model.inputs[0], weighted[-1].input)
        found: FloatArray = hidden(self.inputs(images), training=False).numpy().astype(np.float64)
        return found.reshape(len(found), -1)

    def inputs(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, height, width, channels) images in [0, 1] as the model takes them."""
        low, span = scaling(self.facts.scale)
        return self._layout.arrange(low + span * images)

    def images(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """The images that `inputs` makes these inputs of."""
        low, span = scaling(self.facts.scale)
        return np.asarray((self._layout.restore(inputs) - low) / span, dtype=np.float32)

    def _differentiated(self, inputs: Any, chosen: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            probability = self._probabilities(self.model(inputs, training=False))[:, chosen]
        return probability, tape.gradient(probability, inputs)

    def _pulled_back(self, inputs: Any, weights: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            weighted = weights * self._log_probabilities(inputs)
        return tape.gradient(weighted, inputs)

    def _probabilities(self, outputs: Any) -> Any:
        if outputs.shape[1] == 1:  # one sigmoid unit: the second class's probability
            return tf.concat([1.0 - outputs, outputs], axis=1)
        if self.facts.output == "logits":
            return tf.nn.softmax(outputs)
        if self.facts.rows == "independent":
            return outputs / tf.maximum(
                tf.reduce_sum(outputs, axis=1, keepdims=True), keras.backend.epsilon()
            )
        return outputs

    def _log_probabilities(self, inputs: Any) -> Any:
        outputs = tf.cast(self.model(inputs, training=False), tf.float32)
        if self.facts.output == "logits":
            return tf.nn.log_softmax(outputs)
        # as far down as the type reaches: the slope of a model that is sure lies in its smallest answers
        return tf.math.log(tf.maximum(self._probabilities(outputs), np.finfo(np.float32).tiny))
