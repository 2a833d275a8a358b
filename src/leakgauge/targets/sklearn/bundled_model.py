"""The one model in a dictionary, list or tuple that holds other things beside it.

People save `{"model": clf, "features": [...]}` or `(clf, encoder)`. Where there is one
fitted classifier, or no classifier and one fitted regressor, and nothing that prepares its
input, it is clear what to audit. A
scaler or an encoder beside it is another matter: without it the model is asked about
rows such as it was never trained on, and every figure is wrong.

Keys come from the file: they are untrusted, and could be anybody's name. Only those that
consist of usual words are passed on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import LabelBinarizer, LabelEncoder

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.sklearn.model_graph import parts_of, type_name

ROOT = "saved"
"""Stands in expressions for what `joblib.load` gives of the file."""
_DEEPEST_SHOWN = 6
_MOST_SHOWN = 8
_MOST_PLACES = 10_000
_USUAL_WORDS = frozenset(
    (
        "",
        *("best", "clf", "classifier", "estimator", "final", "fitted", "model", "models", "pipe", "pipeline"),
        *("forest", "lr", "rf", "search", "svc", "svm", "tree", "trained", "v", "xgb"),
        *("encoder", "encoders", "imputer", "le", "ohe", "pca", "preprocessing", "preprocessor", "scaler"),
        *("scalers", "selector", "template", "tfidf", "transformer", "transformers", "vectorizer"),
        *("class", "classes", "cols", "columns", "data", "feature", "features", "label", "labels", "name"),
        *("names", "target", "test", "threshold", "train", "validation", "x", "y"),
        *(
            "accuracy",
            "auc",
            "coef",
            "config",
            "date",
            "importances",
            "info",
            "intercept",
            "meta",
            "metadata",
        ),
        *("metrics", "parameters", "params", "score", "scores", "settings", "state", "version", "weights"),
    )
)
"""Words of which the keys consist that people give to the parts of a model."""


@dataclass(frozen=True, slots=True)
class Found:
    """The model in a container.

    Attributes
    ----------
    path
        the expression that gives it, of what the file holds as `saved`.
    remark
        a sentence for the report on what lies beside it.
    """

    estimator: BaseEstimator
    path: str
    remark: str


@dataclass(frozen=True, slots=True)
class _Item:
    """A thing in a container, and where: its key and its place there, and the container's own place."""

    thing: Any
    key: object = None
    place: int = 0
    holder: _Item | None = None

    @property
    def path(self) -> str:
        """The expression that gives it, cut short where it lies deep.

        A key that is no usual word could be anybody's name, so its value is told by place.
        """
        above: list[_Item] = [self]
        while above[-1].holder is not None and len(above) <= _DEEPEST_SHOWN:
            above.append(above[-1].holder)
        expression = ROOT if above[-1].holder is None else f"{ROOT}…"
        for item in reversed(above[:-1]):
            spelled = _spelled(item.key)
            if spelled is None:
                expression = f"list({expression}.values())[{item.place}]"
            else:
                expression += f"[{spelled}]"
        return expression


def model_in(container: object, *, kinds: Mapping[str, Callable[[Any], bool]]) -> Found | None:
    """The one model in a dictionary, list or tuple; None for anything else.

    Parameters
    ----------
    kinds
        what models are called, and whether a thing is a fitted one. Where there is one of the first kind,
        those of the next are passed over.

    Raises
    ------
    UnsupportedModel
        `not_a_model` where it holds no fitted model, `several_models` where it holds more than
        one; `preprocessing_beside_model` where something else in it transforms data.
    """
    if not isinstance(container, dict | list | tuple):
        return None
    root = _Item(container)
    holds = f"The model file holds {_kind(container)}: {_listed(list(_inside(root)))}"
    every = list(_estimators(root))
    kind, models = next(
        ((kind, found) for kind, is_one in kinds.items() if (found := [i for i in every if is_one(i.thing)])),
        ("", []),
    )
    # what a search found, or the last step of a Pipeline, may lie beside it once more
    inner = {id(part) for item in models for part in parts_of(item.thing) if part is not item.thing}
    models = [item for item in models if id(item.thing) not in inner]
    if not models:
        raise UnsupportedModel(
            "not_a_model",
            f"{holds}. There is no fitted {' or '.join(kinds)} among them.",
            hint=f"Save the fitted {' or '.join(kinds)} itself.",
        )
    if len(models) > 1:
        raise UnsupportedModel(
            "several_models",
            f"{holds}. There are {len(models)} {kind}s among them, and an audit is of one.",
            hint=f"Save the one to audit, such as {_saved(models[0].path)}.",
        )
    (model,) = models
    others = [item for item in every if item is not model and id(item.thing) not in inner]
    transformers = [item for item in others if _transforms(item.thing)]
    encoders = [item for item in transformers if _encodes_labels(item.thing, model.thing)]
    preparing = [item for item in transformers if item not in encoders]
    if preparing:
        steps = ", ".join(item.path for item in (*preparing[:_MOST_SHOWN], model))
        raise UnsupportedModel(
            "preprocessing_beside_model",
            f"{holds}. {model.path} would be asked about rows that {preparing[0].path} did not prepare, "
            "and every figure would be wrong.",
            hint=f"Save them as one, in the order of use: {_saved(f'make_pipeline({steps})')}. If "
            f"{model.path} takes the tables as they are, save it alone: {_saved(model.path)}.",
        )
    remark = f"{holds}. Audited was {model.path}, and nothing else of it was used."
    if encoders:
        remark += (
            f" {encoders[0].path} encodes labels, so the label column must hold the model's own classes, "
            "the numbers that it encodes them as."
        )
    return Found(model.thing, model.path, remark)


def _estimators(root: _Item) -> Iterator[_Item]:
    """Every estimator that lies in containers and in no other estimator, each once, outermost first."""
    seen: dict[int, object] = {}  # holds the objects, so that no number is given twice
    waiting = [root]
    while waiting:
        reached: list[_Item] = []
        for holder in waiting:
            for item in _inside(holder):
                if id(item.thing) in seen:
                    continue
                seen[id(item.thing)] = item.thing
                if isinstance(item.thing, BaseEstimator):
                    yield item
                else:
                    reached.append(item)
        waiting = reached


def _inside(holder: _Item) -> Iterator[_Item]:
    thing = holder.thing
    if isinstance(thing, dict):
        yield from (_Item(value, key, at, holder) for at, (key, value) in enumerate(thing.items()))
    elif isinstance(thing, list | tuple):
        yield from (_Item(value, at, at, holder) for at, value in enumerate(thing))
    elif isinstance(thing, np.ndarray) and thing.dtype == object:
        yield from (_Item(value, at, at, holder) for at, value in enumerate(thing.ravel().tolist()))


def _spelled(key: object) -> str | None:
    """The key as an expression spells it; None for one that is not to be passed on."""
    if isinstance(key, int) and not isinstance(key, bool) and abs(key) < _MOST_PLACES:
        return str(int(key))
    if not isinstance(key, str):
        return None
    words = re.split(r"[ _.\-]+", re.sub(r"[0-9]+", "", key.lower()))
    return f'"{key}"' if key.isprintable() and _USUAL_WORDS.issuperset(words) else None


def _listed(items: list[_Item]) -> str:
    shown = [f"{item.path} is {_kind(item.thing)}" for item in items[:_MOST_SHOWN]]
    if len(items) > _MOST_SHOWN:
        shown.append(f"and {len(items) - _MOST_SHOWN:,} more")
    return ", ".join(shown) if shown else "it is empty"


def _kind(thing: object) -> str:
    if isinstance(thing, BaseEstimator):
        name = type_name(thing)
        return f"{'an' if name[0] in 'AEIO' else 'a'} {name}"
    for kinds, words in (
        ((bool, int, float, np.number, np.bool_), "a number"),
        ((str,), "a text"),
        ((dict,), "a dictionary"),
        ((list,), "a list"),
        ((tuple,), "a tuple"),
        ((np.ndarray,), "an array"),
    ):
        if isinstance(thing, kinds):
            return words
    return "nothing" if thing is None else "something else"


def _transforms(thing: Any) -> bool:
    """Whether it has the method; a wrapper asks its parts, which may be broken."""
    try:
        return callable(getattr(thing, "transform", None))
    except (ValueError, TypeError, LookupError, RecursionError, NotFittedError):
        return True


def _encodes_labels(encoder: Any, model: Any) -> bool:
    """Whether it made the numbers that the model knows as classes; then it prepares none of its input."""
    if not isinstance(encoder, LabelEncoder | LabelBinarizer):
        return False
    names, classes = getattr(encoder, "classes_", None), getattr(model, "classes_", None)
    if not isinstance(names, np.ndarray) or not isinstance(classes, np.ndarray):
        return False
    return bool(np.array_equal(classes, np.arange(len(names))))


def _saved(expression: str) -> str:
    return f'joblib.dump({expression}, "model.joblib")'
