"""Resize by means and by interpolation, crop and pad, by hand."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfmed.transforms import resize

SEED = tf.constant([3, 4], tf.int32)


def ramp(*shape: int) -> tf.Tensor:
    return tf.reshape(tf.range(np.prod(shape), dtype=tf.float32), shape)


def test_shrinking_takes_means_over_areas() -> None:
    image = ramp(1, 4, 6, 1)
    expected = image.numpy().reshape(2, 2, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(resize(image, (2, 2))[0, ..., 0], expected)


def test_a_pixel_that_lies_in_two_areas_counts_by_its_parts() -> None:
    image = tf.reshape(tf.constant([0.0, 3.0, 9.0]), [1, 1, 3, 1])
    # Areas [0, 1.5) and [1.5, 3): (0 + 3 / 2) / 1.5 and (3 / 2 + 9) / 1.5.
    np.testing.assert_allclose(resize(image, (1, 2))[0, 0, :, 0], [1.0, 7.0], rtol=1e-6)


def test_growing_interpolates_between_centres() -> None:
    image = tf.reshape(tf.constant([0.0, 4.0]), [1, 1, 2, 1])
    np.testing.assert_allclose(resize(image, (1, 4))[0, 0, :, 0], [0, 1, 3, 4])


def test_each_axis_has_its_own_rule() -> None:
    image = tf.constant([[0.0, 4.0], [2.0, 6.0]])[None, ..., None]
    np.testing.assert_allclose(resize(image, (1, 4))[0, 0, :, 0], [1, 2, 4, 5])


def test_depth_follows_the_same_rule() -> None:
    volume = tf.tile(tf.reshape(tf.constant([0.0, 4.0]), [1, 2, 1, 1, 1]), [1, 1, 3, 3, 2])
    np.testing.assert_allclose(resize(volume, (4, 3, 3))[0, :, 0, 0, 1], [0, 1, 3, 4])
    np.testing.assert_allclose(resize(volume, (1, 3, 3))[0, :, 2, 1, 0], [2])


@given(st.tuples(*[st.integers(1, 12)] * 4))
@settings(max_examples=40, deadline=None)
def test_a_constant_stays_and_nothing_leaves_the_range(lengths: tuple[int, ...]) -> None:
    height, width, *size = lengths
    constant = resize(tf.fill([1, height, width, 1], 7.5), size)
    np.testing.assert_allclose(constant, 7.5, rtol=1e-6)
    image = tf.random.stateless_uniform([1, height, width, 1], SEED)
    made = resize(image, size).numpy()
    assert made.min() >= image.numpy().min() - 1e-6
    assert made.max() <= image.numpy().max() + 1e-6
