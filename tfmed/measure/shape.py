"""The form of one object: size, axes, place, how round and how compact it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Of a filled ellipse the half axis squared is 4 times, of an ellipsoid 5 times the variance.
FULL_AXIS = {2: 4.0, 3: 2 * 5**0.5}
FLAT = 1e-9


@dataclass(frozen=True, eq=False)
class Moments:
    """Size, middle and spread of an object's voxels.

    Attributes:
        voxels: how many.
        centre: float64 `[axes]`, the mean index.
        covariance: float64 `[axes, axes]`, of the centres, in the spacing's unit squared.
    """

    voxels: int
    centre: np.ndarray
    covariance: np.ndarray


def moments(mask: np.ndarray, spacing: tuple[float, ...]) -> Moments:
    """The moments of a mask, from its projections, so that no list of voxels is made.

    Args:
        mask: bool `[H, W]` or `[D, H, W]`, not empty.
        spacing: between centres.
    """
    axes = range(mask.ndim)
    sums = [mask.sum(axis=tuple(other for other in axes if other != axis)) for axis in axes]
    count = int(sums[0].sum())
    places = [np.arange(size) for size in mask.shape]
    centre = np.array([float(own @ at) / count for own, at in zip(sums, places, strict=True)])
    away = [(at - middle) * s for at, middle, s in zip(places, centre, spacing, strict=True)]
    spread = np.zeros((mask.ndim, mask.ndim))
    for one in axes:
        spread[one, one] = float(sums[one] @ away[one] ** 2) / count
        for two in range(one + 1, mask.ndim):
            plane = mask.sum(axis=tuple(other for other in axes if other not in (one, two)))
            spread[one, two] = spread[two, one] = float(away[one] @ plane @ away[two]) / count
    return Moments(count, centre, spread)


def principal(found: Moments) -> dict[str, float | None]:
    """Lengths of the principal axes and what follows from them.

    The axes are those of the ellipse (ellipsoid) with the same second moments: 4 (of volumes
    2 sqrt 5) times the root of the covariance's eigenvalues, longest first, which are the true
    axes of a filled ellipse (ellipsoid). IBSI's axis lengths (TDIC, P9VJ, 7J51) are 4 times the
    root also of volumes, 0.894 of ours. Elongation (Q3CK) and flatness (N17B) are IBSI's;
    eccentricity is `sqrt(1 - (minor / major)**2)`.

    Returns:
        By name; None where an object is only one voxel wide.
    """
    axes = len(found.covariance)
    spread = np.sort(np.linalg.eigvalsh(found.covariance))[::-1]
    wide = spread > FLAT * max(float(spread[0]), np.finfo(float).tiny)
    lengths = [
        float(FULL_AXIS[axes] * np.sqrt(value)) if there else None
        for value, there in zip(spread, wide, strict=True)
    ]
    major, minor = lengths[:2]
    result = {"axis_major": major, "axis_minor": minor}
    result["elongation"] = minor / major if major and minor else None
    if axes == 2:
        round_ = result["elongation"]
        result["eccentricity"] = None if round_ is None else float(np.sqrt(1 - round_**2))
        return result
    least = lengths[2]
    return result | {"axis_least": least, "flatness": least / major if major and least else None}


def equivalent_diameter(size: float, axes: int) -> float:
    """The diameter of the circle (ball) of the same area (volume)."""
    return float(2 * np.sqrt(size / np.pi) if axes == 2 else (6 * size / np.pi) ** (1 / 3))


def roundness(size: float, border: float, axes: int) -> float:
    """1 of a circle or a ball, less of everything else.

    Sphericity `(36 pi V**2)**(1/3) / A` as IBSI's (QCFX) with our volume and surface;
    circularity `4 pi A / P**2` of an image. Of objects of few pixels it may exceed 1.
    """
    if axes == 2:
        return float(4 * np.pi * size / border**2)
    return float((36 * np.pi * size**2) ** (1 / 3) / border)
