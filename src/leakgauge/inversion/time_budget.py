"""An audit for a caller who does not wait: as many iterations as there is time for, and a word about it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from leakgauge.attacks.row import Unsuited
from leakgauge.errors import UnsupportedModel
from leakgauge.inversion.high_contrast import as_queried
from leakgauge.inversion.inputs import Inputs
from leakgauge.inversion.protocol import Attack, AttackSettings
from leakgauge.inversion.running import choose_controls, plan
from leakgauge.progress import Silent
from leakgauge.randomness import generator_for
from leakgauge.report.model import Notice

FEWEST_ITERATIONS = 20
_WARM, _TIMED = FEWEST_ITERATIONS, 2 * FEWEST_ITERATIONS
"""Long enough for a step of every attack, some of which ask about many images at a time."""
_QUERIES_ENOUGH = 1 << 30


def within(
    inputs: Inputs,
    attacks: Sequence[Attack],
    *,
    seconds: float | None,
    clock: Callable[[], float] = time.monotonic,
) -> Inputs:
    """The same inputs with as many iterations as `seconds` allow, and a notice where those are fewer.

    A few iterations of each attack are timed on the audit's own target. One class is told from
    another only by reconstructions of equal length, so every reconstruction is shortened alike; fewer than 20
    iterations are never reconstructed.

    Parameters
    ----------
    seconds
        for all reconstructions together; None for as long as it takes.
    """
    if seconds is None:
        return inputs
    asked = inputs.settings.iterations
    others = choose_controls(
        inputs.facts.classes, inputs.classes, rng=generator_for(0, "classes to compare with")
    )
    planned = plan(attacks, inputs.settings, inputs.prior.space, inputs.prior.images)
    each = sum(_seconds_of_one(attack, inputs, settings, clock) for attack, settings in planned)
    most = asked[-1]
    reconstructions = len(inputs.classes) + len(others)
    while most > FEWEST_ITERATIONS and reconstructions * most * each > seconds:
        most = max(int(most * 0.9), FEWEST_ITERATIONS)
    if most == asked[-1]:
        return inputs
    kept = tuple(after for after in asked if after < most)
    notice = Notice(
        "fewer_iterations",
        f"Within {seconds:g} seconds the reconstructions had to end after {most:,} of {asked[-1]:,} "
        "iterations; "
        "with all of them they would show more. Raise time_budget to allow for that.",
    )
    return replace(
        inputs,
        settings=replace(inputs.settings, iterations=(*kept, most)),
        notices=(*inputs.notices, notice),
    )


def _seconds_of_one(
    attack: Attack, inputs: Inputs, settings: AttackSettings, clock: Callable[[], float]
) -> float:
    """Seconds per iteration; 0 for an attack that cannot be run here."""
    try:
        attack.check_suits(inputs.target)
        _run(attack, inputs, settings, _WARM)
        begun = clock()
        _run(attack, inputs, settings, _TIMED)
    except (Unsuited, UnsupportedModel, MemoryError):
        return 0.0
    return (clock() - begun) / _TIMED


def _run(attack: Attack, inputs: Inputs, settings: AttackSettings, iterations: int) -> None:
    attack.reconstruct(
        as_queried(inputs.target, high_contrast=settings.high_contrast),
        inputs.classes[0],
        budget=_QUERIES_ENOUGH,
        rng=generator_for(0, "time"),
        progress=Silent(),
        settings=replace(settings, iterations=(iterations,)),
    )
