"""The background of images of the attacked class.

The penalty pulls pixels to it where the target does not care, so that a wrong one
hides a leak: of digits on a white background, two networks gave reconstructions with a similarity
of -.10 and -.04 where the background was taken for black, and of .48 and .49 where for
white, though as prototypes they were as good. An attacker knows the background of such
images, and the target's answers do not tell it: of short reconstructions on a black
and on a white background, the one that the target was surer of was the wrong one for
networks of 8 × 8 digits. So it is taken from the image in the bundle: one number,
which every reconstruction is given, those that chance is measured with too.
"""

from __future__ import annotations

import numpy as np

from leakgauge.errors import BadParameters
from leakgauge.images.image import Images
from leakgauge.report.model import Notice

DARK = 1 / 32
"""Up to where a background is the dark end of the range, which needs no mention."""


def background_of(
    original: Images, *, asked: float | None, input_range: tuple[float, float]
) -> tuple[float, tuple[Notice, ...]]:
    """Value in [0, 1] that reconstructions tend to, and a notice where it is not what most readers expect.

    Parameters
    ----------
    original
        (height, width, channels) the user's image, in [0, 1].
    asked
        the parameter `background`, in the model's own range; None to find it out.
    input_range
        the ends of that range.

    Raises
    ------
    BadParameters
        for a background outside of the model's range.
    """
    low, high = input_range
    if asked is not None:
        if not low <= asked <= high:
            raise _out_of_range(low, high)
        return (asked - low) / (high - low), ()
    found = _rim(original)
    if found <= DARK:
        return 0.0, ()
    notice = Notice(
        "background",
        f"Where the model does not care, reconstructions tend to {low + found * (high - low):.3g}, the "
        "middle value "
        "of the image's rim. Set background where images of the class have another background.",
    )
    return found, (notice,)


def _rim(image: Images) -> float:
    """Median of the outermost rows and columns, over all channels."""
    rim = np.concatenate([image[0], image[-1], image[1:-1, 0], image[1:-1, -1]], axis=None, dtype=np.float64)
    return float(np.median(rim))


def _out_of_range(low: float, high: float) -> BadParameters:
    message = f"must lie within the model's input range, {low:g} to {high:g}"
    return BadParameters.about(
        "background",
        message,
        problem="background_out_of_range",
        message=f"background {message}.",
        hint="Give the background as a pixel value of the model's input.",
    )
