"""Texture under a mask: how often grey levels lie beside each other (GLCM)."""

from __future__ import annotations

import numpy as np
from skimage.feature import graycomatrix, graycoprops

from tfmed.measure.intensity import BINS, levels

ANGLES = (0, np.pi / 4, np.pi / 2, 3 * np.pi / 4)
PROPERTIES = ("contrast", "homogeneity", "energy", "correlation")


def pairs(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Counts of neighbouring levels, `[32, 32]`, of both orders.

    Levels are those of `intensity.levels` under the mask. Neighbours lie one pixel apart in the
    same slice, in four directions, both inside the mask; counts of directions and slices are
    added. Voxels are taken as they are, without resampling.

    Args:
        image: `[H, W]` or `[D, H, W]`.
        mask: bool, of the same shape.
    """
    coded = np.zeros(mask.shape, np.uint8)
    if mask.any():
        coded[mask] = levels(image[mask])
    total = np.zeros((BINS + 1, BINS + 1), np.int64)
    for plane in coded.reshape(-1, *coded.shape[-2:]):
        if plane.any():
            found = graycomatrix(plane, [1], ANGLES, levels=BINS + 1, symmetric=True)
            total += found.sum(axis=(2, 3), dtype=np.int64)
    return total[1:, 1:]  # level 0 is outside


def glcm(counts: np.ndarray) -> dict[str, float | None]:
    """Contrast, homogeneity, energy and correlation of a co-occurrence matrix.

    R. M. Haralick et al., IEEE Trans. SMC 3 (1973), by scikit-image's `graycoprops`. Contrast
    equals IBSI's (ACUI), homogeneity its inverse difference moment (WF0Z), correlation its
    correlation (NI2N), energy is the root of its angular second moment (8ZQL); matrices are
    merged over directions and slices (IBSI: 2.5D, merged).

    Args:
        counts: from `pairs`.

    Returns:
        By name; None where no two pixels are neighbours, and for the correlation of one level.
    """
    total = counts.sum()
    if total == 0:
        return dict.fromkeys(PROPERTIES)
    shares = (counts / total)[:, :, None, None]
    found: dict[str, float | None] = {
        name: float(graycoprops(shares, name)[0, 0]) for name in PROPERTIES
    }
    if np.count_nonzero(counts.sum(axis=0)) == 1:
        found["correlation"] = None
    return found
