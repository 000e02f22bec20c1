"""Row by row is the whole at once."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from recorded import noise

from tfmed.data.resampling import axis_orders, resample_case
from tfmed.inference.restore import restore

SIZES = [(9, 10, 11), (1, 5, 30), (23, 10, 4), (40, 37, 33), (3, 31, 11)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (5.0, 1.0, 1.0), (1.0, 1.0, 5.0)])
def test_rows_are_those_of_the_whole(size: tuple[int, ...], spacing: tuple[float, ...]) -> None:
    whole = noise(9, 10, 11, 3)
    expected = resample_case(whole, spacing, (1, 1, 1), kind="probabilities", size=size)
    orders = axis_orders(spacing, (1.0, 1.0, 1.0), 3, 1)
    found = np.stack(list(restore(whole, 9, size, orders)))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("size", [(7, 9), (20, 5), (3, 30)])
def test_rows_of_images_are_those_of_the_whole(size: tuple[int, ...]) -> None:
    whole = noise(7, 9, 2)
    expected = resample_case(whole, None, None, kind="probabilities", size=size)
    found = np.stack(list(restore(whole, 7, size, (1, 1))))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_row_is_asked_for_when_it_is_needed_and_not_before() -> None:
    asked = []

    def rows() -> itertools.chain[np.ndarray]:
        for number, row in enumerate(noise(10, 4, 1)):
            asked.append(number)
            yield row

    given = restore(rows(), 10, (20, 4), (1, 1))
    next(given)
    assert asked == [0]
    list(given)
    assert asked == list(range(10))
