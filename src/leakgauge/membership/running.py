"""Running the attacks of an audit, one by one: each is measured, not applicable, or failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from traceback import extract_tb

from leakgauge.attack_table import Unsuited, check_installed
from leakgauge.errors import AuditFailed, LeakgaugeError
from leakgauge.estimates import step_roc
from leakgauge.exhaustion import Time, check_that_something_else_failed, ran_out, release
from leakgauge.extras import installed
from leakgauge.membership.measure import decide, drawn_roc, measure
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.membership.protocol import Attack
from leakgauge.progress import Progress, Share, Silent
from leakgauge.randomness import generator_for
from leakgauge.report.model import Failed, MembershipMeasured, NotApplicable, ThreatModel
from leakgauge.targets.protocol import BoolArray, FloatArray

STEPS_BESIDES = 2
"""The table of proportions and the trade-offs, which follow the attacks and need time as well."""


@dataclass(frozen=True, slots=True)
class Scored:
    """An attack that ran: what the report says of it, and its (n,) scores and decisions."""

    attack: Attack
    outcome: MembershipMeasured
    scores: FloatArray
    decisions: BoolArray


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
    runs: list[Scored | NotApplicable | Failed] = []
    # what is known beforehand not to run is no attempt, and widens no interval
    comparisons = sum(attack.library is None or installed(attack.library) for attack in attacks)
    for place, attack in enumerate(attacks):
        share = Share(progress, place / len(attacks), (place + 1) / len(attacks))
        limited = time.share(len(attacks) - place + STEPS_BESIDES).limiting(share)
        runs.append(_run(attack, target, pool, seed=seed, comparisons=comparisons, progress=limited))
    failed = [run for run in runs if isinstance(run, Failed)]
    if runs and len(failed) == len(runs):
        check_that_something_else_failed([run.reason for run in failed])
        raise AuditFailed(
            "every_attack_failed",
            "Every attack failed on this model.",
            hint="Check that the model answers on its own training table; if it does, report a fault.",
        )
    return runs


def _run(
    attack: Attack,
    target: SharedAnswers,
    pool: Pool,
    *,
    seed: int,
    comparisons: int,
    progress: Progress,
) -> Scored | NotApplicable | Failed:
    """Run and measure one attack; its failure is an outcome, so that the others still count."""
    facts = (attack.name, attack.title, _seen_by(attack, target), attack.citation)
    asked_before = target.queries
    try:
        progress.report(attack.title.lower(), 0.0)
        check_installed(attack)
        if attack.threat_model == "probabilities" and not target.has_probabilities:
            raise Unsuited("The model gives labels alone; this attack reads probabilities.")
        scores = attack.score(target, pool, rng=generator_for(seed, attack.name), progress=progress)
        queries = target.queries - asked_before
        rng = generator_for(seed, f"measuring {attack.name}")
        decisions = decide(scores, pool, threshold=attack.threshold, rng=rng)
        metrics = measure(
            scores,
            decisions,
            pool,
            comparisons=comparisons,
            rng=rng,
            cross_fitted=attack.cross_fitted,
            threshold_chosen=attack.threshold is None,
            replicates=without_each_round(attack, target, pool, seed=seed),
        )
    except Unsuited as unsuited:
        return NotApplicable(*facts, str(unsuited), attacker=attack.attacker)
    except Exception as error:  # whatever an attack trips over, the others must still be told
        if reason := ran_out(error):
            release(error)
            return Failed(*facts, reason, attacker=attack.attacker)
        if isinstance(error, LeakgaugeError):
            raise
        place = extract_tb(error.__traceback__)[-1]
        # type and place only: a message may hold values of the user's data
        return Failed(*facts, f"{type(error).__name__} in {place.name}", attacker=attack.attacker)
    outcome = MembershipMeasured(
        *facts,
        queries=queries,
        metrics=metrics,
        roc=drawn_roc(step_roc(scores, pool.member)),
        attacker=attack.attacker,
    )
    return Scored(attack, outcome, scores, decisions)


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


def _seen_by(attack: Attack, target: SharedAnswers) -> ThreatModel:
    """What the attack sees of this target: of models without probabilities, their decision scores."""
    scores = attack.threat_model == "probabilities" and target.gives == "scores"
    return "scores" if scores else attack.threat_model
