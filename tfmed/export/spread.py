"""`spread`: some of many rows."""

from __future__ import annotations

import numpy as np


def spread(rows: np.ndarray, count: int) -> np.ndarray:
    """At most `count` of the rows, evenly spread.

    Args:
        rows: `[N]`.
        count: how many are wanted.
    """
    if len(rows) <= count:
        return rows
    return rows[np.linspace(0, len(rows) - 1, count).round().astype(int)]
