"""The network attack beside the toolbox's, on the same target, in one process tree.

    python benchmarks/attack_network.py [--seeds 3]

Trains both on 90 % of about 13,000 records whose membership in the training data
of a random forest is known, scores the rest, and prints a Markdown table: CPU
seconds of one training and the area under the ROC curve on records neither saw.
The peer is `MembershipInferenceBlackBox(attack_model_type="nn")` of the Adversarial
Robustness Toolbox; install `adversarial-robustness-toolbox` beside Leakgauge to see it.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import torch
from sklearn.ensemble import RandomForestClassifier

from leakgauge.estimates import area_under_roc
from leakgauge.membership.attacks import learned_nn
from leakgauge.membership.held_out import features_of_classes, splits
from leakgauge.progress import Silent

RECORDS = 6_500
CARDINALITIES = (3, 5, 4, 4, 3, 2, 3, 3)


def categorical_table(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(n, 8) small integers and (n,) labels of four classes, one of them rare."""
    x = np.column_stack([rng.integers(0, k, n) for k in CARDINALITIES]).astype(float)
    weights = [rng.normal(size=k) for k in CARDINALITIES]
    score = sum(w[x[:, j].astype(int)] for j, w in enumerate(weights)) + 0.7 * rng.normal(size=n)
    return x, np.digitize(score, np.quantile(score, [0.33, 0.66, 0.95]))


def toolbox_scores(model, x, y, known, member, test, seed):
    """(m,) scores of the toolbox's network on the records `test`."""
    from art.attacks.inference.membership_inference import MembershipInferenceBlackBox
    from art.estimators.classification.scikitlearn import SklearnClassifier

    np.random.seed(seed)  # noqa: NPY002 -- the toolbox draws from the global generator
    torch.manual_seed(seed)
    attack = MembershipInferenceBlackBox(SklearnClassifier(model), attack_model_type="nn")
    inside, outside = known[member[known]], known[~member[known]]
    attack.fit(x[inside], y[inside], x[outside], y[outside])
    scores = np.asarray(attack.infer(x[test], y[test], probabilities=True))
    return scores[:, 1] if scores.ndim == 2 and scores.shape[1] == 2 else scores.ravel()


def main() -> None:
    """Run both on every seed and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seeds", type=int, default=3)
    seeds = arguments.parse_args().seeds
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    try:
        import art  # noqa: F401 -- only whether it is there
    except ImportError:
        print("adversarial-robustness-toolbox is not installed: the peer is left out", flush=True)
        peers = ["Leakgauge"]
    else:
        peers = ["Leakgauge", "toolbox"]
    seconds: dict[str, list[float]] = {name: [] for name in peers}
    areas: dict[str, list[float]] = {name: [] for name in peers}
    for seed in range(1000, 1000 + seeds):
        rng = np.random.default_rng(seed)
        x, y = categorical_table(2 * RECORDS, rng)
        member = np.arange(2 * RECORDS) < RECORDS
        model = RandomForestClassifier(random_state=seed).fit(x[member], y[member])
        features = features_of_classes(model.predict_proba(x), y)
        split = next(splits(member, percentage=90, rng=rng))
        known, test = split.known, split.test
        for name in peers:
            began = time.process_time()
            if name == "Leakgauge":
                (scores,) = learned_nn.attack_model(features, member, [split], progress=Silent())
            else:
                scores = toolbox_scores(model, x, y, known, member, test, seed)
            seconds[name].append(time.process_time() - began)
            areas[name].append(area_under_roc(np.asarray(scores, dtype=float), member[test]))
    print(f"\n{2 * RECORDS:,} records, trained on 90 %, one core, {seeds} seeds\n")
    print("| network attack | CPU s | AUC, mean (min to max) |\n|---|---|---|")
    for name in peers:
        found = areas[name]
        print(
            f"| {name} | {np.mean(seconds[name]):.1f} | "
            f"{np.mean(found):.3f} ({min(found):.3f} to {max(found):.3f}) |"
        )
    if len(peers) == 2:
        ratio = np.mean(seconds["toolbox"]) / np.mean(seconds["Leakgauge"])
        print(f"\nLeakgauge takes 1/{ratio:.0f} of the toolbox's time.")


if __name__ == "__main__":
    main()
