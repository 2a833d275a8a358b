"""The inversion audit of an image classifier and images in the caller's memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import JsonValue

from leakgauge.bundle import BundledFile, InversionBundle, Limits
from leakgauge.images.in_memory import array_of, saved, settings_of_model
from leakgauge.inversion.audit import audit_bundle
from leakgauge.inversion.inputs import InMemory
from leakgauge.parameters import inversion_parameters, pixel_values
from leakgauge.progress import Progress
from leakgauge.report.model import Audited
from leakgauge.targets.images.function import open_image_function

_ONE, _SEVERAL = (2, 3), (3, 4)


@dataclass(frozen=True, slots=True)
class GivenImages:
    """What comes with a model.

    Attributes
    ----------
    image
        one of the class to reconstruct, in the form that the model takes.
    auxiliary, reference
        optional (n, ...) images of the attacker's own, and further ones of the class.
    evaluator
        optional second classifier that evaluates reconstructions.
    """

    image: Any
    auxiliary: Any = None
    reference: Any = None
    evaluator: Any = None


def audit_image(
    model: Any, given: GivenImages, overrides: Mapping[str, JsonValue], progress: Progress
) -> Audited:
    """Audit a function of images; errors as `audit_bundle`."""
    parameters = inversion_parameters(None, overrides)
    image = array_of(given.image, "image", axes=_ONE)
    settings, source = settings_of_model(
        image,
        "image",
        input_range=pixel_values(parameters.input_range),
        channel_order=parameters.channel_order,
    )
    models = [model] if given.evaluator is None else [model, given.evaluator]
    opened = (open_image_function(one, image.shape, settings, range_source=source) for one in models)
    in_memory = InMemory(*opened)
    with TemporaryDirectory(prefix="leakgauge-") as temporary:
        folder = Path(temporary)
        bundle = InversionBundle(
            root=folder,
            model=None,
            image=saved(image, "image", folder),
            auxiliary=_files(given.auxiliary, "auxiliary", folder),
            reference=_files(given.reference, "reference", folder),
            parameters=None,
            ignored=(),
            limits=Limits(),
        )
        return audit_bundle(bundle, overrides, progress, in_memory=in_memory)


def _files(images: Any, name: str, folder: Path) -> tuple[BundledFile, ...]:
    if images is None:
        return ()
    array = array_of(images, name, axes=_SEVERAL)
    return tuple(saved(image, f"{name}[{place}]", folder) for place, image in enumerate(array))
