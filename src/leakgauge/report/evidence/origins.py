"""What of a report was measured, what whoever handed the files in declared, and what rests on both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from leakgauge.report.evidence.precision import precision_table
from leakgauge.report.model import InversionReport, MembershipReport, ProfilesReport, Report

Origin = Literal["measured", "declared", "combined"]


@dataclass(frozen=True, slots=True)
class Support:
    """One thing that figures of the report rest on."""

    origin: Origin
    text: str


def rests_on(report: Report) -> tuple[Support, ...]:
    """All that the figures rest on, measured things first."""
    measured = [attack for attack in report.attacks if attack.status == "measured"]
    queries = sum(attack.queries for attack in measured)
    found = [
        Support(
            "measured",
            f"{len(measured)} of {len(report.attacks)} attacks ran in this audit, with {queries:,} queries.",
        ),
        *_by_kind(report),
    ]
    if report.parameters.get("report") is not None:
        found.append(Support("declared", "Title, model, author, date and purpose on the first page."))
    if report.service is not None:
        found.append(
            Support("measured", "The answers are those of the live service at the address in this report.")
        )
    else:
        found.append(Support("declared", "What was handed in is what is, or will be, in use."))
    order: tuple[Origin, ...] = ("measured", "declared", "combined")
    return tuple(sorted(found, key=lambda support: order.index(support.origin)))


def _by_kind(report: Report) -> Iterator[Support]:
    if isinstance(report, MembershipReport):
        yield from _of_membership(report)
    elif isinstance(report, InversionReport):
        yield from _of_inversion(report)
    else:
        yield from _of_profiles(report)


def _of_membership(report: MembershipReport) -> Iterator[Support]:
    target = report.target
    yield Support("declared", f"{target.members:,} records were trained on, {target.non_members:,} were not.")
    names = {name.rpartition("/")[2] for name in report.inputs}
    if any(name.startswith("members_answers") for name in names):
        yield Support("declared", "The answers were handed in; no model was asked.")
    if any(name.startswith("reference_answers/") or "/reference_answers/" in name for name in report.inputs):
        yield Support("declared", "What reference models were trained on, and what they answered.")
    if any(name.startswith("population") for name in names):
        yield Support("declared", "The population has none of the members.")
    if precision_table(report) is not None:
        yield Support(
            "combined",
            "Precision at a prior: rates that were measured, and a share of members that nobody measured.",
        )
    if report.tradeoffs is not None and report.tradeoffs.changes:
        yield Support(
            "combined",
            "What a change would save: measured on models trained again here, and expected of the next one.",
        )


def _of_inversion(report: InversionReport) -> Iterator[Support]:
    yield Support("declared", "The images handed in show what the training data of their classes looks like.")
    if report.prior is not None:
        yield Support("declared", f"An attacker can have {report.prior.pictures:,} images of the same kind.")
    if report.evaluator is not None and report.evaluator.source == "bundle":
        yield Support("declared", "The evaluator that was handed in is independent of the model.")
    yield Support(
        "combined",
        "Leakage: similarities that were measured, between chance and a ceiling that rest on these images.",
    )


def _of_profiles(report: ProfilesReport) -> Iterator[Support]:
    what = "records of the same kind" if report.auxiliary.source == "records" else "the ranges of values"
    yield Support("declared", f"An attacker can have {what}.")
    if any(attack.status == "measured" and attack.metrics is not None for attack in report.attacks):
        yield Support("declared", "The reference records are real ones of their classes.")
