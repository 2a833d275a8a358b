"""What the guard measures: the same in NumPy and in Keras layers, and in any range of pixels."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from leakgauge.defences.training.ruler import MEASURES, Ruler

SHAPE = (9, 8)


def strokes(n, *, channels=1, seed=0):
    """Bright bars on black with sharp edges, and faint noise."""
    rng = np.random.default_rng(seed)
    images = np.zeros((n, *SHAPE, channels), dtype=np.float32)
    for image, start, height in zip(images, rng.integers(1, 4, n), rng.integers(2, 4, n), strict=True):
        image[start : start + height, 2:6] = 1.0
    return images + rng.normal(0.0, 0.01, images.shape).astype(np.float32)


def ruler_of(images):
    return Ruler.of(images, float(np.sqrt(images.reshape(len(images), -1).var(axis=0).mean())), seed=0)


def measured(ruler, images):
    return dict(zip(MEASURES, ruler.measures(images).T, strict=True))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [SHAPE, (2, 8)])
def test_layers_and_numpy_measure_alike(channels, size):
    images = strokes(60, channels=channels)[:, : size[0], : size[1]]
    ruler = ruler_of(images)
    entrance = keras.Input(images.shape[1:])
    flat = keras.layers.Rescaling(1.0 / ruler.spread)(keras.layers.Flatten()(entrance))
    model = keras.Model(entrance, ruler.layers(entrance, flat - ruler.mean.astype(np.float32)))
    features = np.asarray(model(images), dtype=np.float64)
    for place, name in enumerate(MEASURES):
        for border in (0.5, 2.0):
            weights = ruler.difference(place, border)
            above = features @ weights[:-1] + weights[-1] > 0
            apart = np.abs(measured(ruler, images)[name] - border) > 1e-3
            np.testing.assert_array_equal(above[apart], (measured(ruler, images)[name] > border)[apart])


def test_the_range_of_pixels_makes_no_difference():
    images = strokes(60)
    plain, stretched = ruler_of(images), ruler_of(255.0 * images)
    np.testing.assert_allclose(stretched.measures(255.0 * images), plain.measures(images), rtol=1e-3)


def test_blurred_images_have_less_detail_and_grey_ones_other_tones():
    images = strokes(60)
    ruler = ruler_of(images)
    real = measured(ruler, images)
    blurred = measured(ruler, gaussian_filter(images, (0, 1.5, 1.5, 0)))
    grey = measured(ruler, 0.5 * images)
    assert blurred["detail"].max() < real["detail"].min()
    assert blurred["tone"].min() > real["tone"].max()
    assert grey["tone"].min() > real["tone"].max()
    np.testing.assert_allclose(grey["detail"], real["detail"], rtol=1e-3)
