"""From a bundle's file and a caller's overrides to typed, validated parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from leakgauge.errors import BadParameters, JsonValue
from leakgauge.parameters.documents import read
from leakgauge.parameters.inversion import InversionParameters, LiveInversionParameters
from leakgauge.parameters.membership import (
    AnswersInMemoryParameters,
    AnswersParameters,
    ImageMembershipParameters,
    InMemoryParameters,
    LiveParameters,
    MembershipParameters,
)
from leakgauge.parameters.profiles import InMemoryProfilesParameters, ProfilesParameters
from leakgauge.parameters.values import Parameters
from leakgauge.validation import explained, listed, shown, summary, unknown

_Model = TypeVar("_Model", bound=Parameters)


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


def image_membership_parameters(
    file: Path | None = None, overrides: Mapping[str, JsonValue] | None = None
) -> ImageMembershipParameters:
    """Parameters of a membership audit over image sets; as `membership_parameters`."""
    return _load(ImageMembershipParameters, file, overrides or {})


def answers_parameters(
    file: Path | None = None, overrides: Mapping[str, JsonValue] | None = None
) -> AnswersParameters:
    """Parameters of a membership audit of a table of answers; as `membership_parameters`."""
    return _load(AnswersParameters, file, overrides or {})


def answers_in_memory_parameters(overrides: Mapping[str, JsonValue]) -> AnswersInMemoryParameters:
    """Parameters of a membership audit of answers in the caller's memory; as `membership_parameters`."""
    return _load(AnswersInMemoryParameters, None, overrides)


def live_parameters(
    file: Path | None = None, overrides: Mapping[str, JsonValue] | None = None
) -> LiveParameters:
    """Parameters of a membership audit of a live service; as `membership_parameters`."""
    return _load(LiveParameters, file, overrides or {})


def in_memory_parameters(overrides: Mapping[str, JsonValue]) -> InMemoryParameters:
    """Parameters of a membership audit in the caller's memory; as `membership_parameters`."""
    return _load(InMemoryParameters, None, overrides)


def inversion_parameters(
    file: Path | None = None, overrides: Mapping[str, JsonValue] | None = None
) -> InversionParameters:
    """Parameters of an inversion audit; as `membership_parameters`."""
    return _load(InversionParameters, file, overrides or {})


def live_inversion_parameters(
    file: Path | None = None, overrides: Mapping[str, JsonValue] | None = None
) -> LiveInversionParameters:
    """Parameters of an inversion audit of a live service; as `membership_parameters`."""
    return _load(LiveInversionParameters, file, overrides or {})


def profiles_parameters(
    file: Path | None = None, overrides: Mapping[str, JsonValue] | None = None
) -> ProfilesParameters:
    """Parameters of an audit of class profiles; as `membership_parameters`."""
    return _load(ProfilesParameters, file, overrides or {})


def in_memory_profiles_parameters(overrides: Mapping[str, JsonValue]) -> InMemoryProfilesParameters:
    """Parameters of an audit of class profiles in the caller's memory; as `membership_parameters`."""
    return _load(InMemoryProfilesParameters, None, overrides)


def _load(model: type[_Model], file: Path | None, overrides: Mapping[str, JsonValue]) -> _Model:
    values = {**(read(file) if file is not None else {}), **overrides}
    taken = [name for name in model.model_fields if name not in model.not_taken]
    known = {name: value for name, value in values.items() if name in taken}
    problems = [(shown(name), _refusal(name, model, taken)) for name in values if name not in known]
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


def _refusal(name: str, model: type[Parameters], taken: Sequence[str]) -> str:
    """Why a name is none of those that are `taken`."""
    if name in model.not_taken:
        return f"does nothing in this audit: {model.not_taken[name]}"
    return unknown(name, taken)
