"""What every network for segmentation keeps."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from through_tflite import from_keras

from tfmed import models
from tfmed.errors import ConfigError, ReadError
from tfmed.models.segmenters import SEGMENTERS

FLAT = {
    "features": (4, 8, 8, 8),
    "strides": ((1, 1), (2, 2), (2, 2), (2, 2)),
    "kernels": ((3, 3), (3, 3), (3, 3), (3, 3)),
}
# Slices far apart: the first two stages see and halve only within a slice.
DEEP = {
    "features": (4, 8, 8, 8),
    "strides": ((1, 1, 1), (1, 2, 2), (2, 2, 2), (1, 2, 1)),
    "kernels": ((1, 3, 3), (1, 3, 3), (3, 3, 3), (3, 3, 3)),
}
SIZES = {2: (16, 24), 3: (4, 16, 8)}
VOLUMES = [name for name in SEGMENTERS if name != "deeplab_v3_plus"]
ALL = [*[(name, FLAT) for name in SEGMENTERS], *[(name, DEEP) for name in VOLUMES]]


def over(rows):
    return pytest.mark.parametrize(
        ("name", "stages"),
        [
            pytest.param(
                name,
                stages,
                id=f"{name}-{len(stages['strides'][0])}d",
                marks=pytest.mark.slow if name == "deeplab_v3_plus" else (),
            )
            for name, stages in rows
        ],
    )


every = over(ALL)
# DeepLabV3+ has one output, and its backbone is tested as a classifier.
nested = over([row for row in ALL if row[0] != "deeplab_v3_plus"])


@pytest.fixture(autouse=True)
def forget_graphs():
    yield
    keras.backend.clear_session()


def image(stages, batch=2, channels=2):
    shape = (batch, *SIZES[len(stages["strides"][0])], channels)
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@nested
def test_logits_have_the_size_of_the_image_and_the_finest_come_first(name, stages):
    model = models.build_segmenter(name, 2, 3, deep_supervision=True, **stages)
    found = model(image(stages), training=True)
    sides = [tuple(part.shape[1:-1]) for part in found]
    assert sides[0] == image(stages).shape[1:-1]
    assert all(part.dtype == tf.float32 and part.shape[-1] == 3 for part in found)
    assert sides == sorted(sides, reverse=True)
    assert len(found) > 1
    alone = models.without_supervision(model)
    assert alone.output_names[0].startswith("logits")
    np.testing.assert_array_equal(alone(image(stages)), found[0])
    assert not [layer for layer in model.layers if isinstance(layer, keras.Model)]


@pytest.mark.slow
@every
def test_a_network_is_equal_after_saving_and_safe_loading_and_in_tflite(name, stages, tmp_path):
    model = models.build_segmenter(name, 2, 3, **stages)
    for variable in model.trainable_variables:
        if len(variable.shape) == 1:  # Scales, shifts and biases, which begin as 1 and 0.
            variable.assign(variable + 0.1 * np.random.default_rng(1).normal(size=variable.shape))
    values = image(stages, batch=1)
    expected = model(values, training=False).numpy()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(again(values, training=False), expected, atol=1e-5)
    filled = models.build_segmenter(
        name, 2, 3, weights=str(tmp_path / "model.keras"), seed=7, **stages
    )
    np.testing.assert_allclose(filled(values, training=False), expected, atol=1e-5)
    np.testing.assert_allclose(from_keras(model, values), expected, atol=1e-4)


@nested
def test_every_weight_learns(name, stages):
    model = models.build_segmenter(name, 2, 3, deep_supervision=True, **stages)
    with tf.GradientTape() as tape:
        loss = tf.add_n(
            [tf.reduce_sum(tf.sin(part)) for part in model(image(stages), training=True)]
        )
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.path
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("name", SEGMENTERS)
def test_logits_stay_float32_in_mixed_precision(name):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = models.build_segmenter(name, 2, 3, **FLAT)
    finally:
        keras.config.set_dtype_policy("float32")
    plain = models.build_segmenter(name, 2, 3, **FLAT)
    plain.set_weights(model.get_weights())
    found = model(image(FLAT), training=False)
    assert found.dtype == tf.float32
    expected = plain(image(FLAT), training=False)
    assert np.abs(found - expected).mean() < 0.05 * np.abs(expected).mean()


@pytest.mark.parametrize("name", VOLUMES)
def test_first_weights_follow_the_seed(name):
    first, same, other = (
        models.build_segmenter(name, 1, 2, seed=seed, **FLAT).get_weights() for seed in (1, 1, 2)
    )
    assert all(np.array_equal(*pair) for pair in zip(first, same, strict=True))
    assert any(not np.array_equal(*pair) for pair in zip(first, other, strict=True))


@pytest.mark.parametrize(
    ("name", "changes", "text"),
    [
        ("unett", {}, "did you mean 'unet'"),
        ("unet", {"features": (4, 8)}, "2, 4 and 4 rows"),
        ("unet", {"strides": ((2, 2),) * 4}, "expected all 1"),
        ("unet", {"kernels": ((3, 3), (3, 3), (3, 3), (3, 3, 3))}, "lengths .2, 3."),
        ("unet", {"kernels": ((3, 3), (3, 3), (3, 3), (0, 3))}, "at least 1"),
        ("unet", {"weights": "imagenet"}, "no ImageNet weights"),
    ],
)
def test_a_wrong_setting_names_itself(name, changes, text):
    with pytest.raises(ConfigError, match=text):
        models.build_segmenter(name, 1, 2, **{**FLAT, **changes})


def test_background_alone_is_refused_and_so_is_a_missing_file():
    with pytest.raises(ConfigError, match="two classes"):
        models.build_segmenter("unet", 1, 1, **FLAT)
    with pytest.raises(ReadError, match="no such weights file"):
        models.build_segmenter("unet", 1, 2, weights="none.keras", **FLAT)


def test_a_file_without_the_lower_logits_fills_a_network_that_has_them(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr("tfmed.models.weights.log.warning", said.append)
    model = models.build_segmenter("unet", 1, 2, deep_supervision=True, seed=1, **FLAT)
    path = str(tmp_path / "model.keras")
    models.without_supervision(model).save(path)
    filled = models.build_segmenter(
        "unet", 1, 2, deep_supervision=True, weights=path, seed=2, **FLAT
    )
    values = image(FLAT, channels=1)
    np.testing.assert_allclose(filled(values)[0], model(values)[0], atol=1e-5)
    assert len(said) == 1
    assert "does not have it: the layer logits_1 begins anew" in said[0]
