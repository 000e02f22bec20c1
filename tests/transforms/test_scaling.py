"""Windows and percentiles, against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfmed.transforms.scaling import clip_and_scale, percentile_window, standardise


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
