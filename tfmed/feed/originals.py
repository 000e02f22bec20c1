"""Images at their own size, for those few places where resampled ones will not do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tfmed.data import npz
from tfmed.data.dataset import Dataset
from tfmed.feed import workers


def originals(dataset: Dataset) -> Iterator[np.ndarray]:
    """Read images one by one in this process, in order.

    Args:
        dataset: few examples; each is decoded without the help of the graph or of workers.

    Yields:
        `[H, W, C]` or `[D, H, W, C]`, modality units, in the dtype that holds them exactly.

    Raises:
        ReadError: a file cannot be read.
    """
    for row in dataset.table.to_dict("records"):
        if row["member"]:
            yield npz.images(row["path"], row["member"])[row["frame"]]
        else:
            yield from workers.pixels([row], workers=0)
