"""Surfaces of solid masks: a mesh by marching cubes, its area, its volume.

The mesh passes half-way between the centres of inside and outside voxels. Its area is that of
stairs, 9 % too large for a ball, so that it is smoothed first; its volume is that of IBSI.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from skimage.measure import marching_cubes

from tfmed.measure.contour import PASSES, SHRINK, SWELL


@dataclass(frozen=True, eq=False)
class Mesh:
    """A closed surface of triangles.

    Attributes:
        vertices: float32 `[N, 3]`, `(slice, row, column)` in voxels.
        faces: int32 `[M, 3]`, indices of vertices.
    """

    vertices: np.ndarray
    faces: np.ndarray


def mesh(solid: np.ndarray) -> Mesh:
    """The surface of a mask, closed at the edges of its box.

    Marching cubes at one half, after T. Lewiner et al., J. Graphics Tools 8 (2003).

    Args:
        solid: bool `[D, H, W]`, not empty.
    """
    vertices, faces, _, _ = marching_cubes(np.pad(solid, 1).astype(np.float32), 0.5)
    return Mesh(vertices - 1, faces)


def smoothed(surface: Mesh) -> Mesh:
    """The mesh without the stairs of voxels: ten passes of G. Taubin (SIGGRAPH 1995).

    Each pass moves every vertex towards the middle of its neighbours and back again, which
    keeps the volume of what is wider than three voxels.
    """
    faces, count = surface.faces, len(surface.vertices)
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    ones = np.ones(len(ends), np.float32)
    joined = sparse.coo_array((ones, (ends[:, 0], ends[:, 1])), shape=(count, count)).tocsr()
    # Each edge belongs to two triangles that run along it in opposite directions.
    joined.data[:] = 1
    weights = (1 / np.maximum(joined.sum(axis=1), 1)).astype(np.float32)
    vertices = surface.vertices
    for _ in range(PASSES):
        for step in (SHRINK, SWELL):
            vertices = vertices + step * (weights[:, None] * (joined @ vertices) - vertices)
    return Mesh(vertices, faces)


def area(surface: Mesh, spacing: tuple[float, ...]) -> float:
    """The area of a mesh, in the spacing's unit squared.

    Of a smoothed mesh it is within 2 % of the true area for balls and tubes of three voxels'
    radius and more; where slices are several times as thick as pixels it is up to 10 % too
    large, and edges are rounded. IBSI's surface area (mesh, C0JK) is that of the mesh as it is.
    """
    vertices = surface.vertices.astype(np.float64) * np.asarray(spacing)
    return float(np.linalg.norm(_normals(vertices, surface.faces), axis=1).sum() / 2)


def volume(surface: Mesh, spacing: tuple[float, ...]) -> float:
    """The volume inside the mesh as it is: IBSI's volume (mesh), RNU0."""
    vertices = surface.vertices.astype(np.float64) * np.asarray(spacing)
    first = vertices[surface.faces[:, 0]]
    return abs(float((first * _normals(vertices, surface.faces)).sum() / 6))


def _normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Of each triangle the normal, twice as long as its area."""
    first, second, third = (vertices[faces[:, corner]] for corner in range(3))
    return np.cross(second - first, third - first)
