"""Requests that are made for MLServer and MLflow, answered by them; their answers, read."""

from __future__ import annotations

import joblib
import numpy as np
import pandas as pd
import pytest
import urllib3
from model_servers import mlflow, mlserver
from service_rows import DIGITS, rows_of
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from leakgauge.endpoints.reading import read_endpoint

pytestmark = pytest.mark.endpoints


def sent(request):
    """The answer to a request."""
    with urllib3.PoolManager(retries=False) as pool:
        return pool.request(
            request.method, request.url, body=request.body, headers=dict(request.headers), timeout=30
        )


def asked(settings, frame):
    """What a service answers about a table, as the protocol reads it, after it was asked for its metadata."""
    protocol = read_endpoint(settings)
    if (about := protocol.metadata()) is not None:
        protocol.read_metadata(sent(about).json())
    reply = sent(protocol.request(rows_of(frame)))
    assert reply.status == 200, reply.data
    return protocol.in_reply(reply.data, len(frame))


@pytest.fixture
def of_mlserver(mlserver_url):
    return {"protocol": "open-inference", "url": mlserver_url, "model": "forest"}


@pytest.fixture
def of_mlflow(mlflow_url):
    return {"protocol": "mlflow", "url": mlflow_url}


def test_mlserver_gives_the_forests_probabilities(forest, of_mlserver):
    rows = forest.members[DIGITS]
    answers = asked(of_mlserver | {"output": "predict_proba"}, rows)
    np.testing.assert_array_equal(answers, forest.model.predict_proba(rows.to_numpy()))


def test_mlserver_gives_labels_unless_it_is_asked_for_more(forest, of_mlserver):
    rows = forest.members[DIGITS]
    assert np.ravel(asked(of_mlserver, rows)).tolist() == forest.model.predict(rows.to_numpy()).tolist()


def test_mlserver_says_nothing_of_the_inputs_by_default(of_mlserver):
    document = sent(read_endpoint(of_mlserver).metadata()).json()
    assert (document["inputs"], document["outputs"]) == ([], [])


def test_inputs_that_mlserver_declares_are_heeded(forest, tmp_path):
    declared = [{"name": "pixels", "datatype": "FP32", "shape": [-1, 64]}]
    rows = forest.members[DIGITS]
    with mlserver(forest.path, tmp_path / "forest", inputs=declared) as url:
        settings = {"protocol": "open-inference", "url": url, "model": "forest", "output": "predict_proba"}
        np.testing.assert_array_equal(asked(settings, rows), forest.model.predict_proba(rows.to_numpy()))
        protocol = read_endpoint(settings)
        assert protocol.read_metadata(sent(protocol.metadata()).json()).n_features == 64


def test_mlflow_gives_the_forests_probabilities(forest, of_mlflow):
    rows = forest.members[DIGITS]
    np.testing.assert_array_equal(asked(of_mlflow, rows), forest.model.predict_proba(rows.to_numpy()))


# ------------------------------------------------------------------ columns of several kinds


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A pipeline of a table with numbers, text and missing values; its file, and rows."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, 200),
            "income": rng.normal(size=200).round(3),
            "city": rng.choice(["Köln", "Ulm", "01"], 200),
            "smokes": rng.random(200) < 0.3,
        }
    )
    frame.loc[::7, "income"] = np.nan
    pipeline = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["city", "smokes"]), remainder="passthrough"
        ),
        RandomForestClassifier(10, random_state=0),
    ).fit(frame, np.where(frame["age"] > 50, "yes", "no"))
    path = tmp_path_factory.mktemp("mixed") / "model.joblib"
    joblib.dump(pipeline, path)
    return pipeline, path, frame


def test_mlflow_takes_a_table_of_several_kinds(mixed, tmp_path):
    pipeline, path, frame = mixed
    with mlflow(path, tmp_path / "mixed") as url:
        answers = asked({"protocol": "mlflow", "url": url}, frame)
    np.testing.assert_array_equal(answers, pipeline.predict_proba(frame))


def test_mlflow_answers_with_names_of_classes_where_it_gives_labels(mixed, tmp_path):
    pipeline, path, frame = mixed
    with mlflow(path, tmp_path / "mixed", answers="predict") as url:
        assert asked({"protocol": "mlflow", "url": url}, frame) == pipeline.predict(frame).tolist()


def test_mlserver_takes_a_table_of_several_kinds(mixed, tmp_path):
    pipeline, path, frame = mixed
    with mlserver(path, tmp_path / "mixed") as url:
        settings = {"protocol": "open-inference", "url": url, "model": "forest", "output": "predict_proba"}
        answers = asked(settings, frame)
    np.testing.assert_array_equal(answers, pipeline.predict_proba(frame))
