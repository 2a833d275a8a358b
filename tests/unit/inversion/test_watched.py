"""Looking on changes nothing, and shows what is being drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from template_target import SIDE, TemplateTarget

from leakgauge.inversion.attacks import ATTACKS
from leakgauge.inversion.basis import low_frequencies
from leakgauge.inversion.protocol import Attack, Drawn, Settings
from leakgauge.inversion.watched import LOOKS, watched
from leakgauge.progress import Silent
from leakgauge.randomness import generator_for

SPSA = next(row for row in ATTACKS if row.name == "spsa")


def drawn(attack, number=1, iterations=300, temperature=1.0):
    settings = Settings(
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


def test_the_drawing_is_the_same_and_the_looks_come_to_resemble_it():
    looks = []
    plain, seen = drawn(SPSA), drawn(watched(SPSA, 1, looks.append))
    np.testing.assert_array_equal(plain.frames[-1].images, seen.frames[-1].images)
    assert LOOKS // 2 < len(looks) <= LOOKS + 1
    queries = [look.queries for look in looks]
    assert queries == sorted(set(queries))
    assert queries[-1] <= 1_200
    assert looks[-1].loss < looks[0].loss
    final = seen.frames[-1].images.mean(axis=0)
    distances = [float(np.abs(look.image - final).mean()) for look in (looks[0], looks[-1])]
    assert distances[1] < 0.5 * distances[0]
    assert all(look.image.shape == (SIDE, SIDE, 1) and look.attack == "spsa" for look in looks)


def test_other_classes_are_not_looked_at():
    looks = []
    drawn(watched(SPSA, 2, looks.append), number=1, iterations=20)
    assert looks == []


def test_labels_have_a_image_and_no_loss():
    def ask_labels(target, target_class, *, budget, rng, progress, settings):
        for _ in range(3):
            target.labels(np.full((4, SIDE, SIDE, 1), 0.25, dtype=np.float32))
        return Drawn((), ())

    looks = []
    attack = Attack("toy", "Toy", "labels", "nobody", ask_labels)
    drawn(watched(replace(attack), 1, looks.append), iterations=30)
    assert [look.loss for look in looks] == [None] * len(looks)
    assert [look.queries for look in looks] == [4, 8, 12]
    assert looks[0].image.max() == np.float32(0.25)


def test_the_loss_is_the_one_that_the_report_will_give():
    looks = []
    curve = drawn(watched(SPSA, 1, looks.append), iterations=1, temperature=3.0).curve
    assert looks[0].queries == curve[0].queries
    np.testing.assert_allclose(looks[0].loss, curve[0].loss)
