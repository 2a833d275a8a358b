"""The main figures of a report, by names that stay: for model cards and for experiment tracking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from leakgauge.estimates import Estimate
from leakgauge.report import formatting, risk
from leakgauge.report.evidence.precision import PRIORS, precision_table
from leakgauge.report.model import (
    InversionMeasured,
    InversionReport,
    MembershipMeasured,
    MembershipReport,
    ProfilesMeasured,
    ProfilesReport,
    Report,
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: a `name` for programs, a `title` for people, and the attack that it is of, if of any."""

    name: str
    title: str
    estimate: Estimate
    attack: str | None = None


def main_figures(report: Report) -> tuple[Figure, ...]:
    """The figures that the verdict is about, those that were measured alone; names are plain and distinct."""
    if isinstance(report, MembershipReport):
        return tuple(_of_membership(report))
    if isinstance(report, InversionReport):
        return tuple(_of_inversion(report))
    return tuple(_of_profiles(report))


def _of_membership(report: MembershipReport) -> Iterator[Figure]:
    worst = risk.headline(report.attacks)
    if worst is not None:
        yield from _of_attack(worst)
        table = precision_table(report)
        for prior in PRIORS:
            found = table.at(risk.LOW_FALSE_POSITIVES, prior) if table else None
            if found is not None:
                yield Figure(
                    f"precision_at_{100 * prior:.0f}_percent_prior",
                    f"Precision at 1 % FPR where {100 * prior:.0f} % are members",
                    found,
                    worst.title,
                )
    worst = risk.headline_on_file(report.attacks)
    if worst is not None:
        yield Figure(
            "model_file_auc", "AUC of attacks on the model file", worst.metrics.auc_corrected, worst.title
        )
    target = report.target
    if target.errors is None:
        yield Figure("test_accuracy", "Test accuracy, on the non-members", target.test_accuracy)
        yield Figure("train_accuracy", "Training accuracy", target.train_accuracy)
    else:
        yield Figure("test_rmse", "Test error (RMSE), on the non-members", target.errors.test_rmse)
        yield Figure("train_rmse", "Training error (RMSE)", target.errors.train_rmse)


def _of_attack(worst: MembershipMeasured) -> Iterator[Figure]:
    metrics = worst.metrics
    yield Figure("auc", "AUC of attacks on the answers", metrics.auc_corrected, worst.title)
    yield Figure(
        "attack_accuracy",
        "Balanced accuracy of attacks on the answers",
        metrics.accuracy_corrected,
        worst.title,
    )
    for key, found in metrics.tpr_at_fpr_corrected.items():
        rate = formatting.rate(found)
        if rate is not None and formatting.limit_value(key) is not None:
            limit = f"{100 * float(key):g}".replace(".", "_")
            title = f"TPR at {formatting.limit(key)} FPR"
            yield Figure(f"tpr_at_{limit}_percent_fpr", title, rate, worst.title)


def _of_inversion(report: InversionReport) -> Iterator[Figure]:
    for on_file, name, title in (
        (False, "leakage", "Leakage by attacks on the answers"),
        (True, "model_file_leakage", "Leakage by attacks on the model file"),
    ):
        measured = [
            attack
            for attack in report.attacks
            if isinstance(attack, InversionMeasured) and (attack.threat_model == "model_file") == on_file
        ]
        if measured:
            worst = max(measured, key=lambda attack: attack.metrics.leakage.low)
            yield Figure(name, title, worst.metrics.leakage, worst.title)


def _of_profiles(report: ProfilesReport) -> Iterator[Figure]:
    known = [
        (attack.metrics, attack.title)
        for attack in report.attacks
        if isinstance(attack, ProfilesMeasured) and attack.metrics is not None
    ]
    if known:
        metrics, title = max(known, key=lambda found: found[0].gain_corrected.low)
        yield Figure("gain", "Gain on a class's profile", metrics.gain_corrected, title)
        yield Figure("leakage", "Leakage of a class's profile", metrics.leakage_corrected, title)
