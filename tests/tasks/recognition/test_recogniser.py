"""Networks that answer for whole examples, whatever runs them."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from export.samples import GREY, answers_of, grey_images, recogniser

from tfmed.errors import ConfigError, ExportError
from tfmed.export import backends
from tfmed.export.runner import Runner
from tfmed.transforms.prepare import Preprocessing, prepare, resample


@pytest.mark.parametrize("name", ["ct", "colour"])
def test_folds_are_the_mean_of_calibrated_probabilities(recognisers, name):
    predictor = recognisers[name]
    image = np.random.default_rng(0).normal(size=(4, *predictor.input_shape)).astype(np.float32)
    folds = []
    for model, chosen in zip(predictor.models, predictor.chosen, strict=True):
        power = np.exp(np.asarray(model(image)) / chosen["temperature"])
        # Three classes exclude each other, four labels do not.
        folds.append(power / (power.sum(axis=1, keepdims=True) if name == "ct" else 1 + power))
    assert np.allclose(predictor.network()(image), np.mean(folds, axis=0), atol=1e-6)


def test_images_of_any_size_are_resampled_and_those_of_its_size_are_not(recognisers):
    predictor, images = recognisers["grey"], grey_images(3)
    network = predictor.network()
    alone = [network(prepare(one[None].astype(np.float32), GREY))[0] for one in images]
    assert np.allclose(answers_of(predictor, images), alone, atol=1e-6)
    same = np.random.default_rng(0).uniform(0, 255, (3, 28, 28, 1)).astype(np.float32)
    assert np.allclose(answers_of(predictor, same), network(predictor.normalise(same)), atol=1e-6)
    assert answers_of(predictor, []).shape == (0, 2)


def test_an_export_needs_float32(recognisers):
    grey = recognisers["grey"]
    image = keras.Input((28, 28, 1))
    flat = keras.layers.GlobalAveragePooling2D(dtype="mixed_bfloat16")(image)
    low = keras.Model(image, keras.layers.Dense(2, dtype="float32")(flat))
    with pytest.raises(ExportError, match="bfloat16"):
        replace(grey, models=(low,))


def test_model_and_preprocessing_must_fit(recognisers):
    grey = recognisers["grey"]
    with pytest.raises(ExportError, match="28, 28, 1"):
        replace(grey, preprocessing=Preprocessing((32, 32), 1))
    with pytest.raises(ExportError, match="3 classes"):
        recogniser(grey.models, grey.preprocessing, (1.0,), ("a", "b", "c"))
    with pytest.raises(ConfigError, match="1 models, 2 choices"):
        recogniser(grey.models, grey.preprocessing, (1.0, 2.0), grey.answer.classes)
    with pytest.raises(ConfigError, match="0 models"):
        recogniser((), grey.preprocessing, (), grey.answer.classes)
    with pytest.raises(ConfigError, match="above 0"):
        recogniser(grey.models, grey.preprocessing, (0.0,), grey.answer.classes).network()


def test_an_opened_export_answers_alike_and_has_no_network_in_keras(recognisers, loaded):
    images = grey_images(3)
    opened = loaded["grey"].predictor
    assert opened.answer == recognisers["grey"].answer
    assert opened.input_shape == (28, 28, 1) and opened.planar and not opened.of_volumes
    live = answers_of(recognisers["grey"], images)
    assert np.allclose(answers_of(opened, images), live, atol=1e-6)
    with pytest.raises(ConfigError, match="only a run has them"):
        opened.network()


@pytest.mark.parametrize("variant", ["float32", "int8"])
def test_tflite_files_are_given_what_they_take(recognisers, whole, variant):
    predictor, images = recognisers["grey"], grey_images(3)
    file = whole[0] / "tflite" / f"{variant}.tflite"
    ready = [image[None].astype(np.float32) for image in images]
    ready = [(prepare if variant == "int8" else resample)(one, GREY)[0] for one in ready]
    found = answers_of(predictor.on(backends.tflite(file)), images)
    assert np.allclose(found, Runner(file).predict(ready)["probabilities"], atol=1e-6)


def test_clips_and_volumes_are_told_apart(recognisers):
    deep = recognisers["volume"]
    assert deep.of_volumes and not deep.planar
    clips = replace(deep.preprocessing, sampled=True)
    assert not replace(deep, preprocessing=clips).of_volumes
    assert "N, T, H, W, C" in str(replace(deep, preprocessing=clips).describe()["signatures"])
