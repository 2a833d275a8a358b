"""All that a membership audit measured, before anything is concluded from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from leakgauge.exhaustion import MORE_TIME
from leakgauge.membership.pool import Pool
from leakgauge.membership.proportions import Proportions
from leakgauge.membership.running import Scored
from leakgauge.membership.shift import Shift
from leakgauge.report.model import (
    Attacker,
    AttributeInference,
    Failed,
    MembershipMeasured,
    MembershipTarget,
    ModelContents,
    NotApplicable,
    Notice,
    Tradeoffs,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was measured.

    Attributes
    ----------
    described
        the model and the pool.
    shift
        what tells the tables apart without the model; None for nothing.
    runs
        what became of every attack.
    proportions
        what attack models learned at each share of the data; None where none of them ran.
    tried
        what mitigations would cost and save; None where that was not asked for.
    misfit
        why the members cannot be what the model was trained on; None for no reason.
    missing_references
        why each attacker had no reference models; None where there were some, or they would show nothing.
    notices
        what a reader must know of the reference models.
    contents
        what the model file holds of the members, word for word; None where there is none to look into.
    attributes
        what the model tells of sensitive columns; None where that was not asked for.
    seconds
        what all of it was expected to take.
    remedy
        what to do where there was no time for all of it.
    """

    pool: Pool
    described: MembershipTarget
    shift: Shift | None
    runs: tuple[Scored | NotApplicable | Failed, ...]
    proportions: Proportions | None
    tried: Tradeoffs | None
    misfit: str | None
    missing_references: Mapping[Attacker, str | None]
    notices: tuple[Notice, ...]
    contents: ModelContents | None = None
    attributes: AttributeInference | None = None
    seconds: float = 0.0
    remedy: str = MORE_TIME

    @property
    def outcomes(self) -> tuple[MembershipMeasured | NotApplicable | Failed, ...]:
        """What the report says of every attack."""
        return tuple(run.outcome if isinstance(run, Scored) else run for run in self.runs)

    @property
    def scored(self) -> dict[str, Scored]:
        """The attacks that ran, by name."""
        return {run.attack.name: run for run in self.runs if isinstance(run, Scored)}
