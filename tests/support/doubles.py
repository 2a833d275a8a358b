"""What test doubles of targets say where no model stands behind them."""

from __future__ import annotations


class NoModel:
    """Gives probabilities, and has no estimator to show."""

    has_probabilities = True
    gives = "probabilities"
    form = None
    estimator = None
    recipe = None
    type_name = "a double"
    packages = ()
