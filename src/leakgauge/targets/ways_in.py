"""What other libraries take and give that is no array, and what to do about it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from leakgauge.errors import UnsupportedModel

A_FUNCTION: Final = (
    "Hand over a function of the rows that gives one probability for each class, or one predicted number, "
    "such as lambda X: "
)
_WAYS_IN: Final = {
    "torch": (
        "a PyTorch module, which takes tensors",
        A_FUNCTION + "model(torch.as_tensor(X, dtype=torch.float32)).softmax(dim=1).",
    ),
    "keras": ("a Keras model", A_FUNCTION + "model.predict(X, verbose=0)."),
    "tensorflow": ("a TensorFlow model", A_FUNCTION + "model(X).numpy()."),
    "xgboost": (
        "an XGBoost Booster, which takes a DMatrix",
        "Hand over the XGBClassifier or XGBRegressor, or a function such as lambda X: "
        "booster.predict(xgboost.DMatrix(X)); of two classes it gives one column, so make both: "
        "np.column_stack([1 - p, p]).",
    ),
    "lightgbm": (
        "a LightGBM Booster",
        "Hand over the LGBMClassifier or LGBMRegressor, or a function such as lambda X: booster.predict(X); "
        "of two classes it gives one column, so make both: np.column_stack([1 - p, p]).",
    ),
}
"""By the package of their class: what they are, and what to do."""


def check_takes_arrays(model: Any) -> None:
    """Refuse what cannot be asked with an array.

    Raises
    ------
    UnsupportedModel
        `not_a_model`, with a way in.
    """
    if isinstance(model, type):
        raise _not_a_model(f"the class {model.__name__}, not a fitted one of it", "Fit one and pass that.")
    # a method of such a model is a function, and taken
    for library, (what, way_in) in _WAYS_IN.items():
        if made_by(model, library):
            raise _not_a_model(what, way_in)


def check_can_be_called(model: Any) -> None:
    """Refuse what is no function; error as `check_takes_arrays`."""
    if not callable(model):
        raise _not_a_model(
            f"a {type(model).__name__} without predict_proba that cannot be called either",
            A_FUNCTION + "model.predict(X).",
        )


def made_by(thing: Any, library: str) -> bool:
    """Whether the class of an object, or one that it inherits from, is of this package."""
    return any(kind.__module__.partition(".")[0] == library for kind in type(thing).__mro__)


def as_array(answer: Any) -> NDArray[Any]:
    """What a caller's function answered."""
    # a tensor of PyTorch may hang on its gradient or lie on another device
    return np.asarray(answer.detach().cpu() if hasattr(answer, "detach") else answer)


def function_name(function: Any) -> str:
    """How a report calls a function: by its name, if it has one."""
    name = str(getattr(function, "__qualname__", type(function).__qualname__))
    name = name.rpartition("<locals>.")[2]
    return "Function" if name == "<lambda>" else f"Function {name}"


def _not_a_model(what: str, hint: str) -> UnsupportedModel:
    return UnsupportedModel("not_a_model", f"The model is {what}.", hint=hint)
