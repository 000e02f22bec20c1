"""The rules of nnU-Net for the size of a voxel: target spacing, median shape, low resolution."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

ANISOTROPY = 3.0
# Of the slices' spacings, where the median would blur what thin slices show.
COARSE_PERCENTILE = 10
LEAST_COVER = 0.25
COARSER = 1.03
# Half the voxels or more are no other resolution worth having.
WORTH_VOXELS = 2.0

Spacing = tuple[float, ...]
Shape = tuple[int, ...]


def target_spacing(spacings_mm: Sequence[Spacing], shapes: Sequence[Shape]) -> Spacing:
    """The spacing to which images are resampled: the median, finer along a very coarse axis.

    Where one axis' median spacing is over 3 times the next, and its median size under a third of
    the others', the tenth percentile serves along it, but no less than the next spacing.

    Args:
        spacings_mm: of each case.
        shapes: of each case, in voxels.

    Returns:
        In mm, to a micrometre.
    """
    steps, sizes = np.array(spacings_mm, float), np.median(shapes, axis=0)
    target = np.median(steps, axis=0)
    worst = int(np.argmax(target))
    others = np.delete(target, worst)
    coarse = target[worst] > ANISOTROPY * others.max()
    if len(target) > 2 and coarse and sizes[worst] * ANISOTROPY < np.delete(sizes, worst).min():
        fine = float(np.percentile(steps[:, worst], COARSE_PERCENTILE))
        target[worst] = max(fine, float(others.max()))
    return tuple(round(float(step), 6) for step in target)


def median_shape(
    shapes: Sequence[Shape], spacings_mm: Sequence[Spacing] | None, target_mm: Spacing | None
) -> Shape:
    """The cases' median size at the target spacing, in voxels; an axis with target 0 stays."""
    sizes = np.array(shapes, float)
    if spacings_mm is not None and target_mm is not None:
        target = np.array(target_mm)
        ratio = np.array(spacings_mm) / np.where(target > 0, target, 1.0)
        sizes = np.round(np.where(target > 0, sizes * ratio, sizes))
    return tuple(max(round(float(side)), 1) for side in np.median(sizes, axis=0))


def low_resolution(
    spacing_mm: Spacing, shape: Shape, patch: Callable[[Spacing, Shape], Shape]
) -> tuple[Spacing, Shape] | None:
    """A coarser spacing at which a patch holds a quarter of the median image.

    All axes grow by 3 % at a time; while one is over twice as coarse as others, these alone.

    Args:
        spacing_mm: at full resolution.
        shape: of the median image there.
        patch: the patch that is planned of a spacing and a median shape.

    Returns:
        Spacing in mm and the median image's size; None where the patch holds a quarter already,
        or the coarser image would have over half the voxels.
    """
    now, sides = np.array(spacing_mm), shape
    while math.prod(patch(tuple(now), sides)) < LEAST_COVER * math.prod(sides):
        lagging = now.max() / now > 2
        now = now * np.where(lagging | ~lagging.any(), COARSER, 1.0)
        sides = tuple(
            max(round(side * full / step), 1)
            for side, full, step in zip(shape, spacing_mm, now, strict=True)
        )
    if math.prod(shape) < WORTH_VOXELS * math.prod(sides):
        return None
    return tuple(round(float(step), 6) for step in now), sides
