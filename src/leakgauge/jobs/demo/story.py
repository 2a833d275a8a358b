"""What the page says of an attack, in plain words and in figures: never more than was measured.

A reconstruction counts as read where an independent evaluator takes it for its class and is sure of it.
The page shows the one most similar to the original of those that are read, or of all where none is.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast

from leakgauge.estimates import Estimate
from leakgauge.report.comparison.model import Comparison
from leakgauge.report.comparison.model import Side as ComparedSide
from leakgauge.report.model import Audited, InversionMeasured, InversionReport, Reconstruction

SURE = 0.8
"""The evaluator's probability of the class from which on a reconstruction counts as read."""


def side_of(audited: Audited, target: int, accuracy: Estimate) -> dict[str, Any]:
    """What the page says about one side: the reconstruction that shows most, and every attack in short."""
    report = cast(InversionReport, audited.report)
    measured = {row.name: row for row in report.attacks if isinstance(row, InversionMeasured)}
    found = {one.attack: one for one in report.reconstructions if one.target_class == target}
    shown = max(found.values(), key=_exposure, default=None)
    return {
        "accuracy": asdict(accuracy),
        "read": shown is not None and is_read(shown),
        "shown": None if shown is None else _figures(shown, measured[shown.attack], audited.files),
        "attacks": [
            {
                "title": row.title,
                "read": is_read(found[row.name]) if row.name in found else None,
                "leakage": asdict(row.metrics.leakage) if isinstance(row, InversionMeasured) else None,
                "reason": None if isinstance(row, InversionMeasured) else row.reason,
            }
            for row in report.attacks
        ],
        "curves": _curves(report, measured, target),
    }


def is_read(one: Reconstruction) -> bool:
    """Whether the evaluator takes the reconstruction for its class, and is sure of it."""
    judgement = one.judgement
    return judgement is not None and judgement.recognised and judgement.confidence >= SURE


def sentence(name: str, open_read: bool, defended_read: bool, *, similar: bool, guard: bool) -> str:
    """What the attacker got, for somebody who knows none of the terms.

    Parameters
    ----------
    name
        of what is attacked, such as "the 3".
    open_read, defended_read
        whether it was read in what was reconstructed from the open and from the defended model.
    similar
        whether the attacker has similar images.
    guard
        whether the defence is the guard.
    """
    defended = "guarded" if guard else "defended"
    having = "With similar images the attacker" if similar else "The attacker"
    match open_read, defended_read:
        case True, False:
            return f"{having} reads {name} from the open model. From the {defended} one it gets noise."
        case True, True if guard:
            return f"{having} reads {name} from both models. The guard hides; it does not remove."
        case True, True:
            return f"{having} reads {name} from both models. This defence does not stop it."
        case False, True:
            return f"{having} reads {name} from the {defended} model, and not from the open one."
        case _:
            return f"{having} reads {name} from neither model this time. That does not prove it safe."


def compared(comparison: Comparison) -> dict[str, Any]:
    """What the page says of a comparison over all classes: its effect against each attacker."""
    return {
        "effect": comparison.effect.value,
        "sentence": comparison.sentence,
        "attackers": [
            {
                "attacker": found.worst.scope,
                "effect": found.effect.value,
                "measure": found.worst.measure,
                "chance": found.worst.chance,
                "before": _value(found.worst.before),
                "after": _value(found.worst.after),
            }
            for found in comparison.attackers
        ],
        "accuracy": None if comparison.accuracy is None else asdict(comparison.accuracy.cost),
    }


def _value(side: ComparedSide) -> dict[str, Any] | None:
    return None if side.estimate is None else asdict(side.estimate)


def encoded(png: bytes) -> str:
    """A PNG as base64, as a page shows it."""
    return base64.b64encode(png).decode("ascii")


def _exposure(one: Reconstruction) -> tuple[bool, float]:
    return is_read(one), one.similarity.pearson


def _curves(
    report: InversionReport, measured: Mapping[str, InversionMeasured], target: int
) -> dict[str, list[list[float]]]:
    """(queries, loss) along each attack that has a loss to follow, by its title."""
    curves: dict[str, list[list[float]]] = {}
    for point in report.loss_curve:
        if point.target_class == target:
            curves.setdefault(measured[point.attack].title, []).append([point.queries, point.loss])
    return curves


def _figures(found: Reconstruction, row: InversionMeasured, files: Mapping[str, bytes]) -> dict[str, Any]:
    return {
        "attack": row.title,
        "image": encoded(files[found.image]),
        "queries": found.queries,
        "similarity": asdict(row.metrics.pearson),
        "chance": found.chance,
        "chance_source": found.chance_source,
        "leakage": asdict(found.leakage),
        "confidence": None if found.judgement is None else found.judgement.confidence,
    }
