"""How small a change makes the model mistake an image: a reference library's figure beside ours.

No leak of training data, and so never a part of the verdict. It stands in the report since a
defence against inversion may cost robustness, or bring it. Whoever holds the model file searches
along its gradient; whether a changed image is still taken for its class is what the target
answers, behind its output defences. The curve is an upper bound: a stronger search may find less
right, and one that follows the slope finds nothing where a model has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, zip_longest
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from leakgauge.attacks.row import NOT_INSTALLED
from leakgauge.errors import LeakgaugeError
from leakgauge.estimates import proportion
from leakgauge.exhaustion import ran_out, release
from leakgauge.images.image import Images
from leakgauge.inversion.inputs import Inputs
from leakgauge.progress import Progress
from leakgauge.report.model import EvasionMeasured, EvasionPoint, Failed, NotApplicable, ThreatModel
from leakgauge.targets.images.facts import Network
from leakgauge.targets.protocol import IntArray, Target

LIBRARY = "secmlt"
RADII: tuple[float, ...] = tuple(levels / 255 for levels in (1, 2, 4, 8, 16, 32, 64))
MOST_IMAGES = 200
MOST_NUMBERS = 4_000_000
"""Pixels and channels of all images together: each is asked for some hundred gradients."""

_FACTS: tuple[str, str, ThreatModel, str] = (
    "pgd_secml_torch",
    "Evasion by SecML-Torch: projected gradient descent",
    "model_file",
    "Madry et al. 2018, Towards Deep Learning Models Resistant to Adversarial Attacks; SecML-Torch",
)


class Evade(Protocol):
    """Changes images so that a network no longer takes them for their class."""

    def __call__(
        self, network: Network, images: Images, labels: IntArray, *, radius: float, seed: int
    ) -> Images:
        """(n, height, width, channels) images, of which no pixel has moved by more than `radius`."""


def robustness_curve(
    inputs: Inputs, evade: Evade | None, *, seed: int, progress: Progress
) -> EvasionMeasured | NotApplicable | Failed:
    """How many of the user's images are still taken for their class, against the radius of the change.

    Parameters
    ----------
    evade
        the library's search; None where it is not installed.

    Raises
    ------
    LeakgaugeError
        whatever the target deserves; what the library trips over is told as failed.
    """
    network = inputs.settings.network
    if evade is None:
        return NotApplicable(*_FACTS, NOT_INSTALLED)
    if network is None:
        return NotApplicable(*_FACTS, "It follows the model's gradient, which an ONNX file does not give.")
    images, labels = labelled_images(inputs)
    target, asked_before = inputs.target, inputs.target.queries
    right = _taken_for(target, images, labels)
    curve = [EvasionPoint(0.0, proportion(int(right.sum()), len(right)))]
    try:
        for place, radius in enumerate(RADII):
            progress.report("changing images with SecML-Torch", place / len(RADII))
            left = np.flatnonzero(right)  # what a smaller change has done, a larger one may do as well
            if len(left):
                changed = evade(network, images[left], labels[left], radius=radius, seed=seed)
                right[left] = _taken_for(target, _within(changed, images[left], radius), labels[left])
            curve.append(EvasionPoint(radius, proportion(int(right.sum()), len(right))))
    except Exception as error:  # a peer that breaks must not take the audit with it
        if reason := ran_out(error):
            release(error)
            return Failed(*_FACTS, reason)
        if isinstance(error, LeakgaugeError):
            raise
        return Failed(*_FACTS, f"It broke off with a {type(error).__name__}.")
    return EvasionMeasured(
        *_FACTS,
        pictures=len(right),
        classes=len(np.unique(labels)),
        queries=target.queries - asked_before,
        curve=tuple(curve),
    )


def labelled_images(inputs: Inputs) -> tuple[Images, IntArray]:
    """(n, height, width, channels) different images of the user's, and (n,) their classes in turn."""
    own = [inputs.original, *inputs.references]
    by_class: Mapping[int, Sequence[Images]] = {
        **inputs.evaluation.labelled,
        inputs.original_class: own,
    }
    columns = [[(number, image) for image in by_class[number]] for number in sorted(by_class)]
    rows = chain.from_iterable(zip_longest(*columns))
    found = {image.tobytes(): (number, image) for number, image in filter(None, rows)}
    most = min(MOST_IMAGES, max(1, MOST_NUMBERS // inputs.original.size))
    kept = list(found.values())[:most]
    return np.stack([image for _, image in kept]), np.array([number for number, _ in kept], np.int64)


def _taken_for(target: Target, images: Images, labels: IntArray) -> NDArray[np.bool_]:
    return np.asarray(target.labels(images) == labels)


def _within(changed: Images, images: Images, radius: float) -> Images:
    """What was changed, held to the radius and to the range of a pixel whatever the library gave."""
    near = np.clip(changed, images - np.float32(radius), images + np.float32(radius))
    return np.asarray(np.clip(near, 0.0, 1.0), dtype=np.float32)
