"""What an inversion attack is."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import Protocol

import numpy as np

from leakgauge.attacks.row import Row, Unsuited
from leakgauge.images.image import Images
from leakgauge.inversion.auxiliary import Auxiliary
from leakgauge.inversion.objective import LEAST_PROBABILITY, Penalty, Prior
from leakgauge.inversion.search_space import SearchSpace
from leakgauge.progress import Progress
from leakgauge.report.model import Notice
from leakgauge.targets.images.facts import Network
from leakgauge.targets.protocol import FloatArray, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackSettings:
    """What an attack is told besides the target and the class.

    Attributes
    ----------
    space
        the images that the search is over, and the one that it starts from.
    iterations
        ascending; after each of them the run's images are kept. One iteration is a pair of queries
        per seed.
    seeds
        number of independent runs.
    learning_rate
        what the user asks the step size to be; None leaves it to the attack.
    prior
        what makes an image implausible, which is taken off the objective.
    network
        the opened model, for white-box references alone; None where the file gives no gradient.
    floor
        smallest probability told from 0: half the step of rounded answers.
    temperature
        what the target's log probabilities are divided by, so that the prior's weight means the same
        for every target.
    high_contrast
        whether every query is made high-contrast; see `high_contrast`.
    auxiliary
        the attacker's own images, for attacks with a prior; None where there are none.
    watch
        what a search asks at every mark whether there is time to go on; None where time has no limit.
    """

    space: SearchSpace
    iterations: tuple[int, ...]
    seeds: int
    learning_rate: float | None = None
    prior: Penalty = Prior()  # noqa: RUF009 -- frozen, so that all may share it
    floor: float = LEAST_PROBABILITY
    network: Network | None = None
    temperature: float = 1.0
    high_contrast: bool = False
    auxiliary: Auxiliary | None = None
    watch: Watch | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """(seeds, height, width, channels) images after `iterations`; `queries` so far, over all seeds."""

    iterations: int
    queries: int
    images: Images


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Where a run stood at `iteration`.

    Attributes
    ----------
    queries
        sent so far, over all seeds.
    loss, confidence
        means of the negative objective and of p_t over the images then asked about.
    coefficients
        (seeds, dimensions) the reconstructions had the run ended here; None for attacks that do not
        search the space.
    """

    iteration: int
    queries: int
    loss: float
    confidence: float
    coefficients: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Reconstructed:
    """What an attack has reconstructed.

    Attributes
    ----------
    frames, curve
        in the order of the run.
    departures
        where the attack left its settings.
    done_at
        after how many queries it stopped because nothing changed any more; None where it did not.
    """

    frames: tuple[Frame, ...]
    curve: tuple[CurvePoint, ...]
    departures: tuple[Notice, ...] = ()
    done_at: int | None = None


class Watch(Protocol):
    """The clock of one search; see `pace`."""

    def goes_on(self, *, marks: int, steps: int, further: int) -> bool:
        """Whether there is time for `further` steps after so many marks and steps."""

    def may_begin(self) -> bool:
        """Whether there is time for a first step."""


class Reconstruct(Protocol):
    """Reconstructs a class from the target's answers."""

    def __call__(
        self,
        target: Target,
        target_class: int,
        *,
        budget: int,
        rng: np.random.Generator,
        progress: Progress,
        settings: AttackSettings,
    ) -> Reconstructed:
        """Images of the class, for at most `budget` queries over all seeds.

        Raises
        ------
        Unsuited
            when the attack cannot be run on this target or within this budget, with the reason.
        """


@dataclass(frozen=True, slots=True)
class Attack(Row):
    """A row of the table of inversion attacks.

    Attributes
    ----------
    reconstruct
        the attack.
    takes_prior
        where there is a prior, it is run a second time in the space of that prior.
    with_prior
        this row is such a second run, or a look-up.
    looks_up
        it is made of answers to auxiliary images, and is run once, with the prior.
    searches
        it goes on asking iteration after iteration, and does not ask once.
    left_out
        why it is not run, though it was asked for; None where it is.
    """

    reconstruct: Reconstruct
    _: KW_ONLY
    takes_prior: bool = True
    with_prior: bool = False
    looks_up: bool = False
    searches: bool = True
    left_out: str | None = None

    def check_suits(self, target: Target) -> None:
        """As `Row.check_suits`; raises `Unsuited` as well where the attack was left out."""
        if self.left_out is not None:
            raise Unsuited(self.left_out)
        Row.check_suits(self, target)  # dataclasses with slots have no super() without arguments

    def without(self, reason: str) -> Attack:
        """The row of the attack where it is not run, and says why."""
        return replace(self, left_out=reason, takes_prior=False, looks_up=False)
