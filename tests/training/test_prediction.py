"""Predictions over a data set and the float32 rebuild."""

from __future__ import annotations

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tfmed.training import float32, logits


def _model() -> keras.Model:
    return keras.Sequential([keras.Input((3,)), layers.Dense(2, name="logits")])


def test_predictions_keep_the_order_and_leave_out_padding() -> None:
    model = _model()
    images = np.arange(21, dtype=np.float32).reshape(7, 3)
    padded = np.concatenate([images, np.zeros((1, 3), np.float32)])
    found = logits(model, tf.data.Dataset.from_tensor_slices(padded).batch(4), 7)
    kernel, bias = model.get_weights()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, images @ kernel + bias, rtol=1e-5)


def test_changed_weights_count_at_once() -> None:
    model = _model()
    images = tf.data.Dataset.from_tensor_slices(np.ones((2, 3), np.float32)).batch(2)
    logits(model, images, 2)
    model.set_weights([np.zeros((3, 2)), np.full(2, 4.0)])
    np.testing.assert_array_equal(logits(model, images, 2), np.full((2, 2), 4.0))


def test_too_few_images_are_an_error() -> None:
    images = tf.data.Dataset.from_tensor_slices(np.ones((2, 3), np.float32)).batch(2)
    with pytest.raises(ValueError, match="at least 3"):
        logits(_model(), images, 3)


def test_a_model_that_was_asked_can_be_forgotten() -> None:
    model = _model()
    logits(model, tf.data.Dataset.from_tensors(np.ones((1, 3), np.float32)), 1)
    reference = weakref.ref(model)
    del model
    gc.collect()
    assert reference() is None


def test_the_rebuild_computes_in_float32_with_the_same_weights() -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        image = keras.Input((8, 8, 1))
        tensor = layers.BatchNormalization()(layers.Conv2D(4, 3)(image))
        pooled = layers.TimeDistributed(layers.Dense(3))(layers.Reshape((6, 24))(tensor))
        model = keras.Model(image, layers.Dense(2)(layers.Flatten()(pooled)))
    finally:
        keras.config.set_dtype_policy("float32")
    rebuilt = float32(model)
    layer_types = [layer for layer in rebuilt._flatten_layers() if layer is not rebuilt]
    assert {layer.compute_dtype for layer in layer_types} == {"float32"}
    for mine, other in zip(rebuilt.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype("float32")
    np.testing.assert_allclose(
        rebuilt(images), tf.cast(model(images), tf.float32), rtol=0.05, atol=0.05
    )
