"""Running one attack on every class that the audit needs a drawing of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from leakgauge.attack_table import Unsuited
from leakgauge.inversion.budget import BudgetedTarget, QueryBudgetError
from leakgauge.inversion.protocol import Attack, Drawn, Settings
from leakgauge.inversion.space import Space
from leakgauge.progress import Progress, Share
from leakgauge.randomness import generator_for
from leakgauge.report.model import Failed, NotApplicable
from leakgauge.targets.protocol import Target

CONTROL_CLASSES = 9
CONTROL_ITERATIONS = 3_000
"""Other classes are drawn for at most this long: on handwritten digits the likeness of a drawing
changed by less than .01 between 1,500 and 5,000 iterations."""


@dataclass(frozen=True, slots=True)
class Run:
    """One attack on all classes: what it drew of the attacked ones and of the others, and in which space."""

    attack: Attack
    drawn: Mapping[int, Drawn]
    controls: Mapping[int, Drawn]
    queries: int
    space: Space


Outcome: TypeAlias = Run | NotApplicable | Failed


def run_attack(
    attack: Attack,
    target: Target,
    *,
    classes: Sequence[int],
    controls: Sequence[int],
    settings: Settings,
    budget: int | None,
    seed: int,
    progress: Progress,
) -> Outcome:
    """Draw `classes` in full and `controls` for as long as it takes to compare.

    Parameters
    ----------
    budget: most queries for each class and seed; None: what the iterations need.
    """
    if attack.threat_model == "probabilities" and not target.has_probabilities:
        reason = "The model gives labels alone; this attack reads probabilities."
        return NotApplicable(attack.name, attack.title, attack.threat_model, attack.citation, reason)
    per_seed = budget if budget is not None else 2 * settings.iterations[-1]
    brief = replace(settings, iterations=_shortened(settings.iterations))
    every = [(number, settings) for number in classes] + [(number, brief) for number in controls]
    drawn: dict[int, Drawn] = {}
    queries = 0
    try:
        for place, (number, told) in enumerate(every):
            walled = BudgetedTarget(target, per_seed * settings.seeds)
            drawn[number] = attack.reconstruct(
                walled,
                number,
                budget=per_seed * settings.seeds,
                rng=generator_for(seed, f"{attack.name} {number}"),
                progress=Share(progress, place / len(every), (place + 1) / len(every)),
                settings=told,
            )
            queries += walled.queries
    except Unsuited as reason:
        return NotApplicable(attack.name, attack.title, attack.threat_model, attack.citation, str(reason))
    except QueryBudgetError:
        return _failed(attack, "It asked for more queries than its budget allows and was stopped.")
    except Exception as error:  # noqa: BLE001 - one attack that breaks must not take the others with it
        return _failed(attack, f"It broke off with a {type(error).__name__}.")
    return Run(
        attack,
        {number: drawn[number] for number in classes},
        {number: drawn[number] for number in controls},
        queries,
        settings.space,
    )


def plan(
    attacks: Sequence[Attack], settings: Settings, prior: Space | None
) -> tuple[tuple[Attack, Settings], ...]:
    """What is run: each attack as it is and then, where there is a prior, once more in its space.

    Pictures unlike the training data make a prior that hinders, so it never replaces the attack without.
    """
    plain = [(attack, settings) for attack in attacks]
    if prior is None:
        return tuple(plain)
    informed = replace(settings, space=prior)
    again = [
        replace(attack, name=f"{attack.name}_prior", title=f"{attack.title}, with a prior", with_prior=True)
        for attack in attacks
        if attack.takes_prior
    ]
    return (*plain, *((attack, informed) for attack in again))


def choose_controls(n_classes: int, classes: Sequence[int], *, rng: np.random.Generator) -> tuple[int, ...]:
    """Up to nine classes besides the attacked ones; fewer where several classes are attacked anyway."""
    others = [number for number in range(n_classes) if number not in classes]
    wanted = max(0, CONTROL_CLASSES - (len(classes) - 1))
    if len(others) <= wanted:
        return tuple(others)
    return tuple(sorted(int(number) for number in rng.choice(others, size=wanted, replace=False)))


def _shortened(iterations: tuple[int, ...]) -> tuple[int, ...]:
    """The last iteration alone, or where controls stop."""
    return (min(iterations[-1], CONTROL_ITERATIONS),)


def _failed(attack: Attack, reason: str) -> Failed:
    return Failed(attack.name, attack.title, attack.threat_model, attack.citation, reason)
