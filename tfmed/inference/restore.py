"""Probabilities at the network's spacing, brought back to the case's own voxels row by row.

`data.resampling.resample_case` does the same to a whole array, which for many classes of a large
volume is what fills the memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from tfmed.data.resampling import NEAREST, along


def restore(
    rows: Iterable[np.ndarray], length: int, size: Sequence[int], orders: Sequence[int]
) -> Iterator[np.ndarray]:
    """Interpolate probabilities to another size, holding two rows at a time.

    Args:
        rows: float32 `[W, K]` or `[H, W, K]`, in the order of the first axis.
        length: how many rows there are.
        size: of the result, `(H, W)` or `(D, H, W)`.
        orders: of each axis, 0 (nearest) or 1 (linear), as `data.resampling.axis_orders` says.

    Yields:
        float32 rows of the result, `size[0]` in all.
    """
    given = iter(rows)
    held: list[np.ndarray] = []  # the last two rows
    taken = 0
    for number in range(size[0]):
        below, share = _place(number, length, size[0], orders[0])
        while taken <= below + (share > 0):
            row = next(given)
            for axis, (wanted, order) in enumerate(zip(size[1:], orders[1:], strict=True)):
                row = along(row, axis, wanted, order)
            held = [*held[-1:], row]
            taken += 1
        lower = held[below - taken]
        yield lower if not share else lower + (held[-1] - lower) * np.float32(share)


def _place(number: int, length: int, size: int, order: int) -> tuple[int, float]:
    """The row at or below a row of the result, and the share of the next one."""
    place = (number + 0.5) * (length / size)
    if order == NEAREST:
        return min(int(place), length - 1), 0.0
    place = min(max(place - 0.5, 0.0), length - 1.0)
    below = int(place)
    return below, place - below
