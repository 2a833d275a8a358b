"""A function of the caller's own as an image classifier."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leakgauge.targets.images.facts import InputSettings, RangeSource
from leakgauge.targets.images.probing import CHUNK, probed, read_input
from leakgauge.targets.images.ranges import range_of
from leakgauge.targets.images.target import ImageTarget
from leakgauge.targets.ways_in import as_array, check_can_be_called, check_takes_arrays, function_name


class FunctionEngine:
    """Asks a function, in chunks so that its memory stays small."""

    name = "a function in memory"

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function
        self._one_at_a_time = threading.Lock()  # attacks ask in threads, which a caller's code need not bear

    def outputs(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, n_outputs) outputs for (n, ...) images, as the function gives them."""
        parts = [self._answer(images[at : at + CHUNK]) for at in range(0, max(len(images), 1), CHUNK)]
        return np.concatenate(parts)

    def _answer(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        with self._one_at_a_time:
            answer = self._function(np.array(images))  # a copy, which the caller's function may change
            return as_array(answer).astype(np.float32)


def open_image_function(
    model: Any, shape: tuple[int, ...], settings: InputSettings, *, range_source: RangeSource
) -> ImageTarget:
    """A function of (n, *shape) images as a target.

    Parameters
    ----------
    model
        gives (n, n_classes) probabilities or logits, or one probability of the second of two classes.
    shape
        of an image as the function takes it: (height, width), or with channels last or first.
    settings
        with the range of a pixel.
    range_source
        where that is from.

    Raises
    ------
    UnsupportedModel
        `not_a_model`, and whatever `read_input` and `probed` refuse.
    """
    check_takes_arrays(model)
    check_can_be_called(model)
    return probed(
        FunctionEngine(model),
        read_input(shape, settings),
        kind=function_name(model),
        format="in memory",
        range_found=replace(
            range_of(settings, dtype=np.dtype(np.float32), entrance=None), source=range_source
        ),
        packages=(),
    )
