from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from template_target import SIDE, TemplateTarget, templates

from leakgauge.estimates import Estimate
from leakgauge.images.image import Images
from leakgauge.inversion.attacks import ATTACKS
from leakgauge.inversion.auxiliary import Auxiliary
from leakgauge.inversion.measure import jackknife, measure, rank, reference_for, robustness
from leakgauge.inversion.priors.low_frequencies import low_frequencies
from leakgauge.inversion.protocol import AttackSettings, Frame, Reconstructed
from leakgauge.inversion.running import Run, run_attacks
from leakgauge.progress import Silent

SHAPE = (SIDE, SIDE, 1)
GREY = np.full(SHAPE, 0.5, dtype=np.float32)
SPACE = low_frequencies(GREY)


@pytest.fixture(scope="module")
def real_run() -> Run:
    (outcome,) = run_attacks(
        [(ATTACKS[0], AttackSettings(space=SPACE, iterations=(300,), seeds=3))],
        TemplateTarget(),
        classes=(0, 1, 2),
        controls=(),
        budget=None,
        seed=0,
        progress=Silent(),
    )
    assert isinstance(outcome, Run)
    return outcome


def pretending(run: Run, image: Images) -> Run:
    """The run, had it reconstructed `image` of class 0."""
    frame = Frame(300, 1_800, np.repeat(image[None], 3, axis=0))
    return replace(run, reconstructed={**run.reconstructed, 0: Reconstructed((frame,), ())}, controls={})


def leakage_of(run: Run, image: Images) -> Estimate:
    reference = reference_for(templates()[0], SPACE, ())
    return measure(
        pretending(run, image),
        0,
        reference,
        recognised=int(TemplateTarget().labels(image[None])[0]) == 0,
        attacks=1,
        rng=np.random.default_rng(0),
    ).leakage


@pytest.mark.parametrize(
    "image",
    [
        np.zeros(SHAPE, dtype=np.float32),
        np.ones(SHAPE, dtype=np.float32),
        GREY,
        np.random.default_rng(1).random(SHAPE, dtype=np.float32),
        templates()[1],
        templates()[2],
    ],
    ids=["black", "white", "grey", "noise", "another class", "a third class"],
)
def test_what_was_not_learned_from_the_target_is_no_leak(real_run: Run, image: Images) -> None:
    assert leakage_of(real_run, image).value <= 0.01


def test_the_reconstruction_of_another_class_is_no_leak(real_run: Run) -> None:
    for other in (1, 2):
        reconstruction = real_run.reconstructed[other].frames[-1].images.mean(axis=0)
        assert leakage_of(real_run, reconstruction).value <= 0.01


def test_a_real_image_of_another_class_is_no_leak_though_a_four_is_like_a_nine(real_run: Run) -> None:
    digits = load_digits()
    images = (digits.images[..., None] / 16.0).astype(np.float32)
    known, unknown = slice(None, None, 2), slice(1, None, 2)
    model = LogisticRegression(max_iter=2000).fit(images[known].reshape(-1, 64), digits.target[known])
    grey = np.full((8, 8, 1), 0.5, dtype=np.float32)
    means = {number: images[known][digits.target[known] == number].mean(axis=0) for number in range(10)}
    reconstructed = {
        number: Reconstructed((Frame(300, 1_800, np.repeat(mean[None], 3, 0)),), ())
        for number, mean in means.items()
    }
    original = images[known][digits.target[known] == 9][0]

    def pretend(image: Images) -> float:
        mine = Reconstructed((Frame(300, 1_800, np.repeat(image[None], 3, 0)),), ())
        return measure(
            replace(real_run, reconstructed={**reconstructed, 9: mine}, controls={}),
            9,
            reference_for(original, low_frequencies(grey), ()),
            recognised=int(model.predict(image.reshape(1, -1))[0]) == 9,
            attacks=1,
            rng=np.random.default_rng(0),
        ).leakage.value

    shown = digits.target[unknown]
    others = [pretend(image) for image in images[unknown][shown != 9][:150]]
    # all but the few that the model itself takes for a nine
    assert np.mean(np.array(others) <= 0.01) > 0.95
    nines = [pretend(image) for image in images[unknown][shown == 9][:50]]
    assert np.mean(nines) > 5 * np.mean(others)
    assert pretend(original) == pytest.approx(1.0)


def test_the_very_image_is_a_full_leak_and_a_real_reconstruction_a_partial_one(real_run: Run) -> None:
    assert leakage_of(real_run, templates()[0]).value == pytest.approx(1.0)
    found = measure(
        real_run,
        0,
        reference_for(templates()[0], SPACE, ()),
        recognised=True,
        attacks=1,
        rng=np.random.default_rng(0),
    )
    assert 0.1 < found.leakage.value < 1.0


def test_references_lower_the_ceiling_and_useless_ones_do_not() -> None:
    original = templates()[0]
    noisy = np.clip(original + 0.3 * np.random.default_rng(0).standard_normal(SHAPE), 0, 1).astype(np.float32)
    assert 0.5 < reference_for(original, SPACE, (noisy,)).ceiling < 1.0
    assert reference_for(original, SPACE, (1 - original,)).ceiling == 1.0


def test_the_jackknife_of_a_mean_is_the_standard_error() -> None:
    values = np.array([1.0, 2.0, 4.0, 9.0])
    found = jackknife(lambda part: float(np.delete(values, [] if part is None else part).mean()), 4)
    error = values.std(ddof=1) / 2
    assert found.value == 4.0
    assert found.high - found.value == pytest.approx(3.1824463 * error)


def test_one_seed_has_the_widest_interval() -> None:
    assert jackknife(lambda _: 0.3, 1) == Estimate(0.3, -1.0, 1.0, 1)


def test_robustness_mirrors_leakage() -> None:
    assert robustness(Estimate(0.25, 0.125, 0.5, 3)) == Estimate(75.0, 50.0, 87.5, 3)


@pytest.mark.parametrize("classes", [3, 12])
def test_the_rank_is_that_of_the_class_among_the_references_of_all_classes(classes: int) -> None:
    rng = np.random.default_rng(0)
    others = rng.random((classes - 3, *SHAPE)).astype(np.float32)
    means = dict(enumerate([*templates(), *others]))
    assert rank(means[1], 1, means, classes=classes) == 1
    assert rank(means[1], 2, means, classes=classes) > 1
    assert rank(1 - means[1], 1, means, classes=classes) == classes
    del means[classes - 1]
    assert rank(templates()[1], 1, means, classes=classes) is None


def test_what_an_attacker_with_images_has_to_beat_is_the_most_similar_of_them(real_run: Run) -> None:
    original = templates()[0]
    noise = np.random.default_rng(0).random(SHAPE, dtype=np.float32)
    stranger = np.asarray(0.8 * original + 0.2 * noise, dtype=np.float32)

    def chance_with(*images: Images) -> str:
        known = replace(real_run, settings=replace(real_run.settings, auxiliary=Auxiliary(np.stack(images))))
        return measure(
            known,
            0,
            reference_for(original, SPACE, ()),
            recognised=True,
            attacks=1,
            rng=np.random.default_rng(0),
        ).chance.source

    assert chance_with(GREY, stranger) == "the most similar auxiliary image"
    # the user's own image is no stranger's
    assert chance_with(GREY, original) != "the most similar auxiliary image"
