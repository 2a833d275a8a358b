"""The demo's invented images: from a seed alone, each class alike and unlike the others."""

from __future__ import annotations

import numpy as np
import pytest

from leakgauge.jobs.demo.invented import CLASSES, Counts, invented_digits, invented_faces

FEW = Counts(trained=3, held_out=2)


@pytest.mark.parametrize(("made", "side"), [(invented_digits, 28), (invented_faces, 32)])
def test_invented_images_are_of_ten_classes_that_their_means_tell_apart(made, side):
    found = made(seed=1, counts=FEW)
    assert found.images.shape == (CLASSES * FEW.trained, side, side, 1)
    assert found.held_out_images.shape == (CLASSES * FEW.held_out, side, side, 1)
    assert found.images.dtype == np.float32
    assert 0.0 <= found.images.min() < found.images.max() <= 1.0
    assert np.bincount(found.labels).tolist() == [FEW.trained] * CLASSES
    means = np.stack([found.images[found.labels == number].mean(axis=0) for number in range(CLASSES)])
    distances = np.square(found.held_out_images[:, None] - means[None]).sum(axis=(2, 3, 4))
    assert (distances.argmin(axis=1) == found.held_out_labels).mean() > 0.5
    np.testing.assert_array_equal(made(seed=1, counts=FEW).images, found.images)
    # no image twice: what is held out was never trained on
    assert len({image.tobytes() for image in (*found.images, *found.held_out_images)}) == 5 * CLASSES
