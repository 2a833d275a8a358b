"""The table of membership attacks: one file and one row each.

To add an attack, write a file beside these with a `score` function (see
`protocol.Score`), add its row here and one to the table of `docs/attacks.md`. The audit
runs every row, the report shows every row.
"""

from __future__ import annotations

from leakgauge.membership.attacks import (
    black_box_art,
    boosting_equations,
    bootstrap_replay,
    entropy,
    gap,
    label_only,
    leaf_counts,
    learned_gb,
    learned_nn,
    learned_rf,
    lira,
    lira_offline,
    loss,
    modified_entropy,
    rmia,
    rmia_offline,
)
from leakgauge.membership.protocol import Attack

YEOM = "Yeom et al. 2018, Privacy Risk in Machine Learning"
SONG = "Song & Mittal 2021, Systematic Evaluation of Privacy Risks"
SHOKRI = "Shokri et al. 2017, Membership Inference Attacks Against Machine Learning Models"
CHOQUETTE_CHOO = "Choquette-Choo et al. 2021, Label-Only Membership Inference Attacks"
ZARIFZADEH = "Zarifzadeh et al. 2024, Low-Cost High-Power Membership Inference Attacks"
CARLINI = "Carlini et al. 2022, Membership Inference Attacks From First Principles"
FERRY = "cf. Ferry et al. 2024, Trained Random Forests Completely Reveal your Dataset"
ART = "Shokri et al. 2017; Nicolae et al. 2018, Adversarial Robustness Toolbox"
OWN = "no earlier description known; see the attack's own documentation"

ATTACKS: tuple[Attack, ...] = (
    Attack("gap", "Correct label", "labels", YEOM, gap.score, threshold=0.5, attacker="population"),
    Attack("loss", "Small loss", "probabilities", YEOM, loss.score, attacker="population"),
    Attack("entropy", "Low entropy", "probabilities", SONG, entropy.score, attacker="population"),
    Attack(
        "modified_entropy",
        "Low modified entropy",
        "probabilities",
        SONG,
        modified_entropy.score,
        attacker="population",
    ),
    Attack(
        "learned_nn",
        "Attack model: neural network",
        "probabilities",
        SHOKRI,
        learned_nn.score,
        0.5,
        library=learned_nn.LIBRARY,
        cross_fitted=True,
    ),
    Attack(
        "learned_rf",
        "Attack model: random forest",
        "probabilities",
        SHOKRI,
        learned_rf.score,
        0.5,
        cross_fitted=True,
    ),
    Attack(
        "learned_gb",
        "Attack model: gradient boosting",
        "probabilities",
        SHOKRI,
        learned_gb.score,
        0.5,
        cross_fitted=True,
    ),
    Attack("label_only", "Robust label", "labels", CHOQUETTE_CHOO, label_only.score, 0.5, cross_fitted=True),
    Attack("rmia", "Reference models: RMIA", "probabilities", ZARIFZADEH, rmia.score, referenced=True),
    Attack("lira", "Reference models: LiRA", "probabilities", CARLINI, lira.score, referenced=True),
    Attack(
        "rmia_offline",
        "Models of other data: RMIA",
        "probabilities",
        ZARIFZADEH,
        rmia_offline.score,
        attacker="population",
        referenced=True,
    ),
    Attack(
        "lira_offline",
        "Models of other data: LiRA",
        "probabilities",
        CARLINI,
        lira_offline.score,
        attacker="population",
        referenced=True,
    ),
    Attack(
        "leaf_counts",
        "Leaf-count attack",
        "model_file",
        FERRY,
        leaf_counts.score,
        reads="how many training records of each class stand in each leaf of each tree "
        "(n_node_samples, weighted_n_node_samples); of boosters how many records, or the sum of their "
        "second derivatives (leaf_count, sum_hessian)",
    ),
    Attack(
        "bootstrap_replay",
        "Bootstrap-replay attack",
        "model_file",
        OWN,
        bootstrap_replay.score,
        reads="the same counts, and the seeds from which each tree’s rows were drawn "
        "(random_state of the forest and of every tree)",
    ),
    Attack(
        "boosting_equations",
        "Residual-equation attack",
        "model_file",
        OWN,
        boosting_equations.score,
        reads="node counts, impurities, sums of second derivatives (sum_hessian, leaf_weight) and the "
        "values of inner nodes and leaves, stage by stage",
    ),
    Attack(
        "black_box_art",
        "Attack model of the Adversarial Robustness Toolbox",
        "probabilities",
        ART,
        black_box_art.score,
        0.5,
        by_default=False,
        library=black_box_art.LIBRARY,
        cross_fitted=True,
    ),
)
