"""Which way an image takes from its file to the graph.

A route is a tuple, `("npz", path, member)`, one of `tfmed.feed.native` or `("general",)`; rows
of equal routes are read together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tfmed.data import npz
from tfmed.feed import native, workers
from tfmed.transforms.prepare import Preprocessing, resample

Route = tuple[str, ...]
CHUNK_BYTES = 8 << 20


def route_of(row: Mapping[str, Any]) -> Route:
    """The route of one row of a data set's table."""
    if row.get("member"):
        return ("npz", str(row["path"]), str(row["member"]))
    return native.route_of(row) or ("general",)


def open_route(
    route: Route, table: pd.DataFrame, preprocessing: Preprocessing, count: int | None
) -> Iterator[np.ndarray]:
    """The images of the rows of one route, in the table's order.

    Args:
        route: of all rows of `table`.
        table: a part of a data set's table.
        preprocessing: size and channels.
        count: worker processes for what the graph cannot decode; None is one a CPU.

    Yields:
        float32 `[H, W, C]` or `[D, H, W, C]` at the plan's size, modality units.
    """
    if route[0] == "npz":
        yield from _arrays(route[1], route[2], table["frame"].to_numpy(np.int64), preprocessing)
    elif route[0] in native.DECODERS:
        yield from native.images(route, table, preprocessing)
    else:
        for pixels in workers.pixels(table.to_dict("records"), count):
            yield resample(tf.constant(pixels)[tf.newaxis], preprocessing)[0].numpy()


def _arrays(
    path: str, member: str, frames: np.ndarray, preprocessing: Preprocessing
) -> Iterator[np.ndarray]:
    """Images of one array of an .npz file, resampled some at a time."""
    images = npz.images(path, member)
    step = max(1, CHUNK_BYTES // images[0].nbytes)
    for start in range(0, len(frames), step):
        some = images[frames[start : start + step]]
        yield from resample(tf.constant(some), preprocessing).numpy()
