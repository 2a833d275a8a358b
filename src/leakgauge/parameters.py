"""parameters.json and hyperparameters -> typed, validated parameters.

The two models below are the reference: `docs/parameters.md` and the JSON Schema
are generated from their descriptions. Validation is strict (a number in quotes
is not a number) and reports every problem at once.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NoReturn, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from leakgauge.errors import BadParameters, JsonValue
from leakgauge.policy import Policy
from leakgauge.validation import explained, listed, shown, summary, unknown

MAX_BYTES: Final = 1 << 20
_MOST_CLASSES: Final = 1_000
_MOST_SNAPSHOTS: Final = 50
_MOST_ITERATIONS: Final = 1_000_000


# --- the shapes that parameters take ----------------------------------------------------------------


def _as_tuple(value: object) -> object:
    """JSON knows lists only; a lone value stands for a list of one."""
    if isinstance(value, list):
        return tuple(value)
    return value if isinstance(value, tuple) or value is None else (value,)


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) < len(values):
        raise ValueError("must not name anything twice")
    return values


def _ascending(values: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(_distinct(values)))


def _column(value: object) -> object:
    """A column of a table without header is named by its position, which may come as a number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _classes(value: object) -> object:
    """Checked here and not by a union, whose branches would each complain."""
    classes = _as_tuple(value)
    if value is None or value == "all":
        return value
    if not isinstance(classes, tuple) or not all(type(number) is int for number in classes):
        raise ValueError('must be a class number, a list of class numbers or "all"')
    if not 1 <= len(classes) <= _MOST_CLASSES:
        raise ValueError(f"must name from 1 to {_MOST_CLASSES} classes")
    if min(classes) < 0:
        raise ValueError("classes are numbered from 0")
    return _distinct(classes)


def _header(value: object) -> object:
    # to Python 1 is True, to a reader of JSON it is not
    if not (isinstance(value, bool) or value == "auto"):
        raise ValueError('must be "auto", true or false')
    return value


def _pair(value: object) -> object:
    if value is None or isinstance(value, tuple):
        return value
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("must be a list of two numbers, the lowest and the highest")
    return tuple(value)


def _initialization(value: object) -> object:
    return "grey" if value == "gray" else value


def _even(number: int) -> int:
    if number % 2:
        raise ValueError("must be even, since the models come in pairs")
    return number


def _low_below_high(bounds: tuple[float, float] | None) -> tuple[float, float] | None:
    if bounds is not None and bounds[0] >= bounds[1]:
        raise ValueError("the first number must be below the second")
    return bounds


_Column = Annotated[
    str, Field(min_length=1, max_length=1_000), BeforeValidator(_column, json_schema_input_type=str | int)
]
_Name = Annotated[str, Field(min_length=1, max_length=100)]
_Attacks = Annotated[
    Annotated[tuple[_Name, ...], Field(min_length=1, max_length=100)] | None,
    BeforeValidator(_as_tuple, json_schema_input_type=str | list[str] | None),
    AfterValidator(lambda names: names if names is None else _distinct(names)),
]
_Defences = Annotated[
    Annotated[tuple[_Name, ...], Field(max_length=20)],
    BeforeValidator(_as_tuple, json_schema_input_type=str | list[str]),
]
_Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Proportion = Annotated[int, Field(ge=1, le=90)]
_Class = Annotated[int, Field(ge=0)]
_Iterations = Annotated[int, Field(ge=1, le=_MOST_ITERATIONS)]


class _Parameters(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, validate_default=True, hide_input_in_errors=True
    )


class MembershipParameters(_Parameters):
    """What a membership audit can be told."""

    label_column: _Column | None = Field(
        default=None,
        description="Name of the column that holds the label; in tables without header its position, from 0. "
        "Default: the column `label` that is no feature of the model, else the only one that can be it.",
    )
    group_column: _Column | None = Field(
        default=None,
        description="Name or position of a column by whose values the leak is also measured group by group. "
        "Default: no groups.",
    )
    header: Annotated[Literal["auto", True, False], BeforeValidator(_header)] = Field(
        default="auto",
        description="Whether the first row of the tables names their columns. "
        "Default: `auto`, told from that row.",
    )
    proportions: Annotated[
        tuple[_Proportion, ...],
        Field(min_length=1),
        BeforeValidator(_as_tuple, json_schema_input_type=int | list[int]),
        AfterValidator(_ascending),
    ] = Field(
        default=tuple(range(10, 91, 10)),
        description="Percentages of the attack data on which the learned attacks are trained, "
        "each one row of `output.csv`; whole numbers from 1 to 90. Default: 10, 20, ... 90.",
    )
    attacks: _Attacks = Field(
        default=None, description="Names of the attacks to run. Default: all that apply to the model."
    )
    reference_libraries: bool = Field(
        default=False,
        description="Whether, through the optional extra `reference`, the attack of the Adversarial "
        "Robustness Toolbox runs besides, on the same model and records; see "
        "[defences.md](defences.md#reference-libraries-beside-ours). Default: false, but true for both sides "
        "of `leakgauge compare BUNDLE --defence`.",
    )
    max_records: Annotated[int, Field(ge=200, le=1_000_000)] = Field(
        default=20_000,
        description="How many records the attacks look at, half of them members; of larger tables a random "
        "sample is taken. From 200 to 1,000,000. Default: 20,000.",
    )
    reference_models: Annotated[int, Field(ge=0, le=256), AfterValidator(_even)] = Field(
        default=16,
        description="How many clones of the model the strongest attacks compare it with, each trained on "
        "half of the records: 0 for none, or an even number up to 256. 2 is quick, 64 is deep. Default: 16.",
    )
    time_budget: Annotated[float, Field(gt=0, le=86_400)] | None = Field(
        default=900.0,
        description="After how many seconds no further reference models are begun, which a report then says; "
        "`null` for never. The report of an audit that ran into it depends on the speed of the machine. "
        "Default: 900.",
    )
    tradeoffs: bool = Field(
        default=True,
        description="Whether the model is trained again with a few standard changes, such as larger leaves, "
        "to measure what each costs in accuracy and saves in leakage. That takes up to four reference models "
        "for each, within `time_budget`, and is left out where no attack uses reference models. "
        "Default: true.",
    )
    most_exposed: Annotated[int, Field(ge=0, le=1_000)] = Field(
        default=20,
        description="How many of the most exposed records are listed by row number, from 0 to 1,000. "
        "Default: 20.",
    )
    defences: _Defences = Field(
        default=(),
        description="Output defences that the model's answers pass through before the attacks see them, in "
        'this order, such as `["rounding=2"]`; see [defences.md](defences.md). Default: none.',
    )
    policy: Policy | None = Field(
        default=None,
        description="Limits that the report is held to, as in [policy.md](policy.md); `{}` for the default "
        "ones. The report then says passed, failed or inconclusive. Default: none.",
    )
    seed: _Seed = Field(
        default=0, description="Seed of all that is random; the same seed gives the same report. Default: 0."
    )


_InputRange = Annotated[
    tuple[_Finite, _Finite] | None,
    BeforeValidator(
        _pair,
        json_schema_input_type=Annotated[list[_Finite], Field(min_length=2, max_length=2)] | None,
    ),
    AfterValidator(_low_below_high),
]
_INPUT_RANGE: Final = (
    "Lowest and highest pixel value that the model was trained on, as `[0, 255]`. "
    "Default: found out from the model, else 0 to 1."
)
_CHANNEL_ORDER: Final = (
    "Whether colour channels are the model's last or first image axis. Default: found out."
)
_RESIZE: Final = (
    "Whether images of another size than the model's input are resized instead of refused. Default: false."
)


class PictureMembershipParameters(MembershipParameters):
    """What a membership audit of an image classifier can be told."""

    input_range: _InputRange = Field(default=None, description=_INPUT_RANGE)
    channel_order: Literal["last", "first"] | None = Field(default=None, description=_CHANNEL_ORDER)
    resize: bool = Field(default=False, description=_RESIZE)

    @model_validator(mode="after")
    def _without_columns(self) -> PictureMembershipParameters:
        if self.label_column is not None or self.group_column is not None or self.header != "auto":
            raise ValueError("label_column, group_column and header are for tables, not for image sets")
        return self


class InversionParameters(_Parameters):
    """What an inversion audit can be told."""

    class_to_attack: Annotated[
        tuple[_Class, ...] | Literal["all"] | None,
        BeforeValidator(
            _classes,
            json_schema_input_type=_Class
            | Annotated[list[_Class], Field(min_length=1)]
            | Literal["all"]
            | None,
        ),
    ] = Field(
        default=None,
        description="The class to draw: a class number, a list of them, or `all`. "
        "Default: the class that the model gives to the input image.",
    )
    iterations: Annotated[
        Annotated[tuple[_Iterations, ...], Field(min_length=1, max_length=_MOST_SNAPSHOTS)],
        BeforeValidator(_as_tuple, json_schema_input_type=int | list[int]),
        AfterValidator(_ascending),
    ] = Field(
        default=(1_500,),
        description="After how many iterations the reconstruction is taken: a number, or a list of up to 50, "
        "which are snapshots of one run. From 1 to 1,000,000 each. Default: 1,500.",
    )
    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None,
        description="Step size of the attacks, above 0 and at most 1. Default: each attack's own.",
    )
    initialization: Annotated[
        Literal["white", "black", "grey", "random", "average"],
        BeforeValidator(
            _initialization,
            json_schema_input_type=Literal["white", "black", "grey", "gray", "random", "average"],
        ),
    ] = Field(
        default="grey",
        description="The image that the attacks start from: `white`, `black`, `grey` (also `gray`), "
        "`random`, or `average`, the mean of the auxiliary images. White is the hardest start. "
        "Default: `grey`.",
    )
    attacks: _Attacks = Field(
        default=None, description="Names of the attacks to run. Default: all that apply to the model."
    )
    reference_libraries: bool = Field(
        default=False,
        description="Whether, through the optional extra `reference`, the attack of the Adversarial "
        "Robustness Toolbox and SecML-Torch's curve of robustness against evasion run besides, on the same "
        "model; see "
        "[defences.md](defences.md#reference-libraries-beside-ours). Default: false, but true for both sides "
        "of `leakgauge compare BUNDLE --defence`.",
    )
    query_budget: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="How many queries may be sent at most for each class and seed; the attacks share them "
        "evenly. Default: as many as `iterations` need, two an iteration for each attack. A few hundred "
        "more, counted under `masking` in the report, find out beforehand how the answers are made.",
    )
    time_budget: Annotated[float, Field(gt=0, le=86_400)] | None = Field(
        default=None,
        description="Within how many seconds all drawings together should end; they get fewer iterations "
        "where that is needed, which a report then says, and which depends on the speed of the machine. "
        "Default: as long as it takes.",
    )
    seeds: Annotated[int, Field(ge=1, le=20)] = Field(
        default=3,
        description="How many independent runs the consensus and its interval are made of, from 1 to 20. "
        "Default: 3.",
    )
    input_range: _InputRange = Field(default=None, description=_INPUT_RANGE)
    background: _Finite | None = Field(
        default=None,
        description="Pixel value, in the input range, that drawings tend to where the model does not care. "
        "Default: the median of the picture's outermost pixels.",
    )
    channel_order: Literal["last", "first"] | None = Field(default=None, description=_CHANNEL_ORDER)
    resize: bool = Field(default=False, description=_RESIZE)
    defences: _Defences = Field(
        default=(),
        description="Output defences that the model's answers pass through before the attacks see them, in "
        'this order, such as `["rounding=2"]`; see [defences.md](defences.md). Default: none.',
    )
    policy: Policy | None = Field(
        default=None,
        description="Limits that the report is held to, as in [policy.md](policy.md); `{}` for the default "
        "ones. The report then says passed, failed or inconclusive. Default: none.",
    )
    seed: _Seed = Field(
        default=0, description="Seed of all that is random; the same seed gives the same report. Default: 0."
    )

    @model_validator(mode="after")
    def _background_lies_in_range(self) -> InversionParameters:
        if self.background is not None and self.input_range is not None:
            low, high = self.input_range
            if not low <= self.background <= high:
                raise ValueError("background must lie within input_range")
        return self


# --- loading ----------------------------------------------------------------------------------------

_Model = TypeVar("_Model", bound=_Parameters)


def membership_parameters(
    file: Path | None = None, overrides: Mapping[str, JsonValue] | None = None
) -> MembershipParameters:
    """Parameters of a membership audit: defaults, then the file's, then the overrides.

    Parameters
    ----------
    file
        a parameters.json, if the bundle has one.
    overrides
        values that win over the file's: a command line's options or a job's hyperparameters.

    Raises
    ------
    BadParameters
        `invalid`, with the problems in `details["problems"]` as `{parameter, message}`; or, for a file
        that is no JSON object, `not_json`, `duplicate_key`, `not_an_object`, `nested_too_deep`,
        `not_finite`, `encoding` or `too_large`.
    """
    return _load(MembershipParameters, file, overrides or {})


def picture_membership_parameters(
    file: Path | None = None, overrides: Mapping[str, JsonValue] | None = None
) -> PictureMembershipParameters:
    """Parameters of a membership audit over image sets; as `membership_parameters`."""
    return _load(PictureMembershipParameters, file, overrides or {})


def inversion_parameters(
    file: Path | None = None, overrides: Mapping[str, JsonValue] | None = None
) -> InversionParameters:
    """Parameters of an inversion audit; as `membership_parameters`."""
    return _load(InversionParameters, file, overrides or {})


def decode_hyperparameters(strings: Mapping[str, str]) -> dict[str, JsonValue]:
    """Hyperparameters of a training job, which are strings all, as values.

    What is JSON is decoded, `True`, `False` and `None` are taken as Python spells them, and the rest
    stays text. What stands in quotes is decoded once more, and again while there are quotes: SDKs encode
    as JSON what is text already, so that a 1 arrives as `"1"`. Names of columns stay text though.
    SageMaker's own entries (`sagemaker_*`, `_tuning_*`) are left out.
    """
    return {
        name: _unquoted(text, column=name in _COLUMNS)
        for name, text in strings.items()
        if not name.startswith(("sagemaker_", "_tuning_"))
    }


_COLUMNS: Final = ("label_column", "group_column")
_QUOTE: Final = '"'
_PYTHON_SPELLINGS: Final[Mapping[str, bool | None]] = {"True": True, "False": False, "None": None}


def _unquoted(text: str, *, column: bool) -> JsonValue:
    value = _decoded(text)
    if not text.startswith(_QUOTE) or not isinstance(value, str) or value == text:
        return value
    return value if column and not value.startswith(_QUOTE) else _unquoted(value, column=column)


def _decoded(text: str) -> JsonValue:
    if text in _PYTHON_SPELLINGS:
        return _PYTHON_SPELLINGS[text]
    try:
        return _json(text)
    except (_UnacceptableError, ValueError, RecursionError):
        return text


class _UnacceptableError(Exception):
    """JSON that a parser would take, and we do not."""

    def __init__(self, problem: str, message: str) -> None:
        super().__init__(message)
        self.problem = problem
        self.message = message


def _json(text: str) -> JsonValue:
    value: JsonValue = json.loads(
        text,
        object_pairs_hook=_object,
        parse_constant=_refuse_constant,
        parse_float=_finite,
    )
    return value


def _object(pairs: list[tuple[str, JsonValue]]) -> JsonValue:
    found: dict[str, JsonValue] = {}
    for key, value in pairs:
        if key in found:
            raise _UnacceptableError("duplicate_key", f"{shown(key)} stands in it twice")
        found[key] = value
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise _UnacceptableError("not_finite", f"{name} is not a number that a parameter can have")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise _UnacceptableError("not_finite", "a number in it is too large")
    return value


def _read(file: Path) -> dict[str, JsonValue]:
    with file.open("rb") as handle:
        data = handle.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise _bad_file("too_large", "is larger than 1 MiB")
    try:
        value = _json(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise _bad_file("encoding", "is not UTF-8") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _bad_file("not_json", f"is not JSON: {error.msg} at {where}") from error
    except _UnacceptableError as error:
        raise _bad_file(error.problem, f"is not taken: {error.message}") from error
    except RecursionError as error:
        raise _bad_file("nested_too_deep", "is nested too deep") from error
    except ValueError as error:
        # the only other one: a whole number of more digits than Python converts
        raise _bad_file("not_finite", "holds a number that is too large") from error
    if not isinstance(value, dict):
        raise _bad_file("not_an_object", "does not hold a JSON object")
    return value


def _bad_file(problem: str, what: str) -> BadParameters:
    return BadParameters.about(
        "parameters.json",
        what,
        problem=problem,
        message=f"parameters.json {what}.",
        hint='It has to be one JSON object in UTF-8, like {"seed": 1}.',
    )


def _load(model: type[_Model], file: Path | None, overrides: Mapping[str, JsonValue]) -> _Model:
    values = {**(_read(file) if file is not None else {}), **overrides}
    known = {name: value for name, value in values.items() if name in model.model_fields}
    problems = [(shown(name), unknown(name, model.model_fields)) for name in values if name not in known]
    try:
        parameters = model.model_validate(known)
    except ValidationError as error:
        problems += explained(error, model, whole="parameters")
    else:
        if not problems:
            return parameters
    raise BadParameters(
        "invalid",
        summary(problems),
        hint="Correct or leave out what is named; all parameters have defaults.",
        details={"problems": listed(problems)},
    )
