"""The demo's evaluator is not sure of noise, which one that has seen digits alone is."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from leakgauge.defences.training.classifier import train
from leakgauge.jobs.demo.evaluator import evaluator_plan, noise
from leakgauge.jobs.demo.invented import Counts, invented_digits
from leakgauge.jobs.demo.story import SURE


def test_noise_is_of_every_brightness_and_in_range():
    found = noise((8, 8, 1), seed=0)
    assert found.shape[1:] == (8, 8, 1)
    assert (found.min(), found.max()) == (0.0, 1.0)
    assert len({round(float(image.mean()), 1) for image in found}) >= 8
    assert np.array_equal(found, noise((8, 8, 1), seed=0))
    assert not np.array_equal(found, noise((8, 8, 1), seed=1))


@pytest.mark.slow
def test_it_is_sure_of_digits_and_not_of_noise():
    digits = invented_digits(counts=Counts(trained=80, held_out=20))
    plan = evaluator_plan(digits.images.shape[1:], seed=0)
    model = train(plan, digits.images, digits.labels, seed=0).model
    assert isinstance(model, keras.Model)
    answers = model.predict(digits.held_out_images, verbose=0)
    assert (answers.argmax(axis=1) == digits.held_out_labels).mean() > 0.8
    assert (answers.max(axis=1) >= SURE).mean() > 0.5
    unseen = noise(digits.images.shape[1:], seed=1)
    assert (model.predict(unseen, verbose=0).max(axis=1) >= SURE).mean() < 0.02
