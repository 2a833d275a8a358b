"""The losses of CatBoost whose models are audited, and why others are not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.boosters import losses, refusals
from leakgauge.targets.boosters.losses import CrossEntropy, Loss, NumberLoss, OfNumbers
from leakgauge.targets.boosters.settings import number_in

LIBRARY: Final = "CatBoost"
BINARY: Final = ("Logloss", "CrossEntropy")
MULTICLASS: Final = "MultiClass"
SQUARED: Final = "RMSE"
CLASSES: Final = (*BINARY, MULTICLASS)


@dataclass(frozen=True, slots=True)
class _Regression:
    """What boosting descends, and the name and default of the loss's own setting."""

    loss: OfNumbers
    own: str | None = None
    default: float = 0.0


_REGRESSIONS: Final[Mapping[str, _Regression]] = {
    SQUARED: _Regression(losses.squared),
    "MAE": _Regression(losses.absolute),
    "Quantile": _Regression(losses.quantile, "alpha", 0.5),
    "MAPE": _Regression(losses.relative),
    "Huber": _Regression(losses.huber, "delta", 1.0),
    "Expectile": _Regression(losses.expectile, "alpha", 0.5),
    "LogCosh": _Regression(losses.log_cosh),
    "Lq": _Regression(losses.power, "q", 2.0),
    "Poisson": _Regression(losses.poisson),
    "Tweedie": _Regression(losses.tweedie, "variance_power", 1.5),
}
_NOT_AUDITED: Final = {
    "MultiRMSE": "It predicts several numbers of each record",
    "MultiQuantile": "It predicts several numbers of each record",
    "RMSEWithUncertainty": "It predicts a number and its spread, in the place of one number",
    "Cox": "It orders records by their risk, and its answers have no error",
    "MultiClassOneVsAll": "Its answers are no probabilities of classes that sum to 1",
    "MultiLogloss": "It answers with several labels of each record",
}
_FROM_MEMORY: Final = "Audit it from memory: leakgauge.audit(model, X_train, y_train, X_test, y_test)."
_ORDER: Final = "__params_key_order"
_MOST_SETTINGS: Final = 8


@dataclass(frozen=True, slots=True)
class Objective:
    """The loss that a model was trained with.

    Attributes
    ----------
    settings
        of the loss, by their names.
    """

    name: str
    settings: tuple[tuple[str, float], ...] = ()

    @classmethod
    def of(cls, stated: Mapping[str, Any]) -> Self:
        """The loss that a file states as its type and its settings.

        Raises
        ------
        UnsupportedModel
            `damaged_booster`; `unsupported_booster` for one that is not audited.
        """
        name = stated.get("type")
        if not isinstance(name, str):
            raise refusals.damaged(LIBRARY, "it states no loss")
        if name in CLASSES:
            return cls(name)  # their settings change no answer
        if name not in _REGRESSIONS:
            reason = _NOT_AUDITED.get(name, "It is not known here")
            raise refusals.unsupported(
                LIBRARY,
                f"The CatBoost model has the loss {name}. {reason}. Files of CatBoost are audited with the "
                f"losses {', '.join((*CLASSES, *_REGRESSIONS))}",
                _FROM_MEMORY,
            )
        settings = stated.get("params", {})
        if not isinstance(settings, dict) or len(settings) > _MOST_SETTINGS:
            raise refusals.damaged(LIBRARY, "the settings of its loss are no mapping")
        return cls(name, tuple(_numbers(name, settings)))

    @property
    def is_of_numbers(self) -> bool:
        """Whether it predicts a number, not one of several classes."""
        return self.name in _REGRESSIONS

    @property
    def loss(self) -> Loss:
        """What boosting descends; of more classes, the library's second derivatives are matrices."""
        regression = _REGRESSIONS.get(self.name)
        if regression is None:
            return CrossEntropy()
        return NumberLoss(regression.loss, dict(self.settings).get(regression.own or "", regression.default))

    def __str__(self) -> str:
        """As the library takes it: `Quantile:alpha=0.3`."""
        settings = ";".join(f"{name}={value!r}" for name, value in self.settings)
        return f"{self.name}:{settings}" if settings else self.name

    def described(self) -> dict[str, Any]:
        """As the library writes it into a file."""
        settings = {name: repr(value) for name, value in self.settings}
        order = {_ORDER: json.dumps(list(settings))} if settings else {}
        return {"type": self.name, "params": settings | order}


def _numbers(loss: str, settings: Mapping[str, Any]) -> list[tuple[str, float]]:
    found = []
    for name, text in settings.items():
        if name == _ORDER:
            continue
        number = number_in(text) if isinstance(text, str) else None
        if number is None or name not in (_REGRESSIONS[loss].own, "delta"):
            raise _unknown_setting(loss, name)
        found.append((name, number))
    return found


def _unknown_setting(loss: str, name: str) -> UnsupportedModel:
    return refusals.unsupported(
        LIBRARY,
        f"The loss {loss} of the CatBoost model has a setting that is not passed on ({name[:40]})",
        _FROM_MEMORY,
    )
