"""Reports on class profiles as audits make them, for tests to render and to break."""

from __future__ import annotations

from leakgauge.estimates import Estimate
from leakgauge.report.model import (
    AuxiliaryKnowledge,
    ClassFigures,
    ClassProfile,
    Insight,
    NotApplicable,
    Notice,
    ProfileColumn,
    ProfileFigures,
    ProfileMetrics,
    ProfileRow,
    ProfilesMeasured,
    ProfilesReport,
    ProfilesTarget,
    ProfileValue,
    Recommendation,
    Severity,
    Verdict,
)


def around(value: float, reach: float = 0.05) -> Estimate:
    return Estimate(value, value - reach, value + reach, 460)


def figures(leakage: Estimate, gain: Estimate) -> ProfileFigures:
    return ProfileFigures(
        error=around(0.08),
        chance=around(0.44),
        ceiling=around(0.07),
        gain=gain,
        to_learn=around(0.37),
        leakage=leakage,
        gain_corrected=gain,
        to_learn_corrected=around(0.37, 0.07),
        leakage_corrected=leakage,
    )


def measured(
    name: str, threat_model: str, *, leakage: Estimate | None, gain: Estimate | None, classes: int = 2
) -> ProfilesMeasured:
    found = None if leakage is None or gain is None else figures(leakage, gain)
    withheld = None if found else "There are no reference records to measure it with."
    return ProfilesMeasured(
        name,
        f"Attack {name}",
        threat_model,  # type: ignore[arg-type]  # one of the threat models
        "Somebody 2026",
        1_500,
        None
        if found is None
        else ProfileMetrics(
            leakage=found.leakage,
            gain=found.gain,
            error=found.error,
            chance=found.chance,
            ceiling=found.ceiling,
            leakage_corrected=found.leakage_corrected,
            gain_corrected=found.gain_corrected,
        ),
        tuple(ClassFigures(f"class {place}", 300.0, found, withheld) for place in range(classes)),
    )


def profile(target_class: str, *, columns: int = 3) -> ClassProfile:
    numbers = tuple(
        ProfileColumn(
            f"column {place}",
            "number",
            9.0,
            0.9,
            42.0,
            33.1,
            33.0,
            (),
            around(0.06),
            around(0.9),
            around(0.05),
        )
        for place in range(columns - 1)
    )
    city = ProfileColumn(
        "city",
        "category",
        1.0,
        0.3,
        None,
        None,
        None,
        (
            ProfileValue("Pune", 0.25, 0.58, 0.6),
            ProfileValue("Oslo", 0.45, 0.12, 0.1),
            ProfileValue("Lima", 0.3, 0.3, 0.3),
        ),
        around(0.06),
        around(0.35),
        around(0.05),
    )
    return ClassProfile(
        target_class,
        "weighted_records",
        460,
        "Compared with everybody: column 0 lower (33.1 against 42.0).",
        (*numbers, city),
    )


def profiles_report(*, classes: int = 2, columns: int = 3) -> ProfilesReport:
    names = tuple(f"class {place}" for place in range(classes))
    profiles = tuple(profile(name, columns=columns) for name in names)
    return ProfilesReport(
        verdict=Verdict(
            Severity.HIGH,
            "With 1,500 queries for probabilities and records of the same kind, an attacker learns what "
            "class “class 1” is like.",
            ("Leakage 0.96.",),
        ),
        parameters={"class_to_attack": None, "seed": 0},
        inputs={"model.pkl": "3b" * 32, "auxiliary.csv": "a0" * 32, "reference.csv": "7f" * 32},
        versions={"leakgauge": "0.1.0", "scikit-learn": "1.9.1"},
        seed=0,
        target=ProfilesTarget("Pipeline(LogisticRegression)", names, columns),
        auxiliary=AuxiliaryKnowledge("records", 1_500),
        warnings=(Notice("unused_columns", "auxiliary.csv: left out: “id”."),),
        insights=(
            Insight(
                "class_0",
                "What does an attacker learn about class “class 1”?",
                "Compared with everybody: column 0 lower (33.1 against 42.0).",
                {"leakage": around(0.9), "gain": around(0.35)},
            ),
        ),
        attacks=(
            measured(
                "weighted_records", "probabilities", leakage=around(0.9), gain=around(0.35), classes=classes
            ),
            measured("labelled_records", "labels", leakage=around(0.5), gain=around(0.2), classes=classes),
            NotApplicable(
                "copula_search", "Search", "probabilities", "Cornuet 2012", "The model gives labels alone."
            ),
        ),
        table=tuple(
            ProfileRow(found.target_class, column.name, 0.06, 0.9, 0.05)
            for found in profiles
            for column in found.columns
        ),
        profiles=profiles,
        recommendations=(
            Recommendation("Answer with labels alone", "Then less is told.", "50 % against 90 %."),
        ),
        headline="weighted_records",
        headline_class=names[-1],
    )
