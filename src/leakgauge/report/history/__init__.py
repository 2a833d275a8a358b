"""The trend over releases: of several reports, in their order, which leak more than the one before.

A release is held to the worst of its attacks on the answers, as in a comparison, by each measure. From one
release to the next the leak has risen, or fallen, where the interval of the difference leaves out 0. That
interval is corrected for the number of steps and measures: of many steps, luck moves one. Since a rise may be
too slow to be shown in any step, the last release is also held to the first.

Neither is told of two audits that had not the same attacks, or of which the one that found less had less time
or fewer queries: the difference may be theirs.

Unlike a comparison, which is about one change and the same data, releases may have other data each time: the
two samples are then independent, which the interval of a difference allows for. Where the data are the same
it is too wide. An attack that ran in one release alone is told as a warning.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from scipy.special import ndtri

from leakgauge.errors import BadBundle
from leakgauge.estimates import CONFIDENCE, Estimate, confidence_for, difference
from leakgauge.report.comparison.comparable import differing_data, finds_less
from leakgauge.report.comparison.effects import lost_attacks
from leakgauge.report.comparison.figures import worst_of
from leakgauge.report.comparison.measures import SCOPES, measures_of
from leakgauge.report.comparison.sentences import MEASURE_TITLES
from leakgauge.report.history.model import History, Release, Step, Trend
from leakgauge.report.json_document import to_json
from leakgauge.report.model import MembershipReport, Notice, Report

MOST_REPORTS = 200
_ANSWERS = next(scope for scope in SCOPES if scope.name == "answers")
_ON_FILE = next(scope for scope in SCOPES if scope.name == "model_file")
_HINT = "Name a folder with the report folders of one kind of audit, in the order of their names."


def history_of(reports: Iterable[tuple[str, Report]]) -> History:
    """The history of named reports, in the order in which they come.

    Parameters
    ----------
    reports
        read one after the other; the first and the last read are kept.

    Raises
    ------
    BadBundle
        `no_history` for fewer than two reports, more than 200, or two of one name; `not_comparable`
        for reports of different kinds.
    """
    releases: list[Release] = []
    warnings: list[Notice] = []
    first: Report | None = None
    last: Report | None = None
    unlike: list[Unlike] = []
    for name, report in reports:
        if len(releases) == MOST_REPORTS:
            raise BadBundle("no_history", f"There are more than {MOST_REPORTS} reports.", hint=_HINT)
        if name in {release.name for release in releases}:
            raise BadBundle("no_history", f"Two reports are called {name}.", hint="Give each its own name.")
        if last is not None:
            _check_kind(last, report, name)
            warnings += _changed(last, report, name)
            unlike.append(_unlike(last, report))
        releases.append(_release(name, report, last))
        first, last = first or report, report
    if first is None or last is None or len(releases) < 2:
        raise BadBundle(
            "no_history",
            f"A history takes two reports at least; there is {len(releases) or 'none'}.",
            hint=_HINT,
        )
    names = tuple(measure.name for measure in measures_of(last.kind))
    comparisons = len(releases) * len(names)
    steps = tuple(
        _step(one, other, name, comparisons, audits)
        for (one, other), audits in zip(pairwise(releases), unlike, strict=True)
        for name in names
    )
    whole = _unlike(first, last)
    overall = tuple(_step(releases[0], releases[-1], name, comparisons, whole) for name in names)
    return History(
        _sentence(len(releases), steps, overall),
        last.kind,
        names,
        tuple(releases),
        steps,
        overall,
        tuple(warnings),
    )


def _release(name: str, report: Report, last: Report | None) -> Release:
    measures = measures_of(report.kind)
    return Release(
        name,
        report.verdict.severity,
        report.verdict.borderline,
        {measure.name: worst_of(report, measure, _ANSWERS) for measure in measures},
        {measure.name: worst_of(report, measure, _ON_FILE) for measure in measures},
        report.target.test_accuracy if isinstance(report, MembershipReport) else None,
        report.gate.outcome if report.gate else None,
        last is not None and bool(differing_data(last, report)),
        hashlib.sha256(to_json(report)).hexdigest(),
    )


@dataclass(frozen=True, slots=True)
class Unlike:
    """In what two audits differ: attacks that one has alone, and why the earlier or the later finds less."""

    lost: Collection[str]
    gained: Collection[str]
    earlier_less: str | None
    later_less: str | None


def _unlike(earlier: Report, later: Report) -> Unlike:
    return Unlike(
        lost_attacks([earlier], [later]),
        lost_attacks([later], [earlier]),
        finds_less(earlier, later),
        finds_less(later, earlier),
    )


def _step(before: Release, after: Release, measure: str, comparisons: int, audits: Unlike) -> Step:
    earlier, later = before.figures[measure], after.figures[measure]
    one, other = earlier.estimate, later.estimate
    if one is None or other is None:
        return Step(before.name, after.name, measure, None, Trend.UNKNOWN)
    rise = _corrected(difference(other, one), comparisons)
    trend = Trend.MORE if rise.low > 0 else Trend.LESS if rise.high < 0 else Trend.NOT_SHOWN
    of_the_audits = {
        Trend.MORE: later.attack in audits.gained or audits.earlier_less,
        Trend.LESS: audits.lost or audits.later_less,
        Trend.NOT_SHOWN: earlier.attack in audits.lost,
    }
    return Step(before.name, after.name, measure, rise, Trend.UNKNOWN if of_the_audits[trend] else trend)


def _corrected(found: Estimate, comparisons: int) -> Estimate:
    """The difference with ends so much further out as a normal interval has them for so many comparisons."""
    further = float(ndtri((1 + confidence_for(comparisons)) / 2) / ndtri((1 + CONFIDENCE) / 2))
    below, above = further * (found.value - found.low), further * (found.high - found.value)
    return Estimate(found.value, found.value - below, found.value + above, found.n)


def _changed(last: Report, report: Report, name: str) -> Iterator[Notice]:
    """What a reader must know of the step from one report to the next."""
    if differing_data(last, report):
        yield Notice("data_differ", f"{name} was audited with other data than the release before it.")
    ran, runs = (
        {attack.name for attack in one.attacks if attack.status == "measured"} for one in (last, report)
    )
    if ran - runs:
        missing = ", ".join(sorted(ran - runs))
        yield Notice(
            "attacks_missing",
            f"{name} was not measured by {missing}, which measured the release before it; what was not "
            "measured may be as strong as before.",
        )
    if runs - ran:
        yield Notice(
            "attacks_added",
            f"{name} was also measured by {', '.join(sorted(runs - ran))}, which did not measure the release "
            "before it; what only they show may have been there before.",
        )
    for less, which in (
        (finds_less(report, last), name),
        (finds_less(last, report), f"the release before {name}"),
    ):
        if less is not None:
            yield Notice("finds_less", f"The audit of {which} {less}.")
    for library in sorted(last.versions.keys() & report.versions.keys()):
        if library == "leakgauge" and last.versions[library] != report.versions[library]:
            yield Notice("versions_differ", f"{name} was audited with another version of Leakgauge.")


def _check_kind(last: Report, report: Report, name: str) -> None:
    if report.kind != last.kind:
        raise BadBundle(
            "not_comparable",
            f"The reports are of different kinds: {name} is of an audit of {report.kind}, the one before it "
            f"of {last.kind}.",
            hint=_HINT,
        )


def _sentence(releases: int, steps: Sequence[Step], overall: Sequence[Step]) -> str:
    """What was shown over all releases, in one line."""
    of_two = f"From {overall[0].before} to {overall[0].after}"
    over = of_two if releases == 2 else f"Over {releases} releases"
    worse = _first_of_each([step for step in steps if step.trend is Trend.MORE])
    risen = [step for step in overall if step.trend is Trend.MORE]
    if worse:
        releases_in_words = "; ".join(
            f"{step.after} leaks more than {step.before} ({_figure(step)})" for step in worse
        )
        return f"{over} the leak rose: {releases_in_words}."
    if risen:
        step = risen[0]
        return (
            f"No step from one release to the next shows more leakage, and all of them together do: "
            f"{step.after} leaks more than {step.before} ({_figure(step)})."
        )
    unknown = [step for step in steps if step.trend is Trend.UNKNOWN]
    if unknown:
        step = unknown[0]
        title = MEASURE_TITLES[step.measure]
        why = (
            f"the {title} of {step.before} or of {step.after} was not measured"
            if step.rise is None
            else f"the audits of {step.before} and {step.after} differ in attacks, time or effort"
        )
        return f"{over} no rise was shown, and not all of it is known: {why}."
    better = _first_of_each([step for step in steps if step.trend is Trend.LESS])
    if better:
        releases_in_words = "; ".join(
            f"{step.after} leaks less than {step.before} ({_figure(step)})" for step in better
        )
        return f"{over} no rise was shown, and the leak fell: {releases_in_words}."
    return f"{over} no change of the leak was shown, within the intervals."


def _first_of_each(steps: Sequence[Step]) -> list[Step]:
    """One step for each release, by the measure that comes first."""
    found: dict[str, Step] = {}
    for step in steps:
        found.setdefault(step.after, step)
    return list(found.values())


def _figure(step: Step) -> str:
    rise = step.rise
    assert rise is not None  # noqa: S101 - a trend that was shown has its figure
    return f"{MEASURE_TITLES[step.measure]} {rise.value:+.3f}, {rise.low:+.3f} to {rise.high:+.3f}"
