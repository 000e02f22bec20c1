"""One training step by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfmed.task import MODEL
from tfmed.training import Settings, supervised

INPUTS = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.5]], np.float32)
TARGETS = np.array([[1.0], [0.0], [2.0]], np.float32)
RATE = 0.1


def _half_square(targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum((outputs - targets) ** 2, axis=-1) / 2


def _line(regulariser: keras.Regularizer | None = None) -> keras.Model:
    """`x0 - x1`."""
    given = keras.Input((2,))
    dense = keras.layers.Dense(1, use_bias=False, kernel_regularizer=regulariser)
    model = keras.Model(given, dense(given))
    model.set_weights([np.array([[1.0], [-1.0]])])
    return model


def _settings(batch_size: int) -> Settings:
    return Settings(optimizer="sgd", batch_size=batch_size, weight_decay=0.0)


@pytest.mark.parametrize("weights", [None, np.array([1.0, 0.5, 0.0], np.float32)])
def test_the_loss_is_divided_by_the_whole_batch_and_its_gradient_taken(
    weights: np.ndarray | None,
) -> None:
    model = _line()
    before = model.get_weights()[0]
    step = supervised(_half_square)({MODEL: model}, _settings(6), 2)
    step.set_rate(RATE)
    rest = () if weights is None else (weights,)
    share = step(INPUTS, TARGETS, *rest)
    counted = np.ones(3) if weights is None else weights
    error = INPUTS @ before - TARGETS  # -2, 4, -2
    assert float(share) == pytest.approx((counted * error[:, 0] ** 2 / 2).sum() / 6)
    gradient = (INPUTS.T * counted) @ error / 6
    # Nesterov's first step with momentum 0.9 goes 1.9 times as far as plain descent.
    np.testing.assert_allclose(
        model.get_weights()[0], before - 1.9 * RATE * gradient, rtol=1e-5, atol=1e-6
    )


def test_losses_of_layers_are_shared_out_over_devices() -> None:
    model = _line(keras.regularizers.L2(0.5))
    step = supervised(_half_square)({MODEL: model}, _settings(3), 4)
    plain = (np.array([-2.0, 4.0, -2.0]) ** 2 / 2).sum() / 3
    assert float(step(INPUTS, TARGETS)) == pytest.approx(plain + 0.5 * 2 / 4)


def test_a_loss_sees_every_output_in_float32() -> None:
    given = keras.Input((2,))
    outputs = [keras.layers.Dense(1, dtype="mixed_float16")(given) for _ in range(2)]
    seen: list[tf.DType] = []

    def loss(targets: tf.Tensor, found: list[tf.Tensor]) -> tf.Tensor:
        seen.extend(one.dtype for one in found)
        return tf.add_n([_half_square(targets, one) for one in found])

    step = supervised(loss)({MODEL: keras.Model(given, outputs)}, _settings(3), 1)
    step(INPUTS, TARGETS)
    assert seen == [tf.float32] * 2


def test_what_changes_beside_the_network_is_told() -> None:
    model = _line()
    step = supervised(_half_square)({MODEL: model}, _settings(3), 1)
    before = [variable.numpy() for variable in step.variables()]
    step(INPUTS, TARGETS)
    after = [variable.numpy() for variable in step.variables()]
    shapes = [value.shape for value in before]
    assert (2, 1) in shapes  # the momentum of the kernel
    assert any(not np.array_equal(one, other) for one, other in zip(before, after, strict=True))
