"""What a membership attack is."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import Protocol

import numpy as np

from leakgauge.attacks.row import Row, Unsuited
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.progress import Progress
from leakgauge.report.model import Attacker
from leakgauge.targets.protocol import FloatArray, Target


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
class Attack(Row):
    """A row of the table of membership attacks.

    A row that sees `probabilities` sees `scores` in their form where the model has no
    probabilities, and the report says so. Of a regressor a row that sees `labels` or `probabilities` sees
    `predictions`.

    Attributes
    ----------
    score
        the attack.
    threshold
        the score from which the attack itself calls a record a member. None: it has no opinion, and a
        threshold is chosen on other records.
    attacker
        who can run it. One of other data alone has no candidates to learn from.
    reads
        what an attack on the model file reads there, for the report; None for the others.
    needs_classes
        why it cannot be run on a regressor; None where it can.
    title_of_numbers
        what the report calls it where the model is a regressor; None for its own title.
    referenced
        whether it compares the target with that attacker's reference models.
    cross_fitted
        whether it scores each record by a model that learned from the others, which its intervals
        allow for.
    """

    score: Score
    threshold: float | None = None
    _: KW_ONLY
    attacker: Attacker = "candidates"
    cross_fitted: bool = False
    referenced: bool = False
    reads: str | None = None
    needs_classes: str | None = None
    title_of_numbers: str | None = None

    @property
    def trains_nothing(self) -> bool:
        """Whether it only looks at answers: what the effort of the others is weighed against."""
        return not (self.cross_fitted or self.referenced) and self.threat_model != "model_file"

    def seen_on(self, target: SharedAnswers) -> Attack:
        """The row as it is on this target: of models without probabilities it sees what they give."""
        if self.threat_model != "model_file" and target.gives == "predictions":
            return replace(self, threat_model="predictions", title=self.title_of_numbers or self.title)
        if self.threat_model == "probabilities" and target.gives == "scores":
            return replace(self, threat_model="scores")
        return self

    def check_suits(self, target: Target) -> None:
        """Look for the library, for the answers that the attack reads, and for what it needs of them.

        Raises
        ------
        Unsuited
            as `Row.check_suits`, and where the target is a regressor and the attack is about classes.
        """
        # named in full: `super()` finds no class in a dataclass with slots
        Row.check_suits(self, target)
        if self.needs_classes is not None and self.threat_model == "predictions":
            raise Unsuited(self.needs_classes)
