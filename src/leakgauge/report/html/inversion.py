"""What the inversion page shows, put in order and into words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from markupsafe import Markup

from leakgauge.estimates import Estimate
from leakgauge.report import formatting
from leakgauge.report.html.addresses import data_address
from leakgauge.report.html.charts.inversion import (
    confidence_chart,
    effort_chart,
    evasion_chart,
    loss_chart,
    similarity_chart,
)
from leakgauge.report.model import (
    EvasionMeasured,
    Failed,
    InversionMeasured,
    InversionReport,
    NotApplicable,
    Reconstruction,
    Similarity,
    Snapshot,
    ThreatModel,
)

_IMAGE_BUDGET = 110_000  # bytes of PNG; base64 adds a third, and the page has a limit
_MOST_CHARTED = 20
"""Reconstructions in one chart; one of all classes would be longer than a sheet of paper."""
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Image:
    """An image of the report folder; `address` is None where it is missing or the page has no room for it."""

    name: str
    address: Markup | None


@dataclass(frozen=True, slots=True)
class Stage:
    """A reconstruction along a run, with the iterations and queries that led to it."""

    iterations: int
    queries: int
    similarity: Similarity
    image: Image


@dataclass(frozen=True, slots=True)
class Run:
    """The reconstructions of one attack on one class, in the order of the run; the last is its result."""

    title: str
    target_class: int
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class AttackGroup:
    """The attacks of one threat model: measured ones by strength, then those without a figure."""

    threat_model: ThreatModel
    title: str
    measured: tuple[InversionMeasured, ...]
    without_figure: tuple[NotApplicable | Failed, ...]


@dataclass(frozen=True, slots=True)
class CurvePair:
    """Loss and confidence along the runs of one attack."""

    title: str
    loss: Markup
    confidence: Markup


@dataclass(frozen=True, slots=True)
class InversionPage:
    """Everything that `inversion.html.j2` needs beside the report itself."""

    headline: str | None
    original: Image
    reconstructions: tuple[Reconstruction, ...]
    runs: tuple[Run, ...]
    strip: tuple[tuple[Reconstruction, Image], ...]
    evaluated: tuple[Reconstruction, ...]
    groups: tuple[AttackGroup, ...]
    similarity_chart: Markup | None
    charted: int
    effort_chart: Markup | None
    curves: tuple[CurvePair, ...]
    evasion_chart: Markup | None
    titles: Mapping[str, str]
    parameters: tuple[tuple[str, str], ...]
    class_names: tuple[str, ...]

    def class_name(self, number: int) -> str:
        """The class's number, with its name where it has one."""
        known = 0 <= number < len(self.class_names)
        return f"{number} ({self.class_names[number]})" if known else str(number)

    def leakage_of(self, attack: InversionMeasured) -> Estimate:
        """Over the classes that it attacked; of one alone with the interval of its reconstruction."""
        mine = [found for found in self.reconstructions if found.attack == attack.name]
        return mine[0].leakage_corrected if len(mine) == 1 else attack.metrics.leakage

    @classmethod
    def of(cls, report: InversionReport, files: Mapping[str, bytes]) -> Self:
        """The page of `report`, with the images of `files` inlined as far as the page has room."""
        images = dict(_inlined(_places(report), files))
        titles = {attack.name: attack.title for attack in report.attacks}
        reconstructions = _headline_first(report)
        return cls(
            headline=None if report.headline is None else titles.get(report.headline, report.headline),
            reconstructions=tuple(reconstructions),
            original=images[report.original],
            runs=tuple(_run(found, report.snapshots, images, titles) for found in reconstructions),
            strip=tuple((found, images[found.image]) for found in reconstructions),
            evaluated=tuple(found for found in reconstructions if found.judgement is not None),
            groups=tuple(_groups(report)),
            similarity_chart=(
                similarity_chart(reconstructions[:_MOST_CHARTED], titles, identifier="similarity-chart")
                if report.reconstructions
                else None
            ),
            charted=min(len(reconstructions), _MOST_CHARTED),
            effort_chart=(
                effort_chart(report.loss_curve, titles, identifier="effort")
                if any(point.likeness is not None for point in report.loss_curve)
                else None
            ),
            curves=tuple(_curves(report, titles)),
            evasion_chart=(
                evasion_chart(
                    {
                        "accuracy under attack": [
                            (point.radius, point.right) for point in report.evasion.curve
                        ]
                    },
                    identifier="evasion-chart",
                )
                if isinstance(report.evasion, EvasionMeasured)
                else None
            ),
            titles=titles,
            parameters=tuple(
                (key, json.dumps(value, ensure_ascii=False)) for key, value in report.parameters.items()
            ),
            class_names=_class_names(report),
        )


def _class_names(report: InversionReport) -> tuple[str, ...]:
    names = report.parameters.get("class_names")
    return tuple(map(str, names)) if isinstance(names, list | tuple) else ()


def _headline_first(report: InversionReport) -> list[Reconstruction]:
    """The reconstructions with those of the verdict's attack first."""
    return sorted(report.reconstructions, key=lambda found: found.attack != report.headline)


def _run(
    found: Reconstruction,
    snapshots: tuple[Snapshot, ...],
    images: Mapping[str, Image],
    titles: Mapping[str, str],
) -> Run:
    mine = [
        shot for shot in snapshots if (shot.attack, shot.target_class) == (found.attack, found.target_class)
    ]
    stages: list[Snapshot | Reconstruction] = sorted(mine, key=lambda shot: shot.iterations)
    if found.image not in {shot.image for shot in mine}:  # else the last snapshot is the result
        stages.append(found)
    return Run(
        titles.get(found.attack, found.attack),
        found.target_class,
        tuple(
            Stage(stage.iterations, stage.queries, stage.similarity, images[stage.image]) for stage in stages
        ),
    )


def _places(report: InversionReport) -> dict[str, int]:
    """How often each image stands in the page, the most important ones first."""
    results = [found.image for found in _headline_first(report)]
    snapshots = [shot.image for shot in report.snapshots]
    places = dict.fromkeys([report.original, *results, *snapshots], 1)
    if len(results) > 1:
        for image in results:  # once in its run, once more side by side
            places[image] += 1
    return places


def _inlined(places: Mapping[str, int], files: Mapping[str, bytes]) -> Iterator[tuple[str, Image]]:
    """The images as the page shows them; what no longer fits is named instead."""
    room = _IMAGE_BUDGET
    for name, times in places.items():
        content = files.get(name, b"")
        if content.startswith(_PNG_SIGNATURE) and times * len(content) <= room:
            room -= times * len(content)
            yield name, Image(name, data_address("image/png", content))
        else:
            yield name, Image(name, None)


def _groups(report: InversionReport) -> Iterator[AttackGroup]:
    for threat_model, title in formatting.THREAT_MODEL_TITLES.items():
        mine = [attack for attack in report.attacks if attack.threat_model == threat_model]
        measured = sorted(
            (attack for attack in mine if isinstance(attack, InversionMeasured)),
            key=lambda attack: (attack.name != report.headline, -attack.metrics.leakage.low),
        )
        without_figure = tuple(attack for attack in mine if not isinstance(attack, InversionMeasured))
        if mine:
            yield AttackGroup(threat_model, title, tuple(measured), without_figure)


def _curves(report: InversionReport, titles: Mapping[str, str]) -> Iterator[CurvePair]:
    for place, attack in enumerate(dict.fromkeys(point.attack for point in report.loss_curve)):
        points = [point for point in report.loss_curve if point.attack == attack]
        if len({point.iteration for point in points}) < 2:
            continue  # an attack that asks once has no way to show
        title = titles.get(attack, attack)
        yield CurvePair(
            title,
            loss_chart(points, identifier=f"loss-{place}", attack=title),
            confidence_chart(points, identifier=f"confidence-{place}", attack=title),
        )
