"""The parameters of an inversion audit."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from leakgauge.parameters.values import (
    ATTACKS,
    CHANNEL_ORDER,
    DEFENCES,
    INPUT_RANGE,
    POLICY,
    RESIZE,
    SEED,
    Attacks,
    Class,
    ClassNames,
    Defences,
    Finite,
    InputRange,
    Iterations,
    Parameters,
    Seed,
    as_tuple,
    ascending,
    class_numbers,
    initialization_setting,
)
from leakgauge.policy import Policy

_MOST_SNAPSHOTS: Final = 50


class InversionParameters(Parameters):
    """The parameters of an inversion audit."""

    class_to_attack: Annotated[
        tuple[Class, ...] | Literal["all"] | None,
        BeforeValidator(
            class_numbers,
            json_schema_input_type=Class
            | Annotated[list[Class], Field(min_length=1)]
            | Literal["all"]
            | None,
        ),
    ] = Field(
        default=None,
        description="The class to reconstruct: a class number, a list of them, or `all`. "
        "Default: the class that the model gives to the input image.",
    )
    iterations: Annotated[
        Annotated[tuple[Iterations, ...], Field(min_length=1, max_length=_MOST_SNAPSHOTS)],
        BeforeValidator(as_tuple, json_schema_input_type=int | list[int]),
        AfterValidator(ascending),
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
            initialization_setting,
            json_schema_input_type=Literal["white", "black", "grey", "gray", "random", "average"],
        ),
    ] = Field(
        default="grey",
        description="The image that the attacks start from: `white`, `black`, `grey` (also `gray`), "
        "`random`, or `average`, the mean of the auxiliary images. White is the hardest start. "
        "Default: `grey`.",
    )
    attacks: Attacks = Field(default=None, description=ATTACKS)
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
        "evenly. Default: as many as `iterations` need, two an iteration for each attack. About "
        "900 to 1,800 more, counted under `masking` in the report, find out beforehand how the answers are "
        "made.",
    )
    time_budget: Annotated[float, Field(gt=0, le=86_400)] | None = Field(
        default=None,
        description="Within how many seconds the audit should end, opening and probing the model included. "
        "A few queries time the model beforehand. Searches watch the clock and end together, so that all "
        "classes have equally many steps; before they show too little, fewer classes are compared with, then "
        "one search is run in the place of all, and the report says so. Below what shows anything it says "
        "“Not audited for lack of time”. The report of an audit that ran into it depends on the speed of the "
        "machine. Default: as long as it takes.",
    )
    seeds: Annotated[int, Field(ge=1, le=20)] = Field(
        default=3,
        description="How many independent runs the consensus and its interval are made of, from 1 to 20. "
        "Default: 3.",
    )
    class_names: ClassNames = Field(
        default=None,
        description="Names of the classes, in the order of the model's outputs, for the report. "
        "Default: their numbers.",
    )
    input_range: InputRange = Field(default=None, description=INPUT_RANGE)
    background: Finite | None = Field(
        default=None,
        description="Pixel value, in the input range, that reconstructions tend to where the model does not "
        "care. Default: the median of the image's outermost pixels.",
    )
    channel_order: Literal["last", "first"] | None = Field(default=None, description=CHANNEL_ORDER)
    resize: bool = Field(default=False, description=RESIZE)
    defences: Defences = Field(default=(), description=DEFENCES)
    policy: Policy | None = Field(default=None, description=POLICY)
    seed: Seed = Field(default=0, description=SEED)

    @model_validator(mode="after")
    def _background_lies_in_range(self) -> InversionParameters:
        if self.background is not None and isinstance(self.input_range, tuple):
            low, high = self.input_range
            if not low <= self.background <= high:
                raise ValueError("background must lie within input_range")
        return self


class LiveInversionParameters(InversionParameters):
    """The parameters of an inversion audit of a live service."""

    not_taken: ClassVar = {
        "time_budget": "finding out what time allows would cost rows; limits.rows in the settings of the "
        "service says how long reconstructions get",
        "query_budget": "limits.rows in the settings of the service is shared by all reconstructions",
    }
