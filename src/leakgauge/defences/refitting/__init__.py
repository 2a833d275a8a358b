"""Defences for scikit-learn classifiers: the same model with stricter settings, to be fitted again.

To add one, write a file beside these with `changed_settings` (new values by the names of
`get_params`) or `wrapped` (another estimator around the model), and add its row.

Differentially private forests (diffprivlib) are left out: its latest release imports names that
current versions of scikit-learn no longer have, so it cannot even be imported beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sklearn.base import clone

from leakgauge.defences.output.protocol import Strength
from leakgauge.defences.refitting import calibrated_rounding, depth, leaf_size, subsampling
from leakgauge.errors import BadParameters, UnsupportedModel

YEOM = "cf. Yeom et al. 2018, Privacy Risk in Machine Learning"
PAPERNOT = "cf. Papernot et al. 2017, Semi-supervised Knowledge Transfer for Deep Learning"
PLATT = "Platt 1999, Probabilistic Outputs for Support Vector Machines; Shokri et al. 2017"


@dataclass(frozen=True, slots=True)
class RefittingDefence:
    """A row of the table.

    Attributes
    ----------
    cost
        what the owner pays, in a sentence.
    changed_settings, wrapped
        one of the two; see the module.
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
    output: str | None = None

    def harden(self, estimator: Any, strength: float | None = None) -> Any:
        """An untrained copy of `estimator`, fitted or not, with this defence; fit it on the same records.

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
                f"The defence {self.name} takes {kind} of {allowed.unit}.",
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
                hint="Choose another defence, or a greater strength.",
            )
        return blank.set_params(**settings)

    def output_defences(self, strength: float | None = None) -> tuple[str, ...]:
        """Output defences that the refitted model is to be offered and audited with."""
        if self.output is None:
            return ()
        return (self.output.format(f"{self.strength.default if strength is None else strength:g}"),)


REFITTING_DEFENCES: tuple[RefittingDefence, ...] = (
    RefittingDefence(
        "leaf_size",
        "Larger leaves",
        "Accuracy where classes differ in detail; training and answers become cheaper.",
        YEOM,
        Strength("records", 20, 2, 100_000, whole=True),
        changed_settings=leaf_size.changed_settings,
    ),
    RefittingDefence(
        "depth",
        "Shallower trees",
        "Accuracy where it takes many questions to tell classes apart; training becomes cheaper.",
        YEOM,
        Strength("levels", 8, 1, 1_000, whole=True),
        changed_settings=depth.changed_settings,
    ),
    RefittingDefence(
        "subsampling",
        "A share of the rows for each tree",
        "Accuracy where a tree needs many rows; training becomes cheaper.",
        PAPERNOT,
        Strength("of the rows", 0.3, 0.001, 0.999),
        changed_settings=subsampling.changed_settings,
    ),
    RefittingDefence(
        "calibrated_rounding",
        "Calibrated and rounded",
        "Five further fits, and the decimals of every answer.",
        PLATT,
        Strength("decimals", 1, 0, 9, whole=True),
        wrapped=calibrated_rounding.wrapped,
        output="rounding={}",
    ),
)
