"""The two models that the demo compares, and the bundle with which an audit takes one of them up."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from leakgauge.bundle import InversionBundle, Limits, open_bundle
from leakgauge.estimates import Estimate, proportion
from leakgauge.images.files import to_png
from leakgauge.jobs.request import JobRequest
from leakgauge.progress import Display, Progress, Share, Together
from leakgauge.targets.protocol import Target

HELD_OUT, SIMILAR = "held_out.npz", "similar.npz"
"""Files of labelled images that training leaves beside the models."""

Labelled: TypeAlias = "tuple[NDArray[np.float32], NDArray[np.int64]]"
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Side:
    """One model of those that training left in `source`, behind its output defences."""

    name: str
    model: str
    outputs: tuple[str, ...]
    source: Path

    def bundle(
        self, scratch: Path, original: int, *, auxiliary: Iterable[NDArray[np.float32]], reference: Labelled
    ) -> InversionBundle:
        """A bundle of this model, the first image of a class, similar images, and labelled ones."""
        folder, unpacked = scratch / self.name, scratch / f"{self.name}-unpacked"
        for made in (folder / "auxiliary", unpacked):
            made.mkdir(parents=True)
        for name, called in (
            (f"{self.model}.onnx", "model.onnx"),
            (f"original_{original}.png", "input_image.png"),
            ("evaluator.onnx", "evaluator.onnx"),
        ):
            shutil.copyfile(self.source / name, folder / called)
        for number, image in enumerate(auxiliary):
            (folder / "auxiliary" / f"{number}.png").write_bytes(to_png(image))
        for number, (image, label) in enumerate(zip(*reference, strict=True)):
            place = folder / "reference" / str(label) / f"{number}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(to_png(image))
        bundle = open_bundle(folder, unpacked, limits=Limits())
        assert isinstance(bundle, InversionBundle)  # noqa: S101 -- narrows the type of our own folder
        return bundle

    def accuracy(self, target: Target) -> Estimate:
        """Its accuracy on held-out images."""
        images, labels = held_out(self.source)
        return proportion(int((target.labels(images) == labels).sum()), len(labels))


def sides_of(request: JobRequest) -> tuple[Side, Side]:
    """The open model, and the defended one that the request's overrides name by `model` and `output`."""
    model, outputs = cast(str, request.overrides["model"]), cast(list[str], request.overrides["output"])
    return (
        Side("baseline", "baseline", (), request.source),
        Side("defended", model, tuple(outputs), request.source),
    )


def similar(source: Path) -> Labelled:
    """The images, with labels, of an attacker that has similar ones."""
    return _labelled(source / SIMILAR)


def held_out(source: Path) -> Labelled:
    """The images, with labels, that nobody has trained on and no attacker has."""
    return _labelled(source / HELD_OUT)


def no_images() -> Labelled:
    """Labelled images, none."""
    return np.empty((0, 0, 0, 0), dtype=np.float32), np.empty(0, dtype=np.int64)


def _labelled(path: Path) -> Labelled:
    with np.load(path, allow_pickle=False) as found:
        return found["images"], found["labels"]


def both(work: Callable[[Side, Progress], _Found], sides: Sequence[Side], display: Display) -> list[_Found]:
    """What is found for each side, both at once; `display` hears of either in turn."""
    together = Together(Share(display, 0.0, 0.95), len(sides), stage="asking both models")
    with ThreadPoolExecutor(len(sides)) as threads:
        return list(threads.map(work, sides, map(together.part, range(len(sides)))))
