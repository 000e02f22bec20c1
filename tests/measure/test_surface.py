"""Surfaces of balls, boxes and tubes."""

from __future__ import annotations

import numpy as np
import pytest

from tfmed.measure import surface


def ball(radius: float, spacing: tuple[float, float, float]) -> np.ndarray:
    axes = [np.arange(-int(radius / s) - 2, int(radius / s) + 3) * s for s in spacing]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    return (z - 0.3) ** 2 + (y - 0.1) ** 2 + x**2 <= radius**2


@pytest.mark.parametrize("radius", [5.0, 10.0, 20.0])
def test_the_surface_of_a_ball_is_within_two_percent(radius: float) -> None:
    mesh = surface.mesh(ball(radius, (1.0, 1.0, 1.0)))
    true = 4 * np.pi * radius**2
    smooth = surface.area(surface.smoothed(mesh), (1.0, 1.0, 1.0))
    assert smooth == pytest.approx(true, rel=0.02)
    # What the smoothing is for: without it the area is that of stairs.
    assert surface.area(mesh, (1.0, 1.0, 1.0)) > 1.05 * true


def test_thick_slices_cost_no_more_than_is_told() -> None:
    spacing = (3.0, 1.0, 1.0)
    mesh = surface.smoothed(surface.mesh(ball(20, spacing)))
    assert surface.area(mesh, spacing) == pytest.approx(4 * np.pi * 400, rel=0.1)


def test_the_mesh_of_a_box_holds_its_volume_but_for_cut_edges() -> None:
    solid = np.zeros((8, 9, 10), bool)
    solid[2:6, 2:7, 2:8] = True
    found = surface.volume(surface.mesh(solid), (1.0, 2.0, 0.5))
    # An edge of length n loses (n - 1) / 8 and a corner a little: 4 x 5 x 6 voxels of 1 mm3.
    edges = 4 * sum((n - 1) / 8 for n in (4, 5, 6))
    assert 120 - edges - 8 * 0.25 < found < 120 - edges


def test_a_cavity_has_a_surface_too() -> None:
    solid = ball(15, (1.0, 1.0, 1.0))
    hollow = solid.copy()
    middle = np.array(solid.shape) // 2
    z, y, x = np.ogrid[tuple(slice(0, n) for n in solid.shape)]
    away = (z - middle[0]) ** 2 + (y - middle[1]) ** 2 + (x - middle[2]) ** 2
    hollow[away <= 49] = False
    area = surface.area(surface.smoothed(surface.mesh(hollow)), (1.0, 1.0, 1.0))
    assert area == pytest.approx(4 * np.pi * (15**2 + 7**2), rel=0.03)
