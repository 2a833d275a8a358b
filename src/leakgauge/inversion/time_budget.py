"""An audit for a caller who does not wait: what time allows for, known before it is spent.

A few iterations of each attack are timed on the audit's own target, as many side by side as will be
run side by side. What was spent before, on opening and probing the model, counts. Reconstructions get
fewer iterations first, all of them alike: one class is told from another only by reconstructions of
equal length. Where few would be left, fewer classes are reconstructed to compare with, and then one
search is run in the place of all. Where not even that shows anything, nothing is audited.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final, NoReturn

from leakgauge.attacks.row import Unsuited
from leakgauge.errors import UnsupportedModel
from leakgauge.inversion.auxiliary import Auxiliary
from leakgauge.inversion.budget import BudgetedTarget
from leakgauge.inversion.high_contrast import as_queried
from leakgauge.inversion.inputs import Inputs
from leakgauge.inversion.protocol import Attack, AttackSettings
from leakgauge.inversion.running import CONTROL_CLASSES, choose_controls, plan, threads_for
from leakgauge.inversion.verdict import NOT_AUDITED
from leakgauge.progress import Progress, Silent
from leakgauge.randomness import generator_for
from leakgauge.report.model import Notice

TIMED_ITERATIONS = 20
"""Long enough for a step of every attack, some of which ask about many images at a time."""
SENSIBLE, FEWEST_ITERATIONS = 150, 50
"""Iterations that are kept up by leaving out what is not needed; below the latter a reconstruction shows
next to nothing."""
FEWEST_CONTROLS = 4
"""Classes to compare with that a verdict needs: five reconstructions can be told from guessing."""
SPENT: Final = 0.9
"""Share of the time that is planned for: measuring and writing what was found takes the rest."""
_QUERIES_ENOUGH = 1 << 30


@dataclass(frozen=True, slots=True)
class Planned:
    """What an audit does: its inputs and attacks, and how many classes it compares with at most."""

    inputs: Inputs
    attacks: tuple[Attack, ...]
    controls: int = CONTROL_CLASSES


def within(
    inputs: Inputs,
    attacks: Sequence[Attack],
    *,
    seconds: float | None,
    begun: float,
    progress: Progress,
    clock: Callable[[], float] = time.monotonic,
) -> Planned:
    """What can be done in `seconds`, and a notice where that is not everything.

    Parameters
    ----------
    seconds
        for the whole audit; None for as long as it takes.
    begun
        when it began, by `clock`.
    """
    whole = Planned(inputs, tuple(attacks))
    if seconds is None:
        return whole
    costs = {attack: _seconds_of_iteration(attack, inputs, clock) for attack in attacks}
    left = SPENT * (begun + seconds - clock())
    asked = inputs.settings.iterations[-1]
    for place, (kept, most) in enumerate(_choices(costs)):
        each = sum(costs[attack] for attack in kept) * _reconstructions(inputs, most)
        affordable = asked if each <= 0 else int(min(left / each, asked))
        if affordable >= min(asked, FEWEST_ITERATIONS if place == 2 else SENSIBLE):
            estimate = each * affordable
            progress.report(f"reconstructing takes about {_readable(estimate)}", 0.05)
            return _planned(whole, kept, most, affordable, seconds=seconds, estimate=estimate)
    needed = _readable(each * min(asked, FEWEST_ITERATIONS))
    reason = (
        f"{NOT_AUDITED}: of {_readable(seconds)}, {_readable(max(left, 0.0))} were left for reconstructing, "
        f"and as few iterations as show anything take {needed}. Raise time_budget."
    )
    return replace(whole, attacks=tuple(_left_out(attack, reason) for attack in attacks))


def _choices(costs: dict[Attack, float]) -> tuple[tuple[tuple[Attack, ...], int], ...]:
    """Attacks and classes to compare with, from all to what a verdict needs."""
    every = tuple(costs)
    search = next((attack for attack in every if costs[attack] > 0 and not attack.looks_up), None)
    few = tuple(attack for attack in every if attack.looks_up or attack is search)
    return ((every, CONTROL_CLASSES), (every, FEWEST_CONTROLS), (few or every, FEWEST_CONTROLS))


def _planned(
    whole: Planned,
    kept: tuple[Attack, ...],
    controls: int,
    iterations: int,
    *,
    seconds: float,
    estimate: float,
) -> Planned:
    inputs, asked = whole.inputs, whole.inputs.settings.iterations
    if iterations == asked[-1] and kept == whole.attacks and controls == CONTROL_CLASSES:
        return whole
    shorter = tuple(after for after in asked if after < iterations)
    left_out = [attack for attack in whole.attacks if attack not in kept]
    notice = Notice(
        "fewer_iterations",
        f"Within {_readable(seconds)} the reconstructions had to end after {iterations:,} of {asked[-1]:,} "
        f"iterations, which take about {_readable(estimate)}"
        + (f"; at most {controls} other classes were compared with" if controls < CONTROL_CLASSES else "")
        + (f"; {len(left_out)} attacks were left out" if left_out else "")
        + ". With all of them they would show more. Raise time_budget to allow for that.",
    )
    reason = f"Left out: within {_readable(seconds)} there was time for one search. Raise time_budget."
    return Planned(
        replace(
            inputs,
            settings=replace(inputs.settings, iterations=(*shorter, iterations)),
            notices=(*inputs.notices, notice),
        ),
        tuple(attack if attack in kept else _left_out(attack, reason) for attack in whole.attacks),
        controls,
    )


def _reconstructions(inputs: Inputs, most: int) -> int:
    rng = generator_for(0, "classes to compare with")
    return len(inputs.classes) + len(
        choose_controls(inputs.facts.classes, inputs.classes, rng=rng, most=most)
    )


def _seconds_of_iteration(attack: Attack, inputs: Inputs, clock: Callable[[], float]) -> float:
    """Seconds per iteration of an attack, with a prior as well as without; 0 where it cannot be run here."""
    planned = plan([attack], inputs.settings, inputs.prior.space, inputs.prior.images)
    return sum(_seconds_of_one(row, inputs, settings, clock) for row, settings in planned)


def _seconds_of_one(
    attack: Attack, inputs: Inputs, settings: AttackSettings, clock: Callable[[], float]
) -> float:
    target = BudgetedTarget(as_queried(inputs.target, high_contrast=settings.high_contrast), _QUERIES_ENOUGH)
    settings, known = replace(settings, iterations=(TIMED_ITERATIONS,)), settings.auxiliary

    def run(_: int) -> None:
        attack.reconstruct(
            target,
            inputs.classes[0],
            budget=_QUERIES_ENOUGH,
            rng=generator_for(0, "time"),
            progress=Silent(),
            # with answers of its own: one that is asked for the second time takes no time
            settings=replace(settings, auxiliary=known and Auxiliary(known.images)),
        )

    try:
        attack.check_suits(inputs.target)
        run(0)  # what a first question costs more
        copies = threads_for([target])
        begun = clock()
        if copies == 1:
            run(0)
        else:
            with ThreadPoolExecutor(copies) as pool:
                list(pool.map(run, range(copies)))
    except (Unsuited, UnsupportedModel, MemoryError):
        return 0.0
    return (clock() - begun) / (copies * TIMED_ITERATIONS)


def _left_out(attack: Attack, reason: str) -> Attack:
    """The row of an attack that is not run, and says why."""

    def left_out(*_: object, **__: object) -> NoReturn:
        raise Unsuited(reason)

    return replace(attack, reconstruct=left_out, takes_prior=False, looks_up=False)


def _readable(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.1f} seconds"
