"""Diameters worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tfmed.measure import contour
from tfmed.measure.diameter import farthest, hull, recist


def test_a_rectangle_and_the_line_across_its_diagonal() -> None:
    # Corners at half pixels, each cut: the longest line joins (4.5, 3) to (9.5, 14) or alike.
    mask = np.zeros((20, 20), bool)
    mask[5:10, 3:15] = True
    found = recist([(0, contour.polygons(mask))], (1.0, 1.0))
    assert found.longest == pytest.approx(np.hypot(4, 12))
    along = found.ends[1] - found.ends[0]
    across = found.ends[3] - found.ends[2]
    assert along @ across == pytest.approx(0, abs=1e-9)
    assert np.linalg.norm(across) == pytest.approx(found.perpendicular)
    # Between the long sides, 5 apart: a line at right angles to the diagonal is 5 / cos long.
    assert found.perpendicular == pytest.approx(5 / np.cos(np.arctan2(4, 12)))


def test_an_ellipse_has_its_axes_whatever_the_spacing() -> None:
    for spacing in ((1.0, 1.0), (2.0, 0.5)):
        y, x = np.ogrid[-30:31, -80:81]
        mask = (y * spacing[0] / 10) ** 2 + (x * spacing[1] / 25) ** 2 <= 1
        found = recist([(0, contour.polygons(mask))], spacing)
        assert found.longest == pytest.approx(50, abs=max(spacing))
        assert found.perpendicular == pytest.approx(20, abs=max(spacing))


def test_the_slice_with_the_longest_line_is_told() -> None:
    small, large = np.zeros((9, 9), bool), np.zeros((9, 9), bool)
    small[4, 3:5] = large[4, 1:8] = True
    slices = [(4, contour.polygons(small)), (7, contour.polygons(large))]
    found = recist(slices, (1.0, 1.0))
    assert (found.slice, found.longest, found.perpendicular) == (7, 7.0, 1.0)


def test_parts_of_a_slice_that_are_apart_are_not_bridged() -> None:
    mask = np.zeros((5, 40), bool)
    mask[2, 2:6] = mask[2, 30:36] = True
    assert recist([(0, contour.polygons(mask))], (1.0, 1.0)).longest == pytest.approx(6)


def test_the_farthest_points_of_a_box() -> None:
    corners = np.array(np.meshgrid([0, 2], [0, 3], [0, 6])).reshape(3, -1).T.astype(float)
    length, ends = farthest(hull(corners))
    assert length == pytest.approx(7.0)
    assert np.linalg.norm(ends[0] - ends[1]) == pytest.approx(7.0)


def test_of_very_many_points_the_farthest_are_still_found() -> None:
    generator = np.random.default_rng(0)
    points = generator.normal(size=(6000, 3))
    points = np.vstack([points, [[40.0, 0, 0], [-40.0, 0, 0]]])
    assert farthest(points)[0] == pytest.approx(80.0)
