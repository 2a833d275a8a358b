"""Which prior an audit uses: the bundle's own auxiliary images, else one that was trained before."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leakgauge.errors import BadBundle
from leakgauge.images.image import Images
from leakgauge.inversion.priors.file import read_prior
from leakgauge.inversion.priors.pca import PcaPrior, principal_components
from leakgauge.inversion.search_space import SearchSpace
from leakgauge.inversion.similarity import SAME_IMAGE, pearson
from leakgauge.report.model import Notice, PriorKnowledge
from leakgauge.targets.images.facts import ImageModel


@dataclass(frozen=True, slots=True)
class ChosenPrior:
    """The prior of an audit, if it has one.

    Attributes
    ----------
    components
        of the images; None without a prior.
    images
        (n, height, width, channels) those that the bundle brought; a trained prior has its components alone.
    known, notices
        what the report says of it.
    sha256
        the file's digest, by its name.
    """

    components: PcaPrior | None = None
    images: Images | None = None
    known: PriorKnowledge | None = None
    notices: tuple[Notice, ...] = ()
    sha256: tuple[tuple[str, str], ...] = ()

    @property
    def space(self) -> SearchSpace | None:
        """The space that it gives to search."""
        return self.components.space if self.components else None


def choose_prior(
    auxiliary: Sequence[Images], original: Images, target: ImageModel, *, trained: Path | None
) -> ChosenPrior:
    """The prior made from `auxiliary` images, else the one in the file `trained`.

    Parameters
    ----------
    auxiliary
        images of the bundle, with the model's size and channels.
    original
        the user's image; should not be among them.
    trained
        a prior's file that belongs to this installation.

    Raises
    ------
    BadBundle, LimitExceeded
        for a file that is no prior. Auxiliary images that make no prior are told in a notice.
    """
    if auxiliary:
        try:
            components = principal_components(auxiliary)
        except BadBundle as unusable:
            return ChosenPrior(notices=(Notice("prior_unusable", f"{unusable} None was used."),))
        known = PriorKnowledge("bundle", components.images, components.space.dimensions)
        return ChosenPrior(
            components, np.stack(auxiliary), known, notices=_about(auxiliary, original, target)
        )
    if trained is None:
        return ChosenPrior()
    components = read_prior(trained)
    if components.space.shape != target.facts.shape:
        return ChosenPrior(notices=(_other_size(components, target),))
    known = PriorKnowledge("trained", components.images, components.space.dimensions)
    digest = hashlib.sha256(trained.read_bytes()).hexdigest()
    return ChosenPrior(components, known=known, sha256=((trained.name, digest),))


def _about(auxiliary: Sequence[Images], original: Images, target: ImageModel) -> tuple[Notice, ...]:
    """What the reader must know about images that are meant to be an attacker's."""
    notices = []
    same = sum(pearson(image, original) >= SAME_IMAGE for image in auxiliary)
    if same:
        notices.append(
            Notice(
                "auxiliary_original",
                f"{same} of the auxiliary images {'is' if same == 1 else 'are'} your image of the class: an "
                "attacker who has it needs no model. Take it out, or the figures with a prior mean nothing.",
            )
        )
    seen = int((target.labels(np.stack(auxiliary)) == int(target.labels(original[None])[0])).sum())
    if seen:
        notices.append(
            Notice(
                "auxiliary_class",
                f"The model takes {seen:,} of the {len(auxiliary):,} auxiliary images for the class of your "
                "image: what an attack with the prior reconstructs may be theirs.",
            )
        )
    return tuple(notices)


def _other_size(components: PcaPrior, target: ImageModel) -> Notice:
    made, wanted = (" × ".join(map(str, shape)) for shape in (components.space.shape, target.facts.shape))
    return Notice(
        "prior_other_size",
        f"The trained prior is one of {made} images and the model takes {wanted}: it was not used.",
    )
