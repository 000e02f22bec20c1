"""Networks of keras.applications: the range of ImageNet's weights, and downloads that fail."""

import h5py
import keras
import numpy as np
import pytest
from keras import applications
from keras.applications import densenet, inception_v3, vgg16
from keras.src.legacy.saving import legacy_h5_format

from tfmed import models
from tfmed.errors import ReadError
from tfmed.models.backbones import IMAGENET_MEAN, IMAGENET_STD, _adapt


@pytest.fixture(autouse=True)
def forget_graphs():
    yield
    keras.backend.clear_session()


@pytest.mark.parametrize(
    ("convention", "preprocess"),
    [
        ("caffe", vgg16.preprocess_input),
        ("torch", densenet.preprocess_input),
        ("tf", inception_v3.preprocess_input),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_the_first_layers_do_what_keras_own_preprocessing_does(
    convention, preprocess, channels, tmp_path
):
    image = keras.Input((4, 4, channels))
    model = keras.Model(image, _adapt(image, convention, "x"))
    pixels = np.random.default_rng(0).random((2, 4, 4, channels)).astype(np.float32)
    colour = np.repeat(pixels, 3, axis=-1) if channels == 1 else pixels
    expected = preprocess(colour.copy() * 255)
    np.testing.assert_allclose(model(pixels), expected, atol=1e-4)
    model.save(tmp_path / "adapt.keras")
    again = keras.models.load_model(tmp_path / "adapt.keras", safe_mode=True)
    np.testing.assert_allclose(again(pixels), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "function"),
    [("convnext_tiny", "ConvNeXtTiny"), ("mobilenet_v3_small", "MobileNetV3Small")],
)
def test_a_released_file_gives_the_features_of_keras_own_network(name, function, tmp_path):
    make = getattr(applications, function)
    # With its own preprocessing layers: an oracle of ours.
    theirs = make(include_top=False, weights=None, input_shape=(96, 96, 3))
    path = str(tmp_path / "weights_notop.h5")
    with h5py.File(path, "w") as file:
        # The layout of the files that Keras releases.
        legacy_h5_format.save_weights_to_hdf5_group(file, theirs)
    ours = models.build(name, (96, 96, 3), 2, weights=path, seed=5)
    pooled = next(layer for layer in ours.layers if layer.name.startswith("global_average"))
    features = keras.Model(ours.input, pooled.input)
    pixels = np.random.default_rng(0).random((1, 96, 96, 3)).astype(np.float32)
    np.testing.assert_allclose(
        features(pixels, training=False), theirs(pixels * 255, training=False), atol=1e-4
    )


def test_a_download_that_fails_says_how_to_go_on(monkeypatch):
    def fail(*_, **__):
        raise Exception("URL fetch failure on https://example.org: no route")

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", fail)
    with pytest.raises(ReadError, match=r"URL fetch failure.*--weights none.*--weights FILE"):
        models.build("mobilenet_v3_small", (32, 32, 1), 2, weights="imagenet")


def test_imagenets_numbers_are_those_of_keras():
    assert densenet.preprocess_input(np.zeros((1, 1, 3))).ravel() == pytest.approx(
        -np.array(IMAGENET_MEAN) / IMAGENET_STD
    )
