"""Brightness and gamma of normalised images."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfmed.transforms.unbounded import brightness, gamma

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
    found = gamma(image, SEED, inverted=inverted, probability=1.0).numpy()
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
        found = gamma(image, SEED, inverted=inverted, probability=1.0)
        np.testing.assert_allclose(found, image)
