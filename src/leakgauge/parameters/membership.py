"""The parameters of a membership audit."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from leakgauge.parameters.values import (
    ATTACKS,
    CHANNEL_ORDER,
    DEFENCES,
    HEADER,
    INPUT_RANGE,
    LABELS_APART,
    POLICY,
    RESIZE,
    SEED,
    Attacks,
    Column,
    Defences,
    Header,
    InputRange,
    Parameters,
    Proportion,
    Seed,
    SensitiveColumns,
    as_tuple,
    ascending,
    even,
)
from leakgauge.policy import Policy


class MembershipParameters(Parameters):
    """The parameters of a membership audit.

    Attributes
    ----------
    more_records
        what is raised so that more records are looked at, for a report.
    """

    more_records: ClassVar[str] = "max_records"

    label_column: Column | None = Field(
        default=None,
        description="Name of the column that holds the label; in tables without header its position, from 0. "
        "Default: the column `label` that is no feature of the model, else the only one that can be it.",
    )
    group_column: Column | None = Field(
        default=None,
        description="Name or position of a column by whose values the leak is also measured group by group. "
        "Default: no groups.",
    )
    sensitive_columns: SensitiveColumns = Field(
        default=None,
        description="Names of columns that an attacker would like to learn about a person, such as "
        '`["income", "diagnosis"]`, up to ten (in tables without header positions): what the model tells of '
        "them to who knows the other columns; see [attribute-inference.md](attribute-inference.md). `[]` for "
        "none. Default: up to three columns of few categories, those that move the model's answers most, "
        "unless `attacks` names attacks.",
    )
    header: Header = Field(default="auto", description=HEADER)
    proportions: Annotated[
        tuple[Proportion, ...],
        Field(min_length=1),
        BeforeValidator(as_tuple, json_schema_input_type=int | list[int]),
        AfterValidator(ascending),
    ] = Field(
        default=tuple(range(10, 91, 10)),
        description="Percentages of the attack data on which the learned attacks are trained, "
        "each one row of `output.csv`; whole numbers from 1 to 90. Default: 10, 20, ... 90.",
    )
    attacks: Attacks = Field(default=None, description=ATTACKS)
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
    reference_models: Annotated[int, Field(ge=0, le=256), AfterValidator(even)] = Field(
        default=16,
        description="How many clones of the model the strongest attacks compare it with, each trained on "
        "half of the records: 0 for none, or an even number up to 256. 2 is quick, 64 is deep. Default: 16.",
    )
    time_budget: Annotated[float, Field(gt=0, le=86_400)] | None = Field(
        default=3_000.0,
        description="Within how many seconds the audit should end, reading included; `null` for as long as "
        "it takes. A few small fits tell beforehand how long it will take. Where that is too long the "
        "strongest attacks come first, with fewer reference models of full size, and the report names what "
        "it left out, “Not audited for lack of time”; without the strongest attacks no verdict is low. The "
        "report of an audit that ran into it depends on the speed of the machine. Default: 3000.",
    )
    tradeoffs: bool = Field(
        default=True,
        description="Whether the model is trained again with a few standard changes, such as larger leaves, "
        "to measure what each costs in accuracy and saves in leakage. That takes up to four reference models "
        "for each, and is left out where no attack uses reference models. "
        "Default: true.",
    )
    most_exposed: Annotated[int, Field(ge=0, le=1_000)] = Field(
        default=20,
        description="How many of the most exposed records are listed by row number, from 0 to 1,000. "
        "Default: 20.",
    )
    defences: Defences = Field(default=(), description=DEFENCES)
    policy: Policy | None = Field(default=None, description=POLICY)
    seed: Seed = Field(default=0, description=SEED)


_NO_COLUMNS: Final = "image sets have no columns"
_NOT_TRAINED_AGAIN: Final = (
    "an image classifier cannot be trained again here, so there are no reference models and no trade-offs"
)


class ImageMembershipParameters(MembershipParameters):
    """The parameters of a membership audit of an image classifier."""

    not_taken: ClassVar = {
        **dict.fromkeys(("label_column", "group_column", "sensitive_columns", "header"), _NO_COLUMNS),
        **dict.fromkeys(("reference_models", "tradeoffs"), _NOT_TRAINED_AGAIN),
    }

    input_range: InputRange = Field(default=None, description=INPUT_RANGE)
    channel_order: Literal["last", "first"] | None = Field(default=None, description=CHANNEL_ORDER)
    resize: bool = Field(default=False, description=RESIZE)


_NO_MODEL: Final = "a live service cannot be trained again here"


class LiveParameters(MembershipParameters):
    """The parameters of a membership audit of a live service."""

    not_taken: ClassVar = {
        **dict.fromkeys(("reference_models", "tradeoffs"), _NO_MODEL),
        "sensitive_columns": "a live service would have to be asked about every record with every value",
    }
    more_records: ClassVar = "limits.rows in the settings of the service, and max_records if need be,"


class InMemoryParameters(MembershipParameters):
    """The parameters of a membership audit of a model and records in memory."""

    not_taken: ClassVar = LABELS_APART


_NOTHING_TRAINED: Final = "there are answers and no model, so nothing is trained"


class AnswersParameters(MembershipParameters):
    """The parameters of a membership audit of a table of answers."""

    not_taken: ClassVar = {
        **dict.fromkeys(("reference_models", "tradeoffs"), _NOTHING_TRAINED),
        "sensitive_columns": "there are answers and no model that could be asked about other values",
    }


class AnswersInMemoryParameters(AnswersParameters):
    """The parameters of a membership audit of answers in memory."""

    not_taken: ClassVar = {**AnswersParameters.not_taken, **LABELS_APART}
