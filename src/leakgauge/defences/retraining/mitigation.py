"""What a mitigation is: the same model with stricter settings, to be trained again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sklearn.base import clone

from leakgauge.defences.output.protocol import Strength
from leakgauge.errors import BadParameters, UnsupportedModel


@dataclass(frozen=True, slots=True)
class Trial:
    """One strength at which the trade-offs of an audit try a mitigation.

    Attributes
    ----------
    changed_settings
        from an untrained classifier to new values by the names of `get_params`; none where it has no
        such setting, or one that is as strict already.
    title
        from the first of the new values to the change in words.
    """

    changed_settings: Callable[[Any], Mapping[str, Any]]
    title: Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Mitigation:
    """A row of the table.

    Attributes
    ----------
    cost
        what the owner pays, in a sentence.
    changed_settings, wrapped
        one of the two, both of an untrained classifier and a strength: new values by the names of
        `get_params`, or another estimator around the classifier.
    trials
        what the trade-offs of an audit try of it.
    output
        the output defence that belongs to it, `{}` standing for the strength; None for none.
    """

    name: str
    title: str
    cost: str
    citation: str
    strength: Strength
    changed_settings: Callable[[Any, float], Mapping[str, Any]] | None = None
    wrapped: Callable[[Any, float], Any] | None = None
    trials: tuple[Trial, ...] = ()
    output: str | None = None

    def harden(self, estimator: Any, strength: float | None = None) -> Any:
        """An untrained copy of `estimator`, fitted or not, with this mitigation; fit it on the same records.

        Raises
        ------
        BadParameters
            `defence_strength` for a strength that is out of range.
        UnsupportedModel
            `defence_does_not_fit` where the model has no such setting, or is as strict already.
        """
        used = float(self.strength.default if strength is None else strength)
        allowed = self.strength
        if not allowed.least <= used <= allowed.greatest or (allowed.whole and not used.is_integer()):
            kind = "a whole number" if allowed.whole else "a number"
            raise BadParameters(
                "defence_strength",
                f"The mitigation {self.name} takes {kind} of {allowed.unit}.",
                hint=f"Choose from {allowed.least:g} to {allowed.greatest:g}.",
            )
        blank = clone(estimator)
        if self.wrapped is not None:
            return self.wrapped(blank, used)
        settings = self.changed_settings(blank, used) if self.changed_settings is not None else {}
        if not settings:
            raise UnsupportedModel(
                "defence_does_not_fit",
                f"The model has no setting that {self.name} would make stricter.",
                hint="Choose another mitigation, or a greater strength.",
            )
        return blank.set_params(**settings)

    def output_defences(self, strength: float | None = None) -> tuple[str, ...]:
        """Output defences that the retrained model is to be offered and audited with."""
        if self.output is None:
            return ()
        return (self.output.format(f"{self.strength.default if strength is None else strength:g}"),)
