"""The parameters of an audit of class profiles."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from leakgauge.parameters.values import (
    ATTACKS,
    DEFENCES,
    HEADER,
    LABELS_APART,
    POLICY,
    SEED,
    Attacks,
    Column,
    Defences,
    Header,
    Parameters,
    Seed,
    as_tuple,
)
from leakgauge.policy import Policy

Label: TypeAlias = str | int | float | bool
_MOST_CLASSES: Final = 100
_LONGEST: Final = 1_000


def _labels(value: object) -> object:
    """Checked here and not by a union, whose branches would each complain."""
    if value is None or value == "all":
        return value
    labels = as_tuple(value)
    if not isinstance(labels, tuple) or not all(isinstance(label, str | int | float) for label in labels):
        raise ValueError('must be a class label, a list of class labels or "all"')
    if not 1 <= len(labels) <= _MOST_CLASSES:
        raise ValueError(f"must name from 1 to {_MOST_CLASSES} classes")
    if any(len(str(label)) > _LONGEST for label in labels):
        raise ValueError(f"labels have at most {_LONGEST} characters")
    if len({(type(label), label) for label in labels}) < len(labels):
        raise ValueError("must not name anything twice")
    return labels


class ProfilesParameters(Parameters):
    """The parameters of an audit of class profiles."""

    class_to_attack: Annotated[
        tuple[Label, ...] | Literal["all"] | None,
        BeforeValidator(_labels, json_schema_input_type=Label | list[Label] | None),
    ] = Field(
        default=None,
        description="The class whose profile is reconstructed, by its label: a label, a list of them, or "
        "`all`. Default: every class, but of more than ten the first ten.",
    )
    label_column: Column | None = Field(
        default=None,
        description="Name of the column of the reference records that holds the label; in a table without "
        "header its position, from 0. Default: the column `label`, else the only one that can be it.",
    )
    header: Header = Field(default="auto", description=HEADER)
    attacks: Attacks = Field(default=None, description=ATTACKS)
    reference_libraries: bool = Field(
        default=False,
        description="No reference library has an attack on class profiles, so that this changes nothing; it "
        "is taken since `leakgauge compare BUNDLE --defence` sets it for every audit. Default: false.",
    )
    max_records: Annotated[int, Field(ge=200, le=50_000)] = Field(
        default=10_000,
        description="How many auxiliary records, and as many reference records of each class, are used at "
        "most; of larger tables a random sample is taken. From 200 to 50,000. Default: 10,000.",
    )
    query_budget: Annotated[int, Field(ge=100, le=1_000_000)] = Field(
        default=5_000,
        description="How many made-up records each search may ask the model about, for each class, besides "
        "the auxiliary records. From 100 to 1,000,000. Default: 5,000.",
    )
    defences: Defences = Field(default=(), description=DEFENCES)
    policy: Policy | None = Field(default=None, description=POLICY)
    seed: Seed = Field(default=0, description=SEED)


class InMemoryProfilesParameters(ProfilesParameters):
    """The parameters of an audit of class profiles of a model and records in memory."""

    not_taken: ClassVar = LABELS_APART
