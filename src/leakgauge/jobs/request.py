"""What a job is asked to do."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from leakgauge.errors import JsonValue
from leakgauge.installation import Kind
from leakgauge.row_pipe import ServiceFacts


@dataclass(frozen=True, slots=True)
class Service:
    """A live service in the place of a model.

    Attributes
    ----------
    facts
        what is known of it.
    descriptor
        of the socket whose other end the broker holds; -1 until a child has it.
    """

    facts: ServiceFacts
    descriptor: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """One piece of work for one job.

    Attributes
    ----------
    source
        the uploaded zip, or a folder; opened by the job alone.
    scratch, report
        two empty folders of the job's own: to unpack into, and for the finished files.
    overrides
        parameters that win over the bundle's own `parameters.json`.
    time_budget
        seconds that an audit with such a parameter gets, since a caller waits;
        None where nobody said so. It wins over the parameter.
    only
        the one kind of audit that this installation runs; None for either.
    trained_prior
        a prior for inversion audits whose bundle brings no auxiliary images, if there is one.
    service
        the live service that is audited, if the bundle's model is none in a file.
    models
        descriptor of a socket over which reference models are spoken of (`leakgauge.model_pipe`): an audit
        has them trained elsewhere, a worker is told what to train; None where an audit trains its own.
    deadline
        on the monotonic clock, which all processes share: when the job is killed at the latest.
    cpu_seconds
        processor time, summed over threads, after which it is killed.
    """

    source: Path
    scratch: Path
    report: Path
    overrides: Mapping[str, JsonValue]
    only: Kind | None
    trained_prior: Path | None = None
    time_budget: float | None = None
    service: Service | None = None
    models: int | None = None
    deadline: float = math.inf
    cpu_seconds: float = math.inf

    def time_left(self) -> float:
        """Seconds until the calling process is killed for having used up its time, of either kind.

        Threads together use up the processor's faster than a clock runs.
        """
        return min(self.deadline - time.monotonic(), self.cpu_seconds - time.process_time())
