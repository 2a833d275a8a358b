"""What the page on class profiles shows, put in order and into words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

from markupsafe import Markup

from leakgauge.report import formatting
from leakgauge.report.html.charts.profiles import distance_chart
from leakgauge.report.model import (
    ClassFigures,
    ClassProfile,
    Failed,
    NotApplicable,
    ProfileColumn,
    ProfilesMeasured,
    ProfilesReport,
)

_MOST_CLASSES: Final = 10
_MOST_COLUMNS: Final = 25
_MOST_VALUES: Final = 3
_NEARLY_NEVER: Final = 0.005


@dataclass(frozen=True, slots=True)
class Cell:
    """One row of a profile: a column's mean, or the share of one of its values."""

    column: str
    value: str
    everybody: str
    attacker: str
    real: str


@dataclass(frozen=True, slots=True)
class Section:
    """One class: its profile in words, as far as the page has room, and how right it is."""

    profile: ClassProfile
    attack: str
    cells: tuple[Cell, ...]
    measured: tuple[ProfileColumn, ...]
    left_out: int
    chart: Markup | None


@dataclass(frozen=True, slots=True)
class Group:
    """The attacks of one threat model, those without a figure at the end."""

    title: str
    measured: tuple[tuple[ProfilesMeasured, ClassFigures], ...]
    without_figure: tuple[NotApplicable | Failed, ...]


@dataclass(frozen=True, slots=True)
class ProfilesPage:
    """Everything that `profiles.html.j2` needs beside the report itself."""

    headline: str | None
    sections: tuple[Section, ...]
    left_out: int
    groups: tuple[Group, ...]
    parameters: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, report: ProfilesReport) -> Self:
        """The page of `report`, the class of the verdict first."""
        titles = {attack.name: attack.title for attack in report.attacks}
        ordered = sorted(report.profiles, key=lambda found: found.target_class != report.headline_class)
        shown = ordered[:_MOST_CLASSES]
        return cls(
            headline=None if report.headline is None else titles.get(report.headline, report.headline),
            sections=tuple(
                _section(profile, titles.get(profile.attack, profile.attack), with_chart=place == 0)
                for place, profile in enumerate(shown)
            ),
            left_out=len(ordered) - len(shown),
            groups=tuple(_groups(report)),
            parameters=tuple(
                (key, json.dumps(value, ensure_ascii=False)) for key, value in report.parameters.items()
            ),
        )


def _section(profile: ClassProfile, attack: str, *, with_chart: bool) -> Section:
    columns = profile.columns[:_MOST_COLUMNS]
    return Section(
        profile=profile,
        attack=attack,
        cells=tuple(cell for column in columns for cell in _cells(column)),
        measured=tuple(column for column in columns if column.error and column.chance and column.ceiling),
        left_out=len(profile.columns) - len(columns),
        chart=distance_chart(columns, identifier="distance-chart", target_class=profile.target_class)
        if with_chart
        else None,
    )


def _cells(column: ProfileColumn) -> Iterator[Cell]:
    if column.kind == "number":
        means = (column.everybody, column.attacker, column.real)
        yield Cell(column.name, "mean", *map(_mean, means))
        return
    shown = sorted(column.values, key=lambda value: -abs(value.attacker - value.everybody))[:_MOST_VALUES]
    for value in shown:
        if max(value.attacker, value.everybody, value.real or 0.0) >= _NEARLY_NEVER:
            yield Cell(
                column.name, value.value, *map(_percent, (value.everybody, value.attacker, value.real))
            )


def _mean(value: float | None) -> str:
    return "–" if value is None else formatting.quantity_value(value)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{formatting.plain(100 * share, 0)} %"


def _groups(report: ProfilesReport) -> Iterator[Group]:
    for threat_model, title in formatting.THREAT_MODEL_TITLES.items():
        mine = [attack for attack in report.attacks if attack.threat_model == threat_model]
        if mine:
            measured = [attack for attack in mine if isinstance(attack, ProfilesMeasured)]
            yield Group(
                title,
                tuple((attack, one) for attack in measured for one in attack.classes[:_MOST_CLASSES]),
                tuple(attack for attack in mine if not isinstance(attack, ProfilesMeasured)),
            )
