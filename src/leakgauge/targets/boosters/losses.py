"""What boosting descends: first and second derivatives of a record's loss in its score.

Libraries write sums of these into their files, so they are as the libraries compute them, with whatever
they add to a second derivative so that steps stay small.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

Floats: TypeAlias = NDArray[np.float64]
Derivatives: TypeAlias = tuple[Floats, Floats]
"""(n,) first and (n,) second derivatives."""

_LEAST_CURVATURE: Final = 1e-16
"""What libraries take in the place of a second derivative that is smaller."""
_LEAST_CURVATURE_OF_LOGARITHMS: Final = 1e-6
_LEAST_LOGARITHM: Final = -1.0 + 1e-6
"""The least score that XGBoost takes the logarithm of 1 + score of."""


class Loss(Protocol):
    """The loss that a booster was trained with."""

    def derivatives(self, scores: Floats, place: int, y: NDArray[Any]) -> Derivatives:
        """First and second derivatives in one score.

        Parameters
        ----------
        scores
            (n, n_scores) scores of each record.
        place
            the score in question.
        y
            (n,) true labels: positions in the classes, or numbers.
        """


@dataclass(frozen=True, slots=True, eq=False)
class CrossEntropy:
    """The loss of classes: the sigmoid of one score, or the softmax of one score for each class.

    Attributes
    ----------
    factor
        by what the library multiplies p (1 − p) of several classes.
    positive
        weight of records of the second of two classes.
    sharpness
        by what scores are multiplied before the logistic function.
    """

    factor: float = 1.0
    positive: float = 1.0
    sharpness: float = 1.0

    def derivatives(self, scores: Floats, place: int, y: NDArray[Any]) -> Derivatives:
        """As in `Loss`."""
        if scores.shape[1] == 1:
            probability, is_class = expit(self.sharpness * scores[:, 0]), y == 1
            weight = np.where(is_class, self.positive, 1.0) * self.sharpness
            scale = self.sharpness
        else:
            probability, is_class = softmax(scores, axis=1)[:, place], y == place
            weight, scale = np.ones(len(y)), self.factor
        curvature = np.maximum(scale * probability * (1.0 - probability), _LEAST_CURVATURE)
        return weight * (probability - is_class), weight * curvature


OfNumbers: TypeAlias = Callable[[Floats, Floats, float], Derivatives]
"""Of (n,) scores, (n,) true numbers and the loss's own setting."""


@dataclass(frozen=True, slots=True, eq=False)
class NumberLoss:
    """The loss of a number.

    Attributes
    ----------
    function
        one of those below.
    setting
        the loss's own: a quantile, a width, a power; of no meaning to a loss that has none.
    ones
        weight of records whose number is exactly 1, as XGBoost's `scale_pos_weight` has it.
    """

    function: OfNumbers
    setting: float = 0.0
    ones: float = 1.0

    def derivatives(self, scores: Floats, place: int, y: NDArray[Any]) -> Derivatives:
        """As in `Loss`."""
        weight = np.where(y == 1.0, self.ones, 1.0)
        with np.errstate(over="ignore"):  # scores of another model than the labels' may be anything
            first, second = self.function(scores[:, place], np.asarray(y, dtype=np.float64), self.setting)
        return weight * first, weight * second


def squared(score: Floats, y: Floats, _setting: float) -> Derivatives:
    """½ (s − y)²."""
    return score - y, np.ones(len(y))


def squared_of_roots(score: Floats, y: Floats, setting: float) -> Derivatives:
    """½ (s − ±√|y|)²: LightGBM's `reg_sqrt`."""
    return squared(score, np.sign(y) * np.sqrt(np.abs(y)), setting)


def squared_logarithms(score: Floats, y: Floats, _setting: float) -> Derivatives:
    """½ (log (s + 1) − log (y + 1))²."""
    above = np.maximum(score, _LEAST_LOGARITHM)
    left = np.log1p(above) - np.log1p(y)
    curvature = np.maximum((1.0 - left) / (above + 1.0) ** 2, _LEAST_CURVATURE_OF_LOGARITHMS)
    return left / (above + 1.0), curvature


def absolute(score: Floats, y: Floats, _setting: float) -> Derivatives:
    """|s − y|, with 1 in the place of its second derivative."""
    return np.sign(score - y), np.ones(len(y))


def quantile(score: Floats, y: Floats, setting: float) -> Derivatives:
    """The pinball loss of a quantile, with 1 in the place of its second derivative."""
    return np.where(score >= y, 1.0 - setting, -setting), np.ones(len(y))


def relative(score: Floats, y: Floats, _setting: float) -> Derivatives:
    """|s − y| / max(1, |y|), with 1 in the place of its second derivative."""
    return np.sign(score - y) / np.maximum(1.0, np.abs(y)), np.ones(len(y))


def huber(score: Floats, y: Floats, setting: float) -> Derivatives:
    """Squared up to the setting and absolute beyond, with 1 as its second derivative everywhere."""
    return np.clip(score - y, -setting, setting), np.ones(len(y))


def pseudo_huber(score: Floats, y: Floats, setting: float) -> Derivatives:
    """δ² (√(1 + (s − y)² / δ²) − 1), smooth in the place of `huber`."""
    root = np.sqrt(1.0 + (score - y) ** 2 / setting**2)
    return (score - y) / root, 1.0 / root**3


def expectile(score: Floats, y: Floats, setting: float) -> Derivatives:
    """|τ − [s > y]| (s − y)², as CatBoost has it."""
    weight = 2.0 * np.where(y > score, setting, 1.0 - setting)
    return weight * (score - y), weight


def log_cosh(score: Floats, y: Floats, _setting: float) -> Derivatives:
    """Log cosh (s − y)."""
    slope = np.tanh(score - y)
    return slope, np.maximum(1.0 - slope**2, _LEAST_CURVATURE)


def power(score: Floats, y: Floats, setting: float) -> Derivatives:
    """|s − y|^q, with 1 in the place of its second derivative where q is less than 2."""
    error = np.abs(score - y)
    second = setting * (setting - 1.0) * error ** (setting - 2.0) if setting >= 2.0 else np.ones(len(y))
    return setting * np.sign(score - y) * error ** (setting - 1.0), second


def fair(score: Floats, y: Floats, setting: float) -> Derivatives:
    """c² (|s − y| / c − log (1 + |s − y| / c))."""
    error = score - y
    return setting * error / (np.abs(error) + setting), setting**2 / (np.abs(error) + setting) ** 2


def logistic(score: Floats, y: Floats, _setting: float) -> Derivatives:
    """Cross entropy of a share between 0 and 1."""
    probability = expit(score)
    return probability - y, np.maximum(probability * (1.0 - probability), _LEAST_CURVATURE)


def poisson(score: Floats, y: Floats, setting: float) -> Derivatives:
    """e^s − y s; its second derivative is multiplied by e to the setting."""
    return np.exp(score) - y, np.exp(score + setting)


def gamma(score: Floats, y: Floats, _setting: float) -> Derivatives:
    """S + y e^−s."""
    return 1.0 - y * np.exp(-score), y * np.exp(-score)


def tweedie(score: Floats, y: Floats, setting: float) -> Derivatives:
    """The deviance of Tweedie's distribution with a power between 1 and 2."""
    low, high = np.exp((1.0 - setting) * score), np.exp((2.0 - setting) * score)
    return high - y * low, (2.0 - setting) * high - (1.0 - setting) * y * low


OF_CURVATURE_1: Final = (squared, squared_of_roots, absolute, quantile, relative, huber)
"""Losses in which the second derivatives of a leaf add up to the number of its records."""
