"""The table of attacks on attributes: one file and one row each.

To add an attack, write a file beside these with a `weigh` function (see `protocol.Weigh`), add its row here
and one to the table of `docs/attribute-inference.md`. The audit runs every row, the report shows every row.
"""

from __future__ import annotations

from leakgauge.attributes.attacks import (
    confidence,
    csmia,
    file_counts,
    file_equations,
    file_replay,
    given_answer,
    learned,
    lomia,
    map_marginals,
    reference_models,
)
from leakgauge.attributes.protocol import Attack

FREDRIKSON = "Fredrikson et al. 2014, Privacy in Pharmacogenetics"
MEHNAZ = "Mehnaz et al. 2022, Are Your Sensitive Attributes Private?"
YEOM = "Yeom et al. 2018, Privacy Risk in Machine Learning"
ZARIFZADEH = "cf. Zarifzadeh et al. 2024, Low-Cost High-Power Membership Inference Attacks"
ART = "cf. Nicolae et al. 2018, Adversarial Robustness Toolbox"
FREDRIKSON_2015 = "cf. Fredrikson et al. 2015, Model Inversion Attacks that Exploit Confidence Information"

FERRY = "cf. Ferry et al. 2024, Trained Random Forests Completely Reveal your Dataset"
OWN = "no earlier description known; see the attack's own documentation"

ATTACKS: tuple[Attack, ...] = (
    Attack("map", "Most likely value (MAP)", "labels", FREDRIKSON, map_marginals.weigh),
    Attack("lomia", "Label that fits (LOMIA)", "labels", MEHNAZ, lomia.weigh),
    Attack("csmia", "Label and confidence (CSMIA)", "probabilities", MEHNAZ, csmia.weigh),
    Attack("confidence", "Confidence in the true label", "probabilities", YEOM, confidence.weigh),
    Attack("learned", "Attack model on all answers", "probabilities", ART, learned.weigh),
    Attack(
        "reference_models",
        "Reference models",
        "probabilities",
        ZARIFZADEH,
        reference_models.weigh,
        decides=False,
    ),
    Attack(
        "given_answer",
        "Answer about the record itself",
        "probabilities",
        FREDRIKSON_2015,
        given_answer.weigh,
        sees_given=True,
    ),
    Attack("file_counts", "Leaf counts", "model_file", FERRY, file_counts.weigh, decides=False),
    Attack("file_replay", "Bootstrap replay", "model_file", OWN, file_replay.weigh, decides=False),
    Attack("file_equations", "Residual equations", "model_file", OWN, file_equations.weigh, decides=False),
)
