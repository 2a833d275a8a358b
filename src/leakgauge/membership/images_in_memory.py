"""The membership audit of an image classifier and image sets in the caller's memory."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from pydantic import JsonValue

from leakgauge.bundle import ImageArrays, ImageMembershipBundle, Limits
from leakgauge.errors import BadBundle
from leakgauge.images.in_memory import array_of, saved, settings_of_model
from leakgauge.membership.audit import conduct
from leakgauge.membership.image_inputs import read_image_inputs
from leakgauge.parameters import image_membership_parameters, pixel_values
from leakgauge.progress import Progress
from leakgauge.report.model import Audited
from leakgauge.targets.images.function import open_image_function

_SETS = (3, 4)


def audit_image_sets(
    model: Any,
    members: tuple[Any, Any],
    non_members: tuple[Any, Any],
    overrides: Mapping[str, JsonValue],
    progress: Progress,
) -> Audited:
    """Audit a function of images with (images, class numbers) of both sides; errors as `audit_bundle`."""
    parameters = image_membership_parameters(None, overrides)
    with TemporaryDirectory(prefix="leakgauge-") as temporary:
        folder = Path(temporary)
        images = array_of(members[0], "X_train", axes=_SETS)
        settings, source = settings_of_model(
            images,
            "X_train",
            input_range=pixel_values(parameters.input_range),
            channel_order=parameters.channel_order,
        )
        target = open_image_function(model, images.shape[1:], settings, range_source=source)
        bundle = ImageMembershipBundle(
            root=folder,
            model=None,
            members=_set(members, ("X_train", "y_train"), folder),
            non_members=_set(non_members, ("X_test", "y_test"), folder),
            parameters=None,
            ignored=(),
            limits=Limits(),
        )
        read = partial(read_image_inputs, bundle, parameters, model=target)
        return conduct(read, parameters, bundle.sha256, progress)


def _set(pair: tuple[Any, Any], names: tuple[str, str], folder: Path) -> ImageArrays:
    images, labels = pair
    numbers = np.asarray(labels)
    if numbers.dtype.kind not in "buif":
        raise BadBundle(
            "labels_shape",
            f"{names[1]} holds no class numbers.",
            hint="Pass the number of each image's class, from 0 in the order of the model's outputs.",
        )
    array = array_of(images, names[0], axes=_SETS)
    return ImageArrays(saved(array, names[0], folder), saved(numbers, names[1], folder))
