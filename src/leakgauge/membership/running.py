"""Running the attacks of an audit, one by one: each is measured, not applicable, or failed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from leakgauge.attacks.row import Unsuited
from leakgauge.attacks.running import check_that_one_ran, run_one
from leakgauge.estimates import step_roc
from leakgauge.exhaustion import Share as ShareOfTime
from leakgauge.exhaustion import Time
from leakgauge.extras import installed
from leakgauge.membership.measure import decide, drawn_roc, measure
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.membership.protocol import Attack
from leakgauge.progress import Progress, Share, Silent
from leakgauge.randomness import generator_for
from leakgauge.report.model import Failed, MembershipMeasured, NotApplicable
from leakgauge.targets.protocol import BoolArray, FloatArray

STEPS_BESIDES = 2
"""The table of proportions and the trade-offs, which follow the attacks and need time as well."""

SECONDS_TO_IMPORT = 3.0
"""About what importing a library of networks takes, which nothing can cut short."""

FEWEST_COMPARISONS = 2
"""Attacks that intervals are corrected for at least. A verdict reads the lower end of one interval by two
figures, AUC and rate; corrected for two, a figure at the border of a severity is called beyond it in at most
2.5 % of audits even where a 95 % interval lies above the truth a little more often than it should."""


@dataclass(frozen=True, slots=True)
class Scored:
    """An attack that ran: what the report says of it, and its (n,) scores and decisions.

    `without_rounds` are its (n,) scores without each of the rounds of reference models; none for others.
    """

    attack: Attack
    outcome: MembershipMeasured
    scores: FloatArray
    decisions: BoolArray
    without_rounds: Sequence[FloatArray] = ()


def run_all(
    attacks: Sequence[Attack],
    target: SharedAnswers,
    pool: Pool,
    *,
    seed: int,
    progress: Progress,
    time: Time,
) -> list[Scored | NotApplicable | Failed]:
    """What became of every attack, in their order.

    Raises
    ------
    AuditFailed
        when every attack failed.
    MemoryError, AuditTimeout
        when that was for want of memory or time alone.
    """
    runs: dict[str, Scored | NotApplicable | Failed] = {}
    # what is known beforehand not to run is no attempt, and widens no interval
    tried = sum(attack.library is None or installed(attack.library) for attack in attacks)
    comparisons = max(tried, FEWEST_COMPARISONS)
    for place, attack in enumerate(sorted(attacks, key=_turn)):
        share = Share(progress, place / len(attacks), (place + 1) / len(attacks))
        own = time.share(len(attacks) - place + STEPS_BESIDES)
        row = attack.seen_on(target)
        attempt = partial(_scored, row, target, pool, own, seed=seed, comparisons=comparisons, progress=share)
        runs[attack.name] = run_one(row, target, attempt)
    in_order = [runs[attack.name] for attack in attacks]
    check_that_one_ran(
        in_order,
        hint="Check that the model answers on its own training table; if it does, report a fault.",
    )
    return in_order


def _turn(attack: Attack) -> int:
    """When an attack has its turn: what costs nothing first, then the strongest, since time may run out."""
    if attack.trains_nothing:
        return 0
    if attack.referenced:
        return 1 if attack.attacker == "candidates" else 5
    if attack.library is not None:
        return 4
    return 3 if attack.threat_model == "model_file" else 2


def _scored(
    attack: Attack,
    target: SharedAnswers,
    pool: Pool,
    own: ShareOfTime,
    *,
    seed: int,
    comparisons: int,
    progress: Progress,
) -> Scored:
    """Run and measure one attack in its own share of the time."""
    imports = attack.library is not None and attack.library not in sys.modules
    own.check(further=SECONDS_TO_IMPORT if imports else 0.0)
    progress = own.limiting(progress)
    progress.report(attack.title.lower(), 0.0)
    queries_before = target.queries
    scores = attack.score(target, pool, rng=generator_for(seed, attack.name), progress=progress)
    queries = target.queries - queries_before
    rng = generator_for(seed, f"measuring {attack.name}")
    without_rounds = without_each_round(attack, target, pool, seed=seed)
    decisions = decide(scores, pool, threshold=attack.threshold, rng=rng)
    metrics = measure(
        scores,
        decisions,
        pool,
        comparisons=comparisons,
        rng=rng,
        cross_fitted=attack.cross_fitted,
        threshold_chosen=attack.threshold is None,
        replicates=without_rounds,
    )
    outcome = MembershipMeasured(
        attack.name,
        attack.title,
        attack.threat_model,
        attack.citation,
        queries=queries,
        metrics=metrics,
        roc=drawn_roc(step_roc(scores, pool.member)),
        attacker=attack.attacker,
        reads=attack.reads,
    )
    return Scored(attack, outcome, scores, decisions, without_rounds)


def without_each_round(attack: Attack, target: SharedAnswers, pool: Pool, *, seed: int) -> list[FloatArray]:
    """(n,) scores without each of the rounds of reference models; none where too few would be left."""
    if not attack.referenced:
        return []
    answers = target.reference_answers(Silent(), attacker=attack.attacker)
    if answers.rounds < 2:
        return []
    try:
        return [
            attack.score(
                target.compared_with(answers.without(number)),
                pool,
                rng=generator_for(seed, attack.name),
                progress=Silent(),
            )
            for number in range(answers.rounds)
        ]
    except Unsuited:
        return []
