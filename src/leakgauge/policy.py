"""The limits that a gate holds a report to: a YAML file, one of `policies/` by name, the parameter `policy`.

The models below are the reference for docs/policy.md. A rule that is `null` is
switched off. Unknown names are refused by name: a limit that is misspelled would
otherwise hold nobody to anything.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from leakgauge.errors import BadParameters
from leakgauge.strict_yaml import MAX_BYTES, parse
from leakgauge.validation import explained, listed, shown, summary

_MOST_ATTACKS = 50
_HINT = "docs/policy.md describes every limit; {} is a policy too, the default one."

SHIPPED: Final = ("aisvs", "edpb-strict")
"""Policies that come along and go by a name; each file says what it is for."""


def _as_tuple(value: object) -> object:
    """YAML and JSON know lists only."""
    return tuple(value) if isinstance(value, list) else value


def _rates(value: object) -> object:
    """Limits on rates, keyed as reports key them: 0.010 is "0.01"; YAML may read the key as a number."""
    if not isinstance(value, Mapping):
        return value
    found: dict[str, object] = {}
    for key, limit in value.items():
        try:
            share = float(key)
        except (TypeError, ValueError):
            raise ValueError(f"{shown(str(key))} is no false-positive rate, such as 0.01") from None
        if not 0 < share < 1:
            raise ValueError("a false-positive rate lies between 0 and 1")
        name = f"{share:g}"
        if name in found:
            raise ValueError(f"names the rate {name} twice")
        found[name] = limit
    return found


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("must not name anything twice")
    return names


_Area = Annotated[float, Field(ge=0.5, le=1)]
_Share = Annotated[float, Field(ge=0, le=1)]
_Severity = Literal["low", "moderate", "high"]
_Rates = Annotated[dict[str, _Share], BeforeValidator(_rates, json_schema_input_type=dict[str, _Share])]
_Attacks = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=100)], ...],
    Field(max_length=_MOST_ATTACKS),
    BeforeValidator(_as_tuple, json_schema_input_type=list[str]),
    AfterValidator(_distinct),
]


class _Limits(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, validate_default=True, hide_input_in_errors=True
    )


class MembershipLimits(_Limits):
    """What a membership report is held to; the defaults are where the report says "high"."""

    attacker: Literal["candidates", "population"] = Field(
        default="candidates",
        description="Whose attacks count: `candidates`, who holds a list of candidates and learns from it, "
        "or `population`, who has other data of the same source and no more. Limits on the model file hold "
        "for either.",
    )
    max_auc: _Area | None = Field(
        default=0.70,
        description="Largest area under the ROC curve that any attack on the model's answers may reach.",
    )
    max_tpr_at_fpr: _Rates = Field(
        default={"0.01": 0.10},
        description="For each false-positive rate (FPR), the largest true-positive rate (TPR), the share of "
        "members found, that any attack on the model's answers may reach.",
    )
    max_accuracy: _Area | None = Field(
        default=None,
        description="Largest balanced accuracy that any attack on the model's answers may reach.",
    )
    guessing_margin: Annotated[float, Field(gt=0, le=0.5)] | None = Field(
        default=None,
        description="How far above guessing, which gets .5, the balanced accuracy of an attack on the "
        "model's answers may at most lie. An attack that is shown to beat guessing breaks it, by however "
        "little.",
    )
    max_model_file_auc: _Area | None = Field(
        default=None,
        description="As max_auc, for attacks that read the model file: set it for models whose file is "
        "released.",
    )
    max_attribute_leakage: _Share | None = Field(
        default=None,
        description="Largest leakage of a sensitive column that any attack on the model's answers may show: "
        "the share of members whose value it names rightly, beyond what holds of other people; over all "
        "members, or as a mean over its values.",
    )
    max_model_file_attribute_leakage: _Share | None = Field(
        default=None, description="As max_attribute_leakage, for attacks that read the model file."
    )
    max_records_in_file: Annotated[int, Field(ge=0)] | None = Field(
        default=None,
        description="How many training records may at most stand whole in the model file, or be rebuilt from "
        "it with every value right.",
    )
    max_severity: _Severity | None = Field(
        default=None, description="The worst verdict that passes: low, moderate or high."
    )
    required_attacks: _Attacks = Field(
        default=("label_only", "rmia"),
        description="Attacks without whose figures nothing is called passed, by name; for `attacker: "
        "population` by default `[gap, rmia_offline]`.",
    )

    @model_validator(mode="before")
    @classmethod
    def _required_of_population(cls, limits: object) -> object:
        if isinstance(limits, Mapping) and limits.get("attacker") == "population":
            return {"required_attacks": ["gap", "rmia_offline"], **limits}
        return limits


class InversionLimits(_Limits):
    """What an inversion report is held to; the defaults are where the report says "high"."""

    max_leakage: _Share | None = Field(
        default=0.30,
        description="Largest leakage, the share of the way from a guess to a full leak, that the "
        "reconstruction of any attack on the model's answers may reach.",
    )
    max_model_file_leakage: _Share | None = Field(
        default=None, description="As max_leakage, for attacks that read the model file."
    )
    max_severity: _Severity | None = Field(
        default="moderate",
        description="The worst verdict that passes: low, moderate or high. An inconclusive one never does: "
        "without an evaluator, similarity to one image rules nothing out.",
    )
    required_attacks: _Attacks = Field(
        default=("spsa", "label_only"),
        description="Attacks without whose figures nothing is called passed, by name.",
    )


class ProfilesLimits(_Limits):
    """What a report on class profiles is held to; the defaults are where the report says "high"."""

    max_gain: Annotated[float, Field(ge=0)] | None = Field(
        default=0.20,
        description="How much nearer to the real profile of a class any attack on the model's answers may "
        "come than what is known of everybody: standard deviations, or shares of records, over the columns "
        "in the mean.",
    )
    max_leakage: _Share | None = Field(
        default=None,
        description="Largest leakage, the share of the way from what is known of everybody to the real "
        "profile, that any attack on the model's answers may reach.",
    )
    max_severity: _Severity | None = Field(
        default="moderate",
        description="The worst verdict that passes: low, moderate or high. An inconclusive one never does: "
        "without reference records nothing is ruled out.",
    )
    required_attacks: _Attacks = Field(
        default=("weighted_records", "labelled_records"),
        description="Attacks without whose figures nothing is called passed, by name.",
    )


class Policy(_Limits):
    """Limits for every kind of report."""

    version: Annotated[int, Field(ge=1, le=1)] = Field(default=1, description="Version of this format: 1.")
    membership: MembershipLimits = Field(default=MembershipLimits(), description="For membership reports.")
    inversion: InversionLimits = Field(default=InversionLimits(), description="For inversion reports.")
    profiles: ProfilesLimits = Field(default=ProfilesLimits(), description="For reports on class profiles.")

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, policy: object) -> object:
        if isinstance(policy, str):
            if policy not in SHIPPED:
                raise ValueError(f"{shown(policy)} is no policy that comes along: {', '.join(SHIPPED)}")
            return _document(shipped(policy))
        return policy


def shipped(name: str) -> bytes:
    """The YAML of a policy that comes along, one of `SHIPPED`, with what it says of itself."""
    return (resources.files(__package__) / "policies" / f"{name}.yaml").read_bytes()


def read_policy(source: Path | str) -> Policy:
    """The policy in a file, or the one of `SHIPPED` that a text names.

    Raises
    ------
    BadParameters
        as `policy_of`; `policy_file` for a file that cannot be read.
    """
    if source in SHIPPED:
        return policy_of(shipped(str(source)))
    try:
        with Path(source).open("rb") as handle:
            data = handle.read(MAX_BYTES + 1)
    except OSError as error:
        raise _bad_file(
            f"cannot be read ({os.strerror(error.errno or 0)})",
            hint=f"Name a YAML file, or a policy that comes along: {', '.join(SHIPPED)}. {_HINT}",
        ) from None
    return policy_of(data)


def policy_of(data: bytes) -> Policy:
    """The policy that a YAML (or JSON) file holds; what it leaves out has its default.

    Raises
    ------
    BadParameters
        `policy_file` for what is no YAML mapping, names a key twice, uses references, or is larger
        than 64 KiB; `policy` for unknown names and limits that do not fit, all of them at once.
    """
    return policy_from(_document(data))


def policy_from(document: Mapping[str, Any]) -> Policy:
    """The policy that names and values give, as a file would hold them.

    Raises
    ------
    BadParameters
        `policy` for unknown names and limits that do not fit, all of them at once.
    """
    try:
        return Policy.model_validate(document)
    except ValidationError as error:
        problems = explained(error, Policy, whole="policy")
        raise BadParameters(
            "policy", summary(problems), hint=_HINT, details={"problems": listed(problems)}
        ) from None


def _document(data: bytes) -> dict[str, Any]:
    try:
        return parse(data)
    except ValueError as error:
        raise _bad_file(str(error)) from None


def _bad_file(what: str, *, hint: str = _HINT) -> BadParameters:
    return BadParameters("policy_file", f"The policy file {what}.", hint=hint)
