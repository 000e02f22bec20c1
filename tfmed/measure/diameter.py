"""Diameters: the longest in a slice and across it (RECIST), the longest of all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist, squareform

from tfmed.measure.contour import Polygon

MOST_POINTS = 4096


@dataclass(frozen=True, eq=False)
class Diameters:
    """The longest diameter in any slice, and the longest perpendicular to it in that slice.

    Attributes:
        slice: the slice's index; 0 of an image.
        longest: its length, in the spacing's unit.
        perpendicular: that of the longest line across it.
        ends: float64 `[4, 2]`, `(row, column)` in pixels: the two ends of each line.
    """

    slice: int
    longest: float
    perpendicular: float
    ends: np.ndarray


def recist(slices: Iterable[tuple[int, Sequence[Polygon]]], spacing: Sequence[float]) -> Diameters:
    """The longest in-plane diameter and its longest perpendicular, as RECIST 1.1 asks for.

    E. A. Eisenhauer et al., Eur. J. Cancer 45 (2009): the longest diameter in the plane of the
    slice, for lymph nodes the longest perpendicular to it. Lines run between outlines, not
    between voxels' centres; the parts of an object that are apart in a slice are measured apart,
    and a notch is bridged (the convex hull).

    Args:
        slices: the index of each slice and its outlines.
        spacing: `(row, column)`.
    """
    scale = np.asarray(spacing, float)
    best, where, outline = -1.0, 0, np.zeros((0, 2))
    pair = np.zeros((2, 2))
    for number, shapes in slices:
        for shape in shapes:
            corners = hull(shape.outer * scale)
            length, ends = farthest(corners)
            if length > best:
                best, where, outline, pair = length, number, corners, ends
    across, line = _across(outline, pair)
    return Diameters(where, best, across, np.concatenate([pair, line]) / scale)


def hull(points: np.ndarray) -> np.ndarray:
    """The corners of the convex hull, in order in the plane; all points where they have none."""
    try:
        return points[ConvexHull(points).vertices]
    except QhullError:  # they lie on a line or a plane
        return points


def farthest(corners: np.ndarray) -> tuple[float, np.ndarray]:
    """The largest distance between two points, and the two, `[2, dimensions]`.

    Of more than `MOST_POINTS` only those are held against each other that lie farthest from
    the middle, which is where the two are unless the shape is a ball to within a fraction of
    a voxel.
    """
    if len(corners) > MOST_POINTS:
        away = np.linalg.norm(corners - corners.mean(axis=0), axis=1)
        corners = corners[np.argpartition(away, -MOST_POINTS)[-MOST_POINTS:]]
    apart = squareform(pdist(corners))
    first, second = np.unravel_index(int(apart.argmax()), apart.shape)
    return float(apart[first, second]), corners[[first, second]]


def _across(corners: np.ndarray, pair: np.ndarray) -> tuple[float, np.ndarray]:
    """The longest chord of a convex outline perpendicular to the line between two points.

    Along the line the chord's length is linear between corners, so one corner is an end.
    """
    along = (pair[1] - pair[0]) / np.linalg.norm(pair[1] - pair[0])
    aside = np.array([-along[1], along[0]])
    place, height = (corners - pair[0]) @ along, (corners - pair[0]) @ aside
    following, rise = np.roll(place, -1), np.roll(height, -1)
    best, ends = 0.0, (0.0, 0.0, 0.0)
    for at in place:
        crosses = (np.minimum(place, following) <= at) & (at <= np.maximum(place, following))
        run = following[crosses] - place[crosses]
        share = np.divide(at - place[crosses], run, out=np.zeros_like(run), where=run != 0)
        met = np.concatenate(
            [height[crosses] + share * (rise[crosses] - height[crosses]), rise[crosses][run == 0]]
        )
        low, high = float(met.min()), float(met.max())
        if high - low > best:
            best, ends = high - low, (float(at), low, high)
    at, low, high = ends
    return best, pair[0] + np.array([at * along + low * aside, at * along + high * aside])
