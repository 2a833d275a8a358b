"""Dropout: a random half of the activations is missing from every step of training.

Srivastava et al. 2014. A regulariser: it narrows the gap between training and other records,
on which membership attacks live. Nothing in it prevents the reconstruction of a class.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras

from leakgauge.defences.training.plan import TrainingPlan, as_graph

RATE = 0.5


def harden(plan: TrainingPlan, *, rate: float = RATE) -> TrainingPlan:
    """The plan with dropout of `rate` ahead of every fully connected layer."""

    def dropped_out(layer: Any, *inputs: Any, **settings: Any) -> Any:
        if isinstance(layer, keras.layers.Dense):
            inputs = (keras.layers.Dropout(rate)(inputs[0]), *inputs[1:])
        return layer(*inputs, **settings)

    model = keras.models.clone_model(as_graph(plan.model), call_function=dropped_out)
    return replace(plan, model=model)
