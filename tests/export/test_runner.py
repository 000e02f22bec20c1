"""TFLite files asked on this machine."""

import numpy as np
import pytest

from tfmed.errors import ReadError
from tfmed.export.runner import Runner, latency_ms


def test_latency_is_a_time(whole):
    assert 0 < latency_ms(whole[0] / "tflite" / "float32.tflite", runs=3) < 1000


def test_a_file_that_is_no_tflite_is_named(tmp_path):
    (tmp_path / "x.tflite").write_bytes(b"not a model")
    with pytest.raises(ReadError, match=r"x\.tflite"):
        Runner(tmp_path / "x.tflite")


def test_answers_are_told_by_name_and_none_are_of_no_image(whole):
    runner = Runner(whole[0] / "tflite" / "float32.tflite")
    assert runner.input_shape == (28, 28, 1)
    image = np.zeros((28, 28, 1), np.float32)
    found = runner.predict([image, image])
    assert list(found) == ["probabilities"] and found["probabilities"].shape == (2, 2)
    assert runner.predict([])["probabilities"].shape == (0, 2)
