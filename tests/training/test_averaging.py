"""The moving average against its formula."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from tfmed.training.averaging import EVERY_STEPS, MovingAverage


def _model() -> keras.Model:
    return keras.Sequential([keras.Input((2,)), keras.layers.BatchNormalization()])


def _set(model: keras.Model, value: float) -> None:
    model.set_weights([np.full_like(weight, value) for weight in model.get_weights()])


def test_the_average_follows_all_weights_by_a_growing_decay() -> None:
    model = _model()
    _set(model, 0.0)
    average = MovingAverage([model], 0.5, tf.distribute.get_strategy())
    expected = 0.0
    for step in range(1, 13):
        _set(model, float(step))
        average.update(tf.constant(step, tf.int64))
        if step <= EVERY_STEPS or step % EVERY_STEPS == 0:
            power = 1 if step <= EVERY_STEPS else EVERY_STEPS
            decay = min(0.5, (1 + step) / (10 + step)) ** power
            expected = decay * expected + (1 - decay) * step
    assert len(average.variables) == 4  # Scale, offset and both statistics.
    for variable in average.variables:
        np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-6)


def test_a_training_of_one_step_is_in_the_average() -> None:
    model = _model()
    _set(model, 0.0)
    average = MovingAverage([model], 0.999, tf.distribute.get_strategy())
    _set(model, 1.0)
    tf.function(average.update)(tf.constant(1, tf.int64))
    for variable in average.variables:
        np.testing.assert_allclose(variable.numpy(), 9 / 11, rtol=1e-6)


def test_a_model_has_its_own_weights_back_after_its_averaged_ones() -> None:
    model = _model()
    _set(model, 1.0)
    average = MovingAverage([model], 0.9, tf.distribute.get_strategy())
    _set(model, 5.0)
    with average.in_place():
        assert all(np.all(weight == 1.0) for weight in model.get_weights())
    assert all(np.all(weight == 5.0) for weight in model.get_weights())
