"""What the Python door gives back: a report that shows itself.

The report of `report.model` with the files that belong to it, and with what people who sit before it
need: a line in a terminal, the page in a notebook, the page as text.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

from leakgauge.report import formatting
from leakgauge.report.earlier import since
from leakgauge.report.files import read_report
from leakgauge.report.html import render
from leakgauge.report.json_document import from_json, to_json
from leakgauge.report.model import (
    Audited,
    Failed,
    InversionMeasured,
    InversionReport,
    MembershipMeasured,
    MembershipReport,
    NotApplicable,
    ProfilesMeasured,
    ProfilesReport,
    Report,
)
from leakgauge.terminal import print_plain, shown_in_notebook

_HEIGHT = 800
"""Of the page in a notebook, in pixels."""


class _Shown(ABC):
    """What every kind of result can do.

    Attributes
    ----------
    files
        of the report's folder, by name, beside the report itself.
    """

    __slots__ = ()

    files: Mapping[str, bytes]

    @property
    @abstractmethod
    def report(self) -> Report:
        """The report alone, as `report.json` holds it."""

    def to_html(self, *, earlier: Report | str | PathLike[str] | None = None) -> str:
        """The report as one page, without script and outside address: what `report.html` holds.

        Parameters
        ----------
        earlier
            an earlier report, or its `report.json` or folder: the page then shows the trend since it.

        Raises
        ------
        InputError
            for an earlier report that cannot be read, or is of another kind.
        """
        before = read_report(Path(earlier)) if isinstance(earlier, str | PathLike) else earlier
        trend = None if before is None else since(before, self.report)
        return render(Audited(self.report, self.files), trend=trend)

    def show(self) -> None:
        """Show the report: its page in a notebook, elsewhere the verdict and every attack as text."""
        if not shown_in_notebook(self._repr_html_()):
            print_plain(*self._lines())

    def __repr__(self) -> str:
        """Return the kind, the verdict and the model in one line."""
        report = self.report
        severity = formatting.severity(report.verdict.severity, report.verdict.borderline)
        return f"<{type(self).__name__}: leakage {severity}; {report.target.type}, {_data(report)}>"

    def __str__(self) -> str:
        """Return the verdict and every attack, a line each."""
        return "\n".join(self._lines())

    def _lines(self) -> list[str]:
        return [repr(self), self.report.verdict.sentence, *map(_line, self.report.attacks)]

    def __reduce__(self) -> tuple[object, ...]:
        """Copy and pickle it with its files."""
        return (result_of, (self.report, self.files))

    def _repr_html_(self) -> str:
        # in a frame, since the page has a style sheet of its own; without scripts, of which it has none
        return (
            f'<iframe sandbox="allow-downloads" width="100%" height="{_HEIGHT}" '
            f'style="border: 1px solid #ccc" srcdoc="{escape(self.to_html())}"></iframe>'
        )


class MembershipResult(_Shown, MembershipReport):
    """A `MembershipReport` that shows itself; `files` are those of its folder, none."""

    __slots__ = ("files",)

    @property
    def report(self) -> MembershipReport:
        """The report alone, as `report.json` holds it."""
        return MembershipReport(**_fields_of(self))


class InversionResult(_Shown, InversionReport):
    """An `InversionReport` that shows itself; `files` are the images of its folder, by name."""

    __slots__ = ("files",)

    @property
    def report(self) -> InversionReport:
        """The report alone, as `report.json` holds it."""
        return InversionReport(**_fields_of(self))


class ProfilesResult(_Shown, ProfilesReport):
    """A `ProfilesReport` that shows itself; `files` are those of its folder, `profiles.csv`."""

    __slots__ = ("files",)

    @property
    def report(self) -> ProfilesReport:
        """The report alone, as `report.json` holds it."""
        return ProfilesReport(**_fields_of(self))


Result: TypeAlias = MembershipResult | InversionResult | ProfilesResult


def result_of(report: Report, files: Mapping[str, bytes]) -> Result:
    """The report of an audit, with the files of its folder."""
    kinds: dict[type[Report], type[Result]] = {
        MembershipReport: MembershipResult,
        InversionReport: InversionResult,
        ProfilesReport: ProfilesResult,
    }
    result = next(made for of, made in kinds.items() if isinstance(report, of))(**_fields_of(report))
    object.__setattr__(result, "files", dict(files))  # a report is frozen; what lies beside it comes once
    return result


def read_back(audited: Audited) -> Result:
    """The result with the figures of `report.json`, so that it is the same through whatever door."""
    return result_of(from_json(to_json(audited.report)), audited.files)


def _fields_of(report: Report) -> dict[str, Any]:
    return {field.name: getattr(report, field.name) for field in fields(report)}


def _data(report: Report) -> str:
    if isinstance(report, MembershipReport):
        return f"{report.target.members:,} members, {report.target.non_members:,} non-members"
    classes = report.target.classes if isinstance(report, InversionReport) else len(report.target.classes)
    return f"{classes} classes"


def _line(
    attack: MembershipMeasured | InversionMeasured | ProfilesMeasured | NotApplicable | Failed,
) -> str:
    match attack:
        case MembershipMeasured(metrics=metrics):
            figure, found = "AUC", metrics.auc
        case InversionMeasured(metrics=metrics):
            figure, found = "leakage", metrics.leakage
        case ProfilesMeasured(metrics=metrics):
            if metrics is None:
                return f"{attack.name:<20} no reference records to measure it with"
            figure, found = "leakage", metrics.leakage
        case NotApplicable() | Failed():
            return f"{attack.name:<20} {attack.status.replace('_', ' ')}: {attack.reason}"
    return f"{attack.name:<20} {figure} {found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
