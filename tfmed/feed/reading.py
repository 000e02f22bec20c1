"""Every image of a data set, read and resampled, in the data set's order.

Three kinds of routes lie under it (`tfmed.feed.routes`): arrays in an .npz file, formats that
TensorFlow decodes in the graph, and all others through `tfmed.io.read` in worker processes.
Each is a lazy generator in row order, so they are interleaved without holding anything back.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tfmed.data.dataset import Dataset
from tfmed.feed.routes import open_route, route_of
from tfmed.transforms.prepare import Preprocessing


def read(
    dataset: Dataset, preprocessing: Preprocessing, workers: int | None = None
) -> Iterator[np.ndarray]:
    """Read and resample every image, in order.

    The answer is `tfmed.transforms.resample` of `tfmed.io.read`, bit for bit, by whichever
    route.

    Args:
        dataset: its table says where the images are.
        preprocessing: size and channels.
        workers: processes for what the graph cannot decode; one a CPU by default.

    Yields:
        float32 `[H, W, C]` or `[D, H, W, C]`, modality units.

    Raises:
        ReadError: a file cannot be read; the message names it.
    """
    routes = [route_of(row) for row in dataset.table.to_dict("records")]
    streams: dict[tuple[str, ...], Iterator[np.ndarray]] = {}
    try:
        for route in dict.fromkeys(routes):
            mask = np.array([other == route for other in routes])
            streams[route] = open_route(route, dataset.table[mask], preprocessing, workers)
        for route in routes:
            yield next(streams[route])
    finally:
        for stream in streams.values():
            stream.close()  # type: ignore[attr-defined]


BLOCK = 32


def blocks(
    dataset: Dataset,
    preprocessing: Preprocessing,
    workers: int | None = None,
    rows: np.ndarray | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Read and resample images some at a time, in whichever order they come.

    Args:
        dataset: audited; its table says where the images are.
        preprocessing: size and channels.
        workers: processes for what the graph cannot decode; one a CPU by default.
        rows: positions in the table of the images that are wanted; None for all.

    Yields:
        Positions int64 `[n]`, each once over all blocks, and their images float32
        `[n, *size, C]` in modality units.

    Raises:
        ReadError: a file cannot be read; the message names it.
    """
    wanted = np.arange(len(dataset)) if rows is None else np.asarray(rows, np.int64)
    images = read(dataset.with_table(dataset.table.iloc[wanted]), preprocessing, workers)
    for start in range(0, len(wanted), BLOCK):
        some = wanted[start : start + BLOCK]
        yield some, np.stack([next(images) for _ in some])
