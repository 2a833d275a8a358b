"""The table of inversion attacks: one file and one row each.

To add an attack, write a file beside these with a `reconstruct` function (see
`protocol.Reconstruct`) and add its row. Those that run by default were chosen by
what each adds to the worst of the others: `spsa` where answers are plain,
`cma_es` where they are rounded or cut short, `label_only` where they are labels. Those
that look the class up among auxiliary images run where there are some.
"""

from __future__ import annotations

from leakgauge.inversion.attacks import (
    auxiliary_chain,
    auxiliary_mean,
    cma_es,
    label_only,
    miface,
    miface_art,
    nes,
    reverse_correlation,
    spsa,
)
from leakgauge.inversion.protocol import Attack

_LOOKED_UP = "Leakgauge; importance sampling as in Owen 2013, Monte Carlo theory, methods and examples"

ATTACKS: tuple[Attack, ...] = (
    Attack(
        "spsa",
        "Simultaneous perturbation",
        "probabilities",
        "Spall 1992, Multivariate Stochastic Approximation Using a Simultaneous Perturbation "
        "Gradient Approximation",
        spsa.reconstruct,
    ),
    Attack(
        "cma_es",
        "Covariance matrix adaptation",
        "probabilities",
        "Hansen 2016, The CMA Evolution Strategy: A Tutorial",
        cma_es.reconstruct,
    ),
    Attack(
        "label_only",
        "Boundary repulsion (labels only)",
        "labels",
        "Kahla et al. 2022, Label-Only Model Inversion Attacks via Boundary Repulsion",
        label_only.reconstruct,
    ),
    Attack(
        "auxiliary_mean",
        "Look-up: mean of auxiliary images by probability",
        "probabilities",
        _LOOKED_UP,
        auxiliary_mean.by_probability,
        looks_up=True,
        searches=False,
    ),
    Attack(
        "auxiliary_labels",
        "Look-up: mean of auxiliary images with the label",
        "labels",
        _LOOKED_UP,
        auxiliary_mean.by_label,
        looks_up=True,
        searches=False,
    ),
    Attack(
        "auxiliary_chain",
        "Markov chains from the look-up",
        "probabilities",
        "Cotter et al. 2013, MCMC Methods for Functions",
        auxiliary_chain.reconstruct,
        looks_up=True,
    ),
    Attack(
        "auxiliary_image",
        "Look-up: likeliest auxiliary image",
        "probabilities",
        _LOOKED_UP,
        auxiliary_mean.likeliest_image,
        by_default=False,
        looks_up=True,
        searches=False,
    ),
    Attack(
        "nes",
        "Natural evolution strategies",
        "probabilities",
        "Wierstra et al. 2014, Natural Evolution Strategies",
        nes.reconstruct,
        by_default=False,
    ),
    Attack(
        "reverse_correlation",
        "Reverse correlation (preview)",
        "probabilities",
        "Ahumada & Lovell 1971, Stimulus Features in Signal Detection",
        reverse_correlation.reconstruct,
        by_default=False,
        takes_prior=False,
    ),
    Attack(
        "miface",
        "MI-Face (white-box reference)",
        "model_file",
        "Fredrikson, Jha & Ristenpart 2015, Model Inversion Attacks that Exploit Confidence Information",
        miface.reconstruct,
        by_default=False,
        takes_prior=False,
    ),
    Attack(
        "miface_art",
        "MI-Face of the Adversarial Robustness Toolbox (white-box reference)",
        "model_file",
        "Fredrikson, Jha & Ristenpart 2015; Nicolae et al. 2018, Adversarial Robustness Toolbox",
        miface_art.reconstruct,
        by_default=False,
        takes_prior=False,
        library=miface_art.LIBRARY,
    ),
)
