"""Every image of a data set, read and resampled: in blocks, in order, or one by one.

Three kinds of routes lie under it (`tfmed.feed.routes`): arrays in an .npz file, formats that
TensorFlow decodes in the graph, and all others through `tfmed.io.read` in worker processes.
The answer is `tfmed.transforms.resample` of `tfmed.io.read`, bit for bit, by whichever route.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from typing import Any

import numpy as np

from tfmed.data.dataset import Dataset
from tfmed.feed.finish import Prepare
from tfmed.feed.routes import Block, block_length, images, routes
from tfmed.transforms.prepare import Preprocessing, resample


def blocks(
    dataset: Dataset,
    preprocessing: Preprocessing,
    workers: int | None = None,
    rows: np.ndarray | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Read and resample images some at a time, in whichever order is quickest.

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
    table = dataset.table if rows is None else dataset.table.iloc[rows]
    for route in routes(table):
        with closing(images(route, table, preprocessing, workers)) as found:
            for positions, block in found:
                wanted = positions if rows is None else np.asarray(rows, np.int64)[positions]
                yield wanted, np.asarray(block)


def batches(
    dataset: Dataset,
    preprocessing: Preprocessing,
    length: int,
    workers: int | None = None,
    prepare: Prepare = resample,
) -> Generator[Any]:
    """Read and resample all images in order, some at a time.

    Args:
        dataset: audited; its table says where the images are.
        preprocessing: size and channels.
        length: images at a time; the last are fewer.
        workers: processes for what the graph cannot decode; one a CPU by default.
        prepare: what is done with decoded images and `preprocessing`.

    Yields:
        float32 `[length, *size, C]`, as `prepare` makes them; an array, or a tensor, which
        `np.asarray` does not copy.

    Raises:
        ReadError: a file cannot be read; the message names it.
    """
    table = dataset.table
    with ExitStack() as stack:
        streams = []
        for route in routes(table):
            found = images(route, table, preprocessing, workers, prepare=prepare, length=length)
            streams.append(_Stream(stack.enter_context(closing(found)), route.positions))
        for start in range(0, len(table), length):
            end = min(start + length, len(table))
            whole = streams[0].exactly(end - start) if len(streams) == 1 else None
            if whole is None:
                whole = np.empty((end - start, *preprocessing.input_shape), np.float32)
                for stream in streams:
                    stream.fill(whole, start)
            yield whole


def read(
    dataset: Dataset, preprocessing: Preprocessing, workers: int | None = None
) -> Iterator[np.ndarray]:
    """Read and resample every image, one by one, in order; see `batches`.

    Yields:
        float32 `[H, W, C]` or `[D, H, W, C]`, modality units.
    """
    length = block_length(preprocessing)
    with closing(batches(dataset, preprocessing, length, workers)) as found:
        for batch in found:
            yield from np.asarray(batch)


class _Stream:
    """The blocks of one route, taken by the rows that are due."""

    def __init__(self, found: Iterator[Block], positions: np.ndarray) -> None:
        self._found = found
        self._positions = positions
        self._done = 0
        self._block: Block = positions[:0], np.empty(0)

    def exactly(self, count: int) -> Any:
        """The next images where the next block is just that many, else None."""
        if not len(self._block[0]):
            self._block = next(self._found)
        positions, block = self._block
        if len(positions) != count:
            return None
        self._done += count
        self._block = positions[:0], None
        return block

    def fill(self, held: np.ndarray, start: int) -> None:
        """Put this route's images of the rows from `start` on, as many as `held` has, there."""
        upto = int(np.searchsorted(self._positions, start + len(held)))
        while self._done < upto:
            positions, block = self._block
            if not len(positions):
                self._block = next(self._found)
                continue
            some = slice(0, min(len(positions), upto - self._done))
            held[positions[some] - start] = np.asarray(block)[some]
            self._done += some.stop
            self._block = positions[some.stop :], np.asarray(block)[some.stop :]
