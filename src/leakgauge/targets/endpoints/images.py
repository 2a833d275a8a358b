"""A service that answers about images, as an image classifier."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from leakgauge.errors import BadParameters
from leakgauge.row_pipe import Cell
from leakgauge.targets.endpoints.asking import Service
from leakgauge.targets.endpoints.forms import places_in, scores_in, share_changed
from leakgauge.targets.images.facts import InputSettings
from leakgauge.targets.images.probing import probed, read_input
from leakgauge.targets.images.ranges import range_of
from leakgauge.targets.images.target import ImageTarget

REPEATED: Final = 10
"""Images that are asked about twice, to find out whether answers change."""


class EndpointEngine:
    """Asks a service about images in its own layout and range."""

    name = "a live service"

    def __init__(self, service: Service) -> None:
        self._service = service

    def outputs(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, n_outputs) outputs for (n, ...) images; of labels alone 1 for the label and 0 for the others.

        Raises
        ------
        LeakgaugeError
            where the service does not answer, or with what is no answer.
        """
        answers = self._service.ask(_rows(images))
        if answers and all(isinstance(answer, list) and len(answer) > 1 for answer in answers):
            return np.asarray(answers, dtype=np.float32)
        labels = self._service.facts.classes
        if labels is None:
            raise _classes_wanted()
        named = np.asarray(list(labels), dtype=object)
        places = places_in(answers, named)
        if places is not None and self._service.facts.answers in ("auto", "labels"):
            return np.eye(len(labels), dtype=np.float32)[places]
        scores = scores_in(answers, named)
        if scores is None:
            raise _classes_wanted()
        return scores.astype(np.float32)

    def share_changed(self, images: NDArray[np.float32]) -> float:
        """Share of the images whose answer is another one when they are asked about again."""
        first, again = (self._service.ask(_rows(images), repeat=repeat) for repeat in (0, 1))
        return share_changed(first, again)


def _rows(images: NDArray[np.float32]) -> list[list[Cell]]:
    """(n, ...) images as rows of numbers."""
    rows: Any = images.reshape(len(images), -1).astype(np.float64).tolist()
    return list(rows)


def open_image_service(service: Service, settings: InputSettings) -> tuple[ImageTarget, list[str]]:
    """A service of images as a target, and sentences for the report.

    Parameters
    ----------
    settings
        what the sender says of the range of a pixel, and the place of the channels.

    Raises
    ------
    BadParameters
        `image_shape` where neither the settings of the service nor the service say what it takes.
    LeakgaugeError
        whatever `read_input` and `probed` refuse, and where the service does not answer.
    """
    shape = service.facts.image_shape
    if shape is None:
        raise BadParameters.about(
            "image_shape",
            "is not known",
            problem="image_shape",
            message="Neither the settings nor the service say which images it takes.",
            hint="Set image_shape in the settings, such as [28, 28, 1].",
        )
    engine, found = EndpointEngine(service), read_input(shape, settings)
    target = probed(
        engine,
        found,
        kind=f"Service ({service.facts.title})",
        format="live service",
        range_found=range_of(settings, dtype=np.dtype(np.float32), entrance=None),
        packages=(),
    )
    changed = engine.share_changed(found.probes(target.facts.scale)[:REPEATED])
    if not changed:
        return target, []
    return target, [
        f"Answers change between calls: {changed:.0%} of the images that were asked about twice got another "
        "answer. Each query is asked once: a search over many averages by itself, and shows less than it "
        "would of a service without noise."
    ]


def _classes_wanted() -> BadParameters:
    return BadParameters.about(
        "classes",
        "are not known",
        problem="service_answers",
        message="The service answers images with labels, or with a name for each class, and the order of its "
        "classes is not known.",
        hint="Name all of them in the settings as classes, in the order that class_to_attack counts in.",
    )
