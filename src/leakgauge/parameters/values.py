"""The kinds of values that parameters take, and what all sets of parameters have in common."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

PixelScale: TypeAlias = tuple[float, float] | Literal["imagenet"]
_MOST_CLASSES: Final = 1_000
_MOST_ITERATIONS: Final = 1_000_000


def as_tuple(value: object) -> object:
    """JSON knows lists only; a lone value stands for a list of one."""
    if isinstance(value, list):
        return tuple(value)
    return value if isinstance(value, tuple) or value is None else (value,)


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) < len(values):
        raise ValueError("must not name anything twice")
    return values


def ascending(values: tuple[int, ...]) -> tuple[int, ...]:
    """The numbers in order; none may stand there twice."""
    return tuple(sorted(_distinct(values)))


def _column(value: object) -> object:
    """A column of a table without header is named by its position, which may come as a number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def class_numbers(value: object) -> object:
    """Checked here and not by a union, whose branches would each complain."""
    classes = as_tuple(value)
    if value is None or value == "all":
        return value
    if not isinstance(classes, tuple) or not all(type(number) is int for number in classes):
        raise ValueError('must be a class number, a list of class numbers or "all"')
    if not 1 <= len(classes) <= _MOST_CLASSES:
        raise ValueError(f"must name from 1 to {_MOST_CLASSES} classes")
    if min(classes) < 0:
        raise ValueError("classes are numbered from 0")
    return _distinct(classes)


def _header_setting(value: object) -> object:
    """Whether a table has a header: yes, no, or to be found out."""
    # to Python 1 is True, to a reader of JSON it is not
    if not (isinstance(value, bool) or value == "auto"):
        raise ValueError('must be "auto", true or false')
    return value


def _pair(value: object) -> object:
    if value is None or value == "imagenet" or isinstance(value, tuple):
        return value
    # checked here and not by a union, whose branches would each complain
    if not isinstance(value, list) or len(value) != 2 or not all(type(one) in (int, float) for one in value):
        raise ValueError('must be a list of two numbers, the lowest and the highest, or "imagenet"')
    return tuple(value)


def initialization_setting(value: object) -> object:
    """An initial image, in British spelling."""
    return "grey" if value == "gray" else value


def even(number: int) -> int:
    """The number, if it is even."""
    if number % 2:
        raise ValueError("must be even, since the models come in pairs")
    return number


def _low_below_high(bounds: PixelScale | None) -> PixelScale | None:
    if bounds is not None and bounds != "imagenet" and bounds[0] >= bounds[1]:
        raise ValueError("the first number must be below the second")
    return bounds


Column = Annotated[
    str, Field(min_length=1, max_length=1_000), BeforeValidator(_column, json_schema_input_type=str | int)
]
SensitiveColumns = Annotated[
    Annotated[tuple[Column, ...], Field(max_length=10)] | None,
    BeforeValidator(as_tuple, json_schema_input_type=str | int | list[str | int] | None),
    AfterValidator(lambda names: names if names is None else _distinct(names)),
]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Attacks = Annotated[
    Annotated[tuple[Name, ...], Field(min_length=1, max_length=100)] | None,
    BeforeValidator(as_tuple, json_schema_input_type=str | list[str] | None),
    AfterValidator(lambda names: names if names is None else _distinct(names)),
]
Defences = Annotated[
    Annotated[tuple[Name, ...], Field(max_length=20)],
    BeforeValidator(as_tuple, json_schema_input_type=str | list[str]),
]
ClassNames = Annotated[
    Annotated[tuple[Name, ...], Field(min_length=2, max_length=10_000)] | None,
    BeforeValidator(as_tuple, json_schema_input_type=list[str] | None),
]
Header = Annotated[Literal["auto", True, False], BeforeValidator(_header_setting)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Proportion = Annotated[int, Field(ge=1, le=90)]
Class = Annotated[int, Field(ge=0)]
Iterations = Annotated[int, Field(ge=1, le=_MOST_ITERATIONS)]


InputRange = Annotated[
    tuple[Finite, Finite] | Literal["imagenet"] | None,
    BeforeValidator(
        _pair,
        json_schema_input_type=Annotated[list[Finite], Field(min_length=2, max_length=2)]
        | Literal["imagenet"]
        | None,
    ),
    AfterValidator(_low_below_high),
]
INPUT_RANGE: Final = (
    'Lowest and highest pixel value that the model was trained on, as `[0, 255]`, or `"imagenet"` for pixels '
    "from 0 to 1 whose channels are then scaled with the mean and the standard deviation of ImageNet. "
    "Default: found out from the model's first layers and its answers about the images, else 0 to 1."
)
CHANNEL_ORDER: Final = "Whether colour channels are the model's last or first image axis. Default: found out."
RESIZE: Final = (
    "Whether images of another size than the model's input are resized instead of refused. Default: false."
)
HEADER: Final = (
    "Whether the first row of the tables names their columns. Default: `auto`, told from that row."
)
ATTACKS: Final = "Names of the attacks to run. Default: all that apply to the model."
DEFENCES: Final = (
    "Output defences that the model's answers pass through before the attacks see them, in this order, such "
    'as `["rounding=2"]`; see [defences.md](defences.md). Default: none.'
)
POLICY: Final = (
    "Limits that the report is held to, as in [policy.md](policy.md); `{}` for the default ones, "
    '`"aisvs"` or `"edpb-strict"` for a policy that comes along. The report then says passed, failed or '
    "inconclusive. Default: none."
)
SEED: Final = "Seed of all that is random; the same seed gives the same report. Default: 0."


LABELS_APART: Final = dict.fromkeys(
    ("label_column", "header"), "in memory, labels are handed over apart from the rest"
)
"""Why parameters about files do nothing in audits of what is in memory."""


Detail = Annotated[str, Field(min_length=1, max_length=500)]


def _day(text: str) -> str:
    try:
        return dt.date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError("must be a day, such as 2026-05-04") from None


class ReportDetails(BaseModel):
    """What the first page of a report says of it, which nobody verifies."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    title: Detail | None = None
    model: Detail | None = None
    author: Detail | None = None
    date: Annotated[str, AfterValidator(_day)] | None = None
    purpose: Detail | None = None


class Parameters(BaseModel):
    """A set of parameters.

    Attributes
    ----------
    not_taken
        parameters that would do nothing in this audit, with the reason that they are refused for.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, validate_default=True, hide_input_in_errors=True
    )

    not_taken: ClassVar[Mapping[str, str]] = {}

    report: ReportDetails | None = Field(
        default=None,
        description="What the first page says of the report: an object with any of `title`, `model`, "
        "`author`, `date` (as 2026-05-04) and `purpose`. It stands in `report.json`; nobody verifies it. "
        "Default: nothing.",
    )


def pixel_values(scale: PixelScale | None) -> tuple[float, float] | None:
    """The range of the pixels of images, where the scale of a model's input says one."""
    return None if scale == "imagenet" else scale
