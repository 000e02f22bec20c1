"""Cases brought to another spacing, and answers back: images, label maps, probabilities.

Pixel centres are aligned as `skimage.transform.resize` aligns them (the outer edges of the first
and last pixel stay where they are), and nothing is smoothed before it shrinks. Interpolation is
done along one axis after the other, which is the same for splines and costs 12 products a voxel
instead of 64.

Source: the resampling of nnU-Net (Isensee et al., Nature Methods 2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy import ndimage

from tfmed.errors import ConfigError, GeometryError

# Beyond this ratio of spacings slices are not blended with each other.
ANISOTROPIC = 3.0
ORDERS = {"image": 3, "mask": 1, "probabilities": 1}
NEAREST, LINEAR = 0, 1


def resample_case(
    pixels: np.ndarray,
    spacing_mm: Sequence[float] | None,
    target_mm: Sequence[float | None] | None,
    *,
    kind: str = "image",
    size: Sequence[int] | None = None,
    keep_zeros: bool = False,
) -> np.ndarray:
    """Bring one case to another spacing.

    Images by cubic splines, clipped to the image's own range; label maps by linear interpolation
    of each class's membership, the largest wins; probabilities linearly. Where one spacing is
    more than 3 times another, before or after, only planes are interpolated so, and along the
    coarse axis the nearest is taken.

    Args:
        pixels: `"image"` `[H, W, C]` or `[D, H, W, C]`; `"mask"` uint8 without the last axis;
            `"probabilities"` float32 `[..., K]`.
        spacing_mm: `(row, column)` or `(slice, row, column)`; None is unknown.
        target_mm: likewise; None, or None or 0 for an axis, keeps what is. Two numbers for a volume
            are (row, column), and its slices are kept.
        kind: `"image"`, `"mask"` or `"probabilities"`.
        size: of the result, without channels; by default what `resampled_size` says.
        keep_zeros: of images: where the nearest pixel is 0 in all channels, the result is exactly
            0 too, though splines ring there (for `Normalisation.nonzero`).

    Returns:
        float32 for images and probabilities, uint8 for masks. What needs no resampling is
        returned as it is (but float32).

    Raises:
        GeometryError: a target without a spacing of the case.
    """
    axes = pixels.ndim - (0 if kind == "mask" else 1)
    shape = pixels.shape[:axes]
    if size is None:
        size = resampled_size(shape, spacing_mm, target_mm)
    order = ORDERS[kind]
    orders = axis_orders(spacing_mm, _whole(target_mm, spacing_mm, axes), axes, order)
    if kind == "mask":
        return _labels(pixels, size, orders)
    found = pixels.astype(np.float32, copy=False)
    if tuple(size) == shape:
        return found
    found = _resized(found, size, orders)
    if kind == "image":
        np.clip(found, pixels.min(), pixels.max(), out=found)
        if keep_zeros:
            outside = (pixels == 0).all(axis=-1)
            found[_resized(outside, size, (NEAREST,) * axes)] = 0
    return found


def resampled_size(
    shape: Sequence[int],
    spacing_mm: Sequence[float] | None,
    target_mm: Sequence[float | None] | None,
) -> tuple[int, ...]:
    """The size of a case at another spacing: `round(length * spacing / target)`, at least 1.

    Args:
        shape: `(H, W)` or `(D, H, W)`.
        spacing_mm: as for `resample_case`.
        target_mm: as for `resample_case`.

    Raises:
        GeometryError: a target without a spacing of the case.
    """
    target = _whole(target_mm, spacing_mm, len(shape))
    if target is None or spacing_mm is None:
        return tuple(shape)
    pairs = zip(shape, spacing_mm, target, strict=True)
    return tuple(max(1, round(length * own / other)) for length, own, other in pairs)


def axis_orders(
    spacing_mm: Sequence[float] | None,
    target_mm: Sequence[float] | None,
    axes: int,
    order: int,
) -> tuple[int, ...]:
    """The order of interpolation along each axis: `order`, or 0 along the one coarse axis."""
    for spacing in (spacing_mm, target_mm):
        if axes == 3 and spacing is not None and max(spacing) > ANISOTROPIC * min(spacing):
            coarse = np.flatnonzero(np.array(spacing) == max(spacing)).tolist()
            if len(coarse) == 1:
                return tuple(NEAREST if axis in coarse else order for axis in range(axes))
            break
    return (order,) * axes


def along(array: np.ndarray, axis: int, size: int, order: int) -> np.ndarray:
    """Interpolate along one axis.

    Args:
        array: float32, or any dtype for order 0.
        axis: which.
        size: the axis's new length.
        order: 0 nearest, 1 linear, 3 cubic spline.

    Returns:
        The same dtype, `size` long along the axis.
    """
    length = array.shape[axis]
    if length == size:
        return array
    if order > LINEAR:
        return _products(array, axis, spline_matrix(length, size, order))
    place = (np.arange(size) + 0.5) * (length / size)
    if order == NEAREST:
        return np.take(array, np.minimum(place.astype(np.int64), length - 1), axis)
    place = np.clip(place - 0.5, 0, length - 1)
    below = np.minimum(place.astype(np.int64), max(length - 2, 0))
    column = [-1 if other == axis else 1 for other in range(array.ndim)]
    share = (place - below).astype(array.dtype).reshape(column)
    found = np.take(array, below, axis)
    step = np.take(array, np.minimum(below + 1, length - 1), axis)
    step -= found
    step *= share
    found += step
    return found


@lru_cache(maxsize=64)
def spline_matrix(length: int, size: int, order: int = 3) -> np.ndarray:
    """What spline interpolation makes of `length` values, as float32 `[size, length]`.

    The edge value goes on beyond the edge. These are SciPy's own numbers: splines are linear in
    the values, so what `ndimage.zoom` makes of the unit vectors tells all.
    """
    unit = np.eye(length)
    rows = ndimage.zoom(unit, (size / length, 1), order=order, mode="nearest", grid_mode=True)
    if len(rows) != size:
        raise ConfigError(f"{length} pixels cannot become {size}")
    return np.ascontiguousarray(rows, np.float32)


def _whole(
    target_mm: Sequence[float | None] | None, spacing_mm: Sequence[float] | None, axes: int
) -> tuple[float, ...] | None:
    """A target with a number for each axis, or None where nothing is asked for."""
    if target_mm is None or not any(target_mm):
        return None
    if spacing_mm is None:
        wanted = " x ".join(f"{item:g}" for item in target_mm if item)
        raise GeometryError(
            f"a case without a known spacing cannot be brought to {wanted} mm; give files that "
            "tell their spacing, or plan without one"
        )
    if len(spacing_mm) != axes or not axes - 1 <= len(target_mm) <= axes:
        raise GeometryError(
            f"spacings of {len(spacing_mm)} and {len(target_mm)} axes do not fit a case of {axes}"
        )
    target = (None,) * (axes - len(target_mm)) + tuple(target_mm)
    pairs = zip(target, spacing_mm, strict=True)
    return tuple(float(item or own) for item, own in pairs)


def _resized(array: np.ndarray, size: Sequence[int], orders: Sequence[int]) -> np.ndarray:
    """Axes that shrink come first, so that the others have less to do."""
    ranked = sorted(range(len(size)), key=lambda axis: size[axis] / array.shape[axis])
    for axis in ranked:
        array = along(array, axis, size[axis], orders[axis])
    return array


def _products(array: np.ndarray, axis: int, matrix: np.ndarray) -> np.ndarray:
    """`matrix [size, length]` applied along one axis."""
    shape = array.shape
    before, after = int(np.prod(shape[:axis])), int(np.prod(shape[axis + 1 :]))
    array = array.reshape(before, shape[axis], after)
    found = array[..., 0] @ matrix.T if after == 1 else np.matmul(matrix, array)
    return found.reshape(*shape[:axis], len(matrix), *shape[axis + 1 :])


def _labels(mask: np.ndarray, size: Sequence[int], orders: Sequence[int]) -> np.ndarray:
    """The class of the largest interpolated membership; the higher one where two are equal."""
    if tuple(size) == mask.shape:
        return mask
    if not any(orders):
        return _resized(mask, size, orders)
    best = np.full(tuple(size), -1.0, np.float32)
    found = np.zeros(tuple(size), mask.dtype)
    for label in np.flatnonzero(np.bincount(mask.reshape(-1))).tolist():
        share = _resized((mask == label).astype(np.float32), size, orders)
        wins = share >= best
        found[wins] = label
        best[wins] = share[wins]
    return found
