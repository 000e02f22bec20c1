"""What the integers of a PNG or JPEG mean."""

import numpy as np
import pytest
import tensorflow as tf

from tfmed.errors import ConfigError, DataError
from tfmed.export.pixels import PixelCode


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
