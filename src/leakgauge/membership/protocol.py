"""What a membership attack is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.progress import Progress
from leakgauge.report.model import Attacker, ThreatModel
from leakgauge.targets.protocol import FloatArray


class Score(Protocol):
    """Scores every record of a pool."""

    def __call__(
        self, target: SharedAnswers, pool: Pool, *, rng: np.random.Generator, progress: Progress
    ) -> FloatArray:
        """(n,) finite scores, higher = more likely a member.

        Raises
        ------
        Unsuited
            when the attack cannot be run on this target, with the reason.
        """


@dataclass(frozen=True, slots=True)
class Attack:
    """A row of the table of attacks.

    A row that sees `probabilities` sees `scores` in their form where the model has no
    probabilities, and the report says so.
    `threshold` is the score from which the attack itself calls a record a
    member. None: it has no opinion, and a threshold is chosen on other records.
    `attacker` says what it takes beside the model's answers: the list of candidates, or at most other
    data of the same source. `referenced` rows compare the target with that attacker's reference models.
    `cross_fitted` rows score each record by a model that learned from the others, which
    their intervals allow for.
    `by_default` rows run when the user names none; `library` is the module that
    it needs beside those of the audit, one of `extras.LIBRARIES`, else None.
    """

    name: str
    title: str
    threat_model: ThreatModel
    citation: str
    score: Score
    threshold: float | None = None
    by_default: bool = True
    library: str | None = None
    cross_fitted: bool = False
    attacker: Attacker = "candidates"
    referenced: bool = False
