"""Fused batch normalisation against Keras' own."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tfmed.training.fused import FusedBatchNormalization, fused


def _network(shape: tuple[int, ...], **options: object) -> keras.Model:
    image = keras.Input(shape)
    kind = layers.Conv2D if len(shape) == 3 else layers.Conv3D
    tensor = layers.BatchNormalization(momentum=0.9, name="norm", **options)(kind(6, 3)(image))
    return keras.Model(image, layers.Flatten()(tensor))


def _trained(model: keras.Model, images: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    with tf.GradientTape() as tape:
        outputs = model(images, training=True)
        loss = tf.reduce_sum(tf.sin(outputs))
    gradients = tape.gradient(loss, [item.value for item in model.trainable_variables])
    return np.asarray(outputs), [np.asarray(gradient) for gradient in gradients]


@pytest.mark.parametrize("shape", [(9, 8, 2), (5, 6, 7, 1)])
@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}])
def test_outputs_gradients_and_statistics_are_those_of_keras(
    shape: tuple[int, ...], options: dict[str, object]
) -> None:
    plain = _network(shape, **options)
    quick = fused(plain)
    assert isinstance(quick.get_layer("norm"), FusedBatchNormalization)
    images = np.random.default_rng(0).normal(2.0, 3.0, (4, *shape)).astype("float32")
    ours, gradients = _trained(quick, images)
    theirs, expected = _trained(plain, images)
    np.testing.assert_allclose(ours, theirs, atol=2e-5)
    for mine, other in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-3, atol=1e-3)
    for mine, other in zip(quick.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(quick(images), plain(images), atol=2e-5)


def test_a_frozen_layer_keeps_its_statistics() -> None:
    plain = _network((9, 8, 2))
    plain.get_layer("norm").trainable = False
    quick = fused(plain)
    before = [value.copy() for value in quick.get_weights()]
    quick(np.ones((2, 9, 8, 2), "float32"), training=True)
    for value, old in zip(quick.get_weights(), before, strict=True):
        np.testing.assert_array_equal(value, old)


def test_a_network_without_batch_normalisation_is_left_as_it_is() -> None:
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2), layers.BatchNormalization()])
    assert fused(model) is model
