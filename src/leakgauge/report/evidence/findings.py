"""What a report found, a sentence each: the figure, its interval, and where it stands.

A finding is None where the audit did not measure it. That is never read as a good one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from leakgauge.report import formatting, risk
from leakgauge.report.evidence.origins import Origin
from leakgauge.report.evidence.precision import precision_table
from leakgauge.report.model import (
    EvasionMeasured,
    InversionMeasured,
    InversionReport,
    MembershipMeasured,
    MembershipReport,
    ProfilesMeasured,
    ProfilesReport,
    Report,
)

CONFIDENCE_ATTACKS: Final = frozenset(
    {"loss", "entropy", "modified_entropy", "learned_nn", "learned_rf", "learned_gb", "black_box_art"}
)
REFERENCE_ATTACKS: Final = frozenset({"rmia", "lira", "rmia_offline", "lira_offline"})
PERTURBATION_ATTACKS: Final = frozenset({"label_only"})
GRADIENT_ATTACKS: Final = frozenset({"miface", "miface_art"})


@dataclass(frozen=True, slots=True)
class Finding:
    """A figure in words, the anchor on the page where it stands, and what it rests on."""

    text: str
    anchor: str
    origin: Origin = "measured"


Finder = Callable[[Report], "Finding | None"]


def _membership(report: Report) -> Finding | None:
    worst = risk.headline(report.attacks) if isinstance(report, MembershipReport) else None
    if worst is None:
        return None
    accuracy = formatting.percent_value(worst.metrics.accuracy)
    spread = formatting.percent_interval(worst.metrics.accuracy_corrected)
    severity = formatting.severity(report.verdict.severity, report.verdict.borderline)
    return Finding(
        f"leakage {severity}; the strongest attack on the answers has an AUC of {_area(worst)} and a "
        f"balanced accuracy of {accuracy} ({spread}); guessing gets 0.5 and 50 %",
        "attacks",
    )


def _members_found(report: Report) -> Finding | None:
    worst = risk.headline(report.attacks) if isinstance(report, MembershipReport) else None
    found = worst.metrics.tpr_at_fpr_corrected.get(risk.LOW_FALSE_POSITIVES) if worst else None
    rate = formatting.rate(found) if found else None
    if rate is None:
        return None
    return Finding(f"{formatting.percent(rate)} of members are found at 1 % FPR", "attacks")


def _precision(report: Report) -> Finding | None:
    table = precision_table(report)
    found = table.at(risk.LOW_FALSE_POSITIVES, 0.01) if table else None
    if found is None:
        return None
    return Finding(
        f"where 1 % of the records tried are members, {formatting.percent(found)} of positive predictions at "
        "1 % FPR are right",
        "precision",
        "combined",
    )


def _of_attacks(names: Collection[str], what: str) -> Finder:
    """The strongest of some membership attacks on the answers."""

    def find(report: Report) -> Finding | None:
        if not isinstance(report, MembershipReport):
            return None
        worst = risk.headline([attack for attack in report.attacks if attack.name in names])
        if worst is None:
            return None
        return Finding(f"{what} reach an AUC of {_area(worst)} ({worst.title})", "attacks")

    return find


def _on_file(report: Report) -> Finding | None:
    worst = risk.headline_on_file(report.attacks) if isinstance(report, MembershipReport) else None
    if worst is None:
        return None
    return Finding(f"the strongest attack on the model file has an AUC of {_area(worst)}", "leaked-file")


def _contents(report: Report) -> Finding | None:
    contents = report.contents if isinstance(report, MembershipReport) else None
    if contents is None or contents.compared is None or contents.records is None:
        return None
    return Finding(
        f"of {contents.compared:,} training records {contents.records:,} stand whole in the model file",
        "leaked-file",
    )


def _rebuilt(report: Report) -> Finding | None:
    contents = report.contents if isinstance(report, MembershipReport) else None
    if contents is None or contents.rebuilt is None or contents.rebuilt.status == "not_applicable":
        return None
    return Finding(contents.rebuilt.sentence.rstrip("."), "leaked-file")


def _attributes(report: Report) -> Finding | None:
    found = report.attributes if isinstance(report, MembershipReport) else None
    measured = found is not None and any(column.withheld is None for column in found.columns)
    if found is None or not measured:
        return None
    severity = formatting.severity(found.verdict.severity, found.verdict.borderline)
    return Finding(f"leakage of sensitive columns {severity}", "attributes")


def _stand_out(report: Report) -> Finding | None:
    if not isinstance(report, MembershipReport) or risk.headline(report.attacks) is None:
        return None
    if not report.records:
        return Finding("no record is listed as standing out from the non-members", "attacks")
    rate = report.records[0].false_positive_rate
    return Finding(
        f"the record that stands out most is matched by {formatting.percent(rate)} of non-members",
        "records",
    )


def _groups(report: Report) -> Finding | None:
    slices = report.slices if isinstance(report, MembershipReport) else ()
    areas = [(part.auc, part.name) for part in slices if part.by == "group" and part.auc is not None]
    if not areas:
        return None
    area, name = max(areas, key=lambda found: found[0].low)
    return Finding(
        f"of {len(areas)} groups, “{formatting.name(name)}” is exposed most, with an AUC of "
        f"{formatting.number(area)}",
        "slices",
    )


def _changes(report: Report) -> Finding | None:
    tradeoffs = report.tradeoffs if isinstance(report, MembershipReport) else None
    if tradeoffs is None or not tradeoffs.changes:
        return None
    return Finding(tradeoffs.sentence.rstrip("."), "tradeoffs")


def _accuracy(report: Report) -> Finding | None:
    if not isinstance(report, MembershipReport):
        return None
    target = report.target
    if target.errors is not None:
        return Finding(
            f"the test error (RMSE) is {formatting.quantity(target.errors.test_rmse)}, on the non-members",
            "verdict",
        )
    return Finding(
        f"test accuracy is {formatting.percent(target.test_accuracy)}, on the non-members", "verdict"
    )


def _purpose(report: Report) -> Finding | None:
    details = report.parameters.get("report")
    purpose = details.get("purpose") if isinstance(details, Mapping) else None
    if not isinstance(purpose, str):
        return None
    return Finding(f"the purpose was declared as “{purpose}”; nobody verified it", "verdict", "declared")


def _reconstruction(report: Report) -> Finding | None:
    return _most_similar(report, on_file=False)


def _reconstruction_on_file(report: Report) -> Finding | None:
    return _most_similar(report, on_file=True)


def _most_similar(report: Report, *, on_file: bool) -> Finding | None:
    measured = [
        attack
        for attack in report.attacks
        if isinstance(attack, InversionMeasured) and (attack.threat_model == "model_file") == on_file
    ]
    if not isinstance(report, InversionReport) or not measured:
        return None
    worst = max(measured, key=lambda attack: attack.metrics.leakage.low)
    severity = formatting.severity(report.verdict.severity, report.verdict.borderline)
    start = "" if on_file else f"leakage {severity}; "
    way = formatting.percent(worst.metrics.leakage)
    return Finding(f"{start}{worst.title} comes {way} of the way from chance to the images", "attacks")


def _profiles(report: Report) -> Finding | None:
    measured = [
        attack for attack in report.attacks if isinstance(attack, ProfilesMeasured) and attack.metrics
    ]
    if not isinstance(report, ProfilesReport) or not measured:
        return None
    severity = formatting.severity(report.verdict.severity, report.verdict.borderline)
    return Finding(f"leakage of class profiles {severity}; {report.verdict.sentence.rstrip('.')}", "attacks")


def _evasion(report: Report) -> Finding | None:
    evasion = report.evasion if isinstance(report, InversionReport) else None
    if not isinstance(evasion, EvasionMeasured) or not evasion.curve:
        return None
    first, last = evasion.curve[0], evasion.curve[-1]
    return Finding(
        f"under evasion within {255 * last.radius:.0f} of 255 the accuracy goes from "
        f"{formatting.percent(first.right)} to {formatting.percent(last.right)}",
        "evasion",
    )


FINDERS: Final[dict[str, Finder]] = {
    "membership": _membership,
    "members_found": _members_found,
    "precision": _precision,
    "confidence": _of_attacks(CONFIDENCE_ATTACKS, "attacks on confidence scores"),
    "references": _of_attacks(REFERENCE_ATTACKS, "attacks with reference (shadow) models"),
    "perturbation": _of_attacks(PERTURBATION_ATTACKS, "attacks by perturbed records"),
    "file": _on_file,
    "contents": _contents,
    "rebuilt": _rebuilt,
    "attributes": _attributes,
    "records": _stand_out,
    "groups": _groups,
    "changes": _changes,
    "accuracy": _accuracy,
    "purpose": _purpose,
    "reconstruction": _reconstruction,
    "gradients": _reconstruction_on_file,
    "profiles": _profiles,
    "evasion": _evasion,
}
"""Everything that a clause can be answered by, by the name that the table of clauses uses."""


def _area(attack: MembershipMeasured) -> str:
    area = attack.metrics.auc_corrected
    return f"{formatting.number_value(attack.metrics.auc)} ({formatting.number_interval(area)})"
