"""A progress callback changes nothing, and is shown what is being reconstructed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from template_target import SIDE, TemplateTarget

from leakgauge.inversion.attacks import ATTACKS
from leakgauge.inversion.priors.low_frequencies import low_frequencies
from leakgauge.inversion.progress_callback import PREVIEWS, with_callback
from leakgauge.inversion.protocol import Attack, AttackSettings, Reconstructed
from leakgauge.progress import Silent
from leakgauge.randomness import generator_for

SPSA = next(row for row in ATTACKS if row.name == "spsa")


def reconstructed(attack, number=1, iterations=300, temperature=1.0):
    settings = AttackSettings(
        space=low_frequencies(np.full((SIDE, SIDE, 1), 0.5, dtype=np.float32)),
        iterations=(iterations,),
        seeds=2,
        temperature=temperature,
    )
    return attack.reconstruct(
        TemplateTarget(),
        number,
        budget=4 * iterations,
        rng=generator_for(0, "test"),
        progress=Silent(),
        settings=settings,
    )


def test_the_reconstruction_is_the_same_and_the_looks_come_to_resemble_it():
    previews = []
    plain, seen = reconstructed(SPSA), reconstructed(with_callback(SPSA, 1, previews.append))
    np.testing.assert_array_equal(plain.frames[-1].images, seen.frames[-1].images)
    assert PREVIEWS // 2 < len(previews) <= PREVIEWS + 1
    queries = [preview.queries for preview in previews]
    assert queries == sorted(set(queries))
    assert queries[-1] <= 1_200
    assert previews[-1].loss < previews[0].loss
    final = seen.frames[-1].images.mean(axis=0)
    distances = [float(np.abs(preview.image - final).mean()) for preview in (previews[0], previews[-1])]
    assert distances[1] < 0.5 * distances[0]
    assert all(preview.image.shape == (SIDE, SIDE, 1) and preview.attack == "spsa" for preview in previews)


def test_other_classes_are_not_looked_at():
    previews = []
    reconstructed(with_callback(SPSA, 2, previews.append), number=1, iterations=20)
    assert previews == []


def test_labels_have_a_image_and_no_loss():
    def ask_labels(target, target_class, *, budget, rng, progress, settings):
        for _ in range(3):
            target.labels(np.full((4, SIDE, SIDE, 1), 0.25, dtype=np.float32))
        return Reconstructed((), ())

    previews = []
    attack = Attack("toy", "Toy", "labels", "nobody", ask_labels)
    reconstructed(with_callback(replace(attack), 1, previews.append), iterations=30)
    assert [preview.loss for preview in previews] == [None] * len(previews)
    assert [preview.queries for preview in previews] == [4, 8, 12]
    assert previews[0].image.max() == np.float32(0.25)


def test_the_loss_is_the_one_that_the_report_will_give():
    previews = []
    curve = reconstructed(with_callback(SPSA, 1, previews.append), iterations=1, temperature=3.0).curve
    assert previews[0].queries == curve[0].queries
    np.testing.assert_allclose(previews[0].loss, curve[0].loss)
