"""Whatever the installed scikit-learn can make of a table is read, answers as it did, and is audited.

A new release of scikit-learn fails here until its new parts are allowed, or listed with a reason.
"""

from __future__ import annotations

import io
import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pytest
from sklearn.utils import all_estimators
from tests.support.cases import audited
from tests.support.variants import VARIANTS, fitted, names_before_a_classifier

from leakgauge.errors import LeakgaugeError
from leakgauge.targets.pickles.allow_list import CLASSES
from leakgauge.targets.pickles.refusals import NOT_BEFORE_A_CLASSIFIER, REFUSED_PARTS
from leakgauge.targets.sklearn.checks.estimators import ROWS
from leakgauge.targets.sklearn.reading import load_model
from leakgauge.targets.sklearn.target import SklearnTarget

NAMES = sorted(VARIANTS)


def _estimators(kind: str | None = None) -> dict[str, tuple[str, str]]:
    return {name: (found.__module__, found.__name__) for name, found in all_estimators(type_filter=kind)}


def test_every_estimator_is_read_or_refused_with_a_reason() -> None:
    for name, pair in _estimators().items():
        assert (pair in CLASSES) != (name in REFUSED_PARTS), name
        assert (pair in CLASSES) == (pair in ROWS), name
    for name in NOT_BEFORE_A_CLASSIFIER:
        assert _estimators()[name] in CLASSES


def test_every_estimator_that_is_read_has_its_row_of_checks() -> None:
    known = set(_estimators().values())
    rows = {pair for pair in ROWS if pair[0].startswith("sklearn.") and not pair[1].startswith("_")}
    assert rows == {pair for pair in CLASSES & known if pair[0].startswith("sklearn.")}


def test_every_classifier_and_transformer_has_a_variant() -> None:
    models = {_class_names(fitted(name).model) for name in NAMES}
    everywhere = set().union(*models)
    assert set(_estimators("classifier")) <= everywhere
    transformers = set(_estimators("transformer")) - set(REFUSED_PARTS)
    assert transformers - names_before_a_classifier() == set(NOT_BEFORE_A_CLASSIFIER)


def _class_names(model: Any) -> frozenset[str]:
    names = {type(model).__name__}
    names |= {type(part).__name__ for part in model.get_params(deep=True).values()}
    return frozenset(names)


def test_nineteen_of_twenty_are_audited() -> None:
    for family in ("classifiers", "meta-estimators", "Pipelines", "text"):
        kin = [variant for variant in VARIANTS.values() if variant.family == family]
        assert len(kin) >= 20
        assert sum(variant.refusal is None for variant in kin) >= 0.95 * len(kin), family


def _saved(model: Any, way: int) -> bytes:
    """The model in one of the ways that people save it."""
    ways = [
        lambda: pickle.dumps(model, 2),
        lambda: pickle.dumps(model, 3),
        lambda: pickle.dumps(model, 4),
        lambda: pickle.dumps(model, 5),
        lambda: cloudpickle.dumps(model),
        lambda: _joblib(model, 0),
        lambda: _joblib(model, 3),
    ]
    return ways[way % len(ways)]()


def _joblib(model: Any, compress: int) -> bytes:
    file = io.BytesIO()
    joblib.dump(model, file, compress=compress)
    return file.getvalue()


@pytest.mark.parametrize("name", NAMES)
def test_a_model_answers_as_it_did_before_it_was_saved(name: str, tmp_path: Path) -> None:
    variant, made = VARIANTS[name], fitted(name)
    path = tmp_path / "model.pkl"
    path.write_bytes(_saved(made.model, NAMES.index(name)))
    loaded = load_model(path).estimator
    if variant.refusal is not None:
        with pytest.raises(LeakgaugeError) as caught:
            SklearnTarget(loaded)
        assert caught.value.problem == variant.refusal
        return
    target = SklearnTarget(loaded)
    rows = target.as_input(made.members)
    answers = target.probabilities(rows) if target.has_probabilities else target.labels(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about column names, where the original is asked with bare rows
        expected = (
            made.model.predict_proba(rows)
            if target.has_probabilities
            else np.searchsorted(target.classes, made.model.predict(rows))
        )
    np.testing.assert_allclose(answers, expected, rtol=0, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if VARIANTS[name].refusal is None])
def test_a_model_is_audited(name: str, tmp_path: Path) -> None:
    made = fitted(name)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(made.model))
    made.members.assign(label=made.y_members).to_csv(tmp_path / "train_mia.csv", index=False)
    made.others.assign(label=made.y_others).to_csv(tmp_path / "test_mia.csv", index=False)
    (tmp_path / "parameters.json").write_text(json.dumps({"label_column": "label"}))
    report = audited(tmp_path, attacks=["gap", "loss", "rmia"], reference_models=2)
    outcomes = {attack.name: attack for attack in report.attacks}
    assert outcomes["gap"].status == "measured"
    if hasattr(made.model, "predict_proba"):
        assert outcomes["loss"].status == "measured"
        assert outcomes["rmia"].status == "measured", outcomes["rmia"]
