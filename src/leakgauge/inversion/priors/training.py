"""Making a prior once, from a folder of images, for audits to come."""

from __future__ import annotations

from collections.abc import Sequence

from leakgauge.bundle import BundledFile
from leakgauge.images.files import read_image
from leakgauge.images.fitting import fit
from leakgauge.images.image import Images
from leakgauge.inversion.priors.pca import MOST_NUMBERS, PcaPrior, evenly, principal_components
from leakgauge.progress import Progress


def prior_of(files: Sequence[BundledFile], progress: Progress) -> PcaPrior:
    """The principal components of images that all have the size of the first, read with its channels.

    Raises
    ------
    BadBundle, LimitExceeded
        for what is no image, has another size, or is too little to make a prior of.
    """
    first = read_image(files[0], input_range=None).values
    height, width, channels = first.shape
    used = evenly(files, most=MOST_NUMBERS // first.size)
    images: list[Images] = []
    for number, file in enumerate(used):
        progress.report("reading images", number / len(used))
        found = read_image(file, input_range=None)
        images.append(fit(found, (height, width, channels), resize=False).values)
    progress.report("computing principal components", 0.99)
    return principal_components(images)
