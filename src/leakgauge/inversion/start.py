"""Where a search starts, and what it is held to: the look-up, where there are auxiliary images.

A search that knows the images of a prior starts from what the look-up of its class gives, and the
distance that its penalty counts is the distance from there. On a network that no reported figure
comes from, digits of another collection for auxiliary images, four seeds and 4,000 queries: accuracy of the
reconstructions as prototypes rose from .63 to .66 by it (`spsa`) and from .586 to .591 (`label_only`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from leakgauge.inversion.auxiliary import log_certainty, weighted_means
from leakgauge.inversion.priors.pca import Familiar
from leakgauge.inversion.protocol import AttackSettings
from leakgauge.inversion.search_trace import SearchTrace
from leakgauge.targets.protocol import FloatArray, Target

LARGEST_SHARE = 0.5
"""Of the queries that a search has, those that its look-up may take."""


def looked_up(
    target: Target,
    target_class: int,
    settings: AttackSettings,
    trace: SearchTrace,
    *,
    budget: int,
    labels_only: bool = False,
) -> tuple[FloatArray, AttackSettings]:
    """(dimensions,) where all seeds start, and the settings with a penalty that counts from there.

    Without auxiliary images that is the start of the space, and the settings as they are.
    """
    start = np.zeros(settings.space.dimensions)
    prior, auxiliary = settings.prior, settings.auxiliary
    affordable = int(LARGEST_SHARE * min(budget, 2 * settings.seeds * settings.iterations[-1]))
    if auxiliary is None or not isinstance(prior, Familiar) or not affordable:
        return start, settings
    images = auxiliary.chosen(affordable)
    if not trace.affords(len(images)):
        return start, settings
    if labels_only:
        weights = auxiliary.labels(target, len(images))[:, target_class]
    else:
        answers = auxiliary.probabilities(target, len(images))
        weights = np.exp(
            log_certainty(answers, target_class, floor=settings.floor, temperature=settings.temperature)
        )
    trace.spend(len(images))
    found = weighted_means(images, weights, seeds=1)
    start = settings.space.coefficients(found - settings.space.start)[0]
    return start, replace(settings, prior=replace(prior, centre=start))
