"""Axes and roundness of shapes whose figures are known."""

from __future__ import annotations

import numpy as np
import pytest

from tfmed.measure import shape


def test_moments_are_those_of_the_list_of_voxels() -> None:
    generator = np.random.default_rng(0)
    solid, spacing = generator.random((7, 9, 11)) > 0.6, (3.0, 0.5, 1.0)
    places = np.argwhere(solid)
    found = shape.moments(solid, spacing)
    assert found.voxels == len(places)
    np.testing.assert_allclose(found.centre, places.mean(axis=0))
    np.testing.assert_allclose(found.covariance, np.cov((places * spacing).T, bias=True))


def test_a_filled_ellipse_and_ellipsoid_have_their_own_axes() -> None:
    y, x = np.ogrid[-40:41, -40:41]
    flat = shape.principal(shape.moments((y / 12) ** 2 + (x / 30) ** 2 <= 1, (1.0, 1.0)))
    assert flat["axis_major"] == pytest.approx(60, rel=0.01)
    assert flat["axis_minor"] == pytest.approx(24, rel=0.02)
    assert flat["eccentricity"] == pytest.approx(np.sqrt(1 - 0.4**2), rel=0.02)
    z, y, x = np.ogrid[-20:21, -40:41, -40:41]
    solid = (z * 2 / 30) ** 2 + (y / 20) ** 2 + (x / 10) ** 2 <= 1
    deep = shape.principal(shape.moments(solid, (2.0, 1.0, 1.0)))
    lengths = [deep["axis_major"], deep["axis_minor"], deep["axis_least"]]
    assert lengths == pytest.approx([60, 40, 20], rel=0.01)
    assert deep["elongation"] == pytest.approx(2 / 3, rel=0.01)
    assert deep["flatness"] == pytest.approx(1 / 3, rel=0.01)


def test_a_circle_and_a_ball_are_round_and_a_square_and_a_cube_are_less() -> None:
    assert shape.roundness(np.pi * 9, 2 * np.pi * 3, 2) == pytest.approx(1)
    assert shape.roundness(4 / 3 * np.pi * 27, 4 * np.pi * 9, 3) == pytest.approx(1)
    assert shape.roundness(4.0, 8.0, 2) == pytest.approx(np.pi / 4)
    assert shape.roundness(8.0, 24.0, 3) == pytest.approx((np.pi / 6) ** (1 / 3))


def test_the_equivalent_diameter() -> None:
    assert shape.equivalent_diameter(np.pi * 25, 2) == pytest.approx(10)
    assert shape.equivalent_diameter(4 / 3 * np.pi * 125, 3) == pytest.approx(10)
