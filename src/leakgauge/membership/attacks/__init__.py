"""The table of membership attacks: one file and one row each.

To add an attack, write a file beside these with a `score` function (see
`protocol.Score`) and add its row. The audit runs every row, the report shows
every row.
"""

from __future__ import annotations

from leakgauge.membership.attacks import (
    entropy,
    gap,
    learned_gb,
    learned_nn,
    learned_rf,
    loss,
    modified_entropy,
)
from leakgauge.membership.protocol import Attack

YEOM = "Yeom et al. 2018, Privacy Risk in Machine Learning"
SONG = "Song & Mittal 2021, Systematic Evaluation of Privacy Risks"
SHOKRI = "Shokri et al. 2017, Membership Inference Attacks Against Machine Learning Models"

ATTACKS: tuple[Attack, ...] = (
    Attack("gap", "Correct label", "labels", YEOM, gap.score, threshold=0.5),
    Attack("loss", "Small loss", "probabilities", YEOM, loss.score),
    Attack("entropy", "Low entropy", "probabilities", SONG, entropy.score),
    Attack("modified_entropy", "Low modified entropy", "probabilities", SONG, modified_entropy.score),
    Attack("learned_nn", "Attack model: neural network", "probabilities", SHOKRI, learned_nn.score, 0.5),
    Attack("learned_rf", "Attack model: random forest", "probabilities", SHOKRI, learned_rf.score, 0.5),
    Attack("learned_gb", "Attack model: gradient boosting", "probabilities", SHOKRI, learned_gb.score, 0.5),
)
