"""What DP-SGD does to membership inference on a Keras classifier.

    python benchmarks/membership_defences.py

scikit-learn's digits: members are the training half, non-members the other. `loss` needs nothing
but the answers; `lira` and `rmia` train four reference models by the target's own plan, DP-SGD
included. Four seeds (of the split, the training and the attacks) that nothing was tuned on.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from digit_models import one_thread, opened, plan_of, trained
from leakgauge.defences.training.plan import Plan
from leakgauge.estimates import area_estimate, step_roc, true_positive_rate_at
from leakgauge.membership.attacks import lira, loss, rmia
from leakgauge.membership.pool import Pool, ReferenceAnswers, SharedAnswers, true_label_probability
from leakgauge.progress import Silent
from leakgauge.randomness import generator_for
from leakgauge.targets.image_target import ImageTarget
from leakgauge.training.classifier import train
from leakgauge.training.digits import bundled_digits

SEEDS = range(4)
REFERENCE_MODELS = 4
MODELS: dict[str, tuple[str, ...]] = {
    "baseline": (),
    "DP-SGD": ("dp_sgd",),
}


def main() -> None:
    """AUC and TPR at 1 % FPR on the baseline and on DP-SGD, per seed: the quick attack first."""
    one_thread()
    print("| model | seed | ε | attack | AUC (95 %) | TPR at 1 % FPR (95 %) |\n|---|---|---|---|---|---|")
    audited = [(name, seed, *target_and_pool(name, seed)) for name in MODELS for seed in SEEDS]
    for name, seed, epsilon, target, pool in audited:
        row(name, seed, epsilon, loss, SharedAnswers(target, pool), pool)
    for name, seed, epsilon, target, pool in audited:
        answers = reference_answers(pool, plan_of(bundled_digits(seed=seed), MODELS[name]), seed)
        shared = SharedAnswers(target, pool, references=lambda _, found=answers: found)
        for attack in (rmia, lira):
            row(name, seed, epsilon, attack, shared, pool)


def target_and_pool(name: str, seed: int) -> tuple[str, ImageTarget, Pool]:
    """ε in words, the trained model behind the target of audits, and its members and non-members."""
    digits = bundled_digits(seed=seed)
    model = trained(digits, MODELS[name], seed)
    member = np.arange(len(digits.labels) + len(digits.held_out_labels)) < len(digits.labels)
    pool = Pool(
        x=np.concatenate([digits.images, digits.held_out_images]),
        y=np.concatenate([digits.labels, digits.held_out_labels]),
        member=member,
        row=np.arange(1, len(member) + 1),
    )
    return f"{model.privacy.epsilon:.2f}" if model.privacy else "∞", opened(model, digits), pool


def row(name: str, seed: int, epsilon: str, attack: ModuleType, target: SharedAnswers, pool: Pool) -> None:
    """Print one row of the table."""
    rng = generator_for(seed, attack.__name__)
    scores = attack.score(target, pool, rng=rng, progress=Silent())
    area = area_estimate(scores, pool.member, rng=rng)
    rate = true_positive_rate_at(step_roc(scores, pool.member), 0.01)
    shown = f"{area.value:.3f} ({area.low:.3f} to {area.high:.3f})"
    found = rate.withheld if rate.value is None else f"{rate.value:.3f} ({rate.low:.3f} to {rate.high:.3f})"
    title = attack.__name__.rpartition(".")[2]
    print(f"| {name} | {seed} | {epsilon} | {title} | {shown} | {found} |", flush=True)


def reference_answers(pool: Pool, plan: Plan, seed: int) -> ReferenceAnswers:
    """What models trained by the target's own plan on paired halves of the pool say of it."""
    rng = generator_for(seed, "reference models")
    p_y, trained_on = [], []
    for model in range(REFERENCE_MODELS):
        if model % 2 == 0:
            chosen = np.zeros(len(pool), dtype=bool)
            chosen[rng.permutation(len(pool))[: len(pool) // 2]] = True
        else:
            chosen = ~chosen
        clone = train(plan, pool.x[chosen], pool.y[chosen], seed=1_000 * (seed + 1) + model).model
        answers = np.asarray(clone(pool.x), dtype=np.float64)
        p_y.append(true_label_probability(answers, pool.y).astype(np.float32))
        trained_on.append(chosen)
    return ReferenceAnswers(np.stack(p_y), np.stack(trained_on))


if __name__ == "__main__":
    main()
