"""What every network of the table keeps."""

import keras
import numpy as np
import pytest

from tfmed import models
from tfmed.errors import ConfigError
from tfmed.models.backbones import BACKBONES

OWN = ("convnet", "resnet_small")
# Saved and read again: those with layers of their own kind.
SAVED = (*OWN, "mobilenet_v3_small", "convnext_tiny")
# Like a smaller one of their family, but for depth.
DEEP = ("resnet101", "densenet169", "efficientnet_v2_b1", "efficientnet_v2_b2",
        "efficientnet_v2_b3", "convnext_small")  # fmt: skip


def least(name):
    return BACKBONES[name].least if name in BACKBONES else 12


@pytest.fixture(autouse=True)
def forget_graphs():
    yield
    keras.backend.clear_session()


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name in DEEP else ()) for name in models.MODELS],
)
def test_a_network_is_flat_enough_and_gives_float32_logits(name):
    size = least(name)
    model = models.build(name, (size, size, 1), 3)
    assert model.name == name
    assert model.input_shape == (None, size, size, 1)
    assert model.output_shape == (None, 3)
    assert model.output.dtype == "float32"
    assert model.layers[-1].name == "logits"
    # ConvNeXt's stem and downsampling are Sequential in Keras; nothing else is nested.
    nested = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    assert not nested or name.startswith("convnext")


@pytest.mark.parametrize("name", SAVED)
def test_a_network_is_equal_after_saving_and_safe_loading(name, tmp_path):
    size = least(name)
    model = models.build(name, (size, size, 2), 3, dropout=0.1)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    image = np.random.default_rng(0).random((1, size, size, 2), np.float32)
    np.testing.assert_allclose(
        model(image, training=False), again(image, training=False), atol=1e-6
    )


@pytest.mark.parametrize("name", ["convnet", "resnet_small", "mobilenet_v3_small"])
def test_first_weights_follow_the_seed(name):
    size = least(name)

    def kernels(seed):
        model = models.build(name, (size, size, 1), 2, seed=seed)
        return [weight.numpy().ravel()[:8] for weight in model.trainable_weights]

    first = kernels(1)
    assert all(np.array_equal(*pair) for pair in zip(first, kernels(1), strict=True))
    assert any(not np.array_equal(*pair) for pair in zip(first, kernels(2), strict=True))


@pytest.mark.parametrize("name", OWN)
def test_own_networks_keep_float32_logits_in_mixed_precision(name):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = models.build(name, (16, 16, 1), 2)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model(np.zeros((1, 16, 16, 1), np.float32)).dtype == "float32"


@pytest.mark.parametrize(
    ("name", "shape", "options", "text"),
    [
        ("resnet_smal", (28, 28, 1), {}, "did you mean 'resnet_small'"),
        ("convnet", (28, 28), {}, "expected .height, width, channels."),
        ("convnet", (8, 28, 1), {}, "at least 12 pixels a side, got 8x28.*resnet_small"),
        ("inception_v3", (64, 64, 3), {}, "at least 75 pixels a side, got 64x64.*resnet_small"),
        ("resnet50", (28, 28, 1), {}, "at least 32 pixels"),
        ("resnet50", (32, 32, 32, 1), {}, "two dimensions.*resnet_small"),
        ("resnet50", (32, 32, 1), {"norm": "group"}, "batch norm only"),
        ("resnet_small", (28, 28, 1), {"norm": "layer"}, "expected one of batch, group"),
        ("resnet_small", (28, 28, 1), {"dropout": 1.0}, "dropout is 1.0"),
        ("resnet_small", (28, 28, 1), {"weights": "imagenet"}, "no ImageNet weights"),
        ("resnet50", (32, 32, 2), {"weights": "imagenet"}, "grey or colour images, got 2"),
    ],
)
def test_a_wrong_setting_names_itself_and_a_way_on(name, shape, options, text):
    with pytest.raises(ConfigError, match=text):
        models.build(name, shape, 2, **options)


def test_no_class_is_refused():
    with pytest.raises(ConfigError, match="at least one class"):
        models.build("convnet", (28, 28, 1), 0)
