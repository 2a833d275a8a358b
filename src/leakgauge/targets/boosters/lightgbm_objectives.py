"""The objectives of LightGBM whose models are audited, and why others are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.boosters import losses, refusals
from leakgauge.targets.boosters.losses import NumberLoss, OfNumbers
from leakgauge.targets.boosters.settings import number_in

LIBRARY: Final = "LightGBM"
BINARY: Final = "binary"
MULTICLASS: Final = "multiclass"


@dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """An objective of numbers.

    Attributes
    ----------
    loss
        what boosting descends.
    own
        its own setting; None for none.
    default
        of that setting.
    renews
        whether leaves hold medians or quantiles of what is left, in the place of Newton steps.
    starts_at_best
        whether boosting starts from the constant of least loss, so that the root of the first tree
        answers with just that constant.
    """

    loss: OfNumbers
    own: str | None = None
    default: float = 0.0
    renews: bool = False
    starts_at_best: bool = True

    def loss_with(self, settings: Mapping[str, str]) -> NumberLoss:
        """The loss with the objective's setting among those of training."""
        stated = None if self.own is None else number_in(settings.get(self.own))
        return NumberLoss(self.loss, self.default if stated is None else stated)


REGRESSIONS: Final[Mapping[str, Regression]] = {
    "regression": Regression(loss=losses.squared),
    "regression sqrt": Regression(loss=losses.squared_of_roots),
    "regression_l1": Regression(loss=losses.absolute, renews=True, starts_at_best=False),
    "huber": Regression(loss=losses.huber, own="alpha", default=0.9, starts_at_best=False),
    "fair": Regression(loss=losses.fair, own="fair_c", default=1.0, starts_at_best=False),
    "poisson": Regression(loss=losses.poisson, own="poisson_max_delta_step", default=0.7),
    "quantile": Regression(loss=losses.quantile, own="alpha", default=0.9, renews=True, starts_at_best=False),
    "mape": Regression(loss=losses.relative, renews=True, starts_at_best=False),
    "gamma": Regression(loss=losses.gamma),
    "tweedie": Regression(loss=losses.tweedie, own="tweedie_variance_power", default=1.5),
}
"""By what stands in the text."""
OWN_SETTINGS: Final = frozenset(one.own for one in REGRESSIONS.values() if one.own) | {"reg_sqrt"}
_NOT_AUDITED: Final = dict.fromkeys(
    ("lambdarank", "rank_xendcg"),
    "It ranks records within a query, and only their order in it has a meaning: a record alone has no error",
) | dict.fromkeys(
    ("multiclassova", "cross_entropy", "cross_entropy_lambda"),
    "Its answers are no probabilities of classes that sum to 1, and no numbers with an error either",
)


def refusal(name: str) -> UnsupportedModel:
    """The error `unsupported_booster` for an objective that is not audited, with the reason."""
    reason = _NOT_AUDITED.get(name.partition(" ")[0], "It is not known here")
    known: list[Any] = [BINARY, MULTICLASS, *REGRESSIONS]
    return refusals.unsupported(
        LIBRARY,
        f"The LightGBM model has the objective {name}. {reason}",
        f"Models of these objectives are audited: {', '.join(known)}.",
    )
