from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from leakgauge.inversion.objective import Prior, log_odds
from leakgauge.inversion.priors.low_frequencies import low_frequencies
from leakgauge.inversion.similarity import chance, leakage, pearson, similarity, ssim

UNIT = st.floats(0.0, 1.0, width=32)
SHAPES = st.sampled_from([(4, 4, 1), (5, 7, 1), (8, 8, 3), (9, 6, 4)])
IMAGES = SHAPES.flatmap(lambda shape: arrays(np.float32, shape, elements=UNIT))
PAIRS = SHAPES.flatmap(
    lambda shape: st.tuples(
        arrays(np.float32, shape, elements=UNIT), arrays(np.float32, shape, elements=UNIT)
    )
)
few = settings(max_examples=40, derandomize=True, deadline=None)


@few
@given(PAIRS)
def test_similarity_is_symmetric_and_bounded(pair: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = pair
    found, back = similarity(first, second), similarity(second, first)
    assert abs(found.pearson - back.pearson) < 1e-9
    assert abs(found.ssim - back.ssim) < 1e-9
    assert -1.0 <= found.pearson <= 1.0
    assert -1.0 - 1e-9 <= found.ssim <= 1.0 + 1e-9
    assert 0.0 <= found.mse <= 1.0
    assert (found.psnr is None) == (found.mse == 0.0)


@few
@given(IMAGES)
def test_a_image_is_as_like_itself_as_can_be(image: np.ndarray) -> None:
    assert ssim(image, image) > 1.0 - 1e-9
    assert pearson(image, image) > 1.0 - 1e-6 or image.std() < 1e-6


@few
@given(IMAGES, st.floats(0.1, 1.0), st.floats(0.0, 0.5))
def test_pearson_ignores_brightness_and_contrast(image: np.ndarray, gain: float, offset: float) -> None:
    if image.std() < 1e-3:
        return
    assert pearson(image, (image * gain + offset).astype(np.float32)) > 1.0 - 1e-3


@few
@given(IMAGES, UNIT)
def test_a_constant_image_is_like_nothing(image: np.ndarray, value: float) -> None:
    assert pearson(np.full_like(image, value), image) == 0.0


@few
@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1), st.floats(-1, 1))
def test_leakage_lies_in_its_range_and_grows_with_similarity(
    similarity: float, level: float, ceiling: float, more: float
) -> None:
    low, high = sorted((similarity, more))
    assert 0.0 <= leakage(low, level, ceiling) <= leakage(high, level, ceiling) <= 1.0
    assert leakage(level, level, ceiling) == 0.0


@few
@given(PAIRS, st.floats(-1, 1))
def test_chance_is_the_best_of_its_sources(pair: tuple[np.ndarray, np.ndarray], noise: float) -> None:
    original, other = pair
    found = chance(original, start=np.zeros_like(original), others={4: other}, noise_level=noise)
    assert found.level == max(0.0, noise, pearson(other, original))


@few
@given(st.sampled_from([(8, 8, 1), (28, 28, 1), (16, 12, 3), (9, 9, 4)]), st.integers(0, 99))
def test_the_basis_is_orthonormal(shape: tuple[int, int, int], seed: int) -> None:
    space = low_frequencies(np.zeros(shape, dtype=np.float32))
    z = np.random.default_rng(seed).standard_normal((3, space.dimensions))
    offsets = space.offsets(z)
    assert offsets.shape == (3, *shape)
    assert np.allclose(space.coefficients(offsets), z, atol=1e-4)
    assert np.allclose(np.square(offsets).sum(axis=(1, 2, 3)), np.square(z).sum(axis=1), rtol=1e-3)


@few
@given(st.integers(0, 99), UNIT)
def test_the_prior_gradient_is_that_of_its_penalty(seed: int, background: float) -> None:
    rng = np.random.default_rng(seed)
    image = rng.random((1, 6, 5, 3)).astype(np.float32)
    direction = rng.standard_normal(image.shape).astype(np.float32)
    prior = Prior(background=background)
    step = np.float32(1e-3)
    # double precision hides neither the kinks of the total variation nor the rounding of images
    slope = (prior.penalty(image + step * direction) - prior.penalty(image - step * direction)) / (2 * step)
    exact = float((prior.gradient(image) * direction).sum())
    assert abs(float(slope[0]) - exact) < 0.05 * max(1.0, abs(exact)) + 0.5


@few
@given(arrays(np.float64, (3, 4), elements=st.floats(0, 1)), st.integers(0, 3), st.floats(1e-6, 1e3))
def test_log_odds_are_finite_and_antisymmetric_for_two(
    p: np.ndarray, target_class: int, temperature: float
) -> None:
    assert np.isfinite(log_odds(p, target_class, temperature=temperature)).all()
    two = p[:, :2]
    assert np.allclose(log_odds(two, 0, temperature=temperature), -log_odds(two, 1, temperature=temperature))
