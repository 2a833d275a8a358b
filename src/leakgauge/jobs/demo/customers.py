"""The demo's second and third question, of a table of invented customers and two small random forests.

Was this customer in the data? The likelihood-ratio attack compares a forest's answer about a record with
those of reference forests that were and were not trained on it. What does a high-risk customer look like? The
audit of class profiles searches records that a forest calls high-risk.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from leakgauge.estimates import balanced_accuracy, proportion
from leakgauge.jobs.request import JobRequest
from leakgauge.jobs.table import DEMO_CUSTOMERS
from leakgauge.membership.attacks.lira import log_likelihood_ratios
from leakgauge.membership.pool import ReferenceAnswers
from leakgauge.profiles.in_memory import GivenRecords, audit_given
from leakgauge.progress import Display, Share
from leakgauge.report.model import ProfilesReport
from leakgauge.targets.protocol import BoolArray, FloatArray

HIGH_RISK, LOW_RISK = "high risk", "low risk"
POOL, OTHERS = 200, 600
"""Customers of whom a random half is trained on, and others: for accuracy, and for an attacker to have."""
SHOWN_EACH = 4
"""Members and non-members that the page offers, the first of the pool: no choice is made."""
TREES, REFERENCE_PAIRS = 30, 24
LARGEST_ODDS = 99.0
Kind: TypeAlias = Literal["usual", "regularised"]
FORESTS: Final[dict[Kind, dict[str, Any]]] = {
    "usual": {},
    "regularised": {"min_samples_leaf": 10, "max_features": 0.5, "max_samples": 0.5},
}


@dataclass(frozen=True, slots=True)
class Customers:
    """(n, 5) records, a DataFrame, and (n,) labels of invented customers."""

    records: pd.DataFrame
    labels: NDArray[np.str_]

    def part(self, chosen: Any) -> Customers:
        """The customers at these places."""
        return Customers(self.records.iloc[chosen].reset_index(drop=True), self.labels[chosen])


def invented_customers(n: int, rng: np.random.Generator) -> Customers:
    """Customers whose risk follows from what is known of them, and from much that is not."""
    records = pd.DataFrame(
        {
            "age": rng.integers(19, 80, n),
            "income in thousands": np.round(np.exp(rng.normal(3.6, 0.4, n))),
            "years as a customer": rng.integers(0, 25, n),
            "late payments": rng.poisson(1.2, n),
            "open loans": rng.integers(0, 5, n),
        }
    ).astype(float)
    scaled = (records - records.mean()) / records.std()
    risk = scaled.to_numpy() @ np.array([-0.5, -0.7, -0.4, 1.0, 0.6]) + rng.normal(0.0, 0.9, n)
    return Customers(records, np.where(risk > np.quantile(risk, 0.7), HIGH_RISK, LOW_RISK))


def answer(request: JobRequest, display: Display) -> None:
    """Answer both questions; `overrides` name the seed."""
    display.report("inventing customers", 0.0)
    seed = cast(int, request.overrides["seed"])
    rng = np.random.default_rng([seed, 3])
    everybody = invented_customers(POOL + OTHERS, rng)
    pool, others = everybody.part(slice(POOL)), everybody.part(slice(POOL, None))
    members = np.zeros(POOL, dtype=bool)
    members[rng.permutation(POOL)[: POOL // 2]] = True
    measured: dict[Kind, dict[str, Any]] = {}
    odds: dict[Kind, FloatArray] = {}
    for place, kind in enumerate(FORESTS):
        share = Share(display, 0.4 * place, 0.4 * (place + 1))
        forest = _forest(kind, pool.part(members), seed)
        ratios = _log_likelihood_ratios(kind, forest, pool, rng, share)
        right = int((forest.predict(others.records) == others.labels).sum())
        odds[kind] = ratios
        measured[kind] = {
            "right": asdict(balanced_accuracy(ratios > 0, members)),
            "accuracy": asdict(proportion(right, len(others.labels))),
        }
    result = {
        "seed": seed,
        "columns": [*pool.records.columns],
        "records": [_record(pool, place, members, odds) for place in _shown(members)],
        "membership": measured,
        "profile": _profile(_forest("usual", pool.part(members), seed), pool.part(members), others, display),
    }
    (name,) = DEMO_CUSTOMERS.leaves
    (request.report / name).write_text(json.dumps(result, allow_nan=False), encoding="utf-8")


def _forest(kind: Kind, customers: Customers, seed: int) -> RandomForestClassifier:
    forest = RandomForestClassifier(TREES, random_state=seed, **FORESTS[kind])
    return forest.fit(customers.records, customers.labels)


def _log_likelihood_ratios(
    kind: Kind,
    forest: RandomForestClassifier,
    pool: Customers,
    rng: np.random.Generator,
    display: Share,
) -> FloatArray:
    """(n,) how much likelier the forest's answer is if it was trained on the record, as a logarithm."""
    probabilities, trained_on = [], []
    for pair in range(REFERENCE_PAIRS):
        display.report("training forests to compare with", pair / REFERENCE_PAIRS)
        inside = np.zeros(POOL, dtype=bool)
        inside[rng.permutation(POOL)[: POOL // 2]] = True
        for chosen in (inside, ~inside):
            reference = _forest(kind, pool.part(chosen), int(rng.integers(1 << 31)))
            probabilities.append(_probability_of_label(reference, pool))
            trained_on.append(chosen)
    answers = ReferenceAnswers(np.stack(probabilities), np.stack(trained_on))
    return log_likelihood_ratios(_probability_of_label(forest, pool), answers, votes=True)


def _probability_of_label(forest: RandomForestClassifier, customers: Customers) -> FloatArray:
    """(n,) the forest's probability of each customer's true label."""
    place = np.searchsorted(forest.classes_, customers.labels)
    found: FloatArray = forest.predict_proba(customers.records)[np.arange(len(place)), place]
    return found


def _shown(members: BoolArray) -> list[int]:
    """Places of the first members and non-members, as they come."""
    first = [*np.flatnonzero(members)[:SHOWN_EACH], *np.flatnonzero(~members)[:SHOWN_EACH]]
    return sorted(int(place) for place in first)


def _record(pool: Customers, place: int, members: BoolArray, odds: dict[Kind, FloatArray]) -> dict[str, Any]:
    return {
        "name": f"Customer {place + 1}",
        "values": pool.records.iloc[place].tolist(),
        "label": str(pool.labels[place]),
        "member": bool(members[place]),
        "answers": {
            kind: {
                "member": bool(ratios[place] > 0),
                "odds": float(min(np.exp(abs(ratios[place])), LARGEST_ODDS)),
            }
            for kind, ratios in odds.items()
        },
    }


def _profile(
    forest: RandomForestClassifier, trained: Customers, others: Customers, display: Display
) -> dict[str, Any]:
    """What the audit of class profiles says of high-risk customers."""
    half = len(others.labels) // 2
    given = GivenRecords(
        auxiliary=others.part(slice(half)).records, reference=(trained.records, trained.labels)
    )
    report = cast(ProfilesReport, audit_given(forest, given, {}, Share(display, 0.8, 1.0)).report)
    profile = next(one for one in report.profiles if one.target_class == HIGH_RISK)
    return {
        "severity": report.verdict.severity.value,
        "verdict": report.verdict.sentence,
        "sentence": profile.sentence,
        "records": profile.reference_records,
        "columns": [
            {
                "name": column.name,
                "everybody": column.everybody,
                "attacker": column.attacker,
                "real": column.real,
                "unit": column.unit,
            }
            for column in profile.columns
        ],
    }
