"""What is exported: pixel codes, the temperature layer, folds."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfmed.errors import ConfigError, DataError, ExportError
from tfmed.tasks.recognition.recogniser import Classifier, Temperature
from tfmed.export.pixels import PixelCode
from tfmed.transforms.prepare import Preprocessing


@pytest.mark.parametrize(
    ("minimum", "maximum", "bits", "code"),
    [
        (0, 255, 8, PixelCode(8, 1, 0)),
        (0, 4095, 12, PixelCode(16, 1, 0)),
        (0, 200, 16, PixelCode(16, 1, 0)),
        (0, 1000, 8, PixelCode(16, 1, 0)),
        (-1024, 3071, 12, PixelCode(16, 1, -32768)),
    ],
)
def test_the_pixel_code_follows_the_data(minimum, maximum, bits, code):
    assert PixelCode.of(minimum, maximum, bits) == code


@pytest.mark.parametrize("intercept", [0, -32768])
def test_a_16_bit_code_keeps_every_value(intercept):
    code = PixelCode(16, 1, intercept)
    image = np.array([[0, 1], [4095, 32767]], np.float32)[..., None]
    decoded = tf.io.decode_png(code.encode(image), dtype=tf.uint16).numpy().astype(float)
    assert np.array_equal(decoded + intercept, image)


@pytest.mark.parametrize("value", [-1.0, 256.0, 0.5, np.nan])
def test_a_code_refuses_values_that_it_cannot_hold(value):
    with pytest.raises(DataError):
        PixelCode(8).encode(np.full((2, 2, 1), value))


def test_a_png_carries_only_8_or_16_bits():
    with pytest.raises(ConfigError, match="not 12"):
        PixelCode(12)


def test_the_temperature_layer_survives_saving(tmp_path):
    logits = keras.Input((2,))
    keras.Model(logits, Temperature(2.5)(logits)).save(tmp_path / "m.keras")
    model = keras.models.load_model(tmp_path / "m.keras")
    assert np.allclose(model(np.array([[5.0, -1.0]])), [[2.0, -0.4]])


def test_folds_are_the_mean_of_calibrated_probabilities(classifiers):
    classifier = classifiers["ct"]
    image = np.random.default_rng(0).normal(size=(4, 16, 24, 1)).astype(np.float32)
    folds = []
    for model, temperature in zip(classifier.models, classifier.temperatures, strict=True):
        power = np.exp(np.asarray(model(image)) / temperature)
        folds.append(power / power.sum(axis=1, keepdims=True))
    assert np.allclose(classifier.network()(image), np.mean(folds, axis=0), atol=1e-6)


def test_an_export_needs_float32(classifiers):
    grey = classifiers["grey"]
    image = keras.Input((28, 28, 1))
    flat = keras.layers.GlobalAveragePooling2D(dtype="mixed_bfloat16")(image)
    low = keras.Model(image, keras.layers.Dense(2, dtype="float32")(flat))
    with pytest.raises(ExportError, match="bfloat16"):
        Classifier((low,), grey.preprocessing, (1.0,), grey.classes)


def test_model_and_preprocessing_must_fit(classifiers):
    grey = classifiers["grey"]
    with pytest.raises(ExportError, match="28, 28, 1"):
        Classifier(grey.models, Preprocessing((32, 32), 1), (1.0,), grey.classes)
    with pytest.raises(ExportError, match="3 classes"):
        Classifier(grey.models, grey.preprocessing, (1.0,), ("a", "b", "c"))
    with pytest.raises(ConfigError, match="temperature"):
        Classifier(grey.models, grey.preprocessing, (1.0, 2.0), grey.classes)
