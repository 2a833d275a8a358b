"""The table of mitigations for scikit-learn classifiers: one file and one row each.

A mitigation is the same model with stricter settings, to be trained again. Owners harden a model with
it; an audit tries it to measure what it would cost and save, and recommends it.

To add one, write a file beside these with `changed_settings` (new values by the names of `get_params`) or
`wrapped` (another estimator around the model), and the `TRIALS` that audits are to make of it, if any.
Then add its row.

Differentially private forests (diffprivlib) are left out: its latest release imports names that
current versions of scikit-learn no longer have, so it cannot even be imported beside them.
"""

from __future__ import annotations

from leakgauge.defences.output.protocol import Strength
from leakgauge.defences.retraining import (
    calibrated_rounding,
    depth,
    fewer_trees,
    leaf_size,
    neighbours,
    regularisation,
    subsampling,
)
from leakgauge.defences.retraining.mitigation import Mitigation

YEOM = "cf. Yeom et al. 2018, Privacy Risk in Machine Learning"
PAPERNOT = "cf. Papernot et al. 2017, Semi-supervised Knowledge Transfer for Deep Learning"
PLATT = "Platt 1999, Probabilistic Outputs for Support Vector Machines; Shokri et al. 2017"

MITIGATIONS: tuple[Mitigation, ...] = (
    Mitigation(
        "leaf_size",
        "Larger leaves",
        "Accuracy where classes differ in detail; training and answers become cheaper.",
        YEOM,
        Strength("records", 20, 2, 100_000, whole=True),
        changed_settings=leaf_size.changed_settings,
        trials=leaf_size.TRIALS,
    ),
    Mitigation(
        "depth",
        "Shallower trees",
        "Accuracy where it takes many questions to tell classes apart; training becomes cheaper.",
        YEOM,
        Strength("levels", 8, 1, 1_000, whole=True),
        changed_settings=depth.changed_settings,
        trials=depth.TRIALS,
    ),
    Mitigation(
        "subsampling",
        "A share of the rows for each tree",
        "Accuracy where a tree needs many rows; training becomes cheaper.",
        PAPERNOT,
        Strength("of the rows", 0.3, 0.001, 0.999),
        changed_settings=subsampling.changed_settings,
        trials=subsampling.TRIALS,
    ),
    Mitigation(
        "fewer_trees",
        "Fewer trees",
        "Accuracy where further trees still correct errors; training and answers become cheaper.",
        YEOM,
        Strength("of the trees", 0.25, 0.001, 0.999),
        changed_settings=fewer_trees.changed_settings,
        trials=fewer_trees.TRIALS,
    ),
    Mitigation(
        "regularisation",
        "Stronger regularisation",
        "Accuracy where classes depend on many features a little.",
        YEOM,
        Strength("times the penalty", 10, 1.001, 1_000_000),
        changed_settings=regularisation.changed_settings,
        trials=regularisation.TRIALS,
    ),
    Mitigation(
        "neighbours",
        "More neighbours",
        "Accuracy where classes lie close together; answers become dearer.",
        YEOM,
        Strength("times the neighbours", 5, 2, 1_000, whole=True),
        changed_settings=neighbours.changed_settings,
        trials=neighbours.TRIALS,
    ),
    Mitigation(
        "calibrated_rounding",
        "Calibrated and rounded",
        "Five further fits, and the decimals of every answer.",
        PLATT,
        Strength("decimals", 1, 0, 9, whole=True),
        wrapped=calibrated_rounding.wrapped,
        output="rounding={}",
    ),
)
