"""The objectives of XGBoost whose models are audited, and why others are not.

An objective says how a score becomes an answer, what boosting descended, and which setting of its own
stands in the document beside its name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from scipy.special import logit

from leakgauge.targets.boosters import losses, refusals
from leakgauge.targets.boosters.losses import CrossEntropy, Floats, Loss, NumberLoss, OfNumbers
from leakgauge.targets.boosters.settings import number_in
from leakgauge.targets.boosters.xgboost_fields import LIBRARY, damaged, mapping

_BETWEEN: Final = 1e-12
"""How far from the end of its range a setting must lie."""
_LARGEST: Final = 1e30


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSetting:
    """The setting of an objective.

    Attributes
    ----------
    section, name
        where it stands in the document.
    default
        what XGBoost takes where a document has none.
    low, high
        ends of the range in which it lies, neither of them in it.
    """

    section: str
    name: str
    default: str
    low: float = 0.0
    high: float = _LARGEST


_WEIGHT: Final = OwnSetting(section="reg_loss_param", name="scale_pos_weight", default="1", low=-_LARGEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """An objective.

    Attributes
    ----------
    predicts
        `"classes"`, or `"numbers"`, and then it is a regression.
    link
        of which a number is the inverse: `"identity"`, `"log"` or `"logit"`.
    loss
        of numbers; None for classes.
    own
        its setting; None for none.
    renews
        whether leaves hold medians or quantiles of what is left, in the place of Newton steps.
    """

    predicts: Literal["classes", "numbers"] = "numbers"
    link: Literal["identity", "log", "logit"] = "identity"
    loss: OfNumbers | None = None
    own: OwnSetting | None = None
    renews: bool = False

    def to_scores(self, base: Floats) -> Floats:
        """The scores of (n_scores,) starting answers."""
        links: Mapping[str, Callable[[Floats], Any]] = {"identity": np.asarray, "log": np.log, "logit": logit}
        return np.asarray(links[self.link](base), dtype=np.float64)

    def takes_base(self, base: Floats) -> bool:
        """Whether these starting answers have finite scores."""
        lows, highs = {"identity": (-np.inf, np.inf), "log": (0.0, np.inf), "logit": (0.0, 1.0)}[self.link]
        return bool(np.all((base > lows) & (base < highs)))

    def loss_with(self, own: str | None, classes: int) -> Loss:
        """The loss with the objective's setting, as the document writes it."""
        setting = _number(own) if own is not None else 1.0
        if self.loss is None:
            return CrossEntropy(positive=setting) if classes == 2 else CrossEntropy(factor=2.0)
        return NumberLoss(self.loss, setting, ones=setting if self.own is _WEIGHT else 1.0)

    def setting_in(self, objective: Mapping[str, Any]) -> str | None:
        """The objective's own setting in a document, as text; None where it has none.

        Raises
        ------
        UnsupportedModel
            `damaged_booster` for one that is no number, or out of range; `unsupported_booster` for
            several quantiles at once.
        """
        if self.own is None:
            return None
        section = mapping(objective.get(self.own.section, {}), self.own.section)
        value = section.get(self.own.name, self.own.default)
        if isinstance(value, str) and re.fullmatch(r"\[[-+0-9.eE, ]{1,10000},[-+0-9.eE, ]{1,10000}\]", value):
            raise refusals.unsupported(
                LIBRARY,
                f"The XGBoost model predicts several numbers at once ({self.own.name}), and an audit is of "
                "one number",
                f"Train it with one {self.own.name} alone.",
            )
        number = _number(value) if isinstance(value, str) else None
        if number is None or not self.own.low + _BETWEEN < number < self.own.high - _BETWEEN:
            raise damaged(f"{self.own.name} is no number in its range")
        return str(value)


def _number(text: str) -> Any:
    """The number that a text holds, alone or as a list of it."""
    found = re.fullmatch(r"\[([^\[\]]*)\]|([^\[\]]*)", text)
    return None if found is None else number_in(found[1] or found[2])


BINARY: Final = "binary:logistic"
OBJECTIVES: Final[Mapping[str, Objective]] = {
    BINARY: Objective(predicts="classes", link="logit", own=_WEIGHT),
    "multi:softprob": Objective(predicts="classes"),
    "multi:softmax": Objective(predicts="classes"),
    "reg:squarederror": Objective(loss=losses.squared, own=_WEIGHT),
    "reg:squaredlogerror": Objective(loss=losses.squared_logarithms),
    "reg:absoluteerror": Objective(loss=losses.absolute, renews=True),
    "reg:pseudohubererror": Objective(
        loss=losses.pseudo_huber,
        own=OwnSetting(section="pseudo_huber_param", name="huber_slope", default="1"),
    ),
    "reg:quantileerror": Objective(
        loss=losses.quantile,
        renews=True,
        own=OwnSetting(section="quantile_loss_param", name="quantile_alpha", default="", high=1.0),
    ),
    "reg:logistic": Objective(loss=losses.logistic, link="logit", own=_WEIGHT),
    "reg:gamma": Objective(loss=losses.gamma, link="log", own=_WEIGHT),
    "reg:tweedie": Objective(
        loss=losses.tweedie,
        link="log",
        own=OwnSetting(
            section="tweedie_regression_param",
            name="tweedie_variance_power",
            default="1.5",
            low=1.0,
            high=2.0,
        ),
    ),
    "count:poisson": Objective(
        loss=losses.poisson,
        link="log",
        own=OwnSetting(section="poisson_regression_param", name="max_delta_step", default="0.7", high=100.0),
    ),
}
"""By XGBoost's names."""
_EARLIER_NAMES: Final = {"reg:linear": "reg:squarederror"}
_NOT_AUDITED: Final = {
    "rank": "It ranks records within a group, and only their order in it has a meaning: a record alone has "
    "no error",
    "survival": "It predicts times of which some were cut off, and a time that was cut off has no error",
    "binary": "Its answers are no probabilities",
}
"""Why models of other objectives are not audited, by the first word of their names."""


def named(name: str) -> tuple[str, Objective]:
    """The objective of this name, and the name that XGBoost gives it today.

    Raises
    ------
    UnsupportedModel
        `unsupported_booster`, with the reason.
    """
    name = _EARLIER_NAMES.get(name, name)
    if name not in OBJECTIVES:
        reason = _NOT_AUDITED.get(name.partition(":")[0], "It is not known here")
        raise refusals.unsupported(
            LIBRARY,
            f"The XGBoost model has the objective {name}. {reason}",
            f"Models of these objectives are audited: {', '.join(OBJECTIVES)}.",
        )
    return name, OBJECTIVES[name]
