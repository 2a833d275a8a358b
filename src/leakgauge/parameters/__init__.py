"""parameters.json and hyperparameters -> typed, validated parameters.

The models of `membership`, `inversion` and `profiles` are the reference: `docs/parameters.md` and the
JSON Schema are generated from their descriptions. Validation is strict (a number in quotes
is not a number) and reports every problem at once. A parameter that would do nothing in an audit is
refused there.
"""

from __future__ import annotations

from leakgauge.parameters.documents import MAX_BYTES, decode_assignments, decode_hyperparameters
from leakgauge.parameters.inversion import InversionParameters, LiveInversionParameters
from leakgauge.parameters.loading import (
    answers_in_memory_parameters,
    answers_parameters,
    image_membership_parameters,
    in_memory_parameters,
    in_memory_profiles_parameters,
    inversion_parameters,
    live_inversion_parameters,
    live_parameters,
    membership_parameters,
    profiles_parameters,
)
from leakgauge.parameters.membership import (
    AnswersInMemoryParameters,
    AnswersParameters,
    ImageMembershipParameters,
    InMemoryParameters,
    LiveParameters,
    MembershipParameters,
)
from leakgauge.parameters.profiles import InMemoryProfilesParameters, ProfilesParameters
from leakgauge.parameters.values import pixel_values

__all__ = [
    "MAX_BYTES",
    "AnswersInMemoryParameters",
    "AnswersParameters",
    "ImageMembershipParameters",
    "InMemoryParameters",
    "InMemoryProfilesParameters",
    "InversionParameters",
    "LiveInversionParameters",
    "LiveParameters",
    "MembershipParameters",
    "ProfilesParameters",
    "answers_in_memory_parameters",
    "answers_parameters",
    "decode_assignments",
    "decode_hyperparameters",
    "image_membership_parameters",
    "in_memory_parameters",
    "in_memory_profiles_parameters",
    "inversion_parameters",
    "live_inversion_parameters",
    "live_parameters",
    "membership_parameters",
    "pixel_values",
    "profiles_parameters",
]
