"""How one installation of the service is set up."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from leakgauge.errors import BadParameters, JsonValue
from leakgauge.sandbox.machine import cpus_granted
from leakgauge.sandbox.resources import slots_in_memory
from leakgauge.service.answers import negotiate, offered

_MIB = 1 << 20
_MOST_SLOTS = 64
# SageMaker refuses a batch job whose concurrent requests could carry more than this together.
_BATCH_TOTAL_MB = 100
_DEFAULT_ACCEPT = "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"
_DEFAULT_TYPE = "application/zip"
_DEFAULT_PAYLOAD_MB = 100
_DEFAULT_QUEUE = 4
# Under the 25 seconds after which gunicorn ends a worker, and the 30 after which SageMaker kills.
_DEFAULT_STOP_SECONDS = 20
_DEFAULT_HEAD_SECONDS = 10
_DEFAULT_SILENT_SECONDS = 30
_DEFAULT_LEAST_BYTES_PER_SECOND = 16 << 10


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits of the door; those of an audit stand in `sandbox.resources.ResourceLimits`.

    Attributes
    ----------
    max_payload_mb
        largest body of a request, in MiB.
    slots
        audits that run at once; by default one for each processor, and no more than memory is for.
    queue
        further requests that may wait for a slot.
    wait_seconds
        how long one waits for a slot before it is told to come back.
    default_type
        what a request without an `Accept` header gets; written as such a header.
    batch
        whether a batch transform sends the requests.
    audit_seconds
        time that one audit may take, or None for the sandbox's own limit.
    stop_seconds
        how long running audits go on after SIGTERM.
    head_seconds
        time for the head of a request, from its first byte.
    silent_seconds
        how long a body or the taking of an answer may pause, and after which the least rate holds.
    least_bytes_per_second
        what a body or an answer must make on average.
    """

    max_payload_mb: int = _DEFAULT_PAYLOAD_MB
    slots: int = 1
    queue: int = _DEFAULT_QUEUE
    wait_seconds: float = 20.0
    default_type: str = _DEFAULT_TYPE
    batch: bool = False
    audit_seconds: float | None = None
    stop_seconds: float = _DEFAULT_STOP_SECONDS
    head_seconds: float = _DEFAULT_HEAD_SECONDS
    silent_seconds: float = _DEFAULT_SILENT_SECONDS
    least_bytes_per_second: float = _DEFAULT_LEAST_BYTES_PER_SECOND

    @property
    def max_payload_bytes(self) -> int:
        """Largest body of a request."""
        return self.max_payload_mb * _MIB

    @property
    def batch_concurrency(self) -> int:
        """Requests that a batch transform may send at once under its rule for payloads."""
        return max(1, min(self.slots, _BATCH_TOTAL_MB // self.max_payload_mb))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """The settings that the environment asks for.

        Raises
        ------
        BadParameters
            `environment`, with every variable that cannot be read.
        """
        variables = os.environ if environment is None else environment
        problems: list[JsonValue] = []

        def whole(*names: str) -> int | None:
            for name in names:
                text = variables.get(name, "").strip()
                if text.isascii() and text.isdigit() and len(text) < 10:
                    return int(text)
                if text:
                    problems.append(f"{name} is not a whole number")
            return None

        slots = whole(
            "LEAKGAUGE_SLOTS", "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS", "SAGEMAKER_MODEL_SERVER_WORKERS"
        )
        payload = whole("SAGEMAKER_MAX_PAYLOAD_IN_MB")
        queue = whole("LEAKGAUGE_QUEUE")
        seconds = whole("SAGEMAKER_MODEL_SERVER_TIMEOUT")
        stop = whole("LEAKGAUGE_STOP_SECONDS")
        head = whole("LEAKGAUGE_HEAD_SECONDS")
        silent = whole("LEAKGAUGE_SILENT_SECONDS")
        rate = whole("LEAKGAUGE_LEAST_BYTES_PER_SECOND")
        default_type = variables.get(_DEFAULT_ACCEPT, "").strip() or _DEFAULT_TYPE
        if negotiate(default_type, default_type=_DEFAULT_TYPE) is None:
            problems.append(f"{_DEFAULT_ACCEPT} names none of {', '.join(offered())}")
        if problems:
            raise BadParameters(
                "environment",
                f"The environment holds {len(problems)} setting(s) that cannot be read: {problems[0]}.",
                hint="Correct what is named, or leave the variables unset for the defaults.",
                details={"problems": problems},
            )
        return cls(
            # 0 means "no limit, chunked" to SageMaker; a limit there is all the same.
            max_payload_mb=payload or _DEFAULT_PAYLOAD_MB,
            slots=min(slots or min(cpus_granted(), slots_in_memory()), _MOST_SLOTS),
            queue=_DEFAULT_QUEUE if queue is None else min(queue, _MOST_SLOTS),
            default_type=default_type,
            batch=variables.get("SAGEMAKER_BATCH", "").strip().lower() in ("true", "1"),
            audit_seconds=float(seconds) if seconds else None,
            stop_seconds=float(_DEFAULT_STOP_SECONDS if stop is None else min(stop, _DEFAULT_STOP_SECONDS)),
            head_seconds=float(head or _DEFAULT_HEAD_SECONDS),
            silent_seconds=float(silent or _DEFAULT_SILENT_SECONDS),
            least_bytes_per_second=float(rate or _DEFAULT_LEAST_BYTES_PER_SECOND),
        )
