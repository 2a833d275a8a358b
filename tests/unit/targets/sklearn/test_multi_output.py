"""A model of several labels is refused with code that makes one of a single label; each is run here."""

from __future__ import annotations

import re
import warnings
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from pools import records
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier, RadiusNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.sklearn.target import SklearnTarget

X = pd.DataFrame(records(120, seed=0)[0], columns=list("abcdefgh"))
Y = pd.DataFrame({"one": (X["a"] > 0).astype(int), "two": (X["b"] + X["c"] > 0).astype(int)})
LINEAR = LogisticRegression()

TAKEN_OUT = {
    "each label": MultiOutputClassifier(LINEAR),
    "each label, margins": MultiOutputClassifier(SVC()),
    "each label, in a Pipeline": make_pipeline(StandardScaler(), MultiOutputClassifier(LINEAR)),
    "each label, found by a search": GridSearchCV(
        MultiOutputClassifier(LINEAR), {"estimator__C": [1.0]}, cv=2, scoring=lambda *_: 0.0
    ),
    "one against the rest": OneVsRestClassifier(LINEAR),
    "one against the rest, in a Pipeline": make_pipeline(StandardScaler(), OneVsRestClassifier(LINEAR)),
    "a Pipeline in a search": GridSearchCV(
        make_pipeline(StandardScaler(), OneVsRestClassifier(LINEAR)), {}, cv=2, scoring=lambda *_: 0.0
    ),
    "a chain": ClassifierChain(LINEAR),
    "a chain in another order": ClassifierChain(LINEAR, order=[1, 0]),
    "a chain in a Pipeline": make_pipeline(StandardScaler(), ClassifierChain(LINEAR)),
}
FITTED_AGAIN = {
    "neighbours": KNeighborsClassifier(),
    "neighbours within a radius": RadiusNeighborsClassifier(5.0),
    "forest": RandomForestClassifier(5, random_state=0),
    "extra trees": ExtraTreesClassifier(5, random_state=0),
    "tree": DecisionTreeClassifier(random_state=0),
    "network": MLPClassifier((4,), max_iter=5, random_state=0),
    "network in a Pipeline": make_pipeline(StandardScaler(), MLPClassifier((4,), max_iter=5)),
    "ridge": RidgeClassifier(),
    "dummy": DummyClassifier(),
    "stacking": StackingClassifier(
        [("knn", KNeighborsClassifier())], KNeighborsClassifier(), cv=2, stack_method="predict"
    ),
    "a forest found by a search": GridSearchCV(RandomForestClassifier(5), {}, cv=2, scoring=lambda *_: 0.0),
}


def fitted(model: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return clone(model).fit(X, Y.to_numpy())


def refusal(model: Any) -> UnsupportedModel:
    with pytest.raises(UnsupportedModel) as caught:
        SklearnTarget(model)
    assert caught.value.problem == "multi_output"
    return caught.value


def made_by(hint: str, model: Any, tmp_path) -> Any:
    """What the code in the hint saves, run as a reader would run it."""
    (code,) = re.findall(r'joblib\.dump\(.+?, "model\.joblib"\)', hint)
    names = {
        "joblib": joblib,
        "np": np,
        "Pipeline": Pipeline,
        "clone": clone,
        "model": model,
        "saved": model,
        "x_train": X,
        "y_train": Y,
    }
    code = code.replace('"model.joblib"', repr(str(tmp_path / "model.joblib")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(code, names)
    return joblib.load(tmp_path / "model.joblib")


@pytest.mark.parametrize("name", TAKEN_OUT)
def test_one_label_is_taken_out_as_the_hint_says(name: str, tmp_path) -> None:
    model = fitted(TAKEN_OUT[name])
    one = made_by(refusal(model).hint, model, tmp_path)
    inner = getattr(model, "best_estimator_", model)
    last = inner[-1] if isinstance(inner, Pipeline) else inner
    column = last.order_[0] if isinstance(last, ClassifierChain) else 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = np.asarray(inner.predict(X))[:, column]
    target = SklearnTarget(one)
    assert target.classes.tolist() == [0, 1]
    assert (target.classes[target.labels(target.as_input(X))] == whole).all()


def test_the_hint_of_a_chain_says_which_label_it_is() -> None:
    assert "model.order_[0]" in refusal(fitted(TAKEN_OUT["a chain"])).hint
    assert "model[-1].order_[0]" in refusal(fitted(TAKEN_OUT["a chain in a Pipeline"])).hint


@pytest.mark.parametrize("name", FITTED_AGAIN)
def test_one_label_is_fitted_alone_as_the_hint_says(name: str, tmp_path) -> None:
    model = fitted(FITTED_AGAIN[name])
    error = refusal(model)
    one = made_by(error.hint, model, tmp_path)
    target = SklearnTarget(one)
    assert target.classes.tolist() == [0, 1]
    assert len(target.labels(target.as_input(X))) == len(X)
    assert "not this one" in error.hint


def test_the_hint_finds_the_model_in_a_dictionary(tmp_path) -> None:
    model = {"best": fitted(TAKEN_OUT["one against the rest, in a Pipeline"]), "labels": ["one", "two"]}
    one = made_by(refusal(model).hint, model, tmp_path)
    assert SklearnTarget(one).classes.tolist() == [0, 1]


@pytest.mark.parametrize("column", ["one", ["one"]])
@pytest.mark.parametrize("model", [RandomForestClassifier(3), KNeighborsClassifier()])
def test_a_single_label_in_a_table_of_its_own_is_one_label(model, column) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        target = SklearnTarget(clone(model).fit(X, Y[column]))
    assert target.classes.tolist() == [0, 1]
