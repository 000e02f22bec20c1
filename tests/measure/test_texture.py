"""Co-occurrence by hand, and against scikit-image where the whole image is the mask."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.feature import graycomatrix

from tfmed.measure.intensity import levels
from tfmed.measure.texture import glcm, pairs


def test_two_by_two_pixels_by_hand() -> None:
    # Levels 1 32 over 1 32: 0 degrees 2 x (1, 32); 90: (1, 1), (32, 32); diagonals (1, 32) twice.
    counts = pairs(np.array([[0, 31], [0, 31]]), np.ones((2, 2), bool))
    assert counts.sum() == 12  # six pairs, both ways
    assert counts[0, 31] == counts[31, 0] == 4 and counts[0, 0] == counts[31, 31] == 2
    found = glcm(counts)
    assert found["contrast"] == pytest.approx(8 / 12 * 31**2)
    assert found["homogeneity"] == pytest.approx(4 / 12 + 8 / 12 / (1 + 31**2))
    assert found["energy"] == pytest.approx(np.sqrt(2 * (2 / 12) ** 2 + 2 * (4 / 12) ** 2))
    # Both marginals are one half: the covariance over the variance is (4 - 8) / 12.
    assert found["correlation"] == pytest.approx(-1 / 3)


def test_what_is_outside_the_mask_does_not_count() -> None:
    generator = np.random.default_rng(0)
    image = generator.normal(size=(9, 9))
    mask = np.zeros((9, 9), bool)
    mask[2:7, 1:6] = True
    inside = pairs(image[2:7, 1:6], np.ones((5, 5), bool))
    np.testing.assert_array_equal(pairs(image, mask), inside)
    coded = levels(image[2:7, 1:6]) - 1
    angles = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
    whole = graycomatrix(coded, [1], angles, levels=32, symmetric=True)
    np.testing.assert_array_equal(inside, whole.sum(axis=(2, 3)))


def test_slices_are_added_and_not_joined() -> None:
    image = np.stack([np.zeros((2, 2)), np.full((2, 2), 9.0)])
    counts = pairs(image, np.ones(image.shape, bool))
    # Each slice is constant: 6 pairs of its one level, both ways; none between the slices.
    assert counts[0, 0] == counts[31, 31] == 12 and counts.sum() == 24


def test_undefined_texture_is_none() -> None:
    one = np.zeros((3, 3), bool)
    one[1, 1] = True
    assert set(glcm(pairs(np.ones((3, 3)), one)).values()) == {None}
    flat = glcm(pairs(np.ones((3, 3)), np.ones((3, 3), bool)))
    assert (flat["contrast"], flat["energy"], flat["correlation"]) == (0, 1, None)
