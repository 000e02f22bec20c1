"""Whole numbers shrunk to a half or a quarter by plain means, as the graph does, bit for bit.

`tfmed.transforms.resize` takes means where both axes shrink by one of `FACTORS`. Of whole numbers
such a mean is exact in float32, in whichever order it is summed; so a worker process may as well
take it, and has a quarter or less to send.
"""

from __future__ import annotations

import numpy as np

FACTORS = (2, 4)
# float32 holds whole numbers up to here.
EXACT = 2**24


def shrink(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Shrink the planes of an image or volume.

    Args:
        values: `[H, W, C]` or `[D, H, W, C]`.
        size: rows and columns that are wanted.

    Returns:
        float32 `[*size, C]` or `[D, *size, C]`; or `values` themselves where they are no whole
        numbers, too large, or would shrink by another factor.

    Example:
        >>> shrink(np.array([[[1], [2]], [[3], [5]]], np.uint8), (1, 1)).ravel()
        array([2.75], dtype=float32)
    """
    rows, columns = size
    for factor in FACTORS:
        if values.shape[-3:-1] == (factor * rows, factor * columns):
            if values.dtype.kind not in "iu" or not _small(values, EXACT // factor**2):
                return values
            by_row = values.reshape(*values.shape[:-3], rows, factor, -1)
            sums = _sum([by_row[..., part, :] for part in range(factor)])
            by_column = sums.reshape(*values.shape[:-3], rows, columns, factor, -1)
            sums = _sum([by_column[..., part, :] for part in range(factor)])
            return np.multiply(sums, np.float32(1 / factor**2), dtype=np.float32, casting="unsafe")
    return values


def _small(values: np.ndarray, limit: int) -> bool:
    return values.dtype.itemsize <= 2 or bool(values.min() > -limit and values.max() < limit)


def _sum(parts: list[np.ndarray]) -> np.ndarray:
    total = np.add(parts[0], parts[1], dtype=np.int32, casting="unsafe")
    for part in parts[2:]:
        total += part
    return total
