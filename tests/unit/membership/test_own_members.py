"""A model that does not fit its own members is told, and never called safe; a weak one is left alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pools import inputs_of
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from leakgauge.membership.attacks import ATTACKS
from leakgauge.membership.audit import audit
from leakgauge.parameters import membership_parameters
from leakgauge.progress import Silent
from leakgauge.report.model import MembershipReport, Severity

pytestmark = pytest.mark.usefixtures("few_trees")

WITH_REFERENCES = tuple(attack for attack in ATTACKS if attack.trains_nothing or attack.name == "rmia")


def records(n: int, seed: int, *, noise: float = 0.5, rare: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 6)) * [1, 1, 5, 1, 1, 50]
    return x, (x[:, 0] + x[:, 1] + noise * rng.normal(size=n) > rare).astype(int)


def report_on(
    model: Any, members: tuple[np.ndarray, np.ndarray], others: tuple[np.ndarray, np.ndarray], models: int = 4
) -> MembershipReport:
    parameters = {"reference_models": models, "tradeoffs": False, "proportions": [90]}
    return audit(
        inputs_of(model, members, others),
        parameters=membership_parameters(None, parameters),
        attacks=WITH_REFERENCES,
        inputs_sha256={},
        progress=Silent(),
    )


def is_told(report: MembershipReport) -> bool:
    return any(notice.code == "does_not_fit_members" for notice in report.warnings)


SPOILED = {
    "scaler left outside": lambda x, y: (40 * x + 1000, y),
    "labels coded the other way round": lambda x, y: (x, 1 - y),
    "columns in another order": lambda x, y: (np.ascontiguousarray(x[:, ::-1]), y),
    "another column taken for the label": lambda x, y: (x, (x[:, 4] > 0).astype(int)),
}


@pytest.mark.parametrize("models", [pytest.param(0, marks=pytest.mark.slow), 4])
@pytest.mark.parametrize("how", SPOILED)
def test_tables_in_another_form_than_training_are_told(how: str, models: int) -> None:
    members, others = records(400, 0), records(400, 1)
    model = RandomForestClassifier(30, min_samples_leaf=5, random_state=0).fit(*members)
    assert not is_told(report_on(model, members, others, models))
    spoiled = report_on(model, SPOILED[how](*members), SPOILED[how](*others), models)
    if how != "columns in another order" or models:  # half a signal is left, more than guessing
        assert is_told(spoiled)
        assert spoiled.verdict.severity is not Severity.LOW


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        GaussianNB(),
        DecisionTreeClassifier(max_depth=2),
        RandomForestClassifier(30, max_depth=3, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.parametrize(
    ("noise", "rare"), [(0.5, 0.0), (6.0, 0.0), (0.5, 3.0)], ids=["clear", "noisy", "rare"]
)
@pytest.mark.parametrize("models", [pytest.param(0, marks=pytest.mark.slow), 4])
def test_weak_and_simple_models_are_left_alone(model: Any, noise: float, rare: float, models: int) -> None:
    members, others = records(300, 3, noise=noise, rare=rare), records(300, 4, noise=noise, rare=rare)
    assert not is_told(report_on(model.fit(*members), members, others, models))


def test_rare_labels_do_not_hide_that_a_scaler_was_left_outside() -> None:
    members, others = records(800, 0, rare=3.2), records(800, 1, rare=3.2)
    assert members[1].mean() < 0.05  # naming the frequent label is right about nearly all
    model = LogisticRegression().fit((members[0] - 1000) / 40, members[1])
    spoiled = SPOILED["scaler left outside"]
    report = report_on(model, spoiled(*members), spoiled(*others))
    assert is_told(report)
    assert report.verdict.severity is Severity.INCONCLUSIVE
    for weight in (None, "balanced"):
        honest = LogisticRegression(class_weight=weight).fit(*members)
        assert not is_told(report_on(honest, members, others))


def test_records_that_were_not_trained_on_are_told_where_models_like_it_would_know_them() -> None:
    members, others = records(400, 5, noise=3.0), records(400, 6, noise=3.0)
    model = RandomForestClassifier(30, random_state=0).fit(*records(400, 7, noise=3.0))
    report = report_on(model, members, others)
    assert is_told(report)
    assert report.verdict.severity is Severity.INCONCLUSIVE


def test_tables_that_were_swapped_are_told_as_that() -> None:
    members, others = records(200, 5, noise=3.0), records(200, 6, noise=3.0)
    model = RandomForestClassifier(30, random_state=0).fit(*members)
    swapped = report_on(model, others, members)
    told = [notice.message for notice in swapped.warnings if notice.code == "does_not_fit_members"]
    assert "members and non-members may have been swapped" in told[0]
    assert told[0] in swapped.verdict.reasons
    # of a model that knows neither table nobody says so
    stranger = RandomForestClassifier(30, random_state=0).fit(*records(200, 7, noise=3.0))
    assert not any("swapped" in notice.message for notice in report_on(stranger, members, others).warnings)


def test_more_records_are_not_what_is_missing_where_tables_differ_or_are_others() -> None:
    members, others = records(200, 5), records(200, 6)
    model = RandomForestClassifier(30, random_state=0).fit(*members)
    shifted = report_on(model, members, (others[0] + 60.0, others[1]))
    assert shifted.verdict.severity is Severity.INCONCLUSIVE
    titles = [advice.title for advice in shifted.recommendations]
    assert titles[0] == "Send members and non-members of one source"
    assert "Send more records" not in titles
    stranger = LogisticRegression().fit(members[0], 1 - members[1])
    strange = report_on(stranger, members, others)
    assert is_told(strange)
    assert not any("records" in advice.title for advice in strange.recommendations)
