"""The bundles in `tests/data/cases/tables` give what they must: every figure is the model's own."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from cases import CASES, audited, refusal

from leakgauge.report.model import MembershipMeasured, MembershipReport, Severity
from leakgauge.targets.sklearn.reading import load_model

TABLES = CASES / "tables"

# how pandas has to be told to read each table as the model was trained on it
READ_AS_TRAINED: dict[str, dict[str, object]] = {
    "tab-category-spelled-NA": {"keep_default_na": False},
    "tab-category-none-from-parquet": {},
    "tab-zip-codes-as-text": {"dtype": {"zip": str}},
    "tab-numeric-codes-as-str": {"dtype": dict.fromkeys("abc", str)},
    "tab-ordinal-unknown-value": {"dtype": dict.fromkeys("pqrs", str)},
    "tab-label-words-none": {"dtype": {"label": str}, "keep_default_na": False},
    "tab-label-country-NA": {"dtype": {"label": str}, "keep_default_na": False},
    "tab-label-one-of-many-null": {"dtype": {"label": str}, "keep_default_na": False},
    "tab-label-codes-leading-zero": {"dtype": {"label": str}},
    "tab-labels-1e3-like": {"dtype": {"label": str}},
    "tab-excel-sep-line": {"skiprows": 1, "sep": ";"},
    "tab-comment-lines": {"comment": "#"},
    "tab-hgb-category-dtype-full": {"dtype": dict.fromkeys(["job", "city", "brand", "plan"], "category")},
}


def own_accuracy(case: str, tmp_path: Path, report: MembershipReport) -> tuple[float, int]:
    """What the model itself gets right of its members, and of how many, without a line of ours."""
    with zipfile.ZipFile(TABLES / f"{case}.zip") as archive:
        frames = [
            pd.read_csv(io.BytesIO(archive.read(name)), **READ_AS_TRAINED[case])
            for name in ("train_mia.csv", "test_mia.csv")
        ]
        (tmp_path / "model.pkl").write_bytes(archive.read("model.pkl"))
    model = load_model(tmp_path / "model.pkl").estimator
    members = frames[0]
    if case == "tab-category-none-from-parquet":
        members = members.astype({"tier": object}).where(members.notna(), None)
    if any(notice.code == "records_in_both_tables" for notice in report.warnings):
        members = members.merge(frames[1].drop_duplicates(), how="left", indicator=True)
        members = members[members.pop("_merge") == "left_only"]
    if any(notice.code == "repeated_records" for notice in report.warnings):
        members = members.drop_duplicates()
    right = model.predict(members[list(model.feature_names_in_)]) == members["label"]
    return float(right.mean()), len(right)


@pytest.mark.parametrize("case", READ_AS_TRAINED)
def test_every_cell_is_read_as_the_model_knows_it(case: str, tmp_path: Path) -> None:
    report = audited(TABLES / f"{case}.zip")
    accuracy, members = own_accuracy(case, tmp_path, report)
    assert report.target.train_accuracy.value == pytest.approx(accuracy)
    assert report.target.members == members
    assert accuracy > 0.95
    assert report.verdict.severity in (Severity.MODERATE, Severity.HIGH, Severity.CRITICAL)
    measured = {attack.name for attack in report.attacks if isinstance(attack, MembershipMeasured)}
    assert "rmia" in measured
    assert not {"does_not_fit_members", "unknown_values"} & {notice.code for notice in report.warnings}


def test_clones_of_histogram_boosting_see_the_dtype_that_the_model_saw() -> None:
    report = audited(TABLES / "tab-hgb-category-dtype-full.zip")
    assert {"rmia", "lira"} <= {a.name for a in report.attacks if isinstance(a, MembershipMeasured)}


@pytest.mark.parametrize(
    ("case", "label"),
    [("tab-target-first-last-feature-binary", "target"), ("tab-year-headers-array-model", "churn")],
)
def test_the_label_is_found_wherever_it_stands(case: str, label: str) -> None:
    report = audited(TABLES / f"{case}.zip")
    assert report.target.train_accuracy.value == 1.0
    (notice,) = (notice for notice in report.warnings if notice.code == "label_column")
    assert f"“{label}”" in notice.message


def test_a_scaler_left_outside_is_never_a_low() -> None:
    report = audited(TABLES / "tab-scaler-left-outside.zip")
    assert report.verdict.severity is Severity.INCONCLUSIVE
    (notice,) = (notice for notice in report.warnings if notice.code == "does_not_fit_members")
    assert "scaler" in notice.message


def test_thousands_separators_are_told_with_their_column() -> None:
    error = refusal(TABLES / "tab-thousands-quoted.zip")
    assert error.problem == "thousands_separators"
    assert "“income” of train_mia.csv: line 2" in error.message
    assert "thousands" in error.hint
