"""How a Keras classifier is going to be trained: what training defences change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import keras
import numpy as np
from numpy.typing import NDArray

from leakgauge.errors import BadParameters, UnsupportedModel

BatchChange: TypeAlias = Callable[[Any, Any], Any]
"""From (n, ...) images of a batch and a seed of two integers to what is shown in their place, each image
changed by itself; tensors."""

Penalty: TypeAlias = Callable[[Any, Any, Any, Any], Any]
"""From the model, (n, ...) images and (n,) labels of a batch and a seed to a term of the loss; tensors."""

Wrapper: TypeAlias = Callable[[Any, NDArray[np.float32], int], Any]
"""From a fitted classifier that gives probabilities, its training images and the seed to what is served."""


@dataclass(frozen=True, slots=True)
class Privacy:
    """What DP-SGD adds to a plan.

    Attributes
    ----------
    noise_multiplier
        standard deviation of the noise, in units of `clip_norm`.
    clip_norm
        largest Euclidean norm of one example's gradient.
    """

    noise_multiplier: float
    clip_norm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """Everything that decides how a classifier is trained, but for the data and the seed.

    Attributes
    ----------
    model
        a Keras model with fresh weights that gives (n, n_classes) logits. Never trained itself:
        whoever trains takes a copy.
    epochs, batch_size, learning_rate
        of Adam on the mean loss of a batch.
    smoothing
        α: the label's share of the loss is 1 − α + α/K, every other class's α/K; see
        `label_smoothing` and `negative_label_smoothing`.
    smoothing_ramp
        shares of the epochs: no smoothing before the first, all of α from the second on, and a straight
        line between them.
    weight_decay
        λ of the penalty λ Σ w² over all weights but biases.
    privacy
        None for ordinary training.
    batch_changes
        what is done to the images of a batch before they are shown, in this order.
    penalties
        what is added to the mean loss of a batch.
    wrappers
        what is put around the trained classifier, in this order.

    Raises
    ------
    BadParameters
        `privacy_undone` for DP-SGD with a step that reads the records and adds no noise.
    """

    model: Any
    epochs: int = 60
    batch_size: int = 64
    learning_rate: float = 1e-3
    smoothing: float = 0.0
    smoothing_ramp: tuple[float, float] = (0.0, 0.0)
    weight_decay: float = 0.0
    privacy: Privacy | None = None
    batch_changes: tuple[BatchChange, ...] = ()
    penalties: tuple[Penalty, ...] = ()
    wrappers: tuple[Wrapper, ...] = ()

    def __post_init__(self) -> None:
        if self.privacy is not None and (self.penalties or self.wrappers):
            raise BadParameters(
                "privacy_undone",
                "DP-SGD's promise does not hold with a defence that reads the records and adds no noise.",
                hint="Choose DP-SGD or the other defence.",
            )

    def smoothing_in(self, epoch: int) -> float:
        """α in an epoch; the first is number 0."""
        first, full = self.smoothing_ramp
        passed = epoch / self.epochs
        if passed >= full:
            return self.smoothing
        return self.smoothing * max(0.0, passed - first) / (full - first)

    @classmethod
    def of(cls, model: Any, *, epochs: int = 60, batch_size: int = 64, learning_rate: float = 1e-3) -> Self:
        """A plan for the architecture of `model`, a classifier that ends in softmax or in logits.

        Raises
        ------
        UnsupportedModel
            `not_a_classifier` when it has several inputs or outputs, or fewer than two classes.
        """
        return cls(
            model=with_logits(model), epochs=epochs, batch_size=batch_size, learning_rate=learning_rate
        )


def image_shape(model: Any) -> tuple[int, int, int]:
    """(height, width, channels) of the images that a model takes.

    Raises
    ------
    UnsupportedModel
        `not_of_images` where it takes something else, or images of any size.
    """
    shape = tuple(model.inputs[0].shape[1:])
    if len(shape) != 3 or None in shape:
        raise UnsupportedModel(
            "not_of_images",
            "The defence changes images, and the model does not take images of one size.",
            hint="Give a model whose input is (height, width, channels), each of them fixed.",
        )
    return shape


def as_graph(model: Any) -> Any:
    """The same layers as a functional model, which can be cloned with changes; a Sequential cannot."""
    return keras.Model(model.inputs[0], model.outputs[0])


def check_classifier(model: Any) -> None:
    """Refuse a model without one input and one row of at least two scores.

    Raises
    ------
    UnsupportedModel
        `not_a_classifier`.
    """
    # a Sequential that was never told its input has neither
    inputs, outputs = (list(model.inputs), list(model.outputs)) if model.built else ([], [])
    if len(inputs) != 1 or len(outputs) != 1 or len(outputs[0].shape) != 2 or (outputs[0].shape[1] or 0) < 2:
        raise UnsupportedModel(
            "not_a_classifier",
            "The model is not a classifier with one input and one row of at least two scores.",
            hint="Give a Keras model that ends in a Dense layer with one unit for each class.",
        )


def with_logits(model: Any) -> Any:
    """A copy of a classifier's architecture, with fresh weights, that ends before its softmax.

    Losses are computed from logits: taken from probabilities, they end where a probability
    rounds to 0 or 1.

    Raises
    ------
    UnsupportedModel
        see `TrainingPlan.of`.
    """
    check_classifier(model)
    graph = as_graph(model)
    last = graph.layers[-1]
    if isinstance(last, keras.layers.Softmax) or _is_softmax_alone(last):
        graph = keras.Model(model.inputs[0], last.input)

    def linear_at_the_end(layer: Any) -> Any:
        config = layer.get_config()
        if layer is last and config.get("activation") == "softmax":
            config["activation"] = "linear"
        return type(layer).from_config(config)

    return keras.models.clone_model(graph, clone_function=linear_at_the_end)


def _is_softmax_alone(layer: Any) -> bool:
    return isinstance(layer, keras.layers.Activation) and layer.get_config()["activation"] == "softmax"


def with_probabilities(model: Any) -> Any:
    """The model, its weights shared, with a softmax at its end: what is saved and served."""
    return keras.Model(model.inputs[0], keras.layers.Softmax(name="probabilities")(model.outputs[0]))
