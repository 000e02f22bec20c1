"""Centre lines of drawn lines, circles, helices and forks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from tfmed.measure import contour, surface
from tfmed.measure.skeleton import Skeleton, skeleton, thickness, tortuosity


def outline(mask: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    if mask.ndim == 3:
        return surface.mesh(mask).vertices * np.asarray(spacing)
    rings = [ring for polygon in contour.polygons(mask) for ring in polygon.rings]
    return np.concatenate(rings) * spacing


def found(mask: np.ndarray, spacing: tuple[float, ...] | None = None) -> Skeleton:
    own = spacing or (1.0,) * mask.ndim
    return skeleton(mask, own, outline(mask, own))


def length(thin: Skeleton) -> float:
    return sum(branch.length for branch in thin.branches)


def helix(turns: float, reach: float, rise: float) -> np.ndarray:
    """Points of a helix along the first axis, inside 70 voxels a side."""
    angle = np.linspace(0, 2 * np.pi * turns, 4000)
    path = (8 + rise * angle / angle[-1], 35 + reach * np.sin(angle), 35 + reach * np.cos(angle))
    return np.column_stack(path)


def test_a_straight_line_is_as_long_as_its_voxels_are_apart() -> None:
    mask = np.zeros((9, 40), bool)
    mask[4, 5:35] = True
    thin = found(mask)
    assert length(thin) == pytest.approx(29)
    assert length(found(mask, (2.0, 0.5))) == pytest.approx(14.5)
    assert (len(thin.branches), thin.forks, thin.ends) == (1, 0, 2)
    assert tortuosity(thin.branches) == pytest.approx(1)


def test_a_diagonal_counts_its_steps_in_full() -> None:
    mask = np.eye(30, dtype=bool)
    assert length(found(mask)) == pytest.approx(29 * np.sqrt(2))
    assert length(found(mask, (3.0, 4.0))) == pytest.approx(29 * 5)


def test_an_oblique_line_is_not_as_long_as_its_stairs() -> None:
    mask = np.zeros((50, 80), bool)
    share = np.linspace(0, 1, 1000)
    mask[np.rint(10 + 27 * share).astype(int), np.rint(5 + 60 * share).astype(int)] = True
    assert length(found(mask)) == pytest.approx(np.hypot(27, 60), rel=0.01)


@pytest.mark.parametrize("radius", [10, 25])
def test_a_circle_is_one_closed_branch_of_its_circumference(radius: int) -> None:
    mask = np.zeros((60, 60), bool)
    angle = np.linspace(0, 2 * np.pi, 5000)
    mask[
        np.rint(30 + radius * np.sin(angle)).astype(int),
        np.rint(30 + radius * np.cos(angle)).astype(int),
    ] = True
    thin = found(mask)
    assert length(thin) == pytest.approx(2 * np.pi * radius, rel=0.02)
    assert (len(thin.branches), thin.forks, thin.ends) == (1, 0, 0)
    assert tortuosity(thin.branches) is None


def test_a_half_ring_bends_by_pi_over_two_and_is_as_thick_as_drawn() -> None:
    y, x = np.ogrid[-30:31, -30:31]
    mask = (abs(np.hypot(x, y) - 22.5) <= 2.5) & (y >= 0)
    thin = found(mask)
    assert length(thin) == pytest.approx(np.pi * 22.5, rel=0.03)
    widths = thickness(thin, mask, (1.0, 1.0), outline(mask, (1.0, 1.0)))
    assert widths.mean() == pytest.approx(5, abs=0.5)
    bent = tortuosity(thin.branches)
    # The line's ends are not exactly opposite each other.
    assert bent == pytest.approx(np.pi / 2, rel=0.1)


def test_a_helix_in_a_volume() -> None:
    path = helix(2, 20, 50)
    true = np.hypot(50, 2 * 2 * np.pi * 20)
    mask = np.zeros((70, 70, 70), bool)
    mask[tuple(np.rint(path).astype(int).T)] = True
    assert length(found(mask)) == pytest.approx(true, rel=0.01)
    every = np.argwhere(np.ones(mask.shape, bool))
    tube = (cKDTree(path[::4]).query(every)[0] <= 3).reshape(mask.shape)
    thin = found(tube)
    assert length(thin) == pytest.approx(true, rel=0.03)
    assert (len(thin.branches), thin.forks) == (1, 0)
    widths = thickness(thin, tube, (1.0, 1.0, 1.0), outline(tube, (1.0, 1.0, 1.0)))
    assert abs(widths.mean() - 6) <= 1
    # Of every second slice, 2 mm thick.
    assert length(found(tube[::2], (2.0, 1.0, 1.0))) == pytest.approx(true, rel=0.03)


def test_a_t_has_one_fork_three_branches_and_three_ends() -> None:
    mask = np.zeros((60, 60), bool)
    mask[30, 5:55] = mask[5:30, 30] = True
    thin = found(mask)
    assert (len(thin.branches), thin.forks, thin.ends) == (3, 1, 3)
    assert length(thin) == pytest.approx(49 + 25, abs=0.5)
    thick = np.zeros((60, 60), bool)
    thick[28:33, 5:55] = thick[5:30, 28:33] = True
    thin = found(thick)
    assert (len(thin.branches), thin.forks, thin.ends) == (3, 1, 3)


def test_two_rings_that_touch_have_two_forks_and_no_end() -> None:
    mask = np.zeros((20, 20), bool)
    mask[5, 5:15] = mask[14, 5:15] = mask[5:15, 5] = mask[5:15, 14] = mask[10, 5:15] = True
    thin = found(mask)
    assert (len(thin.branches), thin.forks, thin.ends) == (3, 2, 0)


def test_a_disc_and_a_ball_have_no_line_of_note() -> None:
    y, x = np.ogrid[-20:21, -20:21]
    disc = x * x + y * y <= 400
    thin = found(disc)
    assert thin.forks == 0 and length(thin) <= 2
    widths = thickness(thin, disc, (1.0, 1.0), outline(disc, (1.0, 1.0)))
    assert widths.max() == pytest.approx(40, abs=1.5)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (1, 2), (2, 2, 2), (1, 1, 1)])
def test_the_smallest_objects_keep_a_point(shape: tuple[int, ...]) -> None:
    thin = found(np.pad(np.ones(shape, bool), 2))
    assert len(thin.places) >= 1
    assert np.isfinite(length(thin))
