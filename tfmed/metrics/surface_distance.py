"""Distances between the surfaces of two masks: the geometry under `mask_scores`.

A surface is made of elements that lie between voxels, at the corners where 2 x 2 (x 2) voxels
meet: a corner bears one wherever some but not all of its voxels belong to the mask. Each element
has a size, the length (2D) or area (3D) of the outline there, and every share of a surface is a
share of its size: so anisotropic voxels and slanted surfaces count as they should. This is the
definition of surface-distance (Nikolov 2018, arXiv:1809.04430) and of MONAI's `use_subvoxels`.

The package surface-distance itself is the tests' oracle, and no dependency: version 0.1 fails on
an empty mask with NumPy 2, calls SciPy by names that SciPy 2 takes away, and transforms the whole
box, where a search among the surfaces' points takes about half the time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.spatial import KDTree
from skimage.measure import marching_cubes

PERCENTILE = 0.95


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """How far the elements of each surface lie from the other surface.

    Attributes:
        truth: float64 `[N]`, mm, rising: of each element of the truth the distance to the
            nearest element of the prediction.
        truth_sizes: float64 `[N]`, mm (2D) or mm2 (3D), of the same elements.
        predicted: float64 `[M]`, as `truth`, from the prediction to the truth.
        predicted_sizes: float64 `[M]`.
    """

    truth: np.ndarray
    truth_sizes: np.ndarray
    predicted: np.ndarray
    predicted_sizes: np.ndarray


def distances(
    truth: np.ndarray, predicted: np.ndarray, spacing_mm: tuple[float, ...]
) -> SurfaceDistances:
    """The distances between two surfaces, from which `hausdorff` and `overlap` follow.

    Args:
        truth: bool `[H, W]` or `[D, H, W]`, not empty.
        predicted: bool of the same shape, not empty.
        spacing_mm: of a voxel along each axis.
    """
    sizes = element_sizes(spacing_mm)
    codes = (_codes(truth), _codes(predicted))
    surfaces = [(code != 0) & (code != len(sizes) - 1) for code in codes]
    points = [np.argwhere(surface) for surface in surfaces]
    # Without balance: the points stand on a grid, where medians are dear and gain nothing.
    trees = [KDTree(of * np.asarray(spacing_mm), balanced_tree=False) for of in points]
    found = []
    for own, other in ((0, 1), (1, 0)):
        alone = ~surfaces[other][surfaces[own]]
        nearest = trees[other].query(trees[own].data[alone])[1]
        # From whole steps, so that a distance which equals the tolerance is not above it by the
        # rounding of two coordinates.
        steps = (points[own][alone] - points[other][nearest]) * np.asarray(spacing_mm)
        apart = np.zeros(len(points[own]))
        apart[alone] = np.sqrt((steps**2).sum(axis=1))
        size = sizes[codes[own][surfaces[own]]]
        order = np.lexsort((size, apart))
        found += [apart[order], size[order]]
    return SurfaceDistances(*found)


def hausdorff(of: SurfaceDistances, share: float = PERCENTILE) -> float:
    """The distance, mm, within which that share of each surface lies from the other.

    The larger of both directions; 0.95 is HD95, 1 the Hausdorff distance. MONAI's takes the
    percentile of both directions' voxels, whatever their size, and differs by up to a voxel.
    """
    return max(
        _percentile(of.truth, of.truth_sizes, share),
        _percentile(of.predicted, of.predicted_sizes, share),
    )


def overlap(of: SurfaceDistances, tolerance_mm: float) -> float:
    """Share of both surfaces within the tolerance of the other: surface Dice, NSD."""
    near = of.truth_sizes[of.truth <= tolerance_mm].sum()
    near += of.predicted_sizes[of.predicted <= tolerance_mm].sum()
    return float(near / (of.truth_sizes.sum() + of.predicted_sizes.sum()))


def _percentile(apart: np.ndarray, sizes: np.ndarray, share: float) -> float:
    index = int(np.searchsorted(np.cumsum(sizes) / np.sum(sizes), share))
    return float(apart[min(index, len(apart) - 1)])


def _codes(mask: np.ndarray) -> np.ndarray:
    """Which voxels around each corner belong to the mask: uint8, one bit a voxel.

    The result is longer than the mask by one along each axis.
    """
    padded = np.pad(mask, 1).astype(np.uint8)
    codes = np.zeros([length + 1 for length in mask.shape], np.uint8)
    for bit, shift in enumerate(np.ndindex(*(2,) * mask.ndim)):
        part = tuple(slice(s, s + length) for s, length in zip(shift, codes.shape, strict=True))
        codes |= padded[part] << bit
    return codes


@lru_cache(maxsize=64)
def element_sizes(spacing_mm: tuple[float, ...]) -> np.ndarray:
    """The size of the surface element of each code: float64 `[16]`, mm, or `[256]`, mm2.

    Bit i of a code is the voxel at `divmod(i, 2)`, as `_codes` sets them.
    """
    if len(spacing_mm) == 2:
        row, column = spacing_mm
        slanted = math.hypot(row, column) / 2
        sizes = np.full(16, slanted)
        sizes[[0b0011, 0b1100]] = column
        sizes[[0b0101, 0b1010]] = row
        sizes[[0b0110, 0b1001]] = 2 * slanted
        sizes[[0b0000, 0b1111]] = 0
        return sizes
    faces = np.prod(spacing_mm) / np.asarray(spacing_mm)
    areas = [np.linalg.norm(normals * faces, axis=1).sum() for normals in _normals()]
    return np.asarray(areas, np.float64)


@lru_cache(maxsize=1)
def _normals() -> tuple[np.ndarray, ...]:
    """Of each of the 256 codes the normals of its triangles, `[T, 3]`, as long as their area.

    The triangles are those of marching cubes (W. E. Lorensen, H. E. Cline, SIGGRAPH 1987) of the
    voxels or, where they are more than four, of those that are missing.
    """
    found = []
    for code in range(256):
        bits = code if code.bit_count() <= 4 else 255 - code
        if bits == 0:
            found.append(np.zeros((0, 3)))
            continue
        cube = np.array([bits >> bit & 1 for bit in range(8)], np.float32).reshape(2, 2, 2)
        vertices, triangles, _, _ = marching_cubes(cube, 0.5, method="lorensen")
        corners = vertices.astype(np.float64)[triangles]
        sides = corners[:, 1:] - corners[:, :1]
        found.append(np.cross(sides[:, 0], sides[:, 1]) / 2)
    return tuple(found)
