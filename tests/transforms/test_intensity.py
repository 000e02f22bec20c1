"""Windows against NumPy's percentiles; augmentation within its bounds."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfmed.transforms import clip_and_scale, percentile_window, standardise
from tfmed.transforms.intensity import brightness, contrast, gamma

SEED = tf.constant([5, 6], tf.int32)


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(2).normal(30, 400, shape).astype("float32")


def test_the_window_becomes_zero_to_one() -> None:
    made = clip_and_scale(tf.constant([-300.0, -200.0, -50.0, 100.0, 900.0]), -200.0, 100.0)
    np.testing.assert_allclose(made, [0, 0, 0.5, 1, 1], rtol=1e-6)


@pytest.mark.parametrize("shape", [(3, 30, 17, 1), (2, 5, 9, 8, 3), (2, 1, 2, 1), (1, 1, 1, 1)])
@pytest.mark.parametrize("known", [True, False])
def test_percentiles_are_numpys(shape: tuple[int, ...], known: bool) -> None:
    image = images(*shape)
    low, high = np.percentile(image.reshape(len(image), -1), [0.5, 99.5], axis=1).reshape(
        2, -1, *[1] * (len(shape) - 1)
    )
    width = np.where(high > low, high - low, 1)
    expected = np.where(high > low, np.clip((image - low) / width, 0, 1), 0)
    axes = shape[1:-1] if known else [None] * (len(shape) - 2)
    graph = tf.function(
        percentile_window, input_signature=[tf.TensorSpec([None, *axes, shape[-1]], tf.float32)]
    )
    np.testing.assert_allclose(graph(image), expected, atol=1e-5)


def test_a_constant_image_becomes_zeros() -> None:
    np.testing.assert_array_equal(percentile_window(tf.fill([2, 4, 4, 1], 7.0)), 0)


def test_standardise() -> None:
    image = tf.constant(images(2, 3, 3, 3))
    assert standardise(image, 0.0, 1.0) is image
    np.testing.assert_allclose(standardise(image, 10.0, 4.0), (image - 10) / 4, rtol=1e-6)


@pytest.mark.parametrize("transform", [brightness, contrast, gamma])
def test_range_and_shape_are_kept(transform) -> None:
    image = tf.random.stateless_uniform([20, 6, 5, 1], SEED)
    made = transform(image, SEED, amount=0.5).numpy()
    assert made.shape == image.shape
    assert made.min() >= 0
    assert made.max() <= 1
    assert len(np.unique(np.round((made - image).numpy().reshape(20, -1).std(axis=1), 6))) > 15
    np.testing.assert_allclose(transform(image, SEED, amount=0.0), image, atol=1e-6)
    np.testing.assert_array_equal(transform(image, SEED, amount=0.5, probability=0.0), image)


def test_brightness_is_one_factor_an_image() -> None:
    image = tf.random.stateless_uniform([20, 6, 5, 1], SEED, maxval=0.5)
    ratio = (brightness(image, SEED, amount=0.4) / image).numpy().reshape(20, -1)
    assert np.ptp(ratio, axis=1).max() < 1e-5
    assert ratio.min() >= 0.6
    assert ratio.max() <= 1.4


def test_contrast_keeps_the_mean_of_a_wide_range() -> None:
    image = np.full((4, 10, 10, 1), 0.5, np.float32)
    image[:, 0, 0], image[:, 0, 1] = 0, 1
    image[:, 5], image[:, 6] = 0.4, 0.6
    made = contrast(tf.constant(image), SEED, amount=0.3).numpy()
    np.testing.assert_allclose(made.mean(axis=(1, 2, 3)), 0.5, atol=0.005)
    stretch = (made[:, 6, 0, 0] - made[:, 5, 0, 0]) / 0.2
    assert stretch.min() >= 0.7
    assert stretch.max() <= 1.3


def test_gamma_leaves_black_and_white() -> None:
    image = tf.tile(tf.reshape([0.0, 0.25, 1.0], [1, 1, 3, 1]), [8, 1, 1, 1])
    made = gamma(image, SEED, amount=0.5).numpy()
    np.testing.assert_array_equal(made[:, 0, [0, 2], 0], [[0, 1]] * 8)
    power = np.log(made[:, 0, 1, 0]) / np.log(0.25)
    assert power.min() >= np.exp(-0.5) - 1e-5
    assert power.max() <= np.exp(0.5) + 1e-5
