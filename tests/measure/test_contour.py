"""Outlines: where they run, their holes, their length and area."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ellipe

from tfmed.measure import contour


def disc(radius: float, spacing: tuple[float, float] = (1.0, 1.0)) -> np.ndarray:
    reach = int(radius / min(spacing)) + 3
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    return (y * spacing[0]) ** 2 + (x * spacing[1]) ** 2 <= radius**2


def test_the_outline_of_one_pixel_is_a_diamond() -> None:
    mask = np.zeros((5, 5), bool)
    mask[2, 3] = True
    (found,) = contour.polygons(mask)
    assert {tuple(point) for point in found.outer} == {(1.5, 3), (2.5, 3), (2, 2.5), (2, 3.5)}
    assert contour.area(found, (2.0, 3.0)) == pytest.approx(0.5 * 6)


def test_an_outline_reaches_beyond_the_image() -> None:
    (found,) = contour.polygons(np.ones((3, 4), bool))
    assert found.outer.min() == -0.5 and found.outer.max(axis=0).tolist() == [2.5, 3.5]
    # The rectangle without four corners of an eighth of a pixel.
    assert contour.area(found, (1.0, 1.0)) == pytest.approx(12 - 4 / 8)


def test_holes_belong_to_what_is_around_them_and_islands_are_their_own() -> None:
    mask = np.zeros((11, 11), bool)
    mask[1:10, 1:10] = True
    mask[2:9, 2:9] = False  # a hole
    mask[4:7, 4:7] = True  # an island in it
    mask[5, 5] = False  # a hole in the island
    island, ring = contour.polygons(mask)
    assert len(island.holes) == len(ring.holes) == 1
    assert contour.area(island, (1.0, 1.0)) == pytest.approx(9 - 0.5 - 0.5)
    assert contour.area(ring, (1.0, 1.0)) == pytest.approx((81 - 0.5) - (49 - 0.5), abs=0.6)


def test_pixels_that_share_a_corner_have_one_outline() -> None:
    assert len(contour.polygons(np.eye(4, dtype=bool))) == 1


@pytest.mark.parametrize(("spacing", "within"), [((1.0, 1.0), 0.02), ((2.0, 0.5), 0.06)])
@pytest.mark.parametrize("radius", [15.0, 30.0])
def test_the_perimeter_of_a_circle(
    radius: float, spacing: tuple[float, float], within: float
) -> None:
    found = contour.polygons(disc(radius, spacing))
    assert contour.perimeter(found, spacing) == pytest.approx(2 * np.pi * radius, rel=within)
    assert contour.area(found[0], spacing) == pytest.approx(np.pi * radius**2, rel=0.01)


def test_the_perimeter_of_an_ellipse_in_unequal_spacing() -> None:
    # A disc of pixels 1.5 x 0.5: half axes 22.5 and 7.5, by the complete elliptic integral.
    true = 4 * 22.5 * ellipe(1 - (7.5 / 22.5) ** 2)
    assert contour.perimeter(contour.polygons(disc(15)), (1.5, 0.5)) == pytest.approx(
        true, rel=0.02
    )


def test_a_simplified_ring_encloses_the_same_area_with_fewer_points() -> None:
    mask = np.zeros((20, 20), bool)
    mask[5:10, 3:15] = True
    (found,) = contour.polygons(mask)
    fewer = contour.simplified(found.outer)
    assert len(fewer) == 8
    assert contour.signed_area(fewer) == pytest.approx(contour.signed_area(found.outer))
