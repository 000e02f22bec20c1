"""Numbers of a file as numbers of an `Image`: native byte order, at most 32 bits, finite."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tfmed.errors import ReadError

NOT_FINITE = "it holds values that are not finite"


def plain_values(path: str | Path, values: np.ndarray) -> np.ndarray:
    """Values in native byte order and in a type that an `Image` holds.

    Booleans become 0 and 255, as 1-bit images do; integers of 64 bits become int32 where they
    fit, else float32; reals become float32.

    Args:
        path: the file, for the error.
        values: booleans, integers or reals.

    Raises:
        ReadError: a value is not finite, or no float32.
    """
    if values.dtype == bool:
        return values.astype(np.uint8) * np.uint8(255)
    if values.dtype.kind in "iu":
        if values.dtype.itemsize < 8:
            return values.astype(values.dtype.newbyteorder("="), copy=False)
        reach = np.iinfo(np.int32)
        fits = values.size == 0 or (values.min() >= reach.min and values.max() <= reach.max)
        return values.astype(np.int32 if fits else np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        values = values.astype(np.float32, copy=False)
    if not np.isfinite(values).all():
        raise ReadError(path, NOT_FINITE)
    return values
