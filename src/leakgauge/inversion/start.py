"""Where a search starts, and what it is held to: the look-up, where there are auxiliary images.

A search that knows the images of a prior starts from what the look-up of its class gives, and the
distance that its penalty counts is the distance from there. On a network that no reported figure
comes from, digits of another collection for auxiliary images, four seeds and 4,000 queries: accuracy of the
reconstructions as prototypes rose from .63 to .66 by it (`spsa`) and from .586 to .591 (`label_only`).

Without them searches start from grey, which is no data. Where a target answers differently away from data
they climb what it answers there, and may never come to what it has learned. A plain image in which
lines leave the data, as they do from real images, is where such a search has to start; an attacker finds
it by the answers alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from leakgauge.images.image import Images
from leakgauge.inversion.auxiliary import log_certainty, weighted_means
from leakgauge.inversion.away_from_data import leaves_data
from leakgauge.inversion.priors.pca import Familiar
from leakgauge.inversion.protocol import AttackSettings
from leakgauge.inversion.search_trace import SearchTrace
from leakgauge.report.model import Notice
from leakgauge.targets.protocol import FloatArray, Target

LARGEST_SHARE = 0.5
"""Of the queries that a search has, those that its look-up may take."""


CLEARLY: Final = 1.5
"""As many times as steeply lines leave another start. Around twelve guarded networks, black was 1.7 to 3.1
times as steep as grey for eight of digits, and for four of faces grey was the steepest."""
_PLAIN: Final = ("the start that was asked for", "the background", "black", "white")


def start_among_data(
    target: Target, asked: Images, background: float, *, rng: np.random.Generator
) -> tuple[Images, tuple[Notice, ...]]:
    """A plain image to start from that the target takes for data, and a notice where it is another one.

    For a target that answers differently away from data. Of the (height, width, channels) start that was
    asked for, the background, black and white it is the one that lines leave most steeply, if clearly so.
    """
    plain = [asked, *(np.full_like(asked, grey) for grey in (background, 0.0, 1.0))]
    found = leaves_data(target, np.stack(plain), rng=rng)
    best = int(found.argmax())
    if found[best] < CLEARLY * found[0]:
        return asked, ()
    notice = Notice(
        "start_among_data",
        f"Searches started from {_PLAIN[best]}, which the model's answers take for data, and not from "
        f"{_PLAIN[0]}: from there they would follow what it answers away from data.",
    )
    return plain[best], (notice,)


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
