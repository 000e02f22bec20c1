"""The small residual network."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfmed import models


@pytest.mark.parametrize(
    ("shape", "norm"), [((8, 8, 1), "batch"), ((8, 8, 1), "group"), ((8, 8, 8, 2), "batch")]
)
def test_it_learns_to_tell_bright_from_dark(shape, norm):
    model = models.build("resnet_small", shape, 2, norm=norm, seed=1)
    label = np.arange(16) % 2
    noise = np.random.default_rng(0).normal(size=(16, *shape)).astype(np.float32)
    image = tf.constant(noise + label.reshape(-1, *[1] * len(shape)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(1e-3)
    values = []
    for _ in range(8):
        with tf.GradientTape() as tape:
            value = loss(label, model(image, training=True))
        gradients = tape.gradient(value, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        values.append(float(value))
    assert values[-1] < 0.5 * values[0]


def test_batch_norm_is_the_synchronised_one_and_group_norm_has_no_state():
    batch = models.build("resnet_small", (16, 16, 1), 2)
    found = [layer for layer in batch.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert found
    assert all(layer.synchronized for layer in found)
    group = models.build("resnet_small", (16, 16, 1), 2, norm="group")
    assert not group.non_trainable_weights


def test_residual_blocks_begin_as_the_identity():
    model = models.build("resnet_small", (16, 16, 1), 2)
    zero = [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization) and not layer.gamma.numpy().any()
    ]
    # Three stages of two blocks.
    assert len(zero) == 6


@pytest.mark.parametrize(
    ("side", "last"),
    [
        (28, (7, 7, 128)),
        (48, (6, 6, 128)),
        (64, (4, 4, 128)),
        (128, (8, 8, 128)),
        (256, (8, 8, 256)),
    ],
)
def test_the_last_features_keep_a_useful_size(side, last):
    model = models.build("resnet_small", (side, side, 1), 2)
    pooled = next(layer for layer in model.layers if layer.name.startswith("global_average"))
    assert tuple(pooled.input.shape[1:]) == last
    keras.backend.clear_session()


def test_other_sizes_and_channels_are_taken():
    assert models.build("resnet_small", (9, 33, 5), 4).output_shape == (None, 4)
