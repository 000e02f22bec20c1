"""Only the largest part of a class is kept, and only where Dice rises."""

from __future__ import annotations

import numpy as np
import pytest

from tfmed.errors import DataError
from tfmed.inference import clean_up, keep_largest


def test_smaller_parts_become_background_and_other_classes_stay() -> None:
    labels = np.array([[1, 1, 0, 1, 2], [1, 0, 0, 0, 0], [0, 0, 0, 2, 2]], np.uint8)
    expected = np.array([[1, 1, 0, 0, 2], [1, 0, 0, 0, 0], [0, 0, 0, 2, 2]], np.uint8)
    before = labels.copy()
    np.testing.assert_array_equal(keep_largest(labels, [1]), expected)
    expected[0, 4] = 0
    np.testing.assert_array_equal(keep_largest(labels, [1, 2, 7]), expected)
    np.testing.assert_array_equal(labels, before)


def test_voxels_that_touch_at_a_corner_are_one_part() -> None:
    volume = np.zeros((2, 2, 2), np.uint8)
    volume[0, 0, 0] = volume[1, 1, 1] = 3
    assert keep_largest(volume, [3]) is volume
    volume[1, 1, 1] = 0
    assert keep_largest(volume, []) is volume


def test_the_background_is_not_cleaned() -> None:
    with pytest.raises(DataError, match="the background, 0, is not cleaned"):
        keep_largest(np.zeros((2, 2), np.uint8), [0])


def stripe(*ranges: tuple[int, int], label: int = 1) -> np.ndarray:
    """A label map of 12 x 2 with rows of one label."""
    found = np.zeros((12, 2), np.uint8)
    for first, last in ranges:
        found[first:last] = label
    return found


def test_a_class_with_specks_is_cleaned() -> None:
    truths = [stripe((2, 6)), stripe((2, 6))]
    assert clean_up([stripe((2, 6), (9, 10)), stripe((2, 6))], truths, 2) == (1,)


def test_a_class_of_two_true_parts_is_not_cleaned() -> None:
    pair = stripe((1, 4), (7, 10))
    specks = stripe((1, 5), (11, 12))
    # The first case loses more than the second gains.
    assert clean_up([pair, specks], [pair, stripe((1, 5))], 2) == ()


def test_nothing_to_gain_is_no_reason_to_clean() -> None:
    whole = stripe((2, 6))
    assert clean_up([whole], [whole], 2) == ()
    # Invented parts of a structure that is not there: 0 with and without.
    assert clean_up([stripe((1, 2), (5, 8))], [stripe()], 2) == ()


def test_each_class_is_judged_by_itself() -> None:
    truth = np.concatenate([stripe((2, 6)), stripe((1, 4), (7, 10), label=2)])
    found = np.concatenate([stripe((2, 6), (9, 10)), stripe((1, 4), (7, 10), label=2)])
    assert clean_up(iter([found]), iter([truth]), 3) == (1,)


def test_a_pair_of_different_shapes_is_refused() -> None:
    with pytest.raises(DataError, match=r"shape \(12, 2\) came for one of \(11, 2\)"):
        clean_up([stripe()], [stripe()[1:]], 2)
