"""A job, its request and its limits, and how they travel from the parent to a child."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from leakgauge.errors import JsonValue
from leakgauge.jobs.request import JobRequest, Service
from leakgauge.row_pipe import ServiceFacts
from leakgauge.sandbox.resources import ResourceLimits


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a child needs to know.

    Attributes
    ----------
    function
        `module:function` that does the work. Set by the program that makes the sandbox, never by a
        request from outside.
    request
        what it is called with.
    limits
        what it may use of the machine.
    """

    function: str
    request: JobRequest
    limits: ResourceLimits

    def message(self) -> dict[str, JsonValue]:
        """The assignment as JSON."""
        request = self.request
        return {
            "function": self.function,
            "limits": asdict(self.limits),
            "source": str(request.source),
            "scratch": str(request.scratch),
            "report": str(request.report),
            "overrides": dict(request.overrides),
            "only": request.only,
            "trained_prior": None if request.trained_prior is None else str(request.trained_prior),
            "time_budget": request.time_budget,
            "models": request.models,
            "service": None if request.service is None else request.service.facts.message(),
            "deadline": request.deadline,
        }

    @classmethod
    def from_message(cls, message: Mapping[str, object]) -> Assignment:
        """The assignment that `message()` described. Trusts its sender, who is this very program."""
        limits, overrides, only = message["limits"], message["overrides"], message["only"]
        trained_prior, time_budget = message["trained_prior"], message["time_budget"]
        service, models = message["service"], message["models"]
        assert isinstance(limits, dict)  # noqa: S101 - narrows the types of our own message
        assert isinstance(overrides, dict)  # noqa: S101 - likewise
        assert service is None or isinstance(service, dict)  # noqa: S101 - likewise
        granted = ResourceLimits(**limits)
        request = JobRequest(
            source=Path(str(message["source"])),
            scratch=Path(str(message["scratch"])),
            report=Path(str(message["report"])),
            overrides=overrides,
            only="membership" if only == "membership" else "inversion" if only == "inversion" else None,
            trained_prior=None if trained_prior is None else Path(str(trained_prior)),
            time_budget=None if time_budget is None else float(str(time_budget)),
            service=None if service is None else Service(ServiceFacts.from_message(service)),
            models=None if models is None else int(str(models)),
            deadline=float(str(message["deadline"])),
            cpu_seconds=granted.cpu_seconds,
        )
        return cls(str(message["function"]), request, granted)
