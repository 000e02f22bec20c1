"""A network on patches over a whole image: windows that overlap, blended by Gaussian weights.

The rows of the first axis are given as soon as no later window touches them, so that memory holds
probabilities of a window's length of rows, however long the image is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from tfmed.errors import ConfigError, DataError
from tfmed.inference.ensemble import Ensemble, Network
from tfmed.inference.windows import WindowGrid, grid

# A call of the network takes windows of about so many voxels together, by default: more are no
# faster on a CPU, and fewer are up to twice as slow.
VOXELS_A_CALL = 2**17

# Told how many windows are done, and how many there are.
Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Sliding:
    """How a network slides over an image.

    Attributes:
        patch_size: of the network's input, two or three lengths.
        overlap: the share of a window, along each axis, that the next one covers at least.
        mirror_axes: axes of the patch, from 0, that are mirrored, each set of them together, and
            averaged; none without test-time augmentation.
        batch_size: windows a call of the network; None takes as many small ones as are fast.
        slice_wise: a 2D network answers the slices of a volume, each by itself.
    """

    patch_size: tuple[int, ...]
    overlap: float = 0.5
    mirror_axes: tuple[int, ...] = ()
    batch_size: int | None = None
    slice_wise: bool = False

    def __post_init__(self) -> None:
        axes = len(self.patch_size)
        if axes not in (2, 3) or min(self.patch_size) < 1:
            raise ConfigError(f"patch_size must be two or three lengths, not {self.patch_size}")
        if self.slice_wise and axes != 2:
            raise ConfigError(f"slices are answered in patches of two axes, not {axes}")
        if len(set(self.mirror_axes)) < len(self.mirror_axes) or any(
            axis not in range(axes) for axis in self.mirror_axes
        ):
            raise ConfigError(f"mirror_axes must be some of 0..{axes - 1}, not {self.mirror_axes}")
        if self.batch_size is not None and self.batch_size < 1:
            raise ConfigError(f"batch_size must be at least 1, not {self.batch_size}")

    @property
    def window(self) -> tuple[int, ...]:
        """The patch in the axes of the image."""
        return (1, *self.patch_size) if self.slice_wise else self.patch_size

    @property
    def windows_a_call(self) -> int:
        """Windows that the network is given together."""
        return self.batch_size or max(1, VOXELS_A_CALL // math.prod(self.patch_size))


def slide(
    image: np.ndarray,
    networks: Ensemble | Sequence[Network],
    patch_size: Sequence[int],
    *,
    overlap: float = 0.5,
    mirror_axes: Sequence[int] = (),
    batch_size: int | None = None,
    slice_wise: bool = False,
    told: Told | None = None,
) -> np.ndarray:
    """Probabilities of a whole image.

    An image that is smaller than the patch is padded with 0 on both sides and cut back.

    Args:
        image: `[H, W, C]` or `[D, H, W, C]`, normalised.
        networks: callables, normalised patches to probabilities, which are averaged.
        patch_size: as in `Sliding`, as are all other arguments.
        overlap: of neighbouring windows.
        mirror_axes: of test-time augmentation.
        batch_size: windows a call; the result does not depend on it.
        slice_wise: a 2D network on the slices of a volume.
        told: called with the number of windows done and the number of all.

    Returns:
        float32 `[H, W, K]` or `[D, H, W, K]`.

    Raises:
        ConfigError: a setting does not fit the others.
        DataError: the image does not have one axis more than the patch, or two slice-wise.
    """
    how = Sliding(tuple(patch_size), overlap, tuple(mirror_axes), batch_size, slice_wise)
    found = None
    for number, row in enumerate(rows(image, Ensemble.of(networks), how, told)):
        if found is None:
            found = np.empty((image.shape[0], *row.shape), np.float32)
        found[number] = row
    assert found is not None
    return found


def rows(
    image: np.ndarray, networks: Ensemble, how: Sliding, told: Told | None = None
) -> Iterator[np.ndarray]:
    """The probabilities of `slide`, one index of the first axis after the other.

    Yields:
        float32 `[W, K]` of an image, `[H, W, K]` of a volume, as many as the image has.
    """
    if image.ndim != len(how.window) + 1 or 0 in image.shape:
        raise DataError(
            f"an image of shape {image.shape} came for patches of {how.patch_size}; expected "
            f"{len(how.window)} axes and channels"
        )
    before = [max(0, w - n) // 2 for n, w in zip(image.shape, how.window, strict=False)]
    short = [max(0, w - n) for n, w in zip(image.shape, how.window, strict=False)]
    inside = tuple(slice(b, b + n) for b, n in zip(before, image.shape, strict=False))
    if any(short):
        both = [(b, s - b) for b, s in zip(before, short, strict=True)]
        image = np.pad(image, [*both, (0, 0)])
    windows = grid(image.shape[:-1], how.window, how.overlap)
    for number, row in enumerate(_blended(image, networks, how, windows, told)):
        if inside[0].start <= number < inside[0].stop:
            yield row[inside[1:]]


def _blended(
    image: np.ndarray, networks: Ensemble, how: Sliding, windows: WindowGrid, told: Told | None
) -> Iterator[np.ndarray]:
    """All rows of the padded image."""
    # Row r of the image is added up in place r % patch: rows that are done make room.
    ring: np.ndarray | None = None
    weight = _product(windows.weights)[..., np.newaxis]
    # Along the first axis rows are divided one by one.
    across = _product(windows.totals[1:])[..., np.newaxis]
    done = 0

    def finished(until: int) -> Iterator[np.ndarray]:
        nonlocal done
        assert ring is not None
        for row in range(done, until):
            place = ring[row % len(ring)]
            yield place / (across * windows.totals[0][row])
            place[...] = 0
        done = until

    for start, found in _answered(image, networks, how, windows, told):
        if ring is None:
            ring = np.zeros((windows.patch[0], *image.shape[1:-1], found.shape[-1]), np.float32)
        yield from finished(start[0])
        _add(ring, start, found * weight)
    yield from finished(windows.lengths[0])


def _answered(
    image: np.ndarray, networks: Ensemble, how: Sliding, windows: WindowGrid, told: Told | None
) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
    """Each window's first voxel and its probabilities, in the shape of the image's axes."""
    starts = list(windows)
    for first in range(0, len(starts), how.windows_a_call):
        some = starts[first : first + how.windows_a_call]
        patches = np.stack([image[_box(start, windows.patch)] for start in some])
        patches = patches.astype(np.float32, copy=False)
        answers = networks(patches[:, 0] if how.slice_wise else patches, how.mirror_axes)
        for start, found in zip(some, answers, strict=True):
            yield start, found[np.newaxis] if how.slice_wise else found
        if told is not None:
            told(first + len(some), len(starts))


def _add(ring: np.ndarray, start: tuple[int, ...], found: np.ndarray) -> None:
    """Add a window at its place in the ring, which it may pass the end of."""
    rest = _box(start[1:], found.shape[1:-1])
    turn = start[0] % len(ring)
    ring[(slice(turn, None), *rest)] += found[: len(ring) - turn]
    if turn:
        ring[(slice(0, turn), *rest)] += found[len(ring) - turn :]


def _box(start: Sequence[int], lengths: Sequence[int]) -> tuple[slice, ...]:
    return tuple(slice(at, at + length) for at, length in zip(start, lengths, strict=True))


def _product(axes: Sequence[np.ndarray]) -> np.ndarray:
    return reduce(np.multiply.outer, axes)
