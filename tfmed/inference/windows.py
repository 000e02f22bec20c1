"""Where the windows of a sliding network lie, and how much each of their voxels counts.

The weight of a voxel is a product of one Gaussian an axis, so the sum of all windows' weights is a
product too and needs no map of its own.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tfmed.errors import ConfigError

SIGMA = 1 / 8  # of the window's length


@dataclass(frozen=True, eq=False)
class WindowGrid:
    """The windows over one image.

    Attributes:
        lengths: of the image's axes, each at least the window's.
        patch: the window's lengths.
        starts: of each axis, the first voxels of its windows, ascending.
        weights: of each axis, float32 `[patch]`: what the voxels of a window count along it.
        totals: of each axis, float32 `[length]`: the sum of the weights of all its windows.
    """

    lengths: tuple[int, ...]
    patch: tuple[int, ...]
    starts: tuple[tuple[int, ...], ...]
    weights: tuple[np.ndarray, ...]
    totals: tuple[np.ndarray, ...]

    def __len__(self) -> int:
        """How many windows there are."""
        return math.prod(len(axis) for axis in self.starts)

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        """The first voxel of each window; the first axis ascends slowest."""
        return itertools.product(*self.starts)


def grid(lengths: Sequence[int], patch: Sequence[int], overlap: float = 0.5) -> WindowGrid:
    """Lay windows over an image, evenly, from edge to edge.

    Args:
        lengths: of the image's axes.
        patch: the window's lengths, none longer than the image.
        overlap: the share of a window, along each axis, that the next one covers at least.

    Raises:
        ConfigError: the overlap is not in 0..1, below 1, or a window is longer than the image.
    """
    if not 0 <= overlap < 1:
        raise ConfigError(f"overlap must be at least 0 and below 1, not {overlap}")
    pairs = list(zip(lengths, patch, strict=True))
    if any(not 0 < window <= length for length, window in pairs):
        raise ConfigError(f"a window of {tuple(patch)} does not fit an image of {tuple(lengths)}")
    starts = tuple(_starts(length, window, overlap) for length, window in pairs)
    weights = tuple(gaussian(window) for window in patch)
    totals = []
    for length, window, first, weight in zip(lengths, patch, starts, weights, strict=True):
        total = np.zeros(length)
        for start in first:
            total[start : start + window] += weight
        totals.append(total.astype(np.float32))
    return WindowGrid(tuple(lengths), tuple(patch), starts, weights, tuple(totals))


def _starts(length: int, window: int, overlap: float) -> tuple[int, ...]:
    step = max(1, math.floor(window * (1 - overlap)))
    last = length - window
    count = math.ceil(last / step) + 1
    return tuple(round(last * number / max(1, count - 1)) for number in range(count))


def gaussian(length: int) -> np.ndarray:
    """Weights along one axis of a window, float32 `[length]`, 1 in its middle.

    The standard deviation is an eighth of the length (Isensee et al., nnU-Net, 2021).
    """
    away = np.arange(length) - (length - 1) / 2
    return np.exp(-0.5 * (away / (length * SIGMA)) ** 2).astype(np.float32)
