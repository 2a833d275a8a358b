"""Finding out how a model answers before it is attacked, and whether there is time for that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from leakgauge.exhaustion import NOT_AUDITED, Deadline, readable
from leakgauge.images.image import Images
from leakgauge.inversion.high_contrast import as_queried, needs_high_contrast
from leakgauge.inversion.masking import Examined, examine, examine_away
from leakgauge.inversion.objective import LEAST_PROBABILITY
from leakgauge.randomness import generator_for
from leakgauge.report.model import Notice
from leakgauge.targets.images.facts import ImageModel
from leakgauge.targets.protocol import Target

NO_TIME: Final = "no_time"
"""The notice of an audit for which nothing was asked, for lack of time."""
NOT_EXAMINED = Examined((), LEAST_PROBABILITY, temperature=1.0)
TIMED = 8
"""Images by which the model is timed before it is asked for anything."""
QUERIES, FOR_EACH_IMAGE = 1_500, 6
"""Queries that find out how a model answers, and those for each image sent: one in every usual range."""


def too_slow(target: ImageModel, images: int, deadline: Deadline | None) -> tuple[Notice, ...]:
    """Why nothing is asked, where finding out how the model answers leaves too little time for anything.

    Parameters
    ----------
    images
        how many were sent besides the user's own.
    """
    if deadline is None:
        return ()
    grey = np.full((TIMED, *target.facts.shape), 0.5, dtype=np.float32)
    target.labels(grey[:1])  # what a first question costs more
    begun = deadline.clock()
    target.labels(grey)
    each = (deadline.clock() - begun) / TIMED
    needed, left = each * (QUERIES + FOR_EACH_IMAGE * images), deadline.left
    if needed <= left / 2:
        return ()
    message = (
        f"{NOT_AUDITED}: finding out how the model answers takes about {readable(needed)}, and of "
        f"{readable(deadline.seconds)}, {readable(left)} were left. Raise time_budget."
    )
    return (Notice(NO_TIME, message),)


def probed(
    target: Target, known: Sequence[Images], auxiliary: Sequence[Images], *, unasked: bool, seed: int
) -> tuple[bool, Examined]:
    """Whether queries are to be high-contrast, and what the answers hide.

    Parameters
    ----------
    known
        (height, width, channels) the user's image, and further ones of its class.
    auxiliary
        images of the attacker's own.
    unasked
        whether there is no time for it, and nothing is asked.
    """
    if unasked:
        return False, NOT_EXAMINED
    original = known[0]
    height, width, channels = original.shape
    rng = generator_for(seed, "edges")
    high_contrast = needs_high_contrast(target, (height, width, channels), rng=rng)
    queried = as_queried(target, high_contrast=high_contrast)
    examined = examine(queried, original, rng=generator_for(seed, "masking"))
    rng = generator_for(seed, "away from data")
    return high_contrast, examine_away(examined, target, known, auxiliary, rng=rng)
