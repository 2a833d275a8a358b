"""What the membership report says of the file: in its fields, on its page, in the terminal."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.support.cases import audited

from leakgauge import summary
from leakgauge.errors import UnsupportedModel
from leakgauge.membership import contents as membership_contents
from leakgauge.model_contents import rebuilt
from leakgauge.report.html import render
from leakgauge.report.json_document import from_json, to_json
from leakgauge.report.model import Audited

N = 60
RANDOM = np.random.default_rng(0)
X = pd.DataFrame(RANDOM.normal(size=(2 * N, 3)), columns=list("abc"))
Y = (X["a"] > 0).astype(int)


def report_on(model: Any, folder: Path) -> Any:
    (folder / "model.pkl").write_bytes(pickle.dumps(model.fit(X[:N], Y[:N])))
    X[:N].assign(label=Y[:N]).to_csv(folder / "train_mia.csv", index=False)
    X[N:].assign(label=Y[N:]).to_csv(folder / "test_mia.csv", index=False)
    return audited(folder, attacks=["gap", "leaf_counts"])


def test_the_report_says_that_the_file_is_the_table(tmp_path):
    report = report_on(make_pipeline(StandardScaler(), KNeighborsClassifier()), tmp_path)
    sentence = f"This file contains all {N} training records, whole, as the steps before transform them."
    assert report.contents.sentence == sentence
    assert (report.contents.records, report.contents.compared) == (N, N)
    assert from_json(to_json(report)).contents == report.contents
    page = render(Audited(report))
    assert sentence in page
    assert "KNeighborsClassifier._fit_X in steps[1]" in page
    assert "Offer answers and not the file" in page
    assert f"If the file leaks: {sentence}" in summary.lines(json.loads(to_json(report)), tmp_path)


def test_a_model_that_holds_nothing_is_not_called_safe(tmp_path):
    report = report_on(RandomForestClassifier(5, random_state=0), tmp_path)
    assert report.contents.records == 0
    assert "may still be turned back" in report.contents.sentence
    assert "What attacks make of it" in render(Audited(report))


def test_names_out_of_a_file_do_no_harm_on_the_page(tmp_path):
    report = report_on(KNeighborsClassifier(), tmp_path)
    hostile = replace(report.contents.fields[0], attribute="<script>alert(1)</script>", path="\x1b[2J")
    spoiled = replace(report, contents=replace(report.contents, fields=(hostile,)))
    page = render(Audited(spoiled))
    assert "<script>" not in page
    assert "\x1b" not in page


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), "more memory"),
        (ValueError("a secret"), "It broke off with a ValueError in spoiled."),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_audit_goes_on_where_the_file_cannot_be_compared(error, reason, tmp_path, monkeypatch):
    def spoiled(*_: object) -> None:
        raise error

    monkeypatch.setattr(membership_contents, "contents_of", spoiled)
    report = report_on(KNeighborsClassifier(), tmp_path)
    assert report.contents is None
    (said,) = [notice.message for notice in report.warnings if notice.code == "file_not_compared"]
    assert reason in said
    assert b"a secret" not in to_json(report)


@pytest.mark.parametrize("error", [MemoryError(), IndexError("a secret")], ids=lambda e: type(e).__name__)
def test_what_the_file_holds_is_told_where_rebuilding_its_table_breaks_off(error, tmp_path, monkeypatch):
    def spoiled(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(rebuilt, "rebuilt_table", spoiled)
    report = report_on(RandomForestClassifier(5, random_state=0), tmp_path)
    assert report.contents.records == 0
    assert report.contents.rebuilt.status == "not_rebuilt"
    assert "is not known" in report.contents.rebuilt.sentence
    assert ("IndexError in spoiled" in report.contents.rebuilt.sentence) == isinstance(error, IndexError)
    assert b"a secret" not in to_json(report)


def test_what_the_user_must_mend_is_no_gap_in_the_report(tmp_path, monkeypatch):
    def spoiled(*_: object) -> None:
        raise UnsupportedModel("x", "x", hint="x")

    monkeypatch.setattr(membership_contents, "contents_of", spoiled)
    with pytest.raises(UnsupportedModel):
        report_on(KNeighborsClassifier(), tmp_path)
