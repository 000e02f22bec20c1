"""What stands behind the outputs of a network, and what is checked of them."""

import keras
import numpy as np
import pytest
from export.samples import network

from tfmed.errors import ConfigError, ExportError
from tfmed.export.tail import Temperature, check_float32, check_outputs, mean_of


def test_the_temperature_layer_survives_saving(tmp_path):
    logits = keras.Input((2,))
    keras.Model(logits, Temperature(2.5)(logits)).save(tmp_path / "m.keras")
    model = keras.models.load_model(tmp_path / "m.keras")
    assert np.allclose(model(np.array([[5.0, -1.0]])), [[2.0, -0.4]])


def test_a_temperature_is_above_0():
    with pytest.raises(ConfigError, match="above 0, not 0"):
        Temperature(0.0)


def test_answers_of_folds_are_averaged_and_a_single_one_is_itself():
    folds = [network((8, 8, 1), seed=seed) for seed in range(2)]
    image = np.random.default_rng(0).normal(size=(3, 8, 8, 1)).astype(np.float32)
    mean = mean_of(folds, keras.Input((8, 8, 1)))
    assert np.allclose(mean(image), (folds[0](image) + folds[1](image)) / 2, atol=1e-6)
    assert mean_of(folds[:1], keras.Input((8, 8, 1))) is folds[0]


def test_a_network_in_mixed_precision_is_refused():
    image = keras.Input((28, 28, 1))
    flat = keras.layers.GlobalAveragePooling2D(dtype="mixed_bfloat16")(image)
    low = keras.Model(image, keras.layers.Dense(2, dtype="float32")(flat))
    with pytest.raises(ExportError, match="bfloat16"):
        check_float32(low)
    check_float32(network((8, 8, 1)))


def test_a_last_layer_of_another_width_is_refused():
    with pytest.raises(ExportError, match="gives 2 logits for 3 classes"):
        check_outputs(network((8, 8, 1)), 3, "classes")
