"""What the tests against real servers share: a forest, and MLServer and MLflow that answer for it."""

from __future__ import annotations

from types import SimpleNamespace

import joblib
import pytest
from model_servers import BIN, mlflow, mlserver
from service_rows import DIGITS, digits_tables
from sklearn.ensemble import RandomForestClassifier


@pytest.fixture(scope="session", autouse=True)
def servers():
    """That they are not installed is told once, and fails every test."""
    assert (BIN / "mlserver").exists(), "make test-endpoints installs the servers and runs these tests"


@pytest.fixture(scope="session")
def forest(tmp_path_factory):
    """A forest of digits, its file, and the tables of its members and non-members."""
    folder = tmp_path_factory.mktemp("forest")
    members, non_members = digits_tables(120)
    model = RandomForestClassifier(20, random_state=0).fit(members[DIGITS].to_numpy(), members["label"])
    path = folder / "model.joblib"
    joblib.dump(model, path)
    return SimpleNamespace(model=model, path=path, members=members, non_members=non_members)


@pytest.fixture(scope="session")
def mlserver_url(forest, tmp_path_factory):
    with mlserver(forest.path, tmp_path_factory.mktemp("mlserver") / "forest") as url:
        yield url


@pytest.fixture(scope="session")
def mlflow_url(forest, tmp_path_factory):
    with mlflow(forest.path, tmp_path_factory.mktemp("mlflow") / "forest") as url:
        yield url
