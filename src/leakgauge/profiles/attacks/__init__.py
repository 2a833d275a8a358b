"""The table of attacks on class profiles: one file and one row each.

To add an attack, write a file beside these with a `profile` function (see `protocol.Profile`), add its
row here and one in `docs/class-profiles.md`.
"""

from __future__ import annotations

from leakgauge.profiles.attacks import copula_search, labelled_records, labelled_search, weighted_records
from leakgauge.profiles.protocol import Attack

_SAMPLING = "Cornuet et al. 2012, Adaptive Multiple Importance Sampling"

ATTACKS: tuple[Attack, ...] = (
    Attack(
        "weighted_records",
        "Auxiliary records, weighted",
        "probabilities",
        "cf. Fredrikson, Jha & Ristenpart 2015, Model Inversion Attacks that Exploit Confidence Information",
        weighted_records.profile,
    ),
    Attack(
        "copula_search",
        "Search among made-up records",
        "probabilities",
        _SAMPLING,
        copula_search.profile,
    ),
    Attack(
        "labelled_records",
        "Auxiliary records of the label",
        "labels",
        "cf. Kahla et al. 2022, Label-Only Model Inversion Attacks via Boundary Repulsion",
        labelled_records.profile,
    ),
    Attack(
        "labelled_search",
        "Search among made-up records, by labels",
        "labels",
        _SAMPLING,
        labelled_search.profile,
    ),
)
