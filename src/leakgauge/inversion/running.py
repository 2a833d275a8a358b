"""Running the attacks on every class that the audit needs a reconstruction of."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import numpy as np
from threadpoolctl import threadpool_limits

from leakgauge.attacks.running import run_one
from leakgauge.exhaustion import NOT_AUDITED, Deadline, Share, Time
from leakgauge.images.image import Images
from leakgauge.inversion.auxiliary import Auxiliary
from leakgauge.inversion.budget import BudgetedTarget
from leakgauge.inversion.high_contrast import as_queried
from leakgauge.inversion.pace import FEWEST_ITERATIONS, Pace
from leakgauge.inversion.priors.pca import FAMILIARITY, HIGH_CONTRAST_FAMILIARITY, Familiar
from leakgauge.inversion.protocol import Attack, AttackSettings, Reconstructed
from leakgauge.inversion.search_space import SearchSpace
from leakgauge.progress import Progress, Together
from leakgauge.randomness import generator_for
from leakgauge.report.model import Failed, NotApplicable
from leakgauge.targets.protocol import Target
from leakgauge.threads import processors

CONTROL_CLASSES = 9
WORTH_A_THREAD = 2e-4
"""Seconds for one call from which on further threads gain more than they lose."""


@dataclass(frozen=True, slots=True)
class Run:
    """One attack on all classes: its settings, and what it reconstructed of attacked and of other classes.

    `stopped` says whether the clock ended it, for all classes alike.
    """

    attack: Attack
    settings: AttackSettings
    reconstructed: Mapping[int, Reconstructed]
    controls: Mapping[int, Reconstructed]
    queries: int
    stopped: bool = False

    @property
    def space(self) -> SearchSpace:
        """What it searched."""
        return self.settings.space

    @property
    def every(self) -> Mapping[int, Reconstructed]:
        """What it reconstructed of all classes, attacked or not."""
        return {**self.controls, **self.reconstructed}


Outcome: TypeAlias = Run | NotApplicable | Failed


def run_attacks(
    planned: Sequence[tuple[Attack, AttackSettings]],
    target: Target,
    *,
    classes: Sequence[int],
    controls: Sequence[int],
    budget: int | None,
    seed: int,
    progress: Progress,
    time: Time | None = None,
    deadline: Deadline | None = None,
) -> tuple[Outcome, ...]:
    """Reconstruct `classes`, and `controls` for as long, with every attack.

    Attacks and classes are independent, on several threads where that is faster, with the same result.

    Parameters
    ----------
    budget
        most queries for each class and seed, shared evenly by the attacks; None: all that they need.
    time
        the audit's, which the attacks share, one after the other; None for no limit.
    deadline
        when searches stop by themselves, see `pace`; None for never.
    """
    jobs = [
        (place, number, settings if number in classes else _end_alone(settings))
        # attack by attack: what is done when time runs out is whole
        for place, (_, settings) in enumerate(planned)
        for number in (*classes, *controls)
    ]
    together = Together(progress, len(jobs), stage="reconstructing")
    each = _for_each(budget, planned)
    budgeted = [_budgeted(target, own, each) for _, _, own in jobs]
    clocks = _Clocks(time or Time(), deadline, planned, searches=len(classes) + len(controls))

    def run(job: int) -> _End:
        place, number, own = jobs[job]
        attack, clock = planned[place][0], clocks.of(place, at_once=threads_for(budgeted))
        limited, own = clock.share.limiting(together.part(job)), clock.watched(own)
        attempt = partial(
            _reconstruct, attack, number, budgeted[job], settings=own, seed=seed, progress=limited
        )
        return run_one(attack, budgeted[job], attempt)

    with threadpool_limits(1):  # a library's threads wait for each other on small matrices; ours are enough
        ended = [run(job) for job in range(len(jobs))[:1]]
        with ThreadPoolExecutor(threads_for(budgeted)) as pool:
            ended += pool.map(run, range(1, len(jobs)))
    return tuple(
        _outcome(
            attack,
            settings,
            {number: end for (of, number, _), end in zip(jobs, ended, strict=True) if of == place},
            classes=classes,
            controls=controls,
            pace=clocks.of(place).pace,
        )
        for place, (attack, settings) in enumerate(planned)
    )


def _for_each(budget: int | None, planned: Sequence[tuple[Attack, AttackSettings]]) -> int | None:
    """Queries of one attack that asks, for each class and seed."""
    asking = max(1, sum(attack.threat_model != "model_file" for attack, _ in planned))
    return None if budget is None else budget // asking


def _budgeted(target: Target, settings: AttackSettings, each: int | None) -> BudgetedTarget:
    """The target for one attack on one class, with `each` queries a seed or as many as it needs."""
    queries = settings.seeds * (2 * settings.iterations[-1] if each is None else each)
    return BudgetedTarget(as_queried(target, high_contrast=settings.high_contrast), queries)


@dataclass(frozen=True, slots=True)
class _Clock:
    """What one attack may use: its share of the audit's time, and the pace of its searches, if any."""

    share: Share
    pace: Pace | None

    def watched(self, settings: AttackSettings) -> AttackSettings:
        """The settings of the next search, with its watch."""
        return settings if self.pace is None else replace(settings, watch=self.pace.begin())


class _Clocks:
    """The clock of each attack, given when its first reconstruction begins, in whichever thread."""

    def __init__(
        self,
        time: Time,
        deadline: Deadline | None,
        planned: Sequence[tuple[Attack, AttackSettings]],
        *,
        searches: int,
    ) -> None:
        self._time = time
        self._deadline = deadline
        self._searching = [attack.searches and attack.left_out is None for attack, _ in planned]
        self._searches = searches
        self._given: dict[int, _Clock] = {}
        self._lock = threading.Lock()

    def of(self, place: int, *, at_once: int = 1) -> _Clock:
        with self._lock:
            if place not in self._given:
                still = self._searching[place:]
                pace = (
                    None
                    if self._deadline is None
                    else Pace(
                        self._deadline, attacks=max(1, sum(still)), searches=self._searches, at_once=at_once
                    )
                )
                self._given[place] = _Clock(self._time.share(len(still)), pace)
            return self._given[place]


def threads_for(asked: Sequence[BudgetedTarget]) -> int:
    """One for each processor, or one alone for a model that answered faster than an attack can ask.

    Only while a model computes do two threads run at the same time; with a small
    model they mostly wait for each other, and a fifth of the time is lost.
    """
    calls = sum(one.calls for one in asked)
    quick = calls > 0 and sum(one.seconds for one in asked) / calls < WORTH_A_THREAD
    return 1 if quick else processors()


@dataclass(frozen=True, slots=True)
class _Done:
    reconstructed: Reconstructed
    queries: int


_End: TypeAlias = _Done | NotApplicable | Failed


def _reconstruct(
    attack: Attack,
    number: int,
    target: BudgetedTarget,
    *,
    settings: AttackSettings,
    seed: int,
    progress: Progress,
) -> _Done:
    """One attack on one class."""
    progress.report(f"reconstructing class {number}", 0.0)
    reconstructed = attack.reconstruct(
        target,
        number,
        budget=target.budget,
        rng=generator_for(seed, f"{attack.name} {number}"),
        progress=progress,
        settings=settings,
    )
    progress.report(f"reconstructing class {number}", 1.0)
    return _Done(reconstructed, target.queries)


def _outcome(
    attack: Attack,
    settings: AttackSettings,
    ends: Mapping[int, _End],
    *,
    classes: Sequence[int],
    controls: Sequence[int],
    pace: Pace | None,
) -> Outcome:
    """What became of an attack: of its classes the first that went wrong decides."""
    done: dict[int, _Done] = {}
    for number, end in ends.items():
        if not isinstance(end, _Done):
            return end
        done[number] = end
    found = {number: one.reconstructed for number, one in done.items()}
    if pace is not None and pace.marks is not None:
        found = {number: pace.even(one, settings.space) for number, one in found.items()}
        reached = min(one.frames[-1].iterations for one in found.values())
        if reached < min(FEWEST_ITERATIONS, settings.iterations[-1]):
            return attack.not_applicable(
                f"{NOT_AUDITED}: there was time for {reached:,} iterations, and fewer than "
                f"{FEWEST_ITERATIONS} show next to nothing. Raise time_budget."
            )
    return Run(
        attack,
        settings,
        {number: found[number] for number in classes},
        {number: found[number] for number in controls},
        sum(one.queries for one in done.values()),
        stopped=pace is not None and pace.marks is not None,
    )


def informed(settings: AttackSettings, prior: SearchSpace, images: Images | None = None) -> AttackSettings:
    """The same settings for an attacker who knows the images that `prior` is the space of.

    Parameters
    ----------
    images
        (n, height, width, channels) those images, where they are at hand.
    """
    weight = HIGH_CONTRAST_FAMILIARITY if settings.high_contrast else FAMILIARITY
    return replace(
        settings,
        space=prior,
        prior=Familiar(prior, settings.prior, weight),
        auxiliary=None if images is None else Auxiliary(images),
    )


def plan(
    attacks: Sequence[Attack],
    settings: AttackSettings,
    prior: SearchSpace | None,
    images: Images | None = None,
) -> tuple[tuple[Attack, AttackSettings], ...]:
    """What is run: each attack as it is and then, where there is a prior, once more in its space.

    Images unlike the training data make a prior that hinders, so it never replaces the attack without.
    An attack that reads the model file asks nothing, and what it reconstructs is shown to the model as it is.
    A look-up is run once, with the prior.
    """
    planned = []
    for attack in attacks:
        if attack.looks_up:
            known = settings if prior is None else informed(settings, prior, images)
            planned.append((replace(attack, with_prior=prior is not None), known))
        elif attack.threat_model == "model_file":
            planned.append((attack, replace(settings, high_contrast=False)))
        else:
            planned.append((attack, settings))
    if prior is None:
        return tuple(planned)
    again = [
        replace(attack, name=f"{attack.name}_prior", title=f"{attack.title}, with a prior", with_prior=True)
        for attack in attacks
        if attack.takes_prior and not attack.looks_up
    ]
    # each with answers of its own: what one has asked, the other pays for as well
    return (*planned, *((attack, informed(settings, prior, images)) for attack in again))


def choose_controls(
    n_classes: int, classes: Sequence[int], *, rng: np.random.Generator, most: int = CONTROL_CLASSES
) -> tuple[int, ...]:
    """Up to `most` classes besides the attacked ones; fewer where several classes are attacked anyway."""
    others = [number for number in range(n_classes) if number not in classes]
    wanted = max(0, most - (len(classes) - 1))
    if len(others) <= wanted:
        return tuple(others)
    return tuple(sorted(int(number) for number in rng.choice(others, size=wanted, replace=False)))


def _end_alone(settings: AttackSettings) -> AttackSettings:
    """The settings for controls: as many iterations, without snapshots on the way."""
    return replace(settings, iterations=settings.iterations[-1:])
