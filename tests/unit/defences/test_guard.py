"""The guard: real images are answered as before, whatever is no data is not, and the file opens like any."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from leakgauge.defences.training import dp_sgd, guard
from leakgauge.defences.training.guard import guarded
from leakgauge.defences.training.plan import TrainingPlan
from leakgauge.errors import BadParameters, UnsupportedModel
from leakgauge.targets.keras.engine import exported
from leakgauge.targets.onnx.engine import OnnxEngine
from leakgauge.targets.opening import open_image_model

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
layers = keras.layers
SHAPE = (6, 5)


def images_of(n, *, channels=1, low=0.0, high=1.0, seed=0):
    """Two smooth images, of either class one, with noise; each with its class."""
    rng = np.random.default_rng(seed)
    rows, columns = np.meshgrid(np.linspace(0, 3, SHAPE[0]), np.linspace(0, 3, SHAPE[1]), indexing="ij")
    means = np.stack([np.sin(rows) * 0.5 + 0.3, np.cos(columns) * 0.3 + 0.5])[..., None]
    labels = rng.integers(2, size=n)
    found = means[labels] + rng.normal(0.0, 0.05, (n, *SHAPE, channels))
    return (low + (high - low) * found).astype(np.float32), labels


def classifier(images, labels, *, head="softmax"):
    """The nearest of the two class means, as a Dense layer."""
    means = np.stack([images[labels == label].mean(axis=0).ravel() for label in (0, 1)])
    scale = 20.0 / np.square(means[1] - means[0]).sum()
    model = keras.Sequential(
        [keras.Input(images.shape[1:]), layers.Flatten(), layers.Dense(2, activation=head)]
    )
    model.layers[-1].set_weights([scale * means.T, -scale * np.square(means).sum(axis=1) / 2])
    return model


def off_data(images):
    """What searches ask about: empty images, averages, contrasts too great, noise."""
    rng = np.random.default_rng(1)
    low, high, mean = images.min(), images.max(), images.mean(axis=0)
    noise = rng.uniform(low, high, (20, *images.shape[1:]))
    far = mean + 4.0 * (images[:20] - mean)
    plain = [np.full_like(mean, grey) for grey in (low, high, (low + high) / 2)]
    return np.concatenate([np.stack([*plain, mean]), far, noise]).astype(np.float32)


@pytest.mark.parametrize(
    ("channels", "low", "high", "head"),
    [
        (1, 0.0, 1.0, "softmax"),
        (3, 0.0, 255.0, "softmax"),
        (3, -1.0, 1.0, "linear"),
        (1, 0.0, 1e-3, "linear"),
    ],
)
def test_data_are_answered_as_before_and_nothing_else_is(channels, low, high, head):
    images, labels = images_of(600, channels=channels, low=low, high=high)
    model = classifier(images, labels, head=head)
    whole = guarded(model, images, seed=0)
    fresh, _ = images_of(1_000, channels=channels, low=low, high=high, seed=5)
    before, after = np.asarray(model(fresh)), np.asarray(whole(fresh))
    scale = np.abs(before).max()
    assert (np.abs(after - before).max(axis=1) < 0.1 * scale).mean() > 0.9
    near = keras.Model(whole.inputs[0], whole.get_layer("guard_near").output)
    assert (np.asarray(near(fresh)) < 0.5).mean() < 0.04
    asked = off_data(images)
    away = np.asarray(whole(asked))
    assert np.isfinite(away).all()
    assert np.asarray(near(asked)).max() < 0.01
    if head == "softmax":
        np.testing.assert_allclose(away.sum(axis=1), 1.0, atol=1e-5)


def test_it_opens_as_a_keras_file_and_as_onnx_and_answers_alike(tmp_path):
    images, labels = images_of(500)
    whole = guarded(classifier(images, labels), images, seed=0)
    asked = np.clip(np.concatenate([images[:20], off_data(images)]), 0.0, 1.0)
    expected = np.asarray(whole(asked))
    path = tmp_path / "model.keras"
    whole.save(path)
    assert keras.saving.load_model(path, safe_mode=True).count_params() == whole.count_params()
    np.testing.assert_allclose(
        open_image_model(path, image_size=SHAPE).probabilities(asked), expected, atol=1e-4
    )
    onnx = OnnxEngine(exported(whole, images.shape[1:]))
    np.testing.assert_allclose(onnx.outputs(asked), expected, atol=1e-4)


@pytest.mark.parametrize("channels", [1, 3])
def test_what_the_map_shows_of_a_class_is_not_like_it(channels):
    images, labels = images_of(500, channels=channels)
    whole = guarded(classifier(images, labels), images, seed=0)
    shown = whole.get_layer("guard_elsewhere").get_weights()[0]
    for label in (0, 1):
        own = (images[labels == label].mean(axis=0) - images.mean(axis=0)).ravel()
        assert abs(np.corrcoef(own, shown[:, label])[0, 1]) < 0.1
    assert abs(np.corrcoef(shown.T)[0, 1]) < 0.95


def test_whoever_has_the_file_takes_the_guard_off(tmp_path):
    images, labels = images_of(500)
    model = classifier(images, labels)
    guarded(model, images, seed=0).save(tmp_path / "model.keras")
    found = keras.saving.load_model(tmp_path / "model.keras")
    (inside,) = [layer for layer in found.layers if isinstance(layer, keras.Model)]
    asked = off_data(images)
    np.testing.assert_allclose(np.asarray(inside(asked)), np.asarray(model(asked)), atol=1e-6)


def test_another_seed_is_another_map_and_the_same_seed_the_same():
    images, labels = images_of(400)
    model, asked = classifier(images, labels), off_data(images)
    first, again, other = (np.asarray(guarded(model, images, seed=seed)(asked)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


def test_a_larger_share_loses_more_images():
    images, labels = images_of(1_000)
    fresh, _ = images_of(1_000, seed=7)
    lost = []
    for share in (0.01, 0.2):
        whole = guarded(classifier(images, labels), images, seed=0, lost_share=share)
        near = keras.Model(whole.inputs[0], whole.get_layer("guard_near").output)
        lost.append((np.asarray(near(fresh)) < 0.5).mean())
    assert lost[0] < 0.03
    assert 0.1 < lost[1] < 0.25


def test_images_in_few_dimensions_and_constant_pixels_are_measured_all_the_same():
    rng = np.random.default_rng(0)
    images = np.zeros((400, *SHAPE, 1), dtype=np.float32)
    images[:, 2, 2:4, 0] = rng.uniform(0.2, 0.8, (400, 2))
    whole = guarded(classifier(images, rng.integers(2, size=400)), images, seed=0)
    near = keras.Model(whole.inputs[0], whole.get_layer("guard_near").output)
    assert (np.asarray(near(images)) > 0.5).mean() > 0.9
    assert float(np.asarray(near(images[:1] + 0.2))[0, 0]) < 0.01


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (lambda images: images[:399], "399 images"),
        (lambda images: np.full_like(images, 0.5), "all the same"),
        (lambda images: images[:, :-1], "shape"),
        (lambda images: images[..., 0], "shape"),
        (lambda images: np.repeat(images, 3, axis=-1), "shape"),
        (lambda images: np.where(np.arange(len(images))[:, None, None, None] == 7, np.nan, images), "number"),
        (lambda images: images[:0], "0 images"),
    ],
)
def test_images_that_do_not_fit_are_refused(spoilt, said):
    images, labels = images_of(400)
    with pytest.raises(BadParameters, match=said) as refused:
        guarded(classifier(images, labels), spoilt(images), seed=0)
    assert refused.value.problem == "guard_images"


@pytest.mark.parametrize("share", [0.0, -0.1, 0.21, float("nan")])
def test_a_share_that_is_none_is_refused(share):
    images, labels = images_of(400)
    with pytest.raises(BadParameters) as refused:
        guarded(classifier(images, labels), images, seed=0, lost_share=share)
    assert refused.value.problem == "lost_share"


@pytest.mark.parametrize("units", [1, 2])
def test_a_single_score_and_separate_yes_and_no_answers_are_refused(units):
    images, _ = images_of(400)
    model = keras.Sequential(
        [keras.Input(images.shape[1:]), layers.Flatten(), layers.Dense(units, activation="sigmoid")]
    )
    with pytest.raises(UnsupportedModel) as refused:
        guarded(model, images, seed=0)
    assert refused.value.problem == "not_a_classifier"


def test_it_does_not_go_with_dp_sgd_whichever_comes_first():
    model = keras.Sequential([keras.Input((*SHAPE, 1)), layers.Flatten(), layers.Dense(2)])
    for one, other in ((guard, dp_sgd), (dp_sgd, guard)):
        with pytest.raises(BadParameters) as refused:
            other.harden(one.harden(TrainingPlan.of(model)))
        assert refused.value.problem == "privacy_undone"
