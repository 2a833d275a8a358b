"""What can be chosen on the page: what a model has learnt, and how it is defended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from leakgauge.defences.output import OUTPUT_DEFENCES, settings_of
from leakgauge.defences.training import TRAINING_DEFENCES
from leakgauge.errors import BadParameters

Data: TypeAlias = Literal["digits", "mnist", "faces"]
CLASSES: Final = 10

GUARD: Final = "guard"
LEVELS: Final = ("light", "usual", "strong")
OUTPUT_LEVELS: Final = {
    "logit_clipping": (6, 3, 1),
    "rounding": (3, 2, 1),
    "top_k": (3, 2, 1),
    "temperature": (2, 5, 20),
    "noise": (0.5, 1, 2),
}
"""Strengths of output defences that have one, in the order of `LEVELS`."""
_TOGETHER: Final = (("dropout", "weight_decay"),)
"""Training defences that are offered together."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """What the models of the page have learnt; `source` is the folder of MNIST's files, for MNIST."""

    name: Data
    title: str
    source: Path | None = None

    def called(self, target: int) -> str:
        """The class `target` in a sentence."""
        return f"the face of person {target + 1}" if self.name == "faces" else f"the {target}"


@dataclass(frozen=True, slots=True)
class Choice:
    """A defence as the page offers it; it is trained with those of `training`, if any."""

    value: str
    title: str
    cost: str
    group: str
    training: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Defence:
    """A choice at a strength.

    Attributes
    ----------
    model
        the file of the defended model, as training leaves it.
    output
        spellings of the output defences that its answers pass through.
    training
        names of the defences that it must have been trained with.
    """

    model: str
    output: tuple[str, ...] = ()
    training: tuple[str, ...] = ()


def choices() -> tuple[Choice, ...]:
    """Every defence of the two tables, the guard first."""
    rows = {row.name: row for row in TRAINING_DEFENCES}
    paired = {name for names in _TOGETHER for name in names}
    singly = [(name,) for name in rows if name != GUARD and name not in paired]
    return (
        Choice(GUARD, rows[GUARD].title, rows[GUARD].cost, "In front of the model", levels=LEVELS),
        *(
            Choice(
                row.name,
                row.title,
                row.cost,
                "On its answers",
                levels=LEVELS if row.name in OUTPUT_LEVELS else (),
            )
            for row in OUTPUT_DEFENCES
        ),
        *(
            Choice(
                " ".join(names),
                " with ".join([rows[names[0]].title, *(rows[name].title.lower() for name in names[1:])]),
                " ".join(rows[name].cost for name in names),
                "In its training",
                training=names,
            )
            for names in (*_TOGETHER, *singly)
        ),
    )


def chosen(value: str, level: str = LEVELS[1]) -> Defence:
    """The defence of that name at that level.

    Raises
    ------
    BadParameters
        `unknown_defence`, `unknown_level`.
    """
    found = {choice.value: choice for choice in choices()}.get(value)
    if found is None:
        raise BadParameters(
            "unknown_defence", "The demo offers no such defence.", hint="Choose one of those on the page."
        )
    if level not in LEVELS:
        raise BadParameters(
            "unknown_level", "There is no such strength.", hint=f"Choose from: {', '.join(LEVELS)}."
        )
    if found.training:
        return Defence("hardened", training=found.training)
    if value == GUARD:
        return Defence(f"guarded-{level}")
    strengths = OUTPUT_LEVELS.get(value)
    spelling = value if strengths is None else f"{value}={strengths[LEVELS.index(level)]:g}"
    return Defence("baseline", output=tuple(str(setting) for setting in settings_of([spelling])))


def data_set(name: str, sets: Sequence[DataSet]) -> DataSet:
    """The data set of that name; errors as `chosen`."""
    for one in sets:
        if one.name == name:
            return one
    raise BadParameters("unknown_data", "The demo has no such images.", hint="Choose from those on the page.")
