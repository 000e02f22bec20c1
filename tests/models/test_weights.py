"""First weights from files."""

import keras
import numpy as np
import pytest

from tfmed import models
from tfmed.errors import ConfigError, ReadError

SHAPE = (16, 16, 1)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    model = models.build("convnet", SHAPE, 3, seed=1)
    model.save(folder / "model.keras")
    model.save_weights(folder / "model.weights.h5")
    model.save(folder / "café model.keras")
    return folder, model


@pytest.mark.parametrize("name", ["model.keras", "model.weights.h5", "café model.keras"])
def test_weights_come_from_the_file(saved, name):
    folder, model = saved
    found = models.build("convnet", SHAPE, 3, weights=str(folder / name), seed=2)
    for their, our in zip(model.weights, found.weights, strict=True):
        np.testing.assert_array_equal(their, our)


def test_other_classes_begin_with_a_new_head_and_say_so(saved, monkeypatch):
    said = []
    monkeypatch.setattr("tfmed.models.weights.log.warning", said.append)
    folder, model = saved
    found = models.build("convnet", SHAPE, 5, weights=str(folder / "model.keras"), seed=2)
    np.testing.assert_array_equal(found.weights[0], model.weights[0])
    assert found.weights[-1].shape == (5,)
    assert "other classes" in said[0]


@pytest.mark.parametrize(
    ("name", "shape", "text"),
    [
        ("convnet", (28, 28, 1), "layer dense.* has weights .*expected"),
        ("resnet_small", SHAPE, "holds convnet with 5 layers of weights; resnet_small has"),
    ],
)
def test_another_network_is_refused_with_what_differs(saved, name, shape, text):
    folder, _ = saved
    with pytest.raises(ConfigError, match=text):
        models.build(name, shape, 3, weights=str(folder / "model.keras"))


def test_weights_alone_of_another_network_are_refused(saved):
    folder, _ = saved
    with pytest.raises(ConfigError, match="does not hold the weights of convnet"):
        models.build("convnet", (28, 28, 1), 3, weights=str(folder / "model.weights.h5"))


@pytest.mark.parametrize("name", ["bad.keras", "bad.weights.h5"])
def test_a_damaged_file_is_a_read_error(tmp_path, name):
    (tmp_path / name).write_bytes(b"not a model")
    with pytest.raises(ReadError, match=name):
        models.build("convnet", SHAPE, 3, weights=str(tmp_path / name))


def test_a_file_that_is_not_there_and_an_unknown_ending_are_told_apart(tmp_path):
    with pytest.raises(ReadError, match="no such weights file"):
        models.build("convnet", SHAPE, 3, weights=str(tmp_path / "none.h5"))
    (tmp_path / "x.bin").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"expected a .keras, .weights.h5 or .h5"):
        models.build("convnet", SHAPE, 3, weights=str(tmp_path / "x.bin"))


def test_a_lambda_in_a_file_is_not_run(tmp_path):
    image = keras.Input(SHAPE)
    model = keras.Model(image, keras.layers.Lambda(lambda x: x)(image))
    model.save(tmp_path / "lambda.keras")
    with pytest.raises(ReadError, match="cannot be loaded"):
        models.build("convnet", SHAPE, 3, weights=str(tmp_path / "lambda.keras"))


def test_the_input_range_follows_the_weights(tmp_path, saved):
    folder, _ = saved
    assert models.adapts_input("imagenet")
    assert models.adapts_input("resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5")
    assert not models.adapts_input("none")
    assert not models.adapts_input(str(folder / "model.keras"))
    image = keras.Input(SHAPE)
    scaled = keras.layers.Rescaling(2.0, -1.0, name="imagenet_range")(image)
    keras.Model(image, scaled).save(tmp_path / "adapted.keras")
    assert models.adapts_input(str(tmp_path / "adapted.keras"))
