"""The fused optimizers against Keras' own."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfmed.training import Settings, optimizers

DECAY = 0.1


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_fused_updates_equal_those_of_keras(name: str) -> None:
    random = np.random.default_rng(0)
    first = [random.normal(size=shape).astype("float32") for shape in ((3, 4), (4,))]
    ours = [keras.Variable(value) for value in first]
    theirs = [keras.Variable(value) for value in first]
    optimizer = optimizers.build(
        Settings(optimizer=name, learning_rate=0.02, weight_decay=DECAY), ours
    )
    if name == "sgd":
        oracle = keras.optimizers.SGD(0.02, momentum=0.9, nesterov=True, weight_decay=DECAY)
    else:
        decay = DECAY if name == "adamw" else None
        oracle = keras.optimizers.Adam(0.02, weight_decay=decay)
    oracle.build(theirs)
    oracle.exclude_from_weight_decay(var_list=[theirs[1]])
    for _ in range(5):
        gradients = [random.normal(size=value.shape).astype("float32") for value in first]
        optimizer.apply([keras.ops.convert_to_tensor(item) for item in gradients], ours)
        oracle.apply([keras.ops.convert_to_tensor(item) for item in gradients], theirs)
    for mine, expected in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine.numpy(), expected.numpy(), rtol=2e-6, atol=2e-6)


def test_float16_gets_loss_scaling() -> None:
    optimizer = optimizers.build(Settings(precision="mixed_float16"), [keras.Variable([1.0])])
    assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
