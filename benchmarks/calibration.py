"""Do the intervals hold what they promise, and how often is an innocent model accused?

    python benchmarks/calibration.py [--splits 200] [--samples 400] [--pools 100] [--into benchmarks/results]

Rates on known scores: scores are drawn from distributions whose true-positive
rate is known at every false-positive rate, and it is counted how often its
interval holds it, how often it lies above it, and how wide it is. For rates at the
border of a severity it is counted how often an audit would call them beyond it.

Attacks that learn: attack models are cross-fitted on answers that depend on
membership a little, or not at all, and it is counted how often the intervals of a
pool hold the mean of all pools, or guessing.

Coverage: a forest is trained on 4,000 records; the leak of two attacks on all of
them, against 20,000 others, is taken for the truth. Then small pools are drawn
again and again, and it is counted how often their 95 % interval holds the truth.

False alarms: the same forest is audited with pools that it has never seen, by
every attack of the table that applies; it is counted how often the verdict is
"moderate" or worse, and how often any attack's corrected interval lies above
guessing. `calibration.md` gets the tables.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats
from sklearn.ensemble import RandomForestClassifier

from leakgauge.attack_table import chosen_attacks
from leakgauge.estimates import (
    CONFIDENCE,
    Estimate,
    RateAtLimit,
    area_estimate,
    area_under_roc,
    balanced_accuracy,
    confidence_for,
    step_roc,
    true_positive_rate_at,
)
from leakgauge.membership.attacks import ATTACKS
from leakgauge.membership.audit import audit
from leakgauge.membership.held_out import attack_features, held_out_scores
from leakgauge.membership.inputs import Inputs
from leakgauge.membership.measure import FALSE_POSITIVE_LIMITS, measure
from leakgauge.membership.pool import Pool, SharedAnswers, true_label_probability
from leakgauge.membership.proportions import LEARNERS
from leakgauge.parameters import membership_parameters
from leakgauge.progress import Silent
from leakgauge.report.model import MembershipMeasured, Severity
from leakgauge.report.risk import LOW_FALSE_POSITIVES, SHOWN
from leakgauge.targets.sklearn.target import SklearnTarget

FEATURES = 8
MEMBERS, OTHERS = 4_000, 20_000
SIDE = 300
SIZES = ((300, 300), (2_000, 2_000), (6_500, 6_500), (4_000, 400), (400, 4_000))
ATTACKS_TRIED = 12

Draw = Callable[[int, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class KnownScores:
    """Distributions of the scores of members and non-members, and the rate they have at a limit."""

    name: str
    members: Draw
    non_members: Draw
    rate: Callable[[float], float]


def continuous(name: str, shape: stats.rv_continuous, shift: float, share: float = 1.0) -> KnownScores:
    """Non-members as `shape` has it, `share` of the members ahead of it by `shift`."""
    return KnownScores(
        name,
        lambda n, rng: shape.rvs(size=n, random_state=rng) + shift * (rng.random(n) < share),
        lambda n, rng: shape.rvs(size=n, random_state=rng),
        lambda limit: share * shape.sf(shape.isf(limit) - shift) + (1 - share) * limit,
    )


def votes(name: str, trees: int, members: float, non_members: float) -> KnownScores:
    """Votes of trees, with the given mean share of them: equal scores abound."""
    inside, outside = (stats.betabinom(trees, 3 * mean, 3 * (1 - mean)) for mean in (members, non_members))
    return KnownScores(
        name,
        lambda n, rng: inside.rvs(n, random_state=rng).astype(float),
        lambda n, rng: outside.rvs(n, random_state=rng).astype(float),
        lambda limit: max(inside.sf(least) for least in range(trees + 1) if outside.sf(least) <= limit),
    )


KNOWN = (
    continuous("normal, shift .5", stats.norm(), 0.5),
    continuous("normal, shift 1", stats.norm(), 1.0),
    continuous("normal, shift 2", stats.norm(), 2.0),
    continuous("heavy tails (t, 2 degrees), shift 1", stats.t(2), 1.0),
    continuous("2 % of members far out", stats.norm(), 8.0, 0.02),
    continuous("20 % of members far out", stats.norm(), 8.0, 0.2),
    votes("votes of 50 trees", 50, 0.9, 0.5),
    votes("votes of 100 trees", 100, 0.8, 0.55),
)


def rates_on_known_scores(samples: int, rng: np.random.Generator) -> Iterator[str]:
    """Rows on how often the interval of a true-positive rate holds the true one."""
    confidences = (CONFIDENCE, confidence_for(ATTACKS_TRIED))
    for members, non_members in SIZES:
        for known in KNOWN:
            found: dict[tuple[str, float], list[RateAtLimit]] = {}
            for _ in range(samples):
                roc = _drawn(known, members, non_members, rng)
                for limit in FALSE_POSITIVE_LIMITS:
                    for confidence in confidences:
                        rate = true_positive_rate_at(roc, float(limit), confidence=confidence)
                        found.setdefault((limit, confidence), []).append(rate)
            for limit in FALSE_POSITIVE_LIMITS:
                plain, corrected = (found[limit, confidence] for confidence in confidences)
                if plain[0].value is None:
                    continue
                truth = known.rate(float(limit))
                width = np.mean([rate.high - rate.low for rate in plain])
                yield (
                    f"| {members:,} + {non_members:,} | {known.name} | {float(limit):.1%} | {truth:.3f} "
                    f"| {_held(plain, truth)} | {_above(plain, truth)} | {width:.3f} "
                    f"| {_held(corrected, truth)} | {_above(corrected, truth)} |"
                )


def called_beyond(samples: int, rng: np.random.Generator) -> Iterator[str]:
    """Rows on how often a true rate at the border of a severity is called beyond it."""
    for members, non_members in SIZES:
        for severity, _, border in SHOWN:
            shift = stats.norm.isf(0.01) - stats.norm.isf(border)
            cases = (
                continuous("normal", stats.norm(), shift - 1e-9),
                continuous("some far out", stats.norm(), 8.0, (border - 0.01) / 0.99 - 1e-9),
            )
            for known in cases:
                called = {1: 0, 2: 0, ATTACKS_TRIED: 0}
                for _ in range(samples):
                    roc = _drawn(known, members, non_members, rng)
                    for tried in called:
                        rate = true_positive_rate_at(
                            roc, float(LOW_FALSE_POSITIVES), confidence=confidence_for(tried)
                        )
                        called[tried] += rate.low is not None and rate.low >= border
                shares = " | ".join(f"{of / samples:.1%}" for of in called.values())
                sizes = f"{members:,} + {non_members:,}"
                yield f"| {sizes} | {severity.value}, {border:.0%} | {known.name} | {shares} |"


def attacks_that_learn(pools: int, rng: np.random.Generator) -> Iterator[str]:
    """Rows on how often the intervals of attack models, scored out of fold, hold the true figures."""
    member = np.repeat([True, False], SIDE)
    for leaks in (False, True):
        for learner in LEARNERS:
            found = []
            for _ in range(pools):
                y = rng.integers(0, 3, 2 * SIDE)
                answers = rng.gamma(1.0, size=(2 * SIDE, 3))
                answers[np.arange(2 * SIDE), y] += leaks * rng.gamma(0.3 + 1.2 * member)
                features = attack_features(answers / answers.sum(axis=1, keepdims=True), y)
                scores = held_out_scores(
                    learner.attack_model, features, member, percentage=90, rng=rng, progress=Silent()
                )
                pool = Pool(features, y, member, np.arange(2 * SIDE))
                found.append(measure(scores, scores >= 0.5, pool, comparisons=1, rng=rng, cross_fitted=True))
            figures = (
                ("AUC", [one.auc for one in found], 0.5),
                ("balanced accuracy", [one.accuracy for one in found], 0.5),
                *(
                    (f"TPR at {float(key):.0%}", [one.tpr_at_fpr[key] for one in found], float(key))
                    for key in ("0.1", "0.01")
                ),
            )
            for name, rates, guessing in figures:
                truth = np.mean([rate.value for rate in rates]) if leaks else guessing
                width = np.mean([rate.high - rate.low for rate in rates])
                yield (
                    f"| {learner.label} | {'a little' if leaks else 'nothing'} | {name} | {truth:.3f} "
                    f"| {_held(rates, truth)} | {_above(rates, truth)} | {width:.3f} |"
                )


def _drawn(known: KnownScores, members: int, non_members: int, rng: np.random.Generator):
    scores = np.concatenate([known.members(members, rng), known.non_members(non_members, rng)])
    return step_roc(scores, np.arange(len(scores)) < members)


def _held(rates: list[Estimate] | list[RateAtLimit], truth: float) -> str:
    return f"{np.mean([rate.low <= truth <= rate.high for rate in rates]):.1%}"


def _above(rates: list[Estimate] | list[RateAtLimit], truth: float) -> str:
    return f"{np.mean([rate.low > truth for rate in rates]):.1%}"


def records(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(n, 8) features and (n,) labels of three classes that can be learned in part."""
    x = rng.normal(size=(n, FEATURES))
    return x, np.digitize(x[:, 0] + x[:, 1] + 1.5 * rng.normal(size=n), [-1.0, 1.0])


def coverage(
    target: SklearnTarget, members, others, *, splits: int, rng: np.random.Generator
) -> Iterator[str]:
    """Rows on how often the intervals of small pools hold the figure of the whole."""
    scores, right = [], []
    for x, y in (members, others):
        scores.append(true_label_probability(target.probabilities(x), y))
        right.append(target.labels(x) == y)
    whole = np.repeat([True, False], [MEMBERS, OTHERS])
    true_area = area_under_roc(np.concatenate(scores), whole)
    true_accuracy = (right[0].mean() + (~right[1]).mean()) / 2
    member = np.repeat([True, False], SIDE)
    held_area = held_accuracy = 0
    for _ in range(splits):
        chosen = [rng.choice(len(side), SIDE, replace=False) for side in scores]
        drawn = np.concatenate([side[rows] for side, rows in zip(scores, chosen, strict=True)])
        called = np.concatenate([side[rows] for side, rows in zip(right, chosen, strict=True)])
        area = area_estimate(drawn, member, rng=rng)
        accuracy = balanced_accuracy(called, member)
        held_area += area.low <= true_area <= area.high
        held_accuracy += accuracy.low <= true_accuracy <= accuracy.high
    yield f"| loss, AUC | {true_area:.3f} | {held_area / splits:.1%} |"
    yield f"| gap, balanced accuracy | {true_accuracy:.3f} | {held_accuracy / splits:.1%} |"


def false_alarms(target: SklearnTarget, *, splits: int, rng: np.random.Generator) -> Iterator[str]:
    """Rows on how often a model is accused by pools that it has never seen."""
    accused = above_guessing = low = 0
    measured: set[str] = set()
    for split in range(splits):
        x, y = records(2 * SIDE, rng)
        pool = Pool(x, y.astype(np.int64), np.repeat([True, False], SIDE), np.arange(2 * SIDE))
        inputs = Inputs(SharedAnswers(target, pool), pool, target.type_name, FEATURES, ())
        parameters = membership_parameters(None, {"seed": split, "proportions": [90], "tradeoffs": False})
        report = audit(
            inputs,
            parameters=parameters,
            attacks=chosen_attacks(None, ATTACKS),
            inputs_sha256={},
            progress=Silent(),
        )
        accused += report.verdict.severity not in (Severity.LOW, Severity.INCONCLUSIVE)
        low += report.verdict.severity is Severity.LOW
        ran = [attack for attack in report.attacks if isinstance(attack, MembershipMeasured)]
        measured |= {attack.name for attack in ran}
        above_guessing += any(attack.metrics.auc_corrected.low > 0.5 for attack in ran)
    yield f"| called moderate or worse | {accused / splits:.1%} |"
    yield f"| some attack's corrected interval lies above guessing | {above_guessing / splits:.1%} |"
    yield f"| called low | {low / splits:.1%} |"
    yield f"\nAttacks: {', '.join(sorted(measured))}."


def main() -> None:
    """Run both and write their tables."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--splits", type=int, default=200)
    arguments.add_argument("--samples", type=int, default=400)
    arguments.add_argument("--pools", type=int, default=100)
    arguments.add_argument("--into", type=Path, default=Path(__file__).parent / "results")
    asked = arguments.parse_args()
    splits, samples, pools = asked.splits, asked.samples, asked.pools
    rng = np.random.default_rng(2026)
    members, others = records(MEMBERS, rng), records(OTHERS, rng)
    target = SklearnTarget(RandomForestClassifier(100, min_samples_leaf=5, random_state=0).fit(*members))
    sections = (
        (
            "# Calibration of membership audits\n",
            f"Written by `python benchmarks/calibration.py --splits {splits} --samples {samples} "
            f"--pools {pools}`, which says how.",
        ),
        (
            "\n## True-positive rates on known scores\n",
            f"{samples} samples a row; FPR is the limit. “Corrected” is for {ATTACKS_TRIED} attacks "
            f"({confidence_for(ATTACKS_TRIED):.2%}), which the verdict reads. Chance moves a share of 95 % "
            f"by {2 * np.sqrt(0.05 * 0.95 / samples):.1%}.\n",
            "| members + non-members | scores | FPR | true TPR | 95 % interval holds it | lies above it "
            "| mean width | corrected holds it | lies above it |\n|---|---|---|---|---|---|---|---|---|",
        ),
        rates_on_known_scores(samples, rng),
        (
            "\n## A true rate at the border of a severity, called beyond it\n",
            "By the rate at 1 % false positives alone, in an audit of so many attacks.\n",
            f"| members + non-members | border | scores | 1 attack | 2 attacks | {ATTACKS_TRIED} attacks |\n"
            "|---|---|---|---|---|---|",
        ),
        called_beyond(samples, rng),
        (
            f"\n## Attacks that learn, on {SIDE} + {SIDE} records\n",
            f"{pools} pools a row; the truth is guessing, or the mean over the pools. Chance moves a share "
            f"of 95 % by {2 * np.sqrt(0.05 * 0.95 / pools):.1%}.\n",
            "| attack model | answers tell | figure | truth | 95 % interval holds it | lies above it "
            "| mean width |\n|---|---|---|---|---|---|---|",
        ),
        attacks_that_learn(pools, rng),
        (
            "\n## A forest\n",
            f"Pools of {SIDE} + {SIDE} records, {5 * splits:,} for coverage and {splits:,} for alarms.\n",
            "| figure | truth | 95 % interval holds it |\n|---|---|---|",
        ),
        coverage(target, members, others, splits=5 * splits, rng=rng),
        ("\n| a model that has seen neither table | of audits |\n|---|---|",),
        false_alarms(target, splits=splits, rng=rng),
    )
    lines = []
    for line in itertools.chain.from_iterable(sections):
        print(line, flush=True)
        lines.append(line)
    (asked.into / "calibration.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
