"""Means that worker processes take, which must be the graph's bit for bit."""

from __future__ import annotations

import makers
import numpy as np
import pytest
import tensorflow as tf

from tfmed.io.shrink import shrink
from tfmed.transforms import resize


@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("shape", [(10, 14, 1), (6, 4, 3), (5, 8, 6, 1)])
@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        ("uint8", 0, 256),
        ("int16", -(2**15), 2**15),
        ("uint16", 0, 2**16),
        ("int32", -(2**20) + 1, 2**20),
    ],
)
def test_it_is_the_graphs_answer(
    factor: int, shape: tuple[int, ...], dtype: str, low: int, high: int
) -> None:
    *front, height, width, channels = shape
    large = (*front, factor * height, factor * width, channels)
    values = makers.noise(large, 1, low, high, dtype)
    found = shrink(values, (height, width))
    assert found.dtype == np.float32
    planes = values.reshape(-1, *large[-3:]).astype("float32")
    expected = resize(tf.constant(planes), (height, width))
    np.testing.assert_array_equal(found.reshape(-1, *shape[-3:]), expected)


def test_what_would_not_be_exact_is_left_to_the_graph() -> None:
    half = np.zeros((8, 6, 1), np.float32)
    assert shrink(half, (4, 3)) is half
    large = np.full((8, 6, 1), 2**24, np.int32)
    assert shrink(large, (4, 3)) is large
    for size in ((8, 6), (4, 6), (3, 3), (16, 12)):
        small = np.zeros((8, 6, 1), np.uint8)
        assert shrink(small, size) is small
