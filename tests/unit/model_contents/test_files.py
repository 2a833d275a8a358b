"""Model files, tables beside them, bundles; and files that hold what is opened to be looked at alone."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from lightgbm import LGBMClassifier
from sklearn.ensemble import RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM
from tests.support.every_estimator import fitted
from xgboost import XGBClassifier

import leakgauge
from leakgauge.bundle import BundledFile, Limits
from leakgauge.cli import main
from leakgauge.errors import BadBundle, LeakgaugeError, UnsafeModel, UnsupportedModel
from leakgauge.membership.contents import contents_of_file
from leakgauge.parameters import membership_parameters
from leakgauge.progress import Silent
from leakgauge.report.model import ModelContents
from leakgauge.targets.pickles.estimators import LOOKED_AT
from leakgauge.targets.pickles.refusals import REFUSED_PARTS
from leakgauge.targets.sklearn.reading import load_model

N = 80
RANDOM = np.random.default_rng(0)
X = pd.DataFrame(RANDOM.normal(size=(N, 4)) + 3.0, columns=list("abcd"))
Y = np.where(X["a"] + 0.3 * RANDOM.normal(size=N) > 3.0, "yes", "no")
LOOKED_AT_NAMES = sorted(name for names in LOOKED_AT.values() for name in names.split())


@pytest.fixture
def found(tmp_path):
    def of(model: Any, table: pd.DataFrame | None = None, **parameters: Any) -> ModelContents:
        file = tmp_path / "model.pkl"
        file.write_bytes(model if isinstance(model, bytes) else pickle.dumps(model))
        beside = None
        if table is not None:
            table.to_csv(tmp_path / "table.csv", index=False)
            beside = BundledFile("table.csv", tmp_path / "table.csv", "")
        settings = membership_parameters(None, parameters)
        return contents_of_file(file, beside, settings, Silent(), limits=Limits(), include_values=False)

    return of


def test_a_file_is_compared_with_a_table(found):
    model = make_pipeline(StandardScaler(), KNeighborsClassifier()).fit(X, Y)
    contents = found(model, X.assign(label=Y))
    assert contents.records == contents.compared == N
    assert [field.holds for field in contents.fields] == ["records", "records", "labels"]
    assert found(model, X.assign(answer=Y), label_column="answer").records == N
    assert (
        found(model).sentence
        == f"This file contains {N} training records, whole: KNeighborsClassifier keeps them."
    )


def test_a_table_needs_no_labels(found):
    model = KNeighborsClassifier().fit(X, Y)
    contents = found(model, X)
    assert contents.records == N
    assert all(field.found is None for field in contents.fields if field.holds != "records")


def test_a_container_of_models_is_looked_through(found):
    model = {"model": KNeighborsClassifier().fit(X, Y), "scores": [0.1, 0.2]}
    assert found(model, X.assign(label=Y)).records == N


def test_a_table_that_does_not_fit_is_refused_by_name(found):
    with pytest.raises(BadBundle) as caught:
        found(KNeighborsClassifier().fit(X, Y), X.drop(columns="b").assign(label=Y))
    assert caught.value.problem == "missing_columns"


def test_a_booster_is_looked_into(found):
    table = X.assign(label=(Y == "yes").astype(int))
    for kind in (XGBClassifier(n_estimators=3), LGBMClassifier(n_estimators=3, verbose=-1)):
        contents = found(kind.fit(X, table["label"]), table)
        assert contents.records == 0
        assert contents.compared == N


# --- estimators that answer nothing ---------------------------------------------------------------


@pytest.mark.parametrize("name", LOOKED_AT_NAMES)
def test_what_answers_nothing_is_opened_to_be_looked_at_alone(name, found, tmp_path):
    rows = X.to_numpy()
    model, _, _ = fitted(name, rows, (Y == "yes").astype(int), rows[:, 0])
    contents = found(model, X)
    assert contents.compared == N
    with pytest.raises(LeakgaugeError) as caught:
        load_model(tmp_path / "model.pkl")
    assert REFUSED_PARTS[name] in caught.value.message


def test_the_lists_of_what_answers_nothing_agree():
    assert set(LOOKED_AT_NAMES) == {name for name in REFUSED_PARTS if not name.startswith("PyFunc")}


def _inside(outlier: Any) -> list[Any]:
    """Models in which another part might ask one that was never checked."""
    stack = StackingClassifier([("a", LogisticRegression())]).fit(X, Y)
    stack.estimators_[0] = outlier
    vote = VotingClassifier([("a", LogisticRegression())]).fit(X, Y)
    vote.estimators_.append(outlier)
    first = make_pipeline(StandardScaler(), KNeighborsClassifier()).fit(X, Y)
    first.steps.insert(1, ("outlier", outlier))
    hidden = make_pipeline(StandardScaler(), copy.deepcopy(outlier)).fit(X)
    hidden.steps[-1][1].more = [outlier]
    return [stack, vote, first, hidden, [outlier, outlier], {"model": LinearRegression(), "other": outlier}]


@pytest.mark.parametrize("place", range(6))
def test_what_answers_nothing_is_no_part_of_what_is_asked(place, found):
    outlier = OneClassSVM().fit(X)
    outlier.support_vectors_ = outlier.support_vectors_[:1]  # compiled code would read behind its end
    with pytest.raises(UnsupportedModel) as caught:
        found(_inside(outlier)[place], X)
    assert caught.value.problem == "unreadable"


def test_it_may_be_the_last_step(found):
    contents = found(make_pipeline(StandardScaler(), LocalOutlierFactor(novelty=True)).fit(X), X)
    assert contents.records == N


def test_a_file_that_runs_code_is_refused(found):
    with pytest.raises(UnsafeModel):
        found(b"cos\nsystem\n(S'touch ran'\ntR.")


# --- the doors ------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3] / "src"))
    monkeypatch.chdir(tmp_path)
    Path("model.pkl").write_bytes(pickle.dumps(KNeighborsClassifier().fit(X, Y)))
    X.assign(label=Y).to_csv("train.csv", index=False)
    return tmp_path


def test_the_command_and_the_python_door(files):
    result = CliRunner().invoke(main, ["contents", "model.pkl", "train.csv", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["records"] == N
    again = leakgauge.contents("model.pkl", "train.csv", include_values=True, progress=False)
    assert again.records == N
    assert again.fields[0].examples
    assert leakgauge.contents(KNeighborsClassifier().fit(X, Y), X, Y).records == N


def test_the_command_prints_sentence_fields_and_remedy(files, monkeypatch):
    found = leakgauge.contents(KNeighborsClassifier().fit(X, Y), X, Y)
    monkeypatch.setattr("leakgauge.file_commands.look_into", lambda *_, **__: found)
    result = CliRunner().invoke(main, ["contents", "model.pkl"])
    lines = result.stdout.splitlines()
    assert lines[0] == f"This file contains all {N} training records, whole."
    assert lines[1].startswith(f"KNeighborsClassifier._fit_X: {N} of {N} records, in the order of the table")
    assert lines[-1].startswith("remedy: KNeighborsClassifier: It answers from these records.")


@pytest.mark.parametrize(
    ("model", "x", "y"),
    [("model.pkl", None, [1]), ("model.pkl", X, None), (RandomForestClassifier(), None, Y)],
)
def test_arguments_that_do_not_go_together(model, x, y):
    with pytest.raises(TypeError):
        leakgauge.contents(model, x, y)
