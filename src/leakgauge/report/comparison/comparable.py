"""Whether reports can be compared at all, and what a reader must know where they can."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from leakgauge.errors import BadBundle
from leakgauge.report.model import InversionReport, Notice, ProfilesMeasured, ProfilesReport, Report

_BELONG_TO_THE_CHANGE = frozenset({"defences", "policy", "report", "seed"})
_REPEATED = frozenset(
    {
        *("tables_differ", "tables_not_compared", "does_not_fit_members", "other_class"),
        *("fewer_reference_models", "fewer_iterations", "no_time_for_everything"),
    }
)
"""Warnings of a report that a comparison repeats."""
_EFFORT = ("iterations", "query_budget", "reference_models", "seeds")
"""Parameters of which an attacker with more finds more; None is no limit."""
_FINDS_LESS = {
    "fewer_iterations": "was cut short by its time",
    "fewer_reference_models": "was cut short by its time",
    "does_not_fit_members": "was of a model that does not fit the members",
    "other_class": "was of a model that assigns the image to another class",
}
"""Warnings of an audit that would have found more, or whose model is not one of these data."""


def check_comparable(befores: Sequence[Report], afters: Sequence[Report]) -> list[Notice]:
    """What a reader must know about reports that can be compared.

    Raises
    ------
    BadBundle
        `not_comparable` for reports of different kinds, or about different data or classes, or not in pairs.
    """
    every = [*befores, *afters]
    if not befores or len(befores) != len(afters):
        raise _not_comparable(
            f"There are {len(befores)} reports before the change and {len(afters)} after it.",
            "Hand in as many after as before, in the same order of seeds.",
        )
    kinds = sorted({report.kind for report in every})
    if len(kinds) > 1:
        raise _not_comparable(
            f"The reports are of different kinds: {' and '.join(kinds)}.",
            "Compare two membership reports, two inversion reports, or two on class profiles.",
        )
    pairs = zip(befores, afters, strict=True)
    differing = sorted({name for one, other in pairs for name in differing_data(one, other)})
    if differing:
        raise _not_comparable(
            f"The reports are about different data: {', '.join(differing[:5])}.",
            "Audit both models with the same tables or images; otherwise a difference could come from these.",
        )
    for one, other in zip(befores, afters, strict=True):
        attacked, then = _attacked(one), _attacked(other)
        if attacked and then and attacked != then:
            raise _not_comparable(
                "The reports are about different classes: "
                f"{_in_order(attacked)} before the change and {_in_order(then)} after it.",
                "Audit both models with the same class_to_attack, and with time for all of it.",
            )
    return list(_remarks(befores, afters))


def finds_less(these: Report, those: Report) -> str | None:
    """Why the audit of `these` finds less than that of `those`, whatever their models; else None."""
    for name in _EFFORT:
        least, most = _effort(these, name), _effort(those, name)
        if least is not None and most is not None and least < most:
            return (
                f"had fewer {name} ({least:,.0f})"
                if math.isinf(most)
                else (f"had fewer {name} ({least:,.0f}, and the other {most:,.0f})")
            )
    codes = {notice.code for notice in those.warnings}
    if isinstance(these, InversionReport) and these.prototypes:
        # labelled images of all classes decide, not the one image
        codes.add("other_class")
    return next(
        (
            _FINDS_LESS[notice.code]
            for notice in these.warnings
            if notice.code in _FINDS_LESS and notice.code not in codes
        ),
        None,
    )


def _effort(report: Report, name: str) -> float | None:
    """What a parameter allows, without a limit infinity; None where there is no such parameter."""
    asked = report.parameters.get(name, False)
    each = asked if isinstance(asked, list | tuple) else [math.inf if asked is None else asked]
    return max(
        (float(one) for one in each if isinstance(one, int | float) and not isinstance(one, bool)),
        default=None,
    )


def _attacked(report: Report) -> frozenset[int | str]:
    """The classes that attacks reconstructed; empty for reports that are about no class."""
    if isinstance(report, InversionReport):
        return frozenset(found.target_class for found in report.reconstructions)
    if isinstance(report, ProfilesReport):
        measured = [attack for attack in report.attacks if isinstance(attack, ProfilesMeasured)]
        return frozenset(found.target_class for attack in measured for found in attack.classes)
    return frozenset()


def _in_order(classes: Iterable[int | str]) -> str:
    names = sorted(map(str, classes))
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def differing_data(first: Report, other: Report) -> set[str]:
    """Names of the files besides the model and the parameters that are not the same in both."""

    def data(report: Report) -> dict[str, str]:
        return {
            sha256: name
            for name, sha256 in report.inputs.items()
            if name.rpartition("/")[2].partition(".")[0].lower() not in ("model", "parameters")
        }

    ones, others = data(first), data(other)
    # by content: the same table may go by another of the names that a bundle knows
    return {ones.get(sha256) or others[sha256] for sha256 in ones.keys() ^ others.keys()}


def _remarks(befores: Sequence[Report], afters: Sequence[Report]) -> Iterable[Notice]:
    first, last = befores[0], afters[0]
    for name in sorted(first.versions.keys() | last.versions.keys()):
        if first.versions.get(name) != last.versions.get(name):
            yield Notice(
                "versions_differ",
                f"The reports were made with different versions of {name}; part of the difference may "
                "be theirs.",
            )
    if first.schema_version != last.schema_version:
        yield Notice(
            "schemas_differ",
            f"The reports follow schema {first.schema_version} and {last.schema_version}; what only one of "
            "them holds is not compared.",
        )
    for name in sorted(first.parameters.keys() & last.parameters.keys() - _BELONG_TO_THE_CHANGE):
        if first.parameters[name] != last.parameters[name]:
            yield Notice(
                "parameters_differ",
                f"The audits had different {name}; part of the difference may come from that.",
            )
    models = {frozenset(report.inputs.items()) for report in (first, last)}
    if len(models) == 1 and first.inputs and not defences_of(afters):
        yield Notice("same_model", "Both reports are about the same model file, and no defence is named.")
    yield from (
        Notice(notice.code, f"{when}: {notice.message}")
        for when, report in (("Before", first), ("After", last))
        for notice in report.warnings
        if notice.code in _REPEATED
    )


def _not_comparable(message: str, hint: str) -> BadBundle:
    return BadBundle("not_comparable", message, hint=hint)


def defences_of(afters: Sequence[Report]) -> tuple[str, ...]:
    """The output defences of the audits after the change."""
    named = afters[0].parameters.get("defences")
    return tuple(str(each) for each in named) if isinstance(named, list | tuple) else ()
