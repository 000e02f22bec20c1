"""Images at their own size, for those few places where resampled ones will not do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tfmed.data import archives
from tfmed.data.dataset import Dataset
from tfmed.feed import workers
from tfmed.transforms.prepare import Preprocessing

# A clip of more values is not read whole: a minute of video takes gigabytes.
WHOLE_VALUES = 1 << 24


def originals(dataset: Dataset, preprocessing: Preprocessing | None = None) -> Iterator[np.ndarray]:
    """Read images one by one in this process, in order.

    Args:
        dataset: few examples; each is decoded without the help of the graph or of workers.
        preprocessing: if given, of long clips only those frames are read that it picks.

    Yields:
        `[H, W, C]` or `[D, H, W, C]`, modality units, in the dtype that holds them exactly.

    Raises:
        ReadError: a file cannot be read.
    """
    for row in dataset.table.to_dict("records"):
        if row["member"]:
            yield archives.images(row["path"], row["member"])[row["frame"]]
        else:
            yield from workers.pixels([row], 0, preprocessing if _is_long(row) else None)


def _is_long(row: Mapping[str, Any]) -> bool:
    values = int(row["depth"]) * int(row["height"]) * int(row["width"]) * int(row["channels"])
    return bool(row["clip"]) and values > WHOLE_VALUES
