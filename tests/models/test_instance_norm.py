"""Instance normalisation against Keras' own, by both of its ways."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfmed.models.instance_norm import InstanceNormalization


@pytest.mark.parametrize("shape", [(3, 5, 6, 4), (2, 3, 4, 5, 4), (9, 5, 6, 4)])
@pytest.mark.parametrize("batch_is_known", [True, False])
def test_it_and_its_gradients_equal_group_normalization(shape, batch_is_known):
    random = np.random.default_rng(0)
    values = (3 + 2 * random.normal(size=shape)).astype(np.float32)
    towards = random.normal(size=shape).astype(np.float32)
    scale, shift = random.normal(size=(2, 4)).astype(np.float32)
    ours = InstanceNormalization(slope=0.01)
    theirs = keras.layers.GroupNormalization(groups=-1, epsilon=ours.epsilon)
    for layer in (ours, theirs):
        layer.build(shape)
        layer.set_weights([scale, shift])

    def answers(function):
        known = shape if batch_is_known else (None, *shape[1:])

        @tf.function(input_signature=[tf.TensorSpec(known)])
        def run(image):
            with tf.GradientTape() as tape:
                tape.watch(image)
                found = function(image)
            return found, tape.gradient(found, image, output_gradients=towards)

        return run(values)

    expected = answers(lambda image: tf.nn.leaky_relu(theirs(image), 0.01))
    for found, other in zip(answers(ours), expected, strict=True):
        np.testing.assert_allclose(found, other, atol=2e-5)
