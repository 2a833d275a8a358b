"""A history: what audits of one release after another found, typed and versioned as reports are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from leakgauge.estimates import Estimate
from leakgauge.report.comparison.model import Side
from leakgauge.report.model import GateOutcome, Notice, Severity

HISTORY_VERSION: Final = "1.0"
"""`major.minor`, by the rule of `report/model/`."""


class Trend(StrEnum):
    """What became of the leak from one release to a later one."""

    MORE = "more leakage"
    LESS = "less leakage"
    NOT_SHOWN = "no change shown"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Release:
    """One report: its verdict, and its worst figure by each measure.

    `figures` are of the worst attack on the answers, by the names of measures as in a comparison, `on_file`
    of the worst on the model file. `new_data` says that its data are not those of the release before it.
    """

    name: str
    severity: Severity
    borderline: Severity | None
    figures: Mapping[str, Side]
    on_file: Mapping[str, Side]
    test_accuracy: Estimate | None
    gate: GateOutcome | None
    new_data: bool
    sha256: str


@dataclass(frozen=True, slots=True)
class Step:
    """From one release to a later one, by one measure; `rise` is after less before, None without a figure.

    Its interval is corrected for the number of all steps and measures.
    """

    before: str
    after: str
    measure: str
    rise: Estimate | None
    trend: Trend


@dataclass(frozen=True, slots=True)
class History:
    """Releases in their order, what changed from each to the next, and from the first to the last."""

    sentence: str
    kind: Literal["membership", "inversion", "profiles"]
    measures: tuple[str, ...]
    releases: tuple[Release, ...]
    steps: tuple[Step, ...]
    overall: tuple[Step, ...]
    warnings: tuple[Notice, ...]
    history_version: str = HISTORY_VERSION

    @property
    def worse(self) -> tuple[str, ...]:
        """The releases that were shown to leak more than the one before."""
        return tuple(dict.fromkeys(step.after for step in self.steps if step.trend is Trend.MORE))

    @property
    def trend(self) -> Trend:
        """The worst of all that was shown, from the first release to the last and from each to the next."""
        found = {step.trend for step in (*self.steps, *self.overall)}
        order = (Trend.MORE, Trend.UNKNOWN, Trend.LESS, Trend.NOT_SHOWN)
        return next(trend for trend in order if trend in found)
