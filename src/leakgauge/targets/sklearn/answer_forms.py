"""What a fitted scikit-learn model is asked for, so that its clones are asked for the very same.

Regressors predict numbers. Most classifiers give probabilities. Support vector machines, ridge classifiers,
perceptrons and whatever is trained with a hinge loss give decision scores: on
which side of each boundary a record lies, and how far. Scores have no unit, so
attacks read them as the softmax of score / scale. One scale serves the target
and all clones: the temperature at which that softmax fits the labels of the
pool best (Guo, Pleiss, Sun & Weinberger 2017, "On Calibration of Modern Neural
Networks", section 4.2). With two classes the log-odds are then the margin
itself, up to the scale, which is what Carlini et al. 2022 (section V-A) take as
confidence where a model is trained on margins.

The scale is found from scores and labels alone, never from who is a member. It
matters little to orders within a column, and much to what is left of the far
ends: at too small a scale every sure answer reads 1.0, and at too large a one all
classes are alike. benchmarks/results/decision_scores.md compares it with others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.svm._base import BaseSVC
from sklearn.utils.multiclass import _ovr_decision_function

from leakgauge.targets.protocol import FloatArray, IntArray

WIDEST, NARROWEST = 8.0, 0.25
"""Standard deviations of the pool's margins, in units of the scale, between which it is looked for."""
_INNER = ("best_estimator_", "final_estimator_", "estimator_")
"""Where meta-estimators that hand on the scores of one classifier keep it."""
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Probabilities:
    """The model's own probabilities."""

    def __call__(self, model: Any, x: Any) -> NDArray[Any]:
        """(n, k) as `predict_proba` gives them."""
        return np.asarray(model.predict_proba(x))


@dataclass(frozen=True, slots=True)
class Predictions:
    """The numbers that a regressor predicts."""

    def __call__(self, model: Any, x: Any) -> NDArray[Any]:
        """(n,) or (n, 1) as `predict` gives them."""
        return np.asarray(model.predict(x))


@dataclass(frozen=True, slots=True)
class DecisionScores:
    """The softmax of the model's decision scores over `scale`."""

    scale: float

    @classmethod
    def fitting(cls, scores: FloatArray, y: IntArray) -> DecisionScores:
        """At the scale that fits the labels best.

        Parameters
        ----------
        scores
            (n, k) finite scores, as `class_scores` gives them.
        y
            (n,) positions of the true labels among the k columns.
        """
        spread = float(_margins(scores, y).std())
        if not np.isfinite(spread) or spread == 0.0:
            return cls(1.0)
        units = scores / spread

        def loss(log_sharpness: float) -> float:
            return float(-log_softmax(units * np.exp(log_sharpness), axis=1)[np.arange(len(y)), y].mean())

        bounds = (float(np.log(NARROWEST)), float(np.log(WIDEST)))
        best = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-3})
        return cls(float(spread / np.exp(best.x)))

    def __call__(self, model: Any, x: Any) -> NDArray[Any]:
        """(n, k) softmax of what `class_scores` gives.

        Raises
        ------
        ValueError
            where the model has no score for every class.
        """
        return np.asarray(softmax(class_scores(model, x) / self.scale, axis=1))


def class_scores(model: Any, x: Any) -> FloatArray:
    """(n, k) decision scores for `n` rows, one column for each class that `model` knows.

    A single score, as models of two classes give it, becomes two of opposite signs.
    Scores of pairs (`decision_function_shape="ovo"`) become votes with the sum of
    scores as a tie break, as scikit-learn makes them for `"ovr"`.

    Raises
    ------
    ValueError
        where the scores are of another shape.
    """
    scores = np.asarray(model.decision_function(x), dtype=np.float64)
    rows, k = len(x), len(model.classes_)
    if k == 2 and scores.shape in ((rows,), (rows, 1)):
        single = scores.reshape(rows)
        return np.column_stack([-single, single])
    # with three classes there are as many pairs as classes, and only the settings tell which it is
    if k > 2 and _scores_pairs(model) and scores.shape == (rows, k * (k - 1) // 2):
        return np.asarray(_ovr_decision_function(scores < 0, -scores, k), dtype=np.float64)
    if scores.shape != (rows, k):
        raise ValueError("the scores do not belong to classes")
    return scores


def _scores_pairs(model: Any) -> bool:
    """Whether the classifier whose scores `model` hands on is a support vector machine that scores pairs."""
    inner = innermost(model)
    return isinstance(inner, BaseSVC) and inner.decision_function_shape == "ovo"


def innermost(model: Any) -> Any:
    """The fitted classifier that answers for `model`: the last step of Pipelines, what a search found."""
    for _ in range(_DEEPEST):  # one may hold another, but not without end
        if isinstance(model, Pipeline) and model.steps:
            model = model.steps[-1][1]
        elif isinstance(model, FrozenEstimator):
            model = model.estimator
        else:
            attributes = getattr(model, "__dict__", {})
            held = next((attributes[name] for name in _INNER if name in attributes), None)
            if held is None:
                return model
            model = held
    return model


def _margins(scores: FloatArray, y: IntArray) -> FloatArray:
    """(n,) score of the true label over the best of the others."""
    own = np.take_along_axis(scores, y[:, None], axis=1)[:, 0]
    others = scores.copy()
    np.put_along_axis(others, y[:, None], -np.inf, axis=1)
    margins: FloatArray = own - others.max(axis=1)
    return margins
