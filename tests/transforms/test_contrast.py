"""Brightness, contrast and gamma, within their bounds and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfmed.transforms.contrast import brightness, contrast, gamma

SEED = tf.constant([1, 2])


def noise(*shape: int) -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).normal(size=shape), tf.float32)


def test_brightness_is_one_factor_an_image() -> None:
    image = noise(50, 6, 7, 1)
    found = brightness(image, SEED, amount=0.25, probability=1.0)
    factors = (found / image).numpy()
    first = factors[:, 0, 0, 0]
    np.testing.assert_allclose(factors / first[:, None, None, None], 1, rtol=1e-6)
    assert 0.75 <= first.min() < 0.8
    assert 1.2 < first.max() <= 1.25


@pytest.mark.parametrize("inverted", [False, True])
def test_gamma_keeps_order_mean_and_spread(inverted: bool) -> None:
    image = noise(8, 12, 13, 1)
    found = gamma(image, SEED, power=(0.7, 1.5), inverted=inverted).numpy()
    assert np.abs(found - image).max() > 0.1
    for before, after in zip(image.numpy(), found, strict=True):
        assert after.mean() == pytest.approx(before.mean(), abs=1e-5)
        assert after.std() == pytest.approx(before.std(), rel=1e-4)
        order = before.ravel().argsort()
        assert (np.diff(after.ravel()[order]) > -1e-5).all()


def test_gamma_of_two_squares() -> None:
    image = tf.constant([0.0, 0.25, 0.5, 1.0])[None, :, None, None]
    found = gamma(image, SEED, power=(2.0, 2.0), probability=1.0).numpy().ravel()
    squares = np.array([0.0, 0.0625, 0.25, 1.0])
    given = image.numpy().ravel()
    expected = (squares - squares.mean()) / squares.std() * given.std() + given.mean()
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_gamma_inverted_bends_the_negative() -> None:
    image = noise(2, 5, 5, 1)
    power = (1.4, 1.4)
    found = gamma(image, SEED, power=power, inverted=True, probability=1.0)
    np.testing.assert_allclose(found, -gamma(-image, SEED, power=power, probability=1.0))


def test_a_flat_image_stays_flat() -> None:
    image = tf.fill([2, 5, 5, 1], 3.0)
    for inverted in (False, True):
        found = gamma(image, SEED, power=(0.7, 1.5), inverted=inverted)
        np.testing.assert_allclose(found, image)


@pytest.mark.parametrize("transform", [contrast, gamma])
def test_range_and_shape_are_kept(transform) -> None:
    image = tf.random.stateless_uniform([20, 6, 5, 1], SEED)
    made = transform(image, SEED, amount=0.5).numpy()
    assert made.shape == image.shape
    assert made.min() >= 0
    assert made.max() <= 1


@pytest.mark.parametrize("transform", [brightness, contrast, gamma])
def test_each_image_is_changed_by_its_own_amount(transform) -> None:
    image = tf.random.stateless_uniform([20, 6, 5, 1], SEED)
    made = transform(image, SEED, amount=0.5)
    assert len(np.unique(np.round((made - image).numpy().reshape(20, -1).std(axis=1), 6))) > 15
    np.testing.assert_allclose(transform(image, SEED, amount=0.0), image, atol=1e-6)
    np.testing.assert_array_equal(transform(image, SEED, amount=0.5, probability=0.0), image)


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


def test_gamma_by_amount_inverted_is_that_of_the_negative() -> None:
    image = tf.random.stateless_uniform([4, 5, 6, 1], SEED)
    found = gamma(image, SEED, amount=0.5, inverted=True)
    np.testing.assert_allclose(found, 1 - gamma(1 - image, SEED, amount=0.5), atol=1e-6)
