"""What the costly parts of a membership audit take, the table of attack models beside the toolbox's.

    python benchmarks/speed.py [--seeds 1] [--no-toolbox] [--into benchmarks/results]

On 6,500 + 6,500 records of a generated categorical table and a default random forest: CPU
seconds of sixteen reference models with both attacks that use them; of the table of three
attack models at nine shares of the data; of the toolbox's three attack models at the same
shares; and of the complete default audit, with the seconds that it took on the clock. The
toolbox (`adversarial-robustness-toolbox`) is trained once at each share and asked about the
other records, ours is trained on five or ten folds, so that every record is scored.
A second table says which steps of the default audit take these seconds, as its progress names
them, and how many times the least work the whole takes: sixteen bare fits of the model and one
pass of its answers. `speed.md` gets both tables.
"""

from __future__ import annotations

import argparse
import logging
import os
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.base import clone

from leakgauge.attacks.table import chosen_attacks
from leakgauge.membership.attacks import ATTACKS, lira, rmia
from leakgauge.membership.audit import audit
from leakgauge.membership.inputs import Inputs
from leakgauge.membership.pool import SharedAnswers
from leakgauge.membership.proportions import LEARNERS, leak_by_proportion
from leakgauge.membership.reference_models import Plan, ReferenceModels
from leakgauge.membership.training_sets import TrainingData
from leakgauge.parameters import membership_parameters
from leakgauge.progress import Progress, Silent
from leakgauge.randomness import generator_for
from membership_targets import Case, recipes

SHARES = tuple(range(10, 91, 10))
MOST_STEPS = 16


def referenced(of: Case) -> None:
    """Sixteen reference models and both attacks that use them."""
    plan = Plan(of.target.estimator, of.target.classes, models=16, seed=of.seed)
    target = SharedAnswers(of.target, of.pool, references=ReferenceModels(plan, TrainingData.of(of.pool)))
    for attack in (rmia, lira):
        attack.score(target, of.pool, rng=generator_for(of.seed, "speed"), progress=Silent())


def our_table(of: Case) -> None:
    """The nine rows of `output.csv`, the last of which an audit takes from its attacks."""
    target = SharedAnswers(of.target, of.pool)
    attacks = {attack.name: attack for attack in ATTACKS}
    known = {
        learner.attack: attacks[learner.attack].score(
            target, of.pool, rng=generator_for(of.seed, learner.attack), progress=Silent()
        )
        for learner in LEARNERS
    }
    leak_by_proportion(
        target,
        of.pool,
        percentages=SHARES,
        known_scores=known,
        seed=of.seed,
        progress=Silent(),
    )


def toolbox_table(of: Case) -> None:
    """The toolbox's three attack models at the same shares."""
    from art.attacks.inference.membership_inference import MembershipInferenceBlackBox
    from art.estimators.classification.scikitlearn import SklearnClassifier

    x, y, member = of.pool.x, of.pool.y, of.pool.member
    rng = generator_for(of.seed, "toolbox")
    inside, outside = (rng.permutation(np.flatnonzero(side)) for side in (member, ~member))
    for share in SHARES:
        known = len(inside) * share // 100
        rest = np.concatenate([inside[known:], outside[known:]])
        for kind in ("nn", "rf", "gb"):
            attack = MembershipInferenceBlackBox(
                SklearnClassifier(of.target.estimator), attack_model_type=kind
            )
            attack.fit(x[inside[:known]], y[inside[:known]], x[outside[:known]], y[outside[:known]])
            attack.infer(x[rest], y[rest])


def least_work(of: Case) -> None:
    """Sixteen bare fits of the model on the members, and one pass of its answers about the pool."""
    for seed in range(16):
        model = clone(of.target.estimator).set_params(random_state=seed)
        model.fit(of.pool.x[of.pool.member], of.pool.y[of.pool.member])
    of.target.probabilities(of.pool.x)


class Steps:
    """A listener that counts CPU seconds by what the audit says that it is doing."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._step: str | None = None
        self._begun = 0.0

    def report(self, stage: str, fraction: float) -> None:  # noqa: ARG002 -- the protocol's signature
        """End the step before, and begin this one."""
        now = time.process_time()
        if self._step is not None:
            self.seconds[self._step] = self.seconds.get(self._step, 0.0) + now - self._begun
        self._step, self._begun = stage, now


def default_audit(of: Case, progress: Progress | None = None) -> None:
    """Everything that an audit does by default, but for opening and writing files."""
    target = SharedAnswers(of.target, of.pool)
    audit(
        Inputs(target, of.pool, of.pool.x.shape[1], ()),
        parameters=membership_parameters(None, {"seed": of.seed}),
        attacks=chosen_attacks(None, ATTACKS),
        inputs_sha256={},
        progress=progress or Silent(),
    )


def timed(work: Callable[[Case], None], of: Case) -> tuple[float, float]:
    """CPU seconds and seconds on the clock."""
    cpu, clock = time.process_time(), time.monotonic()
    work(of)
    return time.process_time() - cpu, time.monotonic() - clock


def parts(with_toolbox: bool, listener: Progress) -> Iterator[tuple[str, Callable[[Case], None]]]:
    """What is timed."""
    yield "16 reference models, RMIA and LiRA", referenced
    yield "table: 3 attack models, 9 shares", our_table
    if with_toolbox:
        yield "the toolbox's 3 attack models, 9 shares", toolbox_table
    yield "complete default audit", partial(default_audit, progress=listener)


def steps(listener: Steps, least: float) -> list[str]:
    """The table of the steps that took most, and of all beside the least work."""
    whole = sum(listener.seconds.values())
    rows = ["| step of the default audit | CPU s | share |", "|---|---:|---:|"]
    ordered = sorted(listener.seconds.items(), key=lambda one: -one[1])
    rows += [f"| {name} | {seconds:.1f} | {seconds / whole:.0%} |" for name, seconds in ordered[:MOST_STEPS]]
    rows += [
        f"| all | {whole:.1f} | |",
        f"| sixteen bare fits and one pass of answers | {least:.1f} | 1 : {whole / least:.1f} |",
    ]
    print("\n".join(rows[2:]), flush=True)
    return rows


def main() -> None:
    """Print a row as soon as it is known, and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--no-toolbox", action="store_true")
    parser.add_argument("--into", type=Path, default=Path(__file__).parent / "results")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    cores = len(os.sched_getaffinity(0))
    rows = [
        f"| seed | work, on {cores} {'core' if cores == 1 else 'cores'} | CPU s | clock s |",
        "|---:|---|---:|---:|",
    ]
    for seed in range(asked.seeds):
        of, listener = recipes(None)["categorical-forest"].case(seed), Steps()
        for title, work in parts(not asked.no_toolbox, listener):
            cpu, clock = timed(work, of)
            rows.append(f"| {seed} | {title} | {cpu:.1f} | {clock:.1f} |")
            print(rows[-1], flush=True)
        rows_of_steps = steps(listener, timed(least_work, of)[0])
    rows += ["", *rows_of_steps]
    head = "# Speed of membership audits\n\nWritten by `benchmarks/speed.py`, which says how.\n\n"
    (asked.into / "speed.md").write_text(head + "\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
