"""Which frames of a clip stand for the whole of it."""

from __future__ import annotations

import numpy as np


def even_frames(count: int, sample: int) -> np.ndarray:
    """Indices of `sample` frames, evenly spaced from the first of `count` to the last.

    Returns:
        int64 `[sample]`, rising: `rint(linspace(0, count - 1, sample))`. A clip of fewer
        frames than are asked for repeats some; one frame asked for is the first.

    Example:
        >>> even_frames(10, 4).tolist()
        [0, 3, 6, 9]
        >>> even_frames(2, 4).tolist()
        [0, 0, 1, 1]
    """
    return np.rint(np.linspace(0, count - 1, sample)).astype(np.int64)
