"""What the guard measures an image by: five figures, in NumPy and as Keras layers.

    along      how far out it lies along the principal axes of the training images
    beside     which share of its contrast lies beside these axes
    contrast   how much its pixels differ
    detail     how fine its detail is: squared second differences of neighbouring pixels, for the first ones
    tone       how much of it lies between the two tones of the training images, for its edges

The first three are about where an image lies, and a smooth random image of the right contrast passes by
them. The last two are about what images look like: a search among smooth images asks about blurred ones,
with too little fine detail for their edges or too many greys.

Each is a quotient of two figures that are linear in squares, so that a Dense layer holds it against a border.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Self

import keras
import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import PCA

MEASURES: Final = ("along", "beside", "contrast", "detail", "tone")
AXES: Final = 60
IMAGES_PER_AXIS: Final = 10
NEGLIGIBLE: Final = 1e-5
"""Share of the variance of the training images below which nothing is measured."""
WINDOW: Final = 3
"""Pixels a side that second differences take; smaller images have neither detail nor tone."""


@dataclass(frozen=True, slots=True)
class Ruler:
    """What an image is measured by. Of an image, d is the number of pixels in all channels.

    Attributes
    ----------
    spread
        root of the mean variance of a pixel; pixels are counted in it.
    mean
        (d,) mean image.
    shape
        (height, width, channels) of an image.
    tones
        mean of the dark and of the light pixels.
    directions
        (d, m) what images are projected on: the principal axes, brightness, and the mean image.
    above, below
        (features + 1, measures) weights of the figures above and below the line of each quotient, the last
        one added. Features are d squared pixels, m squared projections and m projections, all counted from
        the mean image, and the textures. The figure below is 1 for the median image.
    """

    spread: float
    mean: NDArray[np.float64]
    shape: tuple[int, int, int]
    tones: tuple[float, float]
    directions: NDArray[np.float64]
    above: NDArray[np.float64]
    below: NDArray[np.float64]

    @classmethod
    def of(cls, images: NDArray[np.float32], spread: float, *, seed: int) -> Self:
        """The ruler of (n, height, width, channels) images."""
        height, width, channels = images.shape[1:]
        scaled = images.reshape(len(images), -1) / np.float32(spread)
        pixels, middle = scaled.shape[1], scaled.mean()
        most = max(1, min(AXES, pixels // 2, len(scaled) // IMAGES_PER_AXIS))
        fitted = PCA(most, random_state=seed).fit(scaled)
        kept = fitted.explained_variance_ > NEGLIGIBLE * pixels
        mean = fitted.mean_.astype(np.float64)
        textured = channels if min(height, width) >= WINDOW else 0
        above, below = _quotients(mean, fitted.explained_variance_[kept], textured)
        ruler = cls(
            spread,
            mean,
            (height, width, channels),
            (float(scaled[scaled < middle].mean()), float(scaled[scaled >= middle].mean())),
            np.column_stack([fitted.components_[kept].T, np.full(pixels, pixels**-0.5), mean]),
            above,
            below,
        )
        typical = np.median(ruler._features(images) @ below, axis=0)
        return replace(ruler, above=above / typical, below=below / typical)

    def measures(self, images: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n, measures) figures of (n, height, width, channels) images."""
        features = self._features(images)
        return np.asarray((features @ self.above) / (features @ self.below))

    def difference(self, place: int, border: float) -> NDArray[np.float64]:
        """(features + 1,) weights of a figure above 0 where the measure at `place` is above the border."""
        return np.asarray(self.above[:, place] - border * self.below[:, place])

    def layers(self, image: Any, centred: Any) -> Any:
        """(n, features) of the images at a Keras input, and of the same counted from the mean image."""
        layers = keras.layers
        projections = dense(centred, self.directions, name="guard_projections")
        features = [squared(centred, "pixels"), squared(projections, "projections"), projections]
        if min(self.shape[:2]) >= WINDOW:
            features += [
                layers.GlobalAveragePooling2D(name=f"guard_{name}")(squared(shown, name))
                for name, shown in (("detail", self._differences(image)), ("tone", self._between(image)))
            ]
        return layers.Concatenate(name="guard_features")(features)

    def _differences(self, image: Any) -> Any:
        """(n, height − 2, width − 2, 4 channels) first and second differences, down and across."""
        kernel = np.zeros((WINDOW, WINDOW, self.shape[2], 4), dtype=np.float32)
        kernel[1:, 1, :, 0] = kernel[1, 1:, :, 1] = np.array([[-1.0], [1.0]])
        kernel[:, 1, :, 2] = kernel[1, :, :, 3] = np.array([[1.0], [-2.0], [1.0]])
        layer = keras.layers.DepthwiseConv2D(
            WINDOW, depth_multiplier=4, use_bias=False, trainable=False, name="guard_differences"
        )
        found = layer(keras.layers.Rescaling(1.0 / self.spread, name="guard_scaled")(image))
        layer.set_weights([kernel])
        return found

    def _between(self, image: Any) -> Any:
        """(n, height, width, channels) 0 at either tone, −¼ between them."""
        dark, light = self.tones
        scale, offset = 1.0 / (self.spread * (light - dark)), dark / (light - dark)
        rescaled = [
            keras.layers.Rescaling(scale, -offset - less, name=f"guard_above_{name}")(image)
            for name, less in (("dark", 0.0), ("light", 1.0))
        ]
        return keras.layers.Multiply(name="guard_between")(rescaled)

    def _features(self, images: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n, features + 1) what `layers` gives, and 1."""
        scaled = images / np.float32(self.spread)
        offsets = scaled.reshape(len(images), -1) - self.mean
        projections = offsets @ self.directions
        textures = (
            _textures(scaled, self.tones) if min(self.shape[:2]) >= WINDOW else np.empty((len(images), 0))
        )
        features = [offsets**2, projections**2, projections, textures]
        return np.concatenate([*features, np.ones((len(images), 1))], axis=1)


def _textures(scaled: NDArray[np.float32], tones: tuple[float, float]) -> NDArray[np.float32]:
    """(n, 5 channels) mean squares, of each channel: four differences, and how far between the tones."""
    middle = scaled[:, 1:-1, 1:-1]
    beside = (scaled[:, 2:, 1:-1], scaled[:, :-2, 1:-1]), (scaled[:, 1:-1, 2:], scaled[:, 1:-1, :-2])
    # one after the other: all differences at once would take as much room as four copies of the images
    first = [np.square(after - middle).mean(axis=(1, 2)) for after, _ in beside]
    second = [np.square(after - 2 * middle + before).mean(axis=(1, 2)) for after, before in beside]
    dark, light = tones
    share = (scaled - dark) / (light - dark)
    between = np.square(share * (share - 1.0)).mean(axis=(1, 2))
    return np.concatenate([np.stack([*first, *second], axis=-1).reshape(len(scaled), -1), between], axis=1)


def _quotients(
    mean: NDArray[np.float64], variances: NDArray[np.float64], textured: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`Ruler.above` and `Ruler.below`.

    Parameters
    ----------
    variances
        along the principal axes.
    textured
        channels that have textures.
    """
    pixels, axes = len(mean), len(variances)
    brightness = float(mean.sum()) / pixels**0.5

    def linear(
        added: float = 0.0,
        *,
        squares: float = 0.0,
        projections: tuple[ArrayLike, ArrayLike] = ((0.0,) * (axes + 2),) * 2,
        differences: tuple[float, ...] = (0.0,) * 4,
        between: float = 0.0,
    ) -> NDArray[np.float64]:
        """Weights of the features: squared pixels, projections squared and not, textures; and 1."""
        textures = np.concatenate([np.tile(differences, textured), np.full(textured, between)])
        return np.concatenate([np.full(pixels, squares), *map(np.asarray, projections), textures, [added]])

    none = np.zeros(axes + 2)
    beside = linear(squares=1 / pixels, projections=([*(none[:-2] - 1 / pixels), 0, 0], none))
    # Σ x² − (Σ x)² / d of pixels x that are counted from 0, not from the mean
    contrast = linear(
        (float(mean @ mean) - brightness**2) / pixels + NEGLIGIBLE,
        squares=1 / pixels,
        projections=(
            [*none[:-2], -1 / pixels, 0],
            [*none[:-2], -2 * brightness / pixels, 2 / pixels],
        ),
    )
    along = linear(projections=([*(1.0 / variances / max(1, axes)), 0, 0], none))
    edges = linear(NEGLIGIBLE, differences=(1, 1, 0, 0))
    above = (along, beside, contrast, linear(differences=(0, 0, 1, 1)), linear(between=1.0))
    return np.column_stack(above), np.column_stack((linear(1.0), contrast, linear(1.0), edges, edges))


def squared(values: Any, name: str) -> Any:
    """The squares of a layer's outputs."""
    return keras.layers.Multiply(name=f"guard_{name}_squared")([values, values])


def dense(inputs: Any, kernel: Any, *, name: str, bias: Any = None, activation: str = "linear") -> Any:
    """A Dense layer with these weights, which no training changes."""
    layer = keras.layers.Dense(
        kernel.shape[1], activation=activation, use_bias=bias is not None, trainable=False, name=name
    )
    outputs = layer(inputs)
    layer.set_weights([np.asarray(each, dtype=np.float32) for each in (kernel, bias) if each is not None])
    return outputs
