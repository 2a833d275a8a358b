"""What a change does to the leakage of sensitive columns, beside the leakage of membership, which decides."""

from __future__ import annotations

from collections.abc import Sequence

from leakgauge.report.comparison.figures import change_between, worst_side
from leakgauge.report.comparison.model import Change, Side
from leakgauge.report.model import AttributeMeasured, MembershipReport, Report, ThreatModel

MEASURE = "attribute_leakage"
_SEEN: tuple[tuple[ThreatModel | None, str], ...] = ((None, "answers"), ("model_file", "model file"))


def attribute_changes(befores: Sequence[Report], afters: Sequence[Report]) -> tuple[Change, ...]:
    """For each column the worst of the attacks on answers, and of those on the model file."""
    names = dict.fromkeys(column for report in (*befores, *afters) for column in _columns(report))
    changes = []
    for name in names:
        for threat_model, seen in _SEEN:
            sides = [[_side(report, name, threat_model) for report in runs] for runs in (befores, afters)]
            if all(side.status == "absent" for side in (*sides[0], *sides[1])):
                continue
            changes.append(
                change_between(
                    MEASURE,
                    0.0,
                    f"{name} ({seen})",
                    f"{name}: {seen}",
                    threat_model,
                    *sides,
                    same_records=True,
                )
            )
    return tuple(changes)


def _columns(report: Report) -> list[str]:
    if not isinstance(report, MembershipReport) or report.attributes is None:
        return []
    return [column.name for column in report.attributes.columns]


def _side(report: Report, name: str, threat_model: ThreatModel | None) -> Side:
    """The worst of the attacks on one column in one report."""
    found = report.attributes.columns if isinstance(report, MembershipReport) and report.attributes else ()
    column = next((column for column in found if column.name == name), None)
    if column is None:
        return Side("absent", None, None, "The audit did not measure this column.")
    if column.withheld is not None:
        return Side("withheld", None, None, column.withheld)
    return worst_side(
        [
            Side("measured", attack.name, attack.metrics.leakage_corrected)
            for attack in column.attacks
            if isinstance(attack, AttributeMeasured)
            and not attack.sees_given
            and (attack.threat_model == "model_file") == (threat_model == "model_file")
        ]
    )
