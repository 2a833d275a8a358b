"""Every command takes a Pipeline over a pandas table whose labels are text, categories or bool."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cases import audited
from click.testing import CliRunner
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import leakgauge
from leakgauge.cli import main
from leakgauge.report.model import MembershipMeasured
from leakgauge.tables.labels import known_labels

LABELS = {
    "object": lambda y: pd.Series(np.where(y, "yes", "no").astype(object)),
    "text": lambda y: pd.Series(np.where(y, "yes", "no")).astype("string"),
    "category": lambda y: pd.Series(np.where(y, "yes", "no")).astype("category"),
    "bool": lambda y: pd.Series(y),
    "nullable_bool": lambda y: pd.Series(y).astype("boolean"),
}
QUICK = {
    "attacks": ["gap", "loss", "rmia", "leaf_counts"],
    "reference_models": 2,
    "tradeoffs": False,
    "most_exposed": 5,
}


def bundle_of(labels: str, folder: Path) -> Path:
    """A folder with a forest that memorised 120 people, and 120 others."""
    rng = np.random.default_rng(0)
    cities = rng.choice(np.array(["Oslo", "Rome", "Ulm"], object), 240)
    table = pd.DataFrame({"age": rng.uniform(18, 80, 240).round(3), "city": cities})
    y = LABELS[labels](table["age"].to_numpy() + rng.normal(0, 25, 240) > 50)
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["city"]), remainder="passthrough"),
        RandomForestClassifier(10, random_state=0),
    ).fit(table[:120], y[:120])
    folder.mkdir()
    (folder / "model.pkl").write_bytes(pickle.dumps(model))
    for name, rows in (("train.csv", slice(0, 120)), ("test.csv", slice(120, 240))):
        table[rows].assign(outcome=np.asarray(y[rows])).to_csv(folder / name, index=False)
    return folder


@pytest.mark.parametrize("labels", LABELS)
def test_an_audit_reads_the_labels_as_the_model_knows_them(labels: str, tmp_path: Path) -> None:
    report = audited(bundle_of(labels, tmp_path / "bundle"), label_column="outcome", **QUICK)
    assert report.target.train_accuracy.value > 0.9
    assert all(isinstance(attack, MembershipMeasured) for attack in report.attacks)


@pytest.mark.parametrize("classes", [[0.0, 1.0], [0, 1], [False, True]])
def test_words_of_truth_are_the_classes_0_and_1_and_no_others(classes: list) -> None:
    words = pd.Series(["True", "FALSE", "true", "False"])
    found = known_labels(words, np.array(classes))
    assert [found[word] for word in words] == [1, 0, 1, 0]
    assert set(known_labels(words, np.array([0, 1, 2])).values()) == {-1}
    assert set(known_labels(words, np.array([1, 2])).values()) == {-1}


@pytest.mark.slow
@pytest.mark.parametrize("labels", LABELS)
def test_every_command_and_the_library_agree(labels: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    bundle = bundle_of(labels, tmp_path / "bundle")
    settings = QUICK | {"label_column": "outcome"}
    (bundle / "parameters.json").write_text(json.dumps(settings))

    def call(*arguments: str) -> str:
        done = CliRunner().invoke(main, list(arguments))
        assert done.exit_code in (0, 1, 3), done.output  # where a gate does not pass
        return done.output

    call("audit", "bundle", "-o", "report")
    report = leakgauge.audit(bundle)
    assert leakgauge.audit(bundle, output=tmp_path / "again") == report
    assert (tmp_path / "again" / "report.json").read_bytes() == Path("report/report.json").read_bytes()
    assert "rules" in call("gate", "report")
    assert leakgauge.gate(report) == leakgauge.gate(tmp_path / "report")
    call("compare", "bundle", "--defence", "rounding=1", "-o", "comparison")
    found = leakgauge.compare_defence(bundle, ["rounding=1"])
    assert found.effect == json.loads(Path("comparison/comparison.json").read_text())["effect"]
    call("sanitize", "bundle/model.pkl", "-o", "released.pkl")
    stripped = pickle.loads(Path("released.pkl").read_bytes())
    model = pickle.loads((bundle / "model.pkl").read_bytes())
    x = pd.read_csv(bundle / "test.csv")[["age", "city"]]
    assert np.array_equal(stripped.predict(x), model.predict(x))
