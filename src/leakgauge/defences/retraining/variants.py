"""The variants of a model that an audit tries: every mitigation that it has the settings for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sklearn.base import clone

from leakgauge.defences.retraining import MITIGATIONS
from leakgauge.defences.retraining.mitigation import Mitigation
from leakgauge.targets.protocol import Gives

DECIMALS = 1
"""Decimals that rounded answers keep."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A model with one thing changed.

    Attributes
    ----------
    name
        the setting and its new value, as a scikit-learn user writes it.
    title
        the same in words.
    settings
        new values by the names of `get_params`; empty where training stays as it is.
    decimals
        decimals that the answers are rounded to, None for all.
    """

    name: str
    title: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    decimals: int | None = None

    def apply(self, blank: Any) -> Any:
        """An untrained copy of `blank` with the new settings."""
        return clone(blank).set_params(**self.settings)


AS_IT_IS = Variant("as it is", "As it is")
ROUNDED = Variant(f"{DECIMALS} decimal", "Answers to one decimal", decimals=DECIMALS)
ROUNDED_SCORES = replace(ROUNDED, title="Answers as a softmax of the scores, to one decimal")


def variants_of(
    blank: Any, *, gives: Gives = "probabilities", table: Sequence[Mitigation] | None = None
) -> tuple[Variant, ...]:
    """Variants of the untrained model `blank`, in the order of the table; the last rounds its answers.

    Numbers that a regressor predicts are not rounded: how coarse they may be, only their unit tells. A
    setting is changed in every classifier, or regressor, inside the model at once (in a
    Pipeline, a vote, a calibration), never in a step that prepares its data.

    Parameters
    ----------
    gives
        what callers see of its answers.
    table
        the mitigations; None for `MITIGATIONS`.
    """
    found = []
    for mitigation in MITIGATIONS if table is None else table:
        for trial in mitigation.trials:
            settings = trial.changed_settings(blank)
            if settings:
                name, new = next(iter(settings.items()))
                found.append(Variant(f"{name.rpartition('__')[2]}={new:g}", trial.title(new), settings))
    if gives == "predictions":
        return tuple(found)
    return (*found, ROUNDED_SCORES if gives == "scores" else ROUNDED)
