"""The wall around a query budget: an attack cannot ask past it, whatever it does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leakgauge.attacks.row import Stopped
from leakgauge.targets.protocol import FloatArray, IntArray, Target


class QueryBudgetError(Stopped):
    """The target was asked for more than the budget allows; the question was not answered."""

    def __init__(self) -> None:
        super().__init__("It asked for more queries than its budget allows and was stopped.")


class BudgetedTarget:
    """A target that answers at most `budget` queries and counts those that came through it.

    `calls` is how often it was asked, `seconds` how long it took to answer.
    """

    def __init__(self, target: Target, budget: int) -> None:
        self._target = target
        self.budget = budget
        self.classes: NDArray[Any] = target.classes
        self.has_probabilities = target.has_probabilities
        self.queries = 0
        self.calls = 0
        self.seconds = 0.0

    def probabilities(self, x: Any) -> FloatArray:
        """As the target's own.

        Raises
        ------
        QueryBudgetError
            when these queries would pass the budget; none of them is sent.
        """
        with self._counted(len(np.asarray(x))):
            return self._target.probabilities(x)

    def labels(self, x: Any) -> IntArray:
        """As the target's own; raises as `probabilities` does."""
        with self._counted(len(np.asarray(x))):
            return self._target.labels(x)

    @contextmanager
    def _counted(self, n: int) -> Iterator[None]:
        if self.queries + n > self.budget:
            raise QueryBudgetError
        self.queries += n
        self.calls += 1
        begun = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - begun
