"""One piece of work to be done in the sandbox, and how it travels to the child."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from leakgauge.errors import BadParameters, JsonValue
from leakgauge.sandbox.policy import Policy

Kind: TypeAlias = Literal["membership", "inversion"]

AUDIT_RUNNER = "leakgauge.sandbox.child:audit"
SANITIZE_RUNNER = "leakgauge.sandbox.child:sanitize"
PRIOR_RUNNER = "leakgauge.sandbox.child:prior"
EXAMINE_RUNNER = "leakgauge.sandbox.examination:attempt"

DEMO_TRAIN_RUNNER = "leakgauge.sandbox.demonstration:train"
DEMO_ATTACK_RUNNER = "leakgauge.sandbox.demonstration:attack"

SANITIZED_MODEL = "model.pkl"
SANITIZED_NOTES = "notes.json"
"""What the sanitiser leaves in its folder: the model, and two lists of sentences about it."""

TRAINED_PRIOR = "prior.npz"
"""What a training job with task=prior leaves, and a serving container with that model finds."""

_ROOT_VARIABLE = "LEAKGAUGE_ML_ROOT"

DEMO_FACTS = "models.json"
DEMO_RESULT = "result.json"
DEMO_REPORT = "report.zip"
"""What the demo's children leave: facts about two models; figures and report of an attack on both."""


def installed_kind(environment: Mapping[str, str] | None = None) -> Kind | None:
    """The one kind of audit that this installation runs (`LEAKGAUGE_AUDIT`), or None for either.

    Raises
    ------
    BadParameters
        `environment` when the variable names no audit.
    """
    variables = os.environ if environment is None else environment
    match variables.get("LEAKGAUGE_AUDIT", "").strip().lower():
        case "":
            return None
        case "membership":
            return "membership"
        case "inversion":
            return "inversion"
        case _:
            raise BadParameters(
                "environment",
                "LEAKGAUGE_AUDIT names no audit.",
                hint="Set it to membership or inversion.",
            )


def ml_root(environment: Mapping[str, str] | None = None) -> Path:
    """The folder that SageMaker lays out: `LEAKGAUGE_ML_ROOT`, `/opt/ml` by default."""
    variables = os.environ if environment is None else environment
    return Path(variables.get(_ROOT_VARIABLE) or "/opt/ml")


def installed_prior(environment: Mapping[str, str] | None = None) -> Path | None:
    """The prior that came with the model that this container serves; None where none did. Not opened."""
    found = ml_root(environment) / "model" / TRAINED_PRIOR
    return found if found.is_file() else None


@dataclass(frozen=True, slots=True)
class Job:
    """What a child needs to know.

    Attributes
    ----------
    source:
        the uploaded zip, or a folder; opened by the child alone.
    scratch, report:
        two empty folders of the child's own: to unpack into, and for the finished files.
    overrides:
        parameters that win over the bundle's own `parameters.json`.
    only:
        the one kind of audit that this installation runs; None for either.
    trained_prior:
        a prior for inversion audits whose bundle brings no auxiliary images, if there is one.
    deadline:
        on the monotonic clock, which all processes share: when the child is killed at the latest.
    runner:
        `module:function` that does the work, called as `function(job, progress)`. Set by the
        program that makes the sandbox, never by a request.
    """

    source: Path
    scratch: Path
    report: Path
    overrides: Mapping[str, JsonValue]
    only: Kind | None
    policy: Policy
    deadline: float = math.inf
    trained_prior: Path | None = None
    runner: str = AUDIT_RUNNER

    def time_left(self) -> float:
        """Seconds until the calling process is killed for having used up its time, of either kind.

        Threads together use up the processor's faster than a clock runs.
        """
        return min(self.deadline - time.monotonic(), self.policy.cpu_seconds - time.process_time())

    def message(self) -> dict[str, JsonValue]:
        """The job as JSON."""
        return {
            "source": str(self.source),
            "scratch": str(self.scratch),
            "report": str(self.report),
            "overrides": dict(self.overrides),
            "only": self.only,
            "policy": asdict(self.policy),
            "deadline": self.deadline,
            "trained_prior": None if self.trained_prior is None else str(self.trained_prior),
            "runner": self.runner,
        }

    @classmethod
    def from_message(cls, message: Mapping[str, object]) -> Job:
        """The job that `message()` described. Trusts its sender, who is this very program."""
        policy, overrides, only = message["policy"], message["overrides"], message["only"]
        trained_prior = message["trained_prior"]
        assert isinstance(policy, dict)  # noqa: S101 - narrows the types of our own message
        assert isinstance(overrides, dict)  # noqa: S101 - likewise
        return cls(
            source=Path(str(message["source"])),
            scratch=Path(str(message["scratch"])),
            report=Path(str(message["report"])),
            overrides=overrides,
            only="membership" if only == "membership" else "inversion" if only == "inversion" else None,
            policy=Policy(**policy),
            deadline=float(str(message["deadline"])),
            trained_prior=None if trained_prior is None else Path(str(trained_prior)),
            runner=str(message["runner"]),
        )
