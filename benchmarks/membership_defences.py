"""What DP-SGD does to membership inference on a Keras classifier.

    python benchmarks/membership_defences.py

scikit-learn's digits: members are the training half, non-members the other. `loss` needs nothing
but the answers; `lira` and `rmia` train four reference models by the target's own plan, DP-SGD
included. Four seeds (of the split, the training and the attacks) that nothing was tuned on.
"""

from __future__ import annotations

import numpy as np

from digit_models import one_thread, opened, plan_of, trained
from leakgauge.defences.training.plan import Plan
from leakgauge.estimates import area_estimate, step_roc, true_positive_rate_at
from leakgauge.membership.attacks import lira, loss, rmia
from leakgauge.membership.pool import Pool, ReferenceAnswers, SharedAnswers, true_label_probability
from leakgauge.progress import Silent
from leakgauge.randomness import generator_for
from leakgauge.training.classifier import train
from leakgauge.training.digits import bundled_digits

SEEDS = range(4)
REFERENCE_MODELS = 4
MODELS: dict[str, tuple[str, ...]] = {
    "baseline": (),
    "DP-SGD": ("dp_sgd",),
}


def main() -> None:
    """AUC and TPR at 1 % FPR of three attacks on the baseline and on DP-SGD, per seed."""
    one_thread()
    print("| model | seed | ε | attack | AUC (95 %) | TPR at 1 % FPR (95 %) |\n|---|---|---|---|---|---|")
    for name in MODELS:
        for seed in SEEDS:
            digits = bundled_digits(seed=seed)
            model = trained(digits, MODELS[name], seed)
            member = np.arange(len(digits.labels) + len(digits.held_out_labels)) < len(digits.labels)
            pool = Pool(
                x=np.concatenate([digits.images, digits.held_out_images]),
                y=np.concatenate([digits.labels, digits.held_out_labels]),
                member=member,
                row=np.arange(1, len(member) + 1),
            )
            answers = reference_answers(pool, plan_of(digits, MODELS[name]), seed)
            target = SharedAnswers(opened(model, digits), pool, references=lambda _, found=answers: found)
            for attack in (loss, rmia, lira):
                rng = generator_for(seed, attack.__name__)
                scores = attack.score(target, pool, rng=rng, progress=Silent())
                area = area_estimate(scores, member, rng=rng)
                rate = true_positive_rate_at(step_roc(scores, member), 0.01)
                epsilon = f"{model.privacy.epsilon:.2f}" if model.privacy else "∞"
                attack_name = attack.__name__.rpartition(".")[2]
                shown = f"{area.value:.3f} ({area.low:.3f} to {area.high:.3f})"
                found = (
                    rate.withheld
                    if rate.value is None
                    else f"{rate.value:.3f} ({rate.low:.3f} to {rate.high:.3f})"
                )
                print(f"| {name} | {seed} | {epsilon} | {attack_name} | {shown} | {found} |", flush=True)


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
