"""The rules of nnU-Net for a U-Net's shape: patch, depth, strides, kernels and batch.

Isensee et al., Nature Methods 2021 (nnU-Net), as version 2 plans them. All axes are an image's or
a slice's own: nothing is transposed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tfmed.errors import ConfigError
from tfmed.planning.machine import REFERENCE_GB

Row = tuple[int, ...]

FIRST_FEATURES = 32
MOST_FEATURES = {2: 512, 3: 320}
CONVOLUTIONS = 2  # a stage, on either side
# Sides of the patch from which shrinking starts, were all voxels cubes.
LARGEST_SIDE = {2: 2048, 3: 256}
LEAST_SIDE = 4  # of the deepest stage
# Feature map voxels, all layers together, that fill REFERENCE_GB with this batch.
REFERENCE_VOXELS = {2: 85e6, 3: 560e6}
REFERENCE_BATCH = {2: 12, 3: 2}
LEAST_BATCH = 2
DATASET_SHARE = 0.05


@dataclass(frozen=True)
class Stages:
    """The stages of a U-Net over a patch.

    Attributes:
        patch_size: voxels; a multiple of all strides together.
        strides, kernels: a row a stage, from full resolution down.
    """

    patch_size: Row
    strides: tuple[Row, ...]
    kernels: tuple[Row, ...]

    @property
    def sizes(self) -> tuple[Row, ...]:
        """Voxels along each axis at each stage."""
        found = [self.patch_size]
        for strides in self.strides[1:]:
            found.append(tuple(side // step for side, step in zip(found[-1], strides, strict=True)))
        return tuple(found)

    @property
    def divisors(self) -> Row:
        """All strides along each axis, multiplied."""
        return tuple(math.prod(column) for column in zip(*self.strides, strict=True))

    def features(self, first: int = FIRST_FEATURES) -> Row:
        """Feature maps of each stage: twice as many from one to the next, up to the most."""
        most = MOST_FEATURES[len(self.patch_size)] * first // FIRST_FEATURES
        return tuple(min(first * 2**stage, most) for stage in range(len(self.strides)))


def stages(spacing: Sequence[float], patch_size: Sequence[int]) -> Stages:
    """The stages that a patch allows, and the patch padded so that they divide it.

    An axis is halved while it has 8 voxels or more, and its spacing is less than twice that of
    the finest axis that can be halved; one axis alone, while it has 12. Its kernel is 1 until its
    spacing is less than twice the finest, then 3.

    Args:
        spacing: of a voxel along each axis; only ratios count.
        patch_size: as many voxels.
    """
    axes = range(len(patch_size))
    size, now = [int(side) for side in patch_size], [float(step) for step in spacing]
    kernel = [1] * len(size)
    strides, kernels = [(1,) * len(size)], []
    while True:
        able = [axis for axis in axes if size[axis] >= 2 * LEAST_SIDE]
        finest = min((now[axis] for axis in able), default=math.inf)
        able = [axis for axis in able if now[axis] / finest < 2]
        if not able or (len(able) == 1 and size[able[0]] < 3 * LEAST_SIDE):
            break
        kernel = [3 if now[axis] / min(now) < 2 else kernel[axis] for axis in axes]
        kernels.append(tuple(kernel))
        strides.append(tuple(2 if axis in able else 1 for axis in axes))
        for axis in able:
            now[axis] *= 2
            size[axis] = -(-size[axis] // 2)
    kernels.append((3,) * len(size))
    divisors = [math.prod(column) for column in zip(*strides, strict=True)]
    padded = tuple(
        -(-int(side) // factor) * factor for side, factor in zip(patch_size, divisors, strict=True)
    )
    return Stages(padded, tuple(strides), tuple(kernels))


def feature_voxels(shape: Stages, features: Row, classes: int) -> int:
    """Voxels of all that convolutions, transposed convolutions and heads give for one patch.

    nnU-Net's measure of the memory that training takes.
    """
    voxels = [math.prod(size) for size in shape.sizes]
    down = sum(CONVOLUTIONS * maps * count for maps, count in zip(features, voxels, strict=True))
    up = sum(
        ((CONVOLUTIONS + 1) * maps + classes) * count
        for maps, count in zip(features[:-1], voxels[:-1], strict=True)
    )
    return down + up


def multiplications(shape: Stages, features: Row, channels: int, classes: int) -> int:
    """Multiplications of all convolutions of the plain U-Net for one patch, forward alone."""
    voxels = [math.prod(size) for size in shape.sizes]
    kernels = [math.prod(kernel) for kernel in shape.kernels]
    total, before = 0, channels
    for maps, count, kernel in zip(features, voxels, kernels, strict=True):
        total += count * kernel * (before * maps + (CONVOLUTIONS - 1) * maps * maps)
        before = maps
    for stage in range(len(features) - 1):
        maps, count = features[stage], voxels[stage]
        total += count * features[stage + 1] * maps  # transposed: kernel and stride are equal
        total += count * kernels[stage] * (CONVOLUTIONS + 1) * maps * maps
        total += count * maps * classes
    return total


def starting_patch(spacing: Sequence[float], median_shape: Sequence[int]) -> Row:
    """As many mm along each axis, in a volume of 256^3 voxels (2D: 2048^2), within the median."""
    rank = len(median_shape)
    middle = math.prod(spacing) ** (1 / rank)
    return tuple(
        min(round(LARGEST_SIDE[rank] * middle / step), int(side))
        for step, side in zip(spacing, median_shape, strict=True)
    )


def fitted(
    spacing: Sequence[float],
    median_shape: Sequence[int],
    *,
    classes: int,
    memory_gb: float = REFERENCE_GB,
) -> Stages:
    """The largest patch whose network fits the memory at the reference batch, and its stages.

    Args:
        spacing: of a voxel along each axis, 1 where none is known.
        median_shape: of the training images at that spacing.
        classes: with the background.
        memory_gb: for training.

    Raises:
        ConfigError: not even the smallest patch fits.
    """
    shape = stages(spacing, starting_patch(spacing, median_shape))
    limit = reference(len(median_shape), memory_gb)
    while (needed := feature_voxels(shape, shape.features(), classes)) > limit:
        smaller = shrunk(shape, spacing, median_shape)
        if smaller is None:
            gb = memory_gb * needed / limit
            raise ConfigError(
                f"--memory-gb: {memory_gb:g} GB are too few; the smallest patch needs {gb:.2g} GB"
            )
        shape = smaller
    return shape


def shrunk(shape: Stages, spacing: Sequence[float], median_shape: Sequence[int]) -> Stages | None:
    """The patch made one step smaller along the axis that covers most of the images.

    Returns:
        Stages of the smaller patch; None where each axis is at its least.
    """
    able = [
        axis
        for axis, side in enumerate(shape.patch_size)
        if side > shape.divisors[axis] and side > LEAST_SIDE
    ]
    if not able:
        return None
    axis = max(able, key=lambda one: (shape.patch_size[one] / median_shape[one], one))
    # What divides the smaller patch may be less than what divides this one.
    trial = list(shape.patch_size)
    trial[axis] -= shape.divisors[axis]
    smaller = list(shape.patch_size)
    smaller[axis] -= stages(spacing, trial).divisors[axis]
    return stages(spacing, smaller)


def reference(rank: int, memory_gb: float) -> float:
    """Feature map voxels that fill the memory at the reference batch."""
    return REFERENCE_VOXELS[rank] * memory_gb / REFERENCE_GB


def batch(shape: Stages, *, classes: int, memory_gb: float, dataset_voxels: float) -> int:
    """Patches a step: what the memory holds, at most 5 % of the training voxels, at least 2."""
    rank = len(shape.patch_size)
    needed = feature_voxels(shape, shape.features(), classes)
    by_memory = round(reference(rank, memory_gb) / needed * REFERENCE_BATCH[rank])
    by_data = round(DATASET_SHARE * dataset_voxels / math.prod(shape.patch_size))
    return max(min(by_memory, by_data), LEAST_BATCH)
