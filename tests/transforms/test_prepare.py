"""Preprocessing: the same numbers whatever the shape is known of, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfmed.errors import ConfigError
from tfmed.io.frames import even_frames
from tfmed.transforms import Preprocessing, normalise, prepare, resample
from tfmed.transforms.prepare import match_channels


def images(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, np.float32) * 200 - 50


def dynamic(preprocessing: Preprocessing, channels: int) -> tf.types.experimental.GenericFunction:
    axes = [None] * (len(preprocessing.size) + 1)
    return tf.function(
        lambda image: prepare(image, preprocessing),
        input_signature=[tf.TensorSpec([*axes, channels], tf.float32)],
    )


@pytest.mark.parametrize("size", [(9, 9), (6, 5), (3, 9), (9, 3), (2, 2), (12, 5)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_graph_of_any_size_gives_what_direct_calls_give(
    size: tuple[int, int], channels: int
) -> None:
    preprocessing = Preprocessing((6, 5), 1, (-20.0, 100.0), 0.4, 0.2)
    image = images(3, *size, channels)
    expected = prepare(tf.constant(image), preprocessing)
    np.testing.assert_array_equal(dynamic(preprocessing, channels)(image), expected)
    alone = [prepare(tf.constant(one[None]), preprocessing)[0] for one in image]
    np.testing.assert_array_equal(np.stack(alone), expected)


@pytest.mark.parametrize("size", [(4, 9, 9), (6, 9, 4), (3, 6, 5), (9, 3, 8)])
def test_volumes_of_any_size(size: tuple[int, int, int]) -> None:
    preprocessing = Preprocessing((6, 6, 5), 1, (0.0, 1.0))
    image = images(2, *size, 1)
    expected = prepare(tf.constant(image), preprocessing)
    assert expected.shape == (2, 6, 6, 5, 1)
    np.testing.assert_array_equal(dynamic(preprocessing, 1)(image), expected)


def test_frames_of_a_clip_are_picked_and_never_blended() -> None:
    preprocessing = Preprocessing((3, 4, 5), 1, sampled=True)
    clip = images(2, 6, 8, 10, 1)
    made = resample(tf.constant(clip), preprocessing)
    # Of six frames 0, 2.5 and 5; half goes to the even one.
    still = Preprocessing((4, 5), 1)
    for place, frame in enumerate((0, 2, 5)):
        np.testing.assert_array_equal(made[:, place], resample(clip[:, frame], still))


def test_a_sampled_clip_is_as_it_is_sampled_by_its_reader() -> None:
    preprocessing = Preprocessing((7, 6, 5), 1, (0.0, 1.0), sampled=True)
    # Of 10 and of 34 frames the second lies at a half, 1.5 and 5.5.
    for length in (1, 2, 6, 7, 8, 10, 34):
        clip = images(2, length, 9, 4, 1)
        read = clip[:, even_frames(length, 7)]
        expected = prepare(tf.constant(read), preprocessing)
        np.testing.assert_array_equal(prepare(tf.constant(clip), preprocessing), expected)
        np.testing.assert_array_equal(dynamic(preprocessing, 1)(clip), expected)


def test_the_order_is_resample_then_window() -> None:
    image = np.array([[0.0, 200.0], [0.0, 0.0]], np.float32)[None, ..., None]
    made = prepare(tf.constant(image), Preprocessing((1, 1), 1, (0.0, 100.0)))
    # The mean of the four is 50, in the middle of the window; clipped first it would be 25.
    assert float(made[0, 0, 0, 0]) == 0.5


def test_a_right_static_shape_adds_no_operation() -> None:
    preprocessing = Preprocessing((8, 8), 1)
    graph = tf.function(lambda image: resample(image, preprocessing))
    concrete = graph.get_concrete_function(tf.TensorSpec([1, 8, 8, 1], tf.float32))
    kinds = {node.type for node in concrete.graph.get_operations()}
    assert kinds <= {"Placeholder", "Identity"}


def test_integers_of_any_type_become_float32() -> None:
    values = np.arange(16).reshape(1, 4, 4, 1)
    preprocessing = Preprocessing((2, 2), 1)
    expected = resample(tf.constant(values, tf.float32), preprocessing)
    for dtype in ("uint8", "uint16", "int16", "int32"):
        made = resample(tf.constant(values.astype(dtype)), preprocessing)
        np.testing.assert_array_equal(made, expected)


def test_channels() -> None:
    grey = tf.constant(images(2, 3, 3, 1))
    np.testing.assert_array_equal(match_channels(grey, 3), np.repeat(grey, 3, axis=-1))
    colour = images(2, 3, 3, 3)
    expected = colour @ np.array([0.299, 0.587, 0.114], np.float32)
    np.testing.assert_allclose(match_channels(tf.constant(colour), 1)[..., 0], expected, rtol=1e-5)
    with pytest.raises(ConfigError, match="4 channels"):
        match_channels(tf.zeros([1, 2, 2, 4]), 3)


def test_mean_and_deviation_by_channel() -> None:
    preprocessing = Preprocessing((2, 2), 3, (0.0, 10.0), (0.1, 0.2, 0.3), (1.0, 2.0, 4.0))
    made = normalise(tf.fill([1, 2, 2, 3], 5.0), preprocessing.normalisation)
    np.testing.assert_allclose(made[0, 0, 0], [0.4, 0.15, 0.05], rtol=1e-6)


@pytest.mark.parametrize(
    "preprocessing",
    [
        Preprocessing((28, 28), 1, None, 0.5, 0.25),
        Preprocessing((8, 28, 28), 3, (-1000.0, 400.0), (0.1, 0.2, 0.3), (1.0, 2.0, 3.0)),
        Preprocessing((8, 28, 28), 1, sampled=True),
    ],
)
def test_plain_values_and_back(preprocessing: Preprocessing) -> None:
    assert Preprocessing.from_dict(preprocessing.to_dict()) == preprocessing


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": (5,), "channels": 1},
        {"size": (5, 0), "channels": 1},
        {"size": (5, 5), "channels": 2},
        {"size": (5, 5), "channels": 1, "window": (1.0, 1.0)},
        {"size": (5, 5), "channels": 3, "mean": (0.0, 1.0)},
        {"size": (5, 5), "channels": 1, "sampled": True},
    ],
)
def test_wrong_settings_are_refused(wrong: dict) -> None:
    with pytest.raises(ConfigError):
        Preprocessing(**wrong)


def test_an_image_for_a_volume_is_refused() -> None:
    with pytest.raises(ConfigError, match="rank"):
        resample(tf.zeros([1, 4, 4, 1]), Preprocessing((2, 4, 4), 1))


@pytest.mark.parametrize(
    ("preprocessing", "shape"),
    [
        (Preprocessing((12, 10), 1, None, 0.5, 0.25), (12, 10)),
        (Preprocessing((12, 10), 1, (0.0, 255.0), 0.5, 0.25), (12, 10)),
        (Preprocessing((3, 12, 10), 1, (0.0, 255.0), sampled=True), (8, 12, 10)),
    ],
)
def test_what_needs_no_resizing_converts_to_tflite(
    preprocessing: Preprocessing, shape: tuple[int, ...]
) -> None:
    from ai_edge_litert.interpreter import Interpreter

    module = tf.Module()
    module.run = tf.function(
        lambda image: prepare(image, preprocessing),
        input_signature=[tf.TensorSpec([1, *shape, 1], tf.float32)],
    )
    concrete = module.run.get_concrete_function()
    content = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module).convert()
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    image = images(1, *shape, 1)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    made = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(made, module.run(image), atol=1e-6)
