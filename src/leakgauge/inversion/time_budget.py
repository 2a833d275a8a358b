"""What an audit will cost, known before it is paid, and what a caller who does not wait gets for it.

A few images time the audit's own target, as many calls side by side as will be made side by side. Where
a `time_budget` is set, what was spent before, on opening and probing the model, counts. Searches get
fewer iterations first: they watch the clock, see `pace`. Where few would be left, fewer classes are
reconstructed to compare with, and then one search is run in the place of all. Where not even that shows
anything, nothing is audited; nor where finding out how the model answers would take the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from statistics import median
from typing import Final

from threadpoolctl import threadpool_limits

from leakgauge.attacks.row import Unsuited
from leakgauge.errors import UnsupportedModel
from leakgauge.exhaustion import NOT_AUDITED, Deadline, readable
from leakgauge.inversion.budget import BudgetedTarget
from leakgauge.inversion.high_contrast import as_queried
from leakgauge.inversion.inputs import Inputs
from leakgauge.inversion.pace import FEWEST_ITERATIONS
from leakgauge.inversion.probing import NO_TIME
from leakgauge.inversion.protocol import Attack, AttackSettings
from leakgauge.inversion.running import CONTROL_CLASSES, Run, choose_controls, plan, threads_for
from leakgauge.progress import Progress
from leakgauge.randomness import generator_for
from leakgauge.report.model import Notice
from leakgauge.targets.protocol import Target

TIMED = 5
"""Iterations that are timed, after one that is not: always so many, since answers with noise depend on
what was asked before."""
SENSIBLE: Final = 150
"""Iterations that are kept up by leaving out what is not needed."""
FEWEST_CONTROLS = 4
"""Classes to compare with that a verdict needs: five reconstructions can be told from guessing."""
SPENT: Final = 0.9
"""Share of the time at which reconstructing ends: measuring and writing what was found takes the rest."""
_QUERIES_ENOUGH = 1 << 30


@dataclass(frozen=True, slots=True)
class Planned:
    """What an audit does: its inputs and attacks, how many classes it compares with, and until when."""

    inputs: Inputs
    attacks: tuple[Attack, ...]
    controls: int = CONTROL_CLASSES
    deadline: Deadline | None = None


def deadline_of(seconds: float | None, *, begun: float) -> Deadline | None:
    """When reconstructing must end in an audit of so many seconds that began at `begun`, by its clock."""
    return None if seconds is None else Deadline(seconds, begun + SPENT * seconds)


def within(
    inputs: Inputs, attacks: Sequence[Attack], *, deadline: Deadline | None, progress: Progress
) -> Planned:
    """What can be done until then; progress is told what it is expected to take.

    Parameters
    ----------
    deadline
        None for as long as it takes.
    """
    whole = Planned(inputs, tuple(attacks), deadline=deadline)
    if (unasked := next((one.message for one in inputs.notices if one.code == NO_TIME), None)) is not None:
        return replace(whole, attacks=tuple(attack.without(unasked) for attack in attacks))
    costs = _Costs(inputs, time.monotonic if deadline is None else deadline.clock)
    asked = inputs.settings.iterations[-1]
    if deadline is None:
        progress.report(f"reconstructing takes up to {readable(costs.of(attacks, asked))}", 0.1)
        return whole
    for kept, most, fewest in _choices(attacks):
        left, needed = deadline.left, costs.of(kept, min(asked, fewest), most=most)
        if needed <= left:
            expected = min(costs.of(kept, asked, most=most), left)
            progress.report(f"reconstructing takes up to {readable(expected)}", 0.1)
            return replace(
                whole,
                attacks=tuple(
                    attack if attack in kept else attack.without(_ONE_SEARCH) for attack in attacks
                ),
                controls=most,
            )
    reason = (
        f"{NOT_AUDITED}: of {readable(deadline.seconds)}, {readable(left)} were left for reconstructing, "
        f"and as few iterations as show anything take {readable(needed)}. Raise time_budget."
    )
    return replace(whole, attacks=tuple(attack.without(reason) for attack in attacks))


def not_everything(
    runs: Sequence[Run], attacks: Sequence[Attack], *, controls: int, deadline: Deadline | None
) -> tuple[Notice, ...]:
    """What a reader must know where time did not suffice for everything; nothing where it did.

    Parameters
    ----------
    runs
        of the attacks that showed something.
    attacks
        all that were asked for.
    controls
        as `Planned.controls`.
    """
    if deadline is None:
        return ()
    ends = [
        found.frames[-1].iterations for run in runs if run.stopped for found in run.reconstructed.values()
    ]
    left_out = sum(attack.left_out is not None for attack in attacks)
    cut = [
        *([f"searches ended after {min(ends):,} to {max(ends):,} iterations"] if ends else []),
        *([f"at most {controls} other classes were compared with"] if controls < CONTROL_CLASSES else []),
        *([f"{left_out} attacks were left out"] if left_out else []),
    ]
    if not runs or not cut:
        return ()
    return (
        Notice(
            "fewer_iterations",
            f"Within {readable(deadline.seconds)} there was no time for everything: {'; '.join(cut)}. "
            "With all of it reconstructions would show more. Raise time_budget to allow for that.",
        ),
    )


_ONE_SEARCH = "Left out: there was time for one search. Raise time_budget."


def _choices(attacks: Sequence[Attack]) -> tuple[tuple[tuple[Attack, ...], int, int], ...]:
    """Attacks, classes to compare with and iterations to have, from all to what a verdict needs."""
    every = tuple(attacks)
    search = next((one for one in every if not one.looks_up and one.threat_model != "model_file"), None)
    few = tuple(one for one in every if not one.searches or one is search) if search else every
    return (
        (every, CONTROL_CLASSES, SENSIBLE),
        (every, FEWEST_CONTROLS, SENSIBLE),
        (few, FEWEST_CONTROLS, FEWEST_ITERATIONS),
    )


class _Costs:
    """Seconds that attacks take, as `plan` runs them: with a prior as well as without."""

    def __init__(self, inputs: Inputs, clock: Callable[[], float]) -> None:
        self._inputs = inputs
        self._clock = clock
        self._of_iteration: dict[int, float] = {}

    def of(self, attacks: Sequence[Attack], iterations: int, *, most: int = CONTROL_CLASSES) -> float:
        """Of so many iterations on every class, `most` of them to compare with."""
        inputs = self._inputs
        rng = generator_for(0, "classes to compare with")
        others = choose_controls(inputs.facts.classes, inputs.classes, rng=rng, most=most)
        searched = iterations * (len(inputs.classes) + len(others))
        seconds = 0.0
        for attack, settings in plan(attacks, inputs.settings, inputs.prior.space, inputs.prior.images):
            try:
                attack.check_suits(inputs.target)
            except Unsuited:
                continue
            one = self._seconds(settings)
            asked_once = 0 if settings.auxiliary is None else len(settings.auxiliary.images)
            seconds += one * (asked_once / (2 * settings.seeds) + (searched if attack.searches else 0))
        return seconds

    def _seconds(self, settings: AttackSettings) -> float:
        """Of one iteration in the space of these settings."""
        known = id(settings.space)
        if known not in self._of_iteration:
            self._of_iteration[known] = _seconds_of_iteration(self._inputs.target, settings, self._clock)
        return self._of_iteration[known]


def _seconds_of_iteration(target: Target, settings: AttackSettings, clock: Callable[[], float]) -> float:
    """Seconds of a pair of queries for each seed, with what an attacker computes; 0 where it breaks off."""
    asked = BudgetedTarget(as_queried(target, high_contrast=settings.high_contrast), _QUERIES_ENOUGH)
    z = generator_for(0, "time").standard_normal((2 * settings.seeds, settings.space.dimensions))

    def one() -> float:
        begun = clock()
        images = settings.space.images(z)
        asked.probabilities(images) if asked.has_probabilities else asked.labels(images)
        settings.space.slope(settings.prior.gradient(images))
        return clock() - begun

    try:
        with threadpool_limits(1):
            one()  # what a first question costs more
            copies = threads_for([asked])
            with ThreadPoolExecutor(copies) as pool:
                timed = list(pool.map(lambda _: one(), range(copies * TIMED)))
    except (UnsupportedModel, MemoryError):
        return 0.0
    return median(timed) / copies
